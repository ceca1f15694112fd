// The view of a tensor: one slice as a heat map, the other slices below it, its scale and shape, and any number under
// the pointer or by the arrow keys.

import { element } from "./element.js";
import { cell, contains } from "./tensor.js";

const LARGEST_CELL = 44;
const NUMBERS_FROM = 34;

/** How a tensor is laid out: its first axes (`spread` of them) as rows × columns, its last ones as slices. */
export function layout(shape) {
  const length = (axes) => axes.reduce((product, side) => product * side, 1);
  if (shape.length <= 1 || (shape.length === 2 && shape[0] > 32)) {
    // A vector, or a matrix column by column: wrapped like text.
    const [count = 1, slices = 1] = shape;
    // A few numbers in rows of up to five, large enough to be read.
    const columns = count <= 16 ? Math.ceil(count / Math.ceil(count / 5)) : Math.ceil(Math.sqrt(count * 2));
    return { rows: Math.ceil(count / columns), columns, slices, count, spread: Math.min(shape.length, 1) };
  }
  const [rows, columns, ...rest] = shape;
  return { rows, columns, slices: length(rest), count: rows * columns, spread: 2 };
}

const LEVELS = 256;
const NO_NUMBER = 2 * LEVELS + 1;

/** Purple for negative numbers, orange for positive ones, by the square root of their size; grey for NaN. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const [negative, zero, positive] = ["--negative", "--zero", "--positive"].map((name) => rgb(style.getPropertyValue(name)));
  const shades = Array.from({ length: 2 * LEVELS + 1 }, (_, level) => {
    const share = Math.abs(level - LEVELS) / LEVELS;
    const end = level < LEVELS ? negative : positive;
    return zero.map((part, channel) => Math.round(part + (end[channel] - part) * share));
  });
  shades.push(rgb(style.getPropertyValue("--quiet")));
  // Each shade as one integer, in the byte order of an image.
  const packed = new Uint32Array(Uint8ClampedArray.from(shades.flatMap((shade) => [...shade, 255])).buffer);
  const level = (value, largest) => {
    if (Number.isNaN(value)) return NO_NUMBER;
    if (value === 0 || largest === 0) return LEVELS;
    const share = Math.min(Math.sqrt(Math.abs(value) / largest), 1);
    return Math.round(LEVELS * (1 + Math.sign(value) * share));
  };
  const inks = ["text", "paper", "chosen", "source", "dependent"];
  const ink = Object.fromEntries(inks.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return { shades, packed, level, ink };
}

function rgb(text) {
  const digits = text.trim().slice(1);
  return [0, 2, 4].map((start) => parseInt(digits.slice(start, start + 2), 16));
}

/** A slice as an image of one pixel for each cell. */
export function slicePicture(tensor, { rows, columns, slices, count }, slice, { packed, level }) {
  const picture = new ImageData(columns, rows);
  const pixels = new Uint32Array(picture.data.buffer);
  const { data, largest } = tensor;
  for (let cell = 0; cell < count; cell += 1) pixels[cell] = packed[level(data[slice + cell * slices], largest)];
  return picture;
}

/** Six digits, or five and a power of ten; a real minus. */
export function short(value) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return String(value).replace("Infinity", "∞").replace("-", "−");
  if (Math.abs(value) < 1e6 && Math.abs(value) >= 1e-4) return String(Number(value.toPrecision(6))).replace("-", "−");
  const [digits, power] = value.toExponential(4).split("e");
  return `${Number(digits)} · 10${power.replace(/[-+\d]/g, (sign) => RAISED[sign])}`.replace("-", "−");
}

const RAISED = { "-": "⁻", "+": "", ...Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].entries()) };

