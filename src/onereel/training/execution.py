"""How a network runs while it is trained: precision, memory layout, compiler; and the state of its optimiser."""

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

log = logging.getLogger(__name__)


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
    """Lay the kernels of 2D convolutions out as processors and GPUs like them; those of 3D ones gain nothing.

    Where group norms are trained behind frozen layers all stays as it is: PyTorch (2.13, on the CPU) dies in the
    backward pass of a group norm whose input is laid out so and needs no gradient.
    """
    if _trains_group_norms(network) and not all(each.requires_grad for each in network.parameters()):
        return network
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
    # Intel's vector units take twice as long for bfloat16 as for float32 (0.79 s against 1.5 s a step of the
    # text-to-video base); AMD's, and Intel's matrix units, take half as long.
    vectors = capable.get("avx512_bf16") and _made_by("AuthenticAMD")
    return torch.bfloat16 if vectors or capable.get("amx_bf16") else torch.float32


def _made_by(vendor: str) -> bool:
    """Whether the processor names this vendor; false where it does not say (Linux on x86 does)."""
    try:
        return vendor in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _trains_group_norms(network: nn.Module) -> bool:
    norms = (module for module in network.modules() if isinstance(module, nn.GroupNorm))
    return any(parameter.requires_grad for norm in norms for parameter in norm.parameters())
