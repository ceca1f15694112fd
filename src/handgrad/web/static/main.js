// The page: its cards, what is chosen on it, and the trace that all of it shows.

import { contraction } from "./contraction.js";
import { element } from "./element.js";
import { Explanation } from "./explanation.js";
import { Heatmap, palette } from "./heatmap.js";
import { Hero } from "./hero.js";
import { Live } from "./live.js";
import { operations } from "./operations.js";
import { drawRail } from "./rail.js";
import { cell, contains, toBytes } from "./tensor.js";
import { Trace } from "./trace.js";

const RATE = 0.001;
/** As in style.css: on narrower screens the rail is at the top. */
const NARROW = "(max-width: 60rem)";

class Page {
  constructor(content) {
    Object.assign(this, content, { byHand: operations });
    const contractions = Object.entries(content.contractions).map(([name, data]) => [name, contraction(data)]);
    this.operations = { ...operations, ...Object.fromEntries(contractions) };
    this.rate = RATE;
    this.chosen = null;
    this.shown = new Set();
    this.color = palette();
    this.live = content.live ? new Live(this, content.live) : null;
    this.take(content.trace);
    this.hero = new Hero(this, document.getElementById("hero"));
    this.explanation = new Explanation(this, document.getElementById("explanation"));
    this.views = [this.hero.back];
    this.#layRail();
    this.#layCards(document.getElementById("cards"));
    this.live?.build();
    this.hero.draw();
    this.#watch();
  }

  /** Replaces the trace; `redraw` shows the new one. */
  take(traced) {
    this.traced = traced;
    this.trace = new Trace(traced, this, (...wanted) => this.live.numbers(...wanted));
    this.pixels = toBytes(traced.pixels.data);
  }

  /** Shows the trace; what is open or chosen stays so. */
  async redraw() {
    this.hero.draw();
    const { chosen } = this;
    if (chosen && (await this.#ready(chosen.name)) && chosen === this.chosen) this.explanation.refresh();
    await Promise.all(this.views.filter((view) => view.visible).map((view) => view.appear()));
  }

  setRate(rate) {
    this.rate = rate;
    this.trace.setRate(rate);
    return this.redraw();
  }

  /** Waits for numbers; those of a trace that has been replaced since do not matter. */
  async bring(numbers) {
    try {
      await numbers;
      return true;
    } catch (error) {
      if (!error.superseded) this.live.report(error);
      return false;
    }
  }

  /** Brings what explains a tensor, from the trace that is current once it has arrived. */
  async #ready(name) {
    for (;;) {
      const { trace } = this;
      const there = await this.bring(trace.ready(name));
      if (trace === this.trace) return there;
    }
  }

  symbol(name) {
    return this.symbols[name] ?? "";
  }

  cardOf(name) {
    return (this.cards.findLast((card) => card.nodes[0] === name) ?? this.cards.find((card) => card.nodes.includes(name)))?.id;
  }

  /** Explains a number: `follow` if a link led to it, `focus` if the keyboard did. */
  async choose(name, index, follow = false, focus = follow) {
    const wanted = { name, index };
    this.wanted = wanted;
    if (!(await this.#ready(name)) || this.wanted !== wanted) return;
    const linked = this.chosen && [...this.sources, ...this.dependents];
    const onwards = follow || linked?.some((link) => link.name === name && contains(link.box, index));
    this.chosen = wanted;
    this.sources = this.trace.sources(name, index);
    this.dependents = this.trace.dependents(name, index);
    this.explanation.show(name, index, onwards, focus);
    for (const view of this.views) this.#turn(view);
    if (follow) this.#goTo(name);
  }

  unchoose() {
    this.chosen = null;
    for (const view of this.views) view.draw();
  }

  /** Turns a view to the slice of the chosen number, or of one that is linked with it. */
  #turn(view) {
    const mark = this.marks(view.name)[0];
    if (view.name === this.chosen.name) view.turnTo(this.chosen.index);
    else if (mark && !view.holds(mark.box)) view.turnTo(mark.box.map(([first]) => first));
    else view.draw();
  }

  #goTo(name) {
    const card = document.getElementById(this.cardOf(name));
    if (!card) return;
    const view = this.views.find((other) => other.name === name && card.contains(other.figure));
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    // If the explanation covers the lower part of the screen, only the upper part can be seen.
    const block = getComputedStyle(this.explanation.panel).position === "fixed" ? "start" : "center";
    (view?.figure ?? card).scrollIntoView({ block, behavior });
  }

  /** The boxes marked in a tensor: the chosen number, what it depends on, what depends on it. */
  marks(name) {
    if (!this.chosen) return [];
    const { chosen, source, dependent } = this.color.ink;
    const mark = (links, ink, thick) => links.filter((link) => link.name === name).map(({ box }) => ({ box, ink, thick }));
    return [
      ...mark([{ name: this.chosen.name, box: cell(this.chosen.index) }], chosen, 3),
      ...mark(this.sources, source, 2),
      ...mark(this.dependents, dependent, 2),
    ];
  }

  #layRail() {
    this.markRail = drawRail(this, document.getElementById("rail"), matchMedia(NARROW).matches);
    this.#markRail();
  }

  #markRail() {
    this.markRail(new Set([...this.shown].map((figure) => figure.dataset.name)));
  }

  #layCards(container) {
    for (const card of this.cards) {
      const article = element("article", { id: card.id, className: `card ${card.way}` });
      const heading = element("h2", {}, element("a", { className: "number", href: `#${card.id}`, textContent: card.number }), card.title);
      const formulas = element("div", { className: "formulas", innerHTML: card.formulas.join("") });
      const figures = element("div", { className: "figures" });
      card.nodes.forEach((name, order) => {
        const view = new Heatmap(this, name, { width: order === 0 ? 250 : 180 });
        this.views.push(view);
        figures.append(view.figure);
      });
      article.append(heading, formulas, element("p", { textContent: card.text }), figures);
      container.append(article);
      if (formulas.scrollWidth > formulas.clientWidth) {
        // What scrolls must be reachable by the keyboard.
        formulas.tabIndex = 0;
        formulas.setAttribute("role", "group");
        formulas.setAttribute("aria-label", `formula of ${card.number}`);
      }
    }
  }

  #watch() {
    const byFigure = new Map(this.views.map((view) => [view.figure, view]));
    const draw = (entries) => {
      for (const { target, isIntersecting } of entries) {
        const view = byFigure.get(target);
        if (isIntersecting) view.appear();
        else view.visible = false;
      }
    };
    const mark = (entries) => {
      for (const { target, isIntersecting } of entries) this.shown[isIntersecting ? "add" : "delete"](target);
      this.#markRail();
    };
    const near = new IntersectionObserver(draw, { rootMargin: "400px" });
    const inSight = new IntersectionObserver(mark);
    for (const view of this.views) near.observe(view.figure);
    for (const view of this.views.slice(1)) inSight.observe(view.figure);
    matchMedia(NARROW).addEventListener("change", () => this.#layRail());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.color = palette();
      for (const view of this.views) view.draw();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.chosen) this.explanation.close();
    });
  }
}

window.handgrad = new Page(JSON.parse(document.getElementById("content").textContent));
document.documentElement.dataset.ready = "true";
