"""The server: each visitor's own state, bounds on all that comes in, nothing behind it but the page."""

from __future__ import annotations

import io
import itertools
import json
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from handgrad.graph import graph
from handgrad.web.server import Exhibit, application
from tests.web.models import drawn, pixels_for

TOKEN = "secret"


def exhibit(name: str) -> Exhibit:
    model = drawn(name)
    images = np.stack([pixels_for(model, seed) for seed in range(5)])
    return Exhibit(name, model, "noise", images, np.array([0, 1, 2, -1, 0]))


@pytest.fixture
def client() -> TestClient:
    return TestClient(application([exhibit("notes"), exhibit("maps")], TOKEN), base_url="http://127.0.0.1")


def content(client: TestClient, query: str = "") -> dict[str, Any]:
    html = client.get(f"/{TOKEN}/{query}").text
    match = re.search(r'id="content">(.*?)</script>', html, re.DOTALL)
    assert match
    return dict(json.loads(match[1]))


class Visit:
    """One loaded page."""

    def __init__(self, client: TestClient, query: str = "") -> None:
        self.client = client
        self.first = content(client, query)
        self.place = f"/{TOKEN}/{self.first['live']['visitor']}"

    def wish(self, **wishes: object) -> dict[str, Any]:
        answer = self.client.post(f"{self.place}/state", json=wishes)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refused(self, **wishes: object) -> str:
        answer = self.client.post(f"{self.place}/state", json=wishes)
        assert answer.status_code == 422
        return str(answer.json()["error"])

    def tensor(self, state: dict[str, Any], name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        node = next(number for number, node in enumerate(state["nodes"]) if node["name"] == name)
        answer = self.client.get(f"{self.place}/tensors/{state['revision']}/{node}")
        assert answer.status_code == 200
        return np.frombuffer(answer.content, "<f8").reshape(state["nodes"][node]["shape"])


def test_steps_lower_e_and_back_restores_every_bit(client: TestClient) -> None:
    visit = Visit(client)
    before = visit.tensor(visit.first["trace"], "w1")
    stepped = visit.wish(steps=10, rate=0.001)
    losses = stepped["losses"]
    assert len(losses) == 11
    assert all(later < earlier for earlier, later in itertools.pairwise(losses))
    assert not np.array_equal(visit.tensor(stepped["trace"], "w1"), before)
    for _ in range(4):
        returned = visit.wish(back=1)
    assert returned["losses"] == losses[:7]
    assert (returned["taken"], returned["undoable"]) == (6, 6)
    returned = visit.wish(restart=True)
    np.testing.assert_array_equal(visit.tensor(returned["trace"], "w1"), before)
    assert returned["losses"] == losses[:1]


def test_a_learning_rate_that_is_too_large_raises_e_and_can_be_taken_back(client: TestClient) -> None:
    visit, rose = Visit(client), False
    for rate in (0.01, 0.1, 1, 10, 1e6, 1e300):
        losses = visit.wish(steps=10, rate=rate)["losses"]
        rose |= any(loss is None or loss > losses[0] for loss in losses)
        assert visit.wish(restart=True)["losses"] == losses[:1]
    assert rose


def test_steps_outlast_another_question_and_can_still_be_taken_back(client: TestClient) -> None:
    visit = Visit(client)
    before = visit.tensor(visit.first["trace"], "w1")
    visit.wish(steps=3, rate=0.01)
    asked = visit.wish(label=2)
    assert (asked["taken"], len(asked["losses"])) == (3, 1)
    assert len(visit.wish(back=1)["losses"]) == 1
    again = visit.wish(restart=True)
    assert (again["taken"], again["undoable"]) == (0, 0)
    np.testing.assert_array_equal(visit.tensor(again["trace"], "w1"), before)


def test_visitors_do_not_see_each_other(client: TestClient) -> None:
    one, other = Visit(client), Visit(client)
    one.wish(steps=3, rate=0.01)
    assert len(other.wish(label=2)["losses"]) == 1
    assert other.wish(label=2)["trace"]["label"] == 2
    assert len(one.wish(steps=1, rate=0.01)["losses"]) == 5


def test_visitors_at_once(client: TestClient) -> None:
    visits = [Visit(client) for _ in range(6)]
    lengths = [0] * len(visits)

    def step(number: int) -> None:
        for _ in range(3):
            lengths[number] = len(visits[number].wish(steps=number + 1, rate=1e-4)["losses"])

    threads = [threading.Thread(target=step, args=(number,)) for number in range(len(visits))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [3 * (number + 1) + 1 for number in range(len(visits))]


def test_only_the_latest_visitors_are_kept(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handgrad.web.visitors._MOST_VISITORS", 4)
    first = Visit(client)
    for _ in range(4):
        Visit(client)
    answer = client.post(f"{first.place}/state", json={"label": 0})
    assert answer.status_code == 410
    assert "reload it" in answer.json()["error"]


def test_a_picture_is_looked_at(client: TestClient) -> None:
    visit = Visit(client, "?model=1")
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (255, 0, 0)).save(file, "PNG")
    answer = client.post(f"{visit.place}/picture", content=file.getvalue())
    assert answer.status_code == 200
    assert answer.json()["trace"]["pixels"]["shape"] == [12, 11, 3]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "it is no picture of a known format"),
        (b"GIF89a" + bytes(50), "picture=upload"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "it is no picture of a known format"),
        (b"x" * (21 << 20), "at most 20,971,520 bytes are taken"),
    ],
    ids=["nothing", "damaged", "PostScript", "too large"],
)
def test_a_file_that_is_not_a_picture_is_reported(body: bytes, told: str, client: TestClient) -> None:
    visit = Visit(client)
    answer = client.post(f"{visit.place}/picture", content=body)
    assert answer.status_code == 422
    assert told in answer.json()["error"]


