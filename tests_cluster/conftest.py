"""A Ray cluster on this machine, for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Ignore warnings from within Ray."""
    config.addinivalue_line("filterwarnings", "ignore:::ray[.]")


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the cache of decoded pictures in a temporary folder."""
    os.environ["HANDGRAD_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of the real data sets: HANDGRAD_DATA, else shared/data beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("HANDGRAD_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; HANDGRAD_DATA names their folder")
    return folder


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Yield the address of a cluster of one host with two processors."""
    from handgrad.cluster import connection

    connection.prepare()
    from ray.cluster_utils import Cluster

    arguments = {"num_cpus": 2, "object_store_memory": 256 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=arguments)
    yield cluster.address
    cluster.shutdown()
