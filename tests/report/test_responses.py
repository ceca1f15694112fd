"""Where filters respond most: the largest of all responses, and the very pixels that it is made of."""

from __future__ import annotations

import numpy as np
import pytest

from handgrad.architecture import Architecture
from handgrad.data import Samples
from handgrad.model import Model
from handgrad.notes import network
from handgrad.parameters import Parameters
from handgrad.report import responses
from handgrad.report.responses import strongest_responses
from handgrad.standardization import Standardization

ARCHITECTURES = [
    Architecture(input_shape=(8, 9, 1), classes=2, stages=((3, 2),)),
    Architecture(input_shape=(25, 22, 3), classes=2, stages=((3, 2), (4,)), filter_size=(2, 3), pooling=2),
    Architecture(input_shape=(24, 26, 1), classes=2, stages=((3,), (2, 4)), pooling=3, maps=2),
    Architecture(input_shape=(6, 6, 1), classes=2, stages=((70,),)),
]
FIELDS = [[(3, 3), (5, 5)], [(2, 3), (3, 5), (6, 10)], [(3, 3), (11, 11), (17, 17)], [(3, 3)]]


def drawn(architecture: Architecture, count: int = 9) -> tuple[Model, Samples]:
    rng = np.random.default_rng(3)
    parameters = Parameters.draw(architecture, rng, "float64")
    channels = architecture.input_shape[2]
    images = rng.integers(0, 256, (count, *architecture.input_shape)).astype(np.uint8)
    model = Model(parameters, ("a", "b"), Standardization((120.0,) * channels, (70.0,) * channels))
    return model, Samples(images, np.zeros(count, np.int64))


def every_response(model: Model, samples: Samples) -> network.Tensors:
    return network.convolutional_half(
        model.parameters, model.standardization.apply(np.asarray(samples.images), "float64")
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_strongest_of_each_filter_are_the_largest_of_all(architecture: Architecture) -> None:
    model, samples = drawn(architecture)
    values = every_response(model, samples)
    for layer, convolution in zip(strongest_responses(model, samples), architecture.convolutions, strict=True):
        T = values[convolution.T]
        assert (layer.layer, layer.count, layer.images) == (convolution.F, T.shape[3], len(samples))
        assert [each.filter for each in layer.filters] == list(range(1, min(64, T.shape[3]) + 1))
        for n, each in enumerate(layer.filters):
            largest = T[..., n].max(axis=(1, 2))
            np.testing.assert_allclose([found.response for found in each.strongest], np.sort(largest)[::-1][:6])
            assert len({found.image for found in each.strongest}) == 6
            assert each.active == pytest.approx((T[..., n] > 0).mean())
            F = model.parameters[convolution.F][..., n]
            np.testing.assert_array_equal(each.weights, F if F.ndim == 2 else F.transpose(2, 0, 1))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_response_is_made_of_its_pixels_and_of_no_other(architecture: Architecture) -> None:
    model, samples = drawn(architecture)
    rng = np.random.default_rng(0)
    for layer, convolution in zip(strongest_responses(model, samples), architecture.convolutions, strict=True):
        height, width = layer.field
        for n, each in enumerate(layer.filters[:3]):
            strongest = each.strongest[0]
            image = samples.images[strongest.image]
            inside = (slice(strongest.row, strongest.row + height), slice(strongest.column, strongest.column + width))
            other = rng.integers(0, 256, image.shape).astype(np.uint8)
            other[inside] = image[inside]
            T = every_response(model, Samples(other[np.newaxis], np.zeros(1, np.int64)))[convolution.T]
            assert np.isclose(T[0, :, :, n], strongest.response, rtol=1e-9).any()


@pytest.mark.parametrize(("architecture", "fields"), [*zip(ARCHITECTURES, FIELDS, strict=True)])
def test_the_pixels_of_a_response_are_counted_by_hand(
    architecture: Architecture, fields: list[tuple[int, int]]
) -> None:
    assert [layer.field for layer in strongest_responses(*drawn(architecture))] == fields


def test_a_sample_is_bounded_and_evenly_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "_IMAGES", 5)
    model, samples = drawn(ARCHITECTURES[0], count=9)
    found = strongest_responses(model, samples)
    assert found[0].images == 5
    assert {strongest.image for each in found[0].filters for strongest in each.strongest} == {0, 2, 4, 6, 8}
    monkeypatch.setattr(responses, "_NUMBERS", 1)
    assert strongest_responses(model, samples)[0].images == 1


def test_a_batch_at_a_time_or_all_at_once_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model, samples = drawn(ARCHITECTURES[1])
    at_once = strongest_responses(model, samples)
    monkeypatch.setattr(responses, "_BATCH_NUMBERS", 1)
    assert strongest_responses(model, samples) == at_once
