"""Files that claim to be large, or become large, under a limit of memory: a picture, or one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools.reliability.bombs import bombs, read_all, write

SLOW_TO_WRITE = ("60000-whole.png", "13000.png", "text.png", "profile.png", "zeros.npz", "zeros.idx.gz")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a limit of memory that counts address space")
def test_bombs_do_not_go_off(tmp_path: Path) -> None:
    made = {name: make for name, make in bombs(2_000).items() if name not in SLOW_TO_WRITE}
    results = read_all(write(tmp_path, made))
    assert len(results) > 20
    assert [name for name, result in results.items() if not result["held"]] == []
