// Any two samples, or a sample and the input, large: side by side, as a wipe, or their difference. One clock, one address.
"use strict";

(function () {
  const dialog = document.querySelector("dialog.large");
  if (!dialog) return;
  const { place, groups, Group, wire } = window.onereel;
  const room = dialog.querySelector(".room");
  const picks = { a: dialog.querySelector('[name="a"]'), b: dialog.querySelector('[name="b"]') };
  const modes = [...dialog.querySelectorAll("[data-mode]")];
  let mode = "side", group = null, cut = 50;

  const players = () => [...document.querySelectorAll(".clip .player:not(.guide)")].filter((figure) => figure.querySelector("canvas[data-player]"));
  const nameOf = (figure) => figure.dataset.title || figure.querySelector(".label").textContent.trim();

  // One list for both, the clip's own first: a wipe across clips is rarely meant, but may be.
  function fill(select, clip) {
    const byClip = new Map();
    for (const figure of players()) {
      const article = figure.closest(".clip");
      if (!byClip.has(article)) byClip.set(article, []);
      byClip.get(article).push(figure);
    }
    const articles = [...byClip.keys()].sort((a, b) => (b === clip) - (a === clip));
    select.replaceChildren(...articles.map((article) => {
      const list = Object.assign(document.createElement("optgroup"), { label: article.querySelector("h3").textContent.trim() });
      list.append(...byClip.get(article).map((figure) => new Option(nameOf(figure), figure.id)));
      return list;
    }));
  }

  function copyInto(stage, side) {
    const source = document.getElementById(picks[side].value), figure = stage.querySelector(`#large-${side}`);
    const from = source.querySelector("canvas"), canvas = figure.querySelector("canvas");
    canvas.width = from.width;
    canvas.height = from.height;
    Object.assign(canvas.dataset, { player: from.dataset.player, folder: from.dataset.folder });
    canvas.setAttribute("aria-label", from.getAttribute("aria-label"));
    figure.querySelector("figcaption").textContent = `${side.toUpperCase()}: ${nameOf(source)}`;
    return from.width / from.height;
  }

  // A fresh stage for every pair; the clock goes on where it was.
  function draw(state) {
    const before = state || group || {};
    drop();
    const stage = document.getElementById("large-stage").content.cloneNode(true).querySelector(".stage");
    const shape = Math.max(copyInto(stage, "a"), copyInto(stage, "b"));
    stage.style.setProperty("--shape", shape);
    room.replaceChildren(stage);
    const article = Object.assign(document.createElement("div"), { className: "clip" }); // where a group looks for its parts
    article.dataset.clip = "compared";
    article.append(stage);
    room.replaceChildren(article);
    group = new Group(article, before.playing ?? !window.matchMedia("(prefers-reduced-motion: reduce)").matches);
    group.time = (before.time || 0) % group.length;
    group.speed = before.speed || 1;
    group.players.forEach((player) => { player.visible = true; });
    wire(group);
    article.querySelector(".speed select").value = String(group.speed);
    groups.push(group);
    wireCut(stage);
    show();
  }

  function drop() {
    const index = groups.indexOf(group);
    if (index >= 0) groups.splice(index, 1);
  }

  function wireCut(stage) {
    const slider = stage.querySelector(".cut input"), views = stage.querySelector(".views");
    const set = (value) => { cut = Math.min(Math.max(value, 0), 100); slider.value = cut; views.style.setProperty("--cut", `${cut}%`); };
    const follow = (event) => {
      const box = views.querySelector("canvas").getBoundingClientRect();
      set(((event.clientX - box.left) / box.width) * 100);
    };
    slider.addEventListener("input", () => set(Number(slider.value)));
    slider.addEventListener("keydown", (event) => event.stopPropagation()); // its arrows move the wipe, not the film
    let held = false;
    const hold = (event) => { if (mode !== "wipe") return; event.stopPropagation(); event.preventDefault(); held = true; views.setPointerCapture(event.pointerId); follow(event); };
    views.addEventListener("pointerdown", hold, true);
    views.addEventListener("pointermove", (event) => { if (held) { event.stopPropagation(); follow(event); } }, true);
    for (const end of ["pointerup", "pointercancel"]) views.addEventListener(end, (event) => { if (held) { event.stopPropagation(); held = false; } }, true);
    set(cut);
  }

  function show() {
    room.dataset.mode = mode;
    modes.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.mode === mode)));
    place.write({ a: picks.a.value, b: picks.b.value, how: mode }, "compare");
    if (group) group.dirty = true;
  }

  function open(a, b, how, frame) {
    const figures = [a, b].map((id) => document.getElementById(id));
    if (figures.some((figure) => !figure || !figure.querySelector("canvas[data-player]"))) return;
    const clip = figures[1].closest(".clip");
    for (const select of Object.values(picks)) fill(select, clip);
    [picks.a.value, picks.b.value] = [a, b];
    mode = how || mode;
    if (!dialog.open) dialog.showModal();
    draw(frame === undefined ? {} : { time: frame, playing: false });
    room.querySelector(".stage").focus({ preventScroll: true }); // keys play and step from the start
  }

  // A sample beside the input; a clip without one, beside its first sample.
  function against(figure) {
    const others = [...figure.closest(".clip").querySelectorAll(".player")].filter((other) => other !== figure && other.querySelector("canvas[data-player]"));
    const other = others.find((one) => one.classList.contains("reference")) || others[0] || figure;
    open(other.id, figure.id);
  }

  dialog.addEventListener("close", () => {
    drop();
    group = null;
    room.replaceChildren();
    place.write({ a: null, b: null, how: null, frame: null }, place.read().anchor === "compare" ? "clips" : undefined);
  });
  for (const select of Object.values(picks)) select.addEventListener("change", () => draw());
  dialog.querySelector('[name="swap"]').addEventListener("click", () => { [picks.a.value, picks.b.value] = [picks.b.value, picks.a.value]; draw(); });
  modes.forEach((button) => button.addEventListener("click", () => { mode = button.dataset.mode; show(); }));
  dialog.querySelector('[name="link"]').addEventListener("click", (event) => {
    place.copy(place.link("compare", { a: picks.a.value, b: picks.b.value, how: mode, frame: group.position }), event.currentTarget);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".act.compare");
    if (button) against(button.closest(".player"));
  });
  window.onereel.compare = { open, against };
  place.onarrive((query, anchor) => {
    if (anchor !== "compare") { if (dialog.open) dialog.close(); return; }
    const frame = query.get("frame");
    open(query.get("a"), query.get("b"), ["side", "wipe", "difference"].find((one) => one === query.get("how")), frame === null ? undefined : Number(frame) || 0);
  });
})();
