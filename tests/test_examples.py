"""The programs of examples/: short, and printing what docs/examples.md says; every other example is run too."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handgrad import Architecture, Model, Parameters
from handgrad.export import onnx
from handgrad.standardization import Standardization
from tests.export import compiling

ROOT = Path(__file__).parents[1]
ALL = sorted((ROOT / "examples").glob("*.py"))
EXAMPLES = [path for path in ALL if not path.stem.endswith("_on_ray")]
"""Those that need no cluster; tests_cluster runs the others."""
SHOWN = re.compile(r"```\{literalinclude\} \.\./examples/(\w+\.py)\n.*?\n```\n\n```text\n(.*?)```", re.DOTALL)
NUMBER = re.compile(r"\d[\d.,]*(?:e-\d+)?")


def printed() -> dict[str, str]:
    """What docs/examples.md says that each program prints."""
    return dict(SHOWN.findall((ROOT / "docs" / "examples.md").read_text(encoding="utf-8")))


def words(text: str) -> list[str]:
    """The lines but for their numbers, which are of this machine."""
    return [re.sub(r"\s+", " ", NUMBER.sub("#", line)) for line in text.splitlines()]


def shares(text: str) -> list[float]:
    return [float(share) for share in re.findall(r"([\d.]+)%", text)]


def test_the_document_shows_every_example() -> None:
    assert sorted(printed()) == [path.name for path in EXAMPLES]
    text = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert all(f"(../examples/{path.name})" in text for path in ALL)


def test_examples_are_short() -> None:
    assert ALL
    assert all(len(path.read_text(encoding="utf-8").splitlines()) <= 50 for path in ALL)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_the_document_says(path: Path, tmp_path: Path) -> None:
    if path.stem == "c_file":
        compiling.installed("gcc")
    done = subprocess.run([sys.executable, "-W", "error", path], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert words(done.stdout) == words(printed()[path.name])
    # Accuracies differ by a few points where another processor adds in another order.
    assert shares(done.stdout) == pytest.approx(shares(printed()[path.name]), abs=5)


def test_every_block_of_python_in_a_document_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with prompts as doctests, that of docs/serving.md in test_serving.py, that of docs/export.md here.

    The lines of docs/predicting.md need pandas, which handgrad does not.
    """
    blocks = [
        (path.name, block)
        for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
        for block in re.findall(r"```(?:python|py)\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
        if not block.startswith(">>> ")
    ]
    assert [name for name, _ in blocks] == ["export.md", "predicting.md", "serving.md"]
    monkeypatch.chdir(tmp_path)
    parameters = Parameters.draw(Architecture(input_shape=(8, 8, 1)), np.random.default_rng(0))
    model = Model(parameters, ("free", "defect"), Standardization((127.5,), (73.9,)))
    Path("photos.onnx").write_bytes(onnx.export(model).content)
    Image.new("RGB", (20, 30), "red").save("one.png")
    printed_lines: list[str] = []
    exec(blocks[0][1], {"print": lambda *texts: printed_lines.extend(texts)})
    assert printed_lines[0] in model.classes
    assert printed_lines[1].endswith("%")
