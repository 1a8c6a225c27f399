"use strict";
// Column headings of tables become buttons that sort; a page without this script shows the same tables.
function value(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
  const text = cell.textContent.trim();
  return text === "" || text === "–" ? null : text;
}
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  return sign * String(a).localeCompare(String(b), "en", { numeric: true });
}
function offer(table, head, column) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  head.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => {
    const body = table.tBodies[0], rows = [...body.rows], before = head.getAttribute("aria-sort");
    const numbers = rows.some((row) => typeof value(row, column) === "number");
    const order = before === "none" ? (numbers ? "descending" : "ascending")
      : before === "ascending" ? "descending" : "ascending";
    for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    body.append(...rows.sort((a, b) => compare(value(a, column), value(b, column), sign)));
  });
}
for (const table of document.querySelectorAll("table.sortable")) {
  const taken = {};
  [...table.tHead.rows].forEach((row, y) => {
    let x = 0;
    for (const head of row.cells) {
      while (taken[`${y},${x}`]) x++;
      for (let i = 0; i < head.rowSpan; i++)
        for (let j = 0; j < head.colSpan; j++) taken[`${y + i},${x + j}`] = true;
      if (head.colSpan === 1) offer(table, head, x);
      x += head.colSpan;
    }
  });
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
