// Tables: rows sorted by a column, intervals on demand, columns that no shown row fills left out, what a number means.
"use strict";

(function () {

  function rowsOf(body) {
    return [...body.rows].filter((row) => !row.classList.contains("heading"));
  }

  // What a cell is sorted by: a number where there is one, else its text; nothing comes last.
  function valueOf(row, index) {
    const cell = row.cells[index];
    if (!cell || cell.colSpan > 1 || cell.classList.contains("none")) return null;
    const text = cell.dataset.value ?? cell.textContent.trim();
    if (text === "inf") return Infinity;
    return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
  }

  function compare(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return sign * (a - b || 0);
    return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
  }

  function sort(table, index, descending) {
    const sign = descending ? -1 : 1;
    for (const body of table.tBodies) {
      const rows = rowsOf(body).map((row) => [valueOf(row, index), row]);
      rows.sort((a, b) => compare(a[0], b[0], sign)).forEach(([, row]) => body.append(row));
    }
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      if (place === index) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }

  function sorter(table, head, index) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.title = "Sort by this column";
    button.append(...[...head.childNodes].filter((node) => !(node.classList && node.classList.contains("unit"))));
    if (!button.textContent.trim()) button.setAttribute("aria-label", "Sort by name");
    head.prepend(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const first = head.dataset.better === "higher"; // the best come first
      sort(table, index, now ? now === "ascending" : first);
    });
  }

  function meaning(head) {
    const id = `metric-${head.dataset.metric}`;
    if (!head.dataset.metric || !document.getElementById(id)) return;
    const link = Object.assign(document.createElement("a"), { className: "asks", href: `#${id}`, textContent: "?" });
    link.setAttribute("aria-label", `What ${head.querySelector(".title, .sort").textContent.trim()} means`);
    link.title = "What this number means";
    const unit = head.querySelector(".unit");
    if (unit) unit.append("\u00a0", link);
    else head.append(Object.assign(document.createElement("span"), { className: "unit" }));
    if (!unit) head.querySelector(".unit").append(link);
  }

  // Columns that no shown row fills take no place.
  function squeeze(table) {
    const rows = [...table.tBodies].flatMap(rowsOf).filter((row) => !row.hidden && ![...row.cells].some((cell) => cell.colSpan > 1));
    if (!rows.length) return;
    [...table.tHead.rows[0].cells].forEach((head, index) => {
      const empty = index > 0 && rows.every((row) => row.cells[index].classList.contains("none"));
      if (head.hidden === empty) return;
      head.hidden = empty;
      for (const body of table.tBodies) rowsOf(body).forEach((row) => { if (row.cells[index]) row.cells[index].hidden = empty; });
    });
  }

  function card(cell) {
    const box = document.querySelector(".card");
    if (!box) return;
    const table = cell.closest("table"), head = table.tHead.rows[0].cells[cell.cellIndex];
    const text = (part, selector) => (part.querySelector(selector) || { textContent: "" }).textContent.trim();
    const line = (words, name) => Object.assign(document.createElement(name || "p"), { textContent: words });
    const metric = document.getElementById(`metric-${head.dataset.metric}`);
    const known = metric && metric.querySelector(".known");
    const title = [...head.querySelectorAll(".title, .unit")].map((part) => part.textContent.trim()).join(" ");
    box.replaceChildren(
      line(`${cell.parentElement.cells[0].textContent.trim()}: ${title}`, "strong"),
      line(`${text(cell, ".mean")} ${text(cell, ".spread")} ${text(cell, ".count")}`.trim()),
      ...(cell.querySelector(".published") ? [line(`published: ${text(cell, ".published").replace("(published)", "")}`)] : []),
      ...(known ? [line(known.textContent)] : []),
    );
    if (metric) box.append(Object.assign(line("What it means", "a"), { href: `#${metric.id}` }));
    box.hidden = false;
    const place = cell.getBoundingClientRect();
    const left = Math.min(Math.max(8, place.left), document.documentElement.clientWidth - box.offsetWidth - 8);
    box.style.left = `${left + window.scrollX}px`;
    box.style.top = `${place.bottom + window.scrollY + 4}px`;
  }

  function wire(figure) {
    const table = figure.querySelector("table");
    [...table.tHead.rows[0].cells].forEach((head, index) => { sorter(table, head, index); meaning(head); });
    if (figure.querySelector(".spread")) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "intervals", textContent: "Intervals" });
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => button.setAttribute("aria-pressed", String(figure.classList.toggle("open"))));
      figure.prepend(button);
    }
    table.addEventListener("click", (event) => {
      const cell = event.target.closest("td.value");
      if (cell && !window.getSelection().toString()) card(cell);
    });
  }

  function wireCard() {
    const box = document.querySelector(".card");
    if (!box) return;
    document.addEventListener("click", (event) => { if (!event.target.closest("td.value, .card") || event.target.closest(".card a")) box.hidden = true; });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") box.hidden = true; });
  }

  document.documentElement.classList.add("scripted");
  document.querySelectorAll("figure.table").forEach(wire);
  wireCard();
  window.onereel = Object.assign(window.onereel || {}, { tables: { sort, squeeze, rowsOf } });
})();
