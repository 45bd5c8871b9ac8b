// Renders the tiles and the filter options; makes no requests.
"use strict";
const Board = (() => {
  const { element } = Words;
  const at = (id) => document.getElementById(`tp-${id}`);
  const ORIGINS = { due: "when the task was due", sent: "when it was sent",
    received: "when the worker received it" };
  // Why a pool leaves slots free although messages wait; each cause is proven, see monitor/answer/limit.py.
  const LIMITS = {
    machine_cpu: (value) => `the machine's CPU is ${value}\u00a0% busy`,
    main_process: (value) => `the main process uses ${value}\u00a0% of a core`,
    fetching: () => "workers cannot fetch them faster",
  };

  function tile({ label, note, value, unit, lines, look, kind }) {
    const card = element("article", undefined, `metric-card ${kind ?? ""}`);
    const head = element("p", undefined, "metric-label");
    if (look) {
      card.style.setProperty("--tp-colour", look.colour);
      head.append(Words.sample(look));
    }
    head.append(element("span", label), element("small", note));
    const figure = element("p", value, "metric-value");
    figure.append(" ", element("small", unit));
    const below = element("div", undefined, "tp-below");
    below.append(...lines.filter(Boolean).map((one) => (typeof one === "string" ? element("p", one) : one)));
    card.append(head, figure, below);
    return card;
  }

  // `stale`: no records are being read, so nothing is known about this moment.
  function totalTile(recent, filtered, stale, finished) {
    const { finished_per_s: out, arrived_per_s: into } = recent;
    const growing = into !== null && out !== null && into > 1.1 * out + 1;
    const arriving = filtered ? "clear the filters to see arrivals"
      : stale || into === null ? "arrivals unknown" : `${Words.number(into)}/s arriving`;
    const workers = recent.pools.reduce((sum, one) => sum + one.workers, 0);
    return tile({
      label: filtered ? "selected" : "all pools",
      note: stale ? Words.NONE : Words.plural(workers, "worker"),
      value: Words.number(stale ? null : out), unit: "tasks/s finished",
      lines: [growing && !stale ? element("p", `${arriving}, faster than they finish`, "tp-limit") : arriving, finished],
      kind: "tp-total",
    });
  }

  // Short for the note, which is next to the chart.
  const withoutQueueTime = ({ latency_starts: starts }) =>
    `${starts.due || starts.sent ? "partly " : ""}without queue time`;

  function poolTile(one, pools, stale) {
    const away = !stale && !one.workers;
    const share = Words.percent(one.busy, one.slots);
    const busy = stale ? "waiting for records" : away ? "no worker online"
      : `${Words.number(one.busy)} of ${Words.plural(one.slots, "slot")} busy` +
        (share === null ? "" : ` · ${Words.number(share)}\u00a0%`);
    const known = !stale && one.p95_s !== null;
    const latency = element("p", `p95 ${Words.about(known ? one.p95_s : null)}`);
    if (known && one.latency_note) latency.append(` ${withoutQueueTime(one)}`);
    if (!stale && one.failed_per_s) {
      latency.append(" · ", element("span", `${Words.number(one.failed_per_s)}/s failed`, "tp-failed"));
    }
    const limit = !stale && one.limit && element("p",
      `${Words.number(one.waiting)} waiting: ${LIMITS[one.limit.cause](one.limit.value)}`, "tp-limit");
    const card = tile({ label: one.pool, note: stale ? Words.NONE : Words.plural(one.workers, "worker"),
      value: Words.number(stale ? null : one.finished_per_s), unit: "tasks/s",
      lines: [busy, latency, limit], look: Words.ofPool(one.pool, pools), kind: away ? "tp-away" : "" });
    card.dataset.pool = one.pool;
    return card;
  }

  function queueTile(recent, stale) {
    const names = Object.keys(recent.queues);
    const full = names.filter((name) => recent.queues[name])
      .sort((a, b) => recent.queues[b] - recent.queues[a]);
    const few = (list, show) => list.slice(0, 3).map(show).join(" · ") +
      (list.length > 3 ? ` · ${list.length - 3} more` : "");
    const below = stale || recent.waiting === null ? "the broker is not responding"
      : full.length ? few(full, (name) => `${name} ${Words.number(recent.queues[name])}`)
      : names.length ? `all empty: ${few(names, (name) => name)}` : "none in use";
    return tile({ label: "queues", note: stale ? Words.NONE : `${names.length} in use`,
      value: Words.number(stale ? null : recent.waiting), unit: "waiting", lines: [below] });
  }

  function tiles(answer, filtered, finished) {
    const { recent, source, choices: { pools } } = answer;
    const stale = Boolean(source.records && source.trouble);
    const byName = Object.fromEntries(recent.pools.map((one) => [one.pool, one]));
    const ordered = Words.inOrder(Object.keys(byName)).map((name) => byName[name]);
    at("tiles").replaceChildren(totalTile(recent, filtered, stale, finished),
      ...ordered.map((one) => poolTile(one, pools, stale)),
      queueTile(recent, Boolean(source.queues_trouble)));
  }

  // Keep a selected option even after it disappears: the page must not change the selection itself.
  function choices(id, names, chosen) {
    const select = at(id);
    const wanted = ["", ...new Set(chosen ? [...names, chosen] : names)];
    const shown = [...select.options].map((one) => one.value);
    if (!shown.length || wanted.join("\n") !== shown.join("\n")) {
      select.replaceChildren(...wanted.map((name) => new Option(name || select.dataset.all, name)));
    }
    select.value = chosen;
  }

  // Where the latencies start, and whether they leave out the time in the queue.
  function latencyFrom({ recent, latency_note: note }) {
    if (note) return ` · ${note}`;
    const from = new Set(recent.pools.flatMap((one) => one.latency_from));
    return from.size ? ` · measured from ${[...from].map((one) => ORIGINS[one]).join(" or ")}` : "";
  }

  return { at, tiles, choices, latencyFrom };
})();
