// Tensors: numbers in row-major order with a shape, and boxes of their cells.

/** A tensor of more numbers is brought slice by slice. */
const SLICED_FROM = 65536;

/** One tensor of the trace. Its numbers, or those of a slice, are decoded or brought when they are first needed. */
export class Tensor {
  #encoded;
  #data = null;
  #missing = new Set();
  #pending = new Map();
  #largest;

  constructor({ name, shape, axes, operation, inputs, options, dtype, data, largest }, bring) {
    Object.assign(this, { name, shape, axes, operation, inputs, options, bring });
    this.size = shape.reduce((product, side) => product * side, 1);
    this.strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
    this.#encoded = data === undefined ? null : { dtype, data };
    this.#largest = largest ?? null;
  }

  /** Whether the numbers are here, all of them or those of one slice; if not, `load` brings them. */
  here(slice = null) {
    const complete = this.#missing.size === 0 || (slice !== null && !this.#missing.has(slice));
    return this.#encoded !== null || (this.#data !== null && complete);
  }

  get data() {
    if (this.#encoded) {
      this.#data = decode(this.#encoded);
      this.#encoded = null;
    }
    return this.#data;
  }

  /** Brings all numbers, or those of one slice of `slices`. */
  async load(slice = null, slices = 1) {
    if (this.here(slice)) return this;
    const part = slices > 1 && this.size > SLICED_FROM && this.operation !== "step" ? slice : null;
    if (!this.#pending.has(part)) {
      const bringing = this.bring(this, part, slices).then((numbers) => this.#take(numbers, part, slices));
      this.#pending.set(part, bringing.finally(() => this.#pending.delete(part)));
    }
    return this.#pending.get(part);
  }

  #take(numbers, part, slices) {
    if (part === null) [this.#data, this.#missing] = [numbers, new Set()];
    else if (!this.here(part)) {
      if (!this.#data) [this.#data, this.#missing] = [new Float64Array(this.size), new Set(Array(slices).keys())];
      numbers.forEach((value, cell) => (this.#data[part + cell * slices] = value));
      this.#missing.delete(part);
    }
    return this;
  }

  /** With other options the numbers are computed again when they are next needed. */
  forget(options) {
    [this.options, this.#data, this.#largest] = [options, null, null];
  }

  /** The largest finite absolute value, to which the colors are scaled. */
  get largest() {
    this.#largest ??= this.data.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
    return this.#largest;
  }

  at(index) {
    return this.data[this.offset(index)];
  }

  offset(index) {
    return index.reduce((sum, at, axis) => sum + at * this.strides[axis], 0);
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
  return toNumbers(toBytes(data).buffer, dtype);
}

/** Base64 as bytes. */
export const toBytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** Numbers of a buffer as the trace sends them: little-endian, as is every machine that a browser runs on. */
export function toNumbers(buffer, dtype) {
  return dtype === "float32" ? new Float64Array(new Float32Array(buffer)) : new Float64Array(buffer);
}

/** The box of a single cell. */
export const cell = (index) => index.map((at) => [at, at + 1]);

/** The part of a box inside a shape, or null where nothing is left. */
export function clipped(box, shape) {
  const inside = box.map(([first, last], axis) => [Math.max(first, 0), Math.min(last, shape[axis])]);
  return inside.every(([first, last]) => first < last) ? inside : null;
}

export const contains = (box, index) => index.every((at, axis) => box[axis][0] <= at && at < box[axis][1]);

/** The index of every cell of a box, in row-major order. */
export function cells(box) {
  return box.reduce(
    (found, [first, last]) => found.flatMap((index) => Array.from({ length: Math.max(last - first, 0) }, (_, at) => [...index, first + at])),
    [[]],
  );
}
