// Unpacks Plotly and draws each plot from the JSON next to it, one by one so that the page stays
// responsive.
"use strict";
(async () => {
  const boxes = document.querySelectorAll(".plot");
  if (boxes.length > 0) {
    try {
      await loadPlotly();
    } catch (error) {
      for (const box of boxes) box.textContent = `This browser cannot unpack the plots: ${error}`;
      return;
    }
  }
  // On a touch screen, dragging must scroll the page, not zoom a plot.
  const dragmode = matchMedia("(hover: hover)").matches ? "zoom" : false;
  const config = {
    responsive: true,
    displaylogo: false,
    displayModeBar: false,
    showTips: false,
    plotlyServerURL: "",
  };
  for (const box of boxes) {
    const { data, layout } = JSON.parse(box.nextElementSibling.textContent);
    await Plotly.newPlot(box, data, { ...layout, dragmode }, config);
  }
  document.documentElement.dataset.drawn = "yes";

  async function loadPlotly() {
    const text = atob(document.getElementById("plotly").textContent);
    const packed = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    // The page's content security policy allows exactly this text.
    script.textContent = await new Response(unpacked).text();
    document.head.append(script);
  }
})();
