"""How much memory there is for this process: the machine's, or what a container or a batch job leaves of it."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import torch

_GROUPS = Path("/proc/self/cgroup")
_GROUP_ROOT = Path("/sys/fs/cgroup")


def available_memory(device: torch.device) -> int:
    """Bytes that this process can use on `device`.

    Of CUDA: what is free there, with what PyTorch holds for this process and does not use. Of the processor: the least
    of the machine's memory, the limits of its control groups (v1 and v2) and what Slurm allots on this node. Of
    ``meta``, where nothing is computed: no limit.
    """
    if device.type == "meta":
        return sys.maxsize
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_group_limits(), *_slurm_limits(os.environ)])


def _slurm_limits(environment: Mapping[str, str]) -> Iterator[int]:
    """What Slurm allots, in bytes; it counts in MiB, and 0 stands for all of the node."""

    def number(name: str) -> int:
        text = environment.get(name, "")
        return int(text) if text.isdecimal() else 0

    node = number("SLURM_MEM_PER_NODE")
    processors = number("SLURM_MEM_PER_CPU") * number("SLURM_CPUS_ON_NODE")
    yield from (limit * 2**20 for limit in (node, processors) if limit)


def _group_limits() -> Iterator[int]:
    """Memory limits of this process's control groups and of those above them, in bytes."""
    try:
        lines = _GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        hierarchy, controllers, own = line.split(":", 2)
        if hierarchy == "0" and not controllers:
            root, name = _GROUP_ROOT, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = _GROUP_ROOT / "memory", "memory.limit_in_bytes"
        else:
            continue
        # In a container the path may be the host's, which is not there: the root's limit is then the container's.
        for group in (Path(own), *Path(own).parents):
            with suppress(OSError, ValueError):
                yield int((root / group.relative_to("/") / name).read_text())  # "max" is no limit
