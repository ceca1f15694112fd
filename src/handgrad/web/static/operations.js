// How each number comes about, for every operation of the trace: the terms that add up to it, the cells that it
// depends on, and the cells that depend on one of its inputs. A term is a product of factors; a factor is a cell of a
// tensor, the sum of a column of cells over the depth, or a number with its reason.
//
// Each operation has
//   terms(node, inputs, index)          → terms
//   sources(node, inputs, index)        → one box of cells for each input, or null
//   reach(node, inputs, which, index)   → the box of cells that depend on cell `index` of input number `which`, or null
// and those of the forward pass
//   compute(node, inputs, result)       → fills `result` with the numbers that the inputs give
// and where the terms lie as a filter does
//   grid(node, inputs)                  → its rows and columns

import { cell, cells, clipped } from "./tensor.js";

const of = (tensor, index) => ({ tensor: tensor.name, index, value: tensor.at(index) });
const constant = (value, reason) => ({ value, reason });

/** The sum over the last axis at a place: N2's sum over the depth. */
function column(tensor, place) {
  const depth = tensor.shape.at(-1);
  if (depth === 1) return of(tensor, [...place, 0]);
  const start = tensor.offset([...place, 0]);
  let [value, heaviest] = [0, 0];
  for (let c = 0; c < depth; c += 1) {
    value += tensor.data[start + c];
    if (Math.abs(tensor.data[start + c]) > Math.abs(tensor.data[start + heaviest])) heaviest = c;
  }
  return { tensor: tensor.name, index: [...place, heaviest], summed: true, value };
}

/** One place along an axis. */
const one = (place) => [place, place + 1];
const shifted = ([i, j], [rows, columns]) => [[i, i + rows], [j, j + columns]];
/** Places whose window of `rows` × `columns` holds (i, j). */
const windowsOver = ([i, j], [rows, columns]) => [[i - rows + 1, i + 1], [j - columns + 1, j + 1]];
const windowOf = ([i, j], p) => [[i * p, i * p + p], [j * p, j * p + p]];

/** The sums over the depth of a tensor [i, j, c], as one map. */
function summed(X) {
  const [rows, columns, depth] = X.shape;
  const map = new Float64Array(rows * columns);
  for (let place = 0; place < map.length; place += 1) {
    for (let c = 0; c < depth; c += 1) map[place] += X.data[place * depth + c];
  }
  return map;
}

/** Adds the correlation of one map with one slice of the filters to every map of the result. */
function correlate(map, columns, F, filterOffset, filterStrides, [x1, y1], result, [rows, width, N]) {
  for (let a = 0; a < x1; a += 1) {
    for (let b = 0; b < y1; b += 1) {
      const weights = F.subarray(filterOffset + a * filterStrides[0] + b * filterStrides[1]);
      for (let i = 0; i < rows; i += 1) {
        for (let j = 0; j < width; j += 1) {
          const value = map[(i + a) * columns + j + b];
          const start = (i * width + j) * N;
          for (let n = 0; n < N; n += 1) result[start + n] += value * weights[n];
        }
      }
    }
  }
}

function winner(T, [i, j, n], p) {
  return cells([...windowOf([i, j], p), one(n)]).reduce((best, index) => (T.at(index) > T.at(best) ? index : best));
}

const equal = (left, right) => left.every((place, axis) => place === right[axis]);
const switched = (t) => constant(t > 0 ? 1 : 0, t > 0 ? "positive" : "not positive");

/** Of operations whose inputs all have the result's shape. */
const elementwise = {
  sources: (_, inputs, index) => inputs.map(() => cell(index)),
  reach: (_, __, ___, index) => cell(index),
};

const relu = {
  terms: (_, [T], index) => [[of(T, index), switched(T.at(index))]],
  ...elementwise,
  compute: (_, [T], result) => T.data.forEach((value, place) => (result[place] = Math.max(value, 0))),
};

const reluBack = {
  terms: (_, [error, T], index) => [[of(error, index), switched(T.at(index))]],
  ...elementwise,
};

