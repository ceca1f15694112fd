r"""The table of operations: for each, its function, its derivatives, its formula and its form in ONNX.

Formulas are LaTeX with a ``$letter`` for each tensor; ``$dT`` is the derivative ∂E/∂T. ``formula`` fills them in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from handgrad.architecture import Name
from handgrad.graph import Derivative, Node
from handgrad.notes.operation import Factor, Onnx, Operation, Product
from handgrad.typing import Array


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
        titles={"N32": "weighted maps"},
        result="S", inputs=("X", "alpha"), axes={"S": "ijk", "X": "ijc", "alpha": "ck"},
        number=(Product((Factor("alpha", "ck"), Factor("X", "ijc")), over=("c",)),),
        sentence="Several weighted sums over the depth, with learned weights, instead of one plain sum.",
        onnx=Onnx("Conv", layout=lambda alpha: alpha.T[:, :, np.newaxis, np.newaxis]),
    ),
    "convolve": Operation(
        function="convolution.convolve",
        titles={"N3": "first convolution", "N6": "second convolution"},
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
        titles={"N33": "convolution of the maps"},
        result="T", inputs=("S", "F"), axes={"T": "ijn", "S": "ijk", "F": "abkn"},
        number=(Product((Factor("F", "abkn"), Factor("S", ("i+a", "j+b", "k"))), over=("k", "ab")),),
        sentence="Each map is correlated with its own slice of the filter, and the results are added.",
        onnx=Onnx("Conv", layout=_filters_first),
    ),
    "relu": Operation(
        function="activation.relu",
        titles={"N5": "ReLU of the maps", "N12": "ReLU of the hidden layer"},
        result="h", inputs=("t",),
        right="f($t)",
        number=r"\max($t, 0)",
        sentence="A negative number becomes 0: that neuron is silent for this picture.",
        pieces="activation.sides",
        onnx=Onnx("Relu"),
    ),
    "pool": Operation(
        function="pooling.max_pool",
        titles={"N7": "max pooling"},
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
        titles={"N10": "tensor to vector"},
        result="x", inputs=("U",), axes={"x": "m", "U": "ijn"},
        right="$U",
        number="$U[i,j,n]",
        sentence="The pooled maps are read row by row, all maps at each position, into one long vector.",
        onnx=Onnx("Flatten"),
    ),
    "dense": Operation(
        function="dense.dense",
        titles={"N11": "hidden layer", "N13": "output layer"},
        result="t", inputs=("x", "w", "b"), axes={"t": "k", "x": "m", "w": "mk", "b": "k"},
        right=r"$x \cdot $w + $b",
        number=(Product((Factor("x", "m"), Factor("w", "mk")), over=("m",)), Product((Factor("b", "k"),))),
        sentence="Each neuron takes a weighted sum of its input and adds its bias.",
        onnx=Onnx("Gemm"),
    ),
    "softmax": Operation(
        function="loss.softmax",
        titles={"N14": "softmax"},
        result="z", inputs=("t",), axes={"z": "k", "t": "k"},
        right="S($t)",
        number=r"\exp($t[k]) / \sum_m \exp($t[m])",
        sentence="Exponentials divided by their sum: one probability for each class.",
        onnx=Onnx("Softmax", attributes=lambda options: {"axis": 1}),
    ),
    "cross_entropy": Operation(
        function="loss.cross_entropy",
        titles={"N15": "cross entropy"},
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
        titles={"N17": "error at the output"},
        result="dt", inputs=("z", "y"), axes={"dt": "k", "z": "k", "y": "k"},
        right=r"$z - y_{\mathrm{Full}}",
        number=(Product((Factor("z", "k"),)), Product((Factor("y", "k"),), sign=-1)),
        sentence="The whole backward pass begins with a subtraction: what the network said, less what it should have "
        "said.",
        derivative_of=("cross_entropy", "t"),
    ),
    "outer": Operation(
        function="dense.weight_gradient",
        titles={"N18": "output weights", "N22": "hidden weights and biases"},
        result="dw", inputs=("x", "dt"), axes={"dw": "mk", "x": "m", "dt": "k"},
        right=r"$x^\top \cdot $dt",
        number=(Product((Factor("x", "m"), Factor("dt", "k"))),),
        sentence="The share of each weight: the number that came in through it, times the error at its neuron.",
        derivative_of=("dense", "w"),
    ),
    "same": Operation(
        function="dense.bias_gradient",
        titles={"N19": "output biases"},
        result="db", inputs=("dt",), axes={"db": "k", "dt": "k"},
        right="$dt",
        number=(Product((Factor("dt", "k"),)),),
        sentence="A bias moves its number one for one.",
        derivative_of=("dense", "b"),
    ),
    "dense_back": Operation(
        function="dense.input_gradient",
        titles={"N20": "error at the hidden layer", "N23": "error at the vector"},
        chain_rule=("N23",),
        result="dx", inputs=("dt", "w"), axes={"dx": "m", "dt": "k", "w": "mk"},
        right=r"$dt \cdot $w^\top",
        number=(Product((Factor("dt", "k"), Factor("w", "mk")), over=("k",)),),
        sentence="The errors go back through the same weights to every number of the input.",
        derivative_of=("dense", "x"),
    ),
    "relu_back": Operation(
        function="activation.relu_backward",
        titles={"N21": "back through the ReLU"},
        result="dt", inputs=("dh", "t"),
        right=r"$dh \odot f'($t)",
        number=r"$dh \cdot f'($t)",
        sentence="Where the input of the ReLU was not positive, nothing passes back.",
        derivative_of=("relu", "t"),
    ),
    "unflatten": Operation(
        function="pooling.unflatten",
        titles={"N24": "vector to tensor"},
        result="dU", inputs=("dx",), axes={"dU": "ijn", "dx": "m"},
        right=r"$dx \to \text{tensor}",
        number="$dx[m]",
        sentence="The vector of errors is folded back into maps.",
        derivative_of=("flatten", "U"),
        arguments=lambda node: (node.shape,),
    ),
    "pool_back": Operation(
        function="pooling.max_pool_backward",
        titles={"N25": "back through the pooling"},
        result="dT", inputs=("dU", "T"), axes={"dT": "ijn", "dU": "ijn", "T": "ijn"},
        right=r"$dU\text{ (rest zero-filled)}",
        number=r"\text{the window's error at its first maximum, else 0}",
        sentence="Each error goes to the cell that was the maximum of its window. Every other cell gets 0.",
        derivative_of=("pool", "T"),
        arguments=_pooling_window,
    ),
    "filter_gradient": Operation(
        function="convolution.filter_gradient",
        titles={"N28": "second filters", "N30": "derivatives of the first convolution"},
        chain_rule=("N28",),
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
        titles={"N29": "error at the maps"},
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
        titles={"N34": "filters and maps"},
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
        titles={"N35": "depth weights and input"},
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
        titles={"N31": "the step"},
        result="s", inputs=("theta", "dtheta"),
        right=r"$theta - \eta \cdot $dtheta",
        number=r"$theta - \eta \cdot $dtheta",
        sentence="Every parameter moves a little against its derivative, and E falls.",
    ),
})  # fmt: skip
"""Every operation by its name in the graph and in the page's program."""


def formula(node: Node) -> str:
    r"""Return a node's formula in LaTeX, with the names of its tensors.

    Parameters
    ----------
    node : Node
        Of an operation in the table.

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
    if node.line in operation.chain_rule and isinstance(node.name, Derivative):
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
