// Tensors: numbers in row-major order with a shape, and boxes of their cells.

/** One tensor of the trace, its numbers decoded when they are first needed. */
export class Tensor {
  #encoded;
  #data = null;
  #pending = null;
  #largest = null;

  constructor({ name, shape, operation, inputs, options, dtype, data }, bring) {
    Object.assign(this, { name, shape, operation, inputs, options });
    this.size = shape.reduce((product, side) => product * side, 1);
    this.strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
    this.#encoded = data === undefined ? null : { dtype, data };
    this.bring = bring;
  }

  /** Whether the numbers are here; if not, `load` brings them. */
  get here() {
    return this.#data !== null || this.#encoded !== null;
  }

  get data() {
    this.#data ??= decode(this.#encoded);
    return this.#data;
  }

  load() {
    if (this.here) return Promise.resolve(this);
    this.#pending ??= this.bring(this).then((data) => {
      this.#data = data;
      return this;
    });
    return this.#pending;
  }

  /** The largest finite size of a number, which the colours are scaled to. */
  get largest() {
    this.#largest ??= this.data.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
    return this.#largest;
  }

  at(index) {
    return this.data[this.offset(index)];
  }

  offset(index) {
    return index.reduce((sum, place, axis) => sum + place * this.strides[axis], 0);
  }

  index(offset) {
    return this.strides.map((stride, axis) => Math.floor(offset / stride) % this.shape[axis]);
  }

  /** Every cell: [first, last + 1] along each axis. */
  get whole() {
    return this.shape.map((side) => [0, side]);
  }
}

function decode({ dtype, data }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return toNumbers(bytes.buffer, dtype);
}

/** Numbers of a buffer, little-endian, as the trace sends them. */
export function toNumbers(buffer, dtype) {
  if (dtype === "uint8") return new Uint8Array(buffer);
  const view = new DataView(buffer);
  const width = dtype === "float32" ? 4 : 8;
  const numbers = new Float64Array(buffer.byteLength / width);
  for (let place = 0; place < numbers.length; place += 1) {
    numbers[place] = width === 4 ? view.getFloat32(4 * place, true) : view.getFloat64(8 * place, true);
  }
  return numbers;
}

/** The box of a single cell. */
export const cell = (index) => index.map((place) => [place, place + 1]);

/** The part of a box inside a shape, or null where nothing is left. */
export function clipped(box, shape) {
  const inside = box.map(([first, last], axis) => [Math.max(first, 0), Math.min(last, shape[axis])]);
  return inside.every(([first, last]) => first < last) ? inside : null;
}

export const contains = (box, index) => index.every((place, axis) => box[axis][0] <= place && place < box[axis][1]);

/** Calls `visit` with the index of every cell of a box, in row-major order. */
export function eachCell(box, visit) {
  const index = box.map(([first]) => first);
  if (box.some(([first, last]) => first >= last)) return;
  for (;;) {
    visit([...index]);
    let axis = box.length - 1;
    while (axis >= 0 && (index[axis] += 1) >= box[axis][1]) {
      index[axis] = box[axis][0];
      axis -= 1;
    }
    if (axis < 0) return;
  }
}
