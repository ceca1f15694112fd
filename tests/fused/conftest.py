"""The small networks of these tests are shared by all threads, as large ones are."""

from __future__ import annotations

import pytest

from handgrad.fused import network, optimizer


@pytest.fixture(autouse=True)
def shared_however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "ENOUGH", 0)
    monkeypatch.setattr(optimizer, "ENOUGH", 0)
