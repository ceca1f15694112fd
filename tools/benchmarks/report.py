"""``docs/performance.md`` from ``results.json``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools import documents
from tools.benchmarks import floor, plots
from tools.benchmarks.gate import GRADIENT_BOUND, LOSS_BOUND, PROBABILITY_BOUND
from tools.benchmarks.goals import OURS, Goal, fastest, floor_seconds, goals, peers, ratio, step_over_floor
from tools.benchmarks.networks import NETWORKS

_TASKS = {"step": "Training step", "predict": "Prediction in batches", "predict one": "Prediction of one image"}
_CAPTIONS = {
    "bench-step.png": "Training step of every network, handgrad beside the best variant of each peer",
    "bench-predict.png": "Prediction in batches of every network, handgrad beside the best variant of each peer",
    "bench-growth.png": "Time per image of a training step against width, filters, depth and batch size",
}
_STARTS = {
    "python": "Python alone",
    "import": "`import handgrad`",
    "first_step": "first step of A, kernels cached",
    "first_step_ever": "first step of A, cache empty",
}


def write(results: dict[str, Any], docs: Path) -> None:
    """Write the document and its figures."""
    startup, cold = results["startup"], results["cold"]
    documents.write(
        "performance.md",
        docs,
        **results
        | {
            "goals": [_goal(goal) for goal in goals(results)],
            "figures": plots.draw(results, docs / "images"),
            "captions": _CAPTIONS,
            "bounds": {"probability": PROBABILITY_BOUND, "loss": LOSS_BOUND, "gradient": GRADIENT_BOUND},
            "networks": [_network(results, name) for name in results["networks"]],
            "starts": [] if "absent" in startup else list(_starts(startup)),
            "trainings": [] if "absent" in cold else list(_trainings(cold)),
            "growth": list(_growth(results["growth"])),
        },
    )


def _goal(goal: Goal) -> tuple[str, ...]:
    bound = f"{'≥' if goal.at_least else '≤'} {_plain(goal.bound)} {goal.unit}"
    if goal.measured is None:
        return goal.subject, bound, "–", "–", goal.detail
    share = goal.measured / goal.bound
    missed = f"{1 - share:.0%} short" if goal.at_least else f"{share - 1:.0%} over"
    verdict = "yes" if goal.met else f"**no**, {missed}"
    return goal.subject, bound, f"{_plain(goal.measured)} {goal.unit}", verdict, goal.detail


def _network(results: dict[str, Any], name: str) -> dict[str, Any]:
    network, found = NETWORKS[name], results["networks"][name]
    return {
        "name": name,
        "title": network.title,
        "batch": network.batch,
        "tasks": [_task(_TASKS[task], of, found["agreement"]) for task, of in found["seconds"].items() if of],
        "over": step_over_floor(results, name),
        "least": step_over_floor(results, name, "minimum"),
        "millions": floor.multiply_adds(network.architecture) / 1e6,
        "floor": _ms(floor_seconds(results, name)),
        "errors": found["errors"],
    }


def _task(title: str, figures: dict[str, Any], agreement: dict[str, float]) -> dict[str, Any]:
    best = fastest(peers(figures)) if OURS in figures else None
    rows = list(_timings(figures, agreement))
    return {"title": title, "rows": rows, "best": best, "ratio": ratio(figures, best) if best else None}


def _timings(figures: dict[str, Any], agreement: dict[str, float]) -> Iterator[tuple[object, ...]]:
    ours = figures.get(OURS)
    for name, value in sorted(figures.items(), key=lambda item: item[1]["median"]):
        yield (
            f"**{name}**" if name == OURS else name,
            _ms(value["minimum"]),
            _ms(value["median"]),
            " – ".join(map(_ms, value["quartiles"])),
            value["calls"],
            f"{value['median'] / ours['median']:.2f} ×" if ours else "–",
            f"{value['minimum'] / ours['minimum']:.2f} ×" if ours else "–",
            f"{agreement[name]:.3f}" if name in agreement else "another network",
        )


def _starts(startup: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, title in _STARTS.items():
        inside = "" if key == "python" else f"{startup[key]['inside']:.2f}"
        yield title, inside, f"{startup[key]['process']:.2f}"


def _trainings(cold: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, runs in cold["runs"].items():
        for run in runs:
            yield name, f"{run['seconds']:.2f}", f"{run['peak_bytes'] / 2**20:.0f}", f"{run['accuracy']:.2%}"


def _growth(curves: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, curve in curves.items():
        steepest = f"{curve['cliff']['ratio']:.2f} × at {curve['cliff']['value']}"
        yield name, f"{curve['values'][0]} … {curve['values'][-1]}", f"{curve['exponent']:.2f}", steepest


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}" if seconds < 0.01 else f"{seconds * 1e3:.1f}"


def _plain(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
