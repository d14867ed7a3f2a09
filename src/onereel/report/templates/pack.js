// A packed page holds its files as base64 text at its end; here they are found by the paths that they had in the folder.
"use strict";

(function () {
  const files = new Map([...document.querySelectorAll("script[data-file]")].map((part) => [part.dataset.file, part]));
  const find = (path) => files.get(decodeURIComponent(path));

  window.onereelFile = (path) => {
    const part = find(path);
    return part ? `data:${part.dataset.type};base64,${part.textContent}` : path;
  };

  // Pictures are decoded when they come into view.
  const observer = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
    observer.unobserve(target);
    target.src = window.onereelFile(target.dataset.shown);
  }), { rootMargin: "300px" });
  document.querySelectorAll("img[data-shown]").forEach((image) => observer.observe(image));

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[download]");
    const part = link && find(link.getAttribute("href"));
    if (!part) return;
    event.preventDefault();
    const bytes = Uint8Array.from(atob(part.textContent), (letter) => letter.charCodeAt(0));
    const address = URL.createObjectURL(new Blob([bytes], { type: part.dataset.type }));
    Object.assign(document.createElement("a"), { href: address, download: part.dataset.file.split("/").pop() }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  });
})();
