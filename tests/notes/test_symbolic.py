"""SymPy proves the backward lines N17–N30, N34 and N35, each against its forward line, for all values at once.

The forward lines are written here once more, as sums over symbols straight from the page. SymPy differentiates them;
the functions of ``handgrad.notes`` themselves run on arrays of symbols, and the difference must be zero as an
expression. An arbitrary loss enters through its derivative by the line's result: with ``E = Σ G · result`` and symbols
G, the proof holds for every G. Where a line branches, the symbols carry a sign (ReLU), or every order of a window's
numbers is gone through (pooling). N26 and N27 return floats: they are held against the exact integers.
"""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import numpy as np
import sympy as sp

from handgrad.notes import activation, convolution, dense, loss, maps, pooling

Symbolic = Any  # an array of SymPy expressions, which no float type describes

BATCH = 2


def symbols(name: str, *shape: int, **assumptions: bool) -> Symbolic:
    array = np.empty(shape, dtype=object)
    for place in np.ndindex(*shape):
        array[place] = sp.Symbol(f"{name}_{'_'.join(map(str, place))}", **assumptions)
    return array


def derivative(E: sp.Expr, array: Symbolic) -> Symbolic:
    result = np.empty(array.shape, dtype=object)
    for place in np.ndindex(*array.shape):
        result[place] = sp.diff(E, array[place])
    return result


def paired(G: Symbolic, result: Symbolic) -> sp.Expr:
    assert G.shape == result.shape
    return sp.Add(*(g * r for g, r in zip(G.ravel(), result.ravel(), strict=True)))


def assert_equal(ours: Symbolic, exact: Symbolic) -> None:
    assert ours.shape == exact.shape
    assert any(expression != 0 for expression in exact.ravel())
    for place in np.ndindex(*exact.shape):
        assert sp.expand(ours[place] - exact[place]) == 0, place


def convolved(X: Symbolic, F: Symbolic) -> Symbolic:
    """N2, term by term."""
    (batch, x, y, z), (x1, y1, N) = X.shape, F.shape
    T = np.empty((batch, x - x1 + 1, y - y1 + 1, N), dtype=object)
    for s, i, j, n in np.ndindex(*T.shape):
        T[s, i, j, n] = sum(
            F[a, b, n] * sum(X[s, i + a, j + b, c] for c in range(z)) for a, b in product(range(x1), range(y1))
        )
    return T


def convolved_maps(S: Symbolic, F: Symbolic) -> Symbolic:
    """N33, term by term."""
    (batch, x, y, _), (x1, y1, K, N) = S.shape, F.shape
    T = np.empty((batch, x - x1 + 1, y - y1 + 1, N), dtype=object)
    for s, i, j, n in np.ndindex(*T.shape):
        T[s, i, j, n] = sum(
            F[a, b, k, n] * S[s, i + a, j + b, k] for k, a, b in product(range(K), range(x1), range(y1))
        )
    return T


def weighed(X: Symbolic, alpha: Symbolic) -> Symbolic:
    """N32, term by term."""
    S = np.empty((*X.shape[:3], alpha.shape[1]), dtype=object)
    for s, i, j, k in np.ndindex(*S.shape):
        S[s, i, j, k] = sum(alpha[c, k] * X[s, i, j, c] for c in range(len(alpha)))
    return S


def layer(x: Symbolic, w: Symbolic, b: Symbolic) -> Symbolic:
    """N11 and N13, term by term."""
    t = np.empty((len(x), len(b)), dtype=object)
    for s, o in np.ndindex(*t.shape):
        t[s, o] = sum(x[s, i] * w[i, o] for i in range(len(w))) + b[o]
    return t


def rectified(t: Symbolic) -> Symbolic:
    """N4: SymPy's own maximum, which knows the sign."""
    return np.vectorize(lambda value: sp.Max(value, 0), otypes=[object])(t)


def test_n17_is_the_derivative_of_the_cross_entropy_of_the_softmax() -> None:
    t, y = symbols("t", 1, 3, real=True), symbols("y", 1, 3, positive=True)
    y[0, 2] = 1 - y[0, 0] - y[0, 1]  # an ideal output sums to 1
    z = np.array([[sp.exp(value) / sum(sp.exp(other) for other in t[0]) for value in t[0]]], dtype=object)
    E = -sum(y[0, k] * sp.log(z[0, k]) for k in range(3))
    difference = loss.softmax_cross_entropy_backward(z, y) - derivative(E, t)
    assert [sp.simplify(expression) for expression in difference[0]] == [0, 0, 0]


def test_n18_n19_n20_n22_n23_are_the_derivatives_of_a_dense_layer() -> None:
    x, w, b, G = symbols("x", BATCH, 3), symbols("w", 3, 2), symbols("b", 2), symbols("G", BATCH, 2)
    E = paired(G, layer(x, w, b))
    assert_equal(dense.weight_gradient(x, G), derivative(E / BATCH, w))
    assert_equal(dense.bias_gradient(G), derivative(E / BATCH, b))
    assert_equal(dense.input_gradient(G, w), derivative(E, x))


