// The first screen: the picture, the probabilities, E, and the gradient arriving back at the pixels.

import { element } from "./element.js";
import { Heatmap, short } from "./heatmap.js";

const SHOWN = 5;

/** With enough digits to distinguish it from certainty. */
function percent(share) {
  const digits = share < 1 ? Math.min(8, Math.max(1, Math.ceil(-Math.log10(100 * (1 - share)) + 1e-9))) : 0;
  return `${(100 * share).toFixed(digits)} %`;
}

/** Whether a click came from the keyboard. */
const byKeyboard = (event) => event.detail === 0;

export class Hero {
  constructor(page, section) {
    this.page = page;
    this.heading = element("h1");
    this.lead = element("p", { className: "lead" });
    this.picture = element("canvas", { className: "picture", role: "img" });
    this.bars = element("ol", { className: "probabilities" });
    this.loss = element("button", { type: "button", className: "loss", onclick: (event) => page.choose("E", [], false, byKeyboard(event)) });
    this.back = new Heatmap(page, page.trace.derivative("X").name, { width: 184 });
    const arrow = (way) => element("p", { className: `arrow ${way}`, textContent: way });
    const caption = element("p", { className: "caption", innerHTML: page.symbol("X") });
    caption.append(element("span", { className: "shape", textContent: page.trace.tensor("X").shape.join(" × ") }));
    section.replaceChildren(
      this.heading,
      this.lead,
      element(
        "div",
        { className: "story" },
        element("div", { className: "scene shown" }, element("h2", { textContent: "The picture" }), caption, this.picture),
        arrow("forward"),
        element("div", { className: "scene says" }, element("h2", { textContent: "What the network says" }), this.bars, this.loss),
        arrow("backward"),
        element(
          "div",
          { className: "scene learns" },
          element("h2", { textContent: "What it learns" }),
          this.back.figure,
          element("p", { className: "note", textContent: "Orange: a brighter pixel would raise E. Purple: it would lower it." }),
        ),
      ),
    );
  }

  draw() {
    const { trace } = this.page;
    const z = Array.from(trace.tensor("z").data);
    const ranked = z.map((share, k) => [share || 0, k]).sort((left, right) => right[0] - left[0]);
    const [best, k] = ranked[0];
    const lost = z.some(Number.isNaN);
    const story = "Below, every number of how it got there, and of what it learns from";
    this.heading.textContent = lost ? "It says nothing any more" : `It says “${trace.classes[k]}”, ${percent(best)}`;
    this.lead.textContent = lost
      ? "The steps were too large: its numbers have run off beyond all bounds. Take them back, and choose a smaller learning rate."
      : k === trace.label
        ? `and the expected class is the same. ${story} this picture. Click any number to ask where it came from.`
        : `but “${trace.classes[trace.label]}” was expected. ${story} its mistake. Click any number to ask where it came from.`;
    const shown = ranked.slice(0, SHOWN);
    if (!shown.some(([, k]) => k === trace.label)) shown[SHOWN - 1] = [z[trace.label], trace.label];
    this.bars.style.setProperty("--name", `${Math.min(9, Math.max(...trace.classes.map((name) => name.length)))}ch`);
    this.bars.replaceChildren(...shown.map(([share, k]) => this.#bar(share, k)));
    this.loss.replaceChildren("E = ", element("b", { textContent: short(trace.tensor("E").data[0]) }), element("small", { textContent: " cross entropy, in nats" }));
    drawPicture(this.picture, trace.pixels.shape, this.page.pixels);
    this.picture.setAttribute("aria-label", `the picture, ${trace.pixels.shape.join(" × ")}`);
  }

  #bar(share, k) {
    const { trace } = this.page;
    const bar = element("span", { className: "bar" });
    bar.style.width = `${100 * share}%`;
    const button = element(
      "button",
      {
        type: "button",
        className: k === trace.label ? "expected" : "",
        title: k === trace.label ? "the expected class" : "",
        onclick: (event) => this.page.choose("z", [k], false, byKeyboard(event)),
      },
      element("span", { className: "name", textContent: trace.classes[k] }),
      element("span", { className: "track" }, bar),
      element("span", { className: "number", textContent: percent(share) }),
    );
    return element("li", {}, button);
  }
}

/** Pixels of 0 to 255, grey or red, green and blue. */
export function drawPicture(canvas, [rows, columns, depth], pixels) {
  canvas.width = columns;
  canvas.height = rows;
  const picture = new ImageData(columns, rows);
  for (let cell = 0; cell < rows * columns; cell += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      picture.data[4 * cell + channel] = pixels[cell * depth + (depth >= 3 ? channel : 0)];
    }
    picture.data[4 * cell + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}
