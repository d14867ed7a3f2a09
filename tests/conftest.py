"""Fixtures that several tests use."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real clips and the authors' outputs beside the repository; skips where it is not."""
    folder = ROOT.parent / "shared"
    if not (folder / "data" / "clips").is_dir():
        pytest.skip("the real clips (../shared/data) are not on this machine")
    return folder
