r"""The table of operations: for each, its function, its derivatives, its formula and its form in ONNX.

Formulas are LaTeX with a ``$letter`` for each tensor; ``$dT`` is the derivative ∂E/∂T. ``formula`` fills them in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from string import Template
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from handgrad.architecture import Name
from handgrad.graph import Derivative, Node
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


def _pooling_window(node: Node) -> tuple[int]:
    return (node.options["p"],)


def _filters_first(F: Array) -> Array:
    """From (a, b, n) or (a, b, k, n) to (n, k, a, b)."""
    a, b, *_, n = F.shape
    return F.reshape(a, b, -1, n).transpose(3, 2, 0, 1)


OPERATIONS: Mapping[str, Operation] = MappingProxyType({
    # The forward pass.
    "weigh_depth": Operation(
        function="maps.weigh_depth",
        result="S", inputs=("X", "alpha"), axes={"S": "ijk", "X": "ijc", "alpha": "ck"},
        number=(Product((Factor("alpha", "ck"), Factor("X", "ijc")), over=("c",)),),
        sentence="Several weighted sums over the depth, with learned weights, instead of one plain sum.",
        onnx=Onnx("Conv", layout=lambda alpha: alpha.T[:, :, np.newaxis, np.newaxis]),
    ),
    "convolve": Operation(
        function="convolution.convolve",
        result="T", inputs=("X", "F"), axes={"T": "ijn", "X": "ijc", "F": "abn"},
        right="$X @ $F",
        number=(
            Product((Factor("F", "abn"), Factor("X", ("i+a", "j+b", "c"), column=True)), over=("ab",)),
        ),
        sentence="The input is summed over its depth, and the sum is correlated with each filter, which gives one map.",
        onnx=Onnx("Conv", layout=_filters_first, sums_channels=True),
    ),
    "convolve_maps": Operation(
        function="maps.convolve_maps",
        result="T", inputs=("S", "F"), axes={"T": "ijn", "S": "ijk", "F": "abkn"},
        number=(Product((Factor("F", "abkn"), Factor("S", ("i+a", "j+b", "k"))), over=("k", "ab")),),
        sentence="Each map is correlated with its own slice of the filter, and the results are added.",
        onnx=Onnx("Conv", layout=_filters_first),
    ),
    "relu": Operation(
        function="activation.relu",
        result="h", inputs=("t",),
        right="f($t)",
        number=r"\max($t, 0)",
        sentence="A negative number becomes 0: that neuron is silent for this picture.",
        pieces="activation.sides",
        onnx=Onnx("Relu"),
    ),
    "pool": Operation(
        function="pooling.max_pool",
        result="U", inputs=("T",), axes={"U": "ijn", "T": "ijn"},
        right=r"\operatorname{MP}($T)",
        number=r"\max_{a,b<p} $T[p \cdot i + a, p \cdot j + b, n]",
        sentence="The largest number of each window. Rows and columns that fill no window are left out.",
        arguments=_pooling_window,
        pieces="pooling.winners",
        onnx=Onnx("MaxPool", attributes=lambda options: dict.fromkeys(("kernel_shape", "strides"), [options["p"]] * 2)),
    ),
    "flatten": Operation(
        function="pooling.flatten",
        result="x", inputs=("U",), axes={"x": "m", "U": "ijn"},
        right="$U",
        number="$U[i,j,n]",
        sentence="The pooled maps are read row by row, all maps at each position, into one long vector.",
        onnx=Onnx("Flatten"),
    ),
    "dense": Operation(
        function="dense.dense",
        result="t", inputs=("x", "w", "b"), axes={"t": "k", "x": "m", "w": "mk", "b": "k"},
        right=r"$x \cdot $w + $b",
        number=(Product((Factor("x", "m"), Factor("w", "mk")), over=("m",)), Product((Factor("b", "k"),))),
        sentence="Each neuron takes a weighted sum of its input and adds its bias.",
        onnx=Onnx("Gemm"),
    ),
    "softmax": Operation(
        function="loss.softmax",
        result="z", inputs=("t",), axes={"z": "k", "t": "k"},
        right="S($t)",
        number=r"\exp($t[k]) / \sum_m \exp($t[m])",
        sentence="Exponentials divided by their sum: one probability for each class.",
        onnx=Onnx("Softmax", attributes=lambda options: {"axis": 1}),
    ),
    "cross_entropy": Operation(
        function="loss.cross_entropy",
        result="E", inputs=("t", "y"), axes={"t": "k", "y": "k"},
        right=r"\operatorname{CE}(z) = -\sum_k y_k \log\, z_k",
        number=r"\log \sum_m \exp($t[m]) - \sum_k $y[k] \cdot $t[k]",
        sentence="How surprised the network is by the expected class: 0 if that class has the probability 1. It is "
        "computed from the input of the softmax, as log Σ exp, so that it never takes the log of 0.",
    ),
    # The backward pass.
    "cross_entropy_back": Operation(
        function="loss.cross_entropy_backward",
        result="dz", inputs=("z", "y"), axes={"dz": "k", "z": "k", "y": "k"},
        number="-$y[k] / $z[k]",
        sentence="Its derivative with respect to z is −1/z for the expected class and 0 for the others.",
    ),
    "softmax_cross_entropy_back": Operation(
        function="loss.softmax_cross_entropy_backward",
        result="dt", inputs=("z", "y"), axes={"dt": "k", "z": "k", "y": "k"},
        right=r"$z - y_{\mathrm{Full}}",
        number=(Product((Factor("z", "k"),)), Product((Factor("y", "k"),), sign=-1)),
        sentence="The whole backward pass begins with a subtraction: what the network said, less what it should have "
        "said.",
        derivative_of=("cross_entropy", "t"),
    ),
    "outer": Operation(
        function="dense.weight_gradient",
        result="dw", inputs=("x", "dt"), axes={"dw": "mk", "x": "m", "dt": "k"},
        right=r"$x^\top \cdot $dt",
        number=(Product((Factor("x", "m"), Factor("dt", "k"))),),
        sentence="The share of each weight: the number that came in through it, times the error at its neuron.",
        derivative_of=("dense", "w"),
    ),
    "same": Operation(
        function="dense.bias_gradient",
        result="db", inputs=("dt",), axes={"db": "k", "dt": "k"},
        right="$dt",
        number=(Product((Factor("dt", "k"),)),),
        sentence="A bias moves its number one for one.",
        derivative_of=("dense", "b"),
    ),
    "dense_back": Operation(
        function="dense.input_gradient",
        result="dx", inputs=("dt", "w"), axes={"dx": "m", "dt": "k", "w": "mk"},
        right=r"$dt \cdot $w^\top",
        number=(Product((Factor("dt", "k"), Factor("w", "mk")), over=("k",)),),
        sentence="The errors go back through the same weights to every number of the input.",
        derivative_of=("dense", "x"),
    ),
    "relu_back": Operation(
        function="activation.relu_backward",
        result="dt", inputs=("dh", "t"),
        right=r"$dh \odot f'($t)",
        number=r"$dh \cdot f'($t)",
        sentence="Where the input of the ReLU was not positive, nothing passes back.",
        derivative_of=("relu", "t"),
    ),
    "unflatten": Operation(
        function="pooling.unflatten",
        result="dU", inputs=("dx",), axes={"dU": "ijn", "dx": "m"},
        right=r"$dx \to \text{tensor}",
        number="$dx[m]",
        sentence="The vector of errors is folded back into maps.",
        derivative_of=("flatten", "U"),
        arguments=lambda node: (node.shape,),
    ),
    "pool_back": Operation(
        function="pooling.max_pool_backward",
        result="dT", inputs=("dU", "T"), axes={"dT": "ijn", "dU": "ijn", "T": "ijn"},
        right=r"$dU\text{ (rest zero-filled)}",
        number=r"\text{the window's error at its first maximum, else 0}",
        sentence="Each error goes to the cell that was the maximum of its window. Every other cell gets 0.",
        derivative_of=("pool", "T"),
        arguments=_pooling_window,
    ),
    "filter_gradient": Operation(
        function="convolution.filter_gradient",
        result="dF", inputs=("X", "dT"), axes={"dF": "abn", "X": "ijc", "dT": "ijn"},
        right="$X @ $dT",
        number=(
            Product((Factor("dT", "ijn"), Factor("X", ("i+a", "j+b", "c"), column=True)), over=("ij",)),
        ),
        sentence="The convolution again, with the error maps in place of the filters: what was under a weight, times "
        "the error there.",
        derivative_of=("convolve", "F"),
    ),
    "input_gradient": Operation(
        function="convolution.input_gradient",
        result="dX", inputs=("dT", "F"), axes={"dX": "ijc", "dT": "ijn", "F": "abn"},
        right=r"$dT @ $F^{\pi\pi}",
        number=(Product((Factor("dT", ("i-a", "j-b", "n")), Factor("F", "abn")), over=("n", "ab")),),
        sentence="Each error map, padded with zeros, is correlated with its filter turned by 180°. The sum is one map, "
        "the same at every depth.",
        derivative_of=("convolve", "X"),
        arguments=lambda node: (node.shape[-1],),
    ),
    "filter_gradient_maps": Operation(
        function="maps.filter_gradient",
        result="dF", inputs=("S", "dT"), axes={"dF": "abkn", "S": "ijk", "dT": "ijn"},
        left=r"$dF[\cdot,\cdot,k,n]", right="${S}_k @ ($dT)_n",
        number=(Product((Factor("dT", "ijn"), Factor("S", ("i+a", "j+b", "k"))), over=("ij",)),),
        sentence="N28 for each map and its slice of the filter.",
        derivative_of=("convolve_maps", "F"),
    ),
    "map_gradient": Operation(
        function="maps.map_gradient",
        result="dS", inputs=("dT", "F"), axes={"dS": "ijk", "dT": "ijn", "F": "abkn"},
        left="${dS}_k", right=r"\sum_n ($dT)_n @ $F[\cdot,\cdot,k,n]^{\pi\pi}",
        number=(Product((Factor("dT", ("i-a", "j-b", "n")), Factor("F", "abkn")), over=("n", "ab")),),
        sentence="N29 likewise: each map gets its error through its own slice.",
        derivative_of=("convolve_maps", "S"),
    ),
    "depth_weight_gradient": Operation(
        function="maps.depth_weight_gradient",
        result="dalpha", inputs=("X", "dS"), axes={"dalpha": "ck", "X": "ijc", "dS": "ijk"},
        number=(Product((Factor("X", "ijc"), Factor("dS", "ijk")), over=("ij",)),),
        sentence="How much E would change with each depth weight.",
        derivative_of=("weigh_depth", "alpha"),
    ),
    "weigh_back": Operation(
        function="maps.input_gradient",
        result="dX", inputs=("dS", "alpha"), axes={"dX": "ijc", "dS": "ijk", "alpha": "ck"},
        left="${dX}_c", right=r"\sum_k $alpha[c,k] \cdot ${dS}_k",
        number=(Product((Factor("alpha", "ck"), Factor("dS", "ijk")), over=("k",)),),
        sentence="Each depth gets the errors of the maps, with the weights with which it entered them.",
        derivative_of=("weigh_depth", "X"),
    ),
    # The worked example N27, and the step.
    "response_derivative": Operation(
        function="convolution.response_derivative",
        result="r", inputs=("P",), axes={"r": "ab", "P": "ijc"},
        number=(Product((Factor("P", "abc"),), over=("c",)),),
        sentence="How R11 changes with each weight of the filter: by the sum over the depth under that weight.",
    ),
    "step": Operation(
        function="descent.step",
        result="s", inputs=("theta", "dtheta"),
        right=r"$theta - \eta \cdot $dtheta",
        number=r"$theta - \eta \cdot $dtheta",
        sentence="Every parameter moves a little against its derivative, and E falls.",
    ),
})  # fmt: skip
"""Every operation by its name in the graph and in the page's program."""


