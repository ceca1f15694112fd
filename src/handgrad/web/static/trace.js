// What the page asks of the trace: any tensor by name, where a number comes from, what depends on it, what a nudge does.

import { printable } from "./element.js";
import { product } from "./factors.js";
import { Tensor } from "./tensor.js";

export class Trace {
  /** `operations` by name, `derivatives` the name of E's derivative by each tensor. */
  constructor(document, { operations, derivatives, rate }, fetchNumbers) {
    const { classes, label, standardization, pixels } = document;
    Object.assign(this, { operations, derivatives, classes: classes.map(printable), label, standardization, pixels });
    const bring = (tensor, slice, slices) =>
      tensor.operation === "step" ? this.#step(tensor) : fetchNumbers(document, tensor.name, slice, slices);
    this.tensors = new Map(document.nodes.map((node) => [node.name, new Tensor(node, bring)]));
    this.setRate(rate);
    this.users = new Map(document.nodes.map((node) => [node.name, []]));
    for (const node of this.tensors.values()) {
      node.inputs.forEach((name, which) => this.users.get(name).push({ node, which }));
    }
  }

  tensor(name) {
    return this.tensors.get(name);
  }

  /** E's derivative by a tensor, if it has one. */
  derivative(name) {
    return this.tensor(this.derivatives[name]);
  }

  inputs(node) {
    return node.inputs.map((name) => this.tensor(name));
  }

  /** Another η: the step makes something else of the parameters. */
  setRate(rate) {
    for (const tensor of this.tensors.values()) {
      if (tensor.operation === "step") tensor.forget({ rate });
    }
  }

  async #step(tensor) {
    const inputs = await Promise.all(this.inputs(tensor).map((input) => input.load()));
    const result = new Float64Array(tensor.size);
    this.operations.step.compute(tensor, inputs, result);
    return result;
  }

  /** Brings the numbers of a tensor and of all that it is explained by. */
  ready(name) {
    const node = this.tensor(name);
    return Promise.all([node, ...this.inputs(node)].map((tensor) => tensor.load()));
  }

  /** The terms that add up to a number; null where it is given. */
  explain(name, index) {
    const node = this.tensor(name);
    const operation = this.operations[node.operation];
    if (!operation) return null;
    const terms = operation.terms(node, this.inputs(node), index).map((factors) => ({ factors, value: product(factors) }));
    const grid = operation.grid?.(node, this.inputs(node));
    return { terms, total: terms.reduce((sum, term) => sum + term.value, 0), grid };
  }

  /** The cells that a number is made of: tensor name → box. */
  sources(name, index) {
    const node = this.tensor(name);
    const boxes = this.operations[node.operation]?.sources(node, this.inputs(node), index) ?? [];
    return boxes.flatMap((box, which) => (box ? [{ name: node.inputs[which], box }] : []));
  }

  /** The cells that a number takes part in. */
  dependents(name, index) {
    return this.users.get(name).flatMap(({ node, which }) => {
      const box = this.operations[node.operation].reach(node, this.inputs(node), which, index);
      return box ? [{ name: node.name, box }] : [];
    });
  }

  /** Whether E depends on it: then it has a derivative, and can be nudged. */
  isForward(name) {
    return this.derivative(name) !== undefined && this.#downstream(name).at(-1)?.name === "E";
  }

  #downstream(name) {
    const reached = new Set([name]);
    const nodes = [];
    for (const node of this.tensors.values()) {
      if (this.operations[node.operation]?.compute && node.operation !== "step" && node.inputs.some((input) => reached.has(input))) {
        reached.add(node.name);
        nodes.push(node);
      }
    }
    return nodes;
  }

  /** Brings what `nudged` needs. */
  async readyToNudge(name) {
    const nodes = this.#downstream(name);
    const needed = new Set([name, this.derivatives[name], ...nodes.flatMap((node) => node.inputs)]);
    await Promise.all([...needed].map((needs) => this.tensor(needs).load()));
  }

  /** A function from ε to E where that one number is larger by ε: it repeats the forward pass from there on. */
  nudged(name, index) {
    const nodes = this.#downstream(name);
    const changed = new Map();
    const start = this.tensor(name);
    for (const node of [start, ...nodes]) changed.set(node.name, copyOf(node));
    const offset = start.offset(index);
    return (epsilon) => {
      changed.get(name).data[offset] = start.data[offset] + epsilon;
      for (const node of nodes) {
        const inputs = node.inputs.map((input) => changed.get(input) ?? this.tensor(input));
        this.operations[node.operation].compute(node, inputs, changed.get(node.name).data);
      }
      return changed.get("E").data[0];
    };
  }
}

/** The same tensor with numbers of its own, which may be changed. */
const copyOf = (tensor) => Object.create(tensor, { data: { value: new Float64Array(tensor.here() ? tensor.data : tensor.size) } });
