"""Measure the cost of several workers, extrapolate to many, and write docs/scale.md and its figure.

Run it on an idle machine, in the environment of ``make bench``: ``.venv-bench/bin/python -m tools.measure_scale``. It
takes about a minute.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, PercentFormatter
from scipy.optimize import nnls
from threadpoolctl import threadpool_limits

from handgrad import engine as engines
from handgrad.architecture import Architecture
from handgrad.cluster.exchange import Ring
from handgrad.cluster.training import Peers
from handgrad.parameters import Parameters
from handgrad.report.surroundings import machine
from handgrad.standardization import Standardization
from handgrad.training import Recipe
from handgrad.training.batches import Batch
from handgrad.training.workers import ALONE, Workers, both_passes
from tools import DOCS, documents

FIGURE = DOCS / "images" / "scale.png"

NETWORKS = {
    "digits": Architecture(input_shape=(28, 28, 1), classes=10, stages=((16, 16),), hidden=(64,)),
    "photos": Architecture(input_shape=(100, 100, 3), classes=2, stages=((16, 16), (16, 16), (16,)), hidden=(64,)),
}
BATCHES = {"digits": (32, 128, 512), "photos": (8, 32, 128)}
"""Batch sizes of one worker."""

LENGTHS = (1_000, 10_000, 100_000, 300_000, 1_000_000, 3_000_000)
"""Lengths of the all-reduces that are timed alone."""

LINKS = {"1 Gb/s": 1e9 / 8, "10 Gb/s": 1e10 / 8, "100 Gb/s": 1e11 / 8}
WIRE_SECONDS = 20e-6
"""From one host to another through a switch, on top of the software's time, which is measured."""

GOAL = 0.8
LOAD = os.getloadavg()[0]
"""How busy the machine is with other work."""
AHEAD = "" if os.sched_getscheduler(0) == os.SCHED_OTHER else ", but at real-time priority"

MANY = 1000
ROUNDS, CALLS = 5, 40


@dataclass(frozen=True)
class Exchange:
    """The cost of an all-reduce: seconds per message and seconds per byte."""

    latency: float
    byte: float

    def seconds(self, workers: int, size: float) -> float:
        """Return the seconds of the ring: 2·(W − 1) messages in sequence, each of a W-th of the bytes."""
        return 2 * (workers - 1) * (self.latency + size / workers * self.byte)

    def over(self, bandwidth: float) -> Exchange:
        """Return the cost of the same software with a network between the workers: each byte takes both times."""
        return Exchange(self.latency + WIRE_SECONDS, self.byte + 1 / bandwidth)


@dataclass(frozen=True)
class Step:
    """The time of a step on one worker: fixed seconds, and seconds per image."""

    fixed: float
    image: float

    def seconds(self, batch: float) -> float:
        """Return the seconds of a step for a batch size."""
        return self.fixed + batch * self.image


def efficiency(step: Step, batch: float, exchange: Exchange, workers: int, size: float) -> float:
    """Return the share of time that workers compute: each one's speed relative to working alone."""
    return step.seconds(batch) / (step.seconds(batch) + exchange.seconds(workers, size))


def batch_for(goal: float, step: Step, exchange: Exchange, workers: int, size: float) -> int:
    """Return the batch size per worker for this efficiency."""
    computing = goal / (1 - goal) * exchange.seconds(workers, size)
    return max(1, math.ceil((computing - step.fixed) / step.image))


def size_of(architecture: Architecture) -> int:
    """Return the bytes of an all-reduce: the gradient, the loss and the number of correct predictions."""
    return 4 * (architecture.parameter_count + 2)


def main() -> None:
    """Measure, fit the model, and write the document and its figure."""
    # Ray starts the workers and takes no part in a step.
    processes = get_context("spawn")
    answers, first = processes.SimpleQueue(), processes.SimpleQueue()
    workers = [processes.Process(target=work, args=(number, first, answers)) for number in range(2)]
    for worker in workers:
        worker.start()
    found = answers.get()
    for worker in workers:
        worker.join()
    exchange = fitted_exchange(found["exchange"])
    steps = {name: fitted_step(found["alone"], name) for name in NETWORKS}
    draw(steps, exchange, found)
    write_document(found, steps, exchange)


