/* KPIs: what is measured, how, by whom it was set; how the cities are spread; who does best. */
"use strict";

(() => {
  const { h } = SSC;

  const list = (main) => {
    const box = h("div", {});
    const search = h("input", { type: "search", placeholder: "Name, code or word of the definition", oninput: () => draw(search.value) });
    const draw = (words) => {
      const wanted = words.toLocaleLowerCase();
      box.replaceChildren(...SSC.level("sub_dimension").map((sub) => {
        const kpis = SSC.level("kpi").filter((kpi) => SSC.subOf(kpi) === sub.node && `${kpi.name} ${kpi.node} ${kpi.definition}`.toLocaleLowerCase().includes(wanted));
        return kpis.length ? SSC.card(`${SSC.nodes[sub.parent].name}: ${sub.name}`, "", h("ul", { class: "plain" }, kpis.map((kpi) => h("li", {}, h("a", { href: SSC.href("kpi", kpi.node) }, kpi.name), " ", h("span", { class: "muted small" }, `${kpi.category} · ${kpi.kpi_level}`))))) : null;
      }).filter(Boolean));
    };
    draw("");
    main.append(h("h1", {}, "Key performance indicators"), h("p", { class: "lead" }, `The ${SSC.level("kpi").length} KPIs of U4SSC (ITU-T Y.4903), reported as ${SSC.points.length} data points.`), h("div", { class: "controls" }, h("label", { class: "grow" }, "Search", search)), box);
  };

  const formula = (point) => {
    if (!point.numerator) return "reported as it is";
    const by = point.denominator ? [" ÷ ", h("b", {}, point.denominator)] : [];
    return [h("b", {}, point.numerator), by, point.multiplier !== 1 ? ` × ${point.multiplier.toLocaleString("en")}` : ""];
  };
  const better = { higher: "more is better", lower: "less is better" };

  const section = (point, values, goal, edition, alone) => {
    const rows = values.map(([place, value, age]) => ({ city: SSC.cities[place], value, age }));
    const sorted = rows.map((row) => row.value).sort((a, b) => a - b);
    const median = sorted.length ? (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2 : null;
    const [low, high, status, reference, target, targetStatus, targetReference] = goal || [];
    const provisional = (word) => (word === "provisional" ? [" ", SSC.tag("provisional", "warn")] : [" ", SSC.tag(word || "", "")]);
    const unit = SSC.symbol(point.unit);
    const title = alone ? "What is reported" : point.name;
    const facts = SSC.pairs([
      ["Formula", formula(point)],
      ["Unit", SSC.core.units[point.unit]?.[1]],
      ["Direction", better[point.direction] || "neither more nor less is better as such"],
      ["Goalposts", SSC.known(low) ? [`${SSC.withUnit(low, point.unit)} scores 0, ${SSC.withUnit(high, point.unit)} scores 100`, provisional(status), h("span", { class: "place" }, reference)] : "none: it is not scored"],
      ["Benchmark target", SSC.known(target) ? [SSC.withUnit(target, point.unit), provisional(targetStatus), h("span", { class: "place" }, targetReference)] : "none"],
      ["To know", point.caveats.length ? h("ul", { class: "plain small" }, point.caveats.map((words) => h("li", {}, words))) : null],
    ]);
    if (!rows.length) return SSC.card(title, "", facts, h("p", { class: "muted" }, `No city publishes a value in the edition ${edition}.`));
    if (point.unit === "yes_no") {
      const yes = rows.filter((row) => row.value >= 1);
      return SSC.card(title, "", facts, h("h3", {}, `Yes in ${yes.length} of ${rows.length} ${rows.length === 1 ? "city" : "cities"}`), SSC.bar(yes.length / rows.length), table(rows, point, edition));
    }
    const references = [[`median ${SSC.amount(median)}`, median]];
    if (SSC.known(target)) references.push([`target ${SSC.amount(target)}`, target]);
    const svg = SSC.fig.strip(rows.map((row) => ({ name: row.city.name, value: row.value })), { title: `${point.name}, ${edition}`, told: `${SSC.count(rows.length, "city", "cities")} from ${SSC.amount(sorted[0])} to ${SSC.amount(sorted[sorted.length - 1])} ${unit}, median ${SSC.amount(median)}.`, unit, references, width: 1080, form: (tick) => SSC.amount(tick) });
    return SSC.card(title, "", facts, h("h3", {}, rows.length === 1 ? "One city publishes a value" : `How ${rows.length} cities are spread`), SSC.fig.figure(svg, point.node, `Each dot is a city with a public value in the edition ${edition}.`), table(rows, point, edition));
  };

  const table = (rows, point, edition) => {
    const falling = point.direction !== "lower";
    const best = ["higher", "lower"].includes(point.direction);
    return SSC.table({ caption: best ? "Best performers first" : "Cities", label: `Values of ${point.name}`, most: 10, sort: "value", down: falling, rows, columns: [
      { key: "city", name: "City", head: true, value: (row) => row.city.name, cell: (row) => [SSC.link(row.city, edition), h("span", { class: "place" }, row.city.country)] },
      { key: "value", name: "Value", num: true, value: (row) => row.value, down: falling, cell: (row) => SSC.withUnit(row.value, point.unit) },
      { key: "year", name: "Year", num: true, value: (row) => edition - row.age, down: true, cell: (row) => (row.age ? SSC.tag(`${edition - row.age} carried`, "warn") : String(edition)) },
      { key: "region", name: "Region", class: "narrow-hide", value: (row) => row.city.region, cell: (row) => row.city.region },
      { key: "income", name: "Income group", class: "wide", value: (row) => row.city.income_group, cell: (row) => row.city.income_group },
    ] });
  };

  SSC.pages.kpi = {
    title: "KPIs",
    async show(main, { parts, query }) {
      if (!parts[0]) return list(main);
      const kpi = SSC.nodes[parts[0]];
      if (!kpi || kpi.level !== "kpi") throw new Error(`${parts[0]} is no KPI.`);
      const edition = Number(query.get("edition")) || SSC.latest;
      const [file, data] = await Promise.all([SSC.load(`kpi/${kpi.node}`), SSC.load(`edition-${edition}`)]);
      const points = SSC.points.filter((point) => point.kpi_code === kpi.node);
      const lines = () => [["edition", "data_point", "city_id", "city", "value", "unit", "year"], ...points.flatMap((point) => Object.entries(file[point.node] || {}).flatMap(([year, values]) => values.map(([place, value, age]) => [Number(year), point.node, SSC.cities[place].id, SSC.cities[place].name, value, point.unit, year - age])))];
      main.append(
        h("h1", {}, kpi.name),
        h("p", { class: "lead" }, kpi.definition),
        h("div", { class: "controls" }, SSC.editionSelect(edition, (value) => { location.hash = SSC.href("kpi", kpi.node, { edition: value }); })),
        SSC.card("About this KPI", "", SSC.pairs([
          ["Code", `${kpi.node} (printed ${kpi.printed_code})`],
          ["Place", `${kpi.dimension} › ${kpi.sub_dimension} › ${kpi.category}`],
          ["Level and kind", `${kpi.kpi_level}, ${kpi.kind}`],
          ["SDG", kpi.sdg.filter(Boolean).join(", ")],
          ["Source", h("ul", { class: "plain small" }, kpi.sources.map(([title, page, href]) => h("li", {}, href ? h("a", { href, rel: "noopener noreferrer" }, title) : title, page ? `, p. ${page}` : "")))],
          ["To know", kpi.caveats.length ? h("ul", { class: "plain small" }, kpi.caveats.map((words) => h("li", {}, words))) : null],
        ]), h("div", { class: "buttons" }, SSC.saveCsv(`${kpi.node}.csv`, lines))),
        ...points.map((point) => section(point, file[point.node]?.[edition] || [], data.goalposts[point.node], edition, points.length === 1)));
    },
  };
})();
