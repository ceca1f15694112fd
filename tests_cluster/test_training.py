"""Training by the workers of a cluster: the model of one machine, whoever computes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handgrad import cli, model_file

NETWORK = ["--filters", "8,8", "--hidden", "32"]


def run(out: Path, *arguments: str) -> list[str]:
    assert cli.run(["train", "digits", *NETWORK, "--out", str(out), *map(str, arguments)]) == 0
    return sorted(path.name for path in out.iterdir())


def weights(folder: Path) -> Any:
    return model_file.load(folder).parameters.vector


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone") / "run"
    run(out, "--epochs", "3")
    return out


def test_one_worker_has_the_bits_of_one_machine(alone: Path, tmp_path: Path, address: str) -> None:
    out = tmp_path / "run"
    files = run(out, "--epochs", "3", "--cluster", "ray", "--workers", "1", "--address", address)
    assert files == sorted(path.name for path in alone.iterdir())
    assert np.array_equal(weights(out), weights(alone))


def test_two_workers_repeat_themselves_to_the_bit(alone: Path, tmp_path: Path, address: str) -> None:
    for name in ("one", "other"):
        run(tmp_path / name, "--epochs", "3", "--cluster", "ray", "--workers", "2", "--address", address)
    assert np.array_equal(weights(tmp_path / "one"), weights(tmp_path / "other"))
    assert not np.array_equal(weights(tmp_path / "one"), weights(alone)), "two workers add up in another order"
    np.testing.assert_allclose(weights(tmp_path / "one"), weights(alone), atol=1e-2)
