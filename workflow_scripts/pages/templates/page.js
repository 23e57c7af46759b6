// Tables that sort and can be searched; the values of a map's cell that is pointed at, or tapped, and of all in a table.
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
  // Made when it is opened, from what the cells say: place, value, value as measured, galaxies.
  map.parentElement.querySelector(".values").addEventListener("toggle", ({ target }) => {
    if (target.querySelector("table")) return;
    const room = target.appendChild(document.createElement("div")), table = room.appendChild(document.createElement("table"));
    Object.assign(room, { className: "wide", tabIndex: 0 });
    room.setAttribute("role", "region");
    room.setAttribute("aria-label", `Values of the ${map.getAttribute("aria-label").split(".")[0]}`);
    const heading = table.createTHead().insertRow(), body = table.createTBody();
    for (const words of ["place (ICRS)", "value", "as measured", "galaxies"]) {
      const cell = heading.appendChild(document.createElement("th"));
      Object.assign(cell, { scope: "col", textContent: words });
    }
    for (const text of new Set(cells.map((cell) => cell.textContent))) {
      const row = body.insertRow();
      text.match(/^(.*?): (.*) \(as measured (.*), (.*) galaxies\)$/).slice(1).forEach((part) => { row.insertCell().textContent = part; });
    }
  });
  cells.forEach((cell, number) => ["click", "pointerenter"].forEach((what) => cell.addEventListener(what, () => choose(number))));
}
// A link to what is folded opens it.
const unfold = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", unfold);
unfold();
