"""Training by the workers of a cluster: the same model as on one machine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from handgrad import model_file
from tests_cluster.training import NETWORK, losses, run, weights


def on(address: str, workers: int) -> tuple[str, ...]:
    return "--cluster", "ray", "--workers", str(workers), "--address", address


def test_one_worker_trains_the_same_model_as_one_machine_bit_for_bit(tmp_path: Path, address: str) -> None:
    arguments = (*NETWORK, "--epochs", "3", "--augment", "shift", "--class-weight", "balanced", "--early-stopping")
    alone = run(tmp_path / "alone", *arguments)
    events = run(tmp_path / "run", *arguments, *on(address, 1))
    assert losses(events) == losses(alone)
    assert np.array_equal(weights(tmp_path / "run"), weights(tmp_path / "alone"))
    files, expected = (sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("run", "alone"))
    assert files == expected
    assert "--cluster ray" in model_file.load(tmp_path / "run").provenance["command"]


def test_two_workers_agree_with_one_and_repeat_themselves_bit_for_bit(tmp_path: Path, address: str) -> None:
    arguments = (*NETWORK, "--epochs", "3", "--augment", "shift", "--class-weight", "balanced", "--early-stopping")
    alone = losses(run(tmp_path / "alone", *arguments))
    first, second = (losses(run(tmp_path / name, *arguments, *on(address, 2))) for name in ("first", "second"))
    assert len(first) == len(alone) > 50
    np.testing.assert_allclose(first[:50], alone[:50], rtol=1e-5)
    assert first != alone, "two workers add up in another order"
    assert first == second
    assert np.array_equal(weights(tmp_path / "first"), weights(tmp_path / "second"))


def test_two_workers_are_as_accurate_on_mnist_as_one(tmp_path: Path, shared_data: Path, address: str) -> None:
    # With the default recipe, rounding errors soon grow to the difference of another seed; not with small steps.
    arguments = ("--epochs", "2", "--optimizer", "sgd", "--learning-rate", "0.02")
    mnist = str(shared_data / "mnist")
    alone = losses(run(tmp_path / "alone", *arguments, source=mnist))
    two = losses(run(tmp_path / "two", *arguments, *on(address, 2), source=mnist))
    np.testing.assert_allclose(two[:50], alone[:50], rtol=1e-5)
    reports = [json.loads((tmp_path / name / "report.json").read_text(encoding="utf-8")) for name in ("alone", "two")]
    one, other = (report["test_accuracy"] for report in reports)
    assert one > 0.9
    assert abs(one - other) <= 0.001
