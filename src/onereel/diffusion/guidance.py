"""Guidance: several predictions, of one network under different conditions or of several, as one.

Every published rule is a weighted sum whose weights add up to 1; `combined` makes a `Predict` of named branches and
their weights, and nothing else in this project adds predictions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from onereel.diffusion.samplers import Predict

Conditioned: TypeAlias = Callable[[Tensor, int, Sequence[Any]], Tensor]
"""``network(noisy, timestep, conditions)``: (N * B, ...) for N conditions, each of the B samples, condition by
condition; `noisy` has N * B samples already."""

UNCONDITIONAL, CONDITIONAL, IMAGE = "unconditional", "conditional", "image"


@dataclass(frozen=True)
class Branch:
    """One of the predictions that are combined.

    Attributes:
        network: see `Conditioned`; branches of the same one run as one batch.
        condition: whatever the network takes for one.
    """

    network: Conditioned
    condition: Any


def classifier_free_weights(guidance_scale: float) -> dict[str, float]:
    """Weights of the prediction without and with the condition (Ho and Salimans 2022, Eq. 6 with w + 1 as the scale):
    1 is the condition alone, above 1 it is exaggerated.
    """
    return {UNCONDITIONAL: 1 - guidance_scale, CONDITIONAL: guidance_scale}


def temporal_weights(temporal_scale: float, guidance_scale: float) -> dict[str, float]:
    """Weights of the image model without condition, and of the video model without and with it (Gen-1, Eq. 8).

    Args:
        temporal_scale: omega_t: 0 predicts frame by frame, 1 is the video model, above 1 frames agree more.
        guidance_scale: omega, of the condition.
    """
    return {IMAGE: 1 - temporal_scale, UNCONDITIONAL: temporal_scale - guidance_scale, CONDITIONAL: guidance_scale}


def combined(branches: Mapping[str, Branch], weights: Mapping[str, float], *, rescale: float = 0.0) -> Predict:
    """A prediction from several: the weighted sum of what the branches say.

    Args:
        branches: by name.
        weights: by the same names, adding up to 1; a branch of weight 0 costs nothing.
        rescale: see `rescaled`; above 0 there must be a branch `CONDITIONAL` that counts.

    Raises: ValueError if the names differ, or the weights do not add up to 1: the result would have another scale than
        the noise in the sample.
    """
    if branches.keys() != weights.keys():
        raise ValueError(f"branches {sorted(branches)}, weights of {sorted(weights)}")
    if abs(sum(weights.values()) - 1) > 1e-6:
        raise ValueError(f"weights must add up to 1, these are {dict(weights)}")
    counted = {name: branch for name, branch in branches.items() if weights[name]}
    if rescale and CONDITIONAL not in counted:
        raise ValueError(f"nothing to rescale to: no branch '{CONDITIONAL}' counts")

    def predict(noisy: Tensor, timestep: int) -> Tensor:
        outputs = _outputs(counted, noisy, timestep)
        total = torch.zeros_like(noisy)
        for name, output in outputs.items():
            total = total.add(output, alpha=weights[name])
        return rescaled(total, outputs[CONDITIONAL], rescale) if rescale else total

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


def _outputs(branches: Mapping[str, Branch], noisy: Tensor, timestep: int) -> dict[str, Tensor]:
    """What each branch says; one pass of each network."""
    by_network: dict[Conditioned, list[str]] = {}
    for name, branch in branches.items():
        by_network.setdefault(branch.network, []).append(name)
    outputs: dict[str, Tensor] = {}
    for network, names in by_network.items():
        conditions = [branches[name].condition for name in names]
        said = network(torch.cat([noisy] * len(names)), timestep, conditions)
        outputs |= dict(zip(names, said.float().chunk(len(names)), strict=True))
    return outputs
