// A rater's session: who answers, what was answered, kept in the browser, written as JSON and CSV.
"use strict";

(function () {
  const study = window.study;
  const CODES = { crc: crcTable() };
  const HEAD = ["study", "rater", "slot", "started", "finished", "preview", "reloads"];
  const CELLS = ["item", "shown", "answer", "ms", "plays", "ended"];

  // ------------------------------------------------------------------------------------------ checksums
  function crcTable() {
    return Array.from({ length: 256 }, (_, number) => {
      for (let bit = 0; bit < 8; bit += 1) number = number & 1 ? (number >>> 1) ^ 0xedb88320 : number >>> 1;
      return number >>> 0;
    });
  }

  function crc32(text) {
    let value = 0xffffffff;
    for (const byte of new TextEncoder().encode(text)) value = CODES.crc[(value ^ byte) & 255] ^ (value >>> 8);
    return (value ^ 0xffffffff) >>> 0;
  }

  // ------------------------------------------------------------------------------------------ who
  function given() {
    const asked = new URLSearchParams(location.search);
    const assignment = asked.get("assignmentId") || "";
    const looks = asked.has("preview") || assignment === "ASSIGNMENT_ID_NOT_AVAILABLE";
    const name = asked.get("rater") || asked.get("PROLIFIC_PID") || asked.get("workerId") || "";
    return {
      rater: name.replace(/[^A-Za-z0-9_.:@-]/g, "-").slice(0, 64),
      slot: /^\d{1,6}$/.test(asked.get("slot") || "") ? Number(asked.get("slot")) % study.slots.length : null,
      preview: looks,
      prolific: asked.has("PROLIFIC_PID"),
      assignment: looks ? "" : assignment,
      mturk: mturkAddress(asked.get("turkSubmitTo")),
    };
  }

  // Answers go to Mechanical Turk alone, whatever an address says.
  function mturkAddress(text) {
    try {
      const address = new URL(text);
      const known = address.protocol === "https:" && /(^|\.)mturk\.com$/.test(address.hostname);
      return known ? `${address.origin}/mturk/externalSubmit` : "";
    } catch { return ""; }
  }

  function anybody() {
    const bytes = crypto.getRandomValues(new Uint8Array(6));
    return `web-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }

  // ------------------------------------------------------------------------------------------ the session
  class Store {
    constructor() {
      this.given = given();
      this.key = `study:${study.id}:${this.given.preview ? "preview" : this.given.rater}`;
      this.keeps = true;
      this.session = this.read() || this.fresh();
      if (this.session.begun && !this.session.finished) this.session.reloads += 1;
      this.write();
    }

    fresh() {
      const rater = this.given.rater || anybody();
      const slot = this.given.slot === null ? crc32(rater) % study.slots.length : this.given.slot;
      return {
        study: study.id, rater, slot, started: 0, finished: 0, preview: Number(this.given.preview), reloads: 0,
        answers: [], begun: false, sent: false, saved: false, current: null,
      };
    }

    read() {
      try {
        const found = JSON.parse(localStorage.getItem(this.key));
        return found && found.study === study.id && Array.isArray(found.answers) ? found : null;
      } catch { return null; }
    }

    write() {
      try { localStorage.setItem(this.key, JSON.stringify(this.session)); } catch { this.keeps = false; }
    }

    begin() { this.session.begun = true; this.session.started = Date.now(); this.write(); }
    again() { this.session = this.fresh(); this.write(); }

    // What a reload must not forget of the item that is on: how often it was played already.
    note(current) { this.session.current = current; this.write(); }

    answer(entry) {
      this.session.answers.push(entry);
      this.session.current = null;
      if (this.session.answers.length === study.slots[this.session.slot].length) this.session.finished = Date.now();
      this.write();
    }

    get place() { return this.session.answers.length; }
    get finished() { return this.session.finished > 0; }

    rows() {
      return this.session.answers.map((one) => CELLS.map((cell) => String(cell === "shown" ? one.shown.join("+") : one[cell])));
    }

    head() { return HEAD.map((name) => String(this.session[name])); }

    checksum() {
      const lines = [this.head().join("|"), ...this.rows().map((row) => row.join("|"))];
      return crc32(lines.join("\n")).toString(16).padStart(8, "0");
    }

    json() {
      const head = Object.fromEntries(HEAD.map((name) => [name, this.session[name]]));
      return JSON.stringify({ format: study.format, ...head, answers: this.session.answers, checksum: this.checksum() });
    }

    csv() {
      const lines = this.rows().map((row) => [...this.head(), ...row, this.checksum()].join(","));
      return [[...HEAD, ...CELLS, "checksum"].join(","), ...lines].join("\n") + "\n";
    }
  }

  window.studyParts = { Store };
})();
