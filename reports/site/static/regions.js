/* Cities by region, income group or size: a tile a city, coloured by what one likes; no map, for cities have no area there. */
"use strict";

SSC.pages.regions = {
  title: "Regions",
  async show(main, { query }) {
    const { h } = SSC;
    const edition = Number(query.get("edition")) || SSC.latest;
    const about = SSC.byEdition[edition];
    if (!about) throw new Error(`There is no edition ${edition}.`);
    const data = await SSC.load(`edition-${edition}`);
    const previous = SSC.before(edition);
    const GROUPS = { region: "region", income_group: "income group", size_class: "number of inhabitants" };
    const state = { by: query.get("by") in GROUPS ? query.get("by") : "region", colour: query.get("colour") || "index" };
    const ranked = Object.values(SSC.index[edition]).filter((row) => row.rank).sort((a, b) => a.rank - b.rank || a.city.place - b.city.place);
    const column = Object.fromEntries(data.nodes.map((node, place) => [node, place]));
    const scoreOf = (row, node) => { const score = data.cities[row.city.place]?.s[column[node]]; return SSC.known(score) ? score : null; };
    const STEPS = [[80, "80 and more", 1], [70, "70 to 80", 0.8], [60, "60 to 70", 0.5], [50, "50 to 60", 0.28], [-Infinity, "below 50", 0.1]];
    const tiers = [...new Set(ranked.map((row) => row.sure?.tier).filter(SSC.known))].sort((a, b) => a - b);
    const byScore = (score) => { if (score === null) return null; const at = STEPS.findIndex(([least]) => score >= least); return { words: STEPS[at][1], depth: STEPS[at][2], order: at }; };
    const moved = (row) => { const was = previous && SSC.index[previous][row.city.place]?.rank; return was ? was - row.rank : null; };
    const COLOURS = {
      index: ["index score", (row) => byScore(row.score)],
      ...Object.fromEntries(SSC.level("dimension").map((node) => [node.node, [`score of ${node.name}`, (row) => byScore(scoreOf(row, node.node))]])),
      ...(tiers.length ? { tier: ["tier", (row) => (SSC.known(row.sure?.tier) ? { words: `tier ${row.sure.tier}`, depth: 1 - 0.9 * tiers.indexOf(row.sure.tier) / Math.max(1, tiers.length - 1), order: row.sure.tier } : null)] } : {}),
      ...(previous ? { change: [`places since ${previous}`, (row) => { const change = moved(row); if (change === null) return null; return change > 0 ? { words: "rose", depth: 0.7, order: 0 } : change < 0 ? { words: "fell", depth: 0.7, falls: true, order: 2 } : { words: "kept its rank", depth: 0.08, order: 1 }; }] } : {}),
    };
    if (!(state.colour in COLOURS)) state.colour = "index";

    /* Mixed with white, so that ink or paper can be read on it in either theme. */
    const mix = ([r, g, b], depth) => [r, g, b].map((part) => Math.round(255 + (part - 255) * depth));
    const paint = (node, look) => {
      const rgb = look ? mix(look.falls ? [184, 80, 11] : [18, 76, 138], look.depth) : [195, 202, 208];
      const light = rgb.map((part) => { const c = part / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
      node.style.background = `rgb(${rgb.join(",")})`;
      /* Paper or ink, whichever has 4.5 to 1; between the two only black has. */
      const luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
      node.style.color = luminance <= 0.183 ? "#ffffff" : luminance < 0.24 ? "#000000" : "#17212b";
      return node;
    };
    /* A tile is made once; other colours and groups only paint and move it. */
    const made = new Map(ranked.map((row) => [row, h("a", { class: "tile", href: SSC.href("city", row.city.id, edition === SSC.latest ? {} : { edition }) }, h("b", {}, String(row.rank)), h("span", {}, row.city.name))]));
    const tile = (row) => {
      const look = COLOURS[state.colour][1](row);
      const node = made.get(row);
      node.title = `${row.city.name}, ${row.city.country}: rank ${row.rank}, index ${SSC.score(row.score)}${look ? `, ${look.words}` : ""}`;
      paint(node, look);
    };
    const box = h("div", {});
    const legend = h("ul", { class: "legend", "aria-label": "Colours" });
    const address = () => SSC.href("regions", null, { edition: edition === SSC.latest ? "" : edition, by: state.by === "region" ? "" : state.by, colour: state.colour === "index" ? "" : state.colour });
    const draw = () => {
      const looks = new Map();
      let unknown = false;
      for (const row of ranked) { const look = COLOURS[state.colour][1](row); if (look) looks.set(look.words, look); else unknown = true; }
      const swatch = (words, look) => h("li", {}, paint(h("i", { class: "swatch", "aria-hidden": "true" }), look), " ", words);
      legend.replaceChildren(...[...looks.values()].sort((a, b) => a.order - b.order).map((look) => swatch(look.words, look)), ...(unknown ? [swatch("not public, or not in both", null)] : []));
      ranked.forEach(tile);
      SSC.note(address());
    };
    const group = () => {
      const groups = SSC.core.groups[state.by].map((name) => ({ name, rows: ranked.filter((row) => row.city[state.by] === name), peers: data.peers[`${state.by}|${name}`]?.["score:index"] })).filter((one) => one.rows.length);
      box.replaceChildren(...groups.map(({ name, rows, peers }) => h("section", { class: "card" }, h("h2", {}, name, " ", h("span", { class: "muted small" }, `${SSC.count(rows.length, "city", "cities")}${peers ? `, median ${SSC.score(peers[2])}` : ""}`)), h("div", { class: "tiles" }, rows.map((row) => made.get(row))))));
    };
    group();
    draw();
    const heading = h("h1", {}, `Cities by ${GROUPS[state.by]}, ${edition}`);
    main.append(
      heading,
      h("p", { class: "lead" }, `${ranked.length === 1 ? "The tile is the one ranked city" : `A tile is one of ${ranked.length} ranked cities`}, with its rank among all of them, the best first in each group.`),
      h("div", { class: "controls" },
        SSC.editionSelect(edition, (value) => { location.hash = SSC.href("regions", null, { edition: value, by: state.by, colour: state.colour }); }),
        SSC.select("Grouped by", Object.entries(GROUPS), state.by, (value) => { state.by = value; heading.textContent = `Cities by ${GROUPS[value]}, ${edition}`; group(); SSC.note(address()); }),
        SSC.select("Coloured by", Object.entries(COLOURS).map(([key, [words]]) => [key, words]), state.colour, (value) => { state.colour = value; draw(); })),
      legend, ranked.length ? box : h("p", {}, `No city is ranked in ${edition}.`));
  },
};
