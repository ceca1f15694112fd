"""One operation: what the table of operations says of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from string import Template
from typing import Any, Literal

from handgrad.graph import Node
from handgrad.typing import Array, Integers


@dataclass(frozen=True, slots=True)
class Onnx:
    """An operation as a standard ONNX operator.

    Parameters
    ----------
    operator : str
    layout : callable, optional
        Brings a weight into the operator's order of axes.
    attributes : callable, optional
        From the node's options to the operator's attributes.
    sums_channels : bool
        Whether the operator reads the sum of its input over the channels.
    """

    operator: str
    layout: Callable[[Array], Array] = lambda weight: weight
    attributes: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda options: {}
    sums_channels: bool = False


@dataclass(frozen=True, slots=True)
class Factor:
    """One number of a tensor, as a factor of a product.

    Parameters
    ----------
    letter : str
        Letter of the tensor.
    index : sequence of str
        One expression for each axis: "i", "i+a" or "i-a".
    column : bool
        Whether it stands for the sum over the last axis, as N2's sum over the depth.
    """

    letter: str
    index: Sequence[str]
    column: bool = False

    @property
    def template(self) -> str:
        """As in a formula, ``$X[i+a, j+b, c]``."""
        separator = ", " if any(len(expression) > 1 for expression in self.index) else ","
        return f"{_sigma(self.index[-1]) if self.column else ''}${self.letter}[{separator.join(self.index)}]"


@dataclass(frozen=True, slots=True)
class Product:
    """A product, summed over some of its indices.

    Parameters
    ----------
    factors : tuple of Factor
    over : tuple of str
        The letters under each Σ: ("k", "ab").
    sign : {1, -1}
    """

    factors: tuple[Factor, ...]
    over: tuple[str, ...] = ()
    sign: Literal[1, -1] = 1

    @property
    def template(self) -> str:
        """As in a formula, without its sign."""
        return "".join(map(_sigma, self.over)) + r" \cdot ".join(factor.template for factor in self.factors)


def _sigma(letters: str) -> str:
    return rf"\sum_{letters} " if len(letters) == 1 else rf"\sum_{{{','.join(letters)}}} "


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    r"""One kind of line.

    Parameters
    ----------
    function : str
        ``module.function`` inside ``handgrad.notes``; it takes the `inputs` in order, with a leading batch axis.
    titles : dict of str to str
        The lines that it computes, by number, each with its title; a line that several compute is named once.
    chain_rule : tuple of str
        Those of its lines in which the notes write the chain rule out.
    result : str
        Letter of the result.
    inputs : tuple of str
        Letters of the tensors that enter.
    axes : dict of str to str
        The index letters of each tensor that needs them.
    right : str
        Right side of the formula of the whole tensor; empty if `number` is formula enough.
    left : str
        Left side, if it is not just the result.
    number : tuple of Product, or str
        One number of the result, at the index that `axes` gives: products whose sum it is, which the page computes
        from this description, or any other formula in LaTeX.
    sentence : str
        What it does, for people.
    derivative_of : tuple of str, optional
        The operation and the letter of its input whose derivative this one computes.
    arguments : callable
        From the node to the function's further arguments.
    pieces : str
        ``module.function`` that gives the linear piece each number is on, for an operation with kinks.
    onnx : Onnx, optional
    """

    function: str
    titles: Mapping[str, str] = field(default_factory=dict)
    chain_rule: tuple[str, ...] = ()
    result: str
    inputs: tuple[str, ...]
    axes: Mapping[str, str] = field(default_factory=dict)
    right: str = ""
    left: str = ""
    number: tuple[Product, ...] | str
    sentence: str
    derivative_of: tuple[str, str] | None = None
    arguments: Callable[[Node], tuple[Any, ...]] = lambda node: ()
    pieces: str = ""
    onnx: Onnx | None = None

    @property
    def letters(self) -> tuple[str, ...]:
        """The letter of the result, then those of the inputs."""
        return (self.result, *self.inputs)

    @property
    def equation(self) -> tuple[str, str]:
        """Both sides of the formula."""
        return (self.left or f"${self.result}", self.right) if self.right else self.number_equation

    @property
    def number_equation(self) -> tuple[str, str]:
        """Both sides of the formula of one number."""
        axes = self.axes.get(self.result)
        left = f"${self.result}[{','.join(axes)}]" if axes else f"${self.result}"
        if isinstance(self.number, str):
            return left, self.number
        first, *others = self.number
        signs = {1: "+", -1: "-"}
        return left, " ".join([first.template, *(f"{signs[other.sign]} {other.template}" for other in others)])

    def filled(self, template: str, names: Sequence[str]) -> str:
        """Put names in place of the letters, that of the result first."""
        return Template(template).substitute(dict(zip(self.letters, names, strict=True)))

    def compute(self, node: Node, *tensors: Array) -> Array:
        """Compute the node's tensor, for a batch, from those that enter it."""
        return resolve(self.function)(*tensors, *self.arguments(node))

    def kinks(self, node: Node, *tensors: Array) -> tuple[Integers, ...]:
        """Return the linear piece that each number is on: empty where the operation is smooth."""
        return (resolve(self.pieces)(*tensors, *self.arguments(node)),) if self.pieces else ()


def resolve(name: str) -> Callable[..., Any]:
    """Return the function as its module holds it now, so that a replaced one is seen.

    Examples
    --------
    >>> resolve("activation.relu").__name__
    'relu'
    """
    module, function = name.split(".")
    return getattr(import_module(f"handgrad.notes.{module}"), function)