def formula(node: Node, chain_rule: bool = False) -> str:
    r"""Return a node's formula in LaTeX, with the names of its tensors.

    Parameters
    ----------
    node : Node
        Of an operation in the table.
    chain_rule : bool
        Write out the product that the chain rule gives, as the notes do in N23 and N28.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> from handgrad.graph import graph
    >>> nodes = {node.name: node for node in graph(Architecture())}
    >>> formula(nodes["T1"]), plain_formula(nodes["∂E/∂F2"])
    ('{T_{1}} = X @ {F_{1}}', '∂E/∂F2 = H1 @ ∂E/∂T2')
    """
    operation = OPERATIONS[node.operation]
    left, right = operation.equation
    if chain_rule and isinstance(node.name, Derivative):
        error = next(name for name in node.inputs if isinstance(name, Derivative))
        inner = rf"\frac{{\partial {error.tensor.latex}}}{{\partial {node.name.tensor.latex}}}"
        right = rf"{error.latex} \cdot {inner} = {right}"
    return operation.filled(f"{left} = {right}", [name.latex for name in (node.name, *node.inputs)])


def plain_formula(node: Node) -> str:
    """Return a node's formula as a line of text, as in the notes: ``∂E/∂H1 = ∂E/∂T2 @ F2^{ππ}``."""
    operation = OPERATIONS[node.operation]
    return _plain(operation.filled(" = ".join(operation.equation), [node.name, *node.inputs]))


