"""Images into the first convolution's maps: standardised, weighed over the depth (N2's sum, N32) and laid in phases."""

from __future__ import annotations

from typing import Any

from handgrad.fused.sizes import p


def load(pixels: Any, scale: Any, shift: Any, alpha: Any, layer: Any, S: Any) -> None:
    """``S_k = Σ_c α[c,k] · (X_c · scale_c + shift_c)`` of one image."""
    zero = scale.dtype.type(0)
    for k in range(layer.maps):
        constant = zero
        for c in range(layer.depth):
            constant += alpha[c, k] * shift[c]
        for y in range(pixels.shape[0]):
            for first in range(p):
                place = (k * p * p + y % p * p + first) * layer.area + y // p * layer.stride
                row = S[place : place + (pixels.shape[1] - first + p - 1) // p]
                for j in range(row.shape[0]):
                    row[j] = constant
                for c in range(layer.depth):
                    factor = alpha[c, k] * scale[c]
                    for j in range(row.shape[0]):
                        row[j] += factor * pixels[y, first + j * p, c]


def depth_gradient(pixels: Any, scale: Any, shift: Any, layer: Any, dS: Any, gradient: Any) -> None:
    """N35 of the first convolution: ``∂E/∂α[c,k] += Σ_{i,j} X[i,j,c] · ∂E/∂S[i,j,k]``."""
    for k in range(layer.maps):
        for y in range(pixels.shape[0]):
            for first in range(p):
                place = layer.dS + (k * p * p + y % p * p + first) * layer.area + y // p * layer.stride
                row = dS[place : place + (pixels.shape[1] - first + p - 1) // p]
                for c in range(layer.depth):
                    total = scale.dtype.type(0)
                    for j in range(row.shape[0]):
                        total += row[j] * (pixels[y, first + j * p, c] * scale[c] + shift[c])
                    gradient[layer.alpha_gradient + c * layer.maps + k] += total
