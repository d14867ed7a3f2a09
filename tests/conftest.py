"""Fixtures that several tests use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before torch is loaded: threads that wait for each other without sleeping take the cores from those they wait for,
# where several programs share them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

ROOT = Path(__file__).resolve().parents[1]

if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    # Tests side by side share the cores; torch's threads would wait for each other. No OMP_NUM_THREADS: programs that
    # tests start would inherit it, and `nproc` believes it.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // int(workers)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole workflows first, and long files, which take longest: one of two workers would be idle at the end."""
    lengths = {path: path.stat().st_size for path in {item.path for item in items}}
    items.sort(key=lambda item: ("unit" in item.path.parts, -lengths[item.path]))


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Of tiny tensors several threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real clips and the authors' outputs beside the repository; skips where it is not."""
    folder = ROOT.parent / "shared"
    if not (folder / "data" / "clips").is_dir():
        pytest.skip("the real clips (../shared/data) are not on this machine")
    return folder
