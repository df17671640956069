"""The built programs: a test that lacks one fails, it is not left out."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def built(path: str) -> Path:
    """A file below build/. Errors: a failure that says what to do."""
    found = ROOT / "build" / path
    if not found.exists():
        pytest.fail(f"{found} is not there; run `make build`", pytrace=False)
    return found
