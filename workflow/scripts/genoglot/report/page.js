"use strict";
(function () {
  const plots = Array.from(document.querySelectorAll(".plot"));
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const options = {
    responsive: true,
    displaylogo: false,
    // named one by one: the default set has a button that sends the figure to a server
    modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "resetScale2d"]],
    showSendToCloud: false,
    plotlyServerURL: "",
    toImageButtonOptions: { format: "svg" },
  };

  // a page of A4 with its margins; the colours of paper, whatever the screen's are
  const PAPER_WIDTH = 680;
  const PAPER = {
    "--ink": "#000000",
    "--soft": "#444444",
    "--rule": "#cccccc",
    "--grid": "#e6e6e6",
    "--raised": "#ffffff",
  };

  // text and grid take the colours of the page, which follow the reader's setting
  function theme(paper, layout) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => (paper ? PAPER[name] : style.getPropertyValue(name).trim());
    const changes = {
      "font.color": colour("--ink"),
      "font.family": getComputedStyle(document.body).fontFamily,
      "font.size": 13,
      "hoverlabel.bgcolor": colour("--raised"),
      "hoverlabel.bordercolor": colour("--rule"),
      "hoverlabel.font.color": colour("--ink"),
      "modebar.bgcolor": "rgba(0,0,0,0)",
      "modebar.color": colour("--soft"),
      "modebar.activecolor": colour("--ink"),
    };
    for (const axis of Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name))) {
      changes[axis + ".title.font.size"] = 13;
      changes[axis + ".gridcolor"] = colour("--grid");
      changes[axis + ".linecolor"] = colour("--rule");
      changes[axis + ".tickcolor"] = colour("--rule");
    }
    return changes;
  }

  function assign(layout, changes) {
    for (const [path, value] of Object.entries(changes)) {
      const parts = path.split(".");
      const last = parts.pop();
      let place = layout;
      for (const part of parts) {
        place = place[part] = place[part] || {};
      }
      place[last] = value;
    }
  }

  function heatText(element) {
    return element.data.map((trace, index) => (trace.type === "heatmap" ? index : -1)).filter((index) => index >= 0);
  }

  function restyle(paper) {
    for (const element of plots.filter((each) => each.data)) {
      const width = Math.min(element.clientWidth, PAPER_WIDTH);
      const size = paper ? { width: width } : { width: null, autosize: true };
      const changes = { ...theme(paper, element.layout), ...size };
      const heat = heatText(element);
      if (heat.length) {
        Plotly.update(element, { "textfont.color": changes["font.color"] }, changes, heat);
      } else {
        Plotly.relayout(element, changes);
      }
    }
  }

  function draw(element) {
    const figure = JSON.parse(document.getElementById(element.dataset.figure).textContent);
    const changes = theme(false, figure.layout);
    assign(figure.layout, changes);
    for (const trace of figure.data) {
      if (trace.type === "heatmap") {
        trace.textfont = { color: changes["font.color"] };
      }
    }
    return Plotly.newPlot(element, figure.data, figure.layout, options);
  }

  // figures are drawn when the reader comes near, the rest when there is nothing else to do or the page is printed
  const waiting = new Set(plots);

  function drawOnce(element) {
    if (waiting.delete(element)) {
      draw(element);
    }
  }

  const watch = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => drawOnce(entry.target)),
    { rootMargin: "800px" },
  );
  plots.forEach((element) => watch.observe(element));
  const later = window.requestIdleCallback || ((act) => setTimeout(act, 200));

  function drawRest() {
    const [next] = waiting;
    if (next) {
      drawOnce(next);
      later(drawRest);
    }
  }

  later(drawRest);
  dark.addEventListener("change", () => restyle(false));
  window.addEventListener("beforeprint", () => {
    plots.forEach(drawOnce);
    restyle(true);
  });
  window.addEventListener("afterprint", () => restyle(false));
})();
