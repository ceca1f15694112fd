// A map of the whole network, with links: upright at the side, or across the top of a narrow screen.

import { shape } from "./element.js";

const EDGE = 28;
const SHEETS = 4;

/** Positions across the way that the numbers take: forward, the name, the layer, backward. */
const UPRIGHT = { forward: 14, name: 46, layer: 92, backward: 136, wide: 150, step: 46 };
const LYING = { forward: 12, name: 32, backward: 52, wide: 64 };
const [NARROWEST, WIDEST] = [29, 60];

/** Draws the layers in the order of the forward pass, as stacks of maps or bars of numbers. */
export function drawRail(page, container, lying) {
  const names = page.layers;
  const room = container.clientWidth - 2 * EDGE;
  const across = lying ? { ...LYING, step: Math.min(Math.max(room / names.length, NARROWEST), WIDEST) } : UPRIGHT;
  const long = EDGE + names.length * across.step + EDGE / 2;
  const at = (along, aside) => (lying ? [along, aside] : [aside, along]);
  const [width, height] = at(long, across.wide);
  const picture = shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height });
  const arrow = (kind, from, to) => {
    const [aside, ahead] = [across[kind], Math.sign(to - from)];
    const [[x1, y1], [x2, y2]] = [at(from, aside), at(to, aside)];
    const tip = [at(to - 2 * ahead, aside - 5), at(to - 2 * ahead, aside + 5), at(to + 7 * ahead, aside)];
    picture.append(shape("line", { x1, x2, y1, y2, class: `way ${kind}` }), shape("polygon", { points: tip.join(" "), class: `tip ${kind}` }));
  };
  arrow("forward", EDGE / 2, long - EDGE / 2);
  arrow("backward", long - EDGE / 2, EDGE / 2);
  const stops = new Map();
  names.forEach((name, order) => {
    const along = EDGE / 2 + 10 + (order + 0.5) * across.step;
    if (!lying) picture.append(...layer(page.trace.tensor(name).shape, at(along, across.layer)));
    picture.append(label(name, at(along, across.name)));
    stops.set(name, stop(page, name, at(along, across.forward), "forward"));
    const derivative = page.trace.derivative(name)?.name;
    if (derivative) stops.set(derivative, stop(page, derivative, at(along, across.backward), "backward"));
  });
  picture.append(...stops.values());
  container.replaceChildren(picture);
  return (shown) => {
    for (const [name, link] of stops) link.classList.toggle("here", shown.has(name));
    const first = [...stops].find(([name]) => shown.has(name))?.[1];
    if (lying && first) container.scrollLeft = first.firstChild.cx.baseVal.value - container.clientWidth / 2;
  };
}

function stop(page, name, [cx, cy], kind) {
  const circles = [shape("circle", { cx, cy, r: 12, class: "touch" }), shape("circle", { cx, cy, r: 5 })];
  return shape("a", { href: `#${page.cardOf(name)}`, class: `stop ${kind}`, "aria-label": `to ${name}` }, ...circles);
}

/** A tensor as one would sketch it: taller with its rows, and deeper with its depth. */
function layer(sides, [x, y]) {
  const maps = sides.length === 3;
  const [rows = 1, , depth = 1] = sides;
  const tall = maps ? 8 + 4 * Math.log2(rows) : 8 + 2.6 * Math.log2(rows);
  const wide = maps ? tall * 0.8 : 8;
  const sheets = maps ? Math.min(SHEETS, Math.ceil(Math.log2(depth)) + 1) : 1;
  return Array.from({ length: sheets }, (_, sheet) => {
    const shift = 3 * (sheet - (sheets - 1) / 2);
    return shape("rect", { x: x - wide / 2 + shift, y: y - tall / 2 + shift, width: wide, height: tall, rx: 1.5, class: "block" });
  });
}

function label(name, [x, y]) {
  const text = shape("text", { x, y: y + 5, class: "label" });
  text.textContent = name.replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).replace("'", "′");
  return text;
}
