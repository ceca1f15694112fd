"""The figures of ``docs/performance.md``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from tools.benchmarks.goals import OURS, floor_seconds

_FAMILIES = {
    "PyTorch": "#c2604a",
    "torch.compile": "#e0a458",
    "JAX": "#7a8fb5",
    "ONNX Runtime": "#8a9a5b",
    OURS: "#1f4e79",
}
_DOTS = 150


def draw(results: dict[str, Any], folder: Path) -> list[str]:
    """Write the figures and return their file names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for task, title, file in (
        ("step", "Training step: median time, and the floor", "bench-step.png"),
        ("predict", "Prediction in batches: median time", "bench-predict.png"),
    ):
        if _bars(results, task, title, folder / file):
            names.append(file)
    _growth(results["growth"], folder / "bench-growth.png")
    return [*names, "bench-growth.png"]


def _bars(results: dict[str, Any], task: str, title: str, path: Path) -> bool:
    networks = [name for name, found in results["networks"].items() if found["seconds"].get(task)]
    if not networks:
        return False
    figure, axes = plt.subplots(figsize=(9, 3.8), layout="constrained")
    heights = {
        family: np.array([_best(results["networks"][name]["seconds"][task], family) for name in networks]) * 1e3
        for family in _FAMILIES
    }
    present = [family for family in _FAMILIES if not np.isnan(heights[family]).all()]
    width = 0.8 / len(present)
    for index, family in enumerate(present):
        x = np.arange(len(networks)) + (index - (len(present) - 1) / 2) * width
        axes.bar(x, heights[family], width * 0.9, color=_FAMILIES[family], label=family)
    if task == "step":
        for index, name in enumerate(networks):
            floor = floor_seconds(results, name) * 1e3
            axes.hlines(floor, index - 0.42, index + 0.42, "black", linestyles="dotted", label="" if index else "floor")
    axes.set_yscale("log")
    axes.set_xlim(-0.6, len(networks) - 0.4)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xticks(range(len(networks)), networks)
    axes.set_ylabel("milliseconds, logarithmic")
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    figure.savefig(path, dpi=_DOTS)
    plt.close(figure)
    return True


def _best(figures: dict[str, Any], family: str) -> float:
    medians = [value["median"] for name, value in figures.items() if name.split(",")[0] == family]
    # For handgrad, only the variant with all threads.
    if family == OURS:
        medians = [figures[OURS]["median"]] if OURS in figures else []
    return min(medians, default=float("nan"))


def _growth(curves: dict[str, Any], path: Path) -> None:
    figure, panels = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
    for axes, (name, curve) in zip(panels.flat, curves.items(), strict=True):
        _curve(axes, name, curve)
    figure.savefig(path, dpi=_DOTS)
    plt.close(figure)


def _curve(axes: Axes, name: str, curve: dict[str, Any]) -> None:
    values = np.array(curve["values"])
    microseconds = np.array(curve["seconds_per_image"]) * 1e6
    axes.loglog(values, microseconds, "-", color=_FAMILIES[OURS], linewidth=1)
    odd = values % 2 == 1
    axes.loglog(values[~odd], microseconds[~odd], "o", color=_FAMILIES[OURS], markersize=4, label="even")
    axes.loglog(values[odd], microseconds[odd], "o", color=_FAMILIES["PyTorch"], markersize=4, label="odd")
    axes.set_title(f"{name}: time ∝ {name}$^{{{curve['exponent']:.2f}}}$", loc="left", fontsize=11)
    axes.set_xlabel(name)
    axes.set_ylabel("µs per image")
    ticks = [value for value in values if (value & (value - 1)) == 0]
    # If there are many, every other one: the labels would overlap.
    ticks = ticks[:: 1 + len(ticks) // 9]
    axes.set_xticks(ticks, [str(value) for value in ticks], fontsize=8)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