const convolve = {
  grid: (_, [, F]) => F.shape.slice(0, 2),
  terms: (_, [X, F], [i, j, n]) =>
    cells(F.whole.slice(0, 2)).map(([a, b]) => [of(F, [a, b, n]), column(X, [i + a, j + b])]),
  sources: (_, [X, F], [i, j, n]) => [
    [...shifted([i, j], F.shape), [0, X.shape[2]]],
    [[0, F.shape[0]], [0, F.shape[1]], one(n)],
  ],
  reach: (node, [, F], which, index) =>
    which === 0
      ? clipped([...windowsOver(index, F.shape), [0, node.shape[2]]], node.shape)
      : [[0, node.shape[0]], [0, node.shape[1]], one(index[2])],
  compute: (node, [X, F], result) =>
    correlate(summed(X), X.shape[1], F.data, 0, F.strides, F.shape, result.fill(0), node.shape),
};

const convolveMaps = {
  terms: (_, [S, F], [i, j, n]) =>
    cells(F.whole.slice(0, 3)).map(([a, b, k]) => [of(F, [a, b, k, n]), of(S, [i + a, j + b, k])]),
  sources: (_, [S, F], [i, j, n]) => [
    [...shifted([i, j], F.shape), [0, S.shape[2]]],
    [...F.whole.slice(0, 3), one(n)],
  ],
  reach: (node, [, F], which, index) =>
    which === 0
      ? clipped([...windowsOver(index, F.shape), [0, node.shape[2]]], node.shape)
      : [[0, node.shape[0]], [0, node.shape[1]], one(index[3])],
  compute(node, [S, F], result) {
    const [rows, columns, K] = S.shape;
    const map = new Float64Array(rows * columns);
    result.fill(0);
    for (let k = 0; k < K; k += 1) {
      map.forEach((_, place) => (map[place] = S.data[place * K + k]));
      correlate(map, columns, F.data, k * F.strides[2], F.strides, F.shape, result, node.shape);
    }
  },
};

const weighDepth = {
  terms: (_, [X, alpha], [i, j, k]) =>
    Array.from({ length: X.shape[2] }, (__, c) => [of(alpha, [c, k]), of(X, [i, j, c])]),
  sources: (_, [X, alpha], [i, j, k]) => [[...cell([i, j]), [0, X.shape[2]]], [[0, alpha.shape[0]], one(k)]],
  reach: (node, _, which, index) =>
    which === 0
      ? [...cell(index.slice(0, 2)), [0, node.shape[2]]]
      : [[0, node.shape[0]], [0, node.shape[1]], one(index[1])],
  compute(node, [X, alpha], result) {
    const [depth, K] = alpha.shape;
    for (let place = 0; place < result.length; place += 1) {
      const start = Math.floor(place / K) * depth;
      result[place] = 0;
      for (let c = 0; c < depth; c += 1) result[place] += X.data[start + c] * alpha.data[c * K + (place % K)];
    }
  },
};

const pool = {
  terms(node, [T], index) {
    const best = winner(T, index, node.options.p);
    return cells([...windowOf(index, node.options.p), one(index[2])]).map((place) => [
      of(T, place),
      equal(place, best) ? constant(1, "the largest") : constant(0, "not the largest"),
    ]);
  },
  sources: (node, _, index) => [[...windowOf(index, node.options.p), one(index[2])]],
  reach: (node, _, __, [i, j, n]) =>
    clipped(cell([Math.floor(i / node.options.p), Math.floor(j / node.options.p), n]), node.shape),
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
    const p = node.options.p;
    const window = [Math.floor(index[0] / p), Math.floor(index[1] / p), index[2]];
    if (!clipped(cell(window), error.shape)) return [[constant(0, "left over: in no window")]];
    const won = equal(winner(T, window, p), index);
    return [[of(error, window), won ? constant(1, "the winner") : constant(0, "not the winner: 0")]];
  },
  sources(node, [error], index) {
    const p = node.options.p;
    const [i, j] = [Math.floor(index[0] / p), Math.floor(index[1] / p)];
    const window = clipped(cell([i, j, index[2]]), error.shape);
    return [window, window && [...windowOf([i, j], p), one(index[2])]];
  },
  reach(node, [error], which, index) {
    const p = node.options.p;
    if (which === 0) return [...windowOf(index, p), one(index[2])];
    const window = [Math.floor(index[0] / p), Math.floor(index[1] / p), index[2]];
    return clipped(cell(window), error.shape) && [...windowOf(window, p), one(index[2])];
  },
};

