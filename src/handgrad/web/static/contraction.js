// Operations whose numbers are sums of products, T[i,j,n] = Σ_{a,b} F[a,b,n] · Σ_c X[i+a, j+b, c], by what the table of
// operations says of them: the letters that are summed, and the index at which each factor is read.

import { column, constant, of } from "./factors.js";
import { cells, clipped, contains } from "./tensor.js";

const ONE = { data: Float64Array.of(1), steps: {} };
const ONCE = [1, 0, 0, 0];

/** "i-a" as its letters with their signs. */
const signed = ([first, sign, second]) => [[first, 1], ...(second ? [[second, sign === "-" ? -1 : 1]] : [])];

/** Where a signed sum of letters is, each of them in its range: [first, last + 1). */
const span = (letters, ranges, start = 0) =>
  letters.reduce(
    ([low, high], [letter, sign]) => {
      const [first, last] = ranges[letter];
      return sign > 0 ? [low + first, high + last - 1] : [low - last + 1, high - first];
    },
    [start, start + 1],
  );

/** The operation, with the functions that `operations.js` describes. */
export function contraction({ inputs: letters, axes, products, forward }) {
  const sums = products.map(({ sign, over, factors }) => ({
    sign,
    over: [...over.join("")],
    factors: factors.map((factor) => ({ ...factor, which: letters.indexOf(factor.letter), index: [...factor.index].map(signed) })),
  }));
  const readings = letters.map((_, which) => sums.flatMap(({ factors }) => factors).find((factor) => factor.which === which).index);

  /** The range of every letter; a letter of the result has the one number of `index`, where that is given. */
  function rangesOf(node, inputs, index = null) {
    const ranges = {};
    [...axes].forEach((letter, axis) => (ranges[letter] = index ? [index[axis], index[axis] + 1] : [0, node.shape[axis]]));
    readings.forEach((reading, which) =>
      reading.forEach((expression, axis) => {
        if (expression.length === 1) ranges[expression[0][0]] ??= [0, inputs[which].shape[axis]];
      }),
    );
    return ranges;
  }

  function terms(node, inputs, index) {
    const ranges = rangesOf(node, inputs, index);
    const at = Object.fromEntries(Object.entries(ranges).map(([letter, [first]]) => [letter, first]));
    const whole = inputs.map((tensor) => tensor.whole);
    const place = ([first, second]) => at[first[0]] + (second ? second[1] * at[second[0]] : 0);
    const found = [];
    const add = ({ sign, factors }) => {
      const term = factors.map(({ which, index: reading, column: summed }) => {
        const cell = reading.map(place);
        return contains(whole[which], cell) ? (summed ? column : of)(inputs[which], cell) : null;
      });
      // Beyond a tensor's border are zeros, which have no term.
      if (!term.includes(null)) found.push(sign < 0 ? [constant(sign, "less"), ...term] : term);
    };
    const walk = (sum, order) => {
      if (order === sum.over.length) return add(sum);
      const letter = sum.over[order];
      for (let x = 0; x < ranges[letter][1]; x += 1) {
        at[letter] = x;
        walk(sum, order + 1);
      }
    };
    for (const sum of sums) walk(sum, 0);
    return found;
  }

  function sources(node, inputs, index) {
    const ranges = rangesOf(node, inputs, index);
    return readings.map((reading, which) => clipped(reading.map((expression) => span(expression, ranges)), inputs[which].shape));
  }

  function reach(node, inputs, which, index) {
    const ranges = rangesOf(node, inputs);
    const box = [...axes].map((letter) => {
      const axis = readings[which].findIndex((expression) => expression.some(([other]) => other === letter));
      if (axis < 0) return ranges[letter];
      // Solved for the letter, which is never subtracted.
      const others = readings[which][axis].filter(([other]) => other !== letter).map(([other, sign]) => [other, -sign]);
      return span(others, ranges, index[axis]);
    });
    return clipped(box, node.shape);
  }

  function compute(node, inputs, result) {
    const ranges = rangesOf(node, inputs);
    const steps = stepsOf([...axes].map(signed), node.strides);
    result.fill(0);
    for (const { over, factors } of sums) {
      const order = [...over, ...axes];
      let [left, right = ONE] = factors.map((factor) => numbers(factor, inputs[factor.which]));
      // Along the innermost loop `right` is one number.
      if (order.at(-1) in right.steps) [left, right] = [right, left];
      const loops = order.map((letter) => [ranges[letter][1], ...[steps, left.steps, right.steps].map((each) => each[letter] ?? 0)]);
      if (order.at(-1) in right.steps) loops.push(ONCE);
      addUp([ONCE, ...loops], result, left.data, right.data, 0, 0, 0);
    }
  }

  const grid = (node, inputs) => sums[0].over.map((letter) => rangesOf(node, inputs)[letter][1]);
  // Where a filter is laid on one map, its terms are shown as they lie.
  const laid = forward && sums.every(({ over }) => over.length === 2);
  return { terms, sources, reach, ...(forward && { compute }), ...(laid && { grid }) };
}

/** How far apart in memory the numbers are between which one letter differs by 1. */
function stepsOf(index, strides) {
  const steps = {};
  index.forEach((expression, axis) => expression.forEach(([letter, sign]) => (steps[letter] = (steps[letter] ?? 0) + sign * strides[axis])));
  return steps;
}

/** The numbers of a factor, and their steps; columns are summed first. */
function numbers({ index, column: summed }, { data, shape, strides }) {
  if (!summed) return { data, steps: stepsOf(index, strides) };
  const depth = shape.at(-1);
  const map = new Float64Array(data.length / depth);
  for (let position = 0; position < map.length; position += 1) {
    for (let c = 0; c < depth; c += 1) map[position] += data[position * depth + c];
  }
  return { data: map, steps: stepsOf(index.slice(0, -1), strides.map((stride) => stride / depth)) };
}

/** Adds left · right to the result along all loops: of each its count, and its steps in the three. */
function addUp([[count, toStep, fromStep, otherStep], ...inner], result, left, right, to, from, other) {
  if (inner.length === 1) return addRows(count, toStep, fromStep, otherStep, ...inner[0], result, left, right, to, from, other);
  for (let x = 0; x < count; x += 1) addUp(inner, result, left, right, to + x * toStep, from + x * fromStep, other + x * otherStep);
}

/** The two innermost loops, spelled out for speed. */
function addRows(rows, toRow, fromRow, otherRow, count, toStep, fromStep, _, result, left, right, to, from, other) {
  for (let row = 0; row < rows; row += 1) {
    const value = right[other + row * otherRow];
    let t = to + row * toRow;
    let f = from + row * fromRow;
    for (let x = 0; x < count; x += 1) {
      result[t] += value * left[f];
      t += toStep;
      f += fromStep;
    }
  }
}
