/* Up to five cities side by side. */
"use strict";

SSC.pages.compare = {
  title: "Compare",
  async show(main, { parts, query }) {
    const { h } = SSC;
    const MOST = 5;
    const edition = Number(query.get("edition")) || SSC.latest;
    const chosen = (parts[0] || "").split(",").filter((id) => SSC.cityById[id]).slice(0, MOST).map((id) => SSC.cityById[id]);
    const go = (cities, year = edition) => { location.hash = SSC.href("compare", cities.map((city) => city.id).join(","), { edition: year === SSC.latest ? "" : year }); };
    const byName = new Map(SSC.cities.map((city) => [`${city.name}, ${city.country}`, city]));
    const input = h("input", { type: "text", list: "all-cities", placeholder: chosen.length < MOST ? "Type a city" : "Five are the most", disabled: chosen.length >= MOST, onchange: (event) => { const city = byName.get(event.target.value); if (city && !chosen.includes(city)) go([...chosen, city]); } });
    main.append(
      h("h1", {}, "Compare cities"), h("p", { class: "lead" }, "Choose up to five. The address of this page keeps your choice."),
      h("div", { class: "controls" }, h("label", { class: "grow" }, "Add a city", input), h("datalist", { id: "all-cities" }, [...byName.keys()].map((name) => h("option", { value: name }))), SSC.editionSelect(edition, (value) => go(chosen, Number(value)))),
      h("ul", { class: "chips" }, chosen.map((city) => h("li", { class: "chip" }, SSC.link(city, edition), h("button", { type: "button", "aria-label": `Remove ${city.name}`, onclick: () => go(chosen.filter((one) => one !== city)) }, "×")))));
    if (!chosen.length) {
      const top = Object.values(SSC.index[edition]).filter((row) => row.rank).sort((a, b) => a.rank - b.rank).slice(0, 3).map((row) => row.city);
      if (top.length) main.append(h("p", {}, h("button", { type: "button", onclick: () => go(top) }, top.length === 1 ? "Show the first of the ranking" : `Show the first ${top.length} of the ranking`)));
      return;
    }
    const [data, ...files] = await Promise.all([SSC.load(`edition-${edition}`), ...chosen.map((city) => SSC.load(`city/${city.id}`))]);
    const names = chosen.map((city) => city.name);
    const own = files.map((file) => file.editions[edition]);
    const rows = SSC.core.nodes.filter((node) => data.nodes.includes(node.node)).map((node) => ({ name: node.name, strong: node.level !== "sub_dimension", values: own.map((one) => one?.nodes[node.node]?.[0] ?? null) }));
    const told = rows.slice(0, 4).map((row) => `${row.name}: ${row.values.map((value, place) => `${names[place]} ${SSC.score(value)}`).join(", ")}`).join(". ");
    const head = (city, place) => ({ name: city.name, num: true, cell: (row) => row.cells[place] });
    const index = chosen.map((city) => SSC.index[edition][city.place]);
    const facts = [
      ["Rank", index.map((row) => (row?.rank ? String(row.rank) : "not ranked"))],
      ...(SSC.index[edition].among ? [
        [`90 % rank interval among the ${SSC.index[edition].among} with open values`, index.map((row) => (row?.rank && row.sure ? `${row.sure.low} to ${row.sure.high}` : "–"))],
        ["Tier", index.map((row) => (row?.rank && row.sure?.tier ? String(row.sure.tier) : "–"))],
      ] : []),
      ["Index", index.map((row) => SSC.score(row?.score))],
      ["Coverage", index.map((row) => SSC.percent(row?.coverage))],
      ["U4SSC benchmark", own.map((one) => { const total = one?.cuts["total|index"]; return total ? `${SSC.score(total[0])} %` : "–"; })],
      ["Region", chosen.map((city) => city.region)],
      ["Income group", chosen.map((city) => city.income_group)],
      ["Inhabitants", chosen.map((city) => (SSC.known(city.population) ? SSC.amount(city.population) : city.size_class))],
    ].map(([name, cells]) => ({ name, cells }));
    const points = files.map((file) => SSC.pointRows(file, edition));
    const parted = SSC.level("sub_dimension").map((node) => {
      const places = SSC.points.map((point, place) => [point, place]).filter(([point]) => SSC.subOf(point) === node.node);
      const lines = places.map(([point, place]) => ({ point, cells: points.map((one) => { const cell = one[place]; return cell.reported ? [SSC.withUnit(cell.value, point.unit), cell.value_year < edition ? h("span", { class: "place" }, `of ${cell.value_year}`) : null] : h("span", { class: "muted" }, "–"); }) }));
      return h("details", {}, h("summary", {}, node.name), SSC.table({ label: `Values, ${node.name}`, most: 200, columns: [{ name: "Data point", head: true, cell: (row) => h("a", { href: SSC.href("kpi", row.point.kpi_code) }, row.point.name) }, ...chosen.map(head)], rows: lines }));
    });
    const series = chosen.map((city, place) => ({ name: city.name, values: SSC.editions.map((year) => files[place].editions[year]?.nodes.index?.[0] ?? null) }));
    main.append(
      SSC.card("", "", SSC.table({ label: "Side by side", columns: [{ name: "", head: true, cell: (row) => row.name }, ...chosen.map(head)], rows: facts })),
      h("div", { class: "grid" },
        SSC.card("Scores", "c6", SSC.fig.key(names), SSC.fig.figure(SSC.fig.dots(rows, names, `Scores of ${names.join(", ")}, ${edition}`, told), "compare", "A city without a mark has no score there, or it is not public.")),
        SSC.card("Index over the editions", "c6", SSC.fig.figure(SSC.fig.progress(series, SSC.editions, `Index of ${names.join(", ")}`, series.map((one) => `${one.name}: ${one.values.map((value) => SSC.score(value)).join(", ")}`).join(". "), 330), "compare-progress", "Index scores of each edition."))),
      SSC.card("Values", "", h("p", { class: "muted" }, "A dash: not reported, or not public."), parted));
  },
};
