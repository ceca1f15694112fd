// Where one number came from: its terms, its position in the chain, and what it takes part in.

import { element } from "./element.js";
import { indexed, inkOn, short, tiny } from "./heatmap.js";
import { Nudge } from "./nudge.js";
import { cells } from "./tensor.js";

const SHOWN = 12;

/** With commas, and without the tens of milliseconds that the first toLocaleString takes. */
const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
const plural = (count, what) => `${grouped(count)} ${what}${count === 1 ? "" : "s"}`;

/** The largest terms, the largest first, without sorting tens of thousands of objects. */
function largestOf(terms, count) {
  const size = (term) => Math.abs(term.value);
  const least = Float64Array.from(terms, size).sort().at(-count);
  return terms.filter((term) => !(size(term) < least)).sort((left, right) => size(right) - size(left)).slice(0, count);
}

const countOf = (box) => box.reduce((product, [first, last]) => product * (last - first), 1);

export class Explanation {
  constructor(page, panel) {
    this.page = page;
    this.panel = panel;
    this.chain = [];
  }

  /** Shows a number; if a link led to it, the chain keeps the way. */
  show(name, index, onwards, focus) {
    if (!this.panel.contains(document.activeElement)) this.opener = document.activeElement;
    if (!onwards) this.chain = [];
    const known = this.chain.findIndex((link) => link.name === name && String(link.index) === String(index));
    this.chain = known >= 0 ? this.chain.slice(0, known + 1) : [...this.chain, { name, index }];
    this.nudge = this.page.trace.isForward(name) ? new Nudge(this.page, name, index) : null;
    this.#fill(name, index);
    this.panel.scrollTop = 0;
    // The link that led here is gone, and with it the keyboard's position; a heat map is far from its answer.
    if (focus) this.title.focus({ preventScroll: true });
  }

  /** The same number of another trace, e.g. after a step. */
  refresh() {
    const { name, index } = this.chain.at(-1);
    const { scrollTop } = this.panel;
    this.#fill(name, index);
    this.nudge?.renew();
    this.panel.scrollTop = scrollTop;
  }

  close() {
    this.chain = [];
    this.panel.replaceChildren();
    this.panel.hidden = true;
    this.page.unchoose();
    this.opener?.focus({ preventScroll: true });
  }

