// The films of one item: loaded first, played in step by one clock, as long and as often as the study allows.
"use strict";

(function () {
  const study = window.study;
  const { groups, Group } = window.onereel;
  const LARGEST_SCALE = 6; // small films are enlarged, but not to a mosaic
  const ROOM = 0.52; // of the window's height that films may take
  const ROOM_LOW = 0.42; // the same of a narrow window, where answers need more,
  const ROOM_STAYING = 0.24; // and where films stay in sight above several scales
  const ROOM_RATING = 0.46;
  const NARROW = 640; // px

  class Stage extends Group {
    constructor(article, { plays, ended, onplay, onend }) {
      super(article, false);
      this.players.forEach((player) => { player.visible = true; });
      this.limit = study.seconds ? Math.max(1, Math.round(study.seconds * this.rate)) : this.length; // ticks of one play
      this.plays = plays;
      this.ended = ended;
      this.counting = false; // whether a play has begun and is not over
      this.run = 0; // ticks of it
      this.onplay = onplay;
      this.onend = onend;
    }

    get left() { return study.plays ? Math.max(study.plays - this.plays, 0) : Infinity; }
    get limited() { return Boolean(study.plays); }

    play(on) {
      if (on === this.playing) return;
      if (on && !this.counting) {
        if (!this.left) return;
        this.plays += 1;
        this.counting = true;
        this.run = 0;
        this.onplay();
      }
      super.play(on);
    }

    // With limited plays nobody looks at single frames for as long as he likes.
    seek(tick) { if (!this.limited) { this.run = 0; super.seek(tick); } }

    turn(seconds) {
      if (this.playing) {
        const step = seconds * this.rate * this.speed;
        this.run += step;
        if (this.run >= this.limit && this.over()) return;
      }
      super.turn(seconds);
    }

    // A play has come to its end: whether it stops there.
    over() {
      this.run = 0;
      this.ended = true;
      if (this.limited) {
        Object.assign(this, { playing: false, counting: false, time: 0 });
      } else {
        this.plays += 1; // and goes on
      }
      this.onend();
      this.onchange();
      return this.limited;
    }
  }

  // ------------------------------------------------------------------------------------------ loading
  const loaded = new Map();

  function picture(file) {
    if (!loaded.has(file)) {
      const image = new Image();
      image.src = `films/${encodeURIComponent(file)}`;
      const ready = image.decode().then(() => image);
      ready.catch(() => loaded.delete(file)); // so that another try asks again
      loaded.set(file, ready);
    }
    return loaded.get(file);
  }

  function filesOf(item) {
    return [...item.films, item.source].filter(Boolean).flatMap((film) => study.films[film].sheets.map((sheet) => sheet.file));
  }

  function load(item) { return Promise.all(filesOf(item).map(picture)); }
  function forget(item, next) {
    const kept = new Set([item, next].filter(Boolean).flatMap(filesOf));
    for (const file of loaded.keys()) if (!kept.has(file)) loaded.delete(file);
  }

  // ------------------------------------------------------------------------------------------ building
  function figure(film, label, kind) {
    const data = study.films[film];
    const element = document.createElement("figure");
    element.className = `film ${kind}`;
    const canvas = document.createElement("canvas");
    canvas.height = data.display[0];
    canvas.width = data.display[1];
    canvas.dataset.player = JSON.stringify(data);
    canvas.dataset.folder = "films/";
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label || "Video");
    const caption = document.createElement("figcaption");
    caption.textContent = label;
    element.append(canvas, caption);
    return element;
  }

  function build(item, labels, hooks) {
    const films = document.getElementById("films");
    films.replaceChildren();
    if (item.source) films.append(figure(item.source, "Original", "source"));
    item.films.forEach((film, place) => films.append(figure(film, labels[place], "answer")));
    const stage = new Stage(document.getElementById("stage"), hooks);
    return load(item).then(async () => {
      for (const player of stage.players) {
        for (const sheet of player.data.sheets) player.pictures.set(sheet.file, await picture(sheet.file));
      }
      groups.splice(0, groups.length, stage);
      fit();
      return stage;
    });
  }

  function close() { groups.splice(0, groups.length); }

  // As many columns as make the films largest in the room that there is.
  function fit() {
    const canvases = [...document.querySelectorAll("#films canvas")];
    if (!canvases.length) return;
    const gap = 12, caption = 28;
    const width = document.getElementById("stage").clientWidth;
    const rating = study.form === "rating";
    const [narrow, wide] = rating ? [ROOM_STAYING, ROOM_RATING] : [ROOM_LOW, ROOM];
    const height = window.innerHeight * (window.innerWidth < NARROW ? narrow : wide);
    const aspect = Math.max(...canvases.map((canvas) => canvas.width / canvas.height));
    const tallest = Math.max(...canvases.map((canvas) => canvas.height));
    let best = { shown: 0, columns: 1 };
    for (let columns = canvases.length; columns >= 1; columns -= 1) {
      const rows = Math.ceil(canvases.length / columns);
      const across = (width - gap * (columns - 1)) / columns / aspect;
      const high = (height - (gap + caption) * rows) / rows;
      const shown = Math.min(across, high, tallest * LARGEST_SCALE);
      if (shown > best.shown * 1.05) best = { shown, columns };
    }
    document.getElementById("films").style.setProperty("--columns", best.columns);
    for (const canvas of canvases) {
      canvas.style.height = `${Math.floor(best.shown)}px`;
      canvas.style.width = `${Math.floor((best.shown * canvas.width) / canvas.height)}px`;
    }
  }

  window.addEventListener("resize", fit);
  Object.assign(window.studyParts, { build, close, load, forget });
})();
