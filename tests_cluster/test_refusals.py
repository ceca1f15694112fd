"""Errors that end a training on a cluster: one line, and nothing left behind that cannot be resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests_cluster.training import NETWORK, attempt


def on(address: str) -> tuple[str, ...]:
    return "--cluster", "ray", "--workers", "2", "--address", address


def save_noise(path: Path, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (60, 8, 8), np.uint8)
    np.savez(path, images=images, labels=np.arange(60) % 3)


def message(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def test_no_cluster_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attempt("digits", "--out", str(tmp_path / "run"), *NETWORK, *on("127.0.0.1:9")) == 2
    assert "address=127.0.0.1:9: no Ray cluster answers there" in message(capsys)


def test_more_workers_than_processors(tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--cluster", "ray", "--workers", "3", "--address", address)
    assert attempt("digits", "--out", str(tmp_path / "run"), *NETWORK, *arguments) == 2
    assert "workers=3: the cluster has 2 processors, and each worker needs one; use fewer" in message(capsys)


def test_images_that_differ_on_the_workers_hosts(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "noise.npz"
    save_noise(source, seed=0)

    def change() -> None:
        save_noise(source, seed=1)

    assert attempt(str(source), "--out", str(tmp_path / "run"), *NETWORK, *on(address), before=change) == 2
    line = message(capsys)
    assert f"source={source}: its images on" in line
    assert "are not those that the command read" in line


def test_a_loss_that_is_not_finite(tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--optimizer", "sgd", "--learning-rate", "1e9", "--schedule", "constant")
    assert attempt("digits", "--out", str(tmp_path / "run"), *NETWORK, *arguments, *on(address)) == 2
    assert "the loss must stay finite; try a smaller learning rate" in message(capsys)
    assert not (tmp_path / "run").exists()
