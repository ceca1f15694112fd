"""The goals, and whether the run reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tools.benchmarks import floor
from tools.benchmarks.networks import NETWORKS

OURS = "handgrad fused"
_ONE_THREAD = "handgrad fused, 1 thread"
_MLP = "scikit-learn"

_TRAINING = (("A", 6.0), ("C", 6.0), ("B", 12.0), ("E", 12.0), ("F", 4.0))
_PREDICTION = (("A", 2.0), ("B", 2.0))
_FLOOR = (("A", 2.0), ("B", 2.5))


@dataclass(frozen=True)
class Goal:
    """One line of the table; `measured` is None if it was not measured.

    Parameters
    ----------
    subject : str
    at_least : bool
        Whether more is better.
    bound : float
    measured : float or None
    unit : str
    detail : str
        What it is compared with, or why it was not measured.
    """

    subject: str
    at_least: bool
    bound: float
    measured: float | None
    unit: str
    detail: str

    @property
    def met(self) -> bool | None:
        """Whether it is reached; None if it was not measured."""
        if self.measured is None:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def peers(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the contestants that compute the same network, except handgrad."""
    return {name: value for name, value in figures.items() if not name.startswith(("handgrad", _MLP))}


def fastest(figures: dict[str, Any]) -> str | None:
    """Return the name of the contestant with the smallest median."""
    return min(figures, key=lambda name: figures[name]["median"]) if figures else None


def ratio(figures: dict[str, Any], peer: str, statistic: str = "median") -> float:
    """Return how many times as long a peer takes as handgrad."""
    return float(figures[peer][statistic] / figures[OURS][statistic])


def step_over_floor(results: dict[str, Any], network: str, statistic: str = "median") -> float | None:
    """Return a step's duration as a multiple of the floor's."""
    step = results["networks"].get(network, {}).get("seconds", {}).get("step", {}).get(OURS)
    return step[statistic] / floor_seconds(results, network) if step else None


def floor_seconds(results: dict[str, Any], network: str) -> float:
    """Return the seconds that a step's unavoidable multiply-adds take at the peak of all cores."""
    chosen = NETWORKS[network]
    return chosen.batch * floor.multiply_adds(chosen.architecture) / float(results["peak"]["all_cores"])


def goals(results: dict[str, Any]) -> list[Goal]:
    """Return all goals of the run."""
    return [
        *(_against_best(results, name, "step", "training step", bound) for name, bound in _TRAINING),
        *(_against_best(results, name, "predict", "prediction in batches", bound) for name, bound in _PREDICTION),
        *(_against_onnx_runtime(results, name) for name in "AB"),
        *(_over_floor(results, name, bound) for name, bound in _FLOOR),
        *_cold(results["cold"]),
        *_startup(results["startup"]),
        _threads(results),
    ]


def _seconds(results: dict[str, Any], network: str, task: str) -> dict[str, Any]:
    figures: dict[str, Any] = results["networks"].get(network, {}).get("seconds", {}).get(task, {})
    return figures


def _against_best(results: dict[str, Any], network: str, task: str, title: str, bound: float) -> Goal:
    figures = _seconds(results, network, task)
    best = fastest(peers(figures))
    if best is None or OURS not in figures:
        return Goal(f"{title}, {network}", True, bound, None, "×", "not measured")
    return Goal(f"{title}, {network}", True, bound, ratio(figures, best), "×", f"over {best}")


def _against_onnx_runtime(results: dict[str, Any], network: str) -> Goal:
    figures = _seconds(results, network, "predict one")
    best = fastest({name: value for name, value in figures.items() if name.startswith("ONNX Runtime")})
    title = f"prediction of one image, {network}"
    if best is None or OURS not in figures:
        return Goal(title, True, 1.0, None, "×", "not measured")
    return Goal(title, True, 1.0, ratio(figures, best), "×", f"over {best}")


def _over_floor(results: dict[str, Any], network: str, bound: float) -> Goal:
    over = step_over_floor(results, network)
    detail = "not measured" if over is None else f"the floor is {floor_seconds(results, network) * 1e3:.2f} ms"
    return Goal(f"training step over the floor, {network}", False, bound, over, "×", detail)


def _cold(cold: dict[str, Any]) -> list[Goal]:
    titles = (
        ("cold process to a trained MNIST network, sooner than PyTorch", True, 5.0, "×"),
        ("the same, duration", False, 8.0, "s"),
        ("the same, peak memory over PyTorch's", False, 1 / 3, "×"),
    )
    if "absent" in cold:
        return [Goal(title, at_least, bound, None, unit, cold["absent"]) for title, at_least, bound, unit in titles]
    middle = {
        name: {key: float(np.median([run[key] for run in runs])) for key in ("seconds", "peak_bytes", "accuracy")}
        for name, runs in cold["runs"].items()
    }
    ours, torch = middle["handgrad"], middle["PyTorch"]
    least = min(run["accuracy"] for run in cold["runs"]["handgrad"])
    reached = least >= cold["accuracy"]
    detail = f"test accuracy {ours['accuracy']:.2%}, PyTorch {torch['accuracy']:.2%}"
    values = (torch["seconds"] / ours["seconds"], ours["seconds"], ours["peak_bytes"] / torch["peak_bytes"])
    if not reached:
        detail += f": below {cold['accuracy']:.1%}, so the goal is not reached whatever the time"
    return [
        Goal(title, at_least, bound, value if reached else None, unit, detail)
        for (title, at_least, bound, unit), value in zip(titles, values, strict=True)
    ]


def _startup(startup: dict[str, Any]) -> list[Goal]:
    if "absent" in startup:
        return [Goal("start of a process", False, 0.3, None, "s", startup["absent"])]
    return [
        Goal("import handgrad", False, 0.3, startup["import"]["inside"], "s", "inside a fresh process"),
        Goal(
            "first step in a process, kernels cached",
            False,
            1.0,
            startup["first_step"]["process"],
            "s",
            "the whole process, Python's own start included",
        ),
        Goal("first step ever", False, 15.0, startup["first_step_ever"]["process"], "s", "the whole process"),
    ]


def _threads(results: dict[str, Any]) -> Goal:
    figures, cores = _seconds(results, "B", "step"), results["machine"]["cores"]
    if cores < 2 or not {OURS, _ONE_THREAD} <= figures.keys():
        return Goal("two threads over one, B", True, 1.8, None, "×", "not measured")
    return Goal("two threads over one, B", True, 1.8, ratio(figures, _ONE_THREAD), "×", f"{cores} threads")
