// The address of what is shown: `#anchor?clip=…&method=…`. Only the part after # changes, which pages on disk may do, too.
// `window.onereel.place` is shared by the scripts after this one.
"use strict";

(function () {
  const takers = []; // functions that are given the parameters when the address is followed

  function read() {
    const [anchor, query] = location.hash.slice(1).split("?");
    let name = anchor;
    try { name = decodeURIComponent(anchor); } catch { /* not ours */ }
    return { anchor: name, query: new URLSearchParams(query || "") };
  }

  function hash(anchor, query) {
    const text = query.toString();
    return `#${encodeURIComponent(anchor)}${text ? `?${text}` : ""}`;
  }

  // Change parameters (null: take away), and the anchor where one is named, without moving.
  function write(changes, anchor) {
    const now = read();
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === "") now.query.delete(key);
      else now.query.set(key, value);
    }
    history.replaceState(null, "", hash(anchor ?? now.anchor, now.query));
  }

  function link(anchor, changes) {
    const query = new URLSearchParams(Object.entries(changes || {}));
    return location.href.split("#")[0] + hash(anchor, query);
  }

  function open(id) {
    const target = document.getElementById(id);
    if (!target) return;
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    target.scrollIntoView();
  }

  function arrive() {
    const { anchor, query } = read();
    takers.forEach((take) => take(query, anchor));
    if (anchor) open(anchor);
  }

  // Copy a text and say so on the button for a moment.
  async function copy(text, button) {
    const before = button.textContent;
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch { // a page that the browser does not trust with the clipboard
      const area = Object.assign(document.createElement("textarea"), { value: text });
      (button.closest("dialog") || document.body).append(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
      button.focus();
    }
    button.textContent = done ? "Copied" : "Could not copy";
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  window.onereel = Object.assign(window.onereel || {}, { place: { read, write, link, open, arrive, copy, onarrive: (take) => takers.push(take) } });
  window.addEventListener("hashchange", arrive);
  document.addEventListener("click", (event) => { // the same anchor again changes no address, but leads there
    const target = event.target.closest('a[href^="#"]');
    if (target && target.getAttribute("href") === location.hash) { event.preventDefault(); arrive(); }
  });
})();
