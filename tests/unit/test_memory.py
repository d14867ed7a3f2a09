"""How much memory a process may use."""

import pytest
import torch

from onereel.base import memory
from onereel.base.memory import available_memory

CPU = torch.device("cpu")
MIB = 2**20


@pytest.fixture(autouse=True)
def groups(monkeypatch, tmp_path):
    """A process in no control group and no batch job; the folder that stands for the system's."""
    for name in ("SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_CPUS_ON_NODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "_GROUP_ROOT", tmp_path)
    return tmp_path


def limit(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def test_the_tightest_group_above_a_process_counts(groups):
    whole = available_memory(CPU)
    assert whole > 256 * MIB
    limit(groups / "cgroup", "0::/job/step")
    limit(groups / "job/step/memory.max", "max")
    assert available_memory(CPU) == whole
    limit(groups / "job/memory.max", 200 * MIB)
    assert available_memory(CPU) == 200 * MIB


def test_groups_of_the_first_version(groups):
    limit(groups / "cgroup", "9:cpu,memory:/docker/0123\n3:pids:/docker/0123")
    limit(groups / "memory/memory.limit_in_bytes", 150 * MIB)  # in a container the group's own path is not there
    assert available_memory(CPU) == 150 * MIB


def test_what_slurm_allots(monkeypatch):
    whole = available_memory(CPU)
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "0")  # all of it
    assert available_memory(CPU) == whole
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "100")
    assert available_memory(CPU) == 100 * MIB
    monkeypatch.delenv("SLURM_MEM_PER_NODE")
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "30")
    assert available_memory(CPU) == whole
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "2")
    assert available_memory(CPU) == 60 * MIB


def test_of_a_gpu_what_is_free_and_what_this_process_holds_unused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (5 * MIB, 80 * MIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 4 * MIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1 * MIB)
    assert available_memory(torch.device("cuda", 0)) == 8 * MIB