def plain_number(operation: Operation) -> str:
    """Return the formula of one number of the result as a line of text, with the operation's own letters.

    Examples
    --------
    >>> plain_number(OPERATIONS["filter_gradient"])
    '∂E/∂F[a,b,n] = Σ_{i,j} ∂E/∂T[i,j,n] · Σ_c X[i+a, j+b, c]'
    """
    names = {letter: f"∂E/∂{letter[1:]}" if letter[0] == "d" else letter for letter in operation.letters}
    text = operation.filled(" = ".join(operation.number_equation), list(names.values()))
    return _plain(text.replace("alpha", "α").replace("theta", "θ"))


_SIGNS = {
    r"\cdot": "·", r"\odot": "⊙", r"\sum": "Σ", r"^\top": "ᵀ", r"\to": "→", r"\eta": "η", r"\pi": "π", r"\,": "",
    r"\max": "max", r"\log": "log", r"\exp": "exp", r"_{\mathrm{Full}}": "_Full", "-": "−",
}  # fmt: skip


def _plain(latex: str) -> str:
    # Inside \\text and \\operatorname are words; signs are outside.
    first, *rest = latex.replace(r"\operatorname", r"\text").split(r"\text{")
    pieces = [_with_signs(first)]
    for piece in rest:
        words, _, outside = piece.partition("}")
        pieces += [words, _with_signs(outside)]
    return "".join(pieces)


def _with_signs(latex: str) -> str:
    for macro, sign in _SIGNS.items():
        latex = latex.replace(macro, sign)
    return latex


def axes_of(nodes: Sequence[Node]) -> dict[Name, str]:
    """Return the index letters of each tensor's axes: "ijn" of T1, "" of E.

    Examples
    --------
    >>> from handgrad.architecture import Architecture
    >>> from handgrad.graph import graph
    >>> axes = axes_of(graph(Architecture()))
    >>> axes["X"], axes["F1"], axes["H1"], axes["w1"]
    ('ijc', 'abn', 'ijn', 'mk')
    """
    axes: dict[Name, str] = {}
    for node in nodes:
        # A tensor that is given has the axes of its first reader; a derivative has those of its tensor.
        if isinstance(node.name, Derivative):
            axes[node.name] = axes[node.name.tensor]
        elif node.operation in OPERATIONS:
            operation = OPERATIONS[node.operation]
            for letter, name in zip(operation.inputs, node.inputs, strict=True):
                axes.setdefault(name, operation.axes.get(letter, axes.get(name, "")))
            axes[node.name] = operation.axes.get(operation.result, "") if operation.axes else axes[node.inputs[0]]
    return axes
