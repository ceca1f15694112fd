"""The versions and the machine that a result was computed with."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from handgrad import processors


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that compute the numbers."""
    found = {"handgrad": version("handgrad")}
    with suppress(PackageNotFoundError):  # on systems that it has no packages for
        found["numba"] = version("numba")
    return {**found, "numpy": version("numpy"), "python": platform.python_version()}


def machine() -> dict[str, Any]:
    """Return the processor, the number of cores that this process may use, and the system; never the host name."""
    # Python does not know the name of the processor on Linux.
    linux = Path("/proc/cpuinfo")
    lines = linux.read_text("utf-8", errors="replace").splitlines() if linux.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return {
        "processor": next(names, "") or platform.processor() or platform.machine(),
        "cores": processors.available(),
        "system": f"{platform.system()} {platform.machine()}",
    }
