// Shows what costs throughput or work, each with its evidence and what to change; makes no requests.
"use strict";
const Findings = (() => {
  const { element } = Words;

  // A flag of the command line must not be broken after its dashes.
  function withFlags(tag, text) {
    const made = element(tag);
    made.append(...text.split(/(--[a-z-]+)/)
      .map((part) => (part.startsWith("--") ? element("span", part, "tp-flag") : part)));
    return made;
  }

  function card(one) {
    const made = element("article", undefined, "tp-finding");
    made.dataset.name = one.name;
    const list = element("dl");
    list.append(element("dt", "Evidence"), withFlags("dd", one.evidence),
      element("dt", "Change"), withFlags("dd", one.fix));
    made.append(element("h3", one.text), list);
    return made;
  }

  // Text that someone has selected must stay: redraw only what has changed.
  function draw({ findings }) {
    const section = document.getElementById("tp-findings");
    const state = JSON.stringify(findings);
    if (section.dataset.state === state) return;
    section.dataset.state = state;
    const found = findings.found ?? [];
    section.hidden = !found.length;
    const head = element("h2", "Findings ");
    head.append(element("small", findings.seconds && `in the last ${Words.ago(findings.seconds)}`));
    const cards = element("div", undefined, "tp-finding-cards");
    cards.append(...found.map(card));
    const more = findings.more && element("p", `${findings.more} more: poolwise observe writes all that it finds into a result file.`);
    section.replaceChildren(head, cards, ...(more ? [more] : []));
  }

  return { draw };
})();
