"""Loops of known length written out, so that a kernel's inner loop is straight code that the compiler vectorizes.

A kernel is written with plain loops over the cells of a filter and of a pooling window. ``unrolled`` takes such a
function, with the sizes, and returns the function that has these loops written out and the small arrays that they
index (``t = registers(2, 2)``) turned into as many local variables.
"""

from __future__ import annotations

import ast
import copy
import inspect
import itertools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol


def registers(*shape: int) -> Any:
    """Stands in a kernel's source for a small array of local variables; ``unrolled`` takes it out."""
    raise NotImplementedError("a kernel with registers runs only after unrolled(...)")


def packed(variables: Any) -> tuple[Any, ...]:
    """Stands in a kernel's source for the tuple of all variables of ``registers``, in row-major order."""
    raise NotImplementedError("a kernel with registers runs only after unrolled(...)")


class Kernels(Protocol):
    """Compiled functions by name."""

    def has(self, name: str) -> bool:
        """Whether there is such a kernel."""

    def __getitem__(self, name: str) -> Any:
        """It."""


def unrolled(
    function: Callable[..., Any], sizes: Mapping[str, int], kernels: Kernels | None, suffix: str
) -> Callable[..., Any]:
    """The function with every loop over a constant range written out.

    Parameters
    ----------
    function : function
        Plain Python, its source at hand. Loops ``for a in range(n)`` with an `n` that follows from `sizes` are
        written out, and so is the chosen branch of an ``if`` that follows from them.
    sizes : mapping of str to int
        Values of names that are global in `function`.
    kernels : Kernels or None
        What other global names stand for, asked when they are needed.
    suffix : str
        Ends the function's name. The file of its code is that of `function`, so a compiler's cache on disk tells
        functions of different sizes apart by it.

    Returns
    -------
    function

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from handgrad.fused.pooling import gather_patches
    >>> sizes = {"k1": 1, "k2": 1, "p": 1, "parts": 1, "patch": 1, "across": 1}
    >>> layer, gradient = SimpleNamespace(filters=2, maps=1, sums=0, dF=0), np.zeros(2)
    >>> unrolled(gather_patches, sizes, None, "1x1")(layer, np.array([3.0, 4.0]), gradient)
    >>> gradient
    array([3., 4.])
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.name += "_" + suffix
    definition.returns = None
    for argument in definition.args.args:
        argument.annotation = None
    tree = ast.fix_missing_locations(_Unroller(sizes).visit(tree))
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    namespace = _Namespace(function.__globals__, kernels)
    exec(compile(tree, function.__code__.co_filename, "exec"), namespace)
    return namespace[definition.name]


class _Namespace(dict[str, Any]):
    """The globals of an unrolled function: those of its source, kernels in place of the kernels' sources."""

    def __init__(self, source: Mapping[str, Any], kernels: Kernels | None) -> None:
        super().__init__({name: value for name, value in source.items() if kernels is None or not kernels.has(name)})
        self._kernels = kernels

    def __missing__(self, name: str) -> Any:
        if self._kernels is None or not self._kernels.has(name):
            raise KeyError(name)
        return self._kernels[name]


class _Unroller(ast.NodeTransformer):
    """Writes out loops, chooses branches and names registers, given the values of some names."""

    def __init__(self, values: Mapping[str, int]) -> None:
        self.values = dict(values)
        self.shapes: dict[str, list[int]] = {}

    def visit_For(self, node: ast.For) -> Any:
        is_range = isinstance(node.iter, ast.Call) and getattr(node.iter.func, "id", "") == "range"
        bounds = self._numbers(node.iter.args) if isinstance(node.iter, ast.Call) and is_range else None
        if bounds is None:
            self.generic_visit(node)
            node.body = node.body or [ast.Pass()]
            return node
        assert isinstance(node.target, ast.Name)
        body: list[ast.stmt] = []
        for value in range(*bounds):
            self.values[node.target.id] = value
            body += self._copies(node.body)
        self.values.pop(node.target.id, None)
        return body

    def visit_If(self, node: ast.If) -> Any:
        test = self._numbers([node.test])
        if test is not None:
            return self._copies(node.body if test[0] else node.orelse)
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        test = self._numbers([node.test])
        return self.generic_visit(node) if test is None else self.visit(node.body if test[0] else node.orelse)

    def visit_Assign(self, node: ast.Assign) -> Any:
        if isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "registers":
            shape = self._numbers(node.value.args)
            assert isinstance(node.targets[0], ast.Name)
            assert shape is not None
            self.shapes[node.targets[0].id] = shape
            return None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> Any:
        if getattr(node.func, "id", "") != "packed":
            return self.generic_visit(node)
        name = node.args[0].id  # type: ignore[attr-defined]
        places = itertools.product(*map(range, self.shapes[name]))
        return ast.Tuple([ast.Name(_register(name, place), ast.Load()) for place in places], ast.Load())

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if isinstance(node.value, ast.Name) and node.value.id in self.shapes:
            place = self._numbers(node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice])
            assert place is not None
            return ast.Name(_register(node.value.id, place), node.ctx)
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        value = self._numbers([node])
        return self.generic_visit(node) if value is None else ast.Constant(value[0])

    def visit_Name(self, node: ast.Name) -> Any:
        known = isinstance(node.ctx, ast.Load) and node.id in self.values
        return ast.Constant(self.values[node.id]) if known else node

    def _copies(self, body: list[ast.stmt]) -> list[ast.stmt]:
        copies: list[ast.stmt] = []
        for statement in body:
            new = self.visit(copy.deepcopy(statement))
            copies += new if isinstance(new, list) else [] if new is None else [new]
        return copies

    def _numbers(self, nodes: list[ast.expr]) -> list[int] | None:
        """The values of expressions that hold nothing but known names and numbers."""
        parts = [part for node in nodes for part in ast.walk(node)]
        if not all(isinstance(part, _ARITHMETIC) for part in parts):
            return None
        if any(isinstance(part, ast.Name) and part.id not in self.values for part in parts):
            return None
        return [eval(compile(ast.Expression(node), "", "eval"), {}, dict(self.values)) for node in nodes]


def _register(name: str, place: Sequence[int]) -> str:
    return "_".join((name, *map(str, place)))


_ARITHMETIC = (
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
)
