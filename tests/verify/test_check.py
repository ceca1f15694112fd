"""The proof holds, and it can fail: each backward function is replaced by wrong ones, caught at their lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from handgrad import cli, model_file, verify
from handgrad.architecture import Architecture
from handgrad.data import read
from handgrad.notes import network, pooling
from handgrad.notes.lines import LINES
from handgrad.parameters import Parameters
from handgrad.typing import Array
from tests.notes.strategies import architectures, filled, generators
from tests.verify.sabotage import SABOTAGES, Sabotage

BACKWARD = [entry for entry in LINES if entry.kind in ("backward", "step")]
FUNCTIONS = {entry.number: set(entry.functions) for entry in LINES}


def square_networks(rng: np.random.Generator) -> list[tuple[Parameters, Array]]:
    """Two networks in which every transpose keeps every shape, with two images each."""
    made: list[tuple[Parameters, Array]] = []
    for maps in (None, 3):
        architecture = Architecture(input_shape=(8, 8, 3), classes=12, stages=((3, 3),), hidden=(12,), maps=maps)
        assert all(len(set(shape[-2:])) == 1 for name, shape in architecture.parameter_shapes.items() if name[0] != "b")
        made.append((filled(architecture, rng), rng.standard_normal((2, 8, 8, 3))))
    return made


def failures(networks: list[tuple[Parameters, Array]]) -> set[str]:
    """Numbers of the lines that fail in any of the networks, and of the first whole pass, "N17–N30"."""
    rng, failed = np.random.default_rng(1), set()
    for each in networks:
        for line in verify.check(*each, rng):
            if line.verdict == "fail":
                failed.add(line.number)
                if "–" in line.number:
                    break
    return failed


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer numbers are compared, so that many checks take little time."""
    monkeypatch.setattr("handgrad.verify.difference.COORDINATES", 4)


def networks_for(sabotage: Sabotage) -> list[tuple[Parameters, Array]]:
    rng = np.random.default_rng(2)
    return square_networks(rng) if sabotage.square else verify.networks_of_the_notes(rng)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda s: f"{s.function}: {s.mistake}")