/** Black or white, whichever can be read on a shade. */
export function inkOn(shade) {
  const [red, green, blue] = shade.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

/** Three digits, for a scale. */
const rough = (value) => short(Number(value.toPrecision(3)));

/** Two digits, for a cell. */
export const tiny = (value) => (value === 0 ? "0" : Number(value.toPrecision(2)).toString().replace("-", "−").replace(/^(−?)0\./, "$1."));

/** The row and column under the pointer. */
function under({ target, clientX, clientY }, rows, columns) {
  const { left, top, width, height } = target.getBoundingClientRect();
  const at = (share, count) => Math.max(0, Math.min(Math.floor(share * count), count - 1));
  return [at((clientY - top) / height, rows), at((clientX - left) / width, columns)];
}

export const indexed = (index) => (index.length ? `[${index.join(", ")}]` : "");

/** The figure of one tensor on a page, which has the trace, the symbols and the marks. */
export class Heatmap {
  constructor(page, name, { width = 320 } = {}) {
    Object.assign(this, { page, name, width, slice: 0, cursor: [0, 0] });
    const { shape, axes } = page.trace.tensor(name);
    this.lying = layout(shape);
    this.cellWidth = Math.min(LARGEST_CELL, width / Math.max(this.lying.columns, this.lying.rows * 0.8));
    this.paperWidth = Math.max(this.cellWidth * this.lying.columns, Math.min(width, 170));
    const sides = shape.length ? shape.join(" × ") : "one number";
    this.canvas = element("canvas", {
      tabIndex: 0,
      className: "cells",
      role: "application",
      "aria-roledescription": "heat map",
      "aria-label": `${name}, ${sides}; arrow keys move, Enter explains a number`,
      onpointermove: (event) => this.#read(this.#under(event)),
      onpointerleave: () => this.#read(null),
      onclick: (event) => {
        this.cursor = this.#under(event);
        this.#choose(false);
      },
      onfocus: () => this.draw(),
      onblur: () => this.draw(),
      onkeydown: (event) => this.#key(event),
    });
    this.readout = element("output", { className: "readout", "aria-live": "polite" });
    const caption = element("figcaption", { innerHTML: page.symbol(name) });
    caption.append(element("span", { className: "shape", textContent: sides }));
    this.figure = element("figure", { className: "tensor" }, caption, element("div", { className: "stage" }, this.canvas));
    this.figure.dataset.name = name;
    if (this.lying.slices > 1) this.figure.append(this.#slices(axes));
    this.scale = element("div", { className: "scale" }, element("span"), element("span", { className: "bar" }), element("span"));
    this.figure.append(this.scale, this.readout);
    this.#size();
  }

  #size() {
    const { rows, columns } = this.lying;
    const side = this.cellWidth;
    this.figure.style.width = `${this.paperWidth}px`;
    this.canvas.style.width = `${side * columns}px`;
    this.canvas.style.aspectRatio = `${columns} / ${rows}`;
    const density = window.devicePixelRatio || 1;
    this.side = Math.max(1, Math.round(side * density));
    this.canvas.width = this.side * columns;
    this.canvas.height = this.side * rows;
  }

  #slices(axes) {
    this.letters = [...axes].slice(this.lying.spread).join(", ");
    this.strip = element("canvas", { className: "strip", "aria-hidden": "true", onclick: (event) => this.#chooseSlice(event) });
    this.range = element("input", {
      type: "range",
      min: 0,
      max: this.lying.slices - 1,
      step: 1,
      value: 0,
      "aria-label": `slice ${this.letters} of ${this.name}`,
      oninput: () => this.show(Number(this.range.value)),
    });
    this.which = element("span", { className: "which" });
    this.#layStrip();
    return element("div", { className: "slices" }, this.strip, element("label", {}, this.which, this.range));
  }

  /** The position of each slice in the strip: fixed before the numbers arrive, so that nothing moves when they do. */
  #layStrip() {
    const { rows, columns, slices } = this.lying;
    const zoom = Math.max(1, Math.floor(28 / columns));
    const [cellWidth, cellHeight] = [columns * zoom + 4, rows * zoom + 4];
    const most = Math.max(1, Math.min(slices, Math.floor(this.paperWidth / Math.min(cellWidth, 32))));
    const lines = Math.ceil(slices / most);
    // As even as possible: 16 are four rows of 4 rather than three rows of 5 and one more.
    const across = Math.ceil(slices / lines);
    this.grid = { across, lines, cellWidth, cellHeight, zoom };
    this.strip.width = across * cellWidth;
    this.strip.height = lines * cellHeight;
    this.strip.style.width = `${across * Math.min(cellWidth, 32)}px`;
    this.strip.style.aspectRatio = `${this.strip.width} / ${this.strip.height}`;
  }

  #chooseSlice(event) {
    const { across, lines } = this.grid;
    const [line, column] = under(event, lines, across);
    this.show(Math.min(line * across + column, this.lying.slices - 1));
  }

  #under(event) {
    return under(event, this.lying.rows, this.lying.columns);
  }

  #key(event) {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const turns = { PageUp: -1, PageDown: 1 };
    if (moves[event.key]) {
      const [down, right] = moves[event.key];
      const { rows, columns } = this.lying;
      this.cursor = [(this.cursor[0] + down + rows) % rows, (this.cursor[1] + right + columns) % columns];
      this.#read(this.cursor);
      this.draw();
    } else if (turns[event.key] && this.range) {
      this.show((this.slice + turns[event.key] + this.lying.slices) % this.lying.slices);
      this.#read(this.cursor);
    } else if (event.key === "Enter" || event.key === " ") {
      this.#choose(true);
    } else {
      return;
    }
    event.preventDefault();
  }

  #read(cell) {
    const index = cell && this.#index(...cell);
    const tensor = this.page.trace.tensor(this.name);
    this.readout.textContent = index && tensor.here(this.slice) ? `${this.name}${indexed(index)} = ${short(tensor.at(index))}` : "";
  }

  #choose(byKeyboard) {
    const index = this.#index(...this.cursor);
    if (index) this.page.choose(this.name, index, false, byKeyboard);
  }

  /** Turns to a slice. */
  show(slice) {
    this.slice = slice;
    if (this.range) this.range.value = slice;
    return this.visible ? this.appear() : null;
  }

  /** Turns to a cell, and puts the cursor there. */
  turnTo(index) {
    const [slice, row, column] = this.#position(index);
    this.cursor = [row, column];
    this.show(slice);
  }

  /** The index of a cell of this slice; null beyond the end of a wrapped vector. */
  #index(row, column) {
    const { columns, slices, count } = this.lying;
    const order = row * columns + column;
    return order < count ? this.page.trace.tensor(this.name).index(this.slice + order * slices) : null;
  }

  #position(index) {
    const { columns, slices } = this.lying;
    const offset = this.page.trace.tensor(this.name).offset(index);
    const order = Math.floor(offset / slices);
    return [offset % slices, Math.floor(order / columns), order % columns];
  }

  /** Whether any cell of a box is in this slice. */
  holds(box) {
    return contains(box.slice(this.lying.spread), this.#index(0, 0).slice(this.lying.spread));
  }

  /** Brings the numbers of the slice, and draws it. */
  async appear() {
    this.visible = true;
    const { trace } = this.page;
    await this.page.bring(trace.tensor(this.name).load(this.slice, this.lying.slices));
    this.draw();
  }

  draw() {
    const tensor = this.page.trace.tensor(this.name);
    if (!this.visible || !tensor.here(this.slice)) return;
    const color = this.page.color;
    const { columns, rows } = this.lying;
    const paper = this.canvas.getContext("2d");
    const small = new OffscreenCanvas(columns, rows);
    small.getContext("2d").putImageData(slicePicture(tensor, this.lying, this.slice, color), 0, 0);
    paper.clearRect(0, 0, this.canvas.width, this.canvas.height);
    paper.imageSmoothingEnabled = false;
    paper.drawImage(small, 0, 0, this.canvas.width, this.canvas.height);
    if (this.side / (window.devicePixelRatio || 1) >= NUMBERS_FROM) this.#numbers(paper, tensor, color);
    this.#marks(paper);
    this.#legend(tensor);
    if (this.range) this.#drawStrip(tensor, color);
  }

  #numbers(paper, tensor, color) {
    paper.font = `${Math.round(this.side * 0.3)}px system-ui, sans-serif`;
    paper.textAlign = "center";
    paper.textBaseline = "middle";
    for (let row = 0; row < this.lying.rows; row += 1) {
      for (let column = 0; column < this.lying.columns; column += 1) {
        const index = this.#index(row, column);
        if (!index) continue;
        const value = tensor.at(index);
        paper.fillStyle = inkOn(color.shades[color.level(value, tensor.largest)]);
        paper.fillText(tiny(value), (column + 0.5) * this.side, (row + 0.5) * this.side, this.side * 0.92);
      }
    }
  }

  #marks(paper) {
    const density = window.devicePixelRatio || 1;
    for (const { box, ink, thick } of this.page.marks(this.name)) this.#outline(paper, box, ink, thick * density);
    if (document.activeElement === this.canvas) {
      const index = this.#index(...this.cursor);
      if (index) this.#outline(paper, cell(index), this.page.color.ink.text, 1.5 * density);
    }
  }

  /** A frame around the cells of a box that are in this slice. */
  #outline(paper, box, ink, thick) {
    if (!this.holds(box)) return;
    const [top, left, bottom, right] = this.#extent(box);
    const { side } = this;
    const frame = [left * side, top * side, (right - left + 1) * side, (bottom - top + 1) * side];
    const inset = ([x, y, wide, high], by) => [x + by, y + by, Math.max(wide - 2 * by, 1), Math.max(high - 2 * by, 1)];
    paper.strokeStyle = this.page.color.ink.paper;
    paper.lineWidth = thick + 2;
    paper.strokeRect(...inset(frame, thick / 2));
    paper.strokeStyle = ink;
    paper.lineWidth = thick;
    paper.strokeRect(...inset(frame, thick / 2));
  }

  #extent(box) {
    const { spread, columns, rows } = this.lying;
    if (spread === 2) return [box[0][0], box[1][0], box[0][1] - 1, box[1][1] - 1];
    const [first, last] = box[0] ?? [0, 1];
    if (last - first > 1) return [0, 0, rows - 1, columns - 1];
    return [Math.floor(first / columns), first % columns, Math.floor(first / columns), first % columns];
  }

  #legend(tensor) {
    const [low, , high] = this.scale.children;
    low.textContent = tensor.largest ? `−${rough(tensor.largest)}` : "all 0";
    high.textContent = tensor.largest ? `+${rough(tensor.largest)}` : "";
  }

  #drawStrip(tensor, color) {
    const { slices } = this.lying;
    const here = Array.from({ length: slices }, (_, slice) => tensor.here(slice));
    const key = [tensor.data, color, here.filter(Boolean).length];
    if (!this.pictured || key.some((part, at) => part !== this.pictured.key[at])) {
      this.pictured = { key, picture: this.#pictureStrip(tensor, color, here) };
    }
    const { across, cellWidth, cellHeight } = this.grid;
    const paper = this.strip.getContext("2d");
    paper.clearRect(0, 0, this.strip.width, this.strip.height);
    paper.drawImage(this.pictured.picture, 0, 0);
    const [x, y] = [(this.slice % across) * cellWidth, Math.floor(this.slice / across) * cellHeight];
    paper.strokeStyle = this.page.color.ink.text;
    paper.lineWidth = 2;
    paper.strokeRect(x + 1, y + 1, cellWidth - 2, cellHeight - 2);
    const empty = tensor.largest > 0 && this.#isZero(tensor);
    this.which.textContent = `${this.letters} = ${this.#index(0, 0).slice(this.lying.spread).join(", ")}${empty ? ": all 0" : ""}`;
  }

  #isZero({ data }) {
    const { count, slices } = this.lying;
    for (let cell = 0; cell < count; cell += 1) if (data[this.slice + cell * slices] !== 0) return false;
    return true;
  }

  #pictureStrip(tensor, color, here) {
    const { rows, columns, slices } = this.lying;
    const { across, cellWidth, cellHeight, zoom } = this.grid;
    const picture = new OffscreenCanvas(this.strip.width, this.strip.height);
    const paper = picture.getContext("2d");
    paper.imageSmoothingEnabled = false;
    const small = new OffscreenCanvas(columns, rows);
    for (let slice = 0; slice < slices; slice += 1) {
      if (!here[slice]) continue;
      const [x, y] = [(slice % across) * cellWidth, Math.floor(slice / across) * cellHeight];
      small.getContext("2d").putImageData(slicePicture(tensor, this.lying, slice, color), 0, 0);
      paper.drawImage(small, x + 2, y + 2, columns * zoom, rows * zoom);
    }
    return picture;
  }
}
