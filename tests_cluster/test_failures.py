"""Workers and hosts that are lost in mid-epoch: the training recovers, and its model is the same bit for bit."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handgrad.training import Epoch, Step
from tests_cluster.processes import below_this
from tests_cluster.training import attempt, run, weights

ARGUMENTS = ("--epochs", "3", "--batch-size", "2", "--cluster", "ray", "--workers", "2")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    events = run(out, *ARGUMENTS, "--address", address)
    steps = [event.step for event in events if isinstance(event, Step)]
    assert steps == list(range(1, 3 * 647 + 1))
    return out


class Disturbance:
    """Does something once, in the middle of the second epoch."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act, self.done = act, False

    def __call__(self, event: Step | Epoch) -> None:
        if isinstance(event, Step) and event.epoch == 2 and not self.done:
            self.act()
            self.done = True


def check_it_resumed(events: list[Step | Epoch]) -> None:
    """At most the work since the last checkpoint, that of the first epoch, may be lost."""
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [1, 2, 3]
    steps = [event.step for event in events if isinstance(event, Step)]
    again = [later for before, later in pairwise(steps) if later != before + 1]
    assert again == [648], "it resumed at the end of the first epoch"


def test_a_worker_is_killed(undisturbed: Path, tmp_path: Path, address: str) -> None:
    def kill() -> None:
        pids = below_this("RayTrainWorker")
        assert len(pids) == 2
        os.kill(pids[1], signal.SIGKILL)

    disturbance = Disturbance(kill)
    events = run(tmp_path / "run", *ARGUMENTS, "--address", address, watch=disturbance)
    assert disturbance.done
    check_it_resumed(events)
    assert np.array_equal(weights(tmp_path / "run"), weights(undisturbed))


def test_the_command_is_interrupted(
    undisturbed: Path, tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    out = str(tmp_path / "run")
    assert attempt("digits", "--out", out, *ARGUMENTS, "--address", address, watch=Disturbance(interrupt)) == 130
    assert f"interrupted after step 647; handgrad train --resume {out} resumes it" in capsys.readouterr().err
    assert attempt("--resume", out, "--workers", "1") == 2
    assert "workers=1: contradicts the training" in capsys.readouterr().err
    assert attempt("--resume", out, "--address", address) == 0
    assert np.array_equal(weights(tmp_path / "run"), weights(undisturbed))


@pytest.fixture
def hosts() -> Iterator[Any]:
    """A cluster of a head that computes nothing and two hosts of a processor each."""
    from ray.cluster_utils import Cluster

    few = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **few})
    for _ in range(2):
        cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    yield cluster
    cluster.shutdown()


def test_a_host_is_lost_and_replaced(undisturbed: Path, tmp_path: Path, hosts: Any) -> None:
    def replace() -> None:
        lost = sorted(hosts.worker_nodes, key=lambda node: node.unique_id)[0]
        hosts.remove_node(lost, allow_graceful=False)
        hosts.add_node(num_cpus=1, object_store_memory=80 * 2**20)

    disturbance = Disturbance(replace)
    events = run(tmp_path / "run", *ARGUMENTS, "--address", hosts.address, watch=disturbance)
    assert disturbance.done
    check_it_resumed(events)
    assert np.array_equal(weights(tmp_path / "run"), weights(undisturbed))
