"""``docs/results.md`` from ``results.json``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tools import documents
from tools.accuracy.recipes import DEAD_STARTS, OUR_NETWORK, TASKS, Task, key_of

_TESTED_ON = {
    "mnist": "MNIST's own 10,000 test images",
    "fashion-mnist": "Fashion-MNIST's own 10,000 test images",
    "magnetic-tile": "a fifth of the tiles, none of which has an image in another split",
}
_METRICS = {"test_accuracy": "test accuracy", "test_balanced_accuracy": "test balanced accuracy"}


def write(results: dict[str, Any]) -> None:
    """Write the document."""
    runs = results["runs"]
    missing = [(task, name) for task in TASKS for name in task.contestants if not _rows(task, name, runs)]
    (dead_starts,) = (task for task in TASKS if task.name == DEAD_STARTS)
    documents.write(
        "results.md",
        machine=results["machine"],
        slowness=_slowness(runs),
        missing=[f"{name} on {task.name}" for task, name in missing],
        tasks=[_task(task, runs) for task in TASKS if task is not dead_starts and _rows(task, "handgrad", runs)],
        dead_starts=_dead_starts(dead_starts, runs),
    )


def _slowness(runs: dict[str, Any]) -> tuple[float, float] | None:
    """Return how many times as long PyTorch takes, at least and at most."""
    seconds = [[_shortest(task, name, runs) for name in OUR_NETWORK] for task in TASKS]
    factors = [theirs / ours for ours, theirs in seconds if ours and theirs]
    return (min(factors), max(factors)) if factors else None


def _shortest(task: Task, contestant: str, runs: dict[str, Any]) -> float:
    """Return the least seconds of the seeds; 0 if there are none."""
    return min((float(row["seconds"]) for row in _rows(task, contestant, runs)), default=0.0)


def _task(task: Task, runs: dict[str, Any]) -> dict[str, Any]:
    found = {name: rows for name in task.contestants if (rows := _rows(task, name, runs))}
    ours = _percent(found["handgrad"], task.metric)
    others = {name: _percent(rows, task.metric).mean() for name, rows in found.items() if name not in OUR_NETWORK}
    best = max(others, key=lambda name: others[name], default="")
    goal = task.goal * 100 if task.goal else others.get(best)
    table = []
    for name, trainings in found.items():
        figures = _percent(trainings, task.metric)
        spread = f" ± {figures.std():.2f}" if len(trainings) > 1 else ""
        label = f"**{name}**" if name == "handgrad" else name
        table.append((label, f"{figures.mean():.2f}{spread} %", len(trainings), f"{_shortest(task, name, runs):,.1f}"))
    return {
        "name": task.name,
        "source": task.source,
        "grouped": task.grouped,
        "options": task.options,
        "parameters": found["handgrad"][0]["parameters"],
        "tested_on": _TESTED_ON[task.source],
        "metric": _METRICS[task.metric],
        "goal": f"{goal:.1f} %" if task.goal else f"above scikit-learn's best{best and f', {best}'}",
        "missed": None if goal is None else float(goal - ours.mean()),
        "rows": table,
    }


def _dead_starts(task: Task, runs: dict[str, Any]) -> dict[str, Any] | None:
    found = _rows(task, "handgrad", runs)
    rows = [
        (seed, f"{row['train_accuracy']:.2%}", f"{row['most_frequent']:.2%}", row["classes_predicted"])
        for seed, row in enumerate(found)
    ]
    learned = sum(row["classes_predicted"] > 1 and row["train_accuracy"] > row["most_frequent"] + 0.05 for row in found)
    return {"source": task.source, "options": task.options, "learned": learned, "rows": rows} if found else None


def _rows(task: Task, contestant: str, runs: dict[str, Any]) -> list[dict[str, Any]]:
    keys = (key_of(task, contestant, seed) for seed in range(task.seeds))
    return [runs[key] for key in keys if key in runs]


def _percent(rows: list[dict[str, Any]], metric: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return 100 * np.array([row[metric] for row in rows])
