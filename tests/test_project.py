"""The shape of the project: imports point downwards, a light start, no function without a word on what it does."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "handgrad"
FILES = sorted(PACKAGE.rglob("*.py"))

FOUNDATION = {"errors", "typing", "processors", "percent"}
NETWORK = FOUNDATION | {"architecture", "graph", "parameters"}
NOTES = NETWORK | {"notes"}
FUSED = NOTES | {"standardization", "optimizer", "fused"}
ENGINE = FUSED | {"engine"}
MODEL = ENGINE | {"model", "model_file", "atomic"}
DATA = FOUNDATION | {"standardization", "data"}
TRACE = MODEL | {"trace"}
TRAINING = MODEL | DATA | {"training"}
REPORT = TRAINING | {"report"}
CLUSTER = REPORT | {"cluster"}
ALLOWED = {
    "errors": set[str](),
    "typing": set[str](),
    "processors": set[str](),
    "percent": set[str](),
    "architecture": {"errors"},
    "graph": {"architecture"},
    "parameters": NETWORK,
    "notes": NOTES,
    "verify": NOTES | {"verify"},
    "standardization": FOUNDATION,
    "optimizer": NOTES | {"optimizer"},
    "fused": FUSED,
    "engine": ENGINE,
    "atomic": {"errors"},
    "model": ENGINE,
    "model_file": MODEL,
    "trace": TRACE,
    "export": MODEL | {"export", ""},
    "data": DATA,
    "web": TRACE | DATA | {"web"},
    "training": TRAINING,
    "estimator": TRAINING | {"estimator"},
    "report": REPORT,
    "cluster": CLUSTER,
    "cli": CLUSTER | TRACE | {"cli", "export", "verify", "web", ""},
    "__main__": {"cli"},
    "": TRAINING | {"estimator"},
}
"""What each part may import, the lower parts first; "" is the package itself."""


def part(module: str) -> str:
    """The part of the package that a module belongs to: "notes" for handgrad.notes.dense."""
    return [*module.split("."), ""][1]


def module_of(path: Path) -> str:
    names = ["handgrad", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(name for name in names if name != "__init__")


def imported(path: Path) -> Iterator[str]:
    """Every module of the package that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "handgrad")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            if node.module == "handgrad":
                own = {file.stem for file in PACKAGE.iterdir()}
                yield from (f"handgrad.{alias.name}" if alias.name in own else "handgrad" for alias in node.names)
            elif node.module and node.module.startswith("handgrad."):
                yield node.module


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_point_downwards(path: Path) -> None:
    own = part(module_of(path))
    assert own in ALLOWED, "a new part: say above what it may import"
    assert {part(module) for module in imported(path)} <= ALLOWED[own]


def test_no_two_parts_may_import_each_other() -> None:
    for name, allowed in ALLOWED.items():
        assert all(name not in ALLOWED[other] for other in allowed - {name} if other)


def test_a_wrong_import_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(
        "import handgrad.cli.train\ndef f():\n    from handgrad.data import load\n    from handgrad import cli\n"
    )
    assert sorted(map(part, imported(file))) == ["cli", "cli", "data"]


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a statement loads."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_package_is_light() -> None:
    loaded = loaded_by("import handgrad")
    assert "numpy" in loaded
    assert loaded.isdisjoint({"sklearn", "scipy", "matplotlib", "typer", "rich", "PIL", "safetensors", "numba"})


def test_importing_the_commands_loads_nothing_that_only_a_training_needs() -> None:
    assert loaded_by("import handgrad.cli").isdisjoint(
        {"sklearn", "scipy", "matplotlib", "numba", "starlette", "uvicorn", "onnx", "ray", "torch"}
    )


def public_in(node: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Functions and classes one level down whose names do not begin with an underscore."""
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef | ast.ClassDef) and not inner.name.startswith("_"):
            yield inner


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_everything_public_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = [*public_in(tree)]
    public += [inner for node in public if isinstance(node, ast.ClassDef) for inner in public_in(node)]
    assert [node.name for node in public if not ast.get_docstring(node)] == []
    assert ast.get_docstring(tree)


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_file_is_no_longer_than_a_person_reads(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem not in {"utils", "helpers", "common", "base", "misc"}
