"""The machine that the figures are from."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = ("handgrad", "numpy", "numba", "torch", "jax", "onnxruntime", "scikit-learn")
_FLAGS = ("fma", "avx2", "avx512f")


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def description() -> dict[str, Any]:
    """Return processor, memory, versions, and how busy the machine was with other work."""
    facts = _processor()
    return {
        "processor": facts.get("model name", platform.processor() or platform.machine()),
        "cores": cores(),
        "flags": [flag for flag in _FLAGS if flag in facts.get("flags", "").split()],
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.machine()}",
        "busy_before": psutil.cpu_percent(interval=2) / 100,
        "versions": {"Python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
    }


def _processor() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().split("\n\n")[0].splitlines() if path.exists() else []
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
