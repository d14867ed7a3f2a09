"""What made a result: device, seconds, memory, versions and commit, as JSON beside every sample."""

import importlib.metadata
import os
import platform
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import torch

_PACKAGES = ("onereel", "torch", "numpy", "numba", "av", "snakemake")


@contextmanager
def measured(device: torch.device) -> Iterator[dict[str, Any]]:
    """Yield a dict; at the end it holds wall ``seconds``, ``peak_memory_mb`` and, on CUDA, the GPU's peak."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    result: dict[str, Any] = {}
    start = time.perf_counter()
    yield result
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        result["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated(device) / 2**20, 1)
    result["seconds"] = round(time.perf_counter() - start, 3)
    result["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def provenance(device: torch.device) -> dict[str, Any]:
    """Machine, device, package versions, git commit and time of now."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "device": gpu or "cpu",
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": _commit(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@cache
def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


@cache
def _commit() -> str | None:
    """The commit that this code was checked out at, with ``+`` if files differ from it; None outside git."""
    command = ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    folder = Path(__file__).parent
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


@cache
def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
