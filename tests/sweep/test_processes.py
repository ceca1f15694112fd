"""Trials on this machine: the same ones, however many processes there are and whatever ends them."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handgrad import cli
from handgrad.errors import HandgradError
from handgrad.report.files import NAMES
from handgrad.runs import TrainingOptions, prepare
from handgrad.sweep import processes as module
from handgrad.sweep.processes import Processes, train_until
from handgrad.sweep.space import Distribution, Options, Value, drawn, interpret
from handgrad.sweep.trials import Plan, Report, Trial, reports
from handgrad.training import Recipe
from tests.cli.endings import write_images

SPACE: dict[str, Value | Distribution] = {
    "epochs": 8,
    "filters": "2,2",
    "learning-rate": Distribution("loguniform", (1e-4, 1e-1)),
    "batch-size": Distribution("randint", (8, 32)),
}
OPTIONS = drawn(SPACE, 8, seed=0)


def ignore(done: int, total: int) -> None:
    pass


class Inline:
    """Carries out the tasks here, and counts them."""

    done = 0

    def __init__(self, workers: int) -> None:
        pass

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def results(self, tasks: Mapping[int, tuple[Any, ...]]) -> Iterator[tuple[int, Report | str]]:
        # As many processes might, in another order.
        for number in reversed(list(tasks)):
            Inline.done += 1
            try:
                outcome: Report | str = train_until(*tasks[number])
            except HandgradError as error:
                outcome = str(error)
            yield number, outcome


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> type[Inline]:
    monkeypatch.setattr(module, "_Pool", Inline)
    monkeypatch.setattr(Inline, "done", 0)
    return Inline


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    source = write_images(tmp_path_factory.mktemp("source") / "images.npz")
    return Plan(TrainingOptions(source=str(source), engine="notes", network={"hidden": ()}), None)


@pytest.fixture(scope="module")
def undisturbed(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> list[Trial]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_Pool", Inline)
        return Processes()(OPTIONS, plan, tmp_path_factory.mktemp("undisturbed"), ignore)


def test_the_lower_half_is_stopped_at_each_rung(undisturbed: list[Trial], plan: Plan) -> None:
    assert [trial.number for trial in undisturbed] == list(range(1, 9))
    epochs = sorted((trial.epochs, trial.state) for trial in undisturbed)
    assert epochs == [(2, "stopped")] * 4 + [(4, "stopped")] * 2 + [(8, "finished")] * 2
    whole: dict[int, list[Report]] = {}
    for trial in undisturbed:
        run = prepare(interpret(trial.options, plan.base), threads=1)
        whole[trial.number] = list(reports(run))
        last = whole[trial.number][trial.epochs - 1]
        assert (trial.validation_accuracy, trial.validation_loss) == last[1:3], "as if trained at once"
    for stopped_at, rung in ((2, 2), (4, 4)):
        stayed = [trial.number for trial in undisturbed if trial.epochs > stopped_at]
        left = [trial.number for trial in undisturbed if trial.epochs == stopped_at]
        keys = {number: (-found[rung - 1][1], found[rung - 1][2]) for number, found in whole.items()}
        assert max(keys[number] for number in stayed) <= min(keys[number] for number in left)


@pytest.mark.parametrize("interrupted_after", range(1, 14, 3))
def test_what_is_trained_is_not_repeated(
    inline: type[Inline], plan: Plan, undisturbed: list[Trial], tmp_path: Path, interrupted_after: int
) -> None:
    seen: list[tuple[int, int]] = []

    def interrupt(done: int, total: int) -> None:
        seen.append((done, total))
        if done >= interrupted_after and len(seen) > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Processes()(OPTIONS, plan, tmp_path, interrupt)
    # What was lost is at most the figures of the last.
    for path in sorted(tmp_path.rglob("*.json"))[-1:]:
        path.unlink()
    assert Processes(workers=3)(OPTIONS, plan, tmp_path, lambda *at: seen.append(at)) == undisturbed
    assert inline.done <= 14 + 1
    assert seen[-1] == (14, 14)


def test_damaged_checkpoints_are_trained_again(
    inline: type[Inline], plan: Plan, undisturbed: list[Trial], tmp_path: Path
) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Processes()(OPTIONS, plan, tmp_path, interrupt)
    for number, path in enumerate(tmp_path.rglob("step-*.safetensors")):
        path.write_bytes(path.read_bytes()[: 100 * number])
    assert Processes()(OPTIONS, plan, tmp_path, ignore) == undisturbed


def test_a_trial_that_fails_is_a_row_with_the_reason(inline: type[Inline], plan: Plan, tmp_path: Path) -> None:
    options: list[Options] = [*OPTIONS[:2], OPTIONS[2] | {"filters": "2,2/2,2/2,2"}]
    trials = Processes()(options, plan, tmp_path, ignore)
    assert [trial.state for trial in trials][2] == "failed"
    assert "is left for a window" in trials[2].error
    assert sorted(trial.state for trial in trials) == ["failed", "finished", "stopped"]


def test_early_stopping_ends_a_trial_before_its_last_epoch(inline: type[Inline], tmp_path: Path, plan: Plan) -> None:
    recipe = Recipe(early_stopping=True, patience=1, schedule="constant")
    stopping = plan._replace(base=replace(plan.base, recipe=recipe))
    (one,) = Processes()([OPTIONS[0] | {"epochs": 400}], stopping, tmp_path, ignore)
    assert one.state == "finished"
    assert one.epochs < 400


def test_processes_and_a_lost_one_give_the_same(plan: Plan, undisturbed: list[Trial], tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        """Kill one process once."""
        ours = [child for child in multiprocessing.active_children() if child.name.startswith("SpawnProcess")]
        if ours and not killed:
            killed.append(ours[0].pid or 0)
            os.kill(killed[0], getattr(signal, "SIGKILL", signal.SIGTERM))

    assert Processes(workers=2, threads=1)(OPTIONS, plan, tmp_path, kill) == undisturbed
    assert killed


def test_a_process_that_is_lost_each_time_fails_its_trial_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = module._Pool(1)
    monkeypatch.setattr(pool, "_start", lambda: _dead(pool))
    with pool:
        assert dict(pool.results({7: (), 8: ()})) == dict.fromkeys((7, 8), "its process was lost 3 times")


def _dead(pool: module._Pool) -> Any:
    """A connection to a process that has ended."""
    ours, theirs = multiprocessing.Pipe()
    theirs.close()
    process = multiprocessing.get_context("spawn").Process()
    process.join = lambda timeout=None: None  # type: ignore[method-assign]
    pool._workers[ours] = process
    return ours


def test_the_command_leaves_the_model_of_the_best_and_the_table(
    inline: type[Inline], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "space.toml", tmp_path / "out"
    file.write_text('epochs = 4\nfilters = "8,8"\nhidden = "32"\nlearning-rate = {loguniform = [1e-4, 2e-2]}\n')
    command = ["sweep", "digits", "--space", str(file), "--out", str(out), "--trials", "3", "--workers", "1"]
    assert cli.run(command) == 0
    printed = capsys.readouterr()
    assert "3 trials: 1 finished, 2 stopped; the best has --epochs 4 --filters 8,8 --hidden 32" in printed.out
    assert {path.name for path in out.iterdir()} == {*NAMES, "trials.csv", "sweep.json"}
    with (out / "trials.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert sorted(row["trial"] for row in rows) == ["1", "2", "3"]
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["validation_accuracy"] == float(rows[0]["validation_accuracy"])
    assert [row["state"] for row in rows] == ["finished", "stopped", "stopped"]
    assert cli.run(command) == 2
    assert "already holds a model.safetensors" in capsys.readouterr().err
    assert cli.run([*command, "--address", "auto"]) == 2
    assert "--address=auto: is for a cluster only" in capsys.readouterr().err


def test_draws_are_within_the_space_and_do_not_depend_on_their_number() -> None:
    space = SPACE | {"weight-decay": Distribution("uniform", (0, 0.2)), "maps": Distribution("choice", (1, 2))}
    many = drawn(space, 400, seed=3)
    assert drawn(dict(reversed(list(space.items()))), 50, seed=3) == many[:50]
    assert all(list(one) == list(space) for one in many)
    rates = np.array([one["learning-rate"] for one in many], float)
    assert (rates >= 1e-4).all()
    assert (rates <= 1e-1).all()
    assert 0.4 < (rates < 10**-2.5).mean() < 0.6
    sizes = [one["batch-size"] for one in many]
    assert (min(sizes), max(sizes)) == (8, 32)
    assert {one["maps"] for one in many} == {1, 2}
    assert all(type(one["batch-size"]) is int and type(one["weight-decay"]) is float for one in many)
    assert drawn(space, 5, seed=4) != many[:5]
