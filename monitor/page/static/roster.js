// Renders the table of workers, with those that have stopped folded; makes no requests.
"use strict";
const Roster = (() => {
  const { element } = Words;

  // The mark refers to a note at the end of the page.
  const latency = (one, field) => Words.about(one[field]) +
    (one.latency_note && one[field] !== null ? "\u00a0†" : "");

  const COLUMNS = [
    { key: "worker", name: "Worker" },
    { key: "pool", name: "Pool", show: (one) => `${one.pool} × ${one.slots ?? "?"}` },
    { key: "busy", name: "Busy", unit: true, show: (one) => Words.number(one.busy) },
    { key: "finished_per_s", name: "Tasks/s", unit: true, show: (one) => Words.number(one.finished_per_s) },
    { key: "p50_s", name: "p50", unit: true, show: (one) => latency(one, "p50_s") },
    { key: "p95_s", name: "p95", unit: true, show: (one) => latency(one, "p95_s") },
    { key: "cpu_percent", name: "CPU %", unit: true, show: (one) => Words.number(one.cpu_percent) },
    { key: "memory_bytes", name: "MB", unit: true, show: (one) => Words.megabytes(one.memory_bytes) },
    { key: "since", name: "Up since", unit: true, show: (one, now) => one.since === null ? Words.NONE
      : `${Words.clock(one.since)} (${Words.ago((one.state === "here" ? now : one.seen) - one.since)})` },
  ];
  const MEASURED = ["busy", "finished_per_s", "p50_s", "p95_s", "cpu_percent", "memory_bytes"];
  const order = { key: "worker", up: true };
  let unfolded = false;

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

  function badges(one, now, stale) {
    const seenAgo = Words.ago(now - one.seen);
    const state = one.state === "stopped" ? `stopped ${seenAgo} ago`
      : stale ? "" // the records are away, not the worker
      : one.state === "silent" ? `silent for ${seenAgo}`
      : one.source === "events" ? "no probe" : "";
    const was = one.was?.length && one.state !== "stopped" ? `was ${one.was[0]}` : "";
    return [state, was].filter(Boolean).map((text) => element("span", text,
      `tp-badge ${one.state === "silent" && text === state ? "tp-warning" : ""}`));
  }

  // `stale`: no records are being read, so nothing is known about this moment.
  function row(one, now, base, stale) {
    const made = element("tr", undefined, one.state === "here" && !stale ? "" : "tp-gone");
    const shown = stale ? { ...one, ...Object.fromEntries(MEASURED.map((name) => [name, null])) } : one;
    made.append(...COLUMNS.map((column) => element("td",
      column.show ? column.show(shown, now) : shown[column.key], column.unit ? "tp-number" : "")));
    const link = element("a", one.worker);
    link.href = `${base}/worker/${encodeURIComponent(one.worker)}`;
    made.firstChild.replaceChildren(link, ...badges(one, now, stale));
    return made;
  }

  function wide(content, className) {
    const cell = element("td", undefined, className);
    cell.colSpan = COLUMNS.length;
    cell.append(content);
    const made = element("tr");
    made.append(cell);
    return made;
  }

  function foldRow(count, again) {
    const button = element("button", `${Words.number(count)} stopped`, "tp-fold");
    button.type = "button";
    button.setAttribute("aria-expanded", String(unfolded));
    button.addEventListener("click", () => { unfolded = !unfolded; again(); });
    return wide(button, "tp-fold-cell");
  }

  function draw(answer, base) {
    const { recent, now, source } = answer;
    const stale = Boolean(source.records && source.trouble);
    const again = () => draw(answer, base);
    const workers = [...recent.workers].sort(compare);
    const stopped = workers.filter((one) => one.state === "stopped");
    const made = (some) => some.map((one) => row(one, now, base, stale));
    const rows = made(workers.filter((one) => one.state !== "stopped"));
    if (!rows.length) rows.push(wide("No worker is online.", "empty-table-message"));
    if (stopped.length) rows.push(foldRow(stopped.length, again), ...(unfolded ? made(stopped) : []));
    const body = document.querySelector("#tp-table tbody");
    const focused = body.contains(document.activeElement) && document.activeElement.className === "tp-fold";
    body.replaceChildren(...rows);
    if (focused) body.querySelector(".tp-fold")?.focus();
  }

  return { heads, draw };
})();
