"""Measure what several workers cost each other, and write down what follows for many: docs/scale.md and its picture.

Run it where nothing else runs, with the environment of the cluster's tests, which ``make test-cluster`` makes:
``.venv-cluster/bin/python -m tools.measure_scale``. It takes about a minute.
"""

from __future__ import annotations

import math
import os
import socket
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
from handgrad.cluster.training import Peers
from handgrad.parameters import Parameters
from handgrad.report.surroundings import machine
from handgrad.standardization import Standardization
from handgrad.training import Recipe
from handgrad.training.batches import Batch
from handgrad.training.workers import ALONE, Workers, both_passes
from tools import DOCS

DOCUMENT, PICTURE = DOCS / "scale.md", DOCS / "images" / "scale.png"

NETWORKS = {
    "digits": Architecture(input_shape=(28, 28, 1), classes=10, stages=((16, 16),), hidden=(64,)),
    "photos": Architecture(input_shape=(100, 100, 3), classes=2, stages=((16, 16), (16, 16), (16,)), hidden=(64,)),
}
BATCHES = {"digits": (32, 128, 512), "photos": (8, 32, 128)}
"""Images of one worker."""

LENGTHS = (1_000, 10_000, 100_000, 300_000, 1_000_000, 3_000_000)
"""Numbers of the all-reduces that are timed alone."""

LINKS = {"1 Gb/s": 1e9 / 8, "10 Gb/s": 1e10 / 8, "100 Gb/s": 1e11 / 8}
WIRE_SECONDS = 20e-6
"""From one host to another through a switch, beside what the software takes, which is measured."""

GOAL = 0.8
LOAD = os.getloadavg()[0]
"""What else ran on the machine."""
AHEAD = "" if os.sched_getscheduler(0) == os.SCHED_OTHER else ", but at real-time priority"

MANY = 1000
ROUNDS, CALLS = 5, 40


@dataclass(frozen=True)
class Exchange:
    """What an all-reduce costs: seconds a message, and seconds a byte."""

    latency: float
    byte: float

    def seconds(self, workers: int, size: float) -> float:
        """Of a ring, which is gloo's: 2·(W − 1) messages after each other, each of a W-th of the bytes."""
        return 2 * (workers - 1) * (self.latency + size / workers * self.byte)

    def over(self, bandwidth: float) -> Exchange:
        """The same software with a network between the workers: each byte takes both their times."""
        return Exchange(self.latency + WIRE_SECONDS, self.byte + 1 / bandwidth)


@dataclass(frozen=True)
class Step:
    """What a step takes one worker: seconds whatever the batch, and seconds an image."""

    fixed: float
    image: float

    def seconds(self, batch: float) -> float:
        """Of so many images of one worker."""
        return self.fixed + batch * self.image


def efficiency(step: Step, batch: float, exchange: Exchange, workers: int, size: float) -> float:
    """The share of their time that workers compute; what each reaches of its speed alone."""
    return step.seconds(batch) / (step.seconds(batch) + exchange.seconds(workers, size))


def batch_for(goal: float, step: Step, exchange: Exchange, workers: int, size: float) -> int:
    """Images that each worker needs a step to be that efficient."""
    computing = goal / (1 - goal) * exchange.seconds(workers, size)
    return max(1, math.ceil((computing - step.fixed) / step.image))


def size_of(architecture: Architecture) -> int:
    """Bytes of an all-reduce: the gradient, the loss and the correct."""
    return 4 * (architecture.parameter_count + 2)


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    # As Ray's TorchTrainer makes it; Ray starts the workers and has no part in a step.
    processes = get_context("spawn")
    answers = processes.SimpleQueue()
    workers = [processes.Process(target=work, args=(number, port, answers)) for number in range(2)]
    for worker in workers:
        worker.start()
    found = answers.get()
    for worker in workers:
        worker.join()
    exchange = fitted_exchange(found["exchange"])
    steps = {name: fitted_step(found["alone"], name) for name in NETWORKS}
    draw(steps, exchange, found)
    DOCUMENT.write_text("\n".join(document(found, steps, exchange)) + "\n", encoding="utf-8")


