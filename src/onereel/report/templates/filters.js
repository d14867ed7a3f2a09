// What is shown: some methods, one task, one clip. Tables, plots, players and runs follow; the address keeps it.
"use strict";

(function () {
  const MOST_CLIPS = 3; // shown below one another; of more, one at a time
  const { place, tables } = window.onereel;
  const form = document.querySelector("form.filters");
  if (!form) return;
  const named = (name) => form.elements.namedItem(name);
  const boxes = [...form.querySelectorAll('[name="method"]')];
  const articles = [...document.querySelectorAll("#clips > .clip")];
  const tabs = [...document.querySelectorAll(".tabs .names button")];
  let tab = articles.length > MOST_CLIPS ? articles[0].dataset.clip : "";

  function wanted() {
    return {
      methods: new Set(boxes.filter((box) => box.checked).map((box) => box.value)),
      task: named("task") ? named("task").value : "",
      clip: named("clip") ? named("clip").value : "",
    };
  }

  function fits(part, { methods, task, clip }, withClip) {
    const { method } = part.dataset;
    if (withClip && clip && part.dataset.clip && part.dataset.clip !== clip) return false;
    if (!method) return true; // calibration, and what is only quoted
    return (!methods.size || methods.has(method)) && (!task || part.dataset.task === task);
  }

  function showTables(what) {
    document.querySelectorAll("figure.table table").forEach((table) => {
      table.querySelectorAll("tbody tr[data-method]").forEach((row) => { row.hidden = !fits(row, what, true); });
      tables.squeeze(table);
    });
    document.querySelectorAll(".pane").forEach((pane) => {
      pane.hidden = pane.dataset.clip !== what.clip && !(what.clip && !pane.dataset.clip && !hasPane(what.clip));
      if (pane.tagName === "DETAILS") pane.open = !pane.hidden;
    });
  }

  function hasPane(clip) {
    return [...document.querySelectorAll(".pane")].some((pane) => pane.dataset.clip === clip);
  }

  function showPoints() {
    const shown = new Set([...document.querySelectorAll(".runs-table tr[data-run]")].filter((row) => !row.hidden).map((row) => row.dataset.run));
    document.querySelectorAll("#tradeoffs .point").forEach((point) => {
      const run = decodeURIComponent(point.getAttribute("href").slice("#run-".length));
      point.classList.toggle("away", !shown.has(run));
    });
  }

  function showClips(what) {
    const chosen = what.clip || tab;
    articles.forEach((article) => {
      article.hidden = Boolean(chosen) && article.dataset.clip !== chosen;
      article.querySelectorAll(".take[data-method]").forEach((take) => { take.hidden = !fits(take, what, false); });
    });
    tabs.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.clip === chosen)));
  }

  function show() {
    const what = wanted();
    showTables(what);
    showPoints();
    showClips(what);
    if (named("methods")) named("methods").value = what.methods.size ? `${what.methods.size} of ${boxes.length}` : "all";
    named("all").hidden = !what.methods.size && !what.task && !what.clip;
  }

  function changed() {
    const what = wanted();
    place.write({ method: [...what.methods].join(","), task: what.task, clip: what.clip });
    show();
  }

  // From the address, and from an anchor that lies in what is hidden now.
  function take(query, anchor) {
    const methods = new Set((query.get("method") || "").split(",").filter(Boolean));
    boxes.forEach((box) => { box.checked = methods.has(box.value); });
    for (const name of ["task", "clip"]) {
      const field = named(name);
      if (field) field.value = query.get(name) || "";
      if (field && field.selectedIndex < 0) field.value = "";
    }
    const target = anchor && document.getElementById(anchor);
    const pane = target && target.closest(".pane"), article = target && target.closest("#clips > .clip");
    if (pane && named("clip")) named("clip").value = pane.dataset.clip;
    if (article) {
      tab = tab && article.dataset.clip;
      if (wanted().clip && wanted().clip !== article.dataset.clip) named("clip").value = "";
    }
    show();
  }

  function wire() {
    form.addEventListener("change", changed);
    form.addEventListener("submit", (event) => event.preventDefault());
    named("all").addEventListener("click", () => { form.reset(); changed(); });
    named("link").addEventListener("click", (event) => place.copy(location.href, event.currentTarget));
    tabs.forEach((button) => button.addEventListener("click", () => {
      tab = button.dataset.clip;
      if (named("clip") && named("clip").value) { named("clip").value = ""; changed(); } else show();
      place.write({}, tab ? `clip-${tab}` : "clips");
    }));
    const size = document.querySelector(".tabs .tile");
    if (size) size.addEventListener("change", () => document.getElementById("clips").style.setProperty("--tile", `${size.value}rem`));
    document.addEventListener("click", (event) => {
      const pick = form.querySelector(".pick");
      if (pick && pick.open && !pick.contains(event.target)) pick.open = false;
    });
  }

  wire();
  place.onarrive(take);
})();
