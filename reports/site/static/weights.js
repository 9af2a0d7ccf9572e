/* The weights playground: every city ranked anew in the browser, by the arithmetic of ssc_index/aggregate.py. */
"use strict";

(() => {
  const { h } = SSC;

  /* Weighted mean of what is present, as the engine takes it: weights renormalised, too few children give none, a
     geometric mean raises its parts to the floor; the result lies between its parts. NaN is missing. */
  SSC.weightedMean = (parts, weights, mean, least, floor) => {
    let total = 0, weight = 0, count = 0, low = Infinity, high = -Infinity;
    for (let place = 0; place < parts.length; place++) {
      let part = parts[place];
      if (Number.isNaN(part)) continue;
      if (mean === "geometric" && floor !== null && part < floor) part = floor;
      count += 1;
      const own = weights[place];
      if (own > 0) total += own * (mean === "geometric" ? Math.log(part) : part);
      weight += own;
      if (part < low) low = part;
      if (part > high) high = part;
    }
    if (!(weight > 0) || count / parts.length < least) return NaN;
    const result = mean === "geometric" ? Math.exp(total / weight) : total / weight;
    return Math.min(Math.max(result, low), high);
  };

  /* Index scores with other weights or means. weights and means: by node; those not named are the method's.
     Cities that publish scores alone keep the published score of a node under which nothing was changed, and have
     null, "cannot be told", where that does not give the index. */
  SSC.weigh = (matrix, published, weights = {}, means = {}) => {
    const tree = matrix.weighing.nodes;
    const children = new Map(), own = new Map();
    for (const node of tree) { own.set(node.node, node); if (node.parent) { if (!children.has(node.parent)) children.set(node.parent, []); children.get(node.parent).push(node.node); } }
    const column = new Map(matrix.points.map((point, place) => [point, place]));
    const weightOf = (node) => weights[node] ?? own.get(node).weight;
    const inner = tree.filter((node) => children.has(node.node)).reverse();
    const changed = new Map();
    for (const { node } of inner) changed.set(node, (means[node] ?? own.get(node).mean) !== own.get(node).mean || children.get(node).some((child) => weightOf(child) !== own.get(child).weight || changed.get(child)));
    const root = tree.find((node) => !node.parent).node;
    const steps = inner.map(({ node, mean, least }) => ({ node, mean: means[node] ?? mean, least, children: children.get(node), weights: children.get(node).map(weightOf) }));
    const found = {};
    for (const place of Object.keys(published)) {
      const row = matrix.cities[place];
      const scores = new Map();
      for (const step of steps) {
        let parts;
        if (row) parts = step.children.map((child) => (scores.has(child) ? scores.get(child) : row[column.get(child)] ?? NaN));
        else {
          const told = published[place](step.node);
          if (!changed.get(step.node)) { scores.set(step.node, told === undefined ? undefined : told ?? NaN); continue; }
          parts = step.children.map((child) => scores.get(child));
          if (parts.includes(undefined)) { scores.set(step.node, undefined); continue; }
        }
        scores.set(step.node, SSC.weightedMean(parts, step.weights, step.mean, step.least, matrix.weighing.floor));
      }
      const score = scores.get(root);
      found[place] = score === undefined ? null : score;
    }
    return found;
  };

  /* Ranks of scores, 1 the best; equal scores share as the method says. */
  SSC.ranks = (scores, ties = "min") => {
    const known = Object.entries(scores).filter(([, score]) => SSC.known(score)).sort((a, b) => b[1] - a[1]);
    const ranks = {};
    let dense = 0;
    known.forEach(([place, score], count) => {
      const first = count === 0 || known[count - 1][1] !== score;
      if (first) dense += 1;
      ranks[place] = first ? (ties === "dense" ? dense : count + 1) : ranks[known[count - 1][0]];
    });
    if (ties === "max") known.slice().reverse().forEach(([place, score], count, all) => { const position = known.length - count; ranks[place] = count && all[count - 1][1] === score ? ranks[all[count - 1][0]] : position; });
    return ranks;
  };

  /* What the site publishes of a city's upper nodes: a score, null for none, undefined for hidden. */
  SSC.publishedScores = (data) => Object.fromEntries(Object.entries(data.cities).map(([place, city]) => [place, (node) => { const column = data.nodes.indexOf(node); const score = column < 0 ? "h" : city.s[column]; return score === "h" ? undefined : score; }]));

  SSC.pages.weights = {
    title: "Weights",
    async show(main, { query }) {
      if (!SSC.core.about.can_weigh) throw new Error("This method does not come from one tree of weights, so weights cannot be tried.");
      const edition = Number(query.get("edition")) || SSC.latest;
      const [matrix, data] = await Promise.all([SSC.load(`scores-${edition}`), SSC.load(`edition-${edition}`)]);
      const published = SSC.publishedScores(data);
      const tree = matrix.weighing.nodes.filter((node) => ["dimension", "sub_dimension", "category"].includes(SSC.nodes[node.node].level));
      const root = matrix.weighing.nodes.find((node) => !node.parent);
      const standard = Object.fromEntries(tree.map((node) => [node.node, node.weight]));
      const weights = { ...standard };
      for (const pair of (query.get("w") || "").split(",")) { const [node, value] = pair.split(":"); if (node in standard && Number.isFinite(Number(value)) && value !== "") weights[node] = Math.min(10, Math.max(0, Number(value))); }
      let mean = query.get("mean") === "arithmetic" || query.get("mean") === "geometric" ? query.get("mean") : root.mean;
      const official = SSC.index[edition];
      const outputs = new Map(), inputs = new Map();
      const families = new Map();
      for (const node of tree) { if (!families.has(node.parent)) families.set(node.parent, []); families.get(node.parent).push(node.node); }

      const address = () => SSC.href("weights", null, { edition: edition === SSC.latest ? "" : edition, mean: mean === root.mean ? "" : mean, w: tree.filter((node) => weights[node.node] !== standard[node.node]).map((node) => `${node.node}:${weights[node.node]}`).join(",") });
      const told = h("p", { class: "muted", "aria-live": "polite" });
      const table = SSC.table({ label: "Ranking by your weights", rows: [], columns: [
        { name: "Rank", num: true, cell: (row) => h("span", { class: "rank" }, row.rank ? String(row.rank) : "–") },
        { name: "City", head: true, cell: (row) => [SSC.link(row.city, edition), h("span", { class: "place" }, row.city.country)] },
        { name: "Your index", cell: (row) => (row.score === null ? h("span", { class: "muted small" }, "publishes its scores only") : h("span", { class: "scorecell" }, h("b", {}, SSC.score(row.score)), SSC.bar((row.score || 0) / 100))) },
        { name: "Published", num: true, class: "narrow-hide", cell: (row) => SSC.score(official[row.city.place]?.score) },
        { name: "Moved", num: true, cell: (row) => { const was = official[row.city.place]?.rank; return was && row.rank ? SSC.arrow(was - row.rank) : "–"; } },
      ] });
      const draw = () => {
        for (const [parent, nodes] of families) {
          const sum = nodes.reduce((total, node) => total + weights[node], 0);
          for (const node of nodes) { outputs.get(node).textContent = sum > 0 ? `${(100 * weights[node] / sum).toFixed(0)} %` : "–"; }
          void parent;
        }
        const scores = SSC.weigh(matrix, published, weights, { [root.node]: mean });
        const ranks = SSC.ranks(scores, matrix.weighing.ties);
        const rows = Object.entries(scores).filter(([place, score]) => SSC.known(score) || (score === null && official[place]?.rank)).map(([place, score]) => ({ city: SSC.cities[place], score, rank: ranks[place] }));
        rows.sort((a, b) => (a.rank || Infinity) - (b.rank || Infinity) || a.city.place - b.city.place);
        table.update(rows);
        const moved = rows.filter((row) => row.rank && official[row.city.place]?.rank && official[row.city.place].rank !== row.rank).length;
        const dead = [...families].filter(([, nodes]) => nodes.every((node) => weights[node] === 0)).map(([parent]) => SSC.nodes[parent].name);
        told.textContent = dead.length ? `All weights within ${dead.join(", ")} are 0, so that nothing can be told there. Raise one of them.` : `${moved} of ${SSC.count(rows.filter((row) => row.rank).length, "city has", "cities have")} another rank than the published one.`;
        SSC.note(address());
      };
      let waiting = 0;
      const soon = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(draw); };
      const slider = (node) => {
        const name = SSC.nodes[node].name;
        const output = h("output", { id: `share-${node}` });
        const input = h("input", { type: "range", min: 0, max: 4, step: 0.05, value: weights[node], "aria-label": `Weight of ${name}`, "aria-describedby": `share-${node}`, oninput: (event) => { weights[node] = Number(event.target.value); soon(); } });
        outputs.set(node, output);
        inputs.set(node, input);
        return h("div", { class: "slider" }, h("span", {}, name), input, output);
      };
      const nest = (parent) => h("div", { class: "sliders" }, (families.get(parent) || []).map((node) => [slider(node), families.has(node) ? h("details", { class: "nested", open: families.get(node).some((child) => weights[child] !== standard[child]) }, h("summary", { class: "small" }, `Within ${SSC.nodes[node].name}`), nest(node)) : null]));
      const set = (given, to = root.mean) => { Object.assign(weights, standard, given); mean = to; for (const [node, input] of inputs) input.value = weights[node]; for (const button of means.children) button.setAttribute("aria-pressed", String(button.dataset.mean === mean)); draw(); };
      const means = h("div", { class: "buttons", role: "group", "aria-label": "Mean of the dimensions" }, ["geometric", "arithmetic"].map((one) => h("button", { type: "button", "data-mean": one, "aria-pressed": String(mean === one), onclick: (event) => { mean = one; for (const button of means.children) button.setAttribute("aria-pressed", String(button === event.target)); draw(); } }, one === "geometric" ? "Geometric" : "Arithmetic")));
      const dimensions = families.get(root.node);
      const presets = h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => set({}) }, "As published"), dimensions.map((node) => h("button", { type: "button", onclick: () => set({ [node]: 2 }) }, `${SSC.nodes[node].name} twice`)));
      main.append(
        h("h1", {}, "What if the weights were others?"),
        h("p", { class: "lead" }, `Move the sliders: all cities of ${edition} are ranked anew, here in your browser, from the same scores and by the same rules as the published index. The address of this page keeps your weights.`),
        h("div", { class: "controls" }, SSC.editionSelect(edition, (value) => { location.hash = SSC.href("weights", null, { edition: value }); })),
        h("div", { class: "grid" },
          SSC.card("Weights", "c5", presets, nest(root.node), h("h3", {}, "How the dimensions are put together"), means, h("p", { class: "muted small" }, "A geometric mean lets a city not buy a weak dimension with a strong one; it is what the published index takes. Missing parts leave their weight to the others; thresholds of coverage stay as they are.")),
          SSC.card("Ranking by your weights", "c7", told, table)));
      draw();
    },
  };
})();