/** The same numbers in another shape: row-major order is all that both share. */
const reshaped = {
  terms: (node, [U], index) => [[of(U, U.index(node.offset(index)))]],
  sources: (node, [U], index) => [cell(U.index(node.offset(index)))],
  reach: (node, [U], _, index) => cell(node.index(U.offset(index))),
  compute: (_, [U], result) => result.set(U.data),
};

const dense = {
  terms: (_, [x, w, b], [k]) => [
    ...Array.from(x.data, (__, m) => [of(x, [m]), of(w, [m, k])]),
    [of(b, [k])],
  ],
  sources: (_, [x, w], [k]) => [x.whole, [[0, w.shape[0]], one(k)], cell([k])],
  reach: (node, _, which, index) => (which === 0 ? node.whole : cell([index.at(-1)])),
  compute(_, [x, w, b], result) {
    const outputs = b.size;
    result.set(b.data);
    for (let m = 0; m < x.size; m += 1) {
      const value = x.data[m];
      if (value !== 0) for (let k = 0; k < outputs; k += 1) result[k] += value * w.data[m * outputs + k];
    }
  },
};

function exponentials(t) {
  const largest = t.data.reduce((left, right) => Math.max(left, right));
  const values = t.data.map((value) => Math.exp(value - largest));
  return { largest, values, total: values.reduce((left, right) => left + right) };
}

/** exp of a logit, less the largest of all so that none overflows. */
const exponential = (t, k, { values }) => ({ ...of(t, [k]), value: values[k], reason: "exp of it, less the largest" });