def test_a_picture_of_too_many_pixels_is_refused(client: TestClient) -> None:
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    answer = client.post(f"{Visit(client).place}/picture", content=file.getvalue())
    assert answer.status_code == 422
    assert "pixels that are safe to decode" in answer.json()["error"]


@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"label": 3},
        {"label": -1},
        {"label": "1"},
        {"example": 5},
        {"example": -1},
        {"steps": 0, "rate": 0.1},
        {"steps": 101, "rate": 0.1},
        {"steps": 1, "rate": -1},
        {"steps": 1, "rate": "x"},
        {"steps": 1, "rate": 10**400},
        {"steps": 1, "rate": True},
        {"steps": True, "rate": 0.1},
        {"label": True},
        {"example": 3.5},
        {"back": 2},
        {"model": 9},
    ],
    ids=str,
)
def test_a_wish_that_the_page_does_not_have_is_refused(wishes: dict[str, object], client: TestClient) -> None:
    visit = Visit(client)
    assert visit.refused(**wishes)
    assert len(visit.wish(steps=1, rate=0.001)["losses"]) == 2


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"[" * 4000, b" " * 5000, b"\xff"], ids=repr)
def test_what_is_no_wish_at_all_is_refused(body: bytes, client: TestClient) -> None:
    answer = client.post(f"{Visit(client).place}/state", content=body)
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_nothing_is_reachable_but_the_page(client: TestClient) -> None:
    for path in ("/", "/secret", "/secre/", "/secret/../etc/passwd", "/secret/static/main.js", "/secret/%2e%2e/x"):
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code in (404, 307, 405), path
    assert client.get(f"/{TOKEN}/?model=2").status_code == 404
    assert client.get(f"/{TOKEN}/?model=²").status_code == 404
    assert client.get(f"/{TOKEN}/?model={'1' * 5000}").status_code == 404
    assert client.get(f"/{TOKEN}/", headers={"host": "evil.example"}).status_code == 400
    assert client.post(f"/{TOKEN}/nobody/state", json={"label": 0}).status_code == 410


def test_every_answer_forbids_what_the_page_does_not_need(client: TestClient) -> None:
    visit = Visit(client)
    answers = [
        client.get(path)
        for path in (f"/{TOKEN}/", "/elsewhere", f"{visit.place}/tensors/1/0", f"{visit.place}/tensors/0/0")
    ]
    answers += [client.get("/", headers={"host": "evil.example"}), client.post(f"{visit.place}/state", content=b"{")]
    assert [answer.status_code for answer in answers] == [200, 404, 200, 409, 400, 422]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


def test_numbers_of_a_trace_that_has_changed_are_refused(client: TestClient) -> None:
    visit = Visit(client)
    visit.wish(steps=1, rate=0.01)
    answer = client.get(f"{visit.place}/tensors/{visit.first['trace']['revision']}/0")
    assert answer.status_code == 409
    nodes = len(graph(drawn("notes").architecture))
    state = visit.wish(back=1)["trace"]
    for wrong in (str(nodes + 99), "-1", "1" * 5000, "x", "0?slice=9&of=9", "0?slice=0&of=", "0?slice=-1&of=2"):
        answer = client.get(f"{visit.place}/tensors/{state['revision']}/{wrong}")
        assert answer.status_code == (200 if wrong.endswith("of=") else 409), wrong
    assert client.get(f"{visit.place}/tensors/{'1' * 5000}/0").status_code == 409


def test_a_tensor_comes_slice_by_slice(client: TestClient) -> None:
    visit = Visit(client, "?model=1")
    state = visit.first["trace"]
    for name, slices in (("T1", 4), ("F2", 6), ("w1", 5)):
        whole = visit.tensor(state, name)
        node = next(number for number, node in enumerate(state["nodes"]) if node["name"] == name)
        for place in range(slices):
            answer = client.get(f"{visit.place}/tensors/{state['revision']}/{node}?slice={place}&of={slices}")
            np.testing.assert_array_equal(np.frombuffer(answer.content, "<f8"), whole.reshape(-1, slices)[:, place])


def test_a_class_whose_name_is_no_text_is_served() -> None:
    shown = exhibit("notes")
    object.__setattr__(shown.model, "classes", ("good", "b\udcffse", "ugly"))
    visit = Visit(TestClient(application([shown], TOKEN), base_url="http://127.0.0.1"))
    assert visit.wish(label=1)["trace"]["classes"][1] == "b\udcffse"


def serve(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "handgrad", "serve", "--port", "0", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals, trained: Path) -> None:
    process = serve("--model", str(trained))
    try:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{20,}/", address_of(process))
        process.send_signal(number)
        _, told = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Traceback" not in told


def test_a_port_in_use_is_reported(trained: Path) -> None:
    process = serve("--model", str(trained))
    try:
        port = address_of(process).split(":")[2].split("/")[0]
        command = [sys.executable, "-m", "handgrad", "serve", "--model", str(trained), "--port", port]
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert second.returncode == 2
    assert second.stderr.startswith(f"handgrad: error: --port={port}: cannot be listened on")
