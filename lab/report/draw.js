// Draws each plot from the JSON beside it, one after the other so that the page stays usable.
"use strict";
(async () => {
  // A finger must scroll the page, not zoom a plot; a mouse may do both.
  const dragmode = matchMedia("(hover: hover)").matches ? "zoom" : false;
  const config = {
    responsive: true,
    displaylogo: false,
    displayModeBar: false,
    showTips: false,
    plotlyServerURL: "",
  };
  for (const box of document.querySelectorAll(".plot")) {
    const { data, layout } = JSON.parse(box.nextElementSibling.textContent);
    await Plotly.newPlot(box, data, { ...layout, dragmode }, config);
  }
  document.documentElement.dataset.drawn = "yes";
})();
