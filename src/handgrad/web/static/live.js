// What needs the server: another picture, label or model, and steps of the network.

import { element, shape } from "./element.js";
import { short } from "./heatmap.js";
import { toNumbers } from "./tensor.js";

const PAD = 240;
const PAUSE = 120;

const button = (text, act) => element("button", { type: "button", textContent: text, onclick: act });

export class Live {
  constructor(page, { base, visitor, models, model, examples }) {
    Object.assign(this, { page, base, visitor, models, model, examples, losses: [], taken: 0, undoable: 0, playing: false, looping: false, busy: Promise.resolve() });
  }

  /** The numbers of a tensor that were not sent with the page: one slice of `slices`, or all of them. */
  numbers(traced, name, slice, slices) {
    const node = traced.nodes.findIndex((each) => each.name === name);
    return this.#inTurn(async () => {
      if (traced !== this.page.traced) throw Object.assign(new Error("another trace has come"), { superseded: true });
      const part = slice === null ? "" : `?slice=${slice}&of=${slices}`;
      const answer = await this.#asked(`tensors/${traced.revision}/${node}${part}`);
      return toNumbers(await answer.arrayBuffer(), "float64");
    });
  }

  /** One request at a time: none asks for the numbers of a trace that a step is replacing. */
  #inTurn(ask) {
    const answer = this.busy.then(ask);
    this.busy = answer.catch(() => {});
    return answer;
  }

  async #asked(path, request = {}) {
    const answer = await fetch(`${this.base}/${this.visitor}/${path}`, request);
    if (answer.ok) return answer;
    const answered = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
    throw new Error(answered.error);
  }

  /** Sends a wish, and shows the result. */
  async #wish(path, request) {
    try {
      await this.#inTurn(async () => {
        const answer = await this.#asked(path, { method: "POST", ...request });
        const { trace, ...standing } = await answer.json();
        this.page.take(trace);
        Object.assign(this, standing);
      });
      this.message.textContent = "";
      this.#show();
      await this.page.redraw();
    } catch (error) {
      this.report(error);
    }
  }

  report(error) {
    this.playing = false;
    this.#show();
    this.message.textContent = error instanceof TypeError ? "The server does not answer; is it still running?" : error.message;
  }

  #change(wishes) {
    return this.#wish("state", { headers: { "Content-Type": "application/json" }, body: JSON.stringify(wishes) });
  }

  #picture(blob) {
    // None of the data set's pictures is shown any more.
    this.example.value = "";
    return this.#wish("picture", { body: blob });
  }

  build() {
    const section = document.getElementById("live");
    section.hidden = false;
    this.message = element("p", { className: "message", role: "status" });
    section.append(element("h2", { textContent: "Your picture, your network" }), this.#choices(), this.#pad(), this.message);
    document.getElementById(this.page.cards.at(-1).id).append(this.#steps());
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      const file = event.dataTransfer.files[0];
      if (file) this.#picture(file);
    });
    this.#show();
  }

  #select(text, options, chosen, change) {
    const choices = options.map((option, number) => element("option", { value: number, textContent: option, selected: number === chosen }));
    const select = element("select", { onchange: () => change(Number(select.value)) }, ...choices);
    return [element("label", {}, `${text} `, select), select];
  }

  #choices() {
    const { page } = this;
    const [model] = this.#select("Model", this.models, this.model, (number) => location.replace(`${this.base}/?model=${number}`));
    const [label, labels] = this.#select("Expected class", page.trace.classes, page.trace.label, (k) => this.#change({ label: k }));
    this.labels = labels;
    const chooseFile = async () => {
      if (file.files[0]) await this.#picture(file.files[0]);
      // So that the same file can be chosen again.
      file.value = "";
    };
    const file = element("input", { type: "file", accept: "image/*", onchange: chooseFile });
    const show = () => example.value !== "" && example.reportValidity() && this.#change({ example: Number(example.value) });
    const example = element("input", { type: "number", min: 0, max: this.examples.count - 1, value: this.examples.first, onchange: show });
    this.example = example;
    const other = button("another", () => {
      example.value = Math.floor(Math.random() * this.examples.count);
      show();
    });
    return element(
      "div",
      { className: "choices" },
      ...(this.models.length > 1 ? [model] : []),
      element("span", {}, element("label", {}, `Picture of ${this.examples.name}, of ${this.examples.count} `, example), " ", other),
      element("label", {}, "A picture file, or drop one here ", file),
      label,
    );
  }

  #pad() {
    const canvas = element("canvas", { className: "pad", width: PAD, height: PAD, role: "img", "aria-label": "a pad to draw on with the mouse or a finger" });
    const paper = canvas.getContext("2d");
    const clear = () => {
      paper.fillStyle = "#000";
      paper.fillRect(0, 0, PAD, PAD);
    };
    clear();
    Object.assign(paper, { lineWidth: 20, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    const at = (event) => {
      const bounds = canvas.getBoundingClientRect();
      return [((event.clientX - bounds.left) * PAD) / bounds.width, ((event.clientY - bounds.top) * PAD) / bounds.height];
    };
    const draw = (event) => {
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      paper.lineTo(...at(event));
      paper.stroke();
    };
    const begin = (event) => {
      canvas.setPointerCapture(event.pointerId);
      paper.beginPath();
      paper.moveTo(...at(event));
      draw(event);
    };
    Object.assign(canvas, { onpointerdown: begin, onpointermove: draw, onpointerup: () => canvas.toBlob((blob) => this.#picture(blob)) });
    return element("div", { className: "drawing" }, element("p", { textContent: "Draw:" }), canvas, button("wipe", clear));
  }

  #steps() {
    const showRate = () => {
      rate.textContent = `η = ${short(this.#eta())}`;
      this.rate.setAttribute("aria-valuetext", rate.textContent);
    };
    const rate = element("output");
    this.rate = element("input", {
      type: "range",
      min: -5,
      max: 1,
      step: 0.05,
      value: Math.log10(this.page.rate),
      oninput: showRate,
      onchange: () => this.page.setRate(this.#eta()),
    });
    showRate();
    this.play = button("play", () => this.#toggle());
    this.back = button("back", () => this.#change({ back: 1 }));
    this.restart = button("start again", () => this.#change({ restart: true }));
    this.fall = shape("svg", { viewBox: "0 0 600 120", class: "curve", role: "img" });
    this.standing = element("p", { className: "standing" });
    return element(
      "section",
      { className: "steps", "aria-label": "Take a step" },
      element("h3", { textContent: "Take a step" }),
      element("label", {}, "learning rate ", this.rate, " ", rate),
      element("div", { className: "buttons" }, button("one step", () => this.#step(1)), button("ten", () => this.#step(10)), this.play, this.back, this.restart),
      element("p", { className: "note", textContent: "E after each step" }),
      this.fall,
      this.standing,
    );
  }

  #eta() {
    return 10 ** Number(this.rate.value);
  }

  #step(count) {
    return this.#change({ steps: count, rate: this.#eta() });
  }

  async #toggle() {
    this.playing = !this.playing;
    this.#show();
    if (this.looping) return;
    this.looping = true;
    while (this.playing) {
      await this.#step(1);
      await new Promise((resume) => setTimeout(resume, PAUSE));
    }
    this.looping = false;
  }

  #show() {
    const { losses, taken } = this;
    this.play.textContent = this.playing ? "pause" : "play";
    this.back.disabled = this.undoable === 0;
    this.restart.disabled = taken === 0;
    this.labels.value = this.page.trace.label;
    const now = losses.at(-1) ?? this.page.trace.tensor("E").data[0];
    const nothing = taken && now === 0 ? ": the network is certain, and there is nothing left to learn from this picture" : "";
    this.standing.textContent = Number.isFinite(now)
      ? `${taken} step${taken === 1 ? "" : "s"} taken; E = ${short(now)}${nothing}`
      : `${taken} steps taken, and E is no longer a number: η is too large. Go back, and choose a smaller one.`;
    const finite = losses.filter(Number.isFinite);
    const most = Math.max(...finite, 1e-12);
    const points = losses.map((loss, step) => [10 + (580 * step) / Math.max(losses.length - 1, 1), Number.isFinite(loss) ? 110 - (100 * loss) / most : 0]);
    this.fall.replaceChildren(shape("polyline", { points: points.map((point) => point.join(",")).join(" "), class: "e" }), ...points.slice(-1).map(([x, y]) => shape("circle", { cx: x, cy: y, r: 4, class: "true" })));
    this.fall.setAttribute("aria-label", `E after each step, ${finite.map(short).slice(-3).join(", ")}`);
  }
}
