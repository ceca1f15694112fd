// Where one number came from: its terms, its place in the chain, and where it goes on to.

import { element } from "./element.js";
import { indexed, short } from "./heatmap.js";
import { Nudge } from "./nudge.js";

const SHOWN = 12;
const CHAIN = 9;

const plural = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
const cellsOf = (box) => box.reduce((product, [first, last]) => product * (last - first), 1);

export class Explanation {
  constructor(page, place) {
    this.page = page;
    this.place = place;
    this.chain = [];
  }

  /** Shows a number; the chain keeps the way that led here. */
  show(name, index) {
    const known = this.chain.findIndex((link) => link.name === name && String(link.index) === String(index));
    this.chain = known >= 0 ? this.chain.slice(0, known + 1) : [...this.chain, { name, index }].slice(-CHAIN);
    this.#fill(name, index);
  }

  /** The same number of another trace: after a step, say. */
  refresh() {
    const last = this.chain.at(-1);
    if (last) this.#fill(last.name, last.index);
  }

  close() {
    this.chain = [];
    this.place.replaceChildren();
    this.place.hidden = true;
    this.page.unchoose();
  }

  #fill(name, index) {
    const { trace } = this.page;
    const tensor = trace.tensor(name);
    const explained = trace.explain(name, index);
    const title = element("h2", { className: "value" });
    title.innerHTML = this.page.symbol(name);
    title.append(`${indexed(index)} = `, element("b", { textContent: short(tensor.at(index)) }));
    const close = element("button", { className: "close", type: "button", textContent: "×" });
    close.setAttribute("aria-label", "Close the explanation");
    close.addEventListener("click", () => this.close());
    this.place.hidden = false;
    this.place.replaceChildren(close, this.#trail(), title, ...this.#given(name, index, explained));
    if (explained) this.place.append(this.#terms(explained, tensor.at(index)));
    this.place.append(this.#onwards(name, index));
    if (trace.isForward(name)) this.place.append(new Nudge(this.page, name, index).section);
    this.place.scrollTop = 0;
  }

  #trail() {
    const list = element("ol", { className: "chain" });
    for (const [place, { name, index }] of this.chain.entries()) {
      const current = place === this.chain.length - 1;
      const link = this.#link(name, index, `${indexed(index)}`);
      if (current) link.setAttribute("aria-current", "true");
      list.append(element("li", {}, link));
    }
    return element("nav", { className: "trail", ariaLabel: "The way here" }, list);
  }

  #link(name, index, text) {
    const button = element("button", { type: "button", className: "link" });
    button.innerHTML = this.page.symbol(name);
    button.append(text);
    button.setAttribute("aria-label", `${name}${indexed(index)}`);
    button.addEventListener("click", () => this.page.choose(name, index, true));
    return button;
  }

  /** What is said of a number that no operation made. */
  #given(name, index, explained) {
    if (explained) return [];
    const { trace } = this.page;
    const node = trace.tensor(name);
    const say = (text) => [element("p", { textContent: text })];
    if (node.operation === "image") {
      const c = index[2];
      const [i, j] = index;
      const pixel = this.page.pixels[(i * trace.pixels.shape[1] + j) * trace.pixels.shape[2] + c];
      const { mean, deviation } = trace.standardisation;
      return say(`The pixel is ${pixel} of 255: (${pixel} − ${short(mean[c])}) / ${short(deviation[c])} = ${short(node.at(index))}. Mean and deviation are those of the training set.`);
    }
    if (node.operation === "parameter") return say("A parameter: it was drawn at random once, and steps have moved it since.");
    if (node.operation === "ideal") return say(`The ideal output: 1 for the expected class, ${trace.classes[trace.label]}, 0 for the others.`);
    return say("Given by the example.");
  }

  #terms({ terms, total }, value) {
    const body = element("tbody");
    const largest = Math.max(...terms.map((term) => Math.abs(term.value)), Number.MIN_VALUE);
    for (const { factors, value: share } of terms.slice(0, SHOWN)) {
      const product = element("td", { className: "factors" });
      factors.forEach((factor, place) => product.append(...(place ? [element("span", { className: "times", textContent: "·" })] : []), this.#factor(factor)));
      const bar = element("span", { className: share < 0 ? "share negative" : "share positive" });
      bar.style.width = `${Number.isFinite(share) ? (100 * Math.abs(share)) / largest : 100}%`;
      body.append(element("tr", {}, product, element("td", { className: "number", textContent: short(share) }), element("td", { className: "bar" }, bar)));
    }
    const rest = terms.slice(SHOWN);
    if (rest.length) {
      const sum = rest.reduce((all, term) => all + term.value, 0);
      body.append(element("tr", { className: "rest" }, element("td", { textContent: `and ${plural(rest.length, "smaller term")}` }), element("td", { className: "number", textContent: short(sum) }), element("td")));
    }
    const foot = element("tfoot", {}, element("tr", {}, element("th", { textContent: terms.length > 1 ? `the sum of ${terms.length.toLocaleString("en")}` : "the product", scope: "row" }), element("td", { className: "number total", textContent: short(total) }), element("td")));
    const table = element("table", { className: "terms" }, body, foot);
    table.dataset.total = total;
    table.dataset.value = value;
    return table;
  }

  /** A number, and below it whose it is. */
  #factor({ tensor, index, summed, value, reason }) {
    const below = [];
    // The sum over the depth leads to the largest of its numbers.
    if (tensor) below.push(this.#link(tensor, index, summed ? `[${index.slice(0, -1).join(", ")}, Σ]` : indexed(index)));
    if (reason) below.push(element("small", { textContent: reason }));
    return element("span", { className: "factor" }, element("span", { className: "number", textContent: short(value) }), ...below);
  }

  #onwards(name, index) {
    const section = element("section", { className: "onwards" });
    const { trace } = this.page;
    const list = element("ul");
    for (const { name: user, box } of trace.dependents(name, index)) {
      const target = this.#heaviest(user, box);
      list.append(element("li", {}, this.#link(user, target, ""), ` ${plural(cellsOf(box), "number")}`));
    }
    if (list.children.length) section.append(element("h3", { textContent: "It takes part in" }), list);
    if (trace.tensor(`∂E/∂${name}`)) {
      list.append(element("li", {}, this.#link(`∂E/∂${name}`, index, indexed(index)), " how E answers to it"));
    }
    return section;
  }

  /** Of the cells that a number takes part in, the one to go on with: where E answers most, if that is known. */
  #heaviest(name, box) {
    const { trace } = this.page;
    const weights = [trace.tensor(`∂E/∂${name}`), trace.tensor(name)].find((tensor) => tensor?.here);
    let best = box.map(([first]) => first);
    if (!weights || cellsOf(box) > 20000) return best;
    const visit = (axis, index) => {
      if (axis === box.length) {
        if (Math.abs(weights.at(index)) > Math.abs(weights.at(best))) best = index;
        return;
      }
      for (let place = box[axis][0]; place < box[axis][1]; place += 1) visit(axis + 1, [...index, place]);
    };
    visit(0, []);
    return best;
  }
}
