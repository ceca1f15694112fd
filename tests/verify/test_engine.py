"""The proof of the fused engine holds, and it can fail: a broken gradient or loss is caught by its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handgrad import cli, verify
from handgrad.fused.network import Network
from handgrad.notes import network as notes
from handgrad.parameters import Parameters
from handgrad.typing import Array
from tests.data.writing import noise, write_picture
from tests.fused.agreement import AS_GIVEN

Passes = tuple[Array, Array, Parameters]
Change = Callable[[Array, Parameters], Any]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[Change], None]:
    """Has a change made to the losses and the gradient of every pass."""
    right = Network.loss_and_gradients

    def breaking(change: Change) -> None:
        def wrong(self: Network, *arguments: Any) -> Passes:
            losses, probabilities, gradient = right(self, *arguments)
            change(losses, gradient)
            return losses, probabilities, gradient

        monkeypatch.setattr(Network, "loss_and_gradients", wrong)

    return breaking


def test_the_fused_engine_passes_on_both_networks_of_the_notes() -> None:
    rng = np.random.default_rng(0)
    for parameters, X in verify.networks_of_the_notes(rng):
        checks = list(verify.check_engine(AS_GIVEN.loss_and_gradients, parameters, X, rng))
        assert [line.derivative for line in checks] == ["E", *(f"∂E/∂{name}" for name in parameters)]
        assert all(line.verdict == "pass" and line.coordinates for line in checks)
        assert max(line.error for line in checks) < 1e-8


@pytest.mark.parametrize("name", ["F1", "F2", "alpha1", "alpha2", "w1", "b1", "w2", "b2"])
@pytest.mark.parametrize("factor", [1 + 1e-6, -1.0, 0.0, np.nan])
def test_a_wrong_gradient_is_caught_at_its_parameter(
    broken: Callable[[Change], None], name: str, factor: float
) -> None:
    def change(losses: Array, gradient: Parameters) -> None:
        gradient[name][...] *= factor

    broken(change)
    rng = np.random.default_rng(0)
    with_maps = verify.networks_of_the_notes(rng)[1]
    checks = list(verify.check_engine(AS_GIVEN.loss_and_gradients, *with_maps, rng))
    assert [line.derivative for line in checks if line.verdict == "fail"] == [f"∂E/∂{name}"]


def test_a_single_wrong_number_is_caught(broken: Callable[[Change], None]) -> None:
    def change(losses: Array, gradient: Parameters) -> None:
        largest = np.abs(gradient["F2"]).max()
        gradient["F2"][-1, -1, -1] += 1e-6 * largest

    broken(change)
    rng = np.random.default_rng(0)
    checks = list(verify.check_engine(AS_GIVEN.loss_and_gradients, *verify.networks_of_the_notes(rng)[0], rng))
    assert [line.derivative for line in checks if line.verdict == "fail"] == ["∂E/∂F2"]


def test_a_loss_that_fits_its_gradient_but_is_not_the_notes_is_caught() -> None:
    """Of another network, whose own gradient is right: only the comparison with the notes' E can tell."""

    def shifted(parameters: Parameters, X: Array, y: Array) -> Passes:
        return notes.loss_and_gradients(parameters, X + 0.01, y)

    rng = np.random.default_rng(0)
    checks = list(verify.check_engine(shifted, *verify.networks_of_the_notes(rng)[0], rng))
    assert checks[0].verdict == "fail"
    assert checks[0].derivative == "E"


def test_the_command_exits_with_1_when_a_gradient_is_wrong_and_0_when_none_is(
    broken: Callable[[Change], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["check", "--engine", "fused"]) == 0
    out = capsys.readouterr().out
    assert "the fused engine" in out
    assert "16 of 16 pass" in out

    def change(losses: Array, gradient: Parameters) -> None:
        gradient["w1"][...] *= 1.001

    broken(change)
    assert cli.run(["check", "--engine", "fused"]) == 1
    failed = [row.split() for row in capsys.readouterr().out.splitlines() if "fail" in row]
    assert [row[:2] for row in failed] == [["N17–N30", "∂E/∂w1"], ["N17–N35", "∂E/∂w1"]]


def test_a_model_and_a_picture(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = write_picture(tmp_path / "noise.png", noise(8, 8))
    assert cli.run(["check", str(trained), str(picture), "--engine", "fused", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [record["derivative"] for record in found] == [
        "E",
        *(f"∂E/∂{n}" for n in ("F1", "F2", "w1", "b1", "w2", "b2")),
    ]
    assert {record["verdict"] for record in found} == {"pass"}


def test_an_unknown_engine_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "--engine", "torch"]) == 2
    assert "--engine=torch: must be one of fused, notes; see handgrad check --help" in capsys.readouterr().err
