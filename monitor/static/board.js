// Renders the tiles, the worker table, the filter options and the notes; makes no requests.
"use strict";
const Board = (() => {
  const at = (id) => document.getElementById(`tp-${id}`);
  const FROM = { due: "when the task was due", sent: "when it was sent",
    received: "when the worker received it" };

  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function tile(label, note, value, unit, below, look) {
    const card = element("article", undefined, "metric-card");
    const head = element("p", undefined, "metric-label");
    if (look) {
      card.style.setProperty("--tp-colour", look.colour);
      head.append(Words.sample(look));
    }
    head.append(element("span", label), element("small", note));
    const figure = element("p", value, "metric-value");
    figure.append(" ", element("small", unit));
    card.append(head, figure, below);
    return card;
  }

  // `stale`: no records are being read, so nothing is known about this moment.
  function poolTile(one, pools, stale) {
    const below = element("p", stale ? "waiting for records" : one.workers
      ? `${Words.number(one.busy)} of ${Words.plural(one.slots, "slot")} busy` : "no worker online");
    below.append(element("br"), `p95 ${Words.duration(stale ? null : one.p95_s)}`);
    if (one.failed_per_s && !stale) {
      below.append(" · ", element("span", `${Words.number(one.failed_per_s)}/s failed`, "tp-failed"));
    }
    const card = tile(one.pool, stale ? Words.NONE : Words.plural(one.workers, "worker"),
      Words.number(stale ? null : one.finished_per_s),
      "tasks/s", below, Words.ofPool(one.pool, pools));
    card.dataset.pool = one.pool;
    return card;
  }

  function queueTile(recent) {
    const full = Object.entries(recent.queues).filter(([, depth]) => depth).sort((a, b) => b[1] - a[1]);
    const most = full.slice(0, 3).map(([name, depth]) => `${name} ${Words.number(depth)}`).join(" · ");
    const names = Object.keys(recent.queues);
    const below = recent.waiting === null ? "the broker is not responding"
      : most || `all empty: ${names.slice(0, 6).join(", ")}`;
    return tile("queues", `${names.length} monitored`, Words.number(recent.waiting), "waiting",
      element("p", below));
  }

  function tiles(recent, pools, stale) {
    const byName = Object.fromEntries(recent.pools.map((one) => [one.pool, one]));
    const ordered = Words.inOrder(Object.keys(byName)).map((name) => byName[name]);
    at("tiles").replaceChildren(...ordered.map((one) => poolTile(one, pools, stale)), queueTile(recent));
  }

  const COLUMNS = [
    { key: "worker", name: "Worker" },
    { key: "pool", name: "Pool", show: (one) => `${one.pool} × ${one.slots ?? "?"}` },
    { key: "busy", name: "Busy", unit: true, show: (one) => Words.number(one.busy) },
    { key: "finished_per_s", name: "Tasks/s", unit: true, show: (one) => Words.number(one.finished_per_s) },
    { key: "p50_s", name: "p50", unit: true, show: (one) => Words.duration(one.p50_s) },
    { key: "p95_s", name: "p95", unit: true, show: (one) => Words.duration(one.p95_s) },
    { key: "cpu_percent", name: "CPU %", unit: true, show: (one) => Words.number(one.cpu_percent) },
    { key: "memory_bytes", name: "MB", unit: true, show: (one) => Words.megabytes(one.memory_bytes) },
    { key: "since", name: "Up since", unit: true, show: (one, now) => one.since === null ? Words.NONE
      : `${Words.clock(one.since)} (${Words.ago((one.state === "here" ? now : one.seen) - one.since)})` },
  ];
  const order = { key: "worker", up: true };

  function compare(a, b) {
    const [one, other] = [a[order.key], b[order.key]];
    if (one === other) return a.worker < b.worker ? -1 : 1;
    if (one === null || other === null) return one === null ? 1 : -1;
    return (one < other ? -1 : 1) * (order.up ? 1 : -1);
  }

  function heads(again) {
    const cells = COLUMNS.map((column) => {
      const cell = element("th", undefined, column.unit ? "tp-number" : "");
      const button = element("button", column.name);
      button.type = "button";
      button.addEventListener("click", () => {
        order.up = order.key === column.key ? !order.up : !column.unit;
        order.key = column.key;
        heads(again);
        again();
      });
      cell.scope = "col";
      cell.append(button);
      if (order.key === column.key) cell.setAttribute("aria-sort", order.up ? "ascending" : "descending");
      return cell;
    });
    document.querySelector("#tp-table thead tr").replaceChildren(...cells);
  }

  function row(one, now, base) {
    const made = element("tr", undefined, one.state === "here" ? "" : "tp-gone");
    made.append(...COLUMNS.map((column) => element("td",
      column.show ? column.show(one, now) : one[column.key], column.unit ? "tp-number" : "")));
    const link = element("a", one.worker);
    link.href = `${base}/worker/${encodeURIComponent(one.worker)}`;
    made.firstChild.replaceChildren(link);
    const seenAgo = Words.ago(now - one.seen);
    const badge = one.state === "stopped" ? `stopped ${seenAgo} ago`
      : one.state === "silent" ? `silent for ${seenAgo}`
      : one.source === "events" ? "no probe" : "";
    if (badge) made.firstChild.append(element("span", badge, "tp-badge"));
    return made;
  }

  function table(recent, now, base) {
    const rows = [...recent.workers].sort(compare).map((one) => row(one, now, base));
    const none = element("td", "No workers seen yet.", "empty-table-message");
    none.colSpan = COLUMNS.length;
    const empty = element("tr");
    empty.append(none);
    document.querySelector("#tp-table tbody").replaceChildren(...(rows.length ? rows : [empty]));
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

  function latencyFrom(recent) {
    const from = new Set(recent.pools.flatMap((one) => one.latency_from));
    return from.size ? ` · measured from ${[...from].map((one) => FROM[one]).join(" or ")}` : "";
  }

  function notes(answer, hidden) {
    const { source, recent } = answer;
    const found = [];
    const say = (text, warning) => found.push(element("li", text, warning ? "tp-warning" : ""));
    if (source.trouble) {
      say(source.records ? `Cannot read records from ${source.records} (${source.trouble}).`
        : `Showing task events only: ${source.trouble}.`, true);
    }
    if (source.queues_trouble) say(`Cannot read queue depths (${source.queues_trouble}).`, true);
    if (source.events_trouble) say(`Cannot read task events (${source.events_trouble}).`, true);
    if (source.faults) say(`Reading failed ${source.faults === 1 ? "once" : `${Words.number(source.faults)} times`} ` +
      "because of a fault in Poolwise and was started again; Flower's log has the details.", true);
    const events = recent.workers.filter((one) => one.source === "events" && one.state === "here");
    if (events.length) {
      say(`No probe on ${events.map((one) => one.worker).join(", ")}: tasks are counted from task ` +
        "events, which fall behind under load, and CPU and memory are unknown.", true);
    }
    if (source.missed_entries) say(`At least ${Words.number(source.missed_entries)} stream entries were lost before Flower read them.`, true);
    if (source.dropped_records) say(`Workers dropped ${Words.plural(source.dropped_records, "record")} because they could not reach the records server.`, true);
    const unreadable = source.unreadable_entries + source.unreadable_events;
    if (unreadable) say(`Skipped ${Words.plural(unreadable, "record")} that could not be read: written by a different version of the probe, or by something else.`, true);
    if (source.misdated_records) say(`${Words.plural(source.misdated_records, "record")} not shown: timestamped too far in the past or in the future.`, true);
    if (source.unreadable_steps) say(`Skipped ${Words.plural(source.unreadable_steps, "step")} of the stored history that could not be read.`, true);
    if (source.history_trouble) say(`Cannot store the history (${source.history_trouble}): after a restart, Flower would not show it.`, true);
    const { left_out: out } = answer;
    if (out.rows) say(`The table leaves out the least busy workers (${Words.number(out.rows)}). Use the filters above to see them.`);
    if (out.unknown_workers) say(`${Words.plural(out.unknown_workers, "worker")} not shown: there are more than this page keeps.`, true);
    if (out.queues) say(`${Words.plural(out.queues, "queue")} not measured: there are more than this page measures.`, true);
    if (hidden > 0) say(`The charts leave out the least busy series (${hidden}). Use the filters above to see them.`);
    say(`Tiles and table show the last ${recent.seconds} s; each chart point covers ${answer.step_s} s. ` +
      "Percentiles are accurate to within 5 %.");
    if (recent.workers.some((one) => one.memory === "rss")) {
      say("If the kernel does not report proportional memory (PSS), shared pages count once per process.");
    }
    at("notes").replaceChildren(...found);
  }

  return { at, tiles, heads, table, choices, latencyFrom, notes };
})();