def work(number: int, first: Any, answers: Any) -> None:
    """Run one of two workers, each with one thread; the first returns the results."""

    def announce(what: Any) -> Any:
        if number == 0:
            first.put(what)
            return what
        return first.get()

    with Ring(number, 2, "127.0.0.1", announce) as ring, threadpool_limits(1):
        found = best([measure(Peers(ring)) for _ in range(ROUNDS)])
    if number == 0:
        answers.put(found)


def measure(peers: Peers) -> dict[str, Any]:
    """Time an all-reduce, a step alone, a step while the other worker computes, and a step with the all-reduce."""
    found: dict[str, Any] = {"alone": {}, "busy": {}, "together": {}, "exchange": {}}
    for length in LENGTHS:
        numbers = np.zeros(length, np.float32)
        found["exchange"][4 * length] = seconds_of(partial(peers.add, numbers), peers)
    for name, architecture in NETWORKS.items():
        for batch in BATCHES[name]:
            alone = stepper(architecture, batch, ALONE)
            found["alone"][name, batch] = seconds_of(alone if peers.number == 0 else lambda: None, peers)
            found["busy"][name, batch] = seconds_of(alone, peers)
            found["together"][name, batch] = seconds_of(stepper(architecture, batch, peers), peers)
    return found


def best(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the minimum of each figure over all rounds: other work on the machine can only add."""
    return {kind: {key: min(found[kind][key] for found in rounds) for key in rounds[0][kind]} for kind in rounds[0]}


def stepper(architecture: Architecture, batch: int, workers: Workers) -> Callable[[], None]:
    """Make a step of the training loop with this batch size per worker."""
    rng, channels = np.random.default_rng(0), architecture.input_shape[2]
    parameters = Parameters.draw(architecture, rng)
    engine = engines.create("fused", Standardization((100.0,) * channels, (60.0,) * channels), threads=1)
    optimizer = engine.optimizer(Recipe(), parameters)
    images = rng.integers(0, 256, (batch, *architecture.input_shape), np.uint8)
    labels = rng.integers(0, architecture.classes, batch)
    own = Batch(np.arange(batch * workers.count), images, labels)

    def step() -> None:
        found = both_passes(parameters, own, None, engine, workers)
        optimizer.update(parameters, found.gradient, 1e-6)

    return step


def seconds_of(act: Callable[[], None], peers: Peers) -> float:
    """Return the lower quartile of many calls, which all workers begin together."""
    times = []
    for _ in range(CALLS):
        peers.add(np.zeros(1, np.float32))
        started = time.perf_counter()
        act()
        times.append(time.perf_counter() - started)
    return float(np.quantile(times[5:], 0.25))


def fitted_exchange(found: dict[int, float]) -> Exchange:
    """Fit latency and seconds per byte to the all-reduces of two workers, by relative error."""
    sizes, seconds = np.array(list(found)), np.array(list(found.values()))
    latency, byte = nnls(np.stack([2 / seconds, sizes / seconds], axis=1), np.ones(len(sizes)))[0]
    return Exchange(float(latency), float(byte))


def fitted_step(found: dict[tuple[str, int], float], network: str) -> Step:
    """Fit a line to the steps of one network, by relative error."""
    batches = np.array(BATCHES[network])
    seconds = np.array([found[network, batch] for batch in BATCHES[network]])
    fixed, image = nnls(np.stack([1 / seconds, batches / seconds], axis=1), np.ones(len(batches)))[0]
    return Step(float(fixed), float(image))


def draw(steps: dict[str, Step], exchange: Exchange, found: dict[str, Any]) -> None:
    """Plot efficiency over the number of workers, for each network's middle batch size and eight times that."""
    colors = dict(zip(LINKS, ("#c2604a", "#e0a458", "#1f4e79"), strict=True))
    workers = np.unique(np.geomspace(1, MANY, 200).astype(int))
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.4), sharex=True, sharey=True, layout="constrained")
    for row, name in zip(axes, NETWORKS, strict=True):
        size, middle = size_of(NETWORKS[name]), BATCHES[name][1]
        for panel, batch in zip(row, (middle, 8 * middle), strict=True):
            for link, bandwidth in LINKS.items():
                over = exchange.over(bandwidth)
                panel.plot(
                    workers, [efficiency(steps[name], batch, over, w, size) for w in workers],
                    color=colors[link], linewidth=2, label=link,
                )  # fmt: skip
            panel.axhline(GOAL, color="black", linestyle="dotted", linewidth=1)
            panel.set_title(
                f"{name}, {NETWORKS[name].parameter_count:,} parameters, {batch:,} images per worker", fontsize=10
            )
            panel.set_xscale("log")
            panel.set_xlim(1, MANY)
            panel.set_ylim(0, 1.02)
            panel.yaxis.set_major_formatter(PercentFormatter(1))
            panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
            panel.spines[["top", "right"]].set_visible(False)
            panel.grid(alpha=0.2)
        measured_here = found["alone"][name, middle] / found["together"][name, middle]
        row[0].plot([2], [measured_here], "k.", markersize=9, label="two workers here, measured", zorder=5)
        row[0].set_ylabel("efficiency of a worker")
    axes[1, 1].legend(*axes[0, 0].get_legend_handles_labels(), frameon=False, fontsize=9, loc="lower left")
    for panel in axes[1]:
        panel.set_xlabel("workers, each on its own host")
    figure.savefig(FIGURE, dpi=130)
    plt.close(figure)


