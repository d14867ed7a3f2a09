// The page of known edits: rows filtered and sorted, films that are in sight played in step.
"use strict";

(function () {
  const form = document.querySelector(".picker");
  const body = document.querySelector("table.films tbody");
  const rows = [...body.rows];
  const visible = new Set();
  let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;

  // ------------------------------------------------------------------------------------------ rows
  const chosen = (name) => form.elements[name];

  function cellOf(row) {
    const editor = chosen("editor");
    return editor ? row.cells[3 + Number(editor.value)] : null;
  }

  function rank(row, measure) {
    const value = cellOf(row).getAttribute(`data-${measure}`);
    return value === null ? null : Number(value);
  }

  function compare(one, other, measure, sign) {
    const [a, b] = [rank(one, measure), rank(other, measure)];
    if (a === null || b === null) return (a === null) - (b === null); // what is not defined comes last
    return sign * (a - b);
  }

  function arrange() {
    const kind = chosen("kind").value;
    const sorted = [...rows];
    if (chosen("editor")) {
      const measure = chosen("measure").value;
      const failed = (row) => cellOf(row).dataset.verdict !== "success";
      if (measure) sorted.sort((one, other) => compare(one, other, measure, chosen("descending").checked ? -1 : 1));
      if (chosen("failures").checked) sorted.sort((one, other) => failed(other) - failed(one));
    }
    let count = 0;
    for (const row of sorted) {
      row.hidden = kind !== "" && row.dataset.kind !== kind;
      count += !row.hidden;
      body.append(row);
    }
    chosen("count").value = `${count} edit${count === 1 ? "" : "s"}`;
  }

  // ------------------------------------------------------------------------------------------ films
  function start(film) {
    film.currentTime = film.duration ? (performance.now() / 1000) % film.duration : 0;
    film.play().catch(() => {}); // a browser may not want to, e.g. to save power
  }

  // All films of a row start again together, so that none runs ahead of the one beside it.
  function inStep(row) {
    for (const film of row.querySelectorAll("video")) if (film.readyState > 1) start(film);
  }

  const watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) { visible.delete(target); target.pause(); continue; }
      visible.add(target);
      target.preload = "auto";
      if (target.readyState > 1) { if (playing) inStep(target.closest("tr")); } else target.load();
    }
  }, { rootMargin: "200px" });

  for (const film of document.querySelectorAll("table.films video")) {
    film.addEventListener("loadeddata", () => { if (playing && visible.has(film)) inStep(film.closest("tr")); });
    watcher.observe(film);
  }

  const button = chosen("play");
  const label = () => {
    button.setAttribute("aria-pressed", String(playing));
    button.textContent = playing ? "Pause" : "Play";
  };
  label();
  button.addEventListener("click", () => {
    playing = !playing;
    label();
    for (const film of visible) if (playing) start(film); else film.pause();
  });

  document.documentElement.classList.add("scripted");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", arrange);
  arrange();
})();
