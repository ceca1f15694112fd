"""The shape of the project: imports point downwards, start-up is light, files are short."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "handgrad"
FILES = sorted(PACKAGE.rglob("*.py"))
TABLE = (
    ROOT.joinpath("ARCHITECTURE.md").read_text(encoding="utf-8").partition("## The package")[2].partition("\n\n- ")[0]
)
ORDER = re.findall(r"^\| `(\w+)(?:\.py|/)` \|", TABLE, re.MULTILINE)
"""The modules and packages of ARCHITECTURE.md, lowest first."""


def module_of(path: Path) -> str:
    names = ["handgrad", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(name for name in names if name != "__init__")


def imported(path: Path) -> Iterator[str]:
    """Every module of the package that a file imports, inside functions too; its version is no import."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "handgrad")
        elif isinstance(node, ast.ImportFrom) and node.module == "handgrad":
            yield from (f"handgrad.{alias.name}" for alias in node.names if alias.name != "__version__")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("handgrad."):
            yield str(node.module)


def wrong_imports(path: Path, own: str) -> list[str]:
    """The imports that do not point downwards, or that are not in the table."""
    below = ORDER[: ORDER.index(own) + 1]
    return [module for module in imported(path) if module.split(".")[1:2] not in [[name] for name in below]]


@pytest.mark.parametrize("path", [path for path in FILES if path != PACKAGE / "__init__.py"], ids=module_of)
def test_imports_point_downwards(path: Path) -> None:
    assert wrong_imports(path, module_of(path).split(".")[1]) == []


def test_the_order_has_everything_in_the_package_and_nothing_else() -> None:
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(parts - {"__init__"}) == sorted(ORDER)


def test_a_wrong_import_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(
        "import handgrad.cli.train\nimport handgrad\nfrom handgrad import Model, __version__\n"
        "def f():\n    from handgrad.data import load\n    from handgrad import cli, errors\n"
    )
    assert wrong_imports(file, "notes") == [
        "handgrad.cli.train", "handgrad", "handgrad.Model", "handgrad.data", "handgrad.cli",
    ]  # fmt: skip
    assert wrong_imports(file, "cli") == ["handgrad", "handgrad.Model"]


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a statement loads."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_package_is_light() -> None:
    loaded = loaded_by("import handgrad")
    assert "handgrad" in loaded
    heavy = {"sklearn", "scipy", "matplotlib", "typer", "rich", "PIL", "safetensors", "numba"}
    # While NumPy is imported the command line could not answer Ctrl-C.
    assert loaded.isdisjoint(heavy | {"numpy"})


def test_importing_the_commands_loads_nothing_that_only_a_training_needs() -> None:
    assert loaded_by("import handgrad.cli").isdisjoint(
        {"sklearn", "scipy", "matplotlib", "numba", "starlette", "uvicorn", "onnx", "ray", "torch"}
    )


def test_no_file_is_longer_than_a_person_reads() -> None:
    assert [path for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []


def test_every_file_is_named_after_its_subject() -> None:
    assert [path for path in FILES if path.stem in {"utils", "helpers", "common", "base", "misc"}] == []


def longest_functions(folder: str) -> dict[str, int]:
    """The number of lines of every function below a folder of the package, by its name."""
    return {
        f"{module_of(path)}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in sorted((PACKAGE / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def test_no_function_of_the_command_line_is_longer_than_sixty_lines() -> None:
    assert {name: lines for name, lines in longest_functions("cli").items() if lines > 60} == {}


def test_only_the_command_line_knows_its_options() -> None:
    library = [path for path in FILES if "cli" not in path.relative_to(PACKAGE).parts]
    assert [
        path for path in library if re.search(r"(?<![\w-])(?<!var\()--[a-z]", path.read_text(encoding="utf-8"))
    ] == []
