// Players: canvases that draw frames from sheets, all of a clip's by one clock, so that they are in step by construction.
// `window.onereel.groups` is the state of the page; tests and curious people read it.
"use strict";

(function () {
  const LONGEST_STEP = 0.1; // s; a hidden tab must not make the clock leap
  const LINE = "#ffffff";
  const OVERLAY = 0.82;

  function rateOf(text) {
    const [above, below] = String(text).split("/").map(Number);
    return above / (below || 1) || 1;
  }

  class Player {
    constructor(canvas) {
      const data = JSON.parse(canvas.dataset.player);
      this.canvas = canvas;
      this.folder = canvas.dataset.folder;
      this.id = canvas.closest("figure").id;
      this.data = data;
      this.count = data.size[0];
      this.fps = rateOf(data.fps);
      this.visible = false;
      this.frame = null; // the frame that the canvas shows
      this.pictures = new Map();
      this.context = canvas.getContext("2d");
    }

    frameAt(tick, rate) {
      return Math.floor((tick * this.fps) / rate + 1e-6) % this.count;
    }

    // The picture of that name once it is decoded, else null; asking for it starts loading it.
    picture(name, group) {
      if (!this.pictures.has(name)) {
        this.pictures.set(name, null);
        const image = new Image();
        image.src = (window.onereelFile || String)(this.folder + encodeURIComponent(name)); // a packed page holds its files
        image.decode().then(() => { this.pictures.set(name, image); group.dirty = true; }, () => {});
      }
      return this.pictures.get(name);
    }

    // Where a frame lies: its sheet and its corner.
    tile(layer, frame) {
      const sheet = layer.sheets.find((s) => frame >= s.first && frame < s.first + s.count);
      const place = frame - sheet.first;
      const [height, width] = layer.display;
      return { file: sheet.file, x: (place % sheet.columns) * width, y: Math.floor(place / sheet.columns) * height, width, height };
    }

    drawTile(layer, frame, group) {
      const tile = this.tile(layer, frame);
      const image = this.picture(tile.file, group);
      if (!image) return false;
      this.context.drawImage(image, tile.x, tile.y, tile.width, tile.height, 0, 0, this.canvas.width, this.canvas.height);
      return true;
    }

    draw(group) {
      const frame = this.frameAt(group.tick, group.rate);
      const { context, canvas } = this;
      if (group.slices) {
        const image = this.picture(this.data.xt, group);
        if (!image) return;
        context.drawImage(image, 0, 0, canvas.width, canvas.height);
        this.drawLine(((frame + 0.5) / this.count) * canvas.height);
      } else if (!this.drawTile(this.data, frame, group)) {
        return;
      } else if (group.overlay && this.data.origins) {
        context.save();
        context.globalAlpha = OVERLAY;
        context.imageSmoothingEnabled = false;
        this.drawTile(this.data.origins, frame, group);
        context.restore();
      }
      this.frame = frame;
    }

    drawLine(y) {
      const { context, canvas } = this;
      context.fillStyle = "rgba(0, 0, 0, 0.6)";
      context.fillRect(0, y - 1.5, canvas.width, 3);
      context.fillStyle = LINE;
      context.fillRect(0, y - 0.5, canvas.width, 1);
    }
  }

  class Group {
    constructor(article, playing) {
      this.article = article;
      this.clip = article.dataset.clip;
      this.players = [...article.querySelectorAll("canvas[data-player]")].map((canvas) => new Player(canvas));
      this.rate = Math.max(...this.players.map((player) => player.fps), 1); // ticks a second
      this.length = Math.max(...this.players.map((player) => Math.ceil((player.count * this.rate) / player.fps)), 1);
      this.time = 0; // in ticks, with a fraction while playing
      this.speed = 1;
      this.playing = playing;
      this.overlay = false;
      this.slices = false;
      this.dirty = true;
      this.onchange = () => {};
    }

    get tick() { return Math.floor(this.time + 1e-6); }
    get position() { return this.tick % this.length; }

    play(on) { this.playing = on; this.time = this.tick; this.dirty = true; }
    seek(tick) { this.playing = false; this.time = ((tick % this.length) + this.length) % this.length; this.dirty = true; }
    step(count) { this.seek(this.position + count); }
    show(what, on) { this[what] = on; this.dirty = true; }

    // One turn of the clock: every player in view draws the frame of the same tick.
    turn(seconds) {
      const visible = this.players.filter((player) => player.visible);
      if (!visible.length) return;
      const before = this.tick;
      if (this.playing) this.time += seconds * this.rate * this.speed;
      if (this.tick === before && !this.dirty) return;
      this.dirty = false;
      visible.forEach((player) => player.draw(this));
      this.onchange();
    }
  }

  function watch(groups) {
    const owners = new Map(groups.flatMap((group) => group.players.map((player) => [player.canvas, [group, player]])));
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const [group, player] = owners.get(entry.target);
        player.visible = entry.isIntersecting;
        group.dirty = true;
      }
    }, { rootMargin: "200px" });
    owners.forEach((_, canvas) => observer.observe(canvas));
  }

  function run(groups) {
    let last = performance.now();
    const turn = (now) => {
      const seconds = Math.min(Math.max((now - last) / 1000, 0), LONGEST_STEP);
      last = now;
      groups.forEach((group) => group.turn(seconds));
      requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  }

  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const groups = [...document.querySelectorAll(".clip[data-clip]")].map((article) => new Group(article, !still));
  window.onereel = { groups, Group };
  watch(groups);
  run(groups);
})();
