// Pictures whose label is in doubt, and pictures without one: each decision goes to the server at once.

const CHUNK = 48;
const CRISP = 64;
const NONE = -1;

const { base, source, file, classes, pictures, expected, items } = JSON.parse(document.getElementById("content").textContent);
const [page, message] = [document, document.getElementById("message")];
const at = (id) => page.getElementById(id);
const past = [];
let queue = Promise.resolve();

/** An element with properties (className, onclick) and attributes (aria-label). */
const element = (name, properties = {}, ...children) => {
  const made = page.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};

const percent = (share) => {
  const digits = share > 0.9995 && share < 1 ? "> 99.9" : share < 0.0005 && share > 0 ? "< 0.1" : (100 * share).toFixed(1);
  return `${digits}\u00a0%`;
};
const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const isDecided = (item) => item.to !== null;
const isLabeled = (item) => item.label !== NONE;

function told(item) {
  if (item.to === NONE) return "none of the classes";
  if (item.to === item.label) return `“${classes[item.to]}” is right`;
  return isLabeled(item) ? `now “${classes[item.to]}”` : `labeled “${classes[item.to]}”`;
}

/** One list of pictures: only those near the window are in the document. */
class List {
  constructor(section, all) {
    Object.assign(this, { section, all, cards: section.querySelector(".cards"), end: section.querySelector(".more") });
    new IntersectionObserver(([seen]) => seen.isIntersecting && this.extend(), { rootMargin: "1200px" }).observe(this.end);
    section.addEventListener("keydown", (event) => this.#key(event));
  }

  show(wanted) {
    this.shown = this.all.filter(wanted);
    this.section.hidden = !this.all.length;
    this.cards.replaceChildren();
    this.extend();
  }

  /** Appends the next pictures; false if there are none. */
  extend() {
    const first = this.cards.childElementCount;
    const next = this.shown.slice(first, first + CHUNK);
    this.cards.append(...next.map((item) => element("li", {}, card(item))));
    const left = this.shown.length - first - next.length;
    this.end.textContent = left ? `${counted(left, "more picture")}` : this.shown.length ? "" : "No picture is left here.";
    return next.length > 0;
  }

  #key(event) {
    const shown = event.target.closest(".card");
    if (!shown || event.target.tagName === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const item = items[shown.dataset.item];
    const act = {
      y: () => decide(item, item.answer, shown),
      r: () => isLabeled(item) && decide(item, item.label, shown),
      n: () => decide(item, NONE, shown),
      c: () => shown.querySelector("select")?.focus(),
      ArrowRight: () => move(shown, 1),
      ArrowLeft: () => move(shown, -1),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** The picture after this one, or before it, that is not decided yet. */
  beside(shown, step, skip = () => false) {
    for (let place = shown.parentElement; ; ) {
      place = step > 0 ? place.nextElementSibling || (this.extend() ? place.nextElementSibling : null) : place.previousElementSibling;
      if (!place || !skip(place.firstElementChild)) return place?.firstElementChild;
    }
  }
}

const lists = [new List(at("doubted"), items.filter(isLabeled)), new List(at("unlabeled"), items.filter((item) => !isLabeled(item)))];
const listOf = (shown) => lists.find((list) => list.section.contains(shown));

function move(shown, step, skip) {
  const next = listOf(shown).beside(shown, step, skip);
  if (!next) return;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function card(item) {
  const image = element("img", { loading: "lazy", alt: "", src: `${base}/pictures/${item.number}`, width: 256, height: 256 });
  image.onload = () => image.classList.toggle("crisp", Math.max(image.naturalWidth, image.naturalHeight) <= CRISP);
  const row = (word, name, share, className) => [element("small", {}, word), element("b", { className }, name), element("small", {}, share)];
  const labeled = isLabeled(item) ? row("labeled", classes[item.label], percent(item.own), "label") : [];
  const says = element("p", { className: "says" }, ...labeled, ...row("model", classes[item.answer], percent(item.probability), "answer"));
  const shown = element("article", { className: "card", tabIndex: 0 }, image, says, element("p", { className: "name" }, item.name));
  shown.dataset.item = item.number;
  refresh(shown);
  return shown;
}

/** Shows what can be decided about a picture, or what was. */
function refresh(shown) {
  const item = items[shown.dataset.item];
  shown.classList.toggle("decided", isDecided(item));
  const labeled = isLabeled(item) ? `labeled ${classes[item.label]}; ` : "";
  shown.setAttribute("aria-label", `${item.name}: ${labeled}the model says ${classes[item.answer]}, ${percent(item.probability)}${isDecided(item) ? `; ${told(item)}` : ""}`);
  shown.querySelector(".choices, .decision")?.remove();
  if (isDecided(item)) {
    const back = element("button", { type: "button", onclick: () => decide(item, null, shown) }, "undo");
    shown.append(element("p", { className: "decision" }, told(item), back));
    return;
  }
  const choice = (to, key, ...text) => element("button", { type: "button", onclick: () => decide(item, to, shown) }, ...text, " ", element("kbd", { "aria-hidden": "true" }, key));
  const other = element("select", { "aria-label": "Another class" }, element("option", { value: "" }, "another class …"));
  // Filled when it is wanted: a thousand classes on each of many cards would be too much.
  const fill = () => other.length > 1 || other.append(...classes.map((name, number) => element("option", { value: number }, name)));
  Object.assign(other, { onfocus: fill, onpointerdown: fill, onchange: () => other.value !== "" && decide(item, Number(other.value), shown) });
  const choices = [choice(item.answer, "y", `It is “${classes[item.answer]}”`), other, choice(NONE, "n", "None of the classes")];
  choices[0].classList.add("first");
  if (isLabeled(item)) choices.splice(1, 0, choice(item.label, "r", `“${classes[item.label]}” is right`));
  shown.append(element("div", { className: "choices" }, ...choices));
}

/** Takes a decision, or takes it back with null; the server has it before the next one is sent. */
function decide(item, to, shown, remembered = true) {
  const before = item.to;
  if (before === to) return;
  if (remembered) past.push([item, before]);
  set(item, to);
  say(`${item.name}: ${isDecided(item) ? told(item) : "undecided again"}`);
  if (shown) {
    if (isDecided(item)) move(shown, 1, (next) => next.classList.contains("decided"));
    else shown.focus();
  }
  queue = queue.then(async () => {
    const answer = await fetch(`${base}/decide`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ item: item.number, to }) });
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `the server answered ${answer.status}`);
  }).catch((error) => {
    set(item, before);
    say(error instanceof TypeError ? "Not saved: the server does not answer; is it still running?" : `Not saved: ${error.message}`, true);
  });
}

