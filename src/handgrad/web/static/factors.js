// What a number is made of: terms that add up to it. A term is a product of factors; a factor is a cell of a tensor,
// the sum of a column of cells over the depth, or a number with its reason.

export const of = (tensor, index) => ({ tensor: tensor.name, index, value: tensor.at(index) });
export const constant = (value, reason) => ({ value, reason });
export const product = (term) => term.reduce((value, factor) => value * factor.value, 1);

/** The sum over the last axis at an index, whatever that says of the last axis itself: N2's sum over the depth. */
export function column(tensor, index) {
  const position = index.slice(0, -1);
  const depth = tensor.shape.at(-1);
  if (depth === 1) return of(tensor, [...position, 0]);
  const start = tensor.offset([...position, 0]);
  let [value, heaviest] = [0, 0];
  for (let c = 0; c < depth; c += 1) {
    value += tensor.data[start + c];
    if (Math.abs(tensor.data[start + c]) > Math.abs(tensor.data[start + heaviest])) heaviest = c;
  }
  return { tensor: tensor.name, index: [...position, heaviest], summed: true, value };
}
