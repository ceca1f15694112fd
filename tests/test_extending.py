"""docs/extending.md adds a real line: its diffs apply, and everything that it promises follows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
PROGRAM = """
import sys, warnings
import numpy as np, onnxruntime
from handgrad import Architecture, Model, Parameters, engine, errors, model_file, verify
from handgrad.export import c, onnx
from handgrad.graph import GIVEN, graph
from handgrad.notes import loss, network
from handgrad.notes.operations import OPERATIONS, plain_formula
from handgrad.standardization import Standardization
from handgrad.trace import trace
from handgrad.web.page import explanation_page

architecture = Architecture(input_shape=(13, 11, 3), classes=3, stages=((5, 4),), hidden=(6,), global_average=True)
assert architecture.parameter_shapes["w1"] == (4, 6)
rng = np.random.default_rng(0)
parameters = Parameters.draw(architecture, rng, np.float64)
X, labels = rng.standard_normal((2, 13, 11, 3)), np.array([0, 2])

values = network.forward(parameters, X, labels)
gradients = network.backward(parameters, values, labels)
tensors = {"X": X, "y": loss.ideal(labels, 3, X.dtype), **parameters}
for node in graph(architecture):
    if node.operation not in (*GIVEN, "step"):
        tensors[node.name] = OPERATIONS[node.operation].compute(node, *(tensors[name] for name in node.inputs))
for name, value in {**values, **{f"∂E/∂{name}": gradients[name] for name in gradients if name != "E"}}.items():
    np.testing.assert_array_equal(tensors[name], value, err_msg=name)

checks = list(verify.check(parameters, X, rng))
assert {line.verdict for line in checks} == {"pass"}
assert "N37" in {line.number for line in checks}
formulas = {node.line: plain_formula(node) for node in graph(architecture) if node.operation in OPERATIONS}
assert formulas["N36"] == "x'[n] = Σ_{i,j} U2[i,j,n] / (x · y)"
assert formulas["N37"] == "∂E/∂U2[i,j,n] = ∂E/∂x'[n] / (x · y)"

model = Model(parameters.astype(np.float32), ("a", "b", "c"), Standardization((120.0,) * 3, (60.0,) * 3))
pixels = rng.integers(0, 256, (5, 13, 11, 3), np.uint8)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    computing = engine.create("fused", model.standardization, architecture=architecture)
assert computing.name == "notes"
assert "global_average" in str(caught[0].message)
session = onnxruntime.InferenceSession(onnx.export(model).content)
(probabilities,) = session.run(None, {"images": pixels})
np.testing.assert_allclose(probabilities, model.predict(pixels, computing), atol=1e-5)
try:
    c.export(model)
    raise SystemExit("C took it")
except errors.InputError as error:
    assert str(error).startswith("model=global_average: the export to C has no operation of this name")
model_file.save(model, "model.safetensors")
assert model_file.load("model.safetensors").architecture == architecture
with open("page.html", "w", encoding="utf-8") as file:
    file.write(explanation_page(trace(model, pixels[0], 1)))
"""
ADDS_UP = """() => {
    const off = [];
    for (const name of ["x'", "∂E/∂U2"]) {
        const tensor = handgrad.trace.tensor(name);
        for (let offset = 0; offset < tensor.size; offset += 1) {
            const { total } = handgrad.trace.explain(name, tensor.index(offset));
            off.push(Math.abs(total - tensor.data[offset]));
        }
    }
    return Math.max(...off);
}"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the document's diffs applied."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    patch = "".join(re.findall(r"^```diff\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    subprocess.run(["git", "apply", "-"], input=patch.encode(), cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def page(extended: Path) -> Path:
    environment = {**os.environ, "PYTHONPATH": str(extended / "src")}
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=extended, env=environment, check=True, timeout=300)
    return extended / "page.html"


def test_the_line_is_specified_proven_exported_and_refused_as_the_document_says(page: Path) -> None:
    assert page.exists()


def test_at_most_six_files_change(extended: Path) -> None:
    changed = [
        path
        for path in (extended / "src").rglob("*")
        if path.suffix in (".py", ".js") and path.read_bytes() != (ROOT / path.relative_to(extended)).read_bytes()
    ]
    assert 0 < len(changed) <= 6


def test_the_page_explains_the_new_line(page: Path, browser: Browser) -> None:
    opened = browser.new_page()
    opened.goto(page.as_uri())
    assert opened.evaluate(ADDS_UP) < 1e-12
    assert opened.locator("article#N36 .formulas math").count() == 1
    opened.close()


def test_a_training_with_it_says_once_which_engine_computes(extended: Path) -> None:
    command = [sys.executable, "-m", "handgrad", "train", "digits", "--global-average", "--epochs", "1", "--out", "run"]
    environment = {**os.environ, "PYTHONPATH": str(extended / "src")}
    done = subprocess.run(command, cwd=extended, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.count("the fused engine has no global_average and no global_average_back") == 1
