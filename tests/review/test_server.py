"""The server of a review: what it takes, and what it refuses."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from handgrad.errors import OutputError
from handgrad.review import decisions as module
from handgrad.review.changes import read_changes
from handgrad.review.decisions import NONE, Decisions, doubted
from handgrad.review.doubt import Doubts
from handgrad.review.server import application
from handgrad.review.subject import read_subject
from tests.data.writing import write_picture
from tests.review.pictures import HOSTILE, model


@pytest.fixture
def review(folder: Path, tmp_path: Path) -> Decisions:
    """Three doubted pictures; the second is larger than the network's input."""
    write_picture(folder / "left" / "0-1.png", np.full((900, 300), 200, np.uint8))
    subject = read_subject(model(), str(folder))
    names = subject.samples.identifiers.tolist()
    chosen = [names.index(str(Path(name))) for name in ("right/0-3.png", "left/0-1.png", "left/2-5.png")]
    label = {name: number for number, name in enumerate(subject.classes)}
    found = Doubts(np.array(chosen), np.array([label["left"], label["right"], label[HOSTILE]]), 2)
    items = doubted(subject, found, np.full((30, 3), 1 / 3, np.float32))
    return Decisions(items, subject.classes, tmp_path / "review")


@pytest.fixture
def client(review: Decisions) -> TestClient:
    about = {"source": "photos", "pictures": 30, "expected": 2}
    return TestClient(application(review, about, "secret"), base_url="http://127.0.0.1")


def content(client: TestClient) -> dict[str, Any]:
    match = re.search(r'id="content">(.*?)</script>', client.get("/secret/").text, re.DOTALL)
    assert match
    return dict(json.loads(match[1]))


def test_each_decision_is_on_disk_when_it_is_answered(client: TestClient, review: Decisions) -> None:
    classes = content(client)["classes"]
    for to, text in ((classes.index("left"), "left"), (NONE, ""), (classes.index("right"), "right")):
        assert client.post("/secret/decide", json={"item": 0, "to": to}).json() == {"decided": 1}
        (change,) = read_changes(review.folder).values()
        assert change[:3] == (str(Path("right/0-3.png")), "right", text)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", change.when)
        assert content(client)["items"][0]["to"] == to
    assert client.post("/secret/decide", json={"item": 0, "to": None}).json() == {"decided": 0}
    assert read_changes(review.folder) == {}


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", "null", '{"item": true, "to": 1}', '{"item": 0, "to": true}', '{"item": 3, "to": 1}',
     '{"item": -1, "to": 1}', '{"item": 0, "to": 3}', '{"item": 0, "to": -2}', '{"item": 0, "to": "left"}',
     '{"item": 0}', '{"item": 1e99, "to": 0}', "[" * 900, " " * 1025],
)  # fmt: skip
def test_anything_else_is_refused_in_one_line(client: TestClient, review: Decisions, body: str) -> None:
    answer = client.post("/secret/decide", content=body)
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]
    assert not review.folder.exists()


def test_a_picture_is_shown_as_large_as_its_file_allows(client: TestClient) -> None:
    sizes = []
    for number in range(2):
        answer = client.get(f"/secret/pictures/{number}")
        sizes.append((answer.headers["content-type"], Image.open(io.BytesIO(answer.content)).size))
    assert sizes == [("image/png", (8, 8)), ("image/jpeg", (213, 640))]
    assert client.get("/secret/pictures/3").status_code == 404
    assert client.get("/secret/pictures/-1").status_code == 404


def test_a_file_that_is_gone_is_shown_as_the_network_saw_it(client: TestClient, folder: Path) -> None:
    (folder / "left" / "0-1.png").unlink()
    assert Image.open(io.BytesIO(client.get("/secret/pictures/1").content)).size == (8, 8)


def test_nothing_is_there_without_the_token_or_for_another_host(client: TestClient) -> None:
    for path in ("/", "/decide", "/pictures/0", "/wrong/", "/secret/../secret/changes.csv"):
        assert client.get(path).status_code == 404
    assert client.get("/secret/", headers={"host": "evil.example"}).status_code == 400
    headers = client.get("/secret/").headers
    assert "script-src 'sha256-" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


def test_what_cannot_be_written_is_not_decided(
    client: TestClient, review: Decisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, changes: object) -> None:
        raise OutputError(folder, "No space left on device")

    monkeypatch.setattr(module, "write_changes", full)
    answer = client.post("/secret/decide", json={"item": 0, "to": 0})
    assert (answer.status_code, "No space left" in answer.json()["error"]) == (422, True)
    assert review.standing()[0] is None


def test_a_decision_about_another_label_is_past(client: TestClient, review: Decisions, folder: Path) -> None:
    client.post("/secret/decide", json={"item": 0, "to": 0})
    again = Decisions(review.items, review.classes, review.folder)
    assert again.standing() == [0, None, None]
    relabeled = [type(item)(**(vars(item) | {"label": 0})) for item in review.items]
    assert Decisions(relabeled, review.classes, review.folder).standing() == [None, None, None]
