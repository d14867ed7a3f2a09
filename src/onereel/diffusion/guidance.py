"""Guidance: several predictions of one network, under different conditions, as one.

Every published rule is a weighted sum whose weights add up to 1; `combined` makes a `Predict` of them that runs the
network once, on all conditions as one batch.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from onereel.diffusion.samplers import Predict

Conditioned: TypeAlias = Callable[[Tensor, int, Sequence[Any]], Tensor]
"""``network(noisy, timestep, conditions)``: (N * B, ...) for N conditions, each of the B samples, condition by
condition; `noisy` has N * B samples already."""


def classifier_free_weights(guidance_scale: float) -> tuple[float, float]:
    """Weights of the prediction without and with the condition (Ho and Salimans 2022, Eq. 6 with w + 1 as the scale):
    1 is the condition alone, above 1 it is exaggerated.
    """
    return 1 - guidance_scale, guidance_scale


def combined(network: Conditioned, conditions: Sequence[Any], weights: Sequence[float]) -> Predict:
    """A prediction from several: the weighted sum of what the network says under each condition.

    Args:
        network: runs once a step, with all conditions that count.
        conditions: whatever the network takes for one.
        weights: one for each condition, adding up to 1; a condition of weight 0 costs nothing.

    Raises: ValueError if the numbers differ, or the weights do not add up to 1: the result would have another scale
        than the noise in the sample.
    """
    if len(conditions) != len(weights):
        raise ValueError(f"{len(conditions)} conditions, {len(weights)} weights")
    if abs(sum(weights) - 1) > 1e-6:
        raise ValueError(f"weights must add up to 1, these are {list(weights)}")
    counted = [(condition, weight) for condition, weight in zip(conditions, weights, strict=True) if weight]

    def predict(noisy: Tensor, timestep: int) -> Tensor:
        copies = torch.cat([noisy] * len(counted))
        outputs = network(copies, timestep, [condition for condition, _ in counted]).chunk(len(counted))
        total = torch.zeros_like(outputs[0])
        for output, (_, weight) in zip(outputs, counted, strict=True):
            total = total.add(output, alpha=weight)
        return total

    return predict


def rescaled(guided: Tensor, conditional: Tensor, rescale: float) -> Tensor:
    """Guidance without its gain in contrast: bring the spread of each sample back to that of the prediction with the
    condition (Lin et al. 2024, section 3.4).

    Args:
        guided: (B, ...), the combined prediction.
        conditional: (B, ...), that with the condition alone.
        rescale: how far, 0 to 1 (section 3.4: 0.7).
    """
    axes = tuple(range(1, guided.ndim))
    own = guided.std(dim=axes, keepdim=True).clamp(min=1e-8)
    wanted = conditional.std(dim=axes, keepdim=True)
    return guided * (rescale * wanted / own + 1 - rescale)