def work(number: int, port: int, answers: Any) -> None:
    """One of two workers, each with one thread; the first tells what it found."""
    import torch.distributed

    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=number, world_size=2)
    with threadpool_limits(1):
        found = best([measure(Peers()) for _ in range(ROUNDS)])
    if number == 0:
        answers.put(found)
    torch.distributed.destroy_process_group()


def measure(peers: Peers) -> dict[str, Any]:
    """Seconds of an all-reduce, of a step alone, of one beside the other worker's, and of one with the all-reduce."""
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
    """Of each figure the smallest of all rounds: what else runs on a machine only adds."""
    return {kind: {key: min(found[kind][key] for found in rounds) for key in rounds[0][kind]} for kind in rounds[0]}


def stepper(architecture: Architecture, batch: int, workers: Workers) -> Callable[[], None]:
    """A step of the training loop over so many images a worker."""
    rng, depth = np.random.default_rng(0), architecture.input_shape[2]
    parameters = Parameters.draw(architecture, rng)
    engine = engines.create("fused", Standardization((100.0,) * depth, (60.0,) * depth), threads=1)
    optimizer = engine.optimizer(Recipe(), parameters)
    images = rng.integers(0, 256, (batch, *architecture.input_shape), np.uint8)
    labels = rng.integers(0, architecture.classes, batch)
    own = Batch(np.arange(batch * workers.count), images, labels)

    def step() -> None:
        found = both_passes(parameters, own, None, engine, workers)
        optimizer.update(parameters, found.gradient, 1e-6)

    return step


def seconds_of(act: Callable[[], None], peers: Peers) -> float:
    """The lower quartile of many calls, which begin in all workers together."""
    times = []
    for _ in range(CALLS):
        peers.add(np.zeros(1, np.float32))
        started = time.perf_counter()
        act()
        times.append(time.perf_counter() - started)
    return float(np.quantile(times[5:], 0.25))


def fitted_exchange(found: dict[int, float]) -> Exchange:
    """Latency and seconds a byte that explain the all-reduces of two workers, each as well as its share allows."""
    sizes, seconds = np.array(list(found)), np.array(list(found.values()))
    latency, byte = nnls(np.stack([2 / seconds, sizes / seconds], axis=1), np.ones(len(sizes)))[0]
    return Exchange(float(latency), float(byte))


def fitted_step(found: dict[tuple[str, int], float], network: str) -> Step:
    """The line through the steps of one network."""
    batches = np.array(BATCHES[network])
    seconds = np.array([found[network, batch] for batch in BATCHES[network]])
    fixed, image = nnls(np.stack([1 / seconds, batches / seconds], axis=1), np.ones(len(batches)))[0]
    return Step(float(fixed), float(image))


def draw(steps: dict[str, Step], exchange: Exchange, found: dict[str, Any]) -> None:
    """Efficiency over the number of workers: each network with its middle batch, and with eight of them."""
    colors = dict(zip(LINKS, ("#c2604a", "#e0a458", "#1f4e79"), strict=True))
    workers = np.unique(np.geomspace(1, MANY, 200).astype(int))
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.4), sharex=True, sharey=True, layout="constrained")
    for row, name in zip(axes, NETWORKS, strict=True):
        size, middle = size_of(NETWORKS[name]), BATCHES[name][1]
        for place, batch in zip(row, (middle, 8 * middle), strict=True):
            for link, bandwidth in LINKS.items():
                over = exchange.over(bandwidth)
                place.plot(
                    workers, [efficiency(steps[name], batch, over, w, size) for w in workers],
                    color=colors[link], linewidth=2, label=link,
                )  # fmt: skip
            place.axhline(GOAL, color="black", linestyle="dotted", linewidth=1)
            place.set_title(
                f"{name}, {NETWORKS[name].parameter_count:,} parameters, {batch:,} images a worker", fontsize=10
            )
            place.set_xscale("log")
            place.set_xlim(1, MANY)
            place.set_ylim(0, 1.02)
            place.yaxis.set_major_formatter(PercentFormatter(1))
            place.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
            place.spines[["top", "right"]].set_visible(False)
            place.grid(alpha=0.2)
        measured_here = found["alone"][name, middle] / found["together"][name, middle]
        row[0].plot([2], [measured_here], "k.", markersize=9, label="two workers here, measured", zorder=5)
        row[0].set_ylabel("efficiency of a worker")
    axes[1, 1].legend(*axes[0, 0].get_legend_handles_labels(), frameon=False, fontsize=9, loc="lower left")
    for place in axes[1]:
        place.set_xlabel("workers, each on its own host")
    figure.savefig(PICTURE, dpi=130)
    plt.close(figure)


