// Controls of a clip's players: buttons, slider, keys, dragging on a picture, the two switches.
"use strict";

(function () {
  const DRAG = 4; // px before a press becomes a drag

  function wireButtons(group, find) {
    find(".play").addEventListener("click", () => group.play(!group.playing));
    find(".back").addEventListener("click", () => group.step(-1));
    find(".forward").addEventListener("click", () => group.step(1));
    find(".speed select").addEventListener("change", (event) => { group.speed = Number(event.target.value); });
  }

  function wireSlider(group, slider) {
    slider.max = group.length - 1;
    slider.addEventListener("input", () => group.seek(Number(slider.value)));
  }

  function wireSwitch(group, find, name, what) {
    const button = find(`.switch.${name}`);
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      find(`.legend.${name}`).hidden = !on;
      group.show(what, on);
    });
  }

  function wireKeys(group, stage) {
    const actions = {
      " ": () => group.play(!group.playing),
      ArrowLeft: () => group.step(-1),
      ArrowRight: () => group.step(1),
      Home: () => group.seek(0),
      End: () => group.seek(group.length - 1),
    };
    stage.addEventListener("keydown", (event) => {
      const action = actions[event.key];
      const target = event.target;
      if (!action || event.ctrlKey || event.metaKey || event.altKey || target.matches("select, summary, a, .scroll")) return;
      if (event.key === " " && target.matches("button")) return; // space presses a focused button
      event.preventDefault();
      action();
    });
  }

  // A click on a picture plays and pauses; dragging sideways scrubs, up and down scrolls the page as always.
  function wirePicture(group, canvas) {
    let start = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      start = { x: event.clientX, tick: group.position, dragged: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!start) return;
      const moved = event.clientX - start.x;
      start.dragged = start.dragged || Math.abs(moved) > DRAG;
      if (start.dragged) group.seek(start.tick + Math.round((moved / canvas.clientWidth) * group.length));
    });
    canvas.addEventListener("pointerup", () => {
      if (start && !start.dragged) group.play(!group.playing);
      start = null;
    });
    canvas.addEventListener("pointercancel", () => { start = null; });
  }

  function wire(group) {
    const find = (selector) => group.article.querySelector(selector);
    const slider = find(".scrub");
    const play = find(".play");
    wireButtons(group, find);
    wireSlider(group, slider);
    wireSwitch(group, find, "origins", "overlay");
    wireSwitch(group, find, "slices", "slices");
    wireKeys(group, find(".stage"));
    group.players.forEach((player) => wirePicture(group, player.canvas));
    find(".switch.origins").hidden = !group.players.some((player) => player.data.origins);
    group.onchange = () => {
      const text = `${group.position + 1} / ${group.length}`;
      slider.value = group.position;
      slider.setAttribute("aria-valuetext", `frame ${text}`);
      slider.style.setProperty("--done", group.length > 1 ? group.position / (group.length - 1) : 0);
      find(".counter").textContent = text;
      play.setAttribute("aria-label", group.playing ? "Pause" : "Play");
      play.classList.toggle("playing", group.playing);
    };
    group.onchange();
  }

  document.documentElement.classList.add("scripted");
  window.onereel.wire = wire;
  window.onereel.groups.forEach((group) => {
    if (group.players.length) wire(group);
    else group.article.querySelector(".controls").hidden = true;
  });
})();
