"""Seeded random weights for machines that cannot download: the same architecture, the same values everywhere."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from onereel.base.errors import WeightsError
from onereel.weights.store import Resolved, fingerprint


def random_state(model: nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """He-initialised weights (He et al. 2015, Eq. 10, uniform form), zero biases, neutral normalisation.

    Uniform draws of NumPy's frozen legacy generator are exact multiples of 2^-53 and the scaling is one multiplication,
    so the values are the same on every machine and version; normal draws pass through a logarithm and are not.

    Args:
        model: whose state dict to fill; parameters with two or more dimensions are drawn in the dict's order.
        seed: seed of the generator.

    Returns: a state dict for `model`.
    """
    generator = np.random.RandomState(seed)
    state = {}
    for name, tensor in model.state_dict().items():
        if tensor.ndim >= 2:
            bound = np.sqrt(6.0 / tensor[0].numel())
            values = (2.0 * generator.random_sample(tuple(tensor.shape)) - 1.0) * bound
            state[name] = torch.from_numpy(values.astype(np.float32))
        elif name.endswith(("weight", "running_var")):
            state[name] = torch.ones_like(tensor)
        else:
            state[name] = torch.zeros_like(tensor)
    return state


def load_frozen(model: nn.Module, weights: Resolved, state: Mapping[str, torch.Tensor] | None = None) -> nn.Module:
    """Fill `model` with resolved weights and freeze it.

    Args:
        model: the architecture.
        weights: where its weights come from.
        state: the state dict of real weights after their keys were mapped to the architecture's; None for seeded ones.

    Raises: WeightsError if the tensors do not fit the architecture, or seeded values are not the recorded ones.
    """
    if state is None:
        state = random_state(model, weights.seed or 0)
        if fingerprint(state) != weights.sha256:
            problem = f"seeded values hash to {fingerprint(state)[:12]}, recorded is {weights.sha256[:12]}"
            raise WeightsError(f"weights '{weights.name}'", problem, "restore config/weights.yaml")
    try:
        model.load_state_dict(dict(state))
    except RuntimeError as error:
        problem = str(error).strip().splitlines()[-1].strip()
        remedy = f"run: onereel weights verify {weights.name}"
        raise WeightsError(f"weights '{weights.name}'", problem, remedy) from None
    return model.eval().requires_grad_(False)
