"""The notes' lines N1–N35: those that the operations name, and the definitions and examples between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from handgrad.architecture import Architecture
from handgrad.errors import InputError
from handgrad.graph import EXAMPLES, Node, graph
from handgrad.notes.operations import OPERATIONS

Kind = Literal["definition", "forward", "example", "backward", "step"]
"""A definition, a line of one of the passes, an example with numbers of its own, or the step."""


@dataclass(frozen=True, kw_only=True)
class Line:
    r"""One line of the notes.

    A line of a pass has its formulas, functions and sentence from the operations that it names in the graph; a
    definition or an example has its own.

    Parameters
    ----------
    number : str
        "N1" to "N35".
    title : str
    kind : {"definition", "forward", "example", "backward", "step"}
    formulas : tuple of str
        LaTeX, where the operations' formulas do not say it.
    sentence : str
        For people, where the operations' sentences do not say it.
    also : tuple of str
        ``module.function`` inside ``handgrad.notes``, of a line that no operation computes.
    after, before : tuple of str
        The lines next to whose first one a definition or an example stands.

    Examples
    --------
    >>> line("N22").functions
    ('dense.weight_gradient', 'dense.bias_gradient')
    """

    number: str
    title: str
    kind: Kind
    formulas: tuple[str, ...] = ()
    sentence: str = ""
    also: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The tensors that this line computes in the notes' network, in one with maps, or in the notes' examples."""
        networks = (*graph(Architecture()), *graph(Architecture(input_shape=(100, 100, 3), maps=2)), *EXAMPLES)
        return tuple(node for node in networks if node.line == self.number and node.operation in OPERATIONS)

    @property
    def functions(self) -> tuple[str, ...]:
        """``module.function`` of each formula of the line, in order."""
        return self.also or tuple(dict.fromkeys(OPERATIONS[node.operation].function for node in self.nodes))


_OWN = (
    Line(
        number="N1", title="filters", kind="definition",
        formulas=(r"F \in \mathbb{R}^{x_1 \times y_1 \times N}, \quad N \in \mathbb{N}",),
        sentence="A filter is a small image of weights, without a bias. Without weighted maps (N32), it has no weights "
        "over the depth of its input.",
        also=("convolution.filters",),
    ),
    Line(
        number="N2", title="the convolution @", kind="definition",
        formulas=(r"X @ F = T, \quad T[i,j,n] = \sum_{a,b} F[a,b,n] \cdot \sum_c X[i+a, j+b, c]",),
        sentence="Sum the input over its depth, lay a filter on every position where it fits, multiply cell by cell "
        "and add.",
        also=("convolution.convolve",), after=("N1",),
    ),
    Line(
        number="N4", title="ReLU and its derivative", kind="definition",
        formulas=(r"f(t) = \max(t, 0)", r"f'(t) = 1 \text{ if } t > 0 \text{ else } 0"),
        sentence="Negative numbers become 0. The derivative is a switch: 1 for positive numbers, 0 for all others. "
        "N5 and N12 apply the function, N21 and N30 its derivative.",
        also=("activation.relu", "activation.relu_derivative"), after=("N3", "N33"),
    ),
    Line(
        number="N8", title="the 4 × 4 example", kind="example",
        sentence="The example of the notes, 4 × 4: four windows, four maxima.", after=("N7",),
    ),
    Line(
        number="N9", title="the classifier drawn", kind="example",
        formulas=(r"100 \cdot 100 \to x\text{′} (100) \to t_1\text{′} (10) \to z (2)",),
        sentence="The notes draw the dense half as columns of 100, 10 and 2 numbers. These are the columns of this "
        "network.",
        also=("network.dense_half",), before=("N10", "N11", "N13"),
    ),
    Line(
        number="N16", title="the four errors of the example", kind="example",
        sentence="Errors of 1, 2, 3 and 4 arrive at the four pooled cells of the example and go back to its four "
        "maxima.", after=("N15",),
    ),
    Line(
        number="N26", title="the 3 × 3 × 3 example", kind="example",
        formulas=(
            r"R_{11} = F_{11} \cdot (P_{111}+P_{112}+P_{113}) + F_{12} \cdot (P_{121}+P_{122}+P_{123}) "
            r"+ F_{21} \cdot (P_{211}+P_{212}+P_{213}) + F_{22} \cdot (P_{221}+P_{222}+P_{223})",
        ),
        sentence="The example of the notes for N2: an image of 3 × 3 × 3 and one filter of 2 × 2.",
        also=("convolution.response",), after=("N25",),
    ),
    Line(
        number="N27", title="derivative of the example", kind="backward",
        formulas=(
            r"\frac{\partial R_{11}}{\partial F_{11}} = P_{111}+P_{112}+P_{113}",
            r"\frac{\partial R_{11}}{\partial F_{12}} = P_{121}+P_{122}+P_{123}",
        ),
        after=("N26",),
    ),
    Line(
        number="N31", title=OPERATIONS["step"].titles["N31"], kind="step",
        formulas=(r"\theta \leftarrow \theta - \eta \cdot \frac{\partial E}{\partial \theta}",),
    ),
)  # fmt: skip


def _lines_of_the_passes() -> Iterator[Line]:
    for operation in OPERATIONS.values():
        for number, title in operation.titles.items():
            yield Line(number=number, title=title, kind="backward" if operation.derivative_of else "forward")


_BY_NUMBER = {entry.number: entry for entry in (*_lines_of_the_passes(), *_OWN)}

LINES: tuple[Line, ...] = tuple(sorted(_BY_NUMBER.values(), key=lambda entry: int(entry.number[1:])))
"""Every line, in the order of the notes."""


def line(number: str) -> Line:
    """Return the line of that number.

    Parameters
    ----------
    number : str
        "N1" to "N35".

    Raises
    ------
    InputError
        If no line has this number.

    Examples
    --------
    >>> line("N31").title
    'the step'
    """
    if number not in _BY_NUMBER:
        raise InputError("number", number, f"the lines are {LINES[0].number} to {LINES[-1].number}", "name one of them")
    return _BY_NUMBER[number]
