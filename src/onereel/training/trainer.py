"""Training on one loss: Adam, learning-rate schedule, mixed precision, accumulation, averaged weights, processes."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from onereel.base.errors import ConfigError
from onereel.training import processes
from onereel.training.ema import EMA
from onereel.training.execution import Precision, channels_last, compiled, load_adam
from onereel.training.loop import generator_of
from onereel.training.settings import TrainingConfig

Loss = Callable[[nn.Module, torch.Generator, int], Tensor]
"""``loss(network, generator, step)``: a scalar, of one part of a step's batch. All that it draws comes from the CPU
generator, or from torch's own (dropout), which has a seed in every part."""

_DROPOUT = 2**21  # stream of the seeds of torch's own generators; losses draw from those from 0 on


class Trainer:
    """A `onereel.training.loop.Trainee` that minimises one loss of one network.

    What is trained are the parameters that require a gradient: all, or what `onereel.training.adapters` chose. A step's
    batch has `TrainingConfig.accumulate` parts, each with a generator of its own, which several processes share among
    them: how many there are changes nothing but the time.

    Args:
        network: what is trained; it is moved to `device`. Frozen parameters must be the same in every process.
        loss: see `Loss`.
        config: how.
        steps: how many steps there will be, for schedules that end with them.
        device: where.
        seed: part k of step n draws from ``generator_of(seed, n, k)``.

    Raises: ConfigError if the parts of a batch cannot be shared evenly; ValueError if nothing is to be trained.
    """

    def __init__(
        self, network: nn.Module, loss: Loss, config: TrainingConfig, *, steps: int, device: torch.device, seed: int
    ) -> None:
        self.network = channels_last(network.to(device))
        self._trained = [each for each in network.parameters() if each.requires_grad]
        if not self._trained:
            raise ValueError("every parameter is frozen")
        if config.accumulate % processes.count():
            raise ConfigError(
                f"training.accumulate {config.accumulate}",
                f"{processes.count()} processes cannot share so many parts of a batch evenly",
                "set a multiple, with a smaller training.batch",
            )
        processes.share_first(list(trained_state(network).values()))
        self.ema = EMA(self.network, config.average) if config.average else None
        self._loss, self._config, self._steps, self._seed, self._device = loss, config, steps, seed, device
        self._precision = Precision(config.precision, device)
        self._optimiser = torch.optim.Adam(self._trained, lr=config.learning_rate, fused=True)
        self._run: nn.Module = compiled(self.network) if config.compile else self.network

    def update(self, step: int) -> Mapping[str, float | Tensor]:
        """One step; returns ``loss``, of the whole batch, and ``learning_rate``."""
        rate = self._config.rate(step, self._steps)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        own = range(processes.rank(), self._config.accumulate, processes.count())
        total = torch.zeros((), device=self._device)
        for part in own:
            with self._drawing(step, part), self._precision.context():
                loss = self._loss(self._run, generator_of(self._seed, step, part), step) / len(own)
            loss.backward()
            total = total + loss.detach()
        processes.average_gradients(self._trained)
        if self._config.clip_norm:
            nn.utils.clip_grad_norm_(self._trained, self._config.clip_norm)
        self._optimiser.step()
        if self.ema:
            self.ema.update(step)
        return {"loss": processes.mean(total), "learning_rate": rate}

    def result(self) -> dict[str, Tensor]:
        """What is kept, by name: `trained_state`, averaged where settings say so."""
        weights = trained_state(self.network)
        return {**weights, **self.ema.weights} if self.ema else weights

    @contextlib.contextmanager
    def evaluated(self) -> Iterator[nn.Module]:
        """The network as it would be kept: averaged, in evaluation mode, without gradients, in training's precision."""
        training = self.network.training
        if self.ema:
            self.ema.store()
            self.ema.copy_to()
        try:
            with torch.no_grad(), self._precision.context():
                yield self.network.eval()
        finally:
            self.network.train(training)
            if self.ema:
                self.ema.restore()

    def state_dict(self) -> dict[str, Any]:
        """What is trained, optimiser and averages. Draws follow from the step's number and need no state."""
        state = {"network": trained_state(self.network), "optimiser": self._optimiser.state_dict()}
        return {**state, "ema": self.ema.weights} if self.ema else state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        load_trained(self.network, state["network"])
        load_adam(self._optimiser, state["optimiser"])
        if self.ema:
            self.ema.load_state_dict(state["ema"])

    @contextlib.contextmanager
    def _drawing(self, step: int, part: int) -> Iterator[None]:
        """Layers that draw, dropout for one, know no generator: give torch's own a seed of this part, then its state
        back.
        """
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(generator_of(self._seed, step, _DROPOUT + part).initial_seed())
            yield


def trained_state(network: nn.Module) -> dict[str, Tensor]:
    """All of a network that training changes: parameters that require a gradient, and buffers, by name."""
    frozen = {name for name, value in network.named_parameters() if not value.requires_grad}
    return {name: value for name, value in network.state_dict().items() if name not in frozen}


def load_trained(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put back what `trained_state` gave.

    Raises: ValueError if it is that of other parameters.
    """
    if other := trained_state(network).keys() ^ state.keys():
        raise ValueError(f"other parameters are trained, '{min(other)}' for one")
    network.load_state_dict(state, strict=False)