  #fill(name, index) {
    const { trace } = this.page;
    const tensor = trace.tensor(name);
    const explained = trace.explain(name, index);
    this.title = element("h2", { className: "value", tabIndex: -1, innerHTML: this.page.symbol(name) });
    this.title.append(`${indexed(index)} = `, element("b", { textContent: short(tensor.at(index)) }));
    const close = element("button", { className: "close", type: "button", textContent: "×", "aria-label": "Close the explanation", onclick: () => this.close() });
    this.panel.hidden = false;
    this.panel.replaceChildren(close, this.#trail(), this.title);
    if (!explained) this.panel.append(element("p", { textContent: this.#given(tensor, index) }));
    if (explained?.grid) this.panel.append(this.#working(explained));
    if (explained) this.panel.append(this.#terms(explained, tensor.at(index)));
    if (name === "E") this.panel.append(this.#surprise());
    this.panel.append(this.#onwards(name, index));
    if (this.nudge) this.panel.append(this.nudge.section);
  }

  #trail() {
    const links = this.chain.map(({ name, index }) => this.#link(name, index, indexed(index)));
    links.at(-1).setAttribute("aria-current", "true");
    const list = element("ol", { className: "chain" }, ...links.map((link) => element("li", {}, link)));
    return element("nav", { className: "trail", "aria-label": "The way here" }, list);
  }

  #link(name, index, text) {
    const link = element("button", { type: "button", className: "link", "aria-label": `${name}${text}`, innerHTML: this.page.symbol(name), onclick: () => this.page.choose(name, index, true) });
    link.append(text);
    return link;
  }

  /** The text for a number that is not computed. */
  #given(tensor, index) {
    const { trace, pixels } = this.page;
    if (tensor.operation === "image") {
      const pixel = pixels[tensor.offset(index)];
      const [mean, std] = [trace.standardization.mean, trace.standardization.std].map((channels) => short(channels[index[2]]));
      return `The pixel is ${pixel} of 255: (${pixel} − ${mean}) / ${std} = ${short(tensor.at(index))}. Mean and std are those of the training set.`;
    }
    if (tensor.operation === "parameter") return "A parameter: training has moved it to where it is, and each step moves it on.";
    if (tensor.operation === "ideal") return `The ideal output: 1 for the expected class, ${trace.classes[trace.label]}, 0 for the others.`;
    return "Given by the example.";
  }

  /** A patch, the filter laid on it, and their products, in rows and columns. */
  #working({ terms, grid: [, columns] }) {
    const matrix = (values) => {
      const largest = Math.max(...values.map(Math.abs).filter(Number.isFinite), 0);
      const { shades, level } = this.page.color;
      const made = element("div", { className: "matrix" });
      made.style.setProperty("--columns", columns);
      for (const value of values) {
        const cell = element("span", { textContent: tiny(value) });
        const shade = shades[level(value, largest)];
        Object.assign(cell.style, { background: `rgb(${shade})`, color: inkOn(shade) });
        made.append(cell);
      }
      return made;
    };
    const sign = (text) => element("span", { className: "sign", textContent: text });
    const [weights, patch] = [0, 1].map((which) => terms.map(({ factors }) => factors[which].value));
    // Hidden from screen readers: the table below says the same, to the digit.
    return element("div", { className: "working", "aria-hidden": "true" }, matrix(patch), sign("⊙"), matrix(weights), sign("="), matrix(terms.map((term) => term.value)));
  }

  /** E as the notes have it, from the probability of the expected class. */
  #surprise() {
    const { trace } = this.page;
    const expected = [trace.label];
    return element("p", {}, "It is − log of ", this.#link("z", expected, indexed(expected)), `, the probability ${short(trace.tensor("z").at(expected))} of the expected class.`);
  }

  #terms({ terms, total }, value) {
    const body = element("tbody");
    // A few in the order of the formula, many by their size.
    const shown = terms.length > SHOWN ? largestOf(terms, SHOWN).filter((term) => term.value !== 0) : terms;
    const largest = Math.max(0, ...shown.map((term) => Math.abs(term.value))) || 1;
    for (const { factors, value: share } of shown) {
      const times = () => element("span", { className: "times", textContent: "·" });
      const product = element("td", { className: "factors" }, ...factors.flatMap((factor, order) => (order ? [times(), this.#factor(factor)] : [this.#factor(factor)])));
      const bar = element("span", { className: share < 0 ? "share negative" : "share positive" });
      bar.style.width = `${Math.min((100 * Math.abs(share)) / largest || 0, 100)}%`;
      body.append(element("tr", {}, product, element("td", { className: "number", textContent: short(share) }), element("td", { className: "bar" }, bar)));
    }
    const rest = terms.length - shown.length;
    if (rest) {
      const sum = total - shown.reduce((all, term) => all + term.value, 0);
      body.append(element("tr", { className: "rest" }, element("td", { textContent: `and ${plural(rest, "smaller term")}` }), element("td", { className: "number", textContent: short(sum) }), element("td")));
    }
    const foot = element("tfoot", {}, element("tr", {}, element("th", { textContent: terms.length > 1 ? `the sum of ${grouped(terms.length)}` : "the product", scope: "row" }), element("td", { className: "number total", textContent: short(total) }), element("td")));
    const table = element("table", { className: "terms" }, body, foot);
    table.dataset.total = total;
    table.dataset.value = value;
    return table;
  }

  /** A number, and below it where it is from. */
  #factor({ tensor, index, summed, value, reason }) {
    const below = [];
    // The sum over the depth leads to the largest of its numbers.
    if (tensor) below.push(this.#link(tensor, index, summed ? `[${index.slice(0, -1).join(", ")}, Σ]` : indexed(index)));
    if (summed) below.at(-1).title = this.#depth(tensor, index);
    if (reason) below.push(element("small", { textContent: reason }));
    return element("span", { className: "factor" }, element("span", { className: "number", textContent: short(value) }), ...below);
  }

  /** The numbers that a sum over the depth is made of. */
  #depth(name, index) {
    const tensor = this.page.trace.tensor(name);
    const numbers = Array.from({ length: tensor.shape.at(-1) }, (_, c) => short(tensor.at([...index.slice(0, -1), c])));
    return `the sum of ${numbers.join(", ")}`;
  }

  #onwards(name, index) {
    const section = element("section", { className: "onwards" });
    const { trace } = this.page;
    const list = element("ul");
    for (const { name: user, box } of trace.dependents(name, index)) {
      const target = this.#heaviest(user, box);
      list.append(element("li", {}, this.#link(user, target, ""), ` ${plural(countOf(box), "number")}`));
    }
    if (name === "z" && index[0] === trace.label) list.append(element("li", {}, this.#link("E", [], ""), " is − log of it"));
    if (list.children.length) section.append(element("h3", { textContent: "It takes part in" }), list);
    const derivative = trace.derivative(name);
    if (derivative) list.append(element("li", {}, this.#link(derivative.name, index, indexed(index)), " how E answers to it"));
    return section;
  }

  /** Of the cells that a number takes part in, the one to continue with: the largest derivative, if that is known. */
  #heaviest(name, box) {
    const { trace } = this.page;
    const weights = [trace.derivative(name), trace.tensor(name)].find((tensor) => tensor?.here());
    const first = box.map(([from]) => from);
    if (!weights || countOf(box) > 20000) return first;
    return cells(box).reduce((best, index) => (Math.abs(weights.at(index)) > Math.abs(weights.at(best)) ? index : best), first);
  }
}
