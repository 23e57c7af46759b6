// Tables that sort and can be searched; the values of a map's cell that is pointed at, or tapped.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("th button").forEach((button, column) => button.addEventListener("click", () => {
    const cell = button.parentElement, up = cell.getAttribute("aria-sort") !== "ascending";
    table.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
    cell.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[column].textContent.trim();
    const number = (text) => parseFloat(text.replace(/,/g, "").replace(/^[<>=\s]+/, ""));
    [...body.rows].sort((a, b) => {
      const x = number(key(a)), y = number(key(b));
      const order = isNaN(x) || isNaN(y) ? key(a).localeCompare(key(b)) : x - y;
      return up ? order : -order;
    }).forEach((row) => body.append(row));
  }));
}
for (const field of document.querySelectorAll("input.search"))
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    for (const row of document.getElementById(field.dataset.table).tBodies[0].rows)
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
for (const map of document.querySelectorAll("svg.sky")) {
  const said = map.parentElement.querySelector(".value"), cells = [...map.querySelectorAll(".cell")];
  let chosen = -1;
  const choose = (number) => {
    if (chosen >= 0) cells[chosen].classList.remove("chosen");
    chosen = number;
    cells[chosen].classList.add("chosen");
    said.textContent = cells[chosen].textContent;
  };
  cells.forEach((cell, number) => ["click", "pointerenter"].forEach((what) => cell.addEventListener(what, () => choose(number))));
}
