// Maps of windows, part 4 of 4: colours and their legend, what was selected, and the start.
const FIRST_ROWS = 50;

Object.assign(WindowMap.prototype, {
  // colour, shape and order of every row, by the column that colours them and what is hidden and selected
  recolour() {
    const column = this.table.columns.get(this.colourBy);
    const rows = this.table.rows;
    [this.colours, this.shapes, this.order].forEach(forget);
    this.hiddenNow = this.hidden.get(this.colourBy) || new Set();
    this.hidden.set(this.colourBy, this.hiddenNow);
    this.groups = column.kind === "classes" ? this.byClass(column, rows) : this.byNumber(column, rows);
    const chosen = new Uint8Array(rows);
    (this.chosen || []).forEach((row) => (chosen[row] = 1));
    this.colours = new Uint8Array(4 * rows);
    this.shapes = new Uint8Array(rows);
    // the commonest class is drawn first, so that the others lie on top; what is selected lies above all
    const ranks = this.groups.entries.map((_, place) => place);
    ranks.sort((one, other) => this.groups.counts[other] - this.groups.counts[one]);
    const layers = ranks.map(() => []);
    const rankOf = new Array(ranks.length);
    ranks.forEach((place, rank) => (rankOf[place] = rank));
    const top = [];
    for (let row = 0; row < rows; row++) {
      const place = this.groups.of(row);
      const alpha = this.chosen ? (chosen[row] ? 1 : PUT_BACK) : NOTHING_CHOSEN;
      this.colours.set(this.groups.colour(row, place), 4 * row);
      this.colours[4 * row + 3] = Math.round(255 * alpha);
      this.shapes[row] = SHAPES.indexOf(this.groups.entries[place].shape);
      if (!this.hiddenNow.has(place)) {
        (chosen[row] ? top : layers[rankOf[place]]).push(row);
      }
    }
    this.order = Uint32Array.from([...layers, top].flat());
    this.showLegend(column);
    this.draw();
  },

  byClass(column, rows) {
    const counts = new Array(column.entries.length).fill(0);
    for (let row = 0; row < rows; row++) {
      counts[column.entry(row)]++;
    }
    const colours = column.entries.map((entry) => rgb(entry.colour));
    return { entries: column.entries, counts, of: (row) => column.entry(row), colour: (row, place) => colours[place] };
  },

  byNumber(column, rows) {
    const [low, high] = column.range(rows);
    const missing = rgb(this.packed.missing);
    const counts = [0, 0];
    const of = (row) => (Number.isFinite(column.value(row)) ? 0 : 1);
    for (let row = 0; row < rows; row++) {
      counts[of(row)]++;
    }
    const entries = [
      { label: "measured", shape: "circle", colour: null },
      { label: "no value", shape: "circle", colour: this.packed.missing },
    ];
    const colour = (row, place) => (place ? missing : shade(this.shades, (column.value(row) - low) / (high - low || 1)));
    return { entries, counts, of, colour };
  },

  showLegend(column) {
    const entries = this.groups.entries.map((entry, place) => {
      if (!this.groups.counts[place] || entry.colour === null) {
        return "";
      }
      const count = this.groups.counts[place].toLocaleString("en");
      return element(
        "button",
        {
          type: "button",
          title: "Click to hide or show, double-click to see it alone",
          "aria-pressed": !this.hiddenNow.has(place),
          "data-entry": entry.label,
          onclick: () => this.toggle(place),
          ondblclick: () => this.alone(place),
        },
        outline(entry.shape, entry.colour),
        `${entry.label} (${count})`,
      );
    });
    if (column.kind === "numbers") {
      const [low, high] = column.range(this.table.rows);
      const bar = element("span", { class: "map-scale", "aria-hidden": "true" });
      bar.style.background = `linear-gradient(90deg, ${this.packed.shades.join(", ")})`;
      entries.unshift(element("span", { class: "map-range" }, `≤ ${column.format(low)}`, bar, `≥ ${column.format(high)}`));
    }
    const focused = document.activeElement && document.activeElement.dataset.entry;
    const within = this.legend.contains(document.activeElement);
    this.legend.replaceChildren(...entries);
    if (within) {
      Array.from(this.legend.children).find((each) => each.dataset.entry === focused)?.focus();
    }
  },

  toggle(place) {
    const hidden = this.hiddenNow;
    if (!hidden.delete(place)) {
      hidden.add(place);
    }
    this.recolour();
  },

  // this entry alone; all of them, if it was alone already
  alone(place) {
    const others = this.groups.entries.map((_, each) => each).filter((each) => each !== place);
    const already = others.every((each) => this.hiddenNow.has(each));
    this.hiddenNow.clear();
    (already ? [] : others).forEach((each) => this.hiddenNow.add(each));
    this.recolour();
  },
});

// What is selected: counts beside those of all windows, the windows, and a file of them.
class Selection {
  constructor(map) {
    this.map = map;
    this.status = element("p", { class: "map-status", "aria-live": "polite" });
    this.found = element("div", {});
    this.block = element("div", { class: "map-selection" }, this.status, this.found);
    this.show();
  }

