"""docs/serving.md: its service answers real requests with handgrad's own probabilities."""

from __future__ import annotations

import io
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image

from handgrad import Architecture, Model
from handgrad.export import onnx
from handgrad.standardization import Standardization

DOCUMENT = (Path(__file__).parents[1] / "docs" / "serving.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.initial(
        Architecture(input_shape=(12, 10, 3), classes=2, stages=((2,),), hidden=(4,)),
        ("free", "défaut"),
        Standardization((120.0,) * 3, (60.0,) * 3),
        seed=0,
    )


@pytest.fixture(scope="module")
def client(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "service.py").write_text(block("python"), encoding="utf-8")
    (folder / "model.onnx").write_bytes(onnx.export(model).content)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "service:app", "--port", str(port), "--log-level", "warning"]
    with subprocess.Popen(command, cwd=folder) as process:
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as connected:
                await_answer(connected, process)
                yield connected
        finally:
            process.terminate()


def await_answer(client: httpx2.Client, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            client.get("/health")
        except httpx2.ConnectError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the service ended")


def encoded(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def test_a_picture_is_answered_with_the_probabilities_of_handgrad(model: Model, client: httpx2.Client) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    answer = client.post("/predict", content=encoded(pixels))
    assert answer.status_code == 200
    assert list(answer.json()) == ["free", "défaut"]
    np.testing.assert_allclose(list(answer.json().values()), model.predict(pixels[np.newaxis])[0], atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (301, 7)])
def test_pictures_of_other_sizes_are_resized(client: httpx2.Client, size: tuple[int, int]) -> None:
    answer = client.post("/predict", content=encoded(np.full((*size, 3), 200, np.uint8)))
    assert sum(answer.json().values()) == pytest.approx(1, abs=1e-5)


def test_what_is_no_picture_is_refused(client: httpx2.Client) -> None:
    for content in (b"", b"no picture", encoded(np.zeros((9, 9, 3), np.uint8))[:40]):
        assert client.post("/predict", content=content).status_code == 415
    assert client.get("/predict").status_code == 405


def test_a_body_without_end_is_refused(client: httpx2.Client) -> None:
    assert client.post("/predict", content=bytes(20 * 2**20 + 1)).status_code == 413


def test_the_service_is_thirty_lines_and_the_container_has_what_it_imports() -> None:
    lines = [line for line in block("python").splitlines() if line and not line.startswith(("import ", "from "))]
    assert len(lines) <= 30
    dockerfile = block("dockerfile")
    packages = {"onnxruntime": "onnxruntime", "PIL": "pillow", "starlette": "starlette"}
    for module in packages:
        assert re.search(rf"^(import|from) {module}\b", block("python"), re.MULTILINE)
    install = next(line for line in dockerfile.splitlines() if line.startswith("RUN pip"))
    assert set(install.split()) >= {*packages.values(), "uvicorn"}
    assert "COPY service.py model.onnx ./" in dockerfile
