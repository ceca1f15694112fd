// How each number comes about: the terms that add up to it, the cells that it depends on, and the cells that depend on
// one of its inputs. What is a sum of products comes from the table of operations (contraction.js); the others are here.
//
// Each operation has
//   terms(node, inputs, index)          → terms
//   sources(node, inputs, index)        → one box of cells for each input, or null
//   reach(node, inputs, which, index)   → the box of cells that depend on cell `index` of input number `which`, or null
// and those of the forward pass
//   compute(node, inputs, result)       → fills `result` with the numbers that the inputs give
// and where the terms lie as a filter does
//   grid(node, inputs)                  → its rows and columns

import { constant, of } from "./factors.js";
import { cell, cells, clipped } from "./tensor.js";

/** Of operations whose inputs all have the result's shape. */
const elementwise = {
  sources: (_, inputs, index) => inputs.map(() => cell(index)),
  reach: (_, __, ___, index) => cell(index),
};

/** The number that arrives, where the ReLU's input is positive. */
const switched = {
  terms: (_, inputs, index) => {
    const positive = inputs.at(-1).at(index) > 0;
    return [[of(inputs[0], index), positive ? constant(1, "positive") : constant(0, "not positive")]];
  },
  ...elementwise,
};

const relu = {
  ...switched,
  compute: (_, [T], result) => T.data.forEach((value, at) => (result[at] = Math.max(value, 0))),
};

const windowOf = ([i, j, n], { options: { p } }) => [Math.floor(i / p), Math.floor(j / p), n];
const insideOf = ([i, j, n], { options: { p } }) => [[i * p, i * p + p], [j * p, j * p + p], [n, n + 1]];
const winner = (T, window) => cells(window).reduce((best, index) => (T.at(index) > T.at(best) ? index : best));

const pool = {
  terms(node, [T], index) {
    const window = insideOf(index, node);
    const best = String(winner(T, window));
    return cells(window).map((each) => [of(T, each), String(each) === best ? constant(1, "the largest") : constant(0, "not the largest")]);
  },
  sources: (node, _, index) => [insideOf(index, node)],
  reach: (node, _, __, index) => clipped(cell(windowOf(index, node)), node.shape),
  compute(node, [T], result) {
    const p = node.options.p;
    const [rows, columns, N] = node.shape;
    const width = T.shape[1];
    result.fill(-Infinity);
    for (let i = 0; i < rows * p; i += 1) {
      for (let j = 0; j < columns * p; j += 1) {
        const window = (Math.floor(i / p) * columns + Math.floor(j / p)) * N;
        const start = (i * width + j) * N;
        for (let n = 0; n < N; n += 1) result[window + n] = Math.max(result[window + n], T.data[start + n]);
      }
    }
  },
};

const poolBack = {
  terms(node, [error, T], index) {
    const window = windowOf(index, node);
    if (!clipped(cell(window), error.shape)) return [[constant(0, "left over: in no window")]];
    const won = String(winner(T, insideOf(window, node))) === String(index);
    return [[of(error, window), won ? constant(1, "the winner") : constant(0, "not the winner: 0")]];
  },
  sources(node, [error], index) {
    const window = clipped(cell(windowOf(index, node)), error.shape);
    return [window, window && insideOf(windowOf(index, node), node)];
  },
  reach(node, [error], which, index) {
    const window = which === 0 ? index : windowOf(index, node);
    return clipped(cell(window), error.shape) && insideOf(window, node);
  },
};

/** The same numbers in another shape: row-major order is all that both share. */
const reshaped = {
  terms: (node, [U], index) => [[of(U, U.index(node.offset(index)))]],
  sources: (node, [U], index) => [cell(U.index(node.offset(index)))],
  reach: (node, [U], _, index) => cell(node.index(U.offset(index))),
  compute: (_, [U], result) => result.set(U.data),
};

function exponentials(t) {
  const largest = t.data.reduce((left, right) => Math.max(left, right));
  const values = t.data.map((value) => Math.exp(value - largest));
  return { largest, values, total: values.reduce((left, right) => left + right) };
}

const softmax = {
  terms(_, [t], [k]) {
    const { values, total } = exponentials(t);
    return [[{ ...of(t, [k]), value: values[k], reason: "exp of it, less the largest" }, constant(1 / total, "over the sum of all")]];
  },
  sources: (_, [t]) => [t.whole],
  reach: (node) => node.whole,
};

/** Both from the largest logit, as N15 is computed: the sum is near 0 where E is, and keeps its digits. */
const crossEntropy = {
  terms(_, [t, y]) {
    const { largest, total } = exponentials(t);
    const shifted = (k) => ({ ...of(t, [k]), value: t.data[k] - largest, reason: "less the largest" });
    const expected = Array.from(y.data.keys()).filter((k) => y.data[k] !== 0);
    return [
      [constant(Math.log(total), "log Σ exp of all, less the largest")],
      ...expected.map((k) => [constant(-1, "less"), of(y, [k]), shifted(k)]),
    ];
  },
  sources: (_, [t, y]) => [t.whole, y.whole],
  reach: () => [],
  compute(_, [t, y], result) {
    const { largest, total } = exponentials(t);
    result[0] = Math.log(total) - t.data.reduce((sum, value, k) => sum + (value - largest) * y.data[k], 0);
  },
};

const crossEntropyBack = {
  terms: (_, [z, y], [k]) => [
    [constant(-1, ""), of(y, [k]), ...(y.data[k] ? [{ ...of(z, [k]), value: 1 / z.data[k], reason: "1 / it" }] : [])],
  ],
  ...elementwise,
};

/** N31, of one parameter; the page knows η. */
const step = {
  terms: (node, [theta, gradient], index) => [[of(theta, index)], [constant(-node.options.rate, "less η"), of(gradient, index)]],
  ...elementwise,
  compute: (node, [theta, gradient], result) =>
    theta.data.forEach((value, at) => (result[at] = value - node.options.rate * gradient.data[at])),
};

/** By their names in the table of operations. */
export const operations = {
  relu,
  relu_back: switched,
  pool,
  pool_back: poolBack,
  flatten: reshaped,
  unflatten: reshaped,
  softmax,
  cross_entropy: crossEntropy,
  cross_entropy_back: crossEntropyBack,
  step,
};