  show() {
    const { chosen, table, packed } = this.map;
    if (!chosen) {
      this.status.textContent = "Nothing is selected. Click a window, or draw around some with Box or Lasso; Shift adds.";
      this.found.replaceChildren();
      return;
    }
    this.status.textContent = `${chosen.length.toLocaleString("en")} of ${table.rows.toLocaleString("en")} windows selected.`;
    const sampled = packed.sampled ? " The map shows a sample, and so does the file." : "";
    this.found.replaceChildren(
      element(
        "p",
        { class: "map-actions" },
        element("button", { type: "button", class: "download", onclick: () => this.download() }, "Download as BED"),
        element("button", { type: "button", onclick: () => this.map.choose(null) }, "Clear"),
        sampled,
      ),
      this.counts(),
      this.windows(FIRST_ROWS),
    );
  }

  // a table in the style of the page
  table(columns, rows, numeric, name) {
    const kind = (place) => ({ class: numeric.has(place) ? "number" : null });
    const head = element("tr", {}, ...columns.map((text, place) => element("th", { scope: "col", ...kind(place) }, text)));
    const body = rows.map((row) => element("tr", {}, ...row.map((cell, place) => element("td", kind(place), cell))));
    const made = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
    return element("div", { class: `scroll ${name}` }, made);
  }

  counts() {
    const { table, chosen, packed, colourBy } = this.map;
    const column = table.columns.get(colourBy);
    const label = packed.labels[colourBy] || colourBy;
    if (column.kind === "numbers") {
      const middle = (rows) => {
        const values = Float64Array.from(rows, (row) => column.value(row)).filter(Number.isFinite).sort();
        return column.format(values.length ? values[(values.length - 1) >> 1] : NaN);
      };
      const all = Array.from({ length: table.rows }, (_, row) => row);
      const rows = [[label, middle(chosen), middle(all)]];
      return this.table(["", "median of the selected", "of all"], rows, new Set([1, 2]), "map-counts");
    }
    const inside = new Array(column.entries.length).fill(0);
    chosen.forEach((row) => inside[column.entry(row)]++);
    const share = (part, whole) => ((100 * part) / whole).toFixed(1) + "%";
    const rows = [];
    column.entries.forEach((entry, place) => {
      const whole = this.map.groups.counts[place];
      if (whole) {
        const fold = inside[place] / chosen.length / (whole / table.rows);
        const cells = [inside[place], whole].map((count) => count.toLocaleString("en"));
        const shares = [share(inside[place], chosen.length), share(whole, table.rows), fold.toFixed(2)];
        rows.push([entry.label, ...cells, ...shares]);
      }
    });
    const columns = [label, "selected", "all", "share of the selected", "share of all", "ratio"];
    return this.table(columns, rows, new Set([1, 2, 3, 4, 5]), "map-counts");
  }

  windows(most) {
    const { table, chosen, packed } = this.map;
    const columns = ["contig", "start", "end", "locus", ...packed.listed.map((name) => packed.labels[name] || name)];
    const rows = chosen.slice(0, most).map((row) => [
      table.contig.text(row),
      table.start(row).toLocaleString("en"),
      table.end(row).toLocaleString("en"),
      this.place(row),
      ...packed.listed.map((name) => table.columns.get(name).text(row)),
    ]);
    const numbers = packed.listed.map((name, at) => (table.columns.get(name).kind === "numbers" ? at + 4 : 1));
    const block = element("div", {}, this.table(columns, rows, new Set([1, 2, ...numbers]), "map-windows"));
    if (chosen.length > most) {
      const more = () => block.replaceWith(this.windows(4 * most));
      block.append(element("button", { type: "button", onclick: more }, `More of the ${chosen.length.toLocaleString("en")}`));
    }
    const note = "Start and end as in BED: the first base of a contig is 0. The locus is as genome browsers write it.";
    block.append(element("p", { class: "note" }, note));
    return block;
  }

  // a link to the genome browser, or text to copy
  place(row) {
    const locus = this.map.table.locus(row);
    const href = this.map.table.browserUrl(row);
    if (href) {
      return element("a", { href, target: "_blank", rel: "noreferrer" }, locus);
    }
    const copy = (event) => {
      const button = event.currentTarget;
      const done = (word) => (button.textContent = word);
      // pages opened from a disk may not be allowed to
      if (navigator.clipboard) {
        navigator.clipboard.writeText(locus).then(() => done("copied"), () => done("not allowed"));
      } else {
        done("not allowed");
      }
    };
    const button = element("button", { type: "button", class: "copy", title: "Copy " + locus, onclick: copy }, "copy");
    return element("span", { class: "locus" }, locus, " ", button);
  }

  download() {
    const { table, chosen, packed } = this.map;
    const url = URL.createObjectURL(new Blob([table.bed(chosen)], { type: "text/plain" }));
    const link = element("a", { href: url, download: packed.file });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }
}

document.querySelectorAll("figure[data-map]").forEach((figure) => {
  const packed = JSON.parse(document.getElementById(figure.dataset.map).textContent);
  figure.windowMap = new WindowMap(figure, packed);
});
performance.mark("maps-ready");
