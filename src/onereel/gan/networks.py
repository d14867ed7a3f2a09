"""Convolution blocks and patch critics, in 2D, in full 3D and in separable 3D.

Sources: SinGAN (Shaham et al. 2019, section 2.1): conv, batch norm, LeakyReLU 0.2, five layers; SinGAN-GIF section
3.3.1: a k x h x w convolution as 1 x h x w and k x 1 x 1; HP-VAE-GAN (Gur et al. 2020): 3D blocks, spectral norm.

In time every layer pads with zeros, one frame a side: five frames of padding once, as SinGAN pads pictures, would
outweigh the eight frames of a clip, and a critic without padding could not see fewer than eleven. In space `padding`
says where the zeros go.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from onereel.networks.conv3d import Conv3d, conv3d, transposed

Kind = Literal["2d", "3d", "separable"]
Norm = Literal["batch", "none"]

SLOPE = 0.2
"""Of LeakyReLU below zero (SinGAN, HP-VAE-GAN)."""


def convolution(kind: Kind, inputs: int, outputs: int, *, space: int) -> nn.Module:
    """A convolution of 3x3 or 3x3x3.

    Args:
        kind: `separable` is 1x3x3 followed by 3x1x1, without a nonlinearity between (SinGAN-GIF 3.3.1).
        inputs: channels in.
        outputs: channels out.
        space: rows and columns of zeros on every side, 0 or 1.
    """
    match kind:
        case "2d":
            return nn.Conv2d(inputs, outputs, 3, padding=space)
        case "3d":
            return Conv3d(inputs, outputs, 3, padding=(1, space, space))
        case "separable":
            # One bias: the temporal half would only add to what the spatial half can say already.
            return nn.Sequential(
                Conv3d(inputs, outputs, (1, 3, 3), padding=(0, space, space), bias=False),
                Conv3d(outputs, outputs, (3, 1, 1), padding=(1, 0, 0)),
            )
        case other:
            raise ValueError(f"no convolution '{other}': choose 2d, 3d or separable")


def block(kind: Kind, inputs: int, outputs: int, *, space: int, norm: Norm) -> nn.Sequential:
    """Convolution, normalisation, LeakyReLU."""
    layers = [convolution(kind, inputs, outputs, space=space)]
    if norm == "batch":
        layers.append(nn.BatchNorm2d(outputs) if kind == "2d" else nn.BatchNorm3d(outputs))
    return nn.Sequential(*layers, nn.LeakyReLU(SLOPE, inplace=True))


def stack(kind: Kind, inputs: int, channels: int, outputs: int, *, depth: int, space: int, norm: Norm) -> nn.Sequential:
    """`depth` layers: blocks of `channels`, and a last plain convolution to `outputs`.

    With ``space=0`` the result is `depth` pixels smaller on every side.
    """
    widths = [inputs] + [channels] * (depth - 1)
    blocks = [block(kind, before, after, space=space, norm=norm) for before, after in pairwise(widths)]
    return nn.Sequential(*blocks, convolution(kind, widths[-1], outputs, space=space))


def initialise(network: nn.Module, std: float = 0.02) -> None:
    """Weights of convolutions from N(0, std), of norms from N(1, std), norms' biases 0 (SinGAN)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | Conv3d):
            nn.init.normal_(module.weight, 0.0, std)
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.normal_(module.weight, 1.0, std)
            nn.init.zeros_(module.bias)


def inherit(network: nn.Module, other: nn.Module | None) -> bool:
    """Start `network` from the weights of `other`, the level below, if all shapes match; say whether they did."""
    if other is None:
        return False
    own, given = network.state_dict(), other.state_dict()
    if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in given.items()}:
        return False
    network.load_state_dict(given)
    return True


