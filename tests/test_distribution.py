"""What is uploaded to a package index: the wheel, the sdist, and the page that the index shows."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
from email import message_from_bytes
from email.message import Message
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZipFile

import pytest
import yaml
from readme_renderer import markdown

from handgrad import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--directory", folder], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> ZipFile:
    return ZipFile(built / f"handgrad-{__version__}-py3-none-any.whl")


@pytest.fixture(scope="module")
def metadata(wheel: ZipFile) -> Message:
    return message_from_bytes(wheel.read(f"handgrad-{__version__}.dist-info/METADATA"))


def description(metadata: Message) -> str:
    return str(metadata.get_payload(decode=True).decode())  # type: ignore[union-attr]


def test_no_link_is_dead_where_the_description_is_shown(metadata: Message) -> None:
    warnings = StringIO()
    page = markdown.render(description(metadata), stream=warnings)
    assert page
    assert not warnings.getvalue()
    addresses = re.findall(r'(?:href|src)="([^"#][^"]*)"', page)
    assert len(addresses) > 20
    source = PROJECT["urls"]["Source"]
    images = source.replace("github.com", "raw.githubusercontent.com")
    for address in addresses:
        for start in (f"{source}/blob/v{__version__}/", f"{images}/v{__version__}/"):
            if address.startswith(start):
                assert (ROOT / urlsplit(address.removeprefix(start)).path).exists(), address
                break
        else:
            assert urlsplit(address).scheme == "https", address
            assert not address.startswith(source), address


def test_only_links_of_the_readme_are_rewritten(metadata: Message) -> None:
    programs = r"```.*?```"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(programs, description(metadata), re.DOTALL) == re.findall(programs, readme, re.DOTALL)


def test_the_index_knows_the_project(metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    labels = {line.split(",")[0] for line in metadata.get_all("Project-URL", [])}
    assert labels == {"Source", "Documentation", "Changelog", "Issues"}
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def test_the_wheel_has_the_package_and_nothing_else(wheel: ZipFile) -> None:
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "handgrad").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files == expected
    assert "handgrad/py.typed" in files


def test_the_sdist_has_what_its_tests_need(built: Path) -> None:
    with tarfile.open(built / f"handgrad-{__version__}.tar.gz") as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for path in ("pyproject.toml", "tests/conftest.py", "docs/serving.md", "tools/documents.py", "examples/digits.py"):
        assert path in names
    for paper in ROOT.glob("*.md"):
        assert paper.name in names


def test_one_version_everywhere() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == __version__
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    released = [heading for heading in headings if heading != "[Unreleased]"]
    assert headings[0] == "[Unreleased]"
    assert not released or released[0].startswith(f"[{__version__}] - ")


def test_the_changelog_is_kept_in_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for release in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        assert re.match(r"\[Unreleased\]\n|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d\n", release)
        kinds = re.findall(r"^### (.*)$", release, re.MULTILINE)
        assert len(kinds) == len(set(kinds))
        assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_a_consumer_finds_the_papers() -> None:
    for paper in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md"):
        text = (ROOT / paper).read_text(encoding="utf-8")
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (ROOT / link).exists(), (paper, link)
