"""Encoder, decoder and generators of HP-VAE-GAN, and a trained hierarchy of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from onereel.base import tensorfiles
from onereel.base.errors import MethodError
from onereel.gan.growth import State, device_state
from onereel.gan.networks import SLOPE, Critic, channels_last, convolution, laid_out, stack
from onereel.methods.hp_vae_gan.config import HPVAEGANConfig
from onereel.training.execution import Precision
from onereel.video.pyramid import Size


class Encoder(nn.Module):
    """Video of the coarsest level to mean and log-variance of a latent per voxel."""

    def __init__(self, config: HPVAEGANConfig) -> None:
        super().__init__()
        widths = [3] + [config.channels] * config.encoder_depth
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [spectral_norm(convolution("3d", before, after, space=1)), nn.LeakyReLU(SLOPE, inplace=True)]
        self.blocks = nn.Sequential(*layers)
        self.mean = convolution("3d", config.channels, config.latent, space=1)
        self.log_variance = convolution("3d", config.channels, config.latent, space=1)

    def forward(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, T, H, W) -> two (B, latent, T, H, W) float32."""
        features = self.blocks(channels_last(video))
        return self.mean(features).float(), self.log_variance(features).float()


class Decoder(nn.Module):
    """Latent to video of the coarsest level."""

    def __init__(self, config: HPVAEGANConfig) -> None:
        super().__init__()
        self.layers = stack("3d", config.latent, config.channels, 3, depth=config.depth, space=1, norm="batch")

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent, T, H, W) -> (B, 3, T, H, W) float32 in [-1, 1]."""
        video: Tensor = self.layers(channels_last(latent)).float().tanh()
        return video


class Refiner(nn.Module):
    """The generator of a further level: tanh(block(up + noise) + up)."""

    def __init__(self, config: HPVAEGANConfig) -> None:
        super().__init__()
        self.layers = stack("3d", 3, config.channels, 3, depth=config.depth, space=1, norm="batch")

    def forward(self, up: Tensor, noisy: Tensor) -> Tensor:
        """(B, 3, T, H, W) upsampled, and the same with noise -> (B, 3, T, H, W) float32 in [-1, 1]."""
        video: Tensor = (self.layers(channels_last(noisy)).float() + up).tanh()
        return video


def make_critic(config: HPVAEGANConfig) -> Critic:
    """The 3D patch critic of a GAN level, with spectral norm."""
    return Critic("3d", config.channels, depth=config.depth, space=1, norm="spectral")


def to_size(video: Tensor, size: Size) -> Tensor:
    """(B, 3, T, H, W) at another size: trilinear, corners on corners (authors' code)."""
    return functional.interpolate(video, size=size, mode="trilinear", align_corners=True)


@dataclass(frozen=True)
class Hierarchy:
    """Trained levels, coarsest first, in evaluation mode.

    Attributes:
        encoder: used for reconstructions only.
        decoder: of the coarsest level.
        refiners: of all further levels.
        sigmas: amplitude of the noise of every level; 0 where there is none.
        precision: what convolutions compute in.
    """

    encoder: Encoder
    decoder: Decoder
    refiners: tuple[Refiner, ...]
    sigmas: tuple[float, ...]
    precision: Precision

    @classmethod
    def of(cls, states: Sequence[State], config: HPVAEGANConfig, device: torch.device) -> "Hierarchy":
        """The hierarchy of finished levels: the autoencoder's last state holds all of its networks."""
        vae = states[min(len(states), config.vae_levels) - 1]
        holders = [vae if level < config.vae_levels else states[level] for level in range(1, len(states))]
        refiners = [
            _restored(Refiner(config), holder, f"refiner_{level:02d}", device)
            for level, holder in enumerate(holders, start=1)
        ]
        return cls(
            _restored(Encoder(config), vae, "encoder", device),  # type: ignore[arg-type]
            _restored(Decoder(config), vae, "decoder", device),  # type: ignore[arg-type]
            tuple(refiners),  # type: ignore[arg-type]
            tuple(float(state["sigma"]) for state in states),
            Precision(config.adversarial.precision, device),
        )

    @classmethod
    def load(cls, path: Path, config: HPVAEGANConfig, device: torch.device) -> "Hierarchy":
        """Read a hierarchy that `pack` wrote.

        Raises: MethodError if the file does not fit the settings.
        """
        try:
            return cls.of(unpack(tensorfiles.load(path)), config, device)
        except (RuntimeError, KeyError, ValueError) as error:
            problem = tensorfiles.first_line(error)
            raise MethodError(f"hp_vae_gan, '{path}'", f"does not fit ({problem})", "train again") from None

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.precision.device

    def sample(self, config: HPVAEGANConfig, sizes: Sequence[Size], generator: torch.Generator) -> Tensor:
        """A random video, (1, 3, T, H, W): the latent is drawn from N(0, I), levels with a sigma add noise.

        Args:
            config: says how long a latent vector is.
            sizes: (T, H, W) of every level.
            generator: on the CPU.
        """
        latent = torch.randn(1, config.latent, *sizes[0], generator=generator)
        return self._run(latent.to(self.device), sizes, generator)

    def sample_and_rebuild(
        self, config: HPVAEGANConfig, coarse: Tensor, sizes: Sequence[Size], generator: torch.Generator
    ) -> Tensor:
        """A random video, and the clip back through a draw of its latent and without noise: (2, 3, T, H, W).

        A draw and not the mean: where the distribution is wide, as it is after a weight of 1 for the divergence, no
        sample is anywhere near what the decoder makes of the mean.

        Args:
            config: says how long a latent vector is.
            coarse: (1, 3, T, H, W) of the coarsest level.
            sizes: (T, H, W) of every level.
            generator: on the CPU.
        """
        with torch.no_grad(), self.precision.context():
            mean, log_variance = self.encoder(coarse)
        drawn = torch.randn(2, config.latent, *sizes[0], generator=generator).to(self.device)
        latent = torch.cat([drawn[:1], mean + drawn[1:] * (0.5 * log_variance).exp()])
        return self._run(latent, sizes, generator)

    def _run(self, latent: Tensor, sizes: Sequence[Size], generator: torch.Generator) -> Tensor:
        """Through all levels; the first video gets noise, others do not."""
        with torch.no_grad(), self.precision.context():
            video: Tensor = self.decoder(latent)
            for refiner, size, sigma in zip(self.refiners, sizes[1:], self.sigmas[1:], strict=False):
                up = to_size(video, size)
                video = refiner(up, with_noise(up, sigma, generator) if sigma else up)
        return video


def with_noise(videos: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """(B, 3, T, H, W) with noise of that amplitude on the first video."""
    noise = torch.randn(videos[:1].shape, generator=generator).to(videos.device) * sigma
    return torch.cat([videos[:1] + noise, videos[1:]])


def pack(states: Sequence[State], config: HPVAEGANConfig) -> dict[str, Tensor]:
    """One state dict of what sampling needs of all levels: the autoencoder's last state, GAN levels' generators."""
    last_vae = min(len(states), config.vae_levels) - 1
    packed = {}
    for level, state in enumerate(states):
        for name, tensor in state.items():
            network = name.split(".")[0]
            if name in ("sigma", "size") or (level >= last_vae and network != "critic"):
                packed[f"level_{level:02d}.{name}"] = tensor
    return packed


def unpack(tensors: Mapping[str, Tensor]) -> list[State]:
    """The levels of a packed hierarchy."""
    count = 1 + max(int(name[6:8]) for name in tensors)
    return [device_state(tensors, torch.device("cpu"), f"level_{level:02d}") for level in range(count)]


def _restored(network: nn.Module, state: State, name: str, device: torch.device) -> nn.Module:
    network.load_state_dict(device_state(state, torch.device("cpu"), name))
    return laid_out(network, device).eval().requires_grad_(False)


__all__ = ["Decoder", "Encoder", "Hierarchy", "Refiner", "make_critic", "pack", "to_size", "unpack", "with_noise"]
