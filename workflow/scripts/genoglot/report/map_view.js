// Maps of windows, part 3 of 4: what a reader sees and touches.
const NOTHING_CHOSEN = 0.75;
const PUT_BACK = 0.1;
const CLICK = 4;
const NEAR = 12;
const MOST_ZOOM = 400;
const TOOLS = { move: "Move", box: "Box", lasso: "Lasso" };

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) {
      made.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== false) {
      made.setAttribute(name, value === true ? "" : value);
    }
  }
  made.append(...children);
  return made;
}

function outline(shape, colour) {
  const forms = {
    circle: '<circle cx="6" cy="6" r="5"/>',
    square: '<rect x="1.5" y="1.5" width="9" height="9"/>',
    diamond: '<path d="M6 0 12 6 6 12 0 6Z"/>',
    triangle: '<path d="M6 1 11.5 11H.5Z"/>',
  };
  const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
  // constants of this file and colours of the palette alone, nothing from data
  swatch.innerHTML = `<svg viewBox="0 0 12 12" fill="${colour}">${forms[shape]}</svg>`;
  return swatch;
}

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function shade(shades, share) {
  const at = Math.min(Math.max(share, 0), 1) * (shades.length - 1);
  const low = Math.min(Math.floor(at), shades.length - 2);
  return shades[low].map((value, side) => Math.round(value + (at - low) * (shades[low + 1][side] - value)));
}

class WindowMap {
  constructor(figure, packed) {
    this.figure = figure;
    this.packed = packed;
    this.table = new WindowTable(packed);
    this.shades = packed.shades.map(rgb);
    this.colourBy = packed.colour_by;
    this.axes = packed.axes[0];
    this.tool = "move";
    this.view = { x: 0.5, y: 0.5, zoom: 1 };
    this.hidden = new Map();
    this.chosen = null;
    this.build();
    this.recolour();
    new ResizeObserver(() => this.draw()).observe(this.stage);
  }

  build() {
    const choice = (label, names, value, change) => {
      const options = names.map(([key, text]) => element("option", { value: key, selected: key === value }, text));
      const select = element("select", { onchange: (event) => change(event.target.value) }, ...options);
      return element("label", {}, label + " ", select);
    };
    const button = (text, title, act) => element("button", { type: "button", title, onclick: act }, text);
    const columns = this.packed.colours.map((name) => [name, this.packed.labels[name] || name]);
    const zooms = [
      button("+", "Zoom in", () => this.zoom(1.6)),
      button("−", "Zoom out", () => this.zoom(1 / 1.6)),
      button("Reset", "Show the whole map", () => this.zoom(0)),
    ];
    this.toolButtons = Object.entries(TOOLS).map(([tool, text]) =>
      element("button", { type: "button", "data-tool": tool, onclick: () => this.use(tool) }, text),
    );
    const controls = element(
      "div",
      { class: "map-controls" },
      choice("Colour by", columns, this.colourBy, (name) => this.colour(name)),
      this.packed.axes.length > 1
        ? choice("Axes", this.packed.axes.map((name) => [name, name]), this.axes, (name) => this.turn(name))
        : "",
      element("span", { class: "map-group", role: "group", "aria-label": "What dragging does" }, ...this.toolButtons),
      element("span", { class: "map-group" }, ...zooms),
    );
    this.legend = element("div", { class: "map-legend", role: "group", "aria-label": "Legend" });
    this.panels = this.table.panels.map((panel, number) => this.buildPanel(panel, number));
    this.stage = element("div", { class: "map-stage" }, ...this.panels.map((panel) => panel.frame));
    this.tip = element("div", { class: "map-tip", hidden: true });
    this.selection = new Selection(this);
    this.figure.querySelector(".map").replaceChildren(controls, this.legend, this.stage, this.selection.block, this.tip);
    this.use("move");
  }

