// Keeps the points of the selected range, as the responses bring them; makes no requests.
"use strict";
const Points = (() => {
  // By the first second of each point: {lines, workers, queues} by name, then by field.
  const slices = new Map();

  const clear = () => slices.clear();
  const seconds = () => [...slices.keys()].sort((a, b) => a - b);

  // A restarted Flower may know less of the past than this page: keep points that it has no data for.
  function take(answer) {
    answer.at.forEach((second, i) => {
      const fresh = sliceAt(answer, i);
      if (!(answer.whole && slices.has(second) && isEmpty(fresh))) slices.set(second, fresh);
    });
    for (const second of slices.keys()) {
      const isOld = second <= answer.now - answer.range_s - answer.step_s;
      if (isOld || second > answer.now) slices.delete(second); // later: the clock was set back
    }
  }

  function sliceAt(answer, i) {
    const cut = (columns) => Object.fromEntries(Object.entries(columns).map(([name, fields]) => [name,
      Object.fromEntries(Object.entries(fields).map(([field, values]) => [field, values[i]]))]));
    const queues = Object.fromEntries(
      Object.entries(answer.queues).map(([name, values]) => [name, { depth: values[i] }]));
    return { lines: cut(answer.lines), workers: cut(answer.workers), queues };
  }

  const isEmpty = (slice) => [...Object.values(slice.lines), ...Object.values(slice.workers)]
    .every((fields) => Object.values(fields).every((value) => value === null));

  // The values of a part over all points, by name, then by field.
  function columns(part) {
    const all = seconds();
    const found = Object.create(null); // a worker may be called "constructor"
    for (const second of all) {
      for (const [name, fields] of Object.entries(slices.get(second)[part])) found[name] ??= fields;
    }
    return Object.fromEntries(Object.entries(found).map(([name, fields]) => [name,
      Object.fromEntries(Object.keys(fields).map((field) => [field,
        all.map((second) => slices.get(second)[part][name]?.[field] ?? null)]))]));
  }

  return { slices, clear, seconds, take, columns };
})();
