"use strict";
// Enhancement only: everything can be read without this script.
(() => {
  const value = (cell) => {
    const text = cell.textContent.trim().replace(/\u2212/g, "-").replace(/[,*†]/g, "");
    const found = text.match(/^[<\[]?\s*([+-]?[\d.]+)/);
    return found ? parseFloat(found[1]) : text === "–" ? NaN : text.toLowerCase();
  };
  const compare = (a, b) => {
    const missing = (x) => typeof x === "number" && Number.isNaN(x);
    if (missing(a) || missing(b)) return missing(a) - missing(b);
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b));
  };
  for (const table of document.querySelectorAll("table.data")) {
    const body = table.tBodies[0];
    if (body.rows.length < 2) continue;
    table.querySelectorAll("thead th").forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        table.querySelectorAll("th[aria-sort]").forEach((h) => h.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = [...body.rows].map((row) => [value(row.cells[column]), row]);
        rows.sort((a, b) => (up ? 1 : -1) * compare(a[0], b[0]));
        body.append(...rows.map((pair) => pair[1]));
      });
    });
    if (body.rows.length > 12) {
      const label = document.createElement("label");
      const input = document.createElement("input");
      label.className = "filter";
      label.append("Filter ", input);
      input.type = "search";
      input.addEventListener("input", () => {
        const words = input.value.toLowerCase().split(/\s+/);
        for (const row of body.rows) {
          const text = row.textContent.toLowerCase();
          row.hidden = !words.every((word) => text.includes(word));
        }
      });
      table.caption.append(label);
    }
  }
  const open = () => {
    let at = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const target = at;
    for (; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  if (location.hash) open();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("#claims details:not([open])")];
    closed.forEach((d) => (d.open = true));
  });
  addEventListener("afterprint", () => closed.forEach((d) => (d.open = false)));
})();