  buildPanel(panel, number) {
    const canvas = element("canvas", { tabindex: 0, role: "img", "aria-label": this.figure.dataset.label });
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const drag = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    drag.append(path);
    const names = element("p", { class: "map-axes" });
    const title = this.table.panels.length > 1 ? element("p", { class: "map-title" }, panel.title) : "";
    const frame = element("div", { class: "map-panel" }, title, element("div", { class: "map-canvas" }, canvas, drag), names);
    const made = { frame, canvas, path, names, number, places: {} };
    canvas.addEventListener("pointerdown", (event) => this.press(made, event));
    canvas.addEventListener("pointermove", (event) => this.move(made, event));
    canvas.addEventListener("pointerup", (event) => this.release(made, event));
    canvas.addEventListener("pointercancel", () => this.stop(made));
    canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    canvas.addEventListener("dblclick", () => this.zoom(2));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    return made;
  }

  // what the reader asked for

  colour(name) {
    this.colourBy = name;
    this.recolour();
    this.selection.show();
  }

  turn(axes) {
    this.axes = axes;
    this.zoom(0);
  }

  use(tool) {
    this.tool = tool;
    this.toolButtons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.tool === tool));
    // on a touch screen, a finger that moves over the map still scrolls the page, unless it draws
    this.stage.style.touchAction = tool === "move" ? "pan-y pinch-zoom" : "none";
    this.stage.style.cursor = tool === "move" ? "grab" : "crosshair";
  }

  zoom(factor) {
    const zoom = factor ? Math.min(Math.max(this.view.zoom * factor, 1), MOST_ZOOM) : 1;
    this.view = zoom === 1 ? { x: 0.5, y: 0.5, zoom } : { ...this.view, zoom };
    this.draw();
  }

  pan(panel, right, up) {
    const scale = this.scale(panel);
    this.view.x = Math.min(Math.max(this.view.x - right / scale, -0.2), 1.2);
    this.view.y = Math.min(Math.max(this.view.y - up / scale, -0.2), 1.2);
    this.draw();
  }

  wheel(event) {
    // a wheel alone scrolls the page
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 200));
    }
  }

  key(event) {
    const steps = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, -40], ArrowDown: [0, 40] };
    const zooms = { "+": 1.6, "-": 1 / 1.6, 0: 0 };
    if (event.key in steps) {
      this.pan(this.panels[0], ...steps[event.key]);
    } else if (event.key in zooms) {
      this.zoom(zooms[event.key]);
    } else if (event.key === "Escape") {
      this.choose(null);
    } else {
      return;
    }
    event.preventDefault();
  }

  // clicks and drags; positions are pixels from the upper left corner of the canvas

  at(panel, event) {
    const frame = panel.canvas.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  }

  press(panel, event) {
    if (event.button === 0) {
      panel.canvas.setPointerCapture(event.pointerId);
      this.drag = { panel, points: [this.at(panel, event)], last: this.at(panel, event), far: false };
    }
  }

  move(panel, event) {
    const here = this.at(panel, event);
    if (!this.drag) {
      this.hover(panel, event, here);
      return;
    }
    const { points, last } = this.drag;
    this.drag.far = this.drag.far || Math.hypot(here[0] - points[0][0], here[1] - points[0][1]) > CLICK;
    if (this.tool === "move") {
      this.pan(panel, here[0] - last[0], last[1] - here[1]);
    } else {
      points.push(here);
      panel.path.setAttribute("d", "M" + this.shape(points).map((point) => point.join(" ")).join("L") + "Z");
    }
    this.drag.last = here;
    this.tip.hidden = true;
  }

  release(panel, event) {
    if (!this.drag) {
      return;
    }
    const { points, far } = this.drag;
    this.stop(panel);
    if (!far) {
      const row = this.nearest(panel, this.at(panel, event));
      this.choose(row < 0 ? null : [row], event.shiftKey);
    } else if (this.tool !== "move") {
      this.choose(this.inside(panel, this.shape(points)), event.shiftKey);
    }
  }

  stop(panel) {
    this.drag = null;
    panel.path.removeAttribute("d");
  }

  // corners of the box from the first point to the last, or the line that was drawn
  shape(points) {
    const [[left, top], [right, bottom]] = [points[0], points[points.length - 1]];
    return this.tool === "box" ? [[left, top], [right, top], [right, bottom], [left, bottom]] : points;
  }

  hover(panel, event, here) {
    const row = this.nearest(panel, here);
    this.tip.hidden = row < 0;
    if (row >= 0) {
      const about = this.packed.listed.map((name) => `${this.packed.labels[name] || name} ${this.table.columns.get(name).text(row)}`);
      this.tip.replaceChildren(element("b", {}, this.table.locus(row)), ...about.map((text) => element("span", {}, text)));
      const frame = this.figure.getBoundingClientRect();
      const left = Math.min(event.clientX - frame.left + 14, frame.width - this.tip.offsetWidth - 4);
      this.tip.style.transform = `translate(${Math.max(left, 0)}px, ${event.clientY - frame.top + 16}px)`;
    }
  }

  // which windows

  pixels(panel) {
    const [width, height, scale] = [panel.canvas.clientWidth, panel.canvas.clientHeight, this.scale(panel)];
    const places = this.places(panel);
    return (row) => [
      width / 2 + (places[2 * row] - this.view.x) * scale,
      height / 2 - (places[2 * row + 1] - this.view.y) * scale,
    ];
  }

  nearest(panel, [x, y]) {
    const pixels = this.pixels(panel);
    let [found, least] = [-1, NEAR ** 2];
    for (const row of this.order) {
      const [right, down] = pixels(row);
      const distance = (right - x) ** 2 + (down - y) ** 2;
      if (distance <= least) {
        [found, least] = [row, distance];
      }
    }
    return found;
  }

  // rows that are shown and lie inside of a polygon, in the order of the table
  inside(panel, corners) {
    const pixels = this.pixels(panel);
    const [left, right] = [Math.min(...corners.map((each) => each[0])), Math.max(...corners.map((each) => each[0]))];
    const [top, bottom] = [Math.min(...corners.map((each) => each[1])), Math.max(...corners.map((each) => each[1]))];
    const [across, down] = [0, 1].map((side) => Float64Array.from(corners, (corner) => corner[side]));
    const within = (x, y) => {
      let odd = false;
      for (let i = 0, j = across.length - 1; i < across.length; j = i++) {
        const crosses = down[i] > y !== down[j] > y;
        if (crosses && x < ((across[j] - across[i]) * (y - down[i])) / (down[j] - down[i]) + across[i]) {
          odd = !odd;
        }
      }
      return odd;
    };
    const rows = [];
    for (const row of this.order) {
      const [x, y] = pixels(row);
      if (x >= left && x <= right && y >= top && y <= bottom && within(x, y)) {
        rows.push(row);
      }
    }
    return rows.sort((one, other) => one - other);
  }

  // null is no selection; `more` adds to the one there is
  choose(rows, more) {
    const before = more && this.chosen ? this.chosen : [];
    const all = rows ? Array.from(new Set([...before, ...rows])).sort((one, other) => one - other) : before;
    this.chosen = all.length ? all : null;
    this.recolour();
    this.selection.show();
  }

  // drawing; see map_legend.js for colours

  places(panel) {
    panel.places[this.axes] = panel.places[this.axes] || this.table.places(panel.number, this.axes);
    return panel.places[this.axes];
  }

  scale(panel) {
    return 0.94 * Math.min(panel.canvas.clientWidth, panel.canvas.clientHeight) * this.view.zoom;
  }

  draw() {
    cancelAnimationFrame(this.waiting);
    this.waiting = requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    const dense = window.devicePixelRatio || 1;
    const size = Math.min(Math.max(7.5 - Math.log10(this.table.rows), 2.6), 6) * Math.min(this.view.zoom ** 0.35, 3);
    for (const panel of this.panels) {
      const { canvas } = panel;
      canvas.width = Math.round(canvas.clientWidth * dense);
      canvas.height = Math.round(canvas.clientHeight * dense);
      panel.names.textContent = this.table.panels[panel.number].names[this.axes];
      if (canvas.width && canvas.height) {
        const view = { x: this.view.x, y: this.view.y, scale: this.scale(panel) * dense };
        const { colours, shapes, order } = this;
        paint(canvas, { places: this.places(panel), colours, shapes, order }, view, Math.max(size * dense, 2));
      }
    }
    this.figure.dataset.drawn = this.order.length;
  }
}
