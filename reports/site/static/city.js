/* A city: where it stands, its wheel, strengths and weaknesses, progress, every value with where it comes from. */
"use strict";

(() => {
  const { h } = SSC;
  const GROUPINGS = { income_group: "its income group", region: "its region", size_class: "cities of its size" };

  /* A data point's row of the city's file, as an object. */
  SSC.pointRows = (city, edition) => {
    const fields = SSC.core.fields;
    const rows = city.editions[edition]?.points || [];
    return SSC.points.map((point, place) => {
      const row = rows[place];
      if (!row) return { point, reported: false };
      const one = { point, reported: true };
      fields.forEach((field, count) => { const value = row[count] ?? null; one[field] = city.words[field] && value !== null ? city.words[field][value] : value; });
      return one;
    });
  };

  const list = (main) => {
    const index = SSC.index[SSC.latest];
    const groups = new Map();
    const search = h("input", { type: "search", placeholder: "City or country", oninput: () => draw(search.value) });
    const box = h("div", {});
    const draw = (words) => {
      const wanted = words.toLocaleLowerCase();
      groups.clear();
      for (const city of SSC.cities) if (`${city.name} ${city.country}`.toLocaleLowerCase().includes(wanted)) { if (!groups.has(city.region)) groups.set(city.region, []); groups.get(city.region).push(city); }
      box.replaceChildren(...[...groups].sort().map(([region, cities]) => SSC.card(`${region} (${cities.length})`, "", h("ul", { class: "chips" }, cities.slice().sort((a, b) => a.name.localeCompare(b.name, "en")).map((city) => h("li", {}, SSC.link(city), " ", h("span", { class: "muted small" }, index[city.place]?.rank ? `${index[city.place].rank}` : "not ranked")))))));
    };
    draw("");
    main.append(h("h1", {}, "Cities"), h("p", { class: "lead" }, `${SSC.count(SSC.cities.length, "city", "cities")} by region, with their rank in ${SSC.latest}. Cities that have not agreed to be named are not here.`), h("div", { class: "controls" }, h("label", { class: "grow" }, "Search", search)), box);
  };

  SSC.pages.city = {
    title: "Cities",
    async show(main, { parts, query }) {
      if (!parts[0]) return list(main);
      const city = SSC.cityById[parts[0]];
      if (!city) throw new Error(`${parts[0]} is not among the cities whose figures are public.`);
      const reportedIn = SSC.editions.filter((year) => SSC.index[year][city.place]?.coverage > 0);
      const edition = Number(query.get("edition")) || reportedIn[reportedIn.length - 1] || SSC.latest;
      if (!SSC.byEdition[edition]) throw new Error(`There is no edition ${edition}.`);
      const [file, data] = await Promise.all([SSC.load(`city/${city.id}`), SSC.load(`edition-${edition}`)]);
      const own = file.editions[edition];
      const row = SSC.index[edition][city.place];
      const about = SSC.byEdition[edition];
      const controls = h("div", { class: "controls" }, SSC.editionSelect(edition, (value) => { location.hash = SSC.href("city", city.id, { edition: value }); }), h("a", { href: SSC.href("compare", city.id) }, "Compare with other cities"));
      main.append(h("h1", {}, city.name), h("p", { class: "lead" }, [city.country, city.region, city.income_group, SSC.known(city.population) ? `${SSC.amount(city.population)} inhabitants` : city.size_class].join(" · ")), controls);
      if (!own || !row) { main.append(h("p", { class: "callout" }, `Nothing of ${city.name} is public in the edition ${edition}.`)); return; }
      const rows = SSC.pointRows(file, edition);
      const reported = rows.filter((one) => one.reported);
      const total = own.cuts["total|index"];
      const fact = (value, words) => h("div", { class: "fact" }, h("b", {}, value), h("span", {}, words));
      main.append(h("div", { class: "facts" },
        row.rank ? fact(`${row.rank}`, `rank of ${about.n_ranked}`) : fact("not ranked", row.because || "its index score is not public or could not be computed"),
        row.rank && row.sure ? fact(`${row.sure.low} to ${row.sure.high}`, `90 % rank interval${row.sure.tier ? `, tier ${row.sure.tier}` : ""}; rank ${row.sure.rank} of ${SSC.index[edition].among} with open values`) : null,
        fact(SSC.score(row.score), "index score of 100"),
        fact(SSC.percent(row.coverage), "of the scored data points reported"),
        total ? fact(`${SSC.score(total[0])} %`, "of U4SSC benchmark points") : null,
        row.carried ? fact(String(row.carried), "scored data points carried from earlier years") : null));
      main.append(h("div", { class: "grid" }, wheelCard(city, own, rows, reported, edition), dimensionCard(city, own, data, edition)));
      if (reported.length) main.append(peersCard(city, rows, data));
      if (row.sure && own.ranks) main.append(surenessCard(city, file, row, own, edition));
      main.append(progressCard(city, file));
      if (own.change) main.append(changeCard(city, file, own.change, edition));
      if (reported.length) main.append(h("div", { class: "grid" }, sdgCard(own), qualityCard(reported, rows, row, edition)), valuesCard(city, rows, edition));
      else main.append(h("p", { class: "callout" }, `${city.name} publishes its scores but not its values. What lies beneath the scores is confidential.`));
    },
  };

  /* The chance of each rank, and who is around. */
  const surenessCard = (city, file, row, own, edition) => {
    const among = SSC.index[edition].among;
    const all = Object.values(SSC.index[edition]).filter((one) => one.sure).sort((a, b) => a.sure.rank - b.sure.rank || a.city.place - b.city.place);
    const at = all.indexOf(row);
    const near = all.slice(Math.max(0, Math.min(at - 3, all.length - 7)), Math.max(7, at + 4));
    const tier = all.filter((one) => one.sure.tier === row.sure.tier).length;
    const told = `Rank ${row.sure.rank} of the ${among} cities with open values. In 90 % of the replications it lies between ${row.sure.low} and ${row.sure.high}.`;
    return SSC.card("How sure is the rank", "", h("div", { class: "grid" },
      h("div", { class: "c6" }, h("h3", {}, "Chance of each rank"), SSC.fig.figure(SSC.fig.chances(own.ranks, row.sure, among, `Chance of each rank of ${city.name}`, told), `ranks-${city.id}-${edition}`, told)),
      h("div", { class: "c6" }, h("h3", {}, "Who is around"), SSC.table({ label: `Cities around ${city.name}`, rows: near, columns: [
        { name: "Rank", num: true, cell: (one) => String(one.sure.rank) },
        { name: "City", head: true, cell: (one) => (one === row ? h("b", {}, one.city.name) : SSC.link(one.city, edition)) },
        { name: "Interval", cell: (one) => SSC.fig.interval(one.sure, among) },
        { name: "", num: true, class: "narrow-hide", cell: (one) => h("span", { class: "nowrap" }, `${one.sure.low} to ${one.sure.high}`) },
        { name: "Tier", num: true, cell: (one) => String(one.sure.tier ?? "–") },
      ] }))),
      own.moves ? [h("h3", {}, "What moves it"), SSC.table({ label: `What moves the rank of ${city.name}`, rows: own.moves, columns: [
        { name: "Choice", head: true, cell: ([input]) => file.words.input[input].replaceAll("_", " ") },
        { name: "In all", cell: ([, total]) => h("span", { class: "scorecell" }, h("span", {}, SSC.percent(Math.max(0, total))), SSC.bar(Math.min(1, Math.max(0, total)))) },
        { name: "Alone", num: true, cell: ([, , alone]) => SSC.percent(Math.max(0, alone)) },
      ] }), h("p", { class: "muted small" }, "Shares of the variance of its rank: what each choice does alone, and in all with what it does together with others (Sobol' indices). What is told in all may add up to more than 100 %.")] : null,
      h("p", { class: "muted small" }, `The index was computed many times with other defensible choices and with values as wrong as their grades admit. Tier ${row.sure.tier} holds ${tier} ${tier === 1 ? "city" : "cities"}: the first of a tier is not ahead of its others with 95 %.`));
  };

  /* Why score and rank changed since the edition before. */
  const changeCard = (city, file, change, edition) => {
    const points = Object.fromEntries([change.before, edition].map((year) => [year, Object.fromEntries(SSC.pointRows(file, year).map((one) => [one.point.node, one]))]));
    const shown = (one) => (one?.reported ? `${SSC.withUnit(one.value, one.point.unit)} (${one.value_year})` : "–");
    const values = change.kpis.flatMap(([node]) => (SSC.nodes[node] ? SSC.children[node] || [] : [])).map((point) => [point.name, ...[change.before, edition].map((year) => shown(points[year][point.node]))]).filter(([, was, is]) => was !== is);
    const colour = (value, digits) => h("span", { class: !value ? "muted" : value > 0 ? "up" : "down" }, SSC.signed(value, digits));
    return SSC.card(`Why it changed since ${change.before}`, "", h("p", {}, change.told[0]),
      change.told.filter((words) => words.startsWith("Not divided")).map((words) => h("p", { class: "muted" }, words)),
      change.parts.length ? h("div", { class: "grid" },
        h("div", { class: "c6" }, SSC.table({ label: "Causes of the change", rows: change.parts, columns: [
          { name: "Cause", head: true, cell: ([name]) => name }, { name: "Points", num: true, cell: ([, points]) => colour(points, 2) }, { name: "Places", num: true, cell: ([, , places]) => colour(places, 1) }] })),
        h("div", { class: "c6" }, change.kpis.length ? SSC.table({ label: "KPIs that moved the index", rows: change.kpis, columns: [
          { name: "By its own data", head: true, cell: ([node]) => (SSC.nodes[node] ? h("a", { href: SSC.href("kpi", node) }, SSC.nodes[node].name) : node) }, { name: "Points", num: true, cell: ([, points]) => colour(points, 2) }] }) : null,
        values.length ? h("details", {}, h("summary", {}, "Their values, before and after"), SSC.table({ label: "Values before and after", rows: values, columns: [
          { name: "Data point", head: true, cell: ([name]) => name }, { name: String(change.before), num: true, cell: ([, was]) => was }, { name: String(edition), num: true, cell: ([, , is]) => is }] })) : null)) : null,
      change.parts.length ? h("p", { class: "muted small" }, "A cause's part is what its change adds, on average over all orders in which the changes could have come; the parts add up.") : null);
  };

  const wheelCard = (city, own, rows, reported, edition) => {
    const byNode = Object.fromEntries(rows.map((one) => [one.point.node, one]));
    const cut = (key) => own.cuts[key];
    const told = (one) => (one ? `${SSC.score(one[0])} % of benchmark points, ${one[2]} data points reported` : "not public");
    const part = (node) => {
      if (node.level === "data_point") {
        const one = byNode[node.node];
        const name = { node: node.node, name: node.name };
        if (!one.reported) return { ...name, band: SSC.bandOf(null), told: reported.length ? "not reported" : "not public" };
        const value = `${SSC.withUnit(one.value, node.unit)}${one.value_year < edition ? `, carried from ${one.value_year}` : ""}`;
        return SSC.known(one.points) ? { ...name, band: SSC.bandOfPoints(one.points), told: `${value}, ${one.points} of 4 points` } : { ...name, band: SSC.UNCOMPARED, told: `${value}, no benchmark` };
      }
      const figures = node.level === "dimension" ? cut(`dimension|${node.node}`) : cut(`category|${node.node.slice(0, 2)}: ${node.name}`);
      const beneath = (SSC.children[node.node] || []).flatMap((child) => (node.level === "dimension" ? SSC.children[child.node] : child.level === "kpi" ? SSC.children[child.node] : [child]));
      const parts = beneath.map(part);
      const band = SSC.known(figures?.[1]) || parts.every((one) => one.band.key === "not_reported") ? SSC.bandOf(figures?.[1]) : SSC.UNCOMPARED;
      return { node: node.node, name: node.name, band, told: told(figures), parts };
    };
    const total = own.cuts["total|index"];
    const compared = reported.filter((one) => SSC.known(one.points)).length;
    const svg = SSC.fig.wheel(SSC.level("dimension").map(part), [total ? SSC.score(total[0]) : "–", "% of benchmark points"], `Benchmark wheel of ${city.name}`, `Three rings: dimensions, categories, data points, coloured by the share of the target reached. ${reported.length} of ${rows.length} data points are public, ${compared} of them compared with a target.`);
    return SSC.card("Benchmark wheel", "c7", SSC.fig.figure(svg, `wheel-${city.id}`, "Inner ring dimensions, then categories, then data points. Targets are U4SSC benchmarks; most are provisional.", "wheel"), SSC.fig.legend(reported.length ? "not reported" : "not public"));
  };

  const dimensionCard = (city, own, data, edition) => {
    const columns = [
      { name: "", head: true, cell: (node) => (node.level === "sub_dimension" ? h("span", { class: "muted" }, node.name) : node.name) },
      { name: "Score", cell: (node) => { const one = own.nodes[node.node]; return one ? h("span", { class: "scorecell" }, h("span", {}, SSC.score(one[0])), SSC.bar((one[0] || 0) / 100, node.level === "sub_dimension" ? "soft" : "")) : h("span", { class: "muted" }, "not public"); } },
      { name: "Rank", num: true, cell: (node) => own.nodes[node.node]?.[1] ?? "–" },
      { name: "Peers", num: true, cell: (node) => { const peers = data.peers[`income_group|${city.income_group}`]?.[`score:${node.node}`]; return peers ? SSC.score(peers[2]) : "–"; } },
    ];
    const rows = SSC.core.nodes.filter((node) => ["index", "dimension", "sub_dimension"].includes(node.level));
    const size = data.peers[`income_group|${city.income_group}`]?.["score:index"]?.[0];
    return SSC.card("Scores", "c5", SSC.table({ label: `Scores of ${city.name}`, columns, rows }), h("p", { class: "muted small" }, `Peers: median of ${size ? `the ${size} ranked cities` : "cities"} in its income group (${city.income_group})${size ? "" : "; shown from five cities up"}. Edition ${edition}.`));
  };

  const peersCard = (city, rows, data) => {
    const box = h("div", { class: "grid" });
    const draw = (grouping) => {
      const group = data.peers[`${grouping}|${city[grouping]}`] || {};
      const placed = rows.filter((one) => one.reported && SSC.known(one[grouping]) && ["higher", "lower"].includes(one.point.direction)).sort((a, b) => b[grouping] - a[grouping]);
      const columns = (words) => [
        { name: words, head: true, cell: (one) => h("a", { href: SSC.href("kpi", one.point.kpi_code) }, one.point.name) },
        { name: "Value", num: true, cell: (one) => SSC.withUnit(one.value, one.point.unit) },
        { name: "Median", num: true, class: "narrow-hide", cell: (one) => SSC.withUnit(group[one.point.node]?.[2], one.point.unit) },
        { name: "Ahead of", num: true, cell: (one) => `${one[grouping].toFixed(0)} %` },
      ];
      const enough = placed.length >= 2;
      const half = Math.min(6, Math.floor(placed.length / 2));
      box.replaceChildren(...(enough ? [h("div", { class: "c6" }, SSC.table({ label: "Strengths", columns: columns("Strengths"), rows: placed.slice(0, half) })), h("div", { class: "c6" }, SSC.table({ label: "Weaknesses", columns: columns("Weaknesses"), rows: placed.slice(-half).reverse() }))] : [h("p", { class: "muted c12" }, `Fewer than five cities in ${GROUPINGS[grouping]} publish the same values, so there is nothing to compare with.`)]));
    };
    const chosen = Object.keys(GROUPINGS).find((grouping) => rows.some((one) => SSC.known(one[grouping]))) || "income_group";
    draw(chosen);
    return SSC.card("Strengths and weaknesses", "", h("div", { class: "controls" }, SSC.select("Compared with", Object.entries(GROUPINGS).map(([key, words]) => [key, `${words}: ${city[key]}`]), chosen, draw)), box, h("p", { class: "muted small" }, "“Ahead of” is the share of its peers with a public value that the city does better than, ties counted half."));
  };

  /* Contributions of the dimensions to the change of a geometric mean: weights times the change of logarithms, scaled by
     the logarithmic mean of the two scores, so that they add up exactly; of an arithmetic mean: weights times change. */
  SSC.contributions = (before, after, start, end, weighing) => {
    const root = weighing.nodes.find((node) => !node.parent);
    const parts = weighing.nodes.filter((node) => node.parent === root.node);
    if (parts.some((node) => !SSC.known(before[node.node]) || !SSC.known(after[node.node]))) return null;
    const total = parts.reduce((sum, node) => sum + node.weight, 0);
    const raised = (value) => (root.mean === "geometric" && weighing.floor !== null ? Math.max(value, weighing.floor) : value);
    const scale = start === end ? start : (end - start) / Math.log(end / start);
    return parts.map((node) => {
      const [from, to] = [raised(before[node.node]), raised(after[node.node])];
      return [SSC.nodes[node.node].name, (node.weight / total) * (root.mean === "geometric" ? scale * Math.log(to / from) : to - from)];
    });
  };

  const progressCard = (city, file) => {
    const labels = SSC.editions;
    const values = (node) => labels.map((edition) => file.editions[edition]?.nodes[node]?.[0] ?? null);
    const series = [{ name: "Index", values: values("index"), thick: true }, ...SSC.level("dimension").map((node) => ({ name: node.name, values: values(node.node) }))];
    const ranked = labels.filter((edition) => SSC.known(SSC.index[edition][city.place]?.score));
    const svg = SSC.fig.progress(series, labels, `Scores of ${city.name} over the editions`, series.map((one) => `${one.name}: ${one.values.map((value, place) => `${labels[place]} ${SSC.score(value)}`).join(", ")}`).join(". "));
    const box = h("div", { class: "c6" });
    const card = SSC.card("Progress", "", h("div", { class: "grid" }, h("div", { class: "c6" }, h("h3", {}, "Scores over the editions"), series.some((one) => one.values.some(SSC.known)) ? SSC.fig.figure(svg, `progress-${city.id}`, "An edition without a score has no mark: too little was reported, or it is not public.") : h("p", { class: "muted" }, "No edition has a score that is public.")), box),
      SSC.table({ label: `Ranks of ${city.name}`, rows: labels.map((edition) => ({ edition, row: SSC.index[edition][city.place] })).reverse(), columns: [
        { name: "Edition", head: true, cell: (one) => String(one.edition) }, { name: "Rank", num: true, cell: (one) => (one.row?.rank ? `${one.row.rank} of ${SSC.byEdition[one.edition].n_ranked}` : "–") }, { name: "Index", num: true, cell: (one) => SSC.score(one.row?.score) }, { name: "Coverage", num: true, cell: (one) => SSC.percent(one.row?.coverage) }, { name: "Carried", num: true, cell: (one) => one.row?.carried ?? "–" }, { name: "", class: "narrow-hide", cell: (one) => h("span", { class: "muted small" }, one.row ? one.row.because || "" : "not in this edition") }] }));
    if (ranked.length > 1 && SSC.core.about.can_weigh) {
      const [from, to] = ranked.slice(-2);
      SSC.load(`scores-${to}`).then((matrix) => {
        const scores = (edition) => Object.fromEntries(SSC.level("dimension").map((node) => [node.node, file.editions[edition].nodes[node.node]?.[0]]));
        const [start, end] = [from, to].map((edition) => SSC.index[edition][city.place].score);
        const parts = SSC.contributions(scores(from), scores(to), start, end, matrix.weighing);
        if (!parts) return;
        const told = `From ${SSC.score(start)} to ${SSC.score(end)}: ${parts.map(([name, change]) => `${name} ${SSC.signed(change)}`).join(", ")}.`;
        box.append(h("h3", {}, `What moved the index from ${from} to ${to}`), SSC.fig.figure(SSC.fig.waterfall([String(from), start], parts, [String(to), end], `Contributions to the change of ${city.name}`, told), `contributions-${city.id}`, "Each dimension's part of the change; the parts add up to the whole."));
      });
    }
    return card;
  };

  const sdgCard = (own) => {
    const rows = Object.entries(own.cuts).filter(([key]) => key.startsWith("sdg|")).map(([key, one]) => ({ name: key.slice(4), goal: Number(key.match(/\d+$/)), percentage: one[0], band: one[1], scored: one[3] })).sort((a, b) => a.goal - b.goal);
    return SSC.card("Sustainable Development Goals", "c6", SSC.table({ label: "Benchmark by Sustainable Development Goal", rows, columns: [
      { name: "Goal", head: true, cell: (row) => row.name }, { name: "Benchmark points", cell: (row) => h("span", { class: "scorecell" }, h("span", {}, SSC.known(row.percentage) ? `${SSC.score(row.percentage, 0)} %` : "–"), SSC.bar((row.percentage || 0) / 100)) }, { name: "Data points", num: true, cell: (row) => String(row.scored) }] }), h("p", { class: "muted small" }, "Points reached on the data points that U4SSC relates to each goal, of the points that could be reached."));
  };

  const qualityCard = (reported, rows, row, edition) => {
    const grades = Object.entries(SSC.core.qualities).map(([code, words]) => ({ words, n: reported.filter((one) => one.quality === code).length }));
    const ungraded = reported.filter((one) => !one.quality).length;
    if (ungraded) grades.push({ words: "no grade declared", n: ungraded });
    const old = reported.filter((one) => one.value_year < edition).length;
    return SSC.card("Data quality", "c6", SSC.pairs([["Reported", `${reported.length - old} of ${rows.length} data points for ${edition} itself; ${SSC.percent(row.coverage)} of the scored ones`], ["Carried", `${old} from an earlier year`], ["Filled", `${row.imputed} of the scored ones, by carrying or imputation`]]),
      SSC.table({ label: "How the values came about", rows: grades, columns: [{ name: "As the city declared", head: true, cell: (one) => one.words }, { name: "Data points", cell: (one) => h("span", { class: "scorecell" }, h("span", {}, String(one.n)), SSC.bar(one.n / reported.length, "soft")) }] }));
  };

  const valuesCard = (city, rows, edition) => {
    const columns = [
      { name: "Data point", head: true, cell: (one) => [h("a", { href: SSC.href("kpi", one.point.kpi_code) }, one.point.name), h("span", { class: "place" }, one.point.kpi_code)] },
      { name: "Value", num: true, cell: (one) => (one.reported ? h("span", { class: "nowrap" }, SSC.withUnit(one.value, one.point.unit)) : h("span", { class: "muted" }, "not reported")) },
      { name: "Year", num: true, cell: (one) => (one.reported ? (one.value_year < edition ? SSC.tag(`${one.value_year} carried`, "warn") : String(one.value_year)) : "") },
      { name: "Score", num: true, cell: (one) => (one.reported ? (one.point.is_scored ? SSC.score(one.score) : h("span", { class: "muted small" }, "not scored")) : "") },
      { name: "Benchmark", class: "narrow-hide", cell: (one) => { if (!one.reported) return ""; if (!SSC.known(one.points)) return h("span", { class: "muted small" }, "none"); const dot = h("i", { class: "dot", "aria-hidden": "true" }); dot.style.background = SSC.bandOfPoints(one.points).fill; return h("span", { class: "nowrap", title: SSC.bandOfPoints(one.points).label }, dot, `${one.points} of 4`); } },
      { name: "Quality", class: "wide", cell: (one) => h("span", { class: "small" }, one.reported ? (one.quality ? SSC.core.qualities[one.quality] || one.quality : "not graded") : "") },
      { name: "Source", class: "narrow-hide", cell: (one) => (one.reported ? h("span", { class: "small" }, one.source || "not named", h("span", { class: "place", title: `${SSC.core.derivations[one.derivation] || one.derivation}; file ${one.file}…` }, `${one.cell || ""} · file ${one.file.slice(0, 8)}`)) : "") },
    ];
    const lines = () => [["data_point", "name", "value", "unit", "year", "score", "points", "quality", "source", "derivation", "file_sha256_begins", "cell"], ...rows.filter((one) => one.reported).map((one) => [one.point.node, one.point.name, one.value, one.point.unit, one.value_year, one.score, one.points, one.quality, one.source, one.derivation, one.file, one.cell])];
    const parts = SSC.level("sub_dimension").map((node) => {
      const within = rows.filter((one) => one.point.node.startsWith(`${node.node}_`) && SSC.subOf(one.point) === node.node);
      const known = within.filter((one) => one.reported).length;
      return h("details", { open: false }, h("summary", {}, node.name, " ", h("span", { class: "muted" }, `${known} of ${within.length} reported`)), SSC.table({ label: node.name, columns, rows: within }));
    });
    return SSC.card("Every value", "", h("p", { class: "muted" }, "With its year, how it came about, who is its source, and the cell of the workbook that it rests on."), parts, h("div", { class: "buttons" }, SSC.saveCsv(`${city.id}-${edition}.csv`, lines), h("button", { type: "button", onclick: (event) => { for (const part of event.target.closest("section").querySelectorAll("details")) part.open = true; } }, "Open all")));
  };

  /* Sub-dimension of a data point, by the tree. */
  SSC.subOf = (node) => { let one = node; while (one && one.level !== "sub_dimension") one = SSC.nodes[one.parent]; return one?.node; };
})();
