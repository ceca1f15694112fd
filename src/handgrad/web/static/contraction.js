// Operations whose numbers are sums of products, T[i,j,n] = Σ_{a,b} F[a,b,n] · Σ_c X[i+a, j+b, c], by what the table of
// operations says of them: the letters that are summed, and the index at which each factor is read.

import { column, constant, of } from "./factors.js";
import { cells, clipped, contains } from "./tensor.js";

const ONE = { data: [1], steps: {} };

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
    const place = (expression) => expression.reduce((sum, [letter, sign]) => sum + sign * at[letter], 0);
    return sums.flatMap(({ sign, over, factors }) =>
      cells(over.map((letter) => ranges[letter])).flatMap((summed) => {
        over.forEach((letter, order) => (at[letter] = summed[order]));
        const read = factors.map((factor) => ({ ...factor, index: factor.index.map(place) }));
        // Beyond a tensor's border are zeros, which have no term.
        if (!read.every((factor) => contains(whole[factor.which], factor.index))) return [];
        const term = read.map((factor) => (factor.column ? column : of)(inputs[factor.which], factor.index));
        return [sign < 0 ? [constant(sign, "less"), ...term] : term];
      }),
    );
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
    result.fill(0);
    for (const { over, factors } of sums) {
      const [left, right = ONE] = factors.map((factor) => numbers(factor, inputs[factor.which]));
      const steps = stepsOf([...axes].map(signed), node.strides);
      const loops = [...over, ...axes].map((letter) => [ranges[letter][1], ...[steps, left.steps, right.steps].map((each) => each[letter] ?? 0)]);
      addUp([[1, 0, 0, 0], ...loops], result, left.data, right.data, 0, 0, 0);
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

/** Adds the products of two factors to the result, along all loops: [count, and the step in each of the three]. */
function addUp(loops, result, left, right, to, from, other) {
  const [[count, step, leftStep, rightStep], ...inner] = loops;
  if (inner.length > 1) {
    for (let x = 0; x < count; x += 1) addUp(inner, result, left, right, to + x * step, from + x * leftStep, other + x * rightStep);
    return;
  }
  // The two innermost loops, spelled out for speed.
  const [[length, toStep, fromStep, otherStep]] = inner;
  for (let x = 0; x < count; x += 1) {
    let [t, f, o] = [to + x * step, from + x * leftStep, other + x * rightStep];
    for (let y = 0; y < length; y += 1) {
      result[t] += left[f] * right[o];
      t += toStep;
      f += fromStep;
      o += otherStep;
    }
  }
}
