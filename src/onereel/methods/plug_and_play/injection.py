"""Activations of one sample put into others of the same batch, in a ``UNet2DConditionModel`` as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Layer:
    """One layer of the way up.

    Attributes:
        features: the convolution whose result is the residual block's, before its shortcut is added.
        attentions: queries and keys of self-attention; empty where there is none.
    """

    features: nn.Module
    attentions: tuple[nn.Module, ...]


def layers_of(unet: Any) -> list[Layer]:
    """The layers of a U-Net's way up, the coarsest first."""
    found = []
    for block in unet.up_blocks:
        transformers = getattr(block, "attentions", None) or [None] * len(block.resnets)
        found += [
            Layer(resnet.conv2, _queries_and_keys(transformer))
            for resnet, transformer in zip(block.resnets, transformers, strict=True)
        ]
    return found


@contextmanager
def injected(modules: list[nn.Module], parts: int) -> Iterator[None]:
    """As long as this lasts, these modules answer for every part of a batch what they answer for its first part; who
    watches them sees that.

    Args:
        modules: of a network.
        parts: equal parts of the batch.
    """
    with ExitStack() as hooks:
        for module in modules:
            hooks.callback(module.register_forward_hook(_of_the_first(parts), prepend=True).remove)
        yield


def _queries_and_keys(transformer: Any) -> tuple[nn.Module, ...]:
    """Equal queries and keys are equal attention (Tumanyan et al. 2023, section 4.2: A = softmax(q k^T)), whatever
    kernel computes it."""
    if transformer is None:
        return ()
    return tuple(each for block in transformer.transformer_blocks for each in (block.attn1.to_q, block.attn1.to_k))


def _of_the_first(parts: int) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return torch.cat([output.chunk(parts)[0]] * parts)

    return hook
