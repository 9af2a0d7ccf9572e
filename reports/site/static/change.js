/* From one edition to another: who moved, by how much, and what moved with it. */
"use strict";

SSC.pages.change = {
  title: "Change",
  async show(main, { query }) {
    const { h } = SSC;
    if (SSC.editions.length < 2) { main.append(h("h1", {}, "Change between editions"), h("p", {}, "There is one edition only.")); return; }
    const to = Number(query.get("to")) || SSC.latest;
    const from = Number(query.get("from")) || SSC.before(to) || SSC.editions[0];
    const [before, after] = await Promise.all([SSC.load(`edition-${from}`), SSC.load(`edition-${to}`)]);
    const dimensions = SSC.level("dimension");
    const score = (data, place, node) => { const value = data.cities[place]?.s[data.nodes.indexOf(node)]; return SSC.known(value) ? value : null; };
    const rows = Object.values(SSC.index[to]).filter((row) => row.rank && SSC.index[from][row.city.place]?.rank).map((row) => {
      const was = SSC.index[from][row.city.place];
      return { city: row.city, row, was, ranks: was.rank - row.rank, change: row.score - was.score, parts: dimensions.map((node) => { const [a, b] = [score(before, row.city.place, node.node), score(after, row.city.place, node.node)]; return a === null || b === null ? null : b - a; }) };
    });
    const entered = Object.values(SSC.index[to]).filter((row) => row.rank && !SSC.index[from][row.city.place]?.rank).map((row) => row.city);
    const left = Object.values(SSC.index[from]).filter((row) => row.rank && !SSC.index[to][row.city.place]?.rank).map((row) => row.city);
    const colour = (value, digits = 1) => h("span", { class: !SSC.known(value) || Math.abs(value) < 0.5 * 10 ** -digits ? "muted" : value > 0 ? "up" : "down" }, SSC.signed(value, digits));
    const movers = rows.slice().sort((a, b) => Math.abs(b.ranks) - Math.abs(a.ranks) || a.row.rank - b.row.rank).slice(0, 25);
    const lines = movers.map((one) => ({ name: one.city.name, before: one.was.rank, after: one.row.rank }));
    const told = `${SSC.count(rows.filter((one) => one.ranks > 0).length, "city", "cities")} rose, ${rows.filter((one) => one.ranks < 0).length} fell, ${rows.filter((one) => one.ranks === 0).length} kept their rank.`;
    /* Causes are known of an edition and the one before it. */
    const causes = after.changes && after.changes.before === from ? after.changes : null;
    const part = (one, what, cause) => causes.cities[one.city.place]?.[what][cause] ?? null;
    const moved = causes ? causes.causes.map((name, cause) => ({ name, cause })).filter(({ cause }) => rows.some((one) => part(one, 0, cause) || part(one, 1, cause))) : [];
    const divided = moved.length ? rows.filter((one) => causes.cities[one.city.place]) : [];
    const causeTable = (what, digits, words) => SSC.table({ label: `${words} by cause`, sort: "all", rows: divided, most: 25, columns: [
      { key: "city", name: "City", head: true, value: (one) => one.city.name, cell: (one) => SSC.link(one.city, to) },
      { key: "all", name: words, num: true, value: (one) => -Math.abs(what ? one.ranks : one.change), cell: (one) => colour(what ? one.ranks : one.change, digits) },
      ...moved.map(({ name, cause }) => ({ key: `cause-${cause}`, name, num: true, value: (one) => part(one, what, cause), down: true, cell: (one) => colour(part(one, what, cause), digits) })),
    ] });
    const causesCard = () => {
      const box = h("div", {}, causeTable(1, 1, "Places"));
      const lines = () => [["city_id", "city", ...moved.map(({ name }) => `points: ${name}`), ...moved.map(({ name }) => `places: ${name}`)], ...divided.map((one) => [one.city.id, one.city.name, ...moved.map(({ cause }) => part(one, 0, cause)), ...moved.map(({ cause }) => part(one, 1, cause))])];
      return SSC.card("Why they moved", "", h("p", { class: "muted" }, `Every change is divided without a remainder: a cause's part is what its change adds, on average over all orders in which the changes could have come. Parts are told of the ${divided.length} cities that show their values in both editions.`),
        h("div", { class: "controls" }, SSC.select("Shown in", [["1", "places"], ["0", "points of the index"]], "1", (what) => box.replaceChildren(causeTable(Number(what), what === "1" ? 1 : 2, what === "1" ? "Places" : "Points")))), box,
        h("div", { class: "buttons" }, SSC.saveCsv(`causes-${from}-${to}.csv`, lines)));
    };
    const go = (a, b) => { location.hash = SSC.href("change", null, { from: a, to: b }); };
    main.append(
      h("h1", {}, `Change from ${from} to ${to}`),
      h("p", { class: "lead" }, `${told} ${SSC.count(rows.length, "city is", "cities are")} ranked in both editions. A rank also moves when others enter, leave or change.`),
      h("div", { class: "controls" }, SSC.editionSelect(from, (value) => go(value, to), "From"), SSC.editionSelect(to, (value) => go(from, value), "To")),
      rows.length ? SSC.card("", "", SSC.table({ caption: "Largest movers first", label: "Change of each city", sort: "moved", rows, columns: [
        { key: "city", name: "City", head: true, value: (one) => one.city.name, cell: (one) => [SSC.link(one.city, to), h("span", { class: "place" }, one.city.country)] },
        { key: "rank", name: "Rank", num: true, value: (one) => one.row.rank, cell: (one) => h("span", { class: "nowrap" }, `${one.was.rank} → ${one.row.rank}`) },
        { key: "moved", name: "Moved", num: true, value: (one) => -Math.abs(one.ranks), cell: (one) => SSC.arrow(one.ranks) },
        { key: "change", name: "Index", num: true, value: (one) => one.change, down: true, cell: (one) => colour(one.change) },
        ...dimensions.map((node, place) => ({ key: node.node, name: node.name, num: true, class: "narrow-hide", value: (one) => one.parts[place], down: true, cell: (one) => colour(one.parts[place]) })),
      ] }), h("div", { class: "buttons" }, SSC.saveCsv(`change-${from}-${to}.csv`, () => [["city_id", "city", `rank_${from}`, `rank_${to}`, `score_${from}`, `score_${to}`, ...dimensions.map((node) => `change_${node.node}`)], ...rows.map((one) => [one.city.id, one.city.name, one.was.rank, one.row.rank, one.was.score, one.row.score, ...one.parts])]))) : h("p", {}, "No city is ranked in both."),
      divided.length ? causesCard() : null,
      lines.length ? SSC.card(`The ${lines.length} largest movements`, "", SSC.fig.figure(SSC.fig.slope(lines, [String(from), String(to)], `Ranks in ${from} and ${to}`, lines.map((one) => `${one.name} ${one.before} to ${one.after}`).join(", ")), `slope-${from}-${to}`, "Blue rises, orange falls.")) : null,
      h("div", { class: "grid" }, SSC.card(`Newly ranked in ${to} (${entered.length})`, "c6", h("ul", { class: "chips" }, entered.map((city) => h("li", {}, SSC.link(city, to))))), SSC.card(`No longer ranked (${left.length})`, "c6", h("ul", { class: "chips" }, left.map((city) => h("li", {}, SSC.link(city, to)))))));
  },
};
