// Draws the six charts with Plotly from the points it is given; makes no requests.
"use strict";
const Charts = (() => {
  // More lines than this are hard to tell apart; the filters bring back the others.
  const MAX_LINES = 12;
  const CONFIG = { responsive: true, displayModeBar: false, displaylogo: false, showTips: false,
    plotlyServerURL: "" };
  const narrow = () => window.innerWidth < 768;

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function axis(title, more) {
    return {
      title: { text: title, standoff: 6, font: { size: 12 } },
      gridcolor: "rgba(128,128,128,0.2)", zeroline: false, automargin: "width",
      ticks: "outside", ticklen: 4, tickcolor: "rgba(128,128,128,0.5)", fixedrange: true, ...more,
    };
  }

  // On a narrow page, labels without seconds leave room for more of them.
  function timeAxis([from, to]) {
    const brief = narrow() && to - from > 5 * 60e3;
    // A margin that follows the label at the right end would move that label, and so on.
    return axis(`time of day (${brief ? "hh:mm" : "hh:mm:ss"})`, { type: "date", range: [from, to],
      automargin: "height",
      tickformat: brief ? "%H:%M" : "%H:%M:%S", hoverformat: "%H:%M:%S", nticks: brief ? 7 : narrow() ? 4 : 8 });
  }

  const shaded = (colour) => ([from, to]) => ({ type: "rect", xref: "x", yref: "paper", x0: from, x1: to,
    y0: 0, y1: 1, layer: "below", fillcolor: style(colour), opacity: 0.14, line: { width: 0 } });

  function layout(yaxis, view) {
    return {
      margin: { l: 8, r: 28, t: 8, b: 8 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: style("--bs-body-font-family") || "sans-serif", size: 12,
        color: style("--bs-body-color") },
      hovermode: "x unified", dragmode: false, showlegend: false,
      hoverlabel: { bgcolor: style("--flower-surface"), bordercolor: style("--bs-border-color"),
        font: { size: 12, color: style("--bs-body-color") }, namelength: 40 },
      xaxis: timeAxis(view.span),
      yaxis, uirevision: "kept",
      shapes: [...view.outages.map(shaded("--flower-danger")),
        ...view.unwatched.map(shaded("--flower-text-muted"))],
    };
  }

  // `series`: {name, look, ended}; `more`: the hover text of each point, or the unit; line; label
  function line(x, y, series, more) {
    const { look, ended } = series;
    return { type: "scatter", mode: "lines", x, y, name: (more && more.label) || series.name,
      meta: series, connectgaps: false,
      line: { color: look.colour, dash: look.dash, width: ended ? 1 : 2, ...(more && more.line) },
      text: more && more.text,
      hovertemplate: more && more.text ? "%{text}" : `%{y}${(more && more.unit) || ""}` };
  }

  // A single point between two gaps draws no line, so it needs a marker to be visible.
  function withLonePoints(trace) {
    const known = (i) => trace.y[i] !== null && trace.y[i] !== undefined;
    const size = trace.y.map((_, i) => (known(i) && !known(i - 1) && !known(i + 1) ? 4 : 0));
    return size.some(Boolean) ? { ...trace, mode: "lines+markers", marker: { size } } : trace;
  }

  // All lines that have ended share one name in the legend.
  const keyOf = (series) => (series.ended ? "ended" : series.name);

  // `unwatched`: when the figures of this chart were not measured, although others are known.
  function draw(id, traces, yaxis, view, unwatched = []) {
    const series = traces.map((trace) => trace.meta);
    const ended = new Set(series.filter((one) => one.ended).map((one) => one.name));
    const entries = [...new Map(series.filter((one) => !one.ended).map((one) => [one.name, one])).values()]
      .map(({ name, look }) => ({ name, look }));
    if (ended.size) entries.push({ name: "ended", label: `${ended.size} ended`, look: Words.ENDED });
    Legend.draw(id, entries, { outage: view.outages.length > 0, unwatched: unwatched.length > 0 },
      () => drawAll(latest));
    const shown = traces.filter((trace) => !Legend.isOff(id, keyOf(trace.meta)));
    Plotly.react(`tp-${id}`, shown.map(withLonePoints), layout(yaxis, { ...view, unwatched }), CONFIG);
  }

  const weight = (values) => values.reduce((sum, value) => sum + (value || 0), 0);

  function busiest(names, columns, field) {
    if (names.length <= MAX_LINES) return names;
    return [...names].sort((a, b) => weight(columns[b][field]) - weight(columns[a][field])).slice(0, MAX_LINES);
  }

  // Returns {name, look, ended} for the busiest names, those that have ended first: the others are
  // drawn above them. `turn` counts the workers of a pool: the first has the pool's dash, each
  // further one the next.
  function pick(columns, field, view, ended) {
    const names = Words.inOrder(Object.keys(columns));
    const turns = Object.create(null);
    const here = busiest(names.filter((name) => !ended(name)), columns, field).map((name) => {
      const pool = view.poolOf(name);
      const turn = (turns[pool] = (turns[pool] ?? -1) + 1);
      const look = Words.ofPool(pool, view.pools);
      return { name, ended: false,
        look: turn ? { ...look, dash: Words.ofTurn(Words.LOOKS.indexOf(look) + turn).dash } : look };
    });
    const gone = busiest(names.filter(ended), columns, field)
      .filter((name) => weight(columns[name][field]))
      .map((name) => ({ name, ended: true, look: Words.ENDED }));
    return [...gone, ...here];
  }

  function latencyAxis(traces) {
    const values = traces.flatMap((trace) => trace.y).filter((value) => value > 0);
    const high = Math.max(...values), low = Math.min(...values);
    return values.length && high / low > 30
      ? axis("latency (s, log scale)", { type: "log", dtick: 1, tickformat: "~g" })
      : axis("latency (s)", { type: "linear", rangemode: "tozero", tickformat: "~g" });
  }

  function drawTasks(view) {
    const { x, lines } = view;
    const names = pick(lines, "finished_per_s", view, view.endedLine);
    draw("rate", names.map((one) => line(x, lines[one.name].finished_per_s, one, { unit: "/s" })),
      axis("tasks per second", { rangemode: "tozero" }), view);
    const latency = names.flatMap((one) => ["p95", "p50"].map((which) => {
      const values = lines[one.name][`${which}_s`];
      return line(x, values, one, { label: `${one.name} ${which}`, text: values.map(Words.about),
        line: which === "p50" ? { width: 1, dash: "solid" } : {} });
    }));
    draw("latency", latency, latencyAxis(latency), view);
    const filled = Object.keys(lines)
      .filter((name) => !view.endedLine(name) || weight(lines[name].finished_per_s));
    return filled.length - names.length;
  }

  function drawSlots(view) {
    const { x, lines } = view;
    const traces = pick(lines, "slots", view, view.endedLine).map((one) => {
      const { busy, slots } = lines[one.name];
      const shares = busy.map((count, i) => Words.percent(count, slots[i]));
      return line(x, shares, one, { text: shares.map((share, i) => share === null ? Words.NONE
        : `${Words.number(share)} % (${Words.number(busy[i])} of ${Words.number(slots[i])})`) });
    });
    const high = Math.max(10, ...traces.flatMap((trace) => trace.y.map((share) => share ?? 0)));
    draw("slots", traces, axis("busy (% of slots)", { range: [0, Math.min(high, 100) * 1.06] }), view);
  }

  function drawQueues(view) {
    const { x, queues } = view;
    const filled = Object.keys(queues).sort().filter((name) => queues[name].some((n) => n > 0));
    const here = (filled.length ? filled : Object.keys(queues).sort()).filter((name) => !view.endedQueue(name));
    const gone = filled.filter(view.endedQueue).slice(0, MAX_LINES);
    const shown = here.slice(0, MAX_LINES);
    const others = shown.filter((name) => !Words.POOLS.includes(name));
    const series = [
      ...gone.map((name) => ({ name, ended: true, look: Words.ENDED })),
      ...shown.map((name) => ({ name, ended: false, look: Words.POOLS.includes(name)
        ? Words.ofPool(name, view.pools) : Words.ofQueue(others.indexOf(name)) })),
    ];
    draw("queues", series.map((one) => line(x, queues[one.name], one)),
      axis("messages", { rangemode: "tozero", ...(filled.length ? {} : { range: [0, 10] }) }), view,
      view.queueGaps);
  }

  function drawWorkers(view) {
    const { x, workers } = view;
    const names = pick(workers, "cpu_percent", view, view.endedWorker);
    const levels = (field, scale, unit) => names.map((one) =>
      line(x, workers[one.name][field].map((v) => (v === null || v === undefined ? null : v / scale)),
        one, { unit }));
    draw("cpu", levels("cpu_percent", 1, " %"), axis("CPU (% of one core)", { rangemode: "tozero" }), view);
    draw("memory", levels("memory_bytes", 1e6, " MB"), axis("memory (MB)", { rangemode: "tozero",
      hoverformat: ".0f" }), view);
  }

  let latest = null;

  // `view`: x, span, outages, queueGaps, lines, workers, queues (columns by name), poolOf(name), pools, and
  // endedLine(name), endedWorker(name), endedQueue(name). Returns how many lines are left out.
  function drawAll(view) {
    latest = view;
    drawQueues(view);
    drawSlots(view);
    drawWorkers(view);
    return drawTasks(view);
  }

  return { drawAll };
})();
