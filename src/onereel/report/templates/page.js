// The rest of the page: what a point of a plot is called, and whose points they are.
"use strict";

(function () {
  const GAP = 12; // px between a point and its text

  function wireTips() {
    const tip = document.querySelector(".tip");
    let current = null; // the point that is told of
    const show = (point) => {
      current = point;
      const box = point.getBoundingClientRect();
      tip.textContent = point.getAttribute("aria-label");
      tip.hidden = false;
      const left = box.left + box.width / 2 - tip.offsetWidth / 2;
      tip.style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
      const above = box.top - tip.offsetHeight - GAP;
      tip.style.top = `${above > 8 ? above : box.bottom + GAP}px`;
    };
    const hide = () => { current = null; tip.hidden = true; };
    document.querySelectorAll(".point").forEach((point) => {
      point.querySelector("title").remove(); // the browser's own text would show as well
      point.addEventListener("pointerenter", () => show(point));
      point.addEventListener("focus", () => show(point));
      point.addEventListener("pointerleave", hide);
      point.addEventListener("blur", hide);
    });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    window.addEventListener("scroll", () => { if (current) show(current); }, { passive: true });
  }

  // A method of the legend stands out while it is pressed, pointed at or focused.
  function wireKey() {
    const charts = document.querySelector("#tradeoffs .charts");
    if (!charts) return;
    const buttons = [...document.querySelectorAll(".key.shared button")];
    const show = (hovered) => {
      const chosen = new Set([...buttons.filter((b) => b.getAttribute("aria-pressed") === "true"), hovered].filter(Boolean).map((b) => b.dataset.title));
      charts.querySelectorAll(".point").forEach((point) => point.classList.toggle("dim", chosen.size > 0 && !chosen.has(point.dataset.title)));
    };
    buttons.forEach((button) => {
      button.addEventListener("click", () => { button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true")); show(null); });
      button.addEventListener("pointerenter", () => show(button));
      button.addEventListener("pointerleave", () => show(null));
    });
  }

  wireTips();
  wireKey();
  window.onereel.place.arrive(); // last, when every script has told what it takes from the address
})();
