"""Sweeps on a cluster: the best of many trainings, even if some of them fail."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from handgrad import cli, model_file
from handgrad.report.files import NAMES
from tests_cluster.processes import below_this, watched

SPACE = """
epochs = 4
filters = {choice = ["4,4", "8,8"]}
learning-rate = {loguniform = [1e-4, 2e-2]}
batch-size = {randint = [16, 64]}
weight-decay = {uniform = [0, 0.2]}
"""


def sweep(tmp_path: Path, address: str, *arguments: str, space: str = SPACE, trials: int = 6) -> int:
    file = tmp_path / "space.toml"
    file.write_text(space)
    out = os.path.relpath(tmp_path / "out")
    cluster = ("--cluster", "ray", "--address", address)
    on = ("--space", str(file), "--out", out, "--trials", str(trials), *cluster)
    return cli.run(["sweep", "digits", *on, *arguments])


def table(out: Path) -> list[dict[str, str]]:
    with (out / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_best_model_is_what_its_options_train(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(tmp_path, address) == 0
    out, printed = tmp_path / "out", capsys.readouterr()
    assert sorted(path.name for path in out.iterdir()) == sorted([*NAMES, "trials.csv", "sweep.json"])
    rows = table(out)
    assert sorted(int(row["trial"]) for row in rows) == [1, 2, 3, 4, 5, 6]
    assert all(1e-4 <= float(row["learning-rate"]) <= 2e-2 for row in rows)
    assert all(16 <= int(row["batch-size"]) <= 64 for row in rows)
    assert {row["filters"] for row in rows} <= {"4,4", "8,8"}
    finished = [row for row in rows if row["state"] == "finished"]
    assert rows[0] == max(finished, key=lambda row: float(row["validation_accuracy"]))
    assert all(row["passes"] == "4" for row in finished)
    assert all(int(row["passes"]) < 4 for row in rows if row["state"] == "stopped")
    assert f"the best has --epochs 4 --filters {rows[0]['filters']}" in printed.out
    # The model is the one that its trial had, and that the command trains.
    report = json.loads((out / "report.json").read_text())
    assert report["validation_accuracy"] == pytest.approx(float(rows[0]["validation_accuracy"]), abs=1e-12)
    options = [word for name in ("epochs", "filters", "learning-rate", "batch-size", "weight-decay")
               for word in (f"--{name}", rows[0][name])]  # fmt: skip
    assert cli.run(["train", "digits", *options, "--out", str(tmp_path / "alone")]) == 0
    alone, best = (model_file.load(folder).parameters.vector for folder in (tmp_path / "alone", out))
    assert np.array_equal(alone, best)
    assert sweep(tmp_path, address) == 2
    assert "already holds a model.safetensors" in capsys.readouterr().err


def test_trials_that_fail_or_are_killed_do_not_end_it(tmp_path: Path, address: str) -> None:
    killed: list[int] = []

    def kill(ended: int, total: int) -> None:
        """Kill the process of another trial once the first has ended."""
        if total == 6 and ended and not killed:
            killed.extend(below_this("ImplicitFunc")[:1])
            os.kill(killed[0], signal.SIGKILL)

    space = SPACE.replace('"4,4"', '"4,4/4,4"').replace("epochs = 4", "epochs = 20")
    with watched(kill):
        assert sweep(tmp_path, address, "--seed", "0", space=space) == 0
    assert killed
    rows = table(tmp_path / "out")
    failed = [row for row in rows if row["state"] == "failed"]
    assert failed
    assert all(row["filters"] == "4,4/4,4" and "is left for a window" in row["error"] for row in failed)
    assert all(math.isnan(float(row["validation_accuracy"])) for row in failed)
    assert (rows[0]["state"], rows[-1]["state"], len(rows)) == ("finished", "failed", 6)


def test_an_interrupted_sweep_resumes(tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    reported: list[int] = []
    before: list[int] = []

    def interrupt(ended: int, total: int) -> None:
        """Interrupt once, when half of the trials have ended; two that end together may be reported as one."""
        if total == 6:
            reported.append(ended)
            if ended >= 3 and not before:
                before.extend(reported)
                raise KeyboardInterrupt

    with watched(interrupt):
        assert sweep(tmp_path, address) == 130
        assert "the same command continues" in capsys.readouterr().err
        assert sweep(tmp_path, address, "--seed", "5") == 2
        assert "holds another sweep" in capsys.readouterr().err
        assert sweep(tmp_path, address) == 0
    assert max(reported) == 6
    assert sum(ended > 0 for ended in reported[len(before) :]) < 6, "trials that had ended were not trained again"
    assert sorted(int(row["trial"]) for row in table(tmp_path / "out")) == [1, 2, 3, 4, 5, 6]
