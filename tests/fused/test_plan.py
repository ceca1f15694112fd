"""A plan is complete when it is made, and a workspace made from it has room for every layer."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from handgrad.architecture import Architecture
from handgrad.fused.plan import plan_of
from handgrad.fused.workspace import CHUNK, Workspace
from tests.fused.agreement import SMALL

PHOTOS = Architecture(input_shape=(23, 22, 3), classes=3, stages=((4, 3), (5, 2)), hidden=(6,), maps=2)


@pytest.mark.parametrize("sizes", SMALL)
@pytest.mark.parametrize("lanes", [8, 16])
def test_a_workspace_of_a_fresh_plan_holds_every_layer(sizes: dict[str, Any], lanes: int) -> None:
    architecture = Architecture(**{"hidden": (3,), "stages": ((2, 2),), **sizes})
    plan = plan_of(architecture, lanes)
    space = Workspace(plan, "float32", batch=9, threads=2, backward=True)
    k1, k2, p = (plan.sizes[name] for name in ("k1", "k2", "p"))
    assert len(space.scratch) == 2
    for layer in plan.convolutions:
        taps = layer.filters * layer.maps * k1 * k2
        maps_end = layer.S + layer.maps * p * layer.area
        for scratch in space.scratch:
            assert scratch.S.shape == (CHUNK, plan.totals["S"])
            assert maps_end <= scratch.S.shape[1] == scratch.dS.size
            if layer.pooled:
                cells = int(layer.rows * layer.columns)
                assert layer.kept + cells * layer.padded <= scratch.winners.shape[1]
                assert layer.last or layer.U + cells * layer.filters <= scratch.U.shape[1]
                assert layer.last or cells * layer.filters <= scratch.dU.size
            else:
                assert layer.kept + layer.filters * p * layer.bytes <= scratch.bits.shape[1]
                assert layer.E + 2 * p * layer.error_area <= scratch.E.size + layer.error_area
                assert layer.sums + taps * lanes <= scratch.sums.size
            assert layer.maps * lanes <= scratch.alpha_sums.size
        assert layer.F + taps <= space.packed.F.size
        assert layer.dF + taps <= space.gradients.shape[1]
    for layer in plan.denses:
        assert layer.turned + layer.row * layer.outputs <= space.packed.w.size
        assert 9 * (layer.t + layer.outputs) <= space.rows.t.size
    assert space.rows.x.size == 9 * plan.denses[0].row
    assert len(plan.gradient_indices) == plan.totals["dF"] == space.gradients.shape[1]


def test_every_number_of_the_first_layers_gradient_has_its_index() -> None:
    plan = plan_of(PHOTOS, 16)
    names = [name for name in PHOTOS.parameter_shapes if name.startswith(("F", "alpha"))]
    count = sum(int(np.prod(PHOTOS.parameter_shapes[name])) for name in names)
    assert sorted(plan.gradient_indices.tolist()) == list(range(count))


def test_a_plan_does_not_change() -> None:
    plan = plan_of(PHOTOS, 16)
    with pytest.raises(FrozenInstanceError):
        plan.totals = {}  # type: ignore[misc]
    with pytest.raises(TypeError):
        plan.totals["S"] = 0  # type: ignore[index]
