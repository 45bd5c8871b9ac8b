// How values are formatted, and which colour and dash each line has.
"use strict";
const Words = (() => {
  const NONE = "–";

  function number(value) {
    if (value === null || value === undefined) return NONE;
    if (value !== 0 && Math.abs(value) < 10) return value.toFixed(1).replace(/\.0$/, "");
    return Math.round(value).toLocaleString("en");
  }

  function duration(seconds) {
    if (seconds === null || seconds === undefined) return NONE;
    if (seconds < 0.00995) return `${(seconds * 1e3).toFixed(1)} ms`;
    if (seconds < 0.995) return `${Math.round(seconds * 1e3)} ms`;
    if (seconds < 99.95) return `${seconds.toPrecision(seconds < 9.95 ? 2 : 3).replace(/\.$/, "")} s`;
    const whole = Math.round(seconds);
    if (whole < 120) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  }

  // Latencies come from a histogram whose buckets are 10 % wide, so two digits are all that is known.
  const FASTEST_S = 1e-4, SLOWEST_S = 3416; // the ends of its first and its last bucket
  function about(seconds) {
    if (seconds === null || seconds === undefined) return NONE;
    if (seconds <= FASTEST_S) return `≤ ${duration(FASTEST_S)}`;
    if (seconds >= SLOWEST_S) return `≥ ${Math.floor(SLOWEST_S / 60)} min`;
    const digits = (value) => String(Number(value.toPrecision(2)));
    if (seconds < 0.995) return `≈ ${digits(seconds * 1e3)} ms`;
    return seconds < 119.5 ? `≈ ${digits(seconds)} s` : `≈ ${digits(seconds / 60)} min`;
  }

  const percent = (part, whole) =>
    part === null || part === undefined || !whole ? null : (part / whole) * 100;

  const megabytes = (bytes) => (bytes === null ? NONE : number(bytes / 1e6));

  function ago(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 120) return `${whole} s`;
    if (whole < 7200) return `${Math.floor(whole / 60)} min`;
    return whole < 172800 ? `${Math.floor(whole / 3600)} h` : `${Math.floor(whole / 86400)} d`;
  }

  const clock = (seconds) =>
    new Date(seconds * 1e3).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const time = (seconds) => new Date(seconds * 1e3).toLocaleTimeString("en-GB");

  // Okabe and Ito's palette without black and yellow, which are invisible on one of the two themes.
  // Each pool has the same colour and dash as in the reports of `poolwise race`.
  const LOOKS = [
    { colour: "#0072B2", dash: "solid" },
    { colour: "#E69F00", dash: "dash" },
    { colour: "#009E73", dash: "dot" },
    { colour: "#CC79A7", dash: "dashdot" },
    { colour: "#D55E00", dash: "longdash" },
    { colour: "#56B4E9", dash: "longdashdot" },
  ];
  // Workers, pools and queues that have ended.
  const ENDED = { dash: "solid", colour: "#8A8F87" };
  const POOLS = ["prefork", "threads", "gevent", "solo"];

  // Pools that Poolwise does not know take the remaining looks, in alphabetical order.
  function ofPool(pool, pools) {
    const others = pools.filter((name) => !POOLS.includes(name)).sort();
    const at = POOLS.includes(pool) ? POOLS.indexOf(pool) : POOLS.length + others.indexOf(pool);
    return LOOKS[Math.max(0, at) % LOOKS.length];
  }

  // The pools in the order of the reports, then all other names.
  function inOrder(names) {
    const place = (name) => (POOLS.includes(name) ? POOLS.indexOf(name) : POOLS.length);
    return [...names].sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
  }

  const ofTurn = (turn) => LOOKS[turn % LOOKS.length];

  // Queues that are not named after a pool alternate between the two colours that no pool uses.
  const ofQueue = (turn) => ({ ...LOOKS[4 + (turn % 2)], dash: LOOKS[(turn + 4) % 6].dash });

  const ARRAYS = { solid: "", dash: "6 3", dot: "2 2", dashdot: "6 2 2 2", longdash: "9 3",
    longdashdot: "9 2 2 2" };

  function sample(look) {
    const made = document.createElement("span");
    made.innerHTML =
      `<svg class="tp-line" width="22" height="8" aria-hidden="true"><line x1="0" x2="22" y1="4" ` +
      `y2="4" stroke="${look.colour}" stroke-width="3" stroke-dasharray="${ARRAYS[look.dash]}"/></svg>`;
    return made.firstChild;
  }

  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  const plural = (count, word, many = `${word}s`) => `${number(count)} ${count === 1 ? word : many}`;

  return { NONE, LOOKS, ENDED, POOLS, number, duration, about, percent, megabytes, ago, clock, time,
    element, ofPool, ofTurn, ofQueue, inOrder, sample, plural };
})();
