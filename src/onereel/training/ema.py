"""Exponential moving average of the parameters that are trained, in the words of diffusers' ``EMAModel``."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class EMA:
    """Averaged parameters beside those of a network in training; frozen ones have no copy.

    Args:
        network: its parameters that require a gradient are followed.
        decay: share of the average that a step keeps, in (0, 1). Early on it is at most (1 + n) / (10 + n) in step n,
            so that the first weights are forgotten (diffusers: ``EMAModel``, whose first step keeps nothing of them,
            ours a tenth).

    Attributes:
        weights: the averages by name.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._live = {name: value for name, value in network.named_parameters() if value.requires_grad}
        self._stored: list[Tensor] = []
        self.weights = {name: value.detach().clone() for name, value in self._live.items()}

    def update(self, step: int) -> None:
        """Follow the parameters after step `step` (from 0)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.weights.values()), self._detached(), 1 - decay)

    def store(self) -> None:
        """Keep the network's own parameters for `restore`."""
        self._stored = [value.clone() for value in self._detached()]

    def copy_to(self) -> None:
        """Give the network the averages."""
        torch._foreach_copy_(self._detached(), list(self.weights.values()))

    def restore(self) -> None:
        """Give the network back what `store` kept."""
        torch._foreach_copy_(self._detached(), self._stored)
        self._stored = []

    def load_state_dict(self, weights: Mapping[str, Tensor]) -> None:
        """Take over the averages of a checkpoint."""
        for name, value in self.weights.items():
            value.copy_(weights[name])

    def _detached(self) -> list[Tensor]:
        return [value.detach() for value in self._live.values()]
