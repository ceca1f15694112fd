"""The example of scikit-learn's grid search on Ray."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "grid_search_on_ray.py"


@pytest.fixture
def connection(address: str) -> Iterator[None]:
    import ray

    ray.init(address, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.usefixtures("connection")
def test_the_example_finds_a_good_classifier(capsys: pytest.CaptureFixture[str]) -> None:
    found = runpy.run_path(str(EXAMPLE))["search"]()
    assert len(found.cv_results_["params"]) == 4
    assert found.best_score_ > 0.9
    assert "in cross-validation" in capsys.readouterr().out