function set(item, to) {
  item.to = to;
  const shown = page.querySelector(`.card[data-item="${item.number}"]`);
  if (shown) refresh(shown);
  count();
}

function undo() {
  const last = past.pop();
  if (!last) return;
  const [item, before] = last;
  decide(item, before, page.querySelector(`.card[data-item="${item.number}"]`), false);
  count();
}

function say(text, wrong = false) {
  message.textContent = text;
  message.classList.toggle("wrong", wrong);
}

function count() {
  const done = items.filter(isDecided).length;
  at("standing").textContent = `${done.toLocaleString("en")} of ${items.length.toLocaleString("en")} decided`;
  Object.assign(at("progress"), { max: Math.max(items.length, 1), value: done });
  at("undo").disabled = !past.length;
}

function show() {
  const [which, pair] = [at("which").value, at("pair").value];
  for (const list of lists) {
    list.show((item) => (which === "all" || !isDecided(item)) && (!pair || !isLabeled(item) || `${item.label} ${item.answer}` === pair));
  }
}

const labeled = items.filter(isLabeled);
at("about").textContent = `${counted(pictures, "picture")} of ${source}`;
at("title").textContent = labeled.length ? `${counted(labeled.length, "label")} to look at` : "No label is in doubt";
at("lead").textContent = `About ${counted(expected, "label")} of ${source} ${expected === 1 ? "is" : "are"} probably wrong. Each picture was judged by a network that was not trained on it; the most doubtful labels come first. What you decide is saved at once, in ${file}, and moves no file.`;
const pairs = new Map();
for (const item of labeled) pairs.set(`${item.label} ${item.answer}`, (pairs.get(`${item.label} ${item.answer}`) ?? 0) + 1);
const named = [...pairs].sort((one, other) => other[1] - one[1]).map(([pair, number]) => {
  const [label, answer] = pair.split(" ").map((k) => classes[k]);
  return element("option", { value: pair }, `${label} → ${answer} (${number.toLocaleString("en")})`);
});
at("pair").append(element("option", { value: "" }, `all (${labeled.length.toLocaleString("en")})`), ...named);
at("pairs").hidden = named.length < 2;
at("pair").onchange = at("which").onchange = show;
at("undo").onclick = undo;
page.addEventListener("keydown", (event) => {
  if (event.key === "u" && !event.ctrlKey && !event.metaKey && !event.altKey && event.target.tagName !== "SELECT") undo();
});
count();
show();
page.documentElement.dataset.ready = "";
