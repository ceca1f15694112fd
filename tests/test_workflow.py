"""The workflow of the public CI covers what is supported, with few rights and versions that are named."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="needs PyYAML")

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_system_and_python_runs_the_tests() -> None:
    matrix = yaml.safe_load((FOLDER / "tests.yml").read_text(encoding="utf-8"))["jobs"]["tests"]["strategy"]["matrix"]
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"][0] == PROJECT["requires-python"].removeprefix(">=")
    assert matrix["python"] == [f"3.{minor}" for minor in range(11, 15)]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yml")), ids=lambda path: str(path.name))
def test_a_workflow_has_few_rights_an_end_and_named_versions(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@(release/)?v\d+", step.get("uses", "actions/checkout@v5"))


def test_every_dependency_has_a_floor() -> None:
    extras = [name for each in PROJECT["optional-dependencies"].values() for name in each]
    for requirement in PROJECT["dependencies"] + extras:
        assert re.fullmatch(r"[\w-]+(\[[\w,]+\])?>=[\d.]+", requirement), requirement


def test_the_core_needs_neither_matplotlib_nor_torch() -> None:
    assert not [name for name in PROJECT["dependencies"] if re.match("matplotlib|torch|ray|pandas", name)]
    assert not [name for name in PROJECT["optional-dependencies"]["ray"] if "torch" in name]
