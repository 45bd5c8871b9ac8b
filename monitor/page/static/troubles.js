// What is wrong, for the top of the page, and what else readers should know, for its end.
"use strict";
const Troubles = (() => {
  const { element } = Words;
  // Seconds for which a count that has grown is trouble; then it is a note.
  const FRESH_S = 15 * 60;

  // Whether one of the counts of these names grew lately; Flower knows when each of them did.
  const hasGrown = (keys, { source: { grew_at: times }, now }) =>
    keys.some((key) => now - (times[key] ?? -Infinity) < FRESH_S);

  function names(list) {
    return list.length > 3 ? `${list.slice(0, 3).join(", ")} and ${list.length - 3} more` : list.join(", ");
  }

  // What is wrong right now.
  function present({ source, recent }) {
    const found = [];
    if (source.records && source.trouble) {
      found.push(`Cannot read records from ${source.records} (${source.trouble}). Current figures are unknown.`);
    }
    if (source.queues_trouble) found.push(`Cannot read queue depths (${source.queues_trouble}).`);
    if (source.events_trouble) found.push(`Cannot read task events (${source.events_trouble}).`);
    if (source.trouble && source.records) return found; // nothing is known about workers
    const silent = recent.workers.filter((one) => one.state === "silent");
    if (silent.length) {
      const since = Math.max(...silent.map((one) => one.seen));
      found.push(`${names(silent.map((one) => one.worker))} ${silent.length === 1 ? "has" : "have"} not ` +
        `reported since ${Words.time(since)}, and sent no notice of stopping.`);
    }
    const lost = recent.unconsumed ?? [];
    if (lost.length) {
      const count = lost.reduce((sum, name) => sum + recent.queues[name], 0);
      found.push(`${Words.plural(count, "message")} ${count === 1 ? "waits" : "wait"} in ${names(lost)}, ` +
        "but no known worker consumes from there.");
    }
    return found;
  }

  // The prefix comes from the broker, where anyone may have written it: only plain ones are part of
  // a command that readers may paste.
  function allPrefixed(prefixes) {
    const option = prefixes.length === 1 && /^[\w.:/{}-]+$/.test(prefixes[0])
      ? `, or set POOLWISE_BROKER_OPTIONS='${JSON.stringify({ global_keyprefix: prefixes[0] })}'` : "";
    return `All queues in this broker have the key prefix ${prefixes.join(" or ")}, so this page does not show ` +
      `their messages and may not show their workers. Start Flower with your app (-A PROJECT)${option}.`;
  }

  // What went wrong since Flower started: the names of the counts, their sum, and how to say it.
  function counts(source) {
    const { faults } = source;
    return [
      [["faults"], faults, `A background job failed ${faults === 1 ? "once" : `${Words.number(faults)} times`} ` +
        "because of a fault in Poolwise and was started again; Flower's log has the details."],
      [["missed_entries"], source.missed_entries, `At least ${Words.plural(source.missed_entries, "batch", "batches")} of records ` +
        `${source.missed_entries === 1 ? "was" : "were"} lost before Flower read ` +
        `${source.missed_entries === 1 ? "it" : "them"}.`],
      [["dropped_records"], source.dropped_records, `Workers dropped ${Words.plural(source.dropped_records, "record")} ` +
        "because they could not reach the Redis to which the probe writes."],
      [["unreadable_entries", "unreadable_events"], source.unreadable_entries + source.unreadable_events, "Skipped " +
        `${Words.plural(source.unreadable_entries + source.unreadable_events, "record")} that could not ` +
        "be read: written by a different version of the probe, or by something else."],
      [["misdated_records"], source.misdated_records, `${Words.plural(source.misdated_records, "record")} not ` +
        "shown: timestamped too far in the past or in the future."],
      [["unreadable_steps"], source.unreadable_steps, `Skipped ${Words.plural(source.unreadable_steps, "step")} of ` +
        "the stored history that could not be read."],
    ].filter(([, count]) => count);
  }

  // Limits of what is shown, which are no trouble.
  function limits(answer, hidden) {
    const { source, recent, left_out: out } = answer;
    const found = [];
    if (source.trouble && !source.records) found.push(`Showing task events only: ${source.trouble}.`);
    const events = recent.workers.filter((one) => one.source === "events" && one.state === "here");
    if (events.length) {
      found.push(`No probe on ${names(events.map((one) => one.worker))}: tasks are counted from task ` +
        "events, which fall behind under load, and CPU and memory are unknown.");
    }
    if (recent.workers.some((one) => one.latency_note && one.p95_s !== null)) {
      found.push("† Some or all of these latencies start when the worker received the task, so they leave out its time in the queue.");
    }
    if (out.unknown_workers) found.push(`${Words.plural(out.unknown_workers, "worker")} not shown: there are more than this page keeps.`);
    if (out.queues) found.push(`${Words.plural(out.queues, "queue")} not measured: there are more than this page measures.`);
    if (out.rows) found.push(`The table leaves out the least busy workers (${Words.number(out.rows)}). Use the filters above to see them.`);
    if (hidden > 0) found.push(`The charts leave out the least busy series (${hidden}). Use the filters above to see them.`);
    const old = answer.step_s < Spans.COARSE_S ? ` (${Spans.COARSE_S} s before a restart of Flower)` : "";
    found.push(`Tiles and table show the last ${recent.seconds} s; each chart point covers ${answer.step_s} s${old}. ` +
      "Percentiles (≈) are accurate to within 5 %.");
    if (recent.workers.some((one) => one.memory === "rss")) {
      found.push("If the kernel does not report proportional memory (PSS), shared pages count once per process.");
    }
    return found;
  }

  // Shows both lists; returns the troubles, the present ones first: {text, level}.
  function draw(answer, hidden) {
    const grown = counts(answer.source).map(([keys, , text]) =>
      ({ text, level: "warning", fresh: hasGrown(keys, answer) }));
    const { history_trouble: away, findings_trouble: unjudged, key_prefixes: prefixes = [] } = answer.source;
    const history = away && `Cannot store the history (${away}): after a restart, Flower would not show it.`;
    const found = [
      ...present(answer).map((text) => ({ text, level: "error" })),
      ...(prefixes.length ? [{ text: allPrefixed(prefixes), level: "warning" }] : []),
      ...(history ? [{ text: history, level: "warning" }] : []),
      ...(unjudged ? [{ text: `Cannot update the findings (${unjudged}).`, level: "warning" }] : []),
      ...grown.filter((one) => one.fresh),
    ];
    top(found);
    const notes = [...grown.filter((one) => !one.fresh).map((one) => one.text), ...limits(answer, hidden)];
    document.getElementById("tp-notes").replaceChildren(...notes.map((text) => element("li", text)));
    return found;
  }

  // Screen readers read the list aloud whenever it changes, so it must not change without a reason.
  function top(found) {
    const list = document.getElementById("tp-troubles");
    const state = JSON.stringify(found);
    if (list.dataset.state === state) return;
    list.dataset.state = state;
    list.hidden = !found.length;
    list.replaceChildren(...found.map((one) => element("li", one.text, `tp-${one.level}`)));
  }

  return { draw, top };
})();
