"""Convolution kernels: N2–N6 forward with ReLU and depth sum, N28–N30 and N34 backward.

V and rows are the windows of the maps that enter, E and G runs of phases: see ``windows``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.fused.sizes import k1, k2, keep, p
from handgrad.fused.unrolling import registers


def rectify(V: Any, rows: Any, F: Any, H: Any, bits: Any) -> None:
    """N3–N5 and the next line's depth sum: ``H += Σ_n f(S @ F_n)``; ``bits`` keeps where T > 0 (N4) or no number.

    Two filters go together, so that what is loaded serves both; the last of an odd number goes with a filter of zeros.
    """
    zero = F.dtype.type(0)
    w = registers(2, k1, k2)
    t = registers(2, p, p)
    code = registers(8)
    for j in range(8):
        code[j] = F.dtype.type(1 << j)
    for n in range(0, F.shape[0], 2):
        for a in range(k1):
            for b in range(k2):
                w[0, a, b] = F[n, a * k2 + b]
                w[1, a, b] = F[n + 1, a * k2 + b] if n + 1 < F.shape[0] else zero
        for q in range(H[0].shape[0]):
            for f in range(2):
                for r in range(p):
                    for c in range(p):
                        t[f, r, c] = zero
            for y in range(p + k1 - 1):
                for x in range(p + k2 - 1):
                    s = V[x][np.uintp(rows[y] + q)]
                    for f in range(2):
                        for r in range(p):
                            for c in range(p):
                                if (y - r >= 0) * (y - r < k1) * (x - c >= 0) * (x - c < k2):
                                    t[f, r, c] += w[f, y - r, x - c] * s
            for r in range(p):
                for c in range(p):
                    # NaN > 0 is false both ways: NaN stays.
                    h0 = zero if zero > t[0, r, c] else t[0, r, c]
                    h1 = zero if zero > t[1, r, c] else t[1, r, c]
                    H[r * p + c][q] += h0 + h1
            if keep:
                for f in range(2):
                    for byte in range((p * p + 7) // 8):
                        word = zero
                        for j in range(8):
                            if 8 * byte + j < p * p:
                                word += zero if t[f, (8 * byte + j) // p, (8 * byte + j) % p] <= zero else code[j]
                        bits[(n + f) * ((p * p + 7) // 8) + byte, q] = word


def correlate(V: Any, rows: Any, F: Any, T: Any) -> None:
    """N33 a map at a time, ``T += S_k @ F``; with F^{ππ} and error windows N29 and N34: ``∂E/∂S += E @ F^{ππ}``."""
    zero = F.dtype.type(0)
    w = registers(k1, k2)
    t = registers(p, p)
    for a in range(k1):
        for b in range(k2):
            w[a, b] = F[a * k2 + b]
    for q in range(T[0].shape[0]):
        for r in range(p):
            for c in range(p):
                t[r, c] = zero
        for y in range(p + k1 - 1):
            for x in range(p + k2 - 1):
                s = V[x][np.uintp(rows[y] + q)]
                for r in range(p):
                    for c in range(p):
                        if (y - r >= 0) * (y - r < k1) * (x - c >= 0) * (x - c < k2):
                            t[r, c] += w[y - r, x - c] * s
        for r in range(p):
            for c in range(p):
                T[r * p + c][q] += t[r, c]


def rectify_map(T: Any, H: Any, bits: Any, n: int) -> None:
    """N5: ``H = f(T)`` of one filter; ``bits`` keeps where T > 0 (N4) or no number."""
    zero = T[0].dtype.type(0)
    code = registers(8)
    for j in range(8):
        code[j] = T[0].dtype.type(1 << j)
    for q in range(T[0].shape[0]):
        for byte in range((p * p + 7) // 8):
            word = zero
            for j in range(8):
                if 8 * byte + j < p * p:
                    t = T[8 * byte + j][q]
                    H[8 * byte + j][q] = zero if zero > t else t
                    word += zero if t <= zero else code[j]
            bits[n * ((p * p + 7) // 8) + byte, q] = word


def rectify_error(G: Any, bits: Any, n: int, E: Any) -> None:
    """N30: ``∂E/∂T = ∂E/∂H ⊙ f'(T)`` of filter n; the same ∂E/∂H for every filter (N29)."""
    zero = G[0].dtype.type(0)
    for q in range(G[0].shape[0]):
        for byte in range((p * p + 7) // 8):
            word = bits[n * ((p * p + 7) // 8) + byte, q]
            for j in range(8):
                if 8 * byte + j < p * p:
                    error = G[8 * byte + j][q]
                    # As wide as the byte: int64 would halve and halve again what goes through a vector.
                    E[8 * byte + j][q] = error if np.uint8(word & (1 << j)) != 0 else zero


def filter_gradient(V: Any, rows: Any, E: Any, dF: Any) -> None:
    """N28, N30, N34: ``∂E/∂F += S @ ∂E/∂T`` of one filter and one map."""
    g = registers(k1, k2)
    e = registers(p, p)
    for a in range(k1):
        for b in range(k2):
            g[a, b] = dF.dtype.type(0)
    for q in range(E[0].shape[0]):
        for r in range(p):
            for c in range(p):
                e[r, c] = E[r * p + c][q]
        for y in range(p + k1 - 1):
            for x in range(p + k2 - 1):
                s = V[x][np.uintp(rows[y] + q)]
                for r in range(p):
                    for c in range(p):
                        if (y - r >= 0) * (y - r < k1) * (x - c >= 0) * (x - c < k2):
                            g[y - r, x - c] += e[r, c] * s
    for a in range(k1):
        for b in range(k2):
            dF[a * k2 + b] += g[a, b]
