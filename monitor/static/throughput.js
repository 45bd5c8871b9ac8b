// Polls the server every second for changes and keeps the points of the selected range.
"use strict";
(() => {
  const PERIOD_MS = 1000;
  const PATIENCE_MS = 5000;
  const FILTERS = ["pool", "worker", "task", "by", "range_s"];
  const root = document.getElementById("throughput");
  const at = Board.at;
  // Flower's URL prefix, if it has one.
  const base = root.dataset.source.replace(/\/throughput\/data$/, "");

  const DEFAULTS = { by: "pool", range_s: "900" };
  const chosen = { pool: "", worker: "", task: "", ...DEFAULTS };
  const points = new Map(); // by the first second of each point: {lines, workers, queues} by name, then by field
  let cursor = "";
  let last = null; // the latest response
  let paused = false;
  let timer = 0;
  let asking = 0;

  function readAddress() {
    const words = new URLSearchParams(location.search);
    FILTERS.forEach((name) => { if (words.has(name)) chosen[name] = words.get(name); });
    ["by", "range_s"].forEach((name) => {
      at(name).value = chosen[name];
      if (!at(name).value) at(name).value = DEFAULTS[name];
      chosen[name] = at(name).value;
    });
  }

  function writeAddress() {
    const words = FILTERS.filter((name) => chosen[name]).map((name) => [name, chosen[name]]);
    history.replaceState(null, "", `?${new URLSearchParams(words)}`);
  }

  function start() {
    clearTimeout(timer);
    cursor = "";
    points.clear();
    ask();
  }

  async function ask() {
    clearTimeout(timer);
    const turn = ++asking; // responses to earlier requests are ignored
    const began = performance.now();
    try {
      const words = new URLSearchParams({ ...chosen, since: cursor });
      const reply = await fetch(`${root.dataset.source}?${words}`,
        { credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (!reply.ok) throw new Error(reply.status === 401 ? "signed out: reload the page" : `HTTP ${reply.status}`);
      const answer = await reply.json();
      if (turn !== asking) return;
      take(answer);
    } catch (error) {
      if (turn !== asking) return;
      root.dataset.state = "reconnecting";
      const why = error.name === "Error" ? ` (${error.message})` : "";
      say("error", `Reconnecting…${why}${last ? ` Last seen at ${time(last)}` : ""}`);
    }
    if (!paused && !document.hidden) {
      timer = setTimeout(ask, Math.max(100, PERIOD_MS - (performance.now() - began)));
    }
  }

  // A restarted Flower may know less of the past than this page: keep points that it has no data for.
  function take(answer) {
    cursor = answer.cursor;
    last = answer;
    answer.at.forEach((second, i) => {
      const fresh = sliceAt(answer, i);
      if (!(answer.whole && points.has(second) && isEmpty(fresh))) points.set(second, fresh);
    });
    for (const second of points.keys()) {
      if (second <= answer.now - answer.range_s - answer.step_s) points.delete(second);
    }
    show();
  }

  function sliceAt(answer, i) {
    const cut = (columns) => Object.fromEntries(Object.entries(columns).map(([name, fields]) => [name,
      Object.fromEntries(Object.entries(fields).map(([field, values]) => [field, values[i]]))]));
    const queues = Object.fromEntries(
      Object.entries(answer.queues).map(([name, values]) => [name, { depth: values[i] }]));
    return { lines: cut(answer.lines), workers: cut(answer.workers), queues };
  }

  const time = (answer) => new Date(answer.now * 1e3).toLocaleTimeString("en-GB");
  const SPANS = { 60: "minute", 3600: "hour" };
  const span = (seconds) => SPANS[seconds] ?? `${seconds / 60} minutes`;

  const isEmpty = (slice) => [...Object.values(slice.lines), ...Object.values(slice.workers)]
    .every((fields) => Object.values(fields).every((value) => value === null));

  function columns(seconds, part) {
    const found = Object.create(null); // a worker may be called "constructor"
    for (const second of seconds) {
      for (const [name, fields] of Object.entries(points.get(second)[part])) found[name] ??= fields;
    }
    return Object.fromEntries(Object.entries(found).map(([name, fields]) => [name,
      Object.fromEntries(Object.keys(fields).map((field) => [field,
        seconds.map((second) => points.get(second)[part][name]?.[field] ?? null)]))]));
  }

  // Plotly shows times in UTC: shift them so that it shows the browser's local time.
  const local = (second) => second * 1e3 - new Date(second * 1e3).getTimezoneOffset() * 60e3;

  function show() {
    const answer = last;
    const { recent, source } = answer;
    ["pool", "worker", "task"].forEach((name) => Board.choices(name, answer.choices[`${name}s`], chosen[name]));
    Board.tiles(recent, answer.choices.pools, Boolean(source.records && source.trouble));
    Board.table(recent, answer.now, base);
    showEmpty(answer);
    const seconds = [...points.keys()].sort((a, b) => a - b);
    const poolOf = Object.fromEntries(recent.workers.map((one) => [one.worker, one.pool]));
    const queues = columns(seconds, "queues");
    const hidden = Charts.drawAll({
      x: seconds.map(local),
      span: [local(answer.now - answer.range_s), local(answer.now)],
      lines: columns(seconds, "lines"),
      workers: columns(seconds, "workers"),
      queues: Object.fromEntries(Object.entries(queues).map(([name, one]) => [name, one.depth])),
      poolOf: (name) => poolOf[name] ?? name,
      pools: answer.choices.pools,
    });
    at("finished").textContent = `${answer.finished.toLocaleString("en")} in the last ${span(answer.range_s)}`;
    at("from").textContent = Board.latencyFrom(recent);
    Board.notes(answer, hidden + answer.left_out.lines);
    const trouble = source.trouble ? "Waiting for the records server"
      : source.queues_trouble ? "Waiting for the broker"
      : source.events_trouble ? "Task events are not being read" : "";
    root.dataset.state = paused ? "paused" : trouble ? "waiting" : "live";
    if (paused) say("", `Paused at ${time(answer)}`);
    else if (trouble) say("error", trouble);
    else say("live", `Live · ${time(answer)}`);
  }

  function showEmpty(answer) {
    const empty = answer.finished === 0;
    const filtered = Boolean(chosen.pool || chosen.worker || chosen.task);
    at("empty").hidden = !empty;
    document.querySelector(".tp-charts").classList.toggle("tp-idle", empty);
    at("empty-range").textContent = span(answer.range_s);
    at("empty-filtered").hidden = !filtered;
    at("empty-start").hidden = filtered;
    const here = answer.recent.workers.filter((one) => one.state === "here").length;
    at("empty-workers").textContent = here
      ? `${here === 1 ? "One worker is" : `${here} workers are`} ready. Start some tasks:`
      : "No worker is online either. To start workers and tasks:";
  }

  function say(kind, text) {
    at("dot").className = kind ? `status-dot status-dot-${kind}` : "status-dot";
    at("status").textContent = text;
  }

  function listen() {
    FILTERS.forEach((name) => at(name).addEventListener("change", () => {
      chosen[name] = at(name).value;
      writeAddress();
      start();
    }));
    at("clear").addEventListener("click", () => {
      ["pool", "worker", "task"].forEach((name) => { chosen[name] = ""; });
      writeAddress();
      start();
    });
    at("pause").addEventListener("click", () => {
      paused = !paused;
      at("pause").textContent = paused ? "Resume" : "Pause";
      at("pause").setAttribute("aria-pressed", String(paused));
      if (!paused) ask();
      else { clearTimeout(timer); asking += 1; if (last) show(); }
    });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && !paused) ask(); });
    new MutationObserver(() => { if (last) show(); })
      .observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
    document.querySelector(".tp-controls").addEventListener("submit", (event) => event.preventDefault());
  }

  readAddress();
  listen();
  Board.heads(() => { if (last) Board.table(last.recent, last.now, base); });
  start();
})();
