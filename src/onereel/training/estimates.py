"""How much memory and time a run takes, before it: counted, not guessed.

A network on PyTorch's ``meta`` device has shapes and no values: what it does there takes no memory and hardly any time,
and every operation can be watched. The peak of living tensors is the memory of the real run, the multiplications are
its time. Attention is counted as kernels compute it today, without a matrix of all pairs.
"""

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from onereel.base.errors import MethodError
from onereel.base.memory import available_memory

OVERHEAD = 1.15
"""What allocators and libraries take on top of tensors: fragments, work spaces of convolutions, kernels."""
_EFFICIENCY = 0.4  # of a large matrix product's speed that networks reach
_SIDES = {"cpu": 1024}  # of the matrices whose product measures a device; of others 4096


@dataclass(frozen=True)
class Cost:
    """What a computation takes.

    Attributes:
        weights: bytes of parameters and buffers.
        activations: bytes of the tensors that live beside them, at the peak.
        flops: additions and multiplications of matrix products, convolutions and attention.
    """

    weights: int
    activations: int
    flops: int

    def together(self, other: "Cost") -> "Cost":
        """Both on one device, one after the other: weights stay, activations do not."""
        activations = max(self.activations, other.activations)
        return Cost(self.weights + other.weights, activations, self.flops + other.flops)

    def in_turn(self, other: "Cost") -> "Cost":
        """One after the other, the weights of each only for as long as it works."""
        larger = max(self, other, key=lambda cost: cost.memory)
        return Cost(larger.weights, larger.activations, self.flops + other.flops)

    def times(self, count: int) -> "Cost":
        """So many of them, one after the other."""
        return Cost(self.weights, self.activations, self.flops * count)

    def seconds(self, speed: float) -> float:
        """How long it takes at so many additions and multiplications a second (`speed_of`); right within a factor of 3
        or so."""
        return self.flops / speed

    @property
    def memory(self) -> int:
        """Bytes on the device."""
        return round((self.weights + self.activations) * OVERHEAD)


def cost_of(run: Callable[[], Any], networks: Sequence[nn.Module], *, gradients: bool = False) -> Cost:
    """What a computation on the ``meta`` device would take on a real one.

    Args:
        run: computes; what it was given beforehand is not counted, what it keeps until it ends is.
        networks: whose weights it uses, on the ``meta`` device.
        gradients: whether it goes backwards, too; it is ``run`` that does so.
    """
    tensors = [tensor for network in networks for tensor in (*network.parameters(), *network.buffers())]
    storages = {tensor.untyped_storage()._cdata: tensor.untyped_storage() for tensor in tensors}
    watch, attention = _Watch(storages), _Attention()
    with nullcontext() if gradients else torch.no_grad(), attention, watch:
        result = run()
    del result
    weights = sum(storage.nbytes() for storage in storages.values())
    return Cost(weights, watch.peak, watch.flops + attention.flops)


def tuning_cost(loss: Callable[[], Tensor], networks: Sequence[nn.Module], *, states: int = 2, copies: int = 0) -> Cost:
    """What a training step takes: forwards, backwards, gradients, and what the optimiser keeps.

    Args:
        loss: a scalar, on the ``meta`` device.
        networks: those in training and those that only help; what requires a gradient is trained.
        states: tensors that the optimiser keeps of each parameter (Adam: 2).
        copies: further ones: averages of weights.
    """

    def step() -> None:
        loss().backward()

    cost = cost_of(step, networks, gradients=True)
    trained = [parameter for network in networks for parameter in network.parameters() if parameter.requires_grad]
    kept = sum(parameter.numel() * parameter.element_size() for parameter in trained)
    for parameter in trained:
        parameter.grad = None
    return Cost(cost.weights + (states + copies) * kept, cost.activations, cost.flops)


@cache
def speed_of(device: torch.device, dtype: torch.dtype) -> float:
    """Additions and multiplications a second that a network reaches there, measured once in a moment."""
    side = _SIDES.get(device.type, 4096)
    one, other = (torch.ones(side, side, device=device, dtype=dtype) for _ in range(2))
    one @ other  # kernels are chosen
    _wait(device)
    start, count = time.perf_counter(), 0
    while (taken := time.perf_counter() - start) < 0.1:
        one @ other
        _wait(device)
        count += 1
    return count * 2 * side**3 / taken * _EFFICIENCY


def check_memory(where: str, needed: int, device: torch.device, ways: Mapping[str, Callable[[], int]]) -> None:
    """Refuse what does not fit on a device, with what would.

    Args:
        where: what is to run, for the error.
        needed: bytes.
        device: where; ``meta`` fits everything.
        ways: what could be done about it, in words, and how many bytes that takes; asked only if it is needed.

    Raises: MethodError in one line.
    """
    present = available_memory(device)
    if needed <= present:
        return
    fitting = [words for words, bytes_of in ways.items() if bytes_of() <= present]
    remedy = f"these fit: {', or '.join(fitting)}" if fitting else "a larger device is needed"
    raise MethodError(where, f"needs about {in_gb(needed)}, {device} has {in_gb(present)}", remedy)


def in_gb(size: float) -> str:
    """Bytes as people read them: ``7.9 GB``."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class _Watch(TorchDispatchMode):
    """Watches which storages live, their bytes at the peak, and what is multiplied. (PyTorch's own counter of the
    latter keeps activations alive that a checkpoint drops.)"""

    def __init__(self, known: Mapping[int, Any]) -> None:
        super().__init__()
        self._known, self._bytes, self.peak, self.flops = set(known), 0, 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if count := flop_registry.get(func._overloadpacket):
            self.flops += count(*args, **kwargs, out_val=result)
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._see(leaf.untyped_storage())
        return result

    def _see(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known.add(key)
        self._bytes += size
        self.peak = max(self.peak, self._bytes)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._bytes -= size


class _Attention:
    """Attention as fused kernels compute it, as long as this context lasts: no matrix of all pairs is ever kept.

    PyTorch's function is replaced, since its modes for functions do not reach the thread that goes backwards.
    """

    def __init__(self) -> None:
        self.flops = 0
        self._theirs: Any = None

    def __enter__(self) -> None:
        self._theirs = nn.functional.scaled_dot_product_attention
        nn.functional.scaled_dot_product_attention = self._ours

    def __exit__(self, *_: object) -> None:
        nn.functional.scaled_dot_product_attention = self._theirs

    def _ours(self, query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
        pairs = query.shape[:-1].numel() * key.shape[-2]
        forward = 2 * pairs * (query.shape[-1] + value.shape[-1])
        tracked = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (query, key, value))
        # Backwards the fused kernels multiply five matrices, forwards two (Dao et al. 2022, "FlashAttention", B.2).
        self.flops += round(forward * 3.5) if tracked else forward
        result: Tensor = _Fused.apply(query, key, value)
        return result


class _Fused(torch.autograd.Function):
    """Shapes of attention, forwards and backwards."""

    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        result = query.new_empty((*query.shape[:-1], value.shape[-1]))
        context.save_for_backward(query, key, value, result)
        return result

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.empty_like(tensor) for tensor in context.saved_tensors[:3])
