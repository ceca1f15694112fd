// The picture of the whole network at the side: where one is, and a way there.

import { shape } from "./element.js";

const [ROW, WIDE, TOP] = [46, 150, 30];
const [DOWN, UP] = [26, 124];

/** Draws the layers as boxes, as high as their maps and as wide as they are deep; forward down, backward up. */
export function drawRail(page, place) {
  const names = page.layers;
  const high = TOP + names.length * ROW + 20;
  const picture = shape("svg", { viewBox: `0 0 ${WIDE} ${high}`, width: WIDE, height: high });
  const line = (x, kind, [from, to]) => {
    picture.append(shape("line", { x1: x, x2: x, y1: from, y2: to, class: `way ${kind}` }));
    const [tip, back] = to > from ? [to + 7, to - 2] : [to - 7, to + 2];
    picture.append(shape("polygon", { points: `${x - 5},${back} ${x + 5},${back} ${x},${tip}`, class: `tip ${kind}` }));
  };
  line(DOWN, "forward", [TOP, high - 28]);
  line(UP, "backward", [high - 28, TOP]);
  const stops = new Map();
  names.forEach((name, row) => {
    const middle = TOP + row * ROW + ROW / 2 - 6;
    stops.set(name, stop(page, picture, name, [DOWN, middle], "forward"));
    const derivative = `∂E/∂${name}`;
    if (page.trace.tensor(derivative)) stops.set(derivative, stop(page, picture, derivative, [UP, middle], "backward"));
    picture.append(block(page.trace.tensor(name).shape, middle), label(name, middle));
  });
  place.replaceChildren(picture);
  return (shown) => {
    for (const [name, link] of stops) link.classList.toggle("here", shown.has(name));
  };
}

function stop(page, picture, name, [x, y], kind) {
  const target = page.cardOf(name);
  const link = shape("a", { href: `#${target}`, class: `stop ${kind}`, "aria-label": `to ${name}` }, shape("circle", { cx: x, cy: y, r: 12, class: "touch" }), shape("circle", { cx: x, cy: y, r: 5 }));
  picture.append(link);
  return link;
}

function block(sides, middle) {
  const [rows, depth] = sides.length === 3 ? [sides[0], sides[2]] : [Math.sqrt(sides[0] ?? 1), 1];
  const [tall, wide] = [6 + 5 * Math.log2(rows + 1) * 0.9, 6 + 7 * Math.log2(depth + 1)];
  return shape("rect", { x: 75 - wide / 2, y: middle - tall / 2, width: wide, height: tall, rx: 2, class: "block" });
}

function label(name, middle) {
  const text = shape("text", { x: 75, y: middle + 4, class: "label" });
  text.textContent = name.replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).replace("'", "′");
  return text;
}
