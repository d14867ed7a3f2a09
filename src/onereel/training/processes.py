"""One training in several processes, each with a GPU or some cores of its own, as ``torchrun`` starts them.

Without `joined` there is one process, and everything here costs nothing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch import distributed as dist
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

_BUCKET = 2**24  # numbers that are sent at a time: enough to hide latencies, little beside a network


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Join the other processes of ``torchrun``, which names them in the environment; alone, do nothing.

    Args:
        device: of which kind; each process of a machine takes a GPU of its own.

    Yields: the device of this process.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    # Gradients go between GPUs, flags between processors: those never wait for a GPU.
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Number of this process, from 0; only that one writes files."""
    return dist.get_rank() if _several() else 0


def count() -> int:
    """How many processes there are."""
    return dist.get_world_size() if _several() else 1


def agreed(values: Sequence[int]) -> list[int]:
    """The largest of each value over all processes: what one of them has seen, all know."""
    if not _several():
        return list(values)
    largest = torch.tensor(values)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return [int(value) for value in largest.tolist()]


def mean(value: Tensor) -> Tensor:
    """The mean over all processes."""
    if not _several():
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / count()


@torch.no_grad()
def share_first(tensors: Sequence[Tensor]) -> None:
    """Give every process what the first one has."""
    if not _several():
        return
    for bucket in _buckets(tensors):
        flat = _flatten_dense_tensors(bucket)
        dist.broadcast(flat, 0)
        _copy(flat, bucket)


@torch.no_grad()
def average_gradients(parameters: Sequence[Tensor]) -> None:
    """Replace every gradient by its mean over all processes.

    A parameter that only some of them used counts as a gradient of zero in the others; one that none used keeps none.
    """
    if not _several():
        return
    used = agreed([int(each.grad is not None) for each in parameters])
    gradients: list[Tensor] = []
    for parameter, by_any in zip(parameters, used, strict=True):
        if not by_any:
            continue
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    for bucket in _buckets(gradients):
        flat = _flatten_dense_tensors(bucket)
        dist.all_reduce(flat)
        _copy(flat / count(), bucket)


def _copy(flat: Tensor, tensors: list[Tensor]) -> None:
    for tensor, values in zip(tensors, _unflatten_dense_tensors(flat, tensors), strict=True):
        tensor.copy_(values)


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in their order, those of one type together, up to a size."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        full = sum(each.numel() for each in bucket) + tensor.numel() > _BUCKET
        if bucket and (full or bucket[0].dtype != tensor.dtype):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


def _several() -> bool:
    return dist.is_available() and dist.is_initialized()
