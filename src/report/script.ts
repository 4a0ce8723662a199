/**
 * @file The page's script: one constant, because the content security policy allows it by its hash. It only shows and
 * hides what is already on the page, so the report reads without it; texts stay inside closed `<details>` until opened.
 */

/** Content of the page's only executable `<script>` element. */
export const SCRIPT = `
"use strict";
(() => {
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const headings = Array.from(table.tHead.rows[0].cells);
    const valueOf = (row, i) => row.cells[i].dataset.sort === undefined ? row.cells[i].textContent : Number(row.cells[i].dataset.sort);
    const compare = (a, b) => typeof a === "number" ? a - b : a.localeCompare(b);
    headings.forEach((heading, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = heading.textContent;
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const isUp = heading.getAttribute("aria-sort") !== "ascending";
        for (const other of headings) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", isUp ? "ascending" : "descending");
        const rows = Array.from(body.rows).sort((a, b) => compare(valueOf(a, i), valueOf(b, i)) * (isUp ? 1 : -1));
        body.append(...rows);
      });
    });
  }
})();
(() => {
  const form = document.getElementById("tools");
  if (!form) return;
  const rows = Array.from(document.querySelectorAll(".answers details"));
  const search = document.getElementById("search");
  const set = document.getElementById("set");
  const change = document.getElementById("change");
  const outcome = document.getElementById("outcome");
  const status = document.getElementById("count");
  const more = document.getElementById("more");
  const reveal = document.getElementById("reveal");
  const PAGE = 50;
  let limit = PAGE;
  let isRevealed = false;
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const has = (row, name, value) => value === "" || row.getAttribute(name).split(" ").includes(value);
  const update = () => {
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let matches = 0;
    let shown = 0;
    rows.forEach((row, i) => {
      const isMatch = (set.value === "" || row.dataset.set === set.value) &&
        has(row, "data-change", change.value) && has(row, "data-outcome", outcome.value) &&
        words.every((word) => texts[i].includes(word));
      if (isMatch) matches += 1;
      row.hidden = !isMatch || matches > limit;
      if (!row.hidden) shown += 1;
      if (isRevealed) row.open = !row.hidden;
    });
    status.textContent = shown === matches ? matches + " of " + rows.length + " " + form.dataset.rows : "the first " + shown + " of " + matches + " matching " + form.dataset.rows;
    more.hidden = shown === matches;
  };
  const restart = () => { limit = PAGE; update(); };
  let timer = 0;
  search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(restart, 120); });
  form.addEventListener("change", restart);
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => { limit += PAGE; update(); });
  reveal.addEventListener("click", () => {
    isRevealed = !isRevealed;
    reveal.setAttribute("aria-pressed", String(isRevealed));
    reveal.textContent = isRevealed ? "Hide all texts" : "Show all texts";
    for (const row of rows) row.open = isRevealed && !row.hidden;
  });
  for (const button of document.querySelectorAll("[data-show]")) {
    button.addEventListener("click", () => {
      set.value = button.dataset.set ?? "";
      outcome.value = "";
      search.value = "";
      change.value = button.dataset.show;
      restart();
      form.scrollIntoView();
      change.focus({ preventScroll: true });
    });
  }
  for (const element of document.querySelectorAll(".script")) element.hidden = false;
  update();
})();
`;
