// Maps of windows, part 1 of 4: the columns, packed by genoglot.report.packing.
const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array };
const LEVELS = 65534;
const MISSING = 65535;

function bytesOf(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) {
    bytes[i] = raw.charCodeAt(i);
  }
  return bytes;
}

// the stored array, or null where all rows share one value
function arrayOf(packed) {
  return packed.data ? new ARRAYS[packed.type](bytesOf(packed.data).buffer) : null;
}

// a column of integers: (row) => value
function integers(packed) {
  const stored = arrayOf(packed);
  return stored ? (row) => packed.offset + stored[row] : () => packed.offset;
}

class ClassColumn {
  constructor(packed) {
    this.kind = "classes";
    this.names = packed.names;
    this.entries = packed.legend;
    this.number = integers(packed);
    this.entryOf = new Uint16Array(this.names.length);
    this.entries.forEach((entry, place) => entry.members.forEach((member) => (this.entryOf[member] = place)));
  }

  entry(row) {
    return this.entryOf[this.number(row)];
  }

  text(row) {
    return this.names[this.number(row)];
  }
}

class NumberColumn {
  constructor(packed) {
    this.kind = "numbers";
    this.low = packed.low;
    this.high = packed.high;
    this.share = packed.share;
    this.stored = arrayOf(packed);
  }

  value(row) {
    const level = this.stored[row];
    return level === MISSING ? NaN : this.low + (level / LEVELS) * (this.high - this.low);
  }

  format(value) {
    if (!Number.isFinite(value)) {
      return "none";
    }
    return this.share ? (100 * value).toFixed(1) + "%" : String(Number(value.toPrecision(4)));
  }

  text(row) {
    return this.format(this.value(row));
  }

  // the middle 98% of the values, between which colours run
  range(rows) {
    if (!this.limits) {
      const kept = Float64Array.from(Array.from({ length: rows }, (_, row) => this.value(row)).filter(Number.isFinite));
      kept.sort();
      const at = (share) => (kept.length ? kept[Math.round(share * (kept.length - 1))] : 0);
      this.limits = [at(0.01), at(0.99)];
    }
    return this.limits;
  }
}

// The windows of a map: `rows` of them, each at a place, with columns, and with positions in each panel.
class WindowTable {
  constructor(packed) {
    this.rows = packed.rows;
    this.browser = packed.browser;
    this.genome = packed.genome;
    this.columns = new Map();
    for (const [name, column] of Object.entries(packed.columns)) {
      this.columns.set(name, column.names ? new ClassColumn(column) : new NumberColumn(column));
    }
    this.contig = this.columns.get("contig");
    this.start = integers(packed.start);
    this.length = integers(packed.length);
    this.panels = packed.panels;
  }

  end(row) {
    return this.start(row) + this.length(row);
  }

  // as genome browsers write it: the first base is 1, the last is part of it
  locus(row) {
    return this.contig.text(row) + ":" + (this.start(row) + 1) + "-" + this.end(row);
  }

  browserUrl(row) {
    const words = {
      genome: this.genome,
      contig: this.contig.text(row),
      start: this.start(row) + 1,
      end: this.end(row),
    };
    return this.browser ? this.browser.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(words[name])) : null;
  }

  // Interleaved positions of a panel, 0 to 1 in both directions at one scale, in the middle of the unit square.
  places(panel, axes) {
    const [x, y] = this.panels[panel].axes[axes].map((packed) => ({ ...packed, stored: arrayOf(packed) }));
    const unit = Math.max(x.high - x.low, y.high - y.low) || 1;
    const found = new Float32Array(2 * this.rows);
    [x, y].forEach((axis, side) => {
      const step = (axis.high - axis.low) / unit / LEVELS;
      const first = 0.5 - (axis.high - axis.low) / unit / 2;
      for (let row = 0; row < this.rows; row++) {
        found[2 * row + side] = first + step * axis.stored[row];
      }
    });
    return found;
  }

  // the rows as BED: 0-based, half-open, the region class as the name
  bed(rows) {
    const region = this.columns.get("region");
    const lines = rows.map((row) => {
      const fields = [this.contig.text(row), this.start(row), this.end(row)];
      return (region ? [...fields, region.text(row)] : fields).join("\t");
    });
    return lines.join("\n") + "\n";
  }
}
