"""Explain one image: every number of both passes, by name, and the page that shows them."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from handgrad import HandgradClassifier
from handgrad.trace import trace
from handgrad.web.page import explanation_page

digits = load_digits()
images = (digits.images * 255 / 16).round().astype("uint8")
classifier = HandgradClassifier(max_iter=10, random_state=0).fit(images[1:], digits.target[1:])

traced = trace(classifier.model_, images[0, :, :, np.newaxis], label=0)
tensors = traced.tensors
print("tensors:", ", ".join(list(tensors)[:11]), "…")

# One number of T2, and where it came from: nine products of a filter and the patch of H1 under it (N2).
i, j, n = 1, 2, 5
patch = tensors["H1"].sum(axis=2)[i : i + 3, j : j + 3]
products = patch * tensors["F2"][:, :, n]
print("T2 at", (i, j, n), "is the sum of its products:", bool(np.isclose(tensors["T2"][i, j, n], products.sum())))

# The gradient at the pixels: the ones that E depends on most.
rows, columns = np.unravel_index(np.abs(tensors["∂E/∂X"]).argmax(), (8, 8))
print(f"E = {tensors['E']:.1g}; it depends most on the pixel in row {rows}, column {columns}")

Path("page.html").write_text(explanation_page(traced), encoding="utf-8")
print("page.html explains them all: open it in a browser")
