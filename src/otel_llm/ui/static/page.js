// Draws the plots and keeps them up to date. Data comes in the page as JSON; only
// content that somebody asks for is fetched, and no text is ever set as markup.
"use strict";

(() => {
  const drawn = new WeakMap();
  const PALETTE = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6", "--c7"];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const FORMAT = {
    count: (v) => v.toLocaleString("en", { maximumFractionDigits: 1 }),
    money: (v) => "$" + (v === 0 || Math.abs(v) >= 1 ? v.toFixed(2) : v.toPrecision(3)),
    ms: (v) => (Math.abs(v) < 1000 ? v.toFixed(0) + " ms" : (v / 1000).toFixed(2) + " s"),
    percent: (v) => (v * 100).toFixed(1) + "%",
    score: (v) => v.toFixed(2),
  };

  const WHOLE = [1, 2, 5].flatMap((digit) => [...Array(12).keys()].map((power) => digit * 10 ** power)).sort((a, b) => a - b);

  const shown = (unit) => (_plot, value) => (value == null ? "—" : FORMAT[unit](value));

  function axis(extra) {
    return {
      stroke: colour("--quiet"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { stroke: colour("--line"), width: 1 },
      font: "12px system-ui, sans-serif",
      ...extra,
    };
  }

  // Times are UTC and read the same everywhere; the day is said where it begins.
  const two = (number) => String(number).padStart(2, "0");

  function clock(_plot, ticks, _axis, _space, step) {
    return ticks.map((seconds, index) => {
      const at = new Date(seconds * 1000);
      const day = at.getUTCDate() + " " + at.toLocaleString("en", { month: "short", timeZone: "UTC" });
      const hour = two(at.getUTCHours()) + ":" + two(at.getUTCMinutes());
      if (step >= 86400) return day;
      return index === 0 || seconds % 86400 === 0 ? hour + "\n" + day : hour;
    });
  }

  const utc = (_plot, seconds) =>
    seconds == null ? "—" : new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

  // A value between two unknown ones is no line: it is shown as a point.
  function alone(plot, series) {
    const values = plot.data[series];
    const found = [];
    values.forEach((value, index) => {
      if (value != null && values[index - 1] == null && values[index + 1] == null) found.push(index);
    });
    return found;
  }

  function points(given) {
    const fill = colour("--card");
    return given.times.length < 40 ? { show: true, fill } : { show: true, fill, filter: alone };
  }

  function options(given, width) {
    return {
      width,
      height: 220,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { y: { range: (_plot, low, high) => [Math.min(0, low ?? 0), (high ?? 0) * 1.05 || 1] } },
      axes: [axis({ values: clock, space: 64 }), axis({
        size: 72,
        values: (_plot, ticks) => ticks.map(FORMAT[given.unit]),
        ...(given.unit === "count" ? { incrs: WHOLE } : {}),
      })],
      cursor: { drag: { x: true, y: false } },
      series: [
        { label: "UTC", value: utc },
        ...given.curves.map((curve, index) => ({
          label: curve.label,
          stroke: colour(PALETTE[index % PALETTE.length]),
          width: 2,
          value: shown(given.unit),
          points: points(given),
          spanGaps: false,
        })),
      ],
    };
  }

  // A click, unlike a drag, leads to the calls of that step.
  function drill(figure, plot, given) {
    let pressed = 0;
    plot.over.addEventListener("mousedown", (event) => { pressed = event.clientX; });
    plot.over.addEventListener("click", (event) => {
      const at = given.times[plot.cursor.idx];
      if (Math.abs(event.clientX - pressed) > 3 || at === undefined) return;
      const target = new URL(figure.dataset.drill, location.href);
      target.searchParams.set("since", at);
      target.searchParams.set("until", at + given.step_s);
      location.assign(target);
    });
  }

  // What was zoomed to has an address of its own.
  function offer(figure, plot, given) {
    const link = figure.querySelector("a.zoomed");
    const whole = given.times[given.times.length - 1] - given.times[0];
    return () => {
      const { min, max } = plot.scales.x;
      link.hidden = max == null || max - min >= whole;
      const target = new URL(location.href);
      target.searchParams.set("since", Math.floor(min));
      target.searchParams.set("until", Math.ceil(max) + given.step_s);
      link.href = target.href;
    };
  }

  function draw(figure) {
    const source = figure.querySelector("script");
    if (!source) return;
    const text = source.textContent;
    const before = drawn.get(figure);
    if (before && before.text === text) return;
    const given = JSON.parse(text);
    const data = [given.times, ...given.curves.map((curve) => curve.values)];
    const canvas = figure.querySelector(".canvas");
    if (before) before.plot.destroy();
    const plot = new uPlot(options(given, canvas.clientWidth), data, canvas);
    drill(figure, plot, given);
    plot.hooks.setScale = [offer(figure, plot, given)];
    drawn.set(figure, { plot, text });
  }

  function redraw() {
    for (const figure of document.querySelectorAll("figure.plot")) {
      drawn.get(figure)?.plot.destroy();
      drawn.delete(figure);
      draw(figure);
    }
  }

  const drawAll = () => document.querySelectorAll("figure.plot").forEach(draw);

  // What was said is fetched only when it is asked for, with a token that is kept nowhere.
  async function show(form) {
    const place = form.parentElement.querySelector(".said");
    const headers = { "x-content-token": form.elements.token.value };
    const answer = await fetch(form.dataset.address, { headers });
    const found = await answer.json();
    place.replaceChildren(...(answer.ok ? said(found.content) : [line("p", found.detail || found.title)]));
  }

  function said(content) {
    return Object.entries(content).flatMap(([name, value]) => [line("h3", name), ...told(parsed(value))]);
  }

  // Messages read as a conversation; everything else as it is.
  function told(value) {
    if (!Array.isArray(value) || !value.every((one) => one?.role && Array.isArray(one.parts))) return [line("pre", shaped(value))];
    return value.flatMap((one) => [line("h4", one.role), ...one.parts.map((part) => line("pre", part.type === "text" ? part.content : shaped(part)))]);
  }

  const shaped = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

  function parsed(value) {
    try {
      return typeof value === "string" ? JSON.parse(value) : value;
    } catch {
      return value;
    }
  }

  function line(tag, text) {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.content")) return;
    event.preventDefault();
    show(event.target);
  });

  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(redraw, 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.addEventListener("htmx:after:swap", drawAll);
  // What did not come stays as it was, and is said to be old; it is asked for again all the same.
  function tell(problem) {
    const place = document.getElementById("stale");
    if (!problem && !place.hidden) place.hidden = true;
    if (!problem || !place.hidden) return;
    place.textContent = problem + " What is shown is of " + new Date().toISOString().slice(0, 19).replace("T", " ") + " UTC.";
    place.hidden = false;
  }

  const SILENT = "The collector does not answer: it is asked again every 10 seconds.";
  const UNKNOWN = "The token is not taken any more: load the page again.";

  document.addEventListener("htmx:after:request", (event) => {
    const { response, text } = event.detail.ctx;
    const fresh = response.status < 400 && text.includes('id="live"');
    if (!fresh) event.preventDefault();
    tell(fresh ? "" : response.status === 401 ? UNKNOWN : SILENT);
  });
  document.addEventListener("htmx:error", () => tell(SILENT));
  // Nobody looks: nothing is asked.
  document.addEventListener("htmx:before:request", (event) => { if (document.hidden) event.preventDefault(); });
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  drawAll();

  // An address of a span in another part of a large trace: the part that has it.
  const meant = location.hash.match(/^#[sd](\w+)$/);
  if (meant && location.pathname.includes("/traces/") && !location.search && !document.querySelector(location.hash)) {
    location.replace("?span=" + meant[1] + location.hash);
  }
})();
