"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// index.html: a card is shown if it has all that is chosen, a row if it has a card
function filter() {
  const selects = all("[data-filter]"), cards = all(".card");
  for (const select of selects) {
    const values = new Set(cards.map((card) => card.dataset[select.dataset.filter]));
    for (const value of values) select.add(new Option(value));
    select.addEventListener("change", show);
  }
  function show() {
    for (const card of cards) {
      card.hidden = selects.some((select) => select.value && card.dataset[select.dataset.filter] !== select.value);
    }
    for (const row of all("[data-row]")) row.hidden = all(".card", row).every((card) => card.hidden);
    all("[data-none]")[0].hidden = cards.some((card) => !card.hidden);
  }
  show();
}

// A frame is a picture, or a row of one
function draw(element, frame) {
  element.style.aspectRatio = frame.ratio;
  element.classList.toggle("strip", frame.rows > 1);
  element.style.backgroundImage = `url("${frame.picture}")`;
  element.style.backgroundSize = `100% ${100 * frame.rows}%`;
  element.style.backgroundPosition = `0 ${frame.rows > 1 ? (100 * frame.row) / (frame.rows - 1) : 0}%`;
}

function preload(frames) {
  for (const picture of new Set(frames.map((frame) => frame.picture))) new Image().src = picture;
}

// Calls `show` whenever the slider moves, by hand or, one step each `pause` milliseconds, by the button
function slide(input, button, step, pause, show) {
  let timer = 0;
  const stop = () => { clearInterval(timer); timer = 0; button.textContent = "play"; };
  input.addEventListener("input", () => { stop(); show(); });
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(input.value) >= Number(input.max)) input.value = 0;
    show();
    button.textContent = "stop";
    timer = setInterval(() => {
      input.value = Number(input.value) + step;
      show();
      if (Number(input.value) >= Number(input.max)) stop();
    }, pause);
  });
  show();
}

function animation(section) {
  const frames = JSON.parse(section.dataset.frames), input = all("input", section)[0];
  preload(frames);
  slide(input, all("button", section)[0], 1, 400, () => {
    const frame = frames[input.value];
    draw(all(".frame", section)[0], frame);
    all("output", section)[0].textContent = `epoch ${frame.epoch}`;
  });
}

// One sprite sheet: `side` rows of tiles, in each a block of `side` for each of `values`
function plane(section) {
  const side = Number(section.dataset.side), values = Number(section.dataset.values);
  const pad = all(".pad", section)[0], mark = all("i", pad)[0], tiles = all(".tile", section);
  let column = (3 * side) >> 2, row = side >> 2;
  const percent = (index, count) => (count > 1 ? (100 * index) / (count - 1) : 0);
  for (const element of [pad, ...tiles]) element.style.backgroundImage = `url("${section.dataset.picture}")`;
  pad.style.backgroundSize = `${100 * values}% 100%`;
  mark.style.width = mark.style.height = `${100 / side}%`;
  function show() {
    mark.style.left = `${(100 * column) / side}%`;
    mark.style.top = `${(100 * row) / side}%`;
    tiles.forEach((tile, value) => {
      tile.style.backgroundSize = `${100 * values * side}% ${100 * side}%`;
      tile.style.backgroundPosition = `${percent(value * side + column, values * side)}% ${percent(row, side)}%`;
    });
  }
  const inside = (index) => Math.max(0, Math.min(side - 1, index));
  const follow = (event) => {
    const box = pad.getBoundingClientRect();
    column = inside(Math.floor((side * (event.clientX - box.left)) / box.width));
    row = inside(Math.floor((side * (event.clientY - box.top)) / box.height));
    show();
  };
  pad.addEventListener("pointermove", follow);
  pad.addEventListener("pointerdown", follow);
  pad.addEventListener("keydown", (event) => {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] || [0, 0];
    if (x || y) event.preventDefault();
    [column, row] = [inside(column + x), inside(row + y)];
    show();
  });
  show();
}

// compare.html#left,right
function compare(main) {
  const runs = JSON.parse(main.dataset.runs), sides = all(".side", main);
  const names = all("option", sides[0]).map((option) => option.value);
  const bar = all("[data-both]")[0], input = all("input", bar)[0];
  const chosen = decodeURIComponent(location.hash.slice(1)).split(",").filter((name) => name in runs);
  const alike = names.filter((name) => runs[name].dataset === runs[chosen[0] || names[0]].dataset);
  const first = chosen[0] || alike[0];
  const pair = [first, chosen[1] || alike.find((name) => runs[name].title !== runs[first].title) || first];
  function frames() {
    sides.forEach((side) => {
      const run = runs[all("select", side)[0].value], [frame] = all(".frame", side);
      frame.hidden = !run.frames.length;
      if (frame.hidden) return;
      const now = run.frames[Math.round((input.value / input.max) * (run.frames.length - 1))];
      draw(frame, now);
      all("output", side)[0].textContent = `epoch ${now.epoch}`;
    });
  }
  function fill(side) {
    const run = runs[all("select", side)[0].value], table = all("table", side)[0], pictures = all(".pictures", side)[0];
    preload(run.frames);
    all(".page-of", side)[0].href = `${run.name}.html`;
    all("output", side)[0].textContent = "";
    table.replaceChildren(...Object.entries(run.metrics).map(([title, text]) => {
      const row = document.createElement("tr");
      row.append(...[title, text].map((content) => Object.assign(document.createElement("td"), { textContent: content })));
      return row;
    }));
    pictures.replaceChildren(...Object.entries(run.pictures).map(([title, address]) => {
      return Object.assign(new Image(), { src: address, alt: title, title });
    }));
    frames();
  }
  sides.forEach((side, index) => {
    const [select] = all("select", side);
    select.value = pair[index];
    select.addEventListener("change", () => {
      history.replaceState(null, "", `#${sides.map((one) => all("select", one)[0].value).join(",")}`);
      fill(side);
    });
  });
  sides.forEach(fill);
  slide(input, all("button", bar)[0], 50, 400, frames);
}

if (all("[data-filter]").length) filter();
all(".animation").forEach(animation);
all(".plane").forEach(plane);
all("[data-runs]").forEach(compare);
