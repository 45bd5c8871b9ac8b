// Finds where the time axis starts and when there was no data; knows no page and no chart.
"use strict";
const Spans = (() => {
  // The shortest time axis, in seconds.
  const SHORTEST_S = 60;
  // The newest points may be unknown for so many seconds before that counts as an outage.
  const LATE_S = 6;
  // Points from before a restart of Flower cover at least so many seconds.
  const COARSE_S = 5;

  const known = (columns) => Object.values(columns).some((fields) =>
    Object.values(fields).some((value) => value !== null && value !== undefined));

  // Whether anything at all was measured in a point: {lines, workers, queues}, by name, then by field.
  const isKnown = (slice) => known(slice.lines) || known(slice.workers) || known(slice.queues);

  // The first second of the time axis: the oldest known point, if it is within the range.
  function start(points, now, range) {
    const seconds = [...points.keys()].sort((a, b) => a - b);
    const first = seconds.find((second) => isKnown(points.get(second))) ?? now;
    return Math.max(now - range, Math.min(first, now - Math.min(SHORTEST_S, range)));
  }

  // The spans [from, to] in which nothing was measured: those that Flower knows, which are exact,
  // and those that the points show, also of the time in which Flower did not answer.
  function outages(points, { now, step_s: step, gaps = [] }) {
    const seconds = [...points.keys()].sort((a, b) => a - b);
    const found = gaps.filter(([from, to]) => to - from > LATE_S);
    let last = null; // the end of the last known point
    for (const second of seconds) {
      if (!isKnown(points.get(second))) continue;
      if (last !== null && second > last) found.push([last, second]);
      last = second + Math.max(step, COARSE_S);
    }
    if (last !== null && now - last > LATE_S) found.push([last, now]);
    return joined(found);
  }

  function joined(spans) {
    const found = [];
    for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
      const before = found.at(-1);
      if (before && from <= before[1]) before[1] = Math.max(before[1], to);
      else found.push([from, to]);
    }
    return found;
  }

  // The parts of some spans that are in none of the others, which are sorted and do not overlap.
  function without(spans, others) {
    return spans.flatMap(([from, to]) => {
      const edges = [from, ...others.filter((one) => one[1] > from && one[0] < to).flat(), to];
      return edges.flatMap((edge, i) => (i % 2 === 0 && edges[i + 1] > edge ? [[edge, edges[i + 1]]] : []));
    });
  }

  return { COARSE_S, start, outages, without };
})();
