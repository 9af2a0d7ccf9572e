/* Which page is shown; what surrounds it. */
"use strict";

(() => {
  const { h } = SSC;
  const NAV = [["ranking", "Ranking"], ["regions", "Regions"], ["city", "Cities"], ["kpi", "KPIs"], ["compare", "Compare"], ["change", "Change"], ["weights", "Weights"], ["audit", "Audit"], ["method", "Method"], ["downloads", "Downloads"]];
  const main = document.getElementById("main");
  const nav = document.getElementById("nav");
  let shown = 0;

  const theme = document.getElementById("theme");
  const kept = () => { try { return localStorage.getItem("ssc-theme"); } catch { return null; } };
  const setTheme = (name) => {
    document.documentElement.dataset.theme = name;
    theme.textContent = name === "dark" ? "Light" : "Dark";
    theme.setAttribute("aria-label", `Switch to ${name === "dark" ? "light" : "dark"} colours`);
  };
  setTheme(kept() || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  theme.addEventListener("click", () => {
    const name = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("ssc-theme", name); } catch { /* a browser that keeps nothing */ }
    setTheme(name);
  });

  /* The address tells the page, so that the link to the content must not change it. */
  document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });

  const show = async (isFirst) => {
    const turn = ++shown;
    const place = SSC.place();
    const page = SSC.pages[place.page];
    for (const link of nav.children) link.toggleAttribute("aria-current", link.dataset.page === place.page);
    for (const link of nav.querySelectorAll("[aria-current]")) link.setAttribute("aria-current", "page");
    const fresh = h("div", {});
    /* What a page leaves out is null or false; neither is a text. */
    fresh.append = (...parts) => Element.prototype.append.apply(fresh, parts.filter((part) => part !== null && part !== false));
    try {
      if (!page) throw new Error(`There is no page called ${place.page}.`);
      await page.show(fresh, place);
    } catch (error) {
      if (page) console.error(error);
      fresh.replaceChildren(h("h1", {}, "This page cannot be shown"), h("p", { class: "callout" }, error.message), h("p", {}, h("a", { href: "#/ranking" }, "Go to the ranking")));
    }
    if (turn !== shown) return;
    main.replaceChildren(...fresh.childNodes);
    const here = nav.querySelector("[aria-current]");
    if (here) nav.scrollLeft = Math.max(0, here.offsetLeft + here.offsetWidth - nav.offsetLeft - nav.clientWidth + 40);
    const heading = main.querySelector("h1");
    document.title = `${heading ? heading.textContent.trim() : page.title} – ${SSC.core.workspace}`;
    document.documentElement.dataset.ready = String(turn);
    if (isFirst) return;
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  };

  SSC.load("core").then((core) => {
    SSC.prepare(core);
    nav.append(...NAV.filter(([page]) => (page !== "weights" || core.about.can_weigh) && (page !== "audit" || core.about.audits.length)).map(([page, words]) => h("a", { href: `#/${page}`, "data-page": page }, words)));
    const latest = SSC.byEdition[SSC.latest];
    document.getElementById("foot").append(
      h("p", {}, `${core.workspace}. Edition ${SSC.latest}, ${latest.status === "draft" ? "a draft: it changes with every rebuild" : latest.status}. Framework ${latest.framework_version}, method ${latest.method}${latest.as_of ? `, as of ${latest.as_of}` : ""}.`),
      h("p", {}, core.is_demo ? "Demo data: every city and every number is invented. " : "", "Only what the cities' consent covers is shown."),
      core.content ? h("p", {}, `Content of the mart: ${core.content}`) : null);
    if (!core.is_demo) document.getElementById("notice").remove();
    document.getElementById("status").textContent = latest.status === "draft" ? "draft" : "";
    addEventListener("hashchange", () => show(false));
    return show(true);
  }).catch((error) => main.append(h("h1", {}, "The data are missing"), h("p", { class: "callout" }, error.message)));
})();
