"""Programs beside the package: measurements, generated documents, screenshots, the fuzzer: ``python -m tools.NAME``."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
DATA = Path(os.environ.get("HANDGRAD_DATA", ROOT.parent / "shared" / "data"))
"""Folder of the data sets that are not part of a package."""
