"""Processors are counted as a container, a batch system or taskset allows them, and none changes a result."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from handgrad import processors


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 64 processors, whose control groups are files of a test."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(processors, "_OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(processors, "_GROUPS", tmp_path / "groups")
    (tmp_path / "groups" / "cpu" / "docker" / "7").mkdir(parents=True)
    (tmp_path / "groups" / "jobs" / "9").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        (None, {}, 64),
        ("0::/\n", {}, 64),
        ("0::/\n", {"cpu.max": "max 100000"}, 64),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "10000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "9900000 100000\n"}, 64),
        ("0::/\n", {"cpu.max": "nonsense"}, 64),
        ("0::/\n", {"cpu.max": "100000 0"}, 64),
        ("0::/jobs/9\n", {"jobs/9/cpu.max": "max 100000", "jobs/cpu.max": "300000 100000"}, 3),
        ("0::/outside/of/the/container\n", {"cpu.max": "400000 100000"}, 4),
        ("4:cpu,cpuacct:/docker/7\n1:memory:/\n", {"cpu/docker/7/cpu.cfs_quota_us": "250000"}, 3),
        ("4:cpu,cpuacct:/docker/7\n", {"cpu/docker/7/cpu.cfs_quota_us": "-1"}, 64),
        ("nonsense", {"cpu.max": "200000 100000"}, 64),
    ],
)
def test_a_containers_share_is_what_counts(
    machine: Path, own: str | None, files: dict[str, str], expected: int
) -> None:
    if own:
        (machine / "own").write_text(own)
    for name, content in files.items():
        (machine / "groups" / name).write_text(content)
    (machine / "groups" / "cpu" / "docker" / "7" / "cpu.cfs_period_us").write_text("100000")
    assert processors.available() == expected


def test_where_there_is_no_mask_all_processors_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(processors, "_quota", lambda: 2**31)
    for count, expected in ((12, 12), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert processors.available() == expected
