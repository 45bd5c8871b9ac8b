// Draws each plot from the JSON next to it, one by one so that the page stays responsive.
"use strict";
(async () => {
  // On a touch screen, dragging must scroll the page, not zoom a plot.
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