const softmax = {
  terms(_, [t], [k]) {
    const all = exponentials(t);
    return [[exponential(t, k, all), constant(1 / all.total, "over the sum of all")]];
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

const softmaxCrossEntropyBack = {
  terms: (_, [z, y], index) => [[of(z, index)], [constant(-1, "less"), of(y, index)]],
  ...elementwise,
};

const outer = {
  terms: (_, [x, error], [m, k]) => [[of(x, [m]), of(error, [k])]],
  sources: (_, __, [m, k]) => [cell([m]), cell([k])],
  reach: (node, _, which, [place]) => (which === 0 ? [one(place), [0, node.shape[1]]] : [[0, node.shape[0]], one(place)]),
};

const unchanged = {
  terms: (_, [error], index) => [[of(error, index)]],
  ...elementwise,
};

const denseBack = {
  terms: (_, [error, w], [m]) => Array.from(error.data, (__, k) => [of(error, [k]), of(w, [m, k])]),
  sources: (_, [error, w], [m]) => [error.whole, [one(m), [0, w.shape[1]]]],
  reach: (node, _, which, index) => (which === 0 ? node.whole : cell([index[0]])),
};

const filterGradient = {
  terms: (_, [X, error], [a, b, n]) =>
    cells(error.whole.slice(0, 2)).map(([i, j]) => [of(error, [i, j, n]), column(X, [i + a, j + b])]),
  sources: (_, [X, error], [a, b, n]) => [
    [...shifted([a, b], error.shape), [0, X.shape[2]]],
    [...error.whole.slice(0, 2), one(n)],
  ],
  reach: (node, [, error], which, index) =>
    which === 0
      ? clipped([...windowsOver(index, error.shape), [0, node.shape[2]]], node.shape)
      : [...node.whole.slice(0, 2), one(index[2])],
};

const filterGradientMaps = {
  terms: (_, [S, error], [a, b, k, n]) =>
    cells(error.whole.slice(0, 2)).map(([i, j]) => [of(error, [i, j, n]), of(S, [i + a, j + b, k])]),
  sources: (_, [, error], [a, b, k, n]) => [
    [...shifted([a, b], error.shape), one(k)],
    [...error.whole.slice(0, 2), one(n)],
  ],
  reach: (node, [, error], which, index) =>
    which === 0
      ? clipped([...windowsOver(index, error.shape), one(index[2]), [0, node.shape[3]]], node.shape)
      : [...node.whole.slice(0, 3), one(index[2])],
};

/** N29 and N34: what came of the filters' weights that (i, j) was under; the padding's zeros have no term. */
function turnedTerms(error, F, [i, j], middle) {
  return cells([...F.whole.slice(0, 2), [0, error.shape[2]]])
    .filter(([a, b]) => clipped(cell([i - a, j - b]), error.shape))
    .map(([a, b, n]) => [of(error, [i - a, j - b, n]), of(F, [a, b, ...middle, n])]);
}

const inputGradient = {
  terms: (_, [error, F], [i, j]) => turnedTerms(error, F, [i, j], []),
  sources: (_, [error, F], index) => [
    clipped([...windowsOver(index, F.shape), [0, error.shape[2]]], error.shape),
    F.whole,
  ],
  reach: (node, [, F], which, index) =>
    which === 0 ? [...shifted(index, F.shape), [0, node.shape[2]]] : node.whole,
};

const mapGradient = {
  terms: (_, [error, F], [i, j, k]) => turnedTerms(error, F, [i, j], [k]),
  sources: (_, [error, F], index) => [
    clipped([...windowsOver(index, F.shape), [0, error.shape[2]]], error.shape),
    [...F.whole.slice(0, 2), one(index[2]), [0, F.shape[3]]],
  ],
  reach: (node, [, F], which, index) =>
    which === 0 ? [...shifted(index, F.shape), [0, node.shape[2]]] : [...node.whole.slice(0, 2), one(index[2])],
};

const depthWeightGradient = {
  terms: (_, [X, error], [c, k]) =>
    cells(X.whole.slice(0, 2)).map(([i, j]) => [of(X, [i, j, c]), of(error, [i, j, k])]),
  sources: (_, [X, error], [c, k]) => [[...X.whole.slice(0, 2), one(c)], [...error.whole.slice(0, 2), one(k)]],
  reach: (node, _, which, index) =>
    which === 0 ? [one(index[2]), [0, node.shape[1]]] : [[0, node.shape[0]], one(index[2])],
};

const weighBack = {
  terms: (_, [error, alpha], [i, j, c]) =>
    Array.from({ length: alpha.shape[1] }, (__, k) => [of(alpha, [c, k]), of(error, [i, j, k])]),
  sources: (_, [error, alpha], [i, j, c]) => [[...cell([i, j]), [0, error.shape[2]]], [one(c), [0, alpha.shape[1]]]],
  reach: (node, _, which, index) =>
    which === 0 ? [...cell(index.slice(0, 2)), [0, node.shape[2]]] : [...node.whole.slice(0, 2), one(index[0])],
};

const responseDerivative = {
  terms: (_, [P], [a, b]) => Array.from({ length: P.shape[2] }, (__, c) => [of(P, [a, b, c])]),
  sources: (_, [P], index) => [[...cell(index), [0, P.shape[2]]]],
  reach: (node, _, __, index) => clipped(cell(index.slice(0, 2)), node.shape),
};

/** N31, of one parameter; the page knows η. */
const step = {
  terms: (node, [theta, gradient], index) => [[of(theta, index)], [constant(-node.options.rate, "less η"), of(gradient, index)]],
  ...elementwise,
  compute: (node, [theta, gradient], result) =>
    theta.data.forEach((value, place) => (result[place] = value - node.options.rate * gradient.data[place])),
};

/** By the trace's name of the operation; what is not here is given: the image, a parameter, the ideal output. */
export const operations = {
  relu,
  relu_back: reluBack,
  convolve,
  convolve_maps: convolveMaps,
  weigh_depth: weighDepth,
  pool,
  pool_back: poolBack,
  flatten: reshaped,
  unflatten: reshaped,
  dense,
  softmax,
  cross_entropy: crossEntropy,
  cross_entropy_back: crossEntropyBack,
  softmax_cross_entropy_back: softmaxCrossEntropyBack,
  outer,
  same: unchanged,
  dense_back: denseBack,
  filter_gradient: filterGradient,
  filter_gradient_maps: filterGradientMaps,
  input_gradient: inputGradient,
  map_gradient: mapGradient,
  depth_weight_gradient: depthWeightGradient,
  weigh_back: weighBack,
  response_derivative: responseDerivative,
  step,
};

export const product = (term) => term.reduce((value, factor) => value * factor.value, 1);
