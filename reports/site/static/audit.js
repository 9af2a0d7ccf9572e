/* The statistical audit of an edition in short: what its rules say; the whole of it is a document beside the site. */
"use strict";

SSC.pages.audit = {
  title: "Audit",
  async show(main, { query }) {
    const { h } = SSC;
    const audits = SSC.core.about.audits;
    if (!audits.length) throw new Error("This site was written without an audit.");
    const edition = Number(query.get("edition")) || audits[audits.length - 1];
    const { summary, conclusions } = await SSC.load(`audit-${edition}`);
    const marks = { "holds": ["✓", "up"], "does not hold": ["✗", "down"] };
    const verdict = (words) => { const [mark, kind] = marks[words] || ["–", "muted"]; return h("span", { class: `${kind} nowrap` }, h("span", { "aria-hidden": "true" }, `${mark} `), words); };
    main.append(
      h("h1", {}, `Statistical audit ${edition}`),
      h("p", { class: "lead" }, "Are the data there, does the structure hold, do weights mean what they say, how sure are the ranks, and what hangs on each choice? Conclusions follow from rules with limits that were written down before."),
      audits.length > 1 ? h("div", { class: "controls" }, SSC.select("Edition", audits.slice().reverse().map((year) => [year, String(year)]), edition, (year) => { location.hash = SSC.href("audit", null, { edition: year }); })) : null,
      SSC.card("The whole audit", "", h("p", {}, h("a", { href: `downloads/audit-${edition}.html` }, "Read it as a page"), " · ", h("a", { href: `downloads/audit-${edition}.pdf`, download: `audit-${edition}.pdf` }, "Take it as PDF"))),
      SSC.card("Conclusions", "", h("p", {}, summary), SSC.table({ label: `Conclusions of the audit ${edition}`, rows: conclusions, columns: [
        { name: "Rule", head: true, cell: ([name, , , , sentence]) => [name, h("span", { class: "place only-narrow" }, sentence)] },
        { name: "Condition", class: "narrow-hide", cell: ([, condition]) => condition },
        { name: "Figure", num: true, cell: ([, , value]) => value },
        { name: "Verdict", cell: ([, , , words]) => verdict(words) },
        { name: "Conclusion", class: "broad narrow-hide", cell: ([, , , , sentence]) => sentence },
        { name: "Source of the limit", class: "wide", cell: ([, , , , , source]) => h("span", { class: "muted small" }, source) },
      ] })));
  },
};
