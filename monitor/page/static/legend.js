// A chart's legend: one line, and a button for the names that do not fit; knows no Plotly.
"use strict";
const Legend = (() => {
  const { element } = Words;
  const open = new Set(); // ids of the charts whose legend is unfolded
  const off = new Set(); // "chart name" of the lines that a click has hidden

  const isOff = (id, name) => off.has(`${id} ${name}`);

  function key(id, name, label, look, again) {
    const made = element("button", undefined, "tp-key");
    made.type = "button";
    made.title = label;
    made.setAttribute("aria-pressed", String(!isOff(id, name)));
    made.append(Words.sample(look), element("span", label));
    made.addEventListener("click", () => {
      if (!off.delete(`${id} ${name}`)) off.add(`${id} ${name}`);
      again();
    });
    return made;
  }

  // The place for the legend, above the chart.
  function place(id) {
    const found = document.getElementById(`tp-${id}-legend`);
    if (found) return found;
    const made = element("div", undefined, "tp-legend");
    made.id = `tp-${id}-legend`;
    made.append(element("div", undefined, "tp-keys"), element("button", undefined, "tp-more"));
    document.getElementById(`tp-${id}`).before(made);
    return made;
  }

  function mark(text, kind, more) {
    const made = element("span", text, `tp-key tp-mark ${kind}`);
    made.append(element("small", more));
    return made;
  }

  // `entries`: {name, label, look}; `shaded`: which kinds of shaded spans the chart has.
  function draw(id, entries, shaded, again) {
    const legend = place(id);
    const [keys, more] = legend.children;
    const state = JSON.stringify([entries, shaded, entries.map((one) => isOff(id, one.name))]);
    if (legend.dataset.state !== state) { // otherwise the focus would be lost every second
      legend.dataset.state = state;
      const made = entries.map((one) => key(id, one.name, one.label ?? one.name, one.look, again));
      if (shaded.unwatched) made.unshift(mark("Flower was not running", "tp-unwatched", ": no queue lengths"));
      if (shaded.outage) made.unshift(mark("no data", "tp-outage"));
      keys.replaceChildren(...made);
    }
    more.type = "button";
    more.onclick = () => {
      if (!open.delete(id)) open.add(id);
      fold(legend, keys, more, open.has(id));
    };
    fold(legend, keys, more, open.has(id));
  }

  function fold(legend, keys, more, unfolded) {
    legend.classList.toggle("tp-open", false);
    more.hidden = false;
    const top = keys.firstElementChild ? keys.firstElementChild.offsetTop : 0;
    const hidden = [...keys.children].filter((one) => one.offsetTop > top).length;
    more.hidden = !hidden;
    more.textContent = unfolded ? "less" : `+${hidden}`;
    more.setAttribute("aria-expanded", String(unfolded));
    more.setAttribute("aria-label", unfolded ? "Show fewer names" : `Show ${hidden} more names`);
    legend.classList.toggle("tp-open", unfolded && hidden > 0);
  }

  return { draw, isOff };
})();
