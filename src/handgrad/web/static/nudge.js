// One number moved by ε: the true change of E beside ε times its derivative, as a curve that touches its tangent.

import { element, shape } from "./element.js";
import { indexed, short } from "./heatmap.js";

const POINTS = 41;
const [WIDE, HIGH, EDGE] = [320, 170, 12];

export class Nudge {
  constructor(page, name, index) {
    Object.assign(this, { page, name, index, reach: 0 });
    this.section = element("section", { className: "nudge" }, element("h3", { textContent: "Nudge it" }));
    const open = element("button", { type: "button", textContent: `Move ${name}${indexed(index)} by ε`, onclick: () => this.#open(open) });
    this.section.append(open);
  }

  async #open(button) {
    if (!(await this.page.bring(this.page.trace.readyToNudge(this.name)))) return;
    this.plot = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", class: "curve" });
    this.wide = element("input", { type: "range", min: -4, max: 1, step: 0.25, value: -0.5, oninput: () => this.#draw() });
    this.epsilon = element("input", { type: "range", min: -1, max: 1, step: 0.01, value: 0.4, oninput: () => this.#point() });
    this.figures = element("table", { className: "figures" });
    const focused = document.activeElement === button;
    button.replaceWith(
      this.plot,
      element("label", {}, "ε ", this.epsilon),
      element("label", {}, "how far the curve reaches ", this.wide),
      this.figures,
    );
    if (focused) this.epsilon.focus();
    this.renew();
  }

  /** Draws the curve of the current trace, if it is open. */
  async renew() {
    if (!this.plot || !(await this.page.bring(this.page.trace.readyToNudge(this.name)))) return;
    const { trace } = this.page;
    this.E = trace.nudged(this.name, this.index);
    this.slope = trace.derivative(this.name).at(this.index);
    this.start = this.E(0);
    this.#draw();
  }

  #draw() {
    this.reach = 10 ** Number(this.wide.value);
    const steps = Array.from({ length: POINTS }, (_, step) => this.reach * ((2 * step) / (POINTS - 1) - 1));
    this.curve = steps.map((epsilon) => [epsilon, this.E(epsilon)]);
    const tangent = [-this.reach, this.reach].map((epsilon) => [epsilon, this.start + this.slope * epsilon]);
    const heights = [...this.curve, ...tangent].map(([, height]) => height).filter(Number.isFinite);
    [this.low, this.high] = [Math.min(...heights), Math.max(...heights)];
    const line = (points, kind) => shape("polyline", { points: points.map((point) => this.#at(point).join(",")).join(" "), class: kind });
    this.dots = [shape("circle", { r: 4, class: "true" }), shape("circle", { r: 4, class: "linear" })];
    this.plot.replaceChildren(
      shape("line", { x1: WIDE / 2, x2: WIDE / 2, y1: 0, y2: HIGH, class: "axis" }),
      line(tangent, "tangent"),
      line(this.curve, "e"),
      ...this.dots,
    );
    this.#point();
  }

  #at([epsilon, height]) {
    const room = this.high - this.low || 1;
    const x = WIDE / 2 + ((WIDE / 2 - EDGE) * epsilon) / this.reach;
    const y = HIGH - EDGE - ((HIGH - 2 * EDGE) * (height - this.low)) / room;
    return [x, Number.isFinite(y) ? y : 0];
  }

  #point() {
    const epsilon = this.reach * Number(this.epsilon.value);
    this.epsilon.setAttribute("aria-valuetext", short(epsilon));
    this.wide.setAttribute("aria-valuetext", `${short(this.reach)} to either side`);
    const change = this.E(epsilon) - this.start;
    const linear = epsilon * this.slope;
    [change, linear].forEach((height, which) => {
      const [x, y] = this.#at([epsilon, this.start + height]);
      this.dots[which].setAttribute("cx", x);
      this.dots[which].setAttribute("cy", y);
    });
    const row = (name, value, kind) => element("tr", { className: kind }, element("th", { textContent: name, scope: "row" }), element("td", { className: "number", textContent: short(value) }));
    this.figures.replaceChildren(row("ε", epsilon, ""), row("E changes by", change, "true"), row("ε · derivative", linear, "linear"));
    this.figures.dataset.change = change;
    this.figures.dataset.linear = linear;
    this.plot.setAttribute("aria-label", `E against ${this.name}${indexed(this.index)}: a nudge of ${short(epsilon)} changes E by ${short(change)}; its derivative says ${short(linear)}`);
  }
}
