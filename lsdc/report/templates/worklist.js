"use strict";
// Sorts the worklist by a column. Without this script the table stands as it was written, in its first order.
(() => {
  const table = document.getElementById("worklist"), body = table.tBodies[0];
  const said = table.querySelector(".sorting"), rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const valueOf = (row, column) => {
    const text = row.cells[column].dataset.value;
    return text === "" || text === undefined ? NaN : Number(text);
  };
  const sort = (head) => {
    const column = head.cellIndex, first = head.dataset.sort;
    const turned = { ascending: "descending", descending: "ascending" };
    const order = head.hasAttribute("aria-sort") ? turned[head.getAttribute("aria-sort")] : first;
    heads.forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const keyed = rows.map((row, place) => ({ row, place, value: valueOf(row, column) }));
    keyed.sort((a, b) => {  // what is not known comes last, whichever way
      if (Number.isNaN(a.value) || Number.isNaN(b.value)) {
        return Number.isNaN(a.value) - Number.isNaN(b.value) || a.place - b.place;
      }
      return sign * (a.value - b.value) || a.place - b.place;
    });
    body.append(...keyed.map((one) => one.row));
    said.textContent = `; sorted by ${head.textContent.trim()}, ${order}`;
  };
  for (const head of heads.filter((one) => one.dataset.sort)) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head));
    head.append(button);
  }
})();