def laid_out(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on its device, channels last in memory, which is what fast convolutions read."""
    network = network.to(device)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim in (4, 5):
                parameter.data = channels_last(parameter.data)
    return network


def channels_last(values: Tensor) -> Tensor:
    """The same (B, C, [T,] H, W) tensor with channels last in memory."""
    layout = torch.channels_last if values.ndim == 4 else torch.channels_last_3d
    return values.contiguous(memory_format=layout)


class Critic(nn.Module):
    """A patch critic: convolutions with LeakyReLU between, one number for every position (SinGAN 2.2, patchGAN).

    Args:
        kind: `2d` judges pictures (B, 3, H, W), `3d` videos (B, 3, T, H, W). Never separable: SinGAN-GIF 3.3.1 found
            that unstable.
        channels: between layers.
        depth: layers, the last of which says the number.
        space: rows and columns of zeros on every side of each layer, 0 or 1.
        norm: `batch` as in SinGAN; `spectral` as in HP-VAE-GAN (not on the last layer); `none`.
    """

    def __init__(
        self,
        kind: Literal["2d", "3d"],
        channels: int,
        *,
        depth: int = 5,
        space: int = 0,
        norm: Literal["batch", "spectral", "none"] = "none",
        inputs: int = 3,
    ) -> None:
        super().__init__()
        widths = [inputs] + [channels] * (depth - 1) + [1]
        self.layers = nn.ModuleList(convolution(kind, before, after, space=space) for before, after in pairwise(widths))
        self.norms = nn.ModuleList()
        if norm == "batch":
            make = nn.BatchNorm2d if kind == "2d" else nn.BatchNorm3d
            self.norms.extend(make(channels) for _ in range(depth - 1))
        elif norm == "spectral":
            for layer in list(self.layers)[:-1]:
                spectral_norm(layer)

    def forward(self, values: Tensor) -> Tensor:
        """(B, 1, [T,] H', W') scores; higher is more real."""
        for index, layer in enumerate(self.layers):
            if index:
                values = functional.leaky_relu(values, SLOPE, inplace=True)
            values = layer(values)
            if self.norms and index < len(self.norms):
                values = self.norms[index](values)
        return values

    def input_gradient(self, values: Tensor) -> Tensor:
        """Gradient of the summed scores by `values`, (B, 3, [T,] H, W), differentiable by the critic's weights.

        Between norms of its own a critic is piecewise linear: its gradient is a chain of transposed convolutions and
        slopes, and the slopes do not change with the weights. Written out, its derivative costs one more pass through
        that chain, where autograd's double backward also goes back through the forward pass, to add zeros.
        """
        if self.norms:
            return self._gradient_by_autograd(values)
        convolve = functional.conv2d if values.ndim == 4 else conv3d
        layers = [(layer.weight, layer.bias, _margins(layer)) for layer in self._convolutions()]
        before: list[Tensor] = []
        for weight, bias, padding in layers[:-1]:
            # Detached, not under no_grad: autocast would keep a copy of the weights without their history.
            values = convolve(values, weight.detach(), None if bias is None else bias.detach(), padding=padding)
            before.append(values)
            values = functional.leaky_relu(values, SLOPE)
        shape = [extent + 2 * pad - 2 for extent, pad in zip(values.shape[2:], layers[-1][2], strict=True)]
        gradient = values.new_ones((len(values), 1, *shape))
        for weight, _, padding in reversed(layers):
            gradient = transposed(gradient, weight, padding)
            if before:
                gradient = torch.ops.aten.leaky_relu_backward(gradient, before.pop(), SLOPE, False)
        return gradient

    def _convolutions(self) -> list[nn.Conv2d | Conv3d]:
        return [layer for layer in self.layers if isinstance(layer, nn.Conv2d | Conv3d)]

    def _gradient_by_autograd(self, values: Tensor) -> Tensor:
        with torch.enable_grad():
            values = values.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self(values).sum(), values, create_graph=True)
        return gradient


def _margins(layer: nn.Conv2d | Conv3d) -> tuple[int, ...]:
    """A layer's padding, in numbers."""
    return tuple(int(pad) for pad in layer.padding)


def frozen(networks: Iterable[nn.Module], *, frozen: bool = True) -> None:
    """Switch the networks' parameters off for autograd, or on again."""
    for network in networks:
        network.requires_grad_(not frozen)