def document(found: dict[str, Any], steps: dict[str, Step], exchange: Exchange) -> Iterator[str]:
    """The lines of docs/scale.md."""
    about = machine()
    yield "# Scale"
    yield ""
    yield "Generated by `python -m tools.measure_scale`; do not edit by hand. One run, on one machine:"
    yield f"{about['processor']}, {about['cores']} cores, one for each worker; load average before: {LOAD:.1f}{AHEAD}."
    yield ""
    yield "A worker computes its share of the batch, then all add up their gradients in one all-reduce, then all take"
    yield "the same step. The all-reduce is what several workers cost; nothing else waits for another worker."
    yield ""
    yield "![Efficiency over the number of workers, for three kinds of network between them](images/scale.png)"
    yield ""
    yield from measured_part(found, steps, exchange)
    yield from model_part(steps, exchange)
    yield from cure_part(steps, exchange)


def measured_part(found: dict[str, Any], steps: dict[str, Step], exchange: Exchange) -> Iterator[str]:
    """What was measured, beside what the model says of it."""
    yield "## Measured, and what the model makes of it"
    yield ""
    yield f"Milliseconds: the lower quartile of {CALLS} calls, of {ROUNDS} such rounds the best, since what else runs"
    yield "only adds. “Two busy” is the step alone while the other core computes as well: what two"
    yield "workers of one machine lose to each other without exchanging anything. Efficiency is the step of one worker"
    yield "alone over the step of two."
    yield ""
    yield "| network | images a worker | step alone | two busy | all-reduce | step of two | efficiency | by the model |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    off = 0.0
    for (name, batch), together in found["together"].items():
        size = size_of(NETWORKS[name])
        one, busy = found["alone"][name, batch], found["busy"][name, batch]
        modelled = efficiency(steps[name], batch, exchange, 2, size)
        off = max(off, abs(modelled - one / together))
        yield (
            f"| {name} | {batch} | {1e3 * one:.2f} | {1e3 * busy:.2f} | {1e3 * exchange.seconds(2, size):.2f} | "
            f"{1e3 * together:.2f} | {one / together:.0%} | {modelled:.0%} |"
        )
    yield ""
    yield f"The model is at most {100 * off:.0f} points off. It leaves out that the first to be done waits"
    yield "for the other, a few tenths of a millisecond: that counts where a step is not much longer itself. Where the"
    yield "workers take turns with Ray's own processes on two cores, as at ordinary priority, a step of two took up to"
    yield "two milliseconds more, and the model was 8 to 19 points off in four runs."
    yield ""
    yield "The all-reduce alone, between the two workers, over TCP on this machine's loopback, which is gloo's way:"
    yield ""
    yield "| numbers | " + " | ".join(f"{length:,}" for length in LENGTHS) + " |"
    yield "|---|" + "--:|" * len(LENGTHS)
    yield "| measured, ms | " + " | ".join(f"{1e3 * found['exchange'][4 * n]:.2f}" for n in LENGTHS) + " |"
    yield "| by the model, ms | " + " | ".join(f"{1e3 * exchange.seconds(2, 4 * n):.2f}" for n in LENGTHS) + " |"
    yield ""


