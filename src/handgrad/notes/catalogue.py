"""The notes' lines N1–N35 in order: number, title, formula and the functions that compute them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from handgrad.errors import InputError

Kind = Literal["definition", "forward", "example", "backward", "step"]
"""What a line is: a definition, a line of a pass, a worked example with its own numbers, or the step."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the notes.

    Parameters
    ----------
    number : str
        "N1" to "N35".
    title : str
        What the line says, in a few words.
    formula : str
        As on the page.
    functions : tuple of str
        ``module.function`` inside ``handgrad.notes``, one for each formula of the line.
    kind : str
        "definition", "forward", "example", "backward" or "step".

    Examples
    --------
    >>> line("N17").resolve()[0].__name__
    'softmax_cross_entropy_backward'
    """

    number: str
    title: str
    formula: str
    functions: tuple[str, ...]
    kind: Kind

    def resolve(self) -> tuple[Callable[..., Any], ...]:
        """The functions as their modules hold them now, so that a replaced one is seen."""
        return tuple(_attribute(name) for name in self.functions)


LINES: tuple[Line, ...] = (
    Line("N1", "filters", "F ∈ R^{x1×y1×N}, N ∈ ℕ", ("convolution.filters",), "definition"),
    Line(
        "N2",
        "the convolution @",
        "X @ F = T, T[i,j,n] = Σ_{a,b} F[a,b,n] · Σ_c X[i+a, j+b, c]",
        ("convolution.convolve",),
        "definition",
    ),
    Line("N3", "first convolution", "T1 = X @ F1", ("convolution.convolve",), "forward"),
    Line(
        "N4",
        "ReLU and its derivative",
        "f(t) = max(t, 0), f'(t) = 1 if t > 0 else 0",
        ("activation.relu", "activation.relu_derivative"),
        "definition",
    ),
    Line("N5", "ReLU of the maps", "H1 = f(T1)", ("activation.relu",), "forward"),
    Line("N6", "second convolution", "T2 = H1 @ F2", ("convolution.convolve",), "forward"),
    Line("N7", "max pooling", "U2 = MP(T2)", ("pooling.max_pool",), "forward"),
    Line(
        "N8",
        "the 4 × 4 example",
        "[[0,0,0,0],[0,8,0,5],[0,8,10,0],[0,0,0,0]] → [[8,5],[8,10]]",
        ("pooling.max_pool",),
        "example",
    ),
    Line("N9", "the classifier drawn", "100·100 → x' (100) → t1' (10) → z (2)", ("network.dense_half",), "example"),
    Line("N10", "tensor to vector", "x' = U2", ("pooling.flatten",), "forward"),
    Line("N11", "hidden layer", "t1' = x' · w1 + b1", ("dense.dense",), "forward"),
    Line("N12", "ReLU of the hidden layer", "h1' = f(t1')", ("activation.relu",), "forward"),
    Line("N13", "output layer", "t2' = h1' · w2 + b2", ("dense.dense",), "forward"),
    Line("N14", "softmax", "z = S(t2')", ("loss.softmax",), "forward"),
    Line("N15", "cross entropy", "E = CE(z) = −Σ_k y_k log z_k", ("loss.cross_entropy",), "forward"),
    Line(
        "N16",
        "the four errors of the example",
        "E1, E2, E3, E4 → the maxima of N8",
        ("pooling.max_pool_backward",),
        "example",
    ),
    Line("N17", "error at the output", "∂E/∂t2' = z − y_Full", ("loss.softmax_cross_entropy_backward",), "backward"),
    Line("N18", "output weights", "∂E/∂w2 = h1'ᵀ · ∂E/∂t2'", ("dense.weight_gradient",), "backward"),
    Line("N19", "output biases", "∂E/∂b2 = ∂E/∂t2'", ("dense.bias_gradient",), "backward"),
    Line("N20", "error at the hidden layer", "∂E/∂h1' = ∂E/∂t2' · w2ᵀ", ("dense.input_gradient",), "backward"),
    Line("N21", "back through the ReLU", "∂E/∂t1' = ∂E/∂h1' ⊙ f'(t1')", ("activation.relu_backward",), "backward"),
    Line(
        "N22",
        "hidden weights and biases",
        "∂E/∂w1 = x'ᵀ · ∂E/∂t1', ∂E/∂b1 = ∂E/∂t1'",
        ("dense.weight_gradient", "dense.bias_gradient"),
        "backward",
    ),
    Line(
        "N23",
        "error at the vector",
        "∂E/∂x' = ∂E/∂t1' · ∂t1'/∂x' = ∂E/∂t1' · w1ᵀ",
        ("dense.input_gradient",),
        "backward",
    ),
    Line("N24", "vector to tensor", "∂E/∂U2 = ∂E/∂x' → tensor", ("pooling.unflatten",), "backward"),
    Line(
        "N25",
        "back through the pooling",
        "∂E/∂T2 = ∂E/∂U2 (rest zero-filled)",
        ("pooling.max_pool_backward",),
        "backward",
    ),
    Line(
        "N26",
        "the 3 × 3 × 3 example",
        "R11 = F11·(P111+P112+P113) + F12·(P121+P122+P123) + F21·(P211+P212+P213) + F22·(P221+P222+P223)",
        ("convolution.response",),
        "example",
    ),
    Line(
        "N27",
        "derivative of the example",
        "∂R11/∂F11 = P111+P112+P113, ∂R11/∂F12 = P121+P122+P123",
        ("convolution.response_derivative",),
        "backward",
    ),
    Line(
        "N28",
        "second filters",
        "∂E/∂F2 = ∂E/∂T2 · ∂T2/∂F2 = H1 @ ∂E/∂T2",
        ("convolution.filter_gradient",),
        "backward",
    ),
    Line("N29", "error at the maps", "∂E/∂H1 = ∂E/∂T2 @ F2^{ππ}", ("convolution.input_gradient",), "backward"),
    Line(
        "N30",
        "first convolution's derivatives",
        "∂E/∂T1 = ∂E/∂H1 ⊙ f'(T1), ∂E/∂F1 = X @ ∂E/∂T1, ∂E/∂X = ∂E/∂T1 @ F1^{ππ}",
        ("activation.relu_backward", "convolution.filter_gradient", "convolution.input_gradient"),
        "backward",
    ),
    Line("N31", "the step", "θ ← θ − η · ∂E/∂θ", ("descent.step",), "step"),
    Line("N32", "weighted maps", "S[i,j,k] = Σ_c α[c,k] · X[i,j,c]", ("maps.weigh_depth",), "forward"),
    Line(
        "N33",
        "convolution of the maps",
        "T[i,j,n] = Σ_k Σ_{a,b} F[a,b,k,n] · S[i+a, j+b, k]",
        ("maps.convolve_maps",),
        "forward",
    ),
    Line(
        "N34",
        "filters and maps",
        "∂E/∂F[·,·,k,n] = S_k @ (∂E/∂T)_n, ∂E/∂S_k = Σ_n (∂E/∂T)_n @ F[·,·,k,n]^{ππ}",
        ("maps.filter_gradient", "maps.map_gradient"),
        "backward",
    ),
    Line(
        "N35",
        "depth weights and input",
        "∂E/∂α[c,k] = Σ_{i,j} X[i,j,c] · ∂E/∂S[i,j,k], ∂E/∂X_c = Σ_k α[c,k] · ∂E/∂S_k",
        ("maps.depth_weight_gradient", "maps.input_gradient"),
        "backward",
    ),
)
"""Every line, in the order of the notes."""

_BY_NUMBER = {entry.number: entry for entry in LINES}


def line(number: str) -> Line:
    """The line of that number, N1 to N35.

    Parameters
    ----------
    number : str
        "N1" to "N35".

    Returns
    -------
    Line

    Raises
    ------
    InputError
        If no line has this number.

    Examples
    --------
    >>> line("N31").formula
    'θ ← θ − η · ∂E/∂θ'
    """
    if number not in _BY_NUMBER:
        raise InputError("number", number, f"the lines are {LINES[0].number} to {LINES[-1].number}", "name one of them")
    return _BY_NUMBER[number]


def _attribute(name: str) -> Callable[..., Any]:
    module, function = name.split(".")
    return getattr(import_module(f"handgrad.notes.{module}"), function)
