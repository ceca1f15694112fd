"""The versions and the machine that a result was computed with."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from handgrad import processors

_PROCESSORS = Path("/proc/cpuinfo")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that compute the numbers."""
    names = ("handgrad", "numba", "numpy")
    return {**{name: version(name) for name in names}, "python": platform.python_version()}


def machine() -> dict[str, Any]:
    """Return the processor, the number of cores that this process may use, and the system; never the host name.

    Examples
    --------
    >>> sorted(machine())
    ['cores', 'processor', 'system']
    """
    return {
        "processor": _processor() or platform.processor() or platform.machine(),
        "cores": processors.available(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    """Return the processor's name from Linux, which Python does not know."""
    lines = _PROCESSORS.read_text(errors="replace").splitlines() if _PROCESSORS.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
