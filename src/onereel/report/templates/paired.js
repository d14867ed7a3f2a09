// Two methods over the clips that both have, from what `onereel.report.tables.paired` reckoned.
"use strict";

(function () {
  const form = document.querySelector("form.duel");
  if (!form) return;
  const data = JSON.parse(form.dataset.pairs);
  const { place } = window.onereel;
  const out = document.querySelector(".duel-out");
  const field = (name) => form.elements.namedItem(name);
  const [TASK, FIRST, SECOND, METRIC, CLIPS, MEAN, LOW, HIGH, WINS, LOSSES] = Array(10).keys();

  const sign = (value) => (value > 0 ? "+" : value < 0 ? "−" : "");
  const digits = (value) => {
    const size = Math.abs(value);
    const text = size && (size < 1e-3 || size >= 1e6) ? size.toExponential(2) : String(Number(size.toPrecision(3)));
    return sign(value) + text;
  };

  function choices(select, indices, texts) {
    const before = select.value;
    select.replaceChildren(...indices.map((index) => new Option(texts[index], index)));
    select.value = before;
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }

  function partners(task) {
    return [...new Set(data.pairs.filter((pair) => pair[TASK] === task).flatMap((pair) => [pair[FIRST], pair[SECOND]]))].sort((a, b) => a - b);
  }

  // The pair as asked for: what was reckoned the other way round is turned.
  function rows(task, first, second) {
    return data.pairs.filter((pair) => pair[TASK] === task).flatMap((pair) => {
      if (pair[FIRST] === first && pair[SECOND] === second) return [pair];
      if (pair[FIRST] !== second || pair[SECOND] !== first) return [];
      const turned = [...pair];
      turned[MEAN] = -pair[MEAN];
      [turned[LOW], turned[HIGH]] = pair[LOW] === null ? [null, null] : [-pair[HIGH], -pair[LOW]];
      [turned[WINS], turned[LOSSES]] = [pair[LOSSES], pair[WINS]];
      return [turned];
    });
  }

  function verdict(pair, better) {
    if (pair[LOW] === null) return "one clip";
    if (pair[LOW] <= 0 && pair[HIGH] >= 0) return "no clear difference";
    if (!better) return pair[MEAN] > 0 ? "first is higher" : "second is higher";
    return (pair[MEAN] > 0) === (better === "higher") ? "first is better" : "second is better";
  }

  function cell(name, text, kind) {
    return Object.assign(document.createElement(name), { textContent: text, className: kind || "" });
  }

  function line(pair) {
    const [title, unit, better, metric] = data.metrics[pair[METRIC]];
    const row = document.createElement("tr"), said = verdict(pair, better);
    const head = cell("th", "", "name");
    head.scope = "row";
    const target = document.getElementById(`metric-${metric}`);
    head.append(target ? Object.assign(cell("a", title), { href: `#${target.id}` }) : title);
    const interval = pair[LOW] === null ? "–" : `[${digits(pair[LOW])}, ${digits(pair[HIGH])}]`;
    row.append(
      head,
      cell("td", better ? { lower: "↓", higher: "↑" }[better] : ""),
      cell("td", `${digits(pair[MEAN])}${unit ? ` ${unit}` : ""}`, "mean"),
      cell("td", interval),
      cell("td", pair[CLIPS]),
      cell("td", better ? `${pair[WINS]} : ${pair[LOSSES]}` : "–"),
      cell("td", said, `text${said.endsWith("is better") ? " clear" : ""}`),
    );
    return row;
  }

  function show() {
    const task = Number(field("task").value), first = Number(field("first").value), second = Number(field("second").value);
    const found = rows(task, first, second);
    if (!found.length) {
      out.replaceChildren(cell("p", first === second ? "Choose two different methods." : "These two share no clip that was measured alike.", "soft"));
      return;
    }
    const table = document.createElement("table"), head = document.createElement("tr"), body = document.createElement("tbody");
    head.append(...["Metric", "Better", "First − second", "95 % interval", "Clips", "Better on", ""].map((text, index) => Object.assign(cell("th", text, index ? (index === 6 ? "text" : "") : "name"), { scope: "col" })));
    table.createTHead().append(head);
    body.append(...found.map(line));
    table.append(body);
    const scroll = Object.assign(cell("div", "", "scroll"), { tabIndex: 0, role: "region", ariaLabel: "The two methods" });
    scroll.append(table);
    const figure = cell("figure", "", "table");
    figure.append(scroll);
    out.replaceChildren(figure);
  }

  function update() {
    const shown = partners(Number(field("task").value));
    for (const name of ["first", "second"]) choices(field(name), shown, data.methods);
    if (field("first").value === field("second").value && shown.length > 1) {
      field("second").value = shown.find((index) => index !== Number(field("first").value));
    }
    show();
  }

  choices(field("task"), data.tasks.map((_, index) => index), data.tasks.map((task) => task.replaceAll("_", " ")));
  field("task").parentElement.hidden = data.tasks.length < 2;
  update();
  form.addEventListener("change", (event) => {
    if (event.target === field("task")) update();
    else show();
    place.write({ pair: [data.tasks[field("task").value], data.methods[field("first").value], data.methods[field("second").value]].join("|") }, "pairs");
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  place.onarrive((query) => {
    const [task, first, second] = (query.get("pair") || "").split("|");
    const found = [data.tasks.indexOf(task), data.methods.indexOf(first), data.methods.indexOf(second)];
    if (found.some((index) => index < 0)) return;
    field("task").value = found[0];
    update();
    [field("first").value, field("second").value] = [found[1], found[2]];
    show();
  });
})();
