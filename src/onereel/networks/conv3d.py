"""3D convolutions whose weight gradients can be trusted in bfloat16 on the CPU.

PyTorch's own (2.13, through oneDNN's AMX kernels) write up to 100 kB past the end of their scratch memory for many
sizes of a video, 3x3x3 as well as 1x3x3 and 3x1x1: a process dies of a damaged heap, two threads wait for each other
for ever, or gradients are silently wrong. Forward passes, gradients of the input and everything in 2D are sound, so
`Conv3d` takes the gradient of its weights from 2D convolutions, which cost 0.9 to 1.6 times as much and at most a
third of float32's (docs/results.md). Elsewhere it is `torch.nn.Conv3d` and nothing else.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conv3d(nn.Conv3d):
    """`torch.nn.Conv3d` with stride 1, zeros around and one group; weights have the same names.

    Args:
        inputs: channels in.
        outputs: channels out.
        kernel: side, or frames, rows and columns.
        padding: zeros on every side, or in front and behind, above and below, left and right.
        bias: add one.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int, int],
        *,
        padding: int | tuple[int, int, int] = 0,
        bias: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, kernel, padding=padding, bias=bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return conv3d(input, weight, bias, tuple(int(pad) for pad in self.padding))


def conv3d(values: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, ...]) -> Tensor:
    """`torch.nn.functional.conv3d` with stride 1: (B, C, T, H, W) and (O, C, t, h, w) -> (B, O, T', H', W').

    Differentiable as often as one likes.
    """
    if not (torch.is_grad_enabled() and weight.requires_grad and _unsound(values)):
        return functional.conv3d(values, weight, bias, padding=padding)
    operands = [None if tensor is None else tensor.to(torch.bfloat16) for tensor in (values, weight, bias)]
    result: Tensor = _Convolution.apply(*operands, padding)
    return result


def transposed(gradient: Tensor, weight: Tensor, padding: tuple[int, ...]) -> Tensor:
    """What a 2D or 3D convolution of stride 1 sends back to its input, as a convolution, so differentiable by both.

    Args:
        gradient: (B, O, [T',] H', W') of its output.
        weight: (O, C, [t,] h, w).
        padding: zeros around its input.
    """
    flipped = weight.flip(tuple(range(2, weight.ndim))).transpose(0, 1)
    margin = tuple(size - 1 - pad for size, pad in zip(weight.shape[2:], padding, strict=True))
    if weight.ndim == 4:
        return functional.conv2d(gradient, flipped, padding=margin)
    return conv3d(gradient, flipped, None, margin)


def weight_gradient(gradient: Tensor, values: Tensor, weight: Tensor, padding: tuple[int, ...]) -> Tensor:
    """The gradient of a 3D convolution's weights from 2D convolutions.

    Args:
        gradient: (B, O, T', H', W') of its output.
        values: (B, C, T, H, W), its input.
        weight: (O, C, t, h, w); only its shape and layout are read.
        padding: zeros around the input.

    Returns: (O, C, t, h, w).
    """
    if weight.shape[3:] == (1, 1) and padding[1:] == (0, 0):  # time alone: a picture of T rows
        return _flat_gradient(gradient.flatten(3), values.flatten(3), weight[..., 0], (padding[0], 0))[..., None]
    slices = []
    for tap in range(weight.shape[2]):
        shift = tap - padding[0]  # output frame t sees input frame t + shift through this tap
        first, last = max(0, -shift), min(gradient.shape[2], values.shape[2] - shift)
        if first >= last:  # only ever sees padding
            slices.append(torch.zeros_like(weight[:, :, tap]))
            continue
        seen = values[:, :, first + shift : last + shift]
        slices.append(
            _flat_gradient(_as_pictures(gradient[:, :, first:last]), _as_pictures(seen), weight[:, :, tap], padding[1:])
        )
    return torch.stack(slices, 2)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(values, weight)
        ctx.padding = padding
        return functional.conv3d(values, weight, bias, padding=padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, weight = ctx.saved_tensors
        (gradient,) = gradients
        need_values, need_weight, need_bias, _ = ctx.needs_input_grad
        return (
            transposed(gradient, weight, ctx.padding) if need_values else None,
            weight_gradient(gradient, values, weight, ctx.padding) if need_weight else None,
            gradient.sum((0, 2, 3, 4)) if need_bias else None,
            None,
        )


def _unsound(values: Tensor) -> bool:
    """Would PyTorch compute this convolution in bfloat16 on the CPU?"""
    if values.device.type != "cpu":
        return False
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else values.dtype
    return dtype == torch.bfloat16


def _as_pictures(video: Tensor) -> Tensor:
    """(B, C, T, H, W) -> (B * T, C, H, W): the same memory where channels are last and B is 1."""
    return video.transpose(1, 2).flatten(0, 1)


def _flat_gradient(gradient: Tensor, values: Tensor, weight: Tensor, padding: tuple[int, ...]) -> Tensor:
    """Of the weights of a 2D convolution."""
    ones, zeros = [1, 1], [0, 0]
    which = [False, True, False]
    found: Tensor = torch.ops.aten.convolution_backward(
        gradient, values, weight, None, ones, list(padding), ones, False, zeros, 1, which
    )[1]
    return found
