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
      gridcolor: "rgba(128,128,128,0.2)", zeroline: false, automargin: true,
      ticks: "outside", ticklen: 4, tickcolor: "rgba(128,128,128,0.5)", fixedrange: true, ...more,
    };
  }

  function layout(yaxis, span) {
    return {
      margin: { l: 8, r: 10, t: 30, b: 8 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: style("--bs-body-font-family") || "sans-serif", size: 12,
        color: style("--bs-body-color") },
      hovermode: "x unified", dragmode: false, showlegend: true,
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", itemwidth: 30,
        font: { size: 11.5 }, bgcolor: "rgba(0,0,0,0)" },
      hoverlabel: { bgcolor: style("--flower-surface"), bordercolor: style("--bs-border-color"),
        font: { size: 12, color: style("--bs-body-color") } },
      xaxis: axis("time of day (hh:mm:ss)", { type: "date", range: span, tickformat: "%H:%M:%S",
        hoverformat: "%H:%M:%S", nticks: narrow() ? 4 : 8 }),
      yaxis, uirevision: "kept",
    };
  }

  function line(x, y, name, look, more) {
    return { type: "scatter", mode: "lines", x, y, name, connectgaps: false,
      line: { color: look.colour, dash: look.dash, width: 2, ...(more && more.line) },
      hovertemplate: `%{y}${(more && more.unit) || ""}`, ...(more && more.trace) };
  }

  // A single point between two gaps draws no line, so it needs a marker to be visible.
  function withLonePoints(trace) {
    const known = (i) => trace.y[i] !== null && trace.y[i] !== undefined;
    const lone = trace.y.some((_, i) => known(i) && !known(i - 1) && !known(i + 1));
    return lone ? { ...trace, mode: "lines+markers", marker: { size: 4 } } : trace;
  }

  const draw = (id, traces, yaxis, span) =>
    Plotly.react(`tp-${id}`, traces.map(withLonePoints), layout(yaxis, span), CONFIG);

  function busiest(columns, field) {
    const weight = (name) => columns[name][field].reduce((sum, value) => sum + (value || 0), 0);
    const names = Words.inOrder(Object.keys(columns));
    if (names.length <= MAX_LINES) return names;
    return names.sort((a, b) => weight(b) - weight(a)).slice(0, MAX_LINES);
  }

  // `turn` counts the workers of a pool: the first has the pool's dash, each further one the next.
  function looks(names, poolOf, pools) {
    const turns = Object.create(null);
    return names.map((name) => {
      const pool = poolOf(name);
      const turn = (turns[pool] = (turns[pool] ?? -1) + 1);
      const look = Words.ofPool(pool, pools);
      return turn ? { ...look, dash: Words.ofTurn(Words.LOOKS.indexOf(look) + turn).dash } : look;
    });
  }

  function latencyAxis(traces) {
    const values = traces.flatMap((trace) => trace.y).filter((value) => value > 0);
    const high = Math.max(...values), low = Math.min(...values);
    return values.length && high / low > 30
      ? axis("latency (s, log scale)", { type: "log", dtick: 1, tickformat: "~g" })
      : axis("latency (s)", { type: "linear", rangemode: "tozero", tickformat: "~g" });
  }

  // `view`: x, span, lines, workers, queues (columns by name), poolOf(name), pools
  function drawAll(view) {
    const { x, span, lines, workers, queues } = view;
    const names = busiest(lines, "finished_per_s");
    const seen = looks(names, view.poolOf, view.pools);
    const each = (make) => names.flatMap((name, i) => make(lines[name], name, seen[i]));
    draw("rate", each((one, name, look) => [line(x, one.finished_per_s, name, look, { unit: "/s" })]),
      axis("tasks per second", { rangemode: "tozero" }), span);
    const fine = { width: 1, dash: "solid" };
    const latency = each((one, name, look) => [
      line(x, one.p95_s, `${name} p95`, look, { unit: " s" }),
      line(x, one.p50_s, `${name} p50`, look, { unit: " s", line: fine, trace: { opacity: 0.9 } }),
    ]);
    draw("latency", latency, latencyAxis(latency), span);
    draw("slots", each((one, name, look) => [
      line(x, one.busy, name, look, {}),
      line(x, one.slots, `${name}, all slots`, look, { line: { ...fine, dash: "dot" },
        trace: { showlegend: false } }),
    ]), axis("slots", { rangemode: "tozero" }), span);
    const waiting = Object.keys(queues).sort().filter((name) => queues[name].some((n) => n > 0));
    const shown = (waiting.length ? waiting : Object.keys(queues).sort()).slice(0, MAX_LINES);
    const others = shown.filter((name) => !Words.POOLS.includes(name));
    draw("queues", shown.map((name) => line(x, queues[name], name,
      Words.POOLS.includes(name) ? Words.ofPool(name, view.pools) : Words.ofQueue(others.indexOf(name)))),
      axis("messages", { rangemode: "tozero", ...(waiting.length ? {} : { range: [0, 10] }) }), span);
    const nodes = busiest(workers, "cpu_percent");
    const ofNodes = looks(nodes, view.poolOf, view.pools);
    const levels = (field, scale, unit) => nodes.map((name, i) =>
      line(x, workers[name][field].map((v) => (v === null || v === undefined ? null : v / scale)),
        name, ofNodes[i], { unit }));
    draw("cpu", levels("cpu_percent", 1, " %"), axis("CPU (% of one core)", { rangemode: "tozero" }), span);
    draw("memory", levels("memory_bytes", 1e6, " MB"), axis("memory (MB)", { rangemode: "tozero",
      hoverformat: ".0f" }), span);
    return Object.keys(lines).length - names.length;
  }

  return { drawAll };
})();