def write_document(found: dict[str, Any], steps: dict[str, Step], exchange: Exchange) -> None:
    """Write docs/scale.md."""
    counts = (2, 8, 32, 100, MANY)
    by_model = [exchange.seconds(2, 4 * length) for length in LENGTHS]
    documents.write(
        "scale.md",
        machine=machine(),
        load=LOAD,
        ahead=AHEAD,
        calls=CALLS,
        rounds=ROUNDS,
        measured=[_measured(found, name, batch, steps, exchange) for name, batch in found["together"]],
        off=max(
            100 * abs(_by_model(steps, name, batch, exchange) - _efficiency(found, name, batch))
            for name, batch in found["together"]
        ),
        lengths=[f"{length:,}" for length in LENGTHS],
        exchanges=[
            ("measured, ms", *(f"{1e3 * found['exchange'][4 * length]:.2f}" for length in LENGTHS)),
            ("by the model, ms", *(f"{1e3 * seconds:.2f}" for seconds in by_model)),
        ],
        latency=1e6 * exchange.latency,
        rate=1e-9 / exchange.byte,
        wire=1e6 * WIRE_SECONDS,
        fitted=[
            (
                name,
                f"{NETWORKS[name].parameter_count:,}",
                f"{size_of(NETWORKS[name]) / 1e6:.2f} MB",
                f"{1e3 * step.fixed:.2f} ms",
                f"{1e6 * step.image:.1f} µs",
            )
            for name, step in steps.items()
        ],
        goal=GOAL,
        counts=[*(f"{workers:,}" for workers in counts[:-1]), f"{MANY:,} workers"],
        efficiencies=[
            (name, batch, link, *(f"{efficiency(step, batch, over, workers, size):.0%}" for workers in counts))
            for name, step, size, link, over in _linked(steps, exchange)
            for batch in BATCHES[name][1:2]
        ],
        batches=[
            (name, link, *(f"{batch_for(GOAL, step, over, workers, size):,}" for workers in counts))
            for name, step, size, link, over in _linked(steps, exchange)
        ],
    )


def _linked(steps: dict[str, Step], exchange: Exchange) -> Iterator[tuple[str, Step, int, str, Exchange]]:
    for name, step in steps.items():
        for link, bandwidth in LINKS.items():
            yield name, step, size_of(NETWORKS[name]), link, exchange.over(bandwidth)


def _efficiency(found: dict[str, Any], name: str, batch: int) -> float:
    return float(found["alone"][name, batch] / found["together"][name, batch])


def _by_model(steps: dict[str, Step], name: str, batch: int, exchange: Exchange) -> float:
    return efficiency(steps[name], batch, exchange, 2, size_of(NETWORKS[name]))


def _measured(
    found: dict[str, Any], name: str, batch: int, steps: dict[str, Step], exchange: Exchange
) -> tuple[object, ...]:
    added = exchange.seconds(2, size_of(NETWORKS[name]))
    alone, busy, together = (found[kind][name, batch] for kind in ("alone", "busy", "together"))
    times = (f"{1e3 * seconds:.2f}" for seconds in (alone, busy, added, together))
    return name, batch, *times, f"{alone / together:.0%}", f"{_by_model(steps, name, batch, exchange):.0%}"


if __name__ == "__main__":
    main()
