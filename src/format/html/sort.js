"use strict";
// Makes each column's heading a button that sorts the rows below it; sums are in the foot and stay.
for (const table of document.querySelectorAll("table")) {
  const headings = table.tHead.rows[0].cells;
  [...headings].forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const numeric = heading.classList.contains("number");
      // Largest first is what one looks for among numbers.
      const first = numeric ? "descending" : "ascending";
      const other = numeric ? "ascending" : "descending";
      const order = heading.getAttribute("aria-sort") === first ? other : first;
      for (const each of headings) each.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const value = (row) => {
        const cell = row.cells[column];
        if (!numeric) return cell.textContent;
        // What has no number comes last, whichever way.
        return cell.dataset.value === "" ? sign * Infinity : Number(cell.dataset.value);
      };
      const compare = numeric
        ? (a, b) => (value(a) === value(b) ? 0 : sign * (value(a) < value(b) ? -1 : 1))
        : (a, b) => sign * value(a).localeCompare(value(b), "en", { numeric: true });
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort(compare));
    });
  });
}
