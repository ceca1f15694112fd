"""The manifest for Kubernetes: valid under KubeRay's schema, with a valid command of ours."""

from __future__ import annotations

import json
import shlex
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from handgrad import cli

MANIFEST = yaml.safe_load((Path(__file__).parents[1] / "docs" / "kuberay.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads(Path(__file__).with_name("kuberay.schema.json").read_text(encoding="utf-8"))


def errors(manifest: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMA).iter_errors(manifest)]


def test_the_manifest_fits_the_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert errors(MANIFEST) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kind",), "RayJobs"),
        (("spec", "entryPoint"), "handgrad train digits"),
        (("spec", "rayClusterSpec", "workerGroupSpecs", 0, "replicas"), "4"),
        (("spec", "rayClusterSpec", "headGroupSpec", "rayStartParams", "num-cpus"), 0),
        (("spec", "rayClusterSpec", "headGroupSpec", "template", "spec", "containers", 0, "resource"), {}),
    ],
)
def test_the_schema_finds_mistakes(path: tuple[Any, ...], value: Any) -> None:
    wrong = deepcopy(MANIFEST)
    node = wrong
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    assert len(errors(wrong)) == 1


def test_its_numbers_and_volumes_match() -> None:
    command = shlex.split(MANIFEST["spec"]["entrypoint"])
    cluster = MANIFEST["spec"]["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    assert command[command.index("--workers") + 1] == str(group["replicas"])
    assert group["minReplicas"] == group["replicas"] == group["maxReplicas"]
    (container,) = group["template"]["spec"]["containers"]
    assert command[command.index("--threads") + 1] == container["resources"]["limits"]["cpu"]
    for part in (cluster["headGroupSpec"], group):
        spec = part["template"]["spec"]
        mounted = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        assert {volume["name"] for volume in spec["volumes"]} == set(mounted)
        assert all(path.startswith(mounted["data"] + "/") for path in (command[2], command[command.index("--out") + 1]))


def test_its_command_is_valid() -> None:
    program, *arguments = shlex.split(MANIFEST["spec"]["entrypoint"])
    assert program == "handgrad"
    result = CliRunner().invoke(cli.app, [*arguments, "--help"])
    assert result.exit_code == 0
