// The way through a study: instructions, training, items in the rater's own order, and the answers on their way out.
"use strict";

(function () {
  const study = window.study;
  const { Store, build, close, load, forget, answersFor, labelsOf } = window.studyParts;
  const find = (id) => document.getElementById(id);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const store = new Store();
  let trial = null; // the item that is on
  let unsent = false; // whether answers could not be sent

  // ------------------------------------------------------------------------------------------ screens
  function show(name) {
    for (const screen of ["intro", "trial", "end"]) find(screen).hidden = screen !== name;
    window.scrollTo(0, 0);
  }

  // The item at a place of the rater's order, its films from left to right.
  function itemAt(place) {
    const entry = study.slots[store.session.slot][place];
    if (!entry) return null;
    const item = study.items[entry[0]];
    return { id: item.id, films: entry[1].map((index) => item.films[index]), source: item.source, prompt: item.prompt };
  }

  function tell(item) {
    const order = study.slots[store.session.slot];
    const practice = order.filter(([index]) => study.items[index].id in study.training).length;
    const [place, total] = store.place < practice ? [store.place + 1, practice] : [store.place - practice + 1, order.length - practice];
    const what = item.id in study.training ? "Practice" : "Question";
    find("place").textContent = `${what} ${place} of ${total}`;
    find("progress").value = store.place / order.length;
    find("prompt").hidden = !item.prompt;
    find("prompt").querySelector("q").textContent = item.prompt;
  }

  // ------------------------------------------------------------------------------------------ one item
  function open() {
    const item = itemAt(store.place);
    if (!item) { finish(); return; }
    show("trial");
    tell(item);
    find("trouble").hidden = true;
    find("feedback").hidden = true;
    const kept = store.session.current && store.session.current.item === item.id ? store.session.current : null;
    trial = { item, stage: null, since: performance.now(), before: kept ? kept.ms : 0, told: false };
    trial.answers = answersFor(item, find("answers"), refresh);
    const hooks = { plays: kept ? kept.plays : 0, ended: Boolean(kept && kept.ended), onplay: remember, onend: remember };
    build(item, labelsOf(item), hooks).then(opened, () => failed());
    find("place").focus({ preventScroll: true });
    refresh();
  }

  function opened(stage) {
    trial.stage = stage;
    trial.since = performance.now();
    wire(stage);
    if (!stage.limited && !still) stage.play(true);
    refresh();
    const next = itemAt(store.place + 1);
    forget(trial.item, next);
    if (next) load(next).catch(() => {}); // its turn comes
  }

  function failed() {
    find("trouble").textContent = "The videos could not be loaded. Check your connection; then load the page again, which loses no answer.";
    find("trouble").hidden = false;
  }

  function spent() { return trial.before + Math.round(performance.now() - trial.since); }

  function remember() {
    const { item, stage } = trial;
    if (stage) store.note({ item: item.id, plays: stage.plays, ended: stage.ended, ms: spent() });
    refresh();
  }

  function ready() { return Boolean(trial && trial.stage && trial.stage.plays > 0 && trial.answers.complete); }

  function refresh() {
    if (!trial) return;
    const { stage, answers } = trial;
    find("next").disabled = !ready();
    const seen = stage && stage.plays > 0;
    find("why").textContent = !stage ? "Loading …" : !seen ? "Play the video first." : answers.complete ? "" : "Choose an answer.";
    const right = study.training[trial.item.id];
    if (answers.complete && right !== undefined) feedback(right);
  }

  function feedback(right) {
    const { answers } = trial;
    let text = "This one is for practice and does not count.";
    if (right && answers.value === right) text = `Right. ${text}`;
    else if (right) text = `Look again: here “${answers.say(right)}” is right: ${answers.choices.length > 3 ? "the others were" : "the other was"} spoilt on purpose. ${text}`;
    if (right && study.form === "real_or_fake" && answers.value !== right) text = `Look again: this video was spoilt on purpose, so “${answers.say(right)}” is right. This one is for practice and does not count.`;
    find("feedback").textContent = text;
    find("feedback").hidden = false;
  }

  function next() {
    if (!ready()) return;
    const { item, stage, answers } = trial;
    store.answer({ item: item.id, shown: item.films, answer: answers.value, ms: spent(), plays: stage.plays, ended: Number(stage.ended) });
    stage.play(false);
    trial = null;
    close();
    open();
  }

  // ------------------------------------------------------------------------------------------ controls
  function wire(stage) {
    const play = find("play"), scrub = find("scrub");
    scrub.hidden = stage.limited;
    scrub.max = stage.length - 1;
    stage.onchange = () => {
      play.classList.toggle("playing", stage.playing);
      play.setAttribute("aria-label", stage.playing ? "Pause" : "Play");
      play.querySelector("span").textContent = stage.playing ? "Pause" : stage.limited && stage.plays && !stage.counting ? "Play again" : "Play";
      play.disabled = stage.limited && !stage.left && !stage.counting;
      const left = stage.left;
      find("left").textContent = stage.limited ? (left ? `${left} play${left === 1 ? "" : "s"} left` : "No plays left") : `${stage.position + 1} / ${stage.length}`;
      scrub.value = stage.position;
      scrub.style.setProperty("--done", stage.length > 1 ? stage.position / (stage.length - 1) : 0);
      find("films").classList.toggle("covered", stage.limited && !stage.counting);
      find("films").classList.toggle("waiting", stage.limited && !stage.plays);
    };
    stage.onchange();
  }

  function toggle() { if (trial && trial.stage) { trial.stage.play(!trial.stage.playing); trial.stage.onchange(); refresh(); } }

  function onkey(event) {
    if (!trial || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const target = event.target;
    if (event.key === "Enter") {
      if (target.matches("#next, #play")) return; // presses the button itself
      event.preventDefault();
      next();
    } else if (event.key === " ") {
      if (target.matches("button, input[type=radio]")) return;
      event.preventDefault();
      toggle();
    } else if (target.matches("#scrub") || (event.key.startsWith("Arrow") && target.matches("input"))) {
      return;
    } else if (trial.answers.press(event.key)) {
      event.preventDefault();
    }
  }

  // ------------------------------------------------------------------------------------------ the end
  function offer(id, name, text, type) {
    const link = find(id);
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.addEventListener("click", () => { store.session.saved = true; store.write(); say(); });
  }

  function finish() {
    show("end");
    const name = `answers-${study.id.slice(0, 8)}-${store.session.rater.replace(/[^A-Za-z0-9-]/g, "-")}`;
    offer("json", `${name}.json`, store.json(), "application/json");
    offer("csv", `${name}.csv`, store.csv(), "text/csv");
    find("text").value = store.json();
    find("again").hidden = !store.session.preview;
    mturk();
    find("end").querySelector("h1").focus({ preventScroll: true });
    say();
    if (study.post && !store.session.sent && !store.session.preview) send();
  }

  function mturk() {
    const { assignment, mturk: address } = store.given;
    const form = find("mturk");
    form.hidden = !(assignment && address);
    if (form.hidden) return;
    form.action = address;
    const values = { assignmentId: assignment, study: study.id, rater: store.session.rater, answers: store.json() };
    for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
  }

  function say() {
    const { sent, saved } = store.session;
    const hit = !find("mturk").hidden;
    let text = "All answers are in. Please download them and send the file to whoever invited you.";
    if (hit) text = "All answers are in. Please submit the HIT.";
    else if (sent) text = "All answers were sent. You may close this page.";
    else if (unsent && saved) text = "The answers could not be sent, but you have them: send the downloaded file to whoever invited you, or try again.";
    else if (unsent) text = "The answers could not be sent. They are kept on this device: try again, or download them and send the file to whoever invited you.";
    else if (saved) text = "Please send the downloaded file to whoever invited you.";
    find("status").textContent = text;
    find("status").classList.toggle("bad", unsent && !saved);
    find("sending").hidden = !unsent;
    const done = sent || saved || hit || store.session.preview;
    find("code").hidden = !study.completion || !done;
    find("code").querySelector("code").textContent = study.completion;
    const link = find("code").querySelector("a");
    link.hidden = !store.given.prolific;
    link.href = `https://app.prolific.com/submissions/complete?cc=${encodeURIComponent(study.completion)}`;
  }

  async function send() {
    find("status").textContent = "Sending the answers …";
    find("sending").hidden = true;
    try {
      // Plain text needs no permission of the server's beforehand.
      const reply = await fetch(study.post, { method: "POST", headers: { "Content-Type": "text/plain;charset=UTF-8" }, body: store.json() });
      if (!reply.ok) throw new Error(String(reply.status));
      store.session.sent = true;
      store.write();
      unsent = false;
    } catch {
      unsent = true;
    }
    say();
  }

  // ------------------------------------------------------------------------------------------ begin
  document.documentElement.classList.add("scripted");
  find("preview").hidden = !store.session.preview;
  find("start").addEventListener("click", () => { if (!store.session.begun) store.begin(); open(); });
  find("form").addEventListener("submit", (event) => { event.preventDefault(); next(); });
  find("play").addEventListener("click", toggle);
  find("films").addEventListener("click", toggle);
  find("scrub").addEventListener("input", (event) => { trial.stage.seek(Number(event.target.value)); });
  find("retry").addEventListener("click", send);
  find("again").addEventListener("click", () => { store.again(); location.reload(); });
  document.addEventListener("keydown", onkey);
  window.addEventListener("pagehide", () => { if (trial) remember(); });
  window.addEventListener("beforeunload", (event) => {
    if (!store.keeps && store.place && !(store.session.sent || store.session.saved)) event.preventDefault();
  });
  if (store.finished) finish();
  else if (store.session.begun) open();
  else { show("intro"); load(itemAt(0)).catch(() => {}); }
})();