def test_a_wrong_line_fails_at_that_very_line_and_no_other(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = networks_for(sabotage)
    monkeypatch.setattr(f"handgrad.notes.{sabotage.function}", sabotage.wrong)
    failed = failures(networks)
    lines = {entry.number for entry in LINES if sabotage.function in entry.functions}
    assert {number for number in failed if "–" not in number} == lines
    # N27 explains N28 and N31 follows the pass: all others are part of it.
    assert any("–" in number for number in failed) == bool(lines - {"N27", "N31"})


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("sabotage", [s for s in SABOTAGES if s.square], ids=lambda s: f"{s.function}: {s.mistake}")
def test_a_transpose_that_changes_shapes_is_caught_too(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = verify.networks_of_the_notes(np.random.default_rng(2))
    monkeypatch.setattr(f"handgrad.notes.{sabotage.function}", sabotage.wrong)
    try:
        failed = failures(networks)
    except ValueError:
        return  # NumPy itself refuses the shapes
    assert failed & {entry.number for entry in LINES if sabotage.function in entry.functions}


def test_every_function_of_every_backward_line_is_sabotaged() -> None:
    assert [line.number for line in BACKWARD] == [
        *(f"N{n}" for n in range(17, 26)),
        *(f"N{n}" for n in range(27, 32)),
        "N34",
        "N35",
    ]
    assert {name for line in BACKWARD for name in line.functions} == {sabotage.function for sabotage in SABOTAGES}


def test_the_examples_with_an_error_going_back_are_sabotaged() -> None:
    assert {"pooling.max_pool_backward"} == FUNCTIONS["N16"]
    assert {"convolution.response_derivative"} == FUNCTIONS["N27"]


def test_the_check_names_every_backward_line_and_the_example_of_the_four_errors() -> None:
    rng = np.random.default_rng(0)
    checked = {line.number for each in verify.networks_of_the_notes(rng) for line in verify.check(*each, rng)}
    assert checked == {"N16", *(line.number for line in BACKWARD), "N17–N30", "N17–N35"}


@pytest.mark.usefixtures("few")
def test_relu_derivative_is_caught_at_both_of_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = verify.networks_of_the_notes(np.random.default_rng(2))
    monkeypatch.setattr("handgrad.notes.activation.relu_derivative", np.ones_like)
    assert {number for number in failures(networks) if "–" not in number} == {"N21", "N30"}


def test_ties_that_go_to_the_last_cell_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tie has no derivative to compare with: that the first cell takes all is checked by hand."""
    T, E = np.ones((1, 2, 2, 1)), np.full((1, 1, 1, 1), 7.0)
    first = [[7.0, 0.0], [0.0, 0.0]]
    assert pooling.max_pool_backward(E, T)[0, :, :, 0].tolist() == first

    def last(T: Array, p: int = 2) -> Any:
        return p * p - 1 - pooling.windows(T, p)[:, :, :, ::-1].argmax(axis=3)

    monkeypatch.setattr(pooling, "winners", last)
    assert pooling.max_pool_backward(E, T)[0, :, :, 0].tolist() != first


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", ["X", "F1", "F2", "alpha1", "alpha2", "w1", "b1", "w2", "b2"])
def test_a_pass_that_puts_the_lines_together_wrongly_is_caught_there(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = network.backward

    def wrong(*arguments: Any) -> network.Tensors:
        gradients = right(*arguments)
        return gradients | {name: gradients[name] * 1.001}

    rng = np.random.default_rng(3)
    with_maps = verify.networks_of_the_notes(rng)[1]
    monkeypatch.setattr(network, "backward", wrong)
    failed = [(line.number, line.derivative) for line in verify.check(*with_maps, rng) if line.verdict == "fail"]
    assert failed == [("N17–N35", f"∂E/∂{name}")]


@pytest.mark.usefixtures("few")
def test_an_error_of_one_part_in_a_million_is_caught_and_a_number_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = verify.networks_of_the_notes(np.random.default_rng(2))
    for factor in (1 + 1e-6, np.nan, np.inf, 0.0):
        with monkeypatch.context() as patch:
            patch.setattr("handgrad.notes.loss.softmax_cross_entropy_backward", lambda z, y, f=factor: f * (z - y))
            with np.errstate(invalid="ignore"):
                assert "N17" in failures(networks)


@settings(deadline=None, max_examples=6)
@given(architectures(), generators)
def test_every_line_passes_on_any_network(architecture: Architecture, rng: np.random.Generator) -> None:
    X = rng.standard_normal((2, *architecture.input_shape))
    for line in verify.check(filled(architecture, rng), X, rng):
        assert line.verdict != "fail", line
        assert line.error <= 1e-7


@pytest.mark.parametrize("place", [0, 1500])
def test_every_line_passes_on_a_trained_network_and_a_real_picture(trained: Path, place: int) -> None:
    model = model_file.load(trained)
    pixels = read("digits").train.images[place : place + 2]
    X = model.standardization.apply(pixels, np.float64)
    checks = list(verify.check(model.parameters, X, np.random.default_rng(0)))
    assert {line.verdict for line in checks} <= {"pass", "kink"}
    assert sum(line.verdict == "pass" for line in checks) >= len(checks) - 2


def test_a_blank_image_has_kinks_and_no_failures() -> None:
    """On a network without biases in front of them, every ReLU and every window of a blank image is undecided."""
    architecture = Architecture(input_shape=(8, 8, 1), stages=((2, 2),), hidden=(3,))
    parameters = Parameters.draw(architecture, np.random.default_rng(0))
    checks = list(verify.check(parameters, np.zeros((1, 8, 8, 1)), np.random.default_rng(0)))
    verdicts = {(line.number, line.derivative): line.verdict for line in checks}
    assert verdicts["N25", "∂E/∂T2"] == verdicts["N21", "∂E/∂t1'"] == verdicts["N30", "∂E/∂T1"] == "kink"
    assert verdicts["N18", "∂E/∂w2"] == "pass"
    assert "fail" not in verdicts.values()


def test_float32_parameters_are_checked_in_float64() -> None:
    rng = np.random.default_rng(0)
    (parameters, X), _ = verify.networks_of_the_notes(rng)
    single = parameters.astype(np.float32)
    assert all(line.verdict == "pass" for line in verify.check(single, X.astype(np.float32), rng))
    assert single.vector.dtype == np.float32


def test_the_command_exits_with_1_when_a_line_is_wrong_and_0_when_none_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["check"]) == 0
    assert "fail" not in capsys.readouterr().out
    monkeypatch.setattr("handgrad.notes.descent.step", lambda theta, g, rate: theta + rate * g)
    assert cli.run(["check"]) == 1
    out, err = capsys.readouterr()
    failed = [row for row in out.splitlines() if "fail" in row]
    assert [row.split()[0] for row in failed] == ["N31", "N31"]
    assert err == ""
