/* What all pages use: elements, numbers, data, places. No page, no figure. */
"use strict";

const SSC = { data: {}, waiting: {}, pages: {} };

/* Data files are scripts that call this; pages opened from a folder may load scripts, not fetch files. */
SSC.put = (name, content) => { SSC.data[name] = content; };

SSC.load = (name) => {
  if (SSC.data[name]) return Promise.resolve(SSC.data[name]);
  SSC.waiting[name] ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = `data/${name.split("/").map(encodeURIComponent).join("/")}.js`;
    script.onload = () => (SSC.data[name] ? done(SSC.data[name]) : failed(new Error(`${name} holds no data`)));
    script.onerror = () => failed(new Error(`data/${name}.js is not in this folder`));
    document.head.append(script);
  });
  return SSC.waiting[name];
};

/* An element. Texts become text nodes: nothing that a city wrote is ever read as markup. */
SSC.h = (tag, given, ...children) => SSC.fill(document.createElement(tag), given, children);
SSC.s = (tag, given, ...children) => SSC.fill(document.createElementNS("http://www.w3.org/2000/svg", tag), given, children);
SSC.fill = (node, given, children) => {
  for (const [key, value] of Object.entries(given || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "value") node.value = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(9)) if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
};

const NONE = "–";
/* A name that runs from right to left, so that it does not turn what stands beside it in one text. */
SSC.apart = (name) => (/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(name) ? `\u2068${name}\u2069` : name);
SSC.known = (value) => typeof value === "number" && !Number.isNaN(value);
SSC.score = (value, digits = 1) => (SSC.known(value) ? value.toFixed(digits) : NONE);
SSC.percent = (share) => (SSC.known(share) ? `${(100 * share).toFixed(0)} %` : NONE);
SSC.signed = (value, digits = 1) => {
  if (!SSC.known(value)) return NONE;
  const text = Math.abs(value).toFixed(digits);
  return (Number(text) === 0 ? "±" : value > 0 ? "+" : "−") + text;
};
SSC.count = (number, one, many) => `${number} ${number === 1 ? one : many}`;
SSC.amount = (value, unit) => {
  if (!SSC.known(value)) return NONE;
  if (unit === "yes_no") return value >= 1 ? "yes" : "no";
  const size = Math.abs(value);
  const most = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4;
  return value.toLocaleString("en", { maximumFractionDigits: most }).replace("-", "−");
};
SSC.symbol = (unit) => SSC.core.units[unit]?.[0] ?? "";
SSC.withUnit = (value, unit) => { const sign = SSC.symbol(unit); return SSC.amount(value, unit) + (SSC.known(value) && sign ? ` ${sign}` : ""); };
SSC.bandOf = (place) => (SSC.known(place) ? { key: SSC.core.bands[place][0], label: SSC.core.bands[place][1], fill: SSC.core.bands[place][2], ink: SSC.core.bands[place][3] } : { key: "not_reported", label: "not reported", fill: "#c3cad0", ink: "#17212b" });
SSC.UNCOMPARED = { key: "no_benchmark", label: "carried, or without a target", fill: "#8593a0", ink: "#17212b", hatched: true };
SSC.bandOfPoints = (points) => SSC.bandOf(SSC.known(points) ? points - 1 : null);

/* Cities and nodes by what they are called in the data. */
SSC.prepare = (core) => {
  SSC.core = core;
  SSC.cities = core.cities.map(([id, name, country, region, income, size, population], place) => ({
    place, id, name, country, population,
    region: core.groups.region[region], income_group: core.groups.income_group[income], size_class: core.groups.size_class[size],
  }));
  SSC.cityById = Object.fromEntries(SSC.cities.map((city) => [city.id, city]));
  SSC.nodes = Object.fromEntries(core.nodes.map((node) => [node.node, node]));
  SSC.points = core.nodes.filter((node) => node.level === "data_point");
  SSC.children = {};
  for (const node of core.nodes) if (node.parent) (SSC.children[node.parent] ??= []).push(node);
  SSC.editions = core.editions.map((edition) => edition.edition);
  SSC.latest = SSC.editions[SSC.editions.length - 1];
  SSC.byEdition = Object.fromEntries(core.editions.map((edition) => [edition.edition, edition]));
  SSC.index = {};
  for (const [edition, rows] of Object.entries(core.index)) {
    SSC.index[edition] = {};
    for (const [place, score, rank, coverage, carried, imputed, because, sure] of rows)
      SSC.index[edition][place] = { city: SSC.cities[place], score, rank, coverage, carried, imputed, because, sure: sure && { low: sure[0], high: sure[1], rank: sure[2], tier: sure[3] } };
    SSC.index[edition] = Object.defineProperty(SSC.index[edition], "among", { value: rows.filter((row) => row[7]).length });
  }
};
SSC.level = (level) => SSC.core.nodes.filter((node) => node.level === level);
SSC.before = (edition) => SSC.editions[SSC.editions.indexOf(Number(edition)) - 1];

/* Places are hashes: #/page/part?key=value, so that a link to any view can be sent. */
SSC.place = () => {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map(decodeURIComponent);
  return { page: parts[0] || "ranking", parts: parts.slice(1), query: new URLSearchParams(query || "") };
};
SSC.href = (page, part, query) => {
  const kept = Object.entries(query || {}).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return `#/${page}${part ? `/${String(part).split("/").map(encodeURIComponent).join("/")}` : ""}${kept.length ? `?${new URLSearchParams(kept)}` : ""}`;
};
/* A view that changed by itself: its address follows, without a new entry in the history and without a redraw. */
SSC.note = (href) => history.replaceState(null, "", href);
SSC.say = (words) => { document.getElementById("said").textContent = words; };