def test_n21_is_the_derivative_of_the_relu() -> None:
    t, G = symbols("t", BATCH, 4, positive=True), symbols("G", BATCH, 4)
    t[:, ::2] = symbols("s", BATCH, 2, negative=True)
    assert_equal(activation.relu_backward(G, t), derivative(paired(G, rectified(t)), t))


def test_n24_is_the_derivative_of_the_row_major_vector() -> None:
    U, G = symbols("U", BATCH, 2, 3, 2), symbols("G", BATCH, 12)
    x = np.array([[U[s, i, j, n] for i, j, n in product(range(2), range(3), range(2))] for s in range(BATCH)])
    assert_equal(pooling.unflatten(G, (2, 3, 2)), derivative(paired(G, x), U))


def test_n25_is_the_derivative_of_the_maximum_in_every_order_of_a_window() -> None:
    T, G = symbols("T", 1, 2, 3, 1), symbols("G", 1, 1, 1, 1)  # the third column fills no window
    slopes = derivative(sp.Max(*T[0, :, :2, 0].ravel()), T)
    for order in permutations(range(4)):
        numbers = np.array([*order[:2], 9, *order[2:], 9], dtype=object).reshape(T.shape)
        exact = np.array([slope.subs(dict(zip(T.flat, numbers.flat, strict=True))) for slope in slopes.flat])
        assert_equal(pooling.max_pool_backward(G, numbers), G * exact.reshape(T.shape))


def test_n26_and_n27_are_the_convolution_and_its_derivative_at_every_place() -> None:
    P, F = symbols("P", 1, 3, 3, 3), symbols("F", 2, 2, 1)
    R = convolved(P, F)
    image, weights = np.arange(1.0, 28.0).reshape(3, 3, 3) ** 2, np.array([[2.0, -3.0], [5.0, 7.0]])
    values = {**dict(zip(P.flat, map(int, image.flat), strict=True)), **dict(zip(F.flat, [2, -3, 5, 7], strict=True))}
    for i, j in product(range(2), repeat=2):
        assert convolution.response(image, weights, i, j) == int(R[0, i, j, 0].subs(values))
        for a, b in product(range(2), repeat=2):
            exact = int(sp.diff(R[0, i, j, 0], F[a, b, 0]).subs(values))
            assert convolution.response_derivative(image, i, j, a, b) == exact


def test_n28_and_n29_are_the_derivatives_of_the_convolution() -> None:
    H, F, G = symbols("H", BATCH, 3, 4, 2), symbols("F", 2, 3, 2), symbols("G", BATCH, 2, 2, 2)
    E = paired(G, convolved(H, F))
    assert_equal(convolution.filter_gradient(H, G), derivative(E / BATCH, F))
    assert_equal(convolution.input_gradient(G, F, depth=2), derivative(E, H))


def test_n30_is_the_derivative_through_the_first_convolution_and_its_relu() -> None:
    X, G = symbols("X", BATCH, 3, 3, 2, positive=True), symbols("G", BATCH, 2, 2, 2)
    F = np.concatenate([symbols("F", 2, 2, 1, positive=True), symbols("M", 2, 2, 1, negative=True)], axis=2)
    T = convolved(X, F)  # the first map is positive, the second negative
    E = paired(G, rectified(T))
    error = activation.relu_backward(G, T)
    assert_equal(convolution.filter_gradient(X, error), derivative(E / BATCH, F))
    assert_equal(convolution.input_gradient(error, F, depth=2), derivative(E, X))


def test_n34_is_the_derivative_of_the_convolution_of_maps() -> None:
    S, F, G = symbols("S", BATCH, 3, 4, 2), symbols("F", 2, 3, 2, 2), symbols("G", BATCH, 2, 2, 2)
    E = paired(G, convolved_maps(S, F))
    assert_equal(maps.filter_gradient(S, G), derivative(E / BATCH, F))
    assert_equal(maps.map_gradient(G, F), derivative(E, S))


def test_n35_is_the_derivative_of_the_weighted_maps() -> None:
    X, alpha, G = symbols("X", BATCH, 2, 2, 3), symbols("a", 3, 2), symbols("G", BATCH, 2, 2, 2)
    E = paired(G, weighed(X, alpha))
    assert_equal(maps.depth_weight_gradient(X, G), derivative(E / BATCH, alpha))
    assert_equal(maps.input_gradient(G, alpha), derivative(E, X))


def test_n32_to_n35_together_are_the_derivative_of_the_whole_layer() -> None:
    X, alpha, F = symbols("X", BATCH, 2, 3, 2), symbols("a", 2, 2), symbols("F", 2, 2, 2, 1)
    G = symbols("G", BATCH, 1, 2, 1)
    S = weighed(X, alpha)
    E = paired(G, convolved_maps(S, F))
    errors = maps.map_gradient(G, F)
    assert_equal(maps.filter_gradient(S, G), derivative(E / BATCH, F))
    assert_equal(maps.depth_weight_gradient(X, errors), derivative(E / BATCH, alpha))
    assert_equal(maps.input_gradient(errors, alpha), derivative(E, X))
