"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const sections = [...document.querySelectorAll("section[data-rule]")].map((section) => ({
    section,
    rows: [...section.querySelectorAll("tbody tr")].map((row) => ({ row, text: row.textContent.toLowerCase() })),
  }));
  const update = () => {
    const [level, rule] = [$("level").value, $("rule").value];
    const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { section, rows } of sections) {
      const meant = (!level || section.dataset.level === level) && (!rule || section.dataset.rule === rule);
      let shown = 0;
      for (const { row, text } of rows) {
        row.hidden = !meant || !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      section.hidden = shown === 0;
      count += shown;
    }
    $("count").textContent = `${count} ${count === 1 ? "finding" : "findings"}`;
  };
  $("filter").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["level", "rule", "find"]) $(id).addEventListener("input", update);
  $("filter").hidden = false;
  update();
})();
