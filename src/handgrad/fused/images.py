"""From images to the first convolution's maps: standardized, summed over the channels (N2, N32), in row phases."""

from __future__ import annotations

from typing import Any

from handgrad.fused.sizes import p


def load_image(pixels: Any, scale: Any, shift: Any, alpha: Any, layer: Any, S: Any) -> None:
    """``S_k = Σ_c α[c,k] · (X_c · scale_c + shift_c)`` of one image."""
    for k in range(layer.maps):
        constant = scale.dtype.type(0)
        for c in range(layer.depth):
            constant += alpha[c, k] * shift[c]
        for y in range(pixels.shape[0]):
            at = layer.S + (k * p + y % p) * layer.area + y // p * layer.stride
            row = S[at : at + pixels.shape[1]]
            if layer.depth == 1:
                factor = alpha[0, k] * scale[0]
                for x in range(row.shape[0]):
                    row[x] = factor * pixels[y, x, 0] + constant
            elif layer.depth == 3:
                red, green, blue = alpha[0, k] * scale[0], alpha[1, k] * scale[1], alpha[2, k] * scale[2]
                for x in range(row.shape[0]):
                    row[x] = red * pixels[y, x, 0] + green * pixels[y, x, 1] + blue * pixels[y, x, 2] + constant
            else:
                for x in range(row.shape[0]):
                    row[x] = constant
                for c in range(layer.depth):
                    factor = alpha[c, k] * scale[c]
                    for x in range(row.shape[0]):
                        row[x] += factor * pixels[y, x, c]


def depth_gradient(pixels: Any, scale: Any, shift: Any, layer: Any, dS: Any, gradient: Any) -> None:
    """N35 of the first convolution: ``∂E/∂α[c,k] += Σ_{i,j} X[i,j,c] · ∂E/∂S[i,j,k]``."""
    for k in range(layer.maps):
        for y in range(pixels.shape[0]):
            at = layer.S + (k * p + y % p) * layer.area + y // p * layer.stride
            row = dS[at : at + pixels.shape[1]]
            for c in range(layer.depth):
                total = scale.dtype.type(0)
                for x in range(row.shape[0]):
                    total += row[x] * (pixels[y, x, c] * scale[c] + shift[c])
                gradient[layer.alpha_gradient + c * layer.maps + k] += total
