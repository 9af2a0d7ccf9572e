/* How the index comes about, and the files one may take. */
"use strict";

SSC.pages.method = {
  title: "Method",
  async show(main) {
    const { h } = SSC;
    const latest = SSC.byEdition[SSC.latest];
    const words = {
      screen: (step) => `Cities that report too little are not ranked: at least ${SSC.percent(step.min_coverage)} of the data points${step.count === "observed" ? " of the year itself" : ""}${Object.keys(step.min_coverage_by_node || {}).length ? `, and ${Object.entries(step.min_coverage_by_node).map(([node, share]) => `${SSC.percent(share)} of each ${node.replace("_", "-")}`).join(", ")}` : ""}.`,
      treat: (step) => `Extreme values are treated: ${step.method}.`,
      normalise: (step) => (step.method === "goalposts" ? `Every value is put on a scale from ${step.range[0]} to ${step.range[1]} between two goalposts of the catalogue${step.clip ? "; what lies beyond a goalpost scores as the goalpost does" : ""}.` : `Values are normalised: ${step.method}.`),
      impute: (step) => (step.method === "last_value" ? `Where a city did not report a value, its own last verified one of up to ${step.max_years} years before stands in, and is marked as carried.` : `Missing values are filled: ${step.method}.`),
      aggregate: (step) => `Scores are averaged up the tree, ${step.method === "arithmetic" ? "arithmetic means" : "geometric means"}${Object.entries(step.levels || {}).map(([level, mean]) => `, a ${mean} mean for the ${level}`).join("")}, weights ${step.weights === "framework" ? "of the framework" : "equal"}, renormalised over what is there.`,
    };
    const steps = SSC.core.about.method.steps.map((step) => { const [name, given] = Object.entries(step)[0]; return h("li", {}, h("b", {}, name), ": ", (words[name] || (() => ""))(given)); });
    main.append(
      h("h1", {}, "Method"), h("p", { class: "lead" }, "From verified workbooks to an index, every choice in a file that anyone can read, vary and run."),
      SSC.card("In short", "", h("ol", {}, steps), h("p", {}, "Then cities are ranked by their scores as they are; equal scores share the better rank.")),
      SSC.card("What is measured", "", h("p", {}, `${SSC.level("kpi").length} KPIs of the framework ${latest.framework_version} in three dimensions, seven sub-dimensions and twenty-seven categories; ${SSC.points.filter((point) => point.is_scored).length} of their ${SSC.points.length} data points are scored. `, h("a", { href: "#/kpi" }, "Each with its definition, formula, goalposts and source")), h("p", { class: "callout" }, `${latest.n_provisional_goalposts} goalposts and most benchmark targets are provisional until the secretariat confirms them. Ranks and benchmarks are to be read with that.`)),
      SSC.card("Benchmark", "", h("p", {}, "Beside the index stands the U4SSC benchmark: the share of its target that a value reaches gives one to four points; points reached of points possible is the percentage. It says how near a city is to the targets, on what it reported; the index says how cities compare."), SSC.fig.legend()),
      SSC.card("What is shown, and what is not", "", h("p", {}, "Cities decide whether their scores or also their values are public. Nothing else is in these pages: no name, no count, no rank of a city that did not agree. Ranks are among the cities that are shown. Figures of peer groups are shown from five cities up, and rest on public values alone.")),
      SSC.card("Editions", "", SSC.table({ label: "Editions", rows: SSC.core.editions.slice().reverse(), columns: [{ name: "Edition", head: true, cell: (row) => String(row.edition) }, { name: "Status", cell: (row) => row.status }, { name: "Cities", num: true, cell: (row) => String(row.n_cities) }, { name: "Ranked", num: true, cell: (row) => String(row.n_ranked) }, { name: "Values", num: true, cell: (row) => row.n_values.toLocaleString("en") }, { name: "Mean coverage", num: true, cell: (row) => SSC.percent(row.mean_coverage) }] })),
      SSC.card("The method file", "", h("p", { class: "muted small" }, `${latest.method}, SHA-256 ${latest.method_sha256}`), h("pre", { tabindex: "0" }, SSC.core.about.method_text)));
  },
};

SSC.pages.downloads = {
  title: "Downloads",
  async show(main) {
    const { h } = SSC;
    const size = (bytes) => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`);
    main.append(h("h1", {}, "Downloads"), h("p", { class: "lead" }, "The numbers behind these pages. Every table on a page can be taken as CSV there, every figure as SVG."),
      SSC.card("Files", "", SSC.table({ label: "Files", rows: SSC.core.downloads, columns: [{ name: "File", head: true, cell: ([name]) => h("a", { href: `downloads/${name}`, download: name }, name) }, { name: "What it is", cell: ([, told]) => told }, { name: "Size", num: true, cell: ([, , bytes]) => size(bytes) }] })));
  },
};
