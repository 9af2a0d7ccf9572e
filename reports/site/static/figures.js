/* Figures in the browser, in the look of reports/figures: wheel, strip, slope, waterfall, progress, rank intervals. */
"use strict";

SSC.fig = (() => {
  const { s, h } = SSC;
  const FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans', 'DejaVu Sans', sans-serif";
  const LOOK = { ink: "#17212b", muted: "#5a6875", line: "#d5dce2", accent: "#1b5e9b", worse: "#b8500b", paper: "#ffffff" };
  let count = 0;
  /* Figures are drawn narrower where the window is, so that their texts stay readable. */
  const narrow = () => innerWidth < 600;
  const num = (value) => String(Math.round(value * 100) / 100);
  const short = (words, most) => { const all = [...words]; return SSC.apart(all.length <= most ? words : `${all.slice(0, most - 1).join("").trimEnd()}…`); };
  const tip = (words) => s("title", {}, words);
  const text = (x, y, words, given) => s("text", { x: num(x), y: num(y), class: "f-ink", fill: LOOK.ink, "font-size": 12, ...given }, words);
  const note = (x, y, words, given) => text(x, y, words, { class: "f-muted", fill: LOOK.muted, "font-size": 10, ...given });
  const line = (x1, y1, x2, y2, given) => s("line", { x1: num(x1), y1: num(y1), x2: num(x2), y2: num(y2), class: "f-line", stroke: LOOK.line, "stroke-width": 1, ...given });

  const frame = (width, height, title, told, children) => {
    const id = `figure-${++count}`;
    return s("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${num(width)} ${num(height)}`, width: num(width), height: num(height), role: "img", "aria-labelledby": `${id}-t ${id}-d`, "font-family": FONT },
      s("title", { id: `${id}-t` }, title), s("desc", { id: `${id}-d` }, told), children);
  };

  /* A figure with its caption and a button that saves it as SVG, as it stands. */
  const figure = (svg, name, caption, kind = "") => h("figure", { class: kind }, svg,
    h("figcaption", {}, caption, " ", h("button", { type: "button", class: "ghost small", onclick: () => SSC.save(`${name}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(svg)) }, "Save SVG")));

  const ticks = (low, high, wanted = 5) => {
    const span = high - low;
    if (!(span > 0) || !Number.isFinite(span)) return [low];
    const raw = span / Math.max(1, wanted - 1);
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((factor) => power * factor).find((one) => one >= raw * (1 - 1e-9));
    const all = [];
    for (let place = Math.ceil(low / step - 1e-9); place <= Math.floor(high / step + 1e-9); place++) all.push(place * step + 0); /* + 0: no tick of -0 */
    return all;
  };

  /* --- the wheel ------------------------------------------------------------------------------------------ */
  const SIZE = 690, C = SIZE / 2, RINGS = [[74, 112], [114, 152], [154, 214]];
  const at = (radius, turn) => [C + radius * Math.sin(2 * Math.PI * turn), C - radius * Math.cos(2 * Math.PI * turn)];
  const leaves = (part) => (part.parts?.length ? part.parts.reduce((sum, one) => sum + leaves(one), 0) : 1);
  const sector = (inner, outer, start, end) => {
    if (end - start > 0.999999) { const middle = (start + end) / 2; return `${sector(inner, outer, start, middle)} ${sector(inner, outer, middle, end)}`; }
    const large = end - start > 0.5 ? 1 : 0;
    const [a, b, c, d] = [at(outer, start), at(outer, end), at(inner, end), at(inner, start)].map(([x, y]) => `${num(x)} ${num(y)}`);
    return `M${a}A${outer} ${outer} 0 ${large} 1 ${b}L${c}A${inner} ${inner} 0 ${large} 0 ${d}Z`;
  };
  const wheel = (dimensions, centre, title, told) => {
    const total = dimensions.reduce((sum, part) => sum + leaves(part), 0);
    const id = `wheel-${++count}`;
    const marks = [s("defs", {}, s("pattern", { id: `${id}-hatch`, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("path", { d: "M0 2.5H5", stroke: SSC.UNCOMPARED.fill, "stroke-width": 1.3 })))];
    const walk = (parts, start, ring) => parts.forEach((part, place) => {
      const end = start + leaves(part) / total;
      const band = part.band;
      marks.push(s("path", { d: sector(...RINGS[ring], start, end), fill: band.hatched ? `url(#${id}-hatch)` : band.fill, stroke: LOOK.paper, "stroke-width": ring < 2 ? 1.4 : 0.8, class: `f-band f-${band.key}`, "data-node": part.node }, tip(`${part.name}: ${part.told}`)));
      const middle = (start + end) / 2;
      if (ring === 0) {
        const below = middle % 1 > 0.25 && middle % 1 < 0.75;
        const radius = 93 + (below ? 4 : -4);
        const [from, to] = (below ? [end, start] : [start, end]).map((turn) => at(radius, turn).map(num).join(" "));
        marks.push(s("path", { id: `${id}-${place}`, fill: "none", d: `M${from}A${radius} ${radius} 0 ${end - start > 0.5 ? 1 : 0} ${below ? 0 : 1} ${to}` }),
          s("text", { "font-size": 12, "font-weight": 600, fill: band.ink, "text-anchor": "middle", "aria-hidden": "true", "pointer-events": "none" }, s("textPath", { href: `#${id}-${place}`, startOffset: "50%" }, short(part.name, Math.max(2, Math.floor((end - start) * 2 * Math.PI * radius / 6.2))))));
      } else if (ring === 1) {
        const [x, y] = at(221, middle);
        const left = middle % 1 > 0.5;
        marks.push(note(0, 3.5, short(part.name, 19), { "font-size": 12, "text-anchor": left ? "end" : "start", transform: `translate(${num(x)} ${num(y)}) rotate(${num(360 * middle - (left ? 270 : 90))})` }));
      }
      walk(part.parts || [], start, ring + 1);
      start = end;
    });
    walk(dimensions, 0, 0);
    marks.push(text(C, C + 6, centre[0], { "text-anchor": "middle", "font-size": 34, "font-weight": 700 }), note(C, C + 28, centre[1], { "text-anchor": "middle", "font-size": 12 }));
    return frame(SIZE, SIZE, title, told, marks);
  };
  const legend = (grey = "not reported") => h("ul", { class: "legend", "aria-label": "Colours" }, [...SSC.core.bands.map((_, place) => SSC.bandOf(place)), SSC.UNCOMPARED, SSC.bandOf(null)].map((band) => {
    const dot = h("i", { class: `dot${band.hatched ? " hatched" : ""}`, "aria-hidden": "true" });
    if (band.key !== "not_reported" && !band.hatched) dot.style.background = band.fill;
    return h("li", {}, dot, band.key === "not_reported" ? grey : band.hatched ? band.label : `${band.label} of target`);
  }));

  /* --- distribution strip: one dot a city ----------------------------------------------------------------- */
  const strip = (marks, { title, told, unit = "", references = [], width = 640, form, from, to }) => {
    if (narrow()) width = Math.min(width, 420);
    const R = 4, left = 24, right = 24, tallest = 11;
    const ends = [...marks.map((mark) => mark.value), ...references.map(([, value]) => value)];
    let [low, high] = ends.length ? [Math.min(...ends), Math.max(...ends)] : [0, 1];
    if (SSC.known(from)) [low, high] = [from, to];
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
    const x = (value) => left + (width - left - right) * (value - low) / (high - low);
    const columns = new Map();
    for (const mark of marks.slice().sort((a, b) => (b.chosen || 0) - (a.chosen || 0) || a.value - b.value)) {
      const column = Math.floor(x(mark.value) / (2 * R));
      if (!columns.has(column)) columns.set(column, []);
      columns.get(column).push(mark);
    }
    const most = Math.max(1, ...[...columns.values()].map((column) => Math.min(column.length, tallest)));
    const named = marks.some((mark) => mark.chosen);
    const floor = 34 + 2 * R * most + (named ? 18 : 0);
    const children = [line(left, floor + R + 2, width - right, floor + R + 2)];
    for (const tick of ticks(low, high)) children.push(line(x(tick), floor + R + 2, x(tick), floor + R + 6), note(x(tick), floor + R + 17, form ? form(tick) : tick.toLocaleString("en"), { "text-anchor": "middle" }));
    children.push(note(width - right, floor + 32, unit, { "text-anchor": "end" }));
    let before = -999;
    for (const [name, value] of references.slice().sort((a, b) => a[1] - b[1])) {
      const place = x(value);
      const low = place - before < 90;
      children.push(line(place, low ? 28 : 16, place, floor + R, { stroke: LOOK.muted, "stroke-dasharray": "3 3", class: "f-mutedline" }), note(place, low ? 24 : 11, name, { "text-anchor": place < 80 ? "start" : place > width - 80 ? "end" : "middle" }));
      before = low ? -999 : place;
    }
    for (const column of columns.values()) {
      const step = column.length <= tallest ? 2 * R : 2 * R * (tallest - 1) / (column.length - 1);
      column.forEach((mark, place) => children.push(s("circle", { cx: num(x(mark.value)), cy: num(floor - step * place), r: mark.chosen ? R + 1.5 : R - 0.4, fill: mark.chosen ? LOOK.worse : LOOK.accent, "fill-opacity": mark.chosen ? 1 : 0.55, class: mark.chosen ? "f-highlight" : "f-accent" }, tip(`${mark.name}: ${SSC.amount(mark.value)}`))));
    }
    for (const mark of marks.filter((one) => one.chosen)) { const place = x(mark.value); children.push(text(place, 42, short(mark.name, 30), { "text-anchor": place < 120 ? "start" : place > width - 120 ? "end" : "middle", "font-weight": 700, fill: LOOK.worse, class: "f-highlight" })); }
    return frame(width, floor + 36, title, told, children);
  };

  /* --- slope chart ---------------------------------------------------------------------------------------- */
  const slope = (lines, heads, title, told) => {
    const thin = narrow(), W = thin ? 430 : 640, ROW = 17, TOP = 50, L = thin ? 165 : 220, R = thin ? 265 : 420, LONG = thin ? 19 : 25;
    const first = new Map();
    let rows = 0;
    for (const rank of [...new Set(lines.flatMap((one) => [one.before, one.after]))].sort((a, b) => a - b)) {
      first.set(rank, rows);
      rows += Math.max(lines.filter((one) => one.before === rank).length, lines.filter((one) => one.after === rank).length);
    }
    const place = (key) => {
      const taken = new Map();
      const found = new Map();
      for (const one of lines.slice().sort((a, b) => a[key] - b[key] || a.name.localeCompare(b.name, "en"))) {
        const used = taken.get(one[key]) || 0;
        found.set(one, first.get(one[key]) + used);
        taken.set(one[key], used + 1);
      }
      return found;
    };
    const [left, right] = [place("before"), place("after")];
    const y = (row) => TOP + ROW * (row + 0.5);
    const children = [text(L, 20, heads[0], { "text-anchor": "end", "font-weight": 700, "font-size": 15 }), text(R, 20, heads[1], { "font-weight": 700, "font-size": 15 }), note(L, 36, "rank", { "text-anchor": "end" }), note(R, 36, "rank")];
    for (const one of lines) {
      const change = one.before - one.after;
      const [colour, mark] = change > 0 ? [LOOK.accent, "f-better"] : change < 0 ? [LOOK.worse, "f-worse"] : [LOOK.muted, "f-mutedline"];
      const word = change > 0 ? `up ${change}` : change < 0 ? `down ${-change}` : "unchanged";
      const [y1, y2] = [y(left.get(one)), y(right.get(one))];
      children.push(s("g", {}, tip(`${one.name}: rank ${one.before} to ${one.after}, ${word}`),
        text(L - 10, y1 + 4, `${short(one.name, LONG)}  ${one.before}`, { "text-anchor": "end" }), line(L, y1, R - 8, y2, { stroke: colour, class: mark, "stroke-width": 1.6, "stroke-opacity": change ? 1 : 0.6 }),
        s("circle", { cx: L, cy: num(y1), r: 3, fill: colour, class: mark }), s("circle", { cx: R - 8, cy: num(y2), r: 3, fill: colour, class: mark }), text(R + 2, y2 + 4, `${one.after}  ${short(one.name, LONG)}`)));
    }
    return frame(W, TOP + ROW * Math.max(1, rows) + 10, title, told, children);
  };

  /* --- waterfall ------------------------------------------------------------------------------------------ */
  const waterfall = (start, steps, end, title, told) => {
    const W = narrow() ? 420 : 640, H = 280, TOP = 30, BOTTOM = 52, LEFT = 44, RIGHT = 12;
    const levels = [start[1]];
    for (const [, change] of steps) levels.push(levels[levels.length - 1] + change);
    if (Math.abs(levels[levels.length - 1] - end[1]) > 1e-6) throw new Error(`${title}: the steps do not add up`);
    let [low, high] = [Math.min(...levels), Math.max(...levels)];
    const room = Math.max(1, (high - low) * 0.25);
    [low, high] = [Math.max(0, low - room), high + room * 0.4];
    const y = (value) => TOP + (H - TOP - BOTTOM) * (high - value) / (high - low);
    const slot = (W - LEFT - RIGHT) / (steps.length + 2);
    const bar = (place, name, top, bottom, label, colour, mark) => { const x = LEFT + slot * place; return s("g", {}, tip(`${name}: ${label}`), s("rect", { x: num(x + slot * 0.18), y: num(top), width: num(slot * 0.64), height: num(Math.max(1, bottom - top)), rx: 2, fill: colour, class: mark }), text(x + slot / 2, top - 6, label, { "text-anchor": "middle", "font-weight": 600 }), note(x + slot / 2, H - BOTTOM + 20, short(name, Math.max(6, Math.floor(slot / 5.4))), { "text-anchor": "middle", "font-size": 11 })); };
    const children = ticks(low, high).flatMap((tick) => [line(LEFT, y(tick), W - RIGHT, y(tick)), note(LEFT - 6, y(tick) + 4, tick.toLocaleString("en"), { "text-anchor": "end" })]);
    children.push(bar(0, start[0], y(start[1]), y(low), SSC.score(start[1]), LOOK.muted, "f-mutedfill"));
    steps.forEach(([name, change], place) => {
      const [top, bottom] = [y(levels[place]), y(levels[place + 1])].sort((a, b) => a - b);
      children.push(bar(place + 1, name, top, bottom, SSC.signed(change), change >= 0 ? LOOK.accent : LOOK.worse, change >= 0 ? "f-better" : "f-worse"));
    });
    children.push(bar(steps.length + 1, end[0], y(end[1]), y(low), SSC.score(end[1]), LOOK.muted, "f-mutedfill"));
    if (low > 0) children.push(note(LEFT, H - 6, `The scale starts at ${low.toFixed(1)}.`));
    return frame(W, H, title, told, children);
  };

  /* --- progress: scores over the editions ----------------------------------------------------------------- */
  const SERIES = ["#1b5e9b", "#b8500b", "#00806a", "#a04a8c", "#8a6a00"];
  const SHAPES = [(x, y) => `M${x - 4.5} ${y}a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0Z`, (x, y) => `M${x - 4.2} ${y - 4.2}h8.4v8.4h-8.4Z`, (x, y) => `M${x} ${y - 5.4}l5 8.8h-10Z`, (x, y) => `M${x} ${y - 5.6}l5.6 5.6l-5.6 5.6l-5.6 -5.6Z`, (x, y) => `M${x - 5} ${y - 1.8}h3.2v-3.2h3.6v3.2h3.2v3.6h-3.2v3.2h-3.6v-3.2h-3.2Z`];
  const mark = (place, x, y, words) => s("path", { d: SHAPES[place % 5](Math.round(x * 10) / 10, Math.round(y * 10) / 10), fill: SERIES[place % 5], class: `f-series-${place % 5}` }, words ? tip(words) : null);
  const progress = (series, labels, title, told, height = 240) => {
    const W = narrow() ? 430 : 640, TOP = 14, BOTTOM = 30, LEFT = 30, RIGHT = 150;
    const all = series.flatMap((one) => one.values.filter(SSC.known));
    const spread = all.length ? Math.max(...all) - Math.min(...all) : 0;
    const low = all.length ? Math.max(0, Math.min(...all) - Math.max(4, spread * 0.15)) : 0;
    const high = all.length ? Math.min(100, Math.max(...all) + Math.max(4, spread * 0.15)) : 100;
    const x = (place) => (labels.length > 1 ? LEFT + 12 + (W - LEFT - RIGHT - 24) * place / (labels.length - 1) : (LEFT + W - RIGHT) / 2);
    const y = (value) => TOP + (height - TOP - BOTTOM) * (high - value) / (high - low);
    /* The last edition is always named, and as many before it as there is room for. */
    const each = Math.ceil(30 * (labels.length - 1) / (W - LEFT - RIGHT - 24)) || 1;
    const children = [...ticks(low, high, 4).flatMap((tick) => [line(LEFT, y(tick), W - RIGHT, y(tick)), note(LEFT - 6, y(tick) + 4, String(tick), { "text-anchor": "end" })]), ...labels.map((label, place) => ((labels.length - 1 - place) % each ? null : note(x(place), height - 8, String(label), { "text-anchor": "middle", "font-size": 11 })))];
    const ends = [];
    series.forEach((one, place) => {
      let path = "";
      one.values.forEach((value, column) => { if (SSC.known(value)) path += `${path && SSC.known(one.values[column - 1]) ? "L" : "M"}${num(x(column))} ${num(y(value))}`; });
      children.push(s("path", { d: path, fill: "none", stroke: SERIES[place % 5], "stroke-width": one.thick ? 2.6 : 1.7, class: `f-seriesline-${place % 5}` }));
      one.values.forEach((value, column) => { if (SSC.known(value)) children.push(mark(place, x(column), y(value), `${one.name}, ${labels[column]}: ${SSC.score(value)}`)); });
      const last = one.values.findLastIndex(SSC.known);
      if (last >= 0) ends.push({ y: y(one.values[last]), words: `${short(one.name, 18)} ${SSC.score(one.values[last])}`, thick: one.thick });
    });
    ends.sort((a, b) => a.y - b.y).forEach((end, place) => { if (place && end.y < ends[place - 1].y + 14) end.y = ends[place - 1].y + 14; });
    for (const end of ends) children.push(text(W - RIGHT + 8, end.y + 4, end.words, { "font-weight": end.thick ? 700 : 400, "font-size": 11.5 }));
    return frame(W, height, title, told, children);
  };

  /* --- several cities on the same scales: a row a node, a mark a city -------------------------------------- */
  const dots = (rows, names, title, told) => {
    const W = narrow() ? 400 : 640, ROW = 26, TOP = 26, LEFT = narrow() ? 150 : 210, RIGHT = 20;
    const x = (value) => LEFT + (W - LEFT - RIGHT) * value / 100;
    const height = TOP + ROW * rows.length + 6;
    const children = [0, 25, 50, 75, 100].flatMap((tick) => [line(x(tick), TOP - 6, x(tick), height - 6), note(x(tick), 14, String(tick), { "text-anchor": "middle" })]);
    rows.forEach((row, count) => {
      const y = TOP + ROW * (count + 0.5);
      children.push(text(LEFT - 12 , y + 4, short(row.name, narrow() ? 21 : row.strong ? 28 : 30), { "text-anchor": "end", "font-weight": row.strong ? 700 : 400 }));
      const known = row.values.filter(SSC.known);
      if (known.length > 1) children.push(line(x(Math.min(...known)), y, x(Math.max(...known)), y, { "stroke-width": 3 }));
      row.values.forEach((value, place) => { if (SSC.known(value)) children.push(mark(place, x(value), y, `${names[place]}, ${row.name}: ${SSC.score(value)}`)); });
    });
    return frame(W, height, title, told, children);
  };
  const key = (names) => h("ul", { class: "legend" }, names.map((name, place) => h("li", {}, s("svg", { width: 14, height: 14, viewBox: "0 0 14 14", "aria-hidden": "true" }, mark(place, 7, 7)), " ", name)));

  /* --- rank with its interval, small enough for a table ----------------------------------------------------- */
  const interval = ({ rank, low, high, tier }, among) => {
    const W = 110, x = (value) => 4 + (W - 8) * (value - 1) / Math.max(1, among - 1);
    const words = `rank ${rank} of the ${among} cities with open values, 90 % interval ${low} to ${high}${tier ? `, tier ${tier}` : ""}`;
    return s("svg", { width: W, height: 14, viewBox: `0 0 ${W} 14`, role: "img", "aria-label": words }, tip(words), line(4, 7, W - 4, 7), line(x(low), 7, x(high), 7, { class: "f-accent", stroke: LOOK.accent, "stroke-width": 5, "stroke-opacity": 0.4, "stroke-linecap": "round" }), s("circle", { cx: num(x(rank)), cy: 7, r: 3.5, class: "f-accent", fill: LOOK.accent }));
  };

  /* --- the chance of each rank: a bar a rank, those within the interval full ------------------------------------ */
  const chances = ({ width, bars }, { rank, low, high }, among, title, told) => {
    const W = narrow() ? 340 : 520, H = 190, left = 36, floor = H - 34, top = 14;
    const most = Math.max(...bars.map(([, share]) => share));
    const slot = (W - left - 10) / among, x = (value) => left + slot * (value - 1);
    const y = (share) => floor - (floor - top) * share / most;
    const marks = [...new Set([1, ...[1, 2, 3, 4].map((part) => Math.round(among * part / 4))])];
    const bar = ([first, share]) => {
      const last = Math.min(among, first + width - 1);
      const own = rank >= first && rank <= last, inside = last >= low && first <= high;
      return s("rect", { x: num(x(first) + slot * width * 0.08), y: num(y(share)), width: num(slot * (last - first + 1) * 0.84), height: num(floor - y(share)), class: own ? "f-highlight" : "f-accent", fill: own ? LOOK.worse : LOOK.accent, "fill-opacity": inside ? 0.9 : 0.3 },
        tip(`rank ${first === last ? first : `${first} to ${last}`}: ${(100 * share).toFixed(1)} %`));
    };
    return frame(W, H, title, told, [
      line(left, floor, W - 10, floor), note(left - 6, y(most) + 4, `${Math.round(100 * most)} %`, { "text-anchor": "end" }), line(left, y(most), W - 10, y(most)),
      bars.map(bar),
      marks.map((value) => note(x(value) + slot / 2, floor + 15, String(value), { "text-anchor": "middle" })),
      note(left, H - 4, narrow() ? `Rank among ${among} cities. Pale: outside the interval.` : `Rank among ${among} cities. Orange: as published among them. Pale: outside the interval.`),
    ]);
  };

  return { figure, wheel, legend, strip, slope, waterfall, progress, dots, key, interval, chances };
})();
