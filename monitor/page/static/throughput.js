// Polls the server every second for changes, and shows what it knows.
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
    Points.clear();
    ask();
  }

  class SignedOut extends Error {}

  async function request() {
    const words = new URLSearchParams({ ...chosen, since: cursor });
    const reply = await fetch(`${root.dataset.source}?${words}`,
      { credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (reply.status === 401) throw new SignedOut();
    if (!reply.ok) throw new Error(`HTTP ${reply.status}`);
    return reply.json();
  }

  async function ask() {
    clearTimeout(timer);
    const turn = ++asking; // responses to earlier requests are ignored
    const began = performance.now();
    let answer = null, error = null;
    try {
      answer = await request();
    } catch (caught) {
      error = caught;
    }
    if (turn !== asking) return;
    if (!paused && !document.hidden) {
      timer = setTimeout(ask, Math.max(100, PERIOD_MS - (performance.now() - began)));
    }
    if (error) lost(error);
    else take(answer);
  }

  function reason(error) {
    if (error instanceof SignedOut) return "You are signed out. To sign in again, reload the page.";
    return `Flower does not answer${error.name === "Error" ? ` (${error.message})` : ""}.`;
  }

  function lost(error) {
    root.dataset.state = "reconnecting";
    const now = error instanceof SignedOut ? "Signed out." : "Reconnecting…";
    say("error", `${now}${last ? ` Last seen at ${Words.time(last.now)}` : ""}`);
    const old = last ? ` All figures below are from ${Words.time(last.now)} or earlier.` : "";
    Troubles.top([{ text: `${reason(error)}${old}`, level: "error" }]);
  }

  function take(answer) {
    cursor = answer.cursor;
    last = answer;
    Points.take(answer);
    show();
  }

  const SPANS = { 60: "minute", 3600: "hour" };
  const span = (seconds) => SPANS[seconds] ?? `${seconds / 60} minutes`;

  // Plotly shows times in UTC: shift them so that it shows the browser's local time.
  const local = (second) => second * 1e3 - new Date(second * 1e3).getTimezoneOffset() * 60e3;

  function show() {
    const answer = last;
    ["pool", "worker", "task"].forEach((name) => Board.choices(name, answer.choices[`${name}s`], chosen[name]));
    const start = Spans.start(Points.slices, answer.now, answer.range_s);
    const finished = `${answer.finished.toLocaleString("en")} ${start > answer.now - answer.range_s
      ? `since ${Words.time(start)}` : `in the last ${span(answer.range_s)}`}`;
    Board.tiles(answer, isFiltered(), finished);
    Findings.draw(answer);
    Roster.draw(answer, base);
    showEmpty(answer);
    const hidden = drawCharts(answer, start);
    at("finished").textContent = finished;
    at("from").textContent = Board.latencyFrom(answer);
    showState(answer, Troubles.draw(answer, hidden + answer.left_out.lines));
  }

  function drawCharts(answer, start) {
    const { recent, left_out: out } = answer;
    const queues = Points.columns("queues");
    const worker = Object.fromEntries(recent.workers.map((one) => [one.worker, one]));
    const pools = new Set(recent.pools.map((one) => one.pool));
    // Workers that are not in a full table may still be there.
    const outages = Spans.outages(Points.slices, answer);
    const shown = (spans) => spans.filter(([, to]) => to > start)
      .map(([from, to]) => [local(Math.max(from, start)), local(to)]);
    const endedWorker = (name) => (worker[name] ? worker[name].state === "stopped" : !out.rows);
    return Charts.drawAll({
      x: Points.seconds().map(local),
      span: [local(start), local(answer.now)],
      outages: shown(outages),
      queueGaps: shown(Spans.without(answer.queue_gaps ?? [], outages)),
      lines: Points.columns("lines"),
      workers: Points.columns("workers"),
      queues: Object.fromEntries(Object.entries(queues).map(([name, one]) => [name, one.depth])),
      poolOf: (name) => worker[name]?.pool ?? name,
      pools: answer.choices.pools,
      endedLine: chosen.by === "worker" ? endedWorker : (name) => !pools.has(name),
      endedWorker,
      endedQueue: (name) => !recent.used_queues.includes(name),
    });
  }

  function showState(answer, troubles) {
    const { source } = answer;
    const waiting = source.records && source.trouble ? "Waiting for the probe's records"
      : source.queues_trouble ? "Waiting for the broker"
      : source.events_trouble ? "Task events are not being read" : "";
    root.dataset.state = paused ? "paused" : waiting ? "waiting" : "live";
    const when = Words.time(answer.now);
    if (paused) say("", `Paused at ${when}`);
    else if (waiting) say("error", waiting);
    else if (troubles.length) say(troubles[0].level, `${Words.plural(troubles.length, "problem")} · ${when}`);
    else say("live", `Live · ${when}`);
  }

  const isFiltered = () => Boolean(chosen.pool || chosen.worker || chosen.task);

  function showEmpty(answer) {
    const empty = answer.finished === 0;
    const filtered = isFiltered();
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
  Roster.heads(() => { if (last) Roster.draw(last, base); });
  start();
})();
