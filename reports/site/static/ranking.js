/* The ranking: who stands where, among whom one likes; who is not ranked, and why. */
"use strict";

SSC.pages.ranking = {
  title: "Ranking",
  async show(main, { query }) {
    const { h } = SSC;
    const edition = Number(query.get("edition")) || SSC.latest;
    const about = SSC.byEdition[edition];
    if (!about) throw new Error(`There is no edition ${edition}.`);
    const data = await SSC.load(`edition-${edition}`);
    const state = { region: query.get("region") || "", income_group: query.get("income_group") || "", size_class: query.get("size_class") || "", search: query.get("search") || "", sort: query.get("sort") || "rank", down: query.get("down") === "1" };
    const previous = SSC.before(edition);
    const all = Object.values(SSC.index[edition]);
    const dimensions = SSC.level("dimension");
    const place = Object.fromEntries(data.nodes.map((node, count) => [node, count]));
    const scoreOf = (row, node) => data.cities[row.city.place]?.s[place[node]];
    const among = SSC.index[edition].among;
    const changeOf = (row) => { const was = previous && SSC.index[previous][row.city.place]?.rank; return was && row.rank ? was - row.rank : null; };

    const columns = [
      { key: "rank", name: "Rank", num: true, value: (row) => row.rank, cell: (row) => h("span", { class: "rank" }, String(row.rank)) },
      { key: "city", name: "City", head: true, value: (row) => row.city.name, cell: (row) => [SSC.link(row.city, edition), h("span", { class: "place" }, row.city.country)] },
      { key: "score", name: "Index", value: (row) => row.score, down: true, cell: (row) => h("span", { class: "scorecell" }, h("b", {}, SSC.score(row.score)), SSC.bar(row.score / 100)) },
      ...(among ? [
        { key: "interval", name: "Rank interval", class: "wide", value: (row) => (row.sure ? row.sure.low + row.sure.high : null), cell: (row) => (row.sure ? SSC.fig.interval(row.sure, among) : h("span", { class: "muted" }, "–")) },
        { key: "tier", name: "Tier", num: true, class: "wide", value: (row) => row.sure?.tier ?? null, cell: (row) => row.sure?.tier ?? h("span", { class: "muted" }, "–") },
      ] : []),
      ...dimensions.map((node) => ({ key: node.node, name: node.name, class: "narrow-hide", value: (row) => scoreOf(row, node.node), down: true, cell: (row) => { const score = scoreOf(row, node.node); return score === "h" ? h("span", { class: "muted small" }, "not public") : h("span", { class: "scorecell" }, h("span", {}, SSC.score(score)), SSC.bar(score / 100, "soft")); } })),
      { key: "coverage", name: "Coverage", num: true, class: "wide", value: (row) => row.coverage, down: true, cell: (row) => h("span", { title: row.carried ? `${row.carried} data points carried from an earlier year` : null }, SSC.percent(row.coverage), row.carried ? h("span", { class: "place" }, `${row.carried} carried`) : null) },
      ...(previous ? [{ key: "change", name: `Since ${previous}`, num: true, class: "narrow-hide", value: changeOf, down: true, cell: (row) => SSC.arrow(changeOf(row)) }] : []),
    ];
    const fits = (row) => ["region", "income_group", "size_class"].every((key) => !state[key] || row.city[key] === state[key]) && (!state.search || `${row.city.name} ${row.city.country}`.toLocaleLowerCase().includes(state.search.toLocaleLowerCase()));
    const ranked = () => all.filter((row) => row.rank && fits(row)).sort((a, b) => a.rank - b.rank || a.city.place - b.city.place);
    const unranked = () => all.filter((row) => !row.rank && fits(row)).sort((a, b) => b.coverage - a.coverage || a.city.place - b.city.place);
    const address = () => SSC.href("ranking", null, { edition: edition === SSC.latest ? "" : edition, region: state.region, income_group: state.income_group, size_class: state.size_class, search: state.search, sort: state.sort === "rank" ? "" : state.sort, down: state.down ? "1" : "" });
    const told = h("p", { class: "muted small" });
    const counted = () => { const shown = ranked().length; told.textContent = `${shown} of ${SSC.count(about.n_ranked, "ranked city", "ranked cities")}. Ranks are among all of them, whatever is filtered.${among ? ` Intervals hold 90 % of the simulated ranks; they and the tiers are among the ${among} cities that show their values.` : ""}`; return told; };
    const table = SSC.table({ caption: null, label: `Ranking ${edition}`, columns, rows: ranked(), sort: state.sort, down: state.sort === "rank" ? undefined : state.down, sorted: (key, down) => { state.sort = key; state.down = down; SSC.note(address()); } });
    const rest = SSC.table({ label: `Cities without a rank in ${edition}`, rows: unranked(), columns: [
      { key: "city", name: "City", head: true, cell: (row) => [SSC.link(row.city, edition), h("span", { class: "place" }, row.city.country)] },
      { key: "coverage", name: "Coverage", cell: (row) => h("span", { class: "scorecell" }, h("span", {}, SSC.percent(row.coverage)), SSC.bar(row.coverage, "soft")) },
      { key: "benchmark", name: "U4SSC benchmark", num: true, class: "narrow-hide", cell: (row) => { const share = data.benchmark[row.city.place]; return SSC.known(share) ? `${SSC.score(share)} %` : "–"; } },
      { key: "because", name: "Why it has no rank", cell: (row) => row.because || (row.score === null ? "too little is reported to compute the index" : "") },
    ] });
    const change = (key) => (value) => { state[key] = value; SSC.note(address()); table.update(ranked()); rest.update(unranked()); counted(); SSC.say(told.textContent); };
    const any = (key) => [["", "All"], ...SSC.core.groups[key].map((name) => [name, name])];
    const search = h("input", { type: "search", value: state.search, placeholder: "City or country", oninput: (event) => change("search")(event.target.value) });
    const lines = () => [["rank", "city", "country", "region", "income_group", "index", ...dimensions.map((node) => node.name), "coverage"], ...ranked().map((row) => [row.rank, row.city.name, row.city.country, row.city.region, row.city.income_group, row.score, ...dimensions.map((node) => (scoreOf(row, node.node) === "h" ? null : scoreOf(row, node.node))), row.coverage])];

    main.append(
      h("h1", {}, `Ranking ${edition} `, SSC.tag(about.status, about.status === "draft" ? "warn" : "")),
      h("p", { class: "lead" }, `${about.n_ranked} of ${SSC.count(about.n_cities, "city reports", "cities report")} enough to be ranked, by ${SSC.points.filter((point) => point.is_scored).length} data points in three dimensions. Scores run from 0 to 100. ${about.n_provisional_goalposts} of the goalposts are provisional.`),
      h("div", { class: "controls" },
        SSC.editionSelect(edition, (value) => { location.hash = SSC.href("ranking", null, { edition: value, region: state.region, income_group: state.income_group, size_class: state.size_class }); }),
        SSC.select("Region", any("region"), state.region, change("region")),
        SSC.select("Income group", any("income_group"), state.income_group, change("income_group")),
        SSC.select("Inhabitants", any("size_class"), state.size_class, change("size_class")),
        h("label", { class: "grow" }, "Search", search)),
      all.some((row) => row.rank) ? null : h("p", { class: "callout" }, `No city reports enough to be ranked in ${edition}. What they report is on their own pages.`),
      h("section", { class: "card ranking", hidden: !all.some((row) => row.rank) }, counted(), table, h("div", { class: "buttons" }, SSC.saveCsv(`ranking-${edition}.csv`, lines))),
      h("section", { class: "card", hidden: all.every((row) => row.rank) }, h("h2", {}, "Not ranked"), h("p", { class: "muted" }, "These cities report too little for a fair comparison. They keep their values and benchmarks."), rest),
      all.some((row) => row.rank) && SSC.card("By region", "", h("p", { class: "muted" }, "Each dot is a ranked city; the dashed line is the median of its region. Regions of fewer than five cities have none."), byRegion()));

    function byRegion() {
      return SSC.core.groups.region.map((region) => {
        const rows = all.filter((row) => row.rank && row.city.region === region);
        if (!rows.length) return null;
        const median = data.peers[`region|${region}`]?.["score:index"]?.[2];
        return h("figure", {}, h("h3", {}, region, " ", h("span", { class: "muted small" }, `${rows.length} ${rows.length === 1 ? "city" : "cities"}`)),
          SSC.fig.strip([...rows.map((row) => ({ name: `${row.city.name}, rank ${row.rank}`, value: row.score }))], { title: `Index scores, ${region}`, told: `${SSC.count(rows.length, "city", "cities")} from ${SSC.score(Math.min(...rows.map((row) => row.score)))} to ${SSC.score(Math.max(...rows.map((row) => row.score)))}.`, width: 1080, references: SSC.known(median) ? [[`median ${SSC.score(median)}`, median]] : [], from: 0, to: 100 }));
      });
    }
  },
};
