"""What of a pretrained network is trained: some of its parameters, or low-rank adapters beside them (LoRA, by peft).

Both freeze the rest. `onereel.training.trainer.Trainer` then trains, averages and keeps that part alone.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

Patterns: TypeAlias = Sequence[str | re.Pattern[str]] | Callable[[str], bool]
"""Names: as shell patterns, where ``*`` takes dots, too (``*temp_attentions*``), as regular expressions that match the
whole name, or as a function that says which."""

_ADAPTED = (nn.Linear, nn.Conv2d)
_KEY = re.compile(r"(?P<layer>.+)\.lora_(?P<side>[AB])\.weight")


def trainable(model: nn.Module, patterns: Patterns) -> list[str]:
    """Train the parameters of these names, freeze all others; return the names.

    Args:
        model: any network.
        patterns: of names as ``named_parameters`` gives them.

    Raises: ValueError if a pattern fits no parameter, or a function none.
    """
    parameters = dict(model.named_parameters())
    chosen = _matching(parameters, patterns, "parameter")
    for name, parameter in parameters.items():
        parameter.requires_grad_(name in chosen)
    return [name for name in parameters if name in chosen]


def add_lora(model: nn.Module, targets: Patterns, *, rank: int, alpha: int, seed: int) -> list[str]:
    """Put adapters beside layers, train them and freeze all else; the model says the same as before (Hu et al. 2022).

    Adapters are float32 whatever the model is in.

    Args:
        model: a network without adapters.
        targets: of names of its linear layers and 2D convolutions. (The gradients of 3D convolutions cannot be trusted
            in bfloat16 on the CPU, see `onereel.networks.conv3d`.)
        rank: of the adapters, >= 1.
        alpha: they count alpha / rank times (Hu et al. 2022, section 4.1).
        seed: of their first weights.

    Returns: the names of the adapted layers.
    Raises: ValueError if a pattern fits no such layer.
    """
    layers = [name for name, module in model.named_modules() if isinstance(module, _ADAPTED)]
    chosen = _matching(layers, targets, "linear layer or 2D convolution")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # peft's initialisers know no generator
        _inject(model, chosen, rank, alpha)
    return [name for name in layers if name in chosen]


def adapter_state(model: nn.Module) -> dict[str, Tensor]:
    """The adapters of a model, with the names that peft and diffusers give them: ``{layer}.lora_A.weight``.

    They count once: alpha / rank is in ``lora_B``, so that whoever loads them need not know alpha.
    """
    state: dict[str, Tensor] = {}
    for name, layer in _adapters(model):
        scaled = {"A": layer.lora_A["default"].weight, "B": layer.lora_B["default"].weight * layer.scaling["default"]}
        state |= {f"{name}.lora_{side}.weight": weight.detach() for side, weight in scaled.items()}
    return state


def load_adapter_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put adapters that `adapter_state` gave, or others of that form, beside the layers that they name.

    Args:
        model: a network without adapters.
        state: by name; all of one rank.

    Raises: ValueError if that is no state of adapters, or one of another model.
    """
    matches = {name: _KEY.fullmatch(name) for name in state}
    if unknown := [name for name, match in matches.items() if not match]:
        raise ValueError(f"'{unknown[0]}' is no weight of an adapter")
    layers = {match["layer"] for match in matches.values() if match}
    if missing := {f"{layer}.lora_{side}.weight" for layer in layers for side in "AB"} - state.keys():
        raise ValueError(f"'{min(missing)}' is missing")
    known = {name for name, module in model.named_modules() if isinstance(module, _ADAPTED)}
    if strange := sorted(layers - known):
        raise ValueError(f"the model has no layer '{strange[0]}'")
    ranks = {state[f"{layer}.lora_A.weight"].shape[0] for layer in layers}
    if len(ranks) != 1:
        raise ValueError(f"adapters of ranks {sorted(ranks)}; one rank for all is supported")
    rank = ranks.pop()
    _inject(model, layers, rank, rank)
    for name, layer in _adapters(model):
        for side in "AB":
            getattr(layer, f"lora_{side}")["default"].weight.data.copy_(state[f"{name}.lora_{side}.weight"])


def merge(model: nn.Module) -> None:
    """Add the adapters to the weights of their layers; the model then is of its plain class again, all of it frozen."""
    for name, layer in list(_adapters(model)):
        layer.merge()
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, layer.get_base_layer())
    del model.peft_config  # or peft would take the next adapters for second ones


def _inject(model: nn.Module, layers: Iterable[str], rank: int, alpha: int) -> None:
    from peft import LoraConfig, inject_adapter_in_model  # seconds; only jobs that tune a pretrained model need it

    model.requires_grad_(False)
    whole_names = "|".join(map(re.escape, sorted(layers)))
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=alpha, target_modules=whole_names), model)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def _adapters(model: nn.Module) -> Iterable[tuple[str, Any]]:
    from peft.tuners.lora import LoraLayer

    return ((name, module) for name, module in model.named_modules() if isinstance(module, LoraLayer))


def _matching(names: Iterable[str], patterns: Patterns, kind: str) -> set[str]:
    names = list(names)
    wanted: Sequence[str | re.Pattern[str] | Callable[[str], bool]] = [patterns] if callable(patterns) else patterns
    chosen: set[str] = set()
    for pattern in wanted:
        found = {name for name in names if _fits(name, pattern)}
        if not found:
            raise ValueError(f"no {kind} fits {pattern!r}")
        chosen |= found
    return chosen


def _fits(name: str, pattern: str | re.Pattern[str] | Callable[[str], bool]) -> bool:
    match pattern:
        case str():
            return fnmatchcase(name, pattern)
        case re.Pattern():
            return pattern.fullmatch(name) is not None
        case _:
            return pattern(name)
