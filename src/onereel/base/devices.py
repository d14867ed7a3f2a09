"""Which device a job computes on."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from onereel.base.errors import ConfigError


def resolve_device(name: str = "auto") -> torch.device:
    """``auto`` is CUDA where there is one, else the CPU; ``cpu``, ``cuda``, ``cuda:1`` are torch's names.

    Raises: ConfigError if the device does not exist.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type not in ("cpu", "cuda"):
            raise RuntimeError("no method was ever run there")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise ConfigError(f"device '{name}'", "is not available here", "use auto, cpu or a CUDA device") from None
    return device


@contextmanager
def claimed_device(gpus: int) -> Iterator[torch.device]:
    """A device for one job: the CPU for ``gpus`` = 0 or without CUDA, else a GPU that no other job of ours holds.

    Under a scheduler that sets CUDA_VISIBLE_DEVICES the first visible GPU is ours already. Elsewhere jobs that start
    together would all take GPU 0, since Snakemake counts GPUs but does not name them: a lock file per GPU decides.
    """
    if gpus == 0 or not torch.cuda.is_available():
        yield torch.device("cpu")
        return
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        yield torch.device("cuda", 0)
        return
    folder = Path(tempfile.gettempdir()) / f"onereel-gpus-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    count = torch.cuda.device_count()
    for index in (*range(count), None):
        # More jobs than GPUs (the profile says how many may run): wait for the first one.
        with (folder / f"{index or 0}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if index is None else fcntl.LOCK_NB))
            except BlockingIOError:
                continue
            yield torch.device("cuda", index or 0)
            return