SSC.link = (city, edition, words) => SSC.h("a", { href: SSC.href("city", city.id, edition ? { edition } : {}) }, words || city.name);
SSC.option = (value, words, chosen) => SSC.h("option", { value, selected: String(value) === String(chosen) }, words);
SSC.select = (label, options, chosen, changed) =>
  SSC.h("label", {}, label, SSC.h("select", { onchange: (event) => changed(event.target.value) }, options.map(([value, words]) => SSC.option(value, words, chosen))));
SSC.editionSelect = (chosen, changed, label = "Edition") => SSC.select(label, SSC.editions.slice().reverse().map((edition) => [edition, String(edition)]), chosen, changed);
SSC.bar = (share, kind = "") => {
  const fill = SSC.h("i");
  fill.style.width = `${Math.max(0, Math.min(100, 100 * (share || 0))).toFixed(1)}%`;
  return SSC.h("span", { class: `bar ${kind}`, "aria-hidden": "true" }, fill);
};
SSC.card = (title, size, ...content) => SSC.h("section", { class: `card ${size || ""}` }, title ? SSC.h("h2", {}, title) : null, content);
SSC.tag = (words, kind = "") => SSC.h("span", { class: `tag ${kind}` }, words);
SSC.pairs = (pairs) => SSC.h("dl", { class: "pairs" }, pairs.filter(([, told]) => told !== null && told !== undefined && told !== "").map(([name, told]) => [SSC.h("dt", {}, name), SSC.h("dd", {}, told)]));
SSC.arrow = (change) => {
  if (!SSC.known(change)) return SSC.h("span", { class: "muted" }, NONE);
  if (change === 0) return SSC.h("span", { class: "muted" }, "=", SSC.h("span", { class: "sr" }, " unchanged"));
  return SSC.h("span", { class: change > 0 ? "up" : "down" }, SSC.h("span", { "aria-hidden": "true" }, change > 0 ? "▲ " : "▼ "), SSC.h("span", { class: "sr" }, change > 0 ? "up " : "down "), String(Math.abs(change)));
};

/* A table whose columns sort. Columns: {name, value(row), cell(row), num, class, down, head}. */
SSC.table = ({ caption, columns, rows, sort, down, most = 60, sorted, label }) => {
  let by = columns.find((column) => column.value && column.key === sort) || null;
  let falling = down ?? by?.down ?? false;
  let shown = most;
  const body = SSC.h("tbody");
  const more = SSC.h("div", { class: "buttons" });
  const heads = columns.map((column) =>
    SSC.h("th", { scope: "col", class: `${column.num ? "num " : ""}${column.class || ""}`, "aria-sort": column.value ? "none" : null, "data-name": column.value ? column.name : null },
      column.value ? SSC.h("button", { type: "button", onclick: () => { falling = by === column ? !falling : Boolean(column.down); by = column; draw(); sorted?.(column.key, falling); SSC.say(`Sorted by ${column.name}, ${falling ? "falling" : "rising"}`); } }, column.name) : column.name));
  const ordered = () => {
    if (!by) return rows;
    const missing = (value) => value === null || value === undefined || value === "h" || Number.isNaN(value);
    return rows.map((row, place) => [by.value(row), place, row]).sort(([a, x], [b, y]) => {
      if (missing(a) || missing(b)) return missing(a) - missing(b) || x - y;
      const order = typeof a === "string" ? a.localeCompare(b, "en") : a - b;
      return (falling ? -order : order) || x - y;
    }).map(([, , row]) => row);
  };
  /* A row is drawn once; sorting and filtering put the drawn ones in another order. */
  const drawn = new WeakMap();
  const line = (row) => { if (!drawn.has(row)) drawn.set(row, fresh(row)); return drawn.get(row); };
  const fresh = (row) => SSC.h("tr", {}, columns.map((column) => SSC.h(column.head ? "th" : "td", { scope: column.head ? "row" : null, class: `${column.num ? "num " : ""}${column.class || ""}` }, column.cell(row))));
  const draw = () => {
    columns.forEach((column, place) => { if (column.value) heads[place].setAttribute("aria-sort", column === by ? (falling ? "descending" : "ascending") : "none"); });
    body.replaceChildren(...ordered().slice(0, shown).map(line));
    more.replaceChildren();
    if (rows.length > shown) more.append(SSC.h("button", { type: "button", onclick: () => { shown = Infinity; draw(); } }, `Show all ${rows.length}`));
  };
  const node = SSC.h("div", {}, SSC.h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label || caption }, SSC.h("table", {}, caption ? SSC.h("caption", {}, caption) : null, SSC.h("thead", {}, SSC.h("tr", {}, heads)), body)), more);
  draw();
  node.update = (fresh) => { rows = fresh; draw(); };
  return node;
};

/* Files that the browser makes itself, from what it has already. */
SSC.save = (name, kind, content) => {
  const address = URL.createObjectURL(new Blob([content], { type: kind }));
  const link = SSC.h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
};
SSC.csv = (lines) => lines.map((line) => line.map((cell) => {
  let text = cell === null || cell === undefined ? "" : String(cell);
  if (typeof cell === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}).join(",")).join("\n") + "\n";
SSC.saveCsv = (name, lines) => SSC.h("button", { type: "button", onclick: () => SSC.save(name, "text/csv", SSC.csv(lines())) }, "Download CSV");
