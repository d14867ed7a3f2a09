"""Descent on one loss: Adam, learning-rate schedule, mixed precision, accumulation, averaged weights."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from onereel.training.loop import generator_of
from onereel.training.settings import TrainingConfig

Loss = Callable[[nn.Module, torch.Generator, int], Tensor]
"""``loss(network, generator, step)``: a scalar. All randomness comes from the CPU generator."""

log = logging.getLogger(__name__)


class Descent:
    """A `onereel.training.loop.Trainee` that minimises one loss of one network.

    Args:
        network: what is trained; it is moved to `device`.
        loss: see `Loss`.
        config: how.
        steps: how many steps there will be, for schedules that end with them.
        device: where.
        seed: step n draws from ``generator_of(seed, n)``.
    """

    def __init__(
        self, network: nn.Module, loss: Loss, config: TrainingConfig, *, steps: int, device: torch.device, seed: int
    ) -> None:
        self.network = channels_last(network.to(device))
        self.average = Average(self.network, config.average) if config.average else None
        self._loss, self._config, self._steps, self._seed = loss, config, steps, seed
        self._precision = Precision(config.precision, device)
        self._optimiser = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate, fused=True)
        self._run: nn.Module = compiled(self.network) if config.compile else self.network

    def update(self, step: int) -> Mapping[str, float | Tensor]:
        """One step; returns ``loss`` and ``learning_rate``."""
        rate = self._config.rate(step, self._steps)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        total: Tensor | float = 0.0
        for part in range(self._config.accumulate):
            with self._precision.context():
                loss = self._loss(self._run, generator_of(self._seed, step, part), step) / self._config.accumulate
            loss.backward()
            total = total + loss.detach()
        if self._config.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), self._config.clip_norm)
        self._optimiser.step()
        if self.average:
            self.average.update(step)
        return {"loss": total, "learning_rate": rate}

    def result(self) -> dict[str, Tensor]:
        """The weights to keep, by name."""
        weights = dict(self.network.state_dict())
        return {**weights, **self.average.weights} if self.average else weights

    @contextlib.contextmanager
    def evaluated(self) -> Iterator[nn.Module]:
        """The network as it would be kept: averaged weights, no gradients, the training's precision."""
        own = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.network.load_state_dict(self.result())
        try:
            with torch.no_grad(), self._precision.context():
                yield self.network
        finally:
            self.network.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        """Network, optimiser and average."""
        state = {"network": self.network.state_dict(), "optimiser": self._optimiser.state_dict()}
        return {**state, "average": self.average.weights} if self.average else state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.network.load_state_dict(state["network"])
        load_adam(self._optimiser, state["optimiser"])
        if self.average:
            self.average.load(state["average"])


def load_adam(optimiser: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Take over the moments that ``state_dict`` returned; what the settings say stays as it is.

    Raises: ValueError if they are not those of these parameters, which torch would find out in the step after.
    """
    optimiser.load_state_dict({"state": state["state"], "param_groups": optimiser.state_dict()["param_groups"]})
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            for name, value in optimiser.state.get(parameter, {}).items():
                if name != "step" and value.shape != parameter.shape:
                    raise ValueError(f"{name} of {tuple(value.shape)}, the parameter is {tuple(parameter.shape)}")


class Average:
    """Exponential moving average of a network's parameters."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._live = dict(network.named_parameters())
        self.weights = {name: value.detach().clone() for name, value in self._live.items()}

    def update(self, step: int) -> None:
        """Follow the parameters after step `step` (from 0)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        live = [value.detach() for value in self._live.values()]
        torch._foreach_lerp_(list(self.weights.values()), live, 1 - decay)

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take over averaged weights of a checkpoint."""
        for name, value in self.weights.items():
            value.copy_(weights[name])


class Precision:
    """What convolutions compute in on a device; ``with precision.context():`` around a forward pass.

    Args:
        name: ``auto``, ``float32`` or ``bfloat16``; see `TrainingConfig.precision`.
        device: where the network runs.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        self.device = device
        self.dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}.get(name) or _fastest(device)

    def context(self) -> contextlib.AbstractContextManager[Any]:
        """Autocast where it is not float32."""
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)


def channels_last(network: nn.Module) -> nn.Module:
    """Lay the kernels of 2D convolutions out as processors and GPUs like them; those of 3D ones gain nothing."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def compiled(network: nn.Module) -> nn.Module:
    """The network through torch.compile; as it is where there is no compiler, which is said once."""
    try:
        return torch.compile(network)  # type: ignore[return-value]
    except RuntimeError as error:
        log.warning("torch.compile is not available here (%s): going on without it", error)
        return network


def _fastest(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    capable = torch.cpu.get_capabilities()
    return torch.bfloat16 if capable.get("avx512_bf16") or capable.get("amx_bf16") else torch.float32
