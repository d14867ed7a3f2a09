// What a rater can answer to an item: choices or scales, by mouse, finger and keys.
"use strict";

(function () {
  const study = window.study;
  const POINTS = [1, 2, 3, 4, 5];
  const WORDS = { not_sure: "Not sure", none: "None of them", real: "Real", fake: "Generated" };
  const GLYPHS = { ArrowLeft: "←", ArrowRight: "→", ArrowDown: "↓" };
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

  function labelsOf(item) {
    if (study.form === "real_or_fake") return [""];
    if (study.form === "rating") return [item.source ? "Edited" : ""];
    return item.films.map((_, place) => `${LETTERS[place]}`);
  }

  // (value, label, keys, the first of which is shown) of every choice.
  function choicesOf(item) {
    if (study.form === "real_or_fake") return [["real", WORDS.real, ["1", "r"]], ["fake", WORDS.fake, ["2", "g"]]];
    const films = item.films.map((film, place) => [film, LETTERS[place], [String(place + 1), LETTERS[place].toLowerCase()]]);
    const further = study.allow.map((answer, index) => [answer, WORDS[answer], [String(films.length + index + 1)]]);
    if (study.form !== "2afc") return [...films, ...further];
    const [left, right] = films;
    left[2].unshift("ArrowLeft");
    right[2].unshift("ArrowRight");
    further.forEach((choice) => choice[2].unshift("ArrowDown"));
    return [left, ...further, right]; // not sure between the two
  }

  function button(value, label, key) {
    const element = document.createElement("button");
    element.type = "button";
    element.className = "choice";
    element.dataset.value = value;
    element.setAttribute("aria-pressed", "false");
    const hint = document.createElement("kbd");
    hint.textContent = GLYPHS[key] || key;
    element.append(label, hint);
    return element;
  }

  // One of several.
  class Choice {
    constructor(item, box, onchange) {
      this.value = "";
      this.onchange = onchange;
      this.choices = choicesOf(item);
      const group = document.createElement("div");
      group.className = "choices";
      group.setAttribute("role", "group");
      group.setAttribute("aria-labelledby", "question");
      this.buttons = this.choices.map(([value, label, keys]) => {
        const element = button(value, label, keys[0]);
        element.addEventListener("click", () => this.choose(value));
        group.append(element);
        return element;
      });
      box.replaceChildren(group);
    }

    choose(value) {
      this.value = value;
      this.buttons.forEach((element) => element.setAttribute("aria-pressed", String(element.dataset.value === value)));
      this.onchange();
    }

    get complete() { return this.value !== ""; }

    press(key) {
      const found = this.choices.find(([, , keys]) => keys.includes(key) || keys.includes(key.toLowerCase()));
      if (found) this.choose(found[0]);
      return Boolean(found);
    }

    // Where the right answer stands, in words.
    say(value) { return (this.choices.find(([other]) => other === value) || ["", ""])[1]; }
  }

  // Points from 1 to 5 on several scales.
  class Scales {
    constructor(item, box, onchange) {
      this.points = new Map();
      this.onchange = onchange;
      this.fields = study.scales.map(({ name, question }) => {
        const field = document.createElement("fieldset");
        field.className = "scale";
        const legend = document.createElement("legend");
        legend.textContent = question;
        const row = document.createElement("div");
        row.className = "points";
        for (const point of POINTS) {
          const label = document.createElement("label");
          const input = document.createElement("input");
          Object.assign(input, { type: "radio", name, value: String(point) });
          input.addEventListener("change", () => this.rate(name, point));
          const text = document.createElement("span");
          text.textContent = String(point);
          label.append(input, text);
          row.append(label);
        }
        const ends = document.createElement("p");
        ends.className = "ends soft";
        ends.innerHTML = "<span>1: very bad</span><span>5: very good</span>";
        field.append(legend, row, ends);
        return field;
      });
      box.replaceChildren(...this.fields);
    }

    rate(name, point) { this.points.set(name, point); this.onchange(); }

    get complete() { return this.points.size === study.scales.length; }
    get value() { return study.scales.map(({ name }) => `${name}=${this.points.get(name)}`).join(";"); }

    // A digit answers the scale that has the focus, else the first without an answer; the focus goes on.
    press(key) {
      if (!POINTS.includes(Number(key))) return false;
      const focused = study.scales.findIndex((_, index) => this.fields[index].contains(document.activeElement));
      const open = study.scales.findIndex(({ name }) => !this.points.has(name));
      const index = focused >= 0 ? focused : open;
      if (index < 0) return true;
      const input = this.fields[index].querySelectorAll("input")[Number(key) - 1];
      input.checked = true;
      this.rate(study.scales[index].name, Number(key));
      const next = study.scales.findIndex(({ name }) => !this.points.has(name));
      if (next >= 0) this.fields[next].querySelector("input").focus({ preventScroll: false });
      else document.activeElement.blur();
      return true;
    }
  }

  function answersFor(item, box, onchange) {
    return study.form === "rating" ? new Scales(item, box, onchange) : new Choice(item, box, onchange);
  }

  Object.assign(window.studyParts, { answersFor, labelsOf });
})();
