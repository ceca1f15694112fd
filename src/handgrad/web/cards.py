"""The page's cards: one for each line of the notes and each layer, first the forward pass, then the backward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from latex2mathml.converter import convert

from handgrad.architecture import Architecture, Name
from handgrad.graph import EXAMPLES, GIVEN, Node, forward_nodes, graph
from handgrad.notes.lines import LINES, Line, line
from handgrad.notes.operations import OPERATIONS, formula


@dataclass(frozen=True, slots=True)
class Card:
    """One line of the notes as the page shows it: its formulas in LaTeX, and its tensors, results first."""

    id: str
    """The number of the line; "N6-2" if the line comes again."""
    number: str
    title: str
    formulas: tuple[str, ...]
    text: str
    nodes: tuple[Name, ...]
    way: Literal["forward", "backward"]


def cards(architecture: Architecture) -> tuple[Card, ...]:
    """Return every card of a network's page, in order.

    Neighboring tensors of one line share a card; definitions and examples are where the notes have them.

    Examples
    --------
    >>> [card.number for card in cards(Architecture())] == [f"N{number}" for number in range(1, 32)]
    True
    """
    nodes = graph(architecture)
    last = len(forward_nodes(architecture))
    computed = [node for node in nodes if node.operation not in GIVEN]
    shared = [(number, list(group)) for number, group in groupby(computed, lambda node: node.line)]
    for entry in LINES:
        if entry.after or entry.before or entry.number == "N1":
            shared.insert(_position(entry, [number for number, _ in shared]), (entry.number, []))
    forward = {node.name for node in nodes[:last]}
    return tuple(_cards(shared, nodes, forward))


def _position(entry: Line, numbers: Sequence[str]) -> int:
    """Return the position of a definition or an example among the lines."""
    beside = [numbers.index(number) for number in (*entry.after, *entry.before) if number in numbers]
    return min(beside) + bool(entry.after) if beside else 0


def _cards(shared: list[tuple[str, list[Node]]], nodes: Sequence[Node], forward: set[Name]) -> Iterator[Card]:
    seen: Counter[str] = Counter()
    way: Literal["forward", "backward"] = "forward"
    for number, computed in shared:
        if computed and computed[0].name not in forward:
            way = "backward"
        seen[number] += 1
        again, entry = seen[number], line(number)
        shown = computed or _own(entry, nodes)
        yield Card(
            id=number if again == 1 else f"{number}-{again}",
            number=number,
            title=entry.title if again == 1 else f"the same line, for {computed[0].name}",
            formulas=_formulas(entry, shown, computed),
            text=entry.sentence or " ".join(dict.fromkeys(OPERATIONS[node.operation].sentence for node in shown)),
            nodes=_names(entry, shown),
            way=way,
        )


def _own(entry: Line, nodes: Sequence[Node]) -> list[Node]:
    """Return the tensors of a definition or an example."""
    if entry.number == "N9":
        columns = [node for node in nodes if node.operation in ("flatten", "dense", "softmax")]
        return [*columns[:-2], columns[-1]]  # z stands for the last layer's result, too
    return [node for node in (*EXAMPLES, *nodes) if node.line == entry.number and node.operation != "image"]


def _formulas(entry: Line, shown: Sequence[Node], computed: Sequence[Node]) -> tuple[str, ...]:
    if entry.number == "N1":
        return tuple(rf"{node.name.latex} \in \mathbb{{R}}^{{{_times(node.shape)}}}" for node in shown)
    if entry.number == "N9":
        return (r" \to ".join(f"{node.name.latex} ({node.shape[0]})" for node in shown),)
    if entry.formulas:
        return entry.formulas
    return tuple(formula(node) for node in shown if node.operation in OPERATIONS)


def _times(shape: tuple[int, ...]) -> str:
    return r" \times ".join(map(str, shape))


def _names(entry: Line, shown: Sequence[Node]) -> tuple[Name, ...]:
    """Return the results, then the tensors that enter them."""
    results = [node.name for node in shown if node.operation not in GIVEN] or [node.name for node in shown]
    if entry.number == "N9" or entry.kind == "step":
        return tuple(results)
    entering = [name for node in shown for name in node.inputs]
    return tuple(dict.fromkeys((*results, *entering)))


def mathml(latex: str, block: bool = False) -> str:
    """Return a formula as MathML, which browsers draw without a program.

    Examples
    --------
    >>> mathml("b_2")[:5]
    '<math'
    """
    return convert(latex, display="block" if block else "inline")
