// The rest of the page: what a point of a plot is called, and folded parts that open when a link leads into them.
"use strict";

(function () {
  const GAP = 12; // px between a point and its text

  function wireTips() {
    const tip = document.querySelector(".tip");
    let current = null; // the point that is told of
    const show = (point) => {
      current = point;
      const box = point.getBoundingClientRect();
      tip.textContent = point.dataset.tip;
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

  function openTarget() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    target.scrollIntoView();
  }

  wireTips();
  window.addEventListener("hashchange", openTarget);
  openTarget();
})();