def model_part(steps: dict[str, Step], exchange: Exchange) -> Iterator[str]:
    """The model in words and numbers."""
    yield "## The model"
    yield ""
    yield "With *W* workers, *b* images a worker, *S* = 4·(parameters + 2) bytes, *α* seconds a message and *β*"
    yield "seconds a byte:"
    yield ""
    yield "- computing takes `c(b) = c₀ + c₁·b`;"
    yield "- a ring, which is gloo's all-reduce, takes `r(W) = 2·(W − 1)·(α + β·S/W)`: 2·(W − 1) messages one after"
    yield "  another, each of a W-th of the gradient (Patarasuk and Yuan, 2009);"
    yield "- efficiency is `c(b) / (c(b) + r(W))`: nothing of a step overlaps with its all-reduce."
    yield ""
    latency, rate = 1e6 * exchange.latency, 1e-9 / exchange.byte
    yield f"Measured here: α = {latency:.0f} µs and β = 1/({rate:.2f} GB/s), which is what software takes. A network"
    yield f"between the hosts adds its own: {1e6 * WIRE_SECONDS:.0f} µs a message, and a byte's time on the wire."
    yield ""
    yield "| network | parameters | *S* | c₀ | c₁ |"
    yield "|---|--:|--:|--:|--:|"
    for name, step in steps.items():
        count = NETWORKS[name].parameter_count
        yield (
            f"| {name} | {count:,} | {size_of(NETWORKS[name]) / 1e6:.2f} MB | {1e3 * step.fixed:.2f} ms | "
            f"{1e6 * step.image:.1f} µs |"
        )
    yield ""


def cure_part(steps: dict[str, Step], exchange: Exchange) -> Iterator[str]:
    """What follows, and what to change."""
    counts = (2, 8, 32, 100, MANY)
    yield f"## Efficiency, and what to change below {GOAL:.0%}"
    yield ""
    yield "| network | images a worker | network between hosts | " + " | ".join(f"{w:,}" for w in counts) + " workers |"
    yield "|---|--:|---|" + "--:|" * len(counts)
    for name, step in steps.items():
        for link, bandwidth in LINKS.items():
            over, size, batch = exchange.over(bandwidth), size_of(NETWORKS[name]), BATCHES[name][1]
            row = " | ".join(f"{efficiency(step, batch, over, w, size):.0%}" for w in counts)
            yield f"| {name} | {batch} | {link} | {row} |"
    yield ""
    yield f"Images that each worker needs a step for {GOAL:.0%}:"
    yield ""
    yield "| network | network between hosts | " + " | ".join(f"{w:,}" for w in counts) + " workers |"
    yield "|---|---|" + "--:|" * len(counts)
    for name, step in steps.items():
        for link, bandwidth in LINKS.items():
            over, size = exchange.over(bandwidth), size_of(NETWORKS[name])
            row = " | ".join(f"{batch_for(GOAL, step, over, w, size):,}" for w in counts)
            yield f"| {name} | {link} | {row} |"
    yield ""
    yield from CURES


CURES = """\
1. **A larger batch.** `--batch-size` is that of all workers together: W times the number above. The learning rate that
   suits it is found on validation data. A batch that is a large part of the data set leaves few steps, and the model
   suffers before the efficiency does.
2. **Accumulation is the same thing here.** Elsewhere the gradients of several small batches are added up before one
   all-reduce, to save memory. Here a thread takes a chunk of images through both passes and forgets its maps, so that
   the memory for maps does not grow with the batch: the large batch is the accumulation.
3. **Fewer, larger workers.** One worker a host, with all its cores (`--workers` the number of hosts): its threads share
   memory, and the ring is as short as can be. Of many small workers it is the 2·(W − 1) messages that cost, whatever
   the bandwidth.
4. **A smaller gradient.** The first dense layer holds nearly all parameters: `--pooling 4`, one more stage or a smaller
   `--hidden` shrink it.
5. **Not more workers.** A network of this size on one machine takes minutes. Where a sweep is the work, let each trial
   have one worker.""".splitlines()


if __name__ == "__main__":
    main()
