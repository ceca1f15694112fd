"""Kernels are for any processor of 64 bits, and for any number of them."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from numba.core import config

from handgrad.architecture import Architecture
from handgrad.fused import network as fused
from handgrad.fused import spinning
from handgrad.fused.compilation import Suite
from handgrad.fused.network import Network
from handgrad.fused.team import Team
from handgrad.parameters import Parameters
from tests.fused.agreement import network_of, parameters_of

CELLS = Architecture(input_shape=(5, 5, 1), stages=((2, 2),), hidden=(3,), filter_size=(1, 1), pooling=1)
"""Filters and windows of one cell: the kernels that compile soonest."""
DIGITS = Architecture(input_shape=(8, 8, 1), classes=10, stages=((5, 3),), hidden=(6,))
"""Whose kernels are those of test_network.py."""


def assembled(code: str, triple: str) -> str:
    """What LLVM makes of a module for another processor."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(opt=2)
    module = llvm.parse_assembly(re.sub(r"^target .*$", "", code, flags=re.MULTILINE))
    module.triple, module.data_layout = triple, str(machine.target_data)
    return str(machine.emit_assembly(module))


def code_of(kernel: Any) -> str:
    (code,) = kernel.inspect_llvm().values()
    return str(code)


def test_every_kernel_compiles_for_aarch64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))  # what is read from a file has no code to look at
    network = Network(CELLS, "float32", None, Team(1))
    made = fused._kernels.__wrapped__
    network._kernels = {keep: made(tuple(network.plan.sizes.items()), keep, "float32") for keep in (False, True)}
    network.prepare(predictions=False, gradients=True)
    # A prediction has no other kernels than a step.
    for name in ("learn", "dense_gradients", "turn_weights"):
        code = code_of(network._kernels[True][name])
        assert "llvm.x86" not in code
        for triple in ("aarch64-linux-gnu", "arm64-apple-darwin"):
            assert re.search(r"\bfmla\b|\bfmadd\b|\bldr\b", assembled(code, triple))


def test_threads_wait_by_loads_that_order_what_they_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    kernel = Suite((spinning.spin,), {}, "aarch64")["spin"]
    kernel(np.zeros(1, np.int64).ctypes.data, 1, 1)
    code = code_of(kernel)
    assert "llvm.x86" not in code
    assert "ldapr" in (made := assembled(code, "aarch64-linux-gnu")) or "ldar" in made


@pytest.mark.parametrize("batch", [1, 5, 33])
def test_1_2_3_and_64_threads_compute_the_same_bits(batch: int) -> None:
    rng = np.random.default_rng(1)
    parameters: Parameters = parameters_of(DIGITS, rng, "float32")
    X = rng.normal(size=(batch, *DIGITS.input_shape)).astype("float32")
    results = set()
    for threads in (1, 2, 3, 64):
        engine = network_of(parameters, threads)
        losses, z, gradient = engine.loss_and_gradients(parameters, X, np.arange(batch) % 10)
        results.add(b"".join(a.tobytes() for a in (losses, z, gradient.vector, engine.predict(parameters, X))))
    assert len(results) == 1
