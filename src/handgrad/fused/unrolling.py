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
from typing import Any

rolled = range
"""Stands in a kernel's source for a ``range`` whose loop remains a loop, though its length is known."""


def registers(*shape: int) -> Any:
    """Stand in a kernel's source for a small array of local variables, which ``unrolled`` puts in its place."""
    raise NotImplementedError("a kernel with registers runs only after unrolled(...)")


def packed(variables: Any) -> tuple[Any, ...]:
    """Stand in a kernel's source for the tuple of all variables of ``registers``, in row-major order."""
    raise NotImplementedError("a kernel with registers runs only after unrolled(...)")


def unrolled(
    function: Callable[..., Any], sizes: Mapping[str, int], kernels: Mapping[str, Any], suffix: str
) -> Callable[..., Any]:
    """Return the function with every loop ``for a in range(n)`` written out whose `n` follows from `sizes`.

    Of an ``if`` that follows from them, only the chosen branch is left. `sizes` are values of names that are global in
    `function`; `kernels` are what other global names stand for, looked up when they are needed. `suffix` ends the
    function's name, by which a compiler's cache on disk tells functions of different sizes apart: the file of their
    code is that of `function`.

    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from handgrad.fused.pooling import gather_patches
    >>> sizes = {"k1": 1, "k2": 1, "p": 1, "parts": 1, "patch": 1, "across": 1}
    >>> layer, gradient = SimpleNamespace(filters=2, maps=1, sums=0, dF=0), np.zeros(2)
    >>> unrolled(gather_patches, sizes, {}, "1x1")(layer, np.array([3.0, 4.0]), gradient)
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

    def __init__(self, source: Mapping[str, Any], kernels: Mapping[str, Any]) -> None:
        super().__init__({name: value for name, value in source.items() if name not in kernels})
        self._kernels = kernels

    def __missing__(self, name: str) -> Any:
        return self._kernels[name]


class _Unroller(ast.NodeTransformer):
    """Writes out loops, chooses branches and names registers, given the values of some names."""

    def __init__(self, values: Mapping[str, int]) -> None:
        self.values = dict(values)
        self.shapes: dict[str, list[int]] = {}

    def visit_For(self, node: Any) -> Any:
        bounds = self._numbers(node.iter.args) if _calls(node.iter, "range") else None
        if bounds is None:
            return self._with_body(node)
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
        return self._with_body(node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        test = self._numbers([node.test])
        return self.generic_visit(node) if test is None else self.visit(node.body if test[0] else node.orelse)

    def visit_Assign(self, node: Any) -> Any:
        if _calls(node.value, "registers"):
            self.shapes[node.targets[0].id] = self._numbers(node.value.args)
            return None
        return self.generic_visit(node)

    def visit_Call(self, node: Any) -> Any:
        if not _calls(node, "packed"):
            return self.generic_visit(node)
        name = node.args[0].id
        indices = itertools.product(*map(range, self.shapes[name]))
        return ast.Tuple([ast.Name(_register(name, index), ast.Load()) for index in indices], ast.Load())

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if isinstance(node.value, ast.Name) and node.value.id in self.shapes:
            index = self._numbers(node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice])
            return ast.Name(_register(node.value.id, index), node.ctx)
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        value = self._numbers([node])
        return self.generic_visit(node) if value is None else ast.Constant(value[0])

    def visit_Name(self, node: ast.Name) -> Any:
        known = isinstance(node.ctx, ast.Load) and node.id in self.values
        return ast.Constant(self.values[node.id]) if known else node

    def _with_body(self, node: Any) -> Any:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def _copies(self, body: list[ast.stmt]) -> list[ast.stmt]:
        copies: list[ast.stmt] = []
        for statement in body:
            new = self.visit(copy.deepcopy(statement))
            copies += new if isinstance(new, list) else [] if new is None else [new]
        return copies

    def _numbers(self, nodes: Sequence[ast.expr]) -> Any:
        """Return the values of expressions that hold nothing but known names and numbers, else None."""
        try:
            return [
                eval(compile(ast.Expression(node), "", "eval"), {"__builtins__": {}}, self.values) for node in nodes
            ]
        except NameError:
            return None


def _calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _register(name: str, index: Sequence[int]) -> str:
    return "_".join((name, *map(str, index)))
