// One sample: the command that makes it, the address that leads to it, its files.
"use strict";

(function () {
  const dialog = document.querySelector("dialog.sample");
  if (!dialog) return;
  const { place, compare } = window.onereel;
  const find = (selector) => dialog.querySelector(selector);
  let figure = null;

  function open(chosen) {
    figure = chosen;
    const command = figure.dataset.command || "";
    find("h3").textContent = figure.querySelector("canvas, .empty").getAttribute("aria-label") || figure.id;
    find(".commands").textContent = command;
    for (const part of [find(".how"), find(".commands"), find('[name="command"]')]) part.hidden = !command;
    find('[name="compare"]').hidden = figure.classList.contains("reference");
    find(".files").replaceChildren(...[...figure.querySelectorAll(".files a")].map((link) => {
      const copy = link.cloneNode(true);
      copy.textContent = `Download ${link.textContent}`;
      return copy;
    }));
    dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".act.more");
    if (button) open(button.closest(".player"));
    else if (event.target === dialog) dialog.close(); // beside it
  });
  find('[name="command"]').addEventListener("click", (event) => place.copy(figure.dataset.command, event.currentTarget));
  find('[name="link"]').addEventListener("click", (event) => place.copy(place.link(figure.id), event.currentTarget));
  find('[name="compare"]').addEventListener("click", () => { dialog.close(); compare.against(figure); });
})();
