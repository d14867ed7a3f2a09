"""Generators in a row: what the SinGAN family samples with, and what the levels above train on.

Eq. 1 and 2 of SinGAN-GIF: the coarsest generator turns noise into a video, each further one adds a residual to the
upsampled output of the one below: x_n = up(x_(n-1)) + G_n(up(x_(n-1)) + sigma_n z_n).
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.base import tensorfiles
from onereel.base.errors import MethodError
from onereel.gan.growth import State, device_state
from onereel.gan.networks import Kind, channels_last, laid_out, stack
from onereel.gan.settings import Side
from onereel.methods.singan.config import PyramidConfig
from onereel.methods.singan.parts import PyramidPart
from onereel.training.execution import Precision
from onereel.video.pyramid import resize

_FRAMES_AT_ONCE = 64  # that a generator sees while it samples


def kind_of(config: PyramidConfig, level: int) -> Kind:
    """How the generator of a level convolves (sections 3.3.1 and 3.3.2)."""
    if level >= config.levels_3d:
        return "2d"
    return "separable" if config.separable else "3d"


class Generator(nn.Module):
    """The generator of a level: five layers and tanh (SinGAN 2.2; 2D or 3D: SinGAN-GIF 3.3).

    Args:
        config: settings.
        level: 0 the coarsest.
    """

    def __init__(self, config: PyramidConfig, level: int) -> None:
        super().__init__()
        self.kind = kind_of(config, level)
        self.reach = config.neighbours if self.kind == "2d" else 0
        self.margin = config.depth if config.padding == "once" else 0
        self.layers = stack(
            self.kind,
            3 * (2 * self.reach + 1),
            config.channels_of(level),
            3,
            depth=config.depth,
            space=0 if self.margin else 1,
            norm=config.norm,
        )

    def forward(self, noisy: Tensor) -> Tensor:
        """The residual, (B, 3, T, H, W) float32 in [-1, 1], for an upsampled video with noise on it."""
        batch, _, frames = noisy.shape[:3]
        if self.kind == "2d":
            noisy = with_neighbours(noisy, self.reach)
        if self.margin:
            noisy = functional.pad(noisy, (self.margin,) * 4)
        residual = self.layers(channels_last(noisy)).float().tanh()
        return from_pictures(residual, batch, frames) if self.kind == "2d" else residual


def with_neighbours(video: Tensor, reach: int) -> Tensor:
    """(B, 3, T, H, W) -> (B * T, 3 (2 reach + 1), H, W): each frame with those before and after it, in order.

    The first frame is its own predecessor, the last its own successor.
    """
    frames = video.shape[2]
    places = torch.arange(frames, device=video.device)
    shifted = [video[:, :, (places + shift).clamp(0, frames - 1)] for shift in range(-reach, reach + 1)]
    return to_pictures(torch.cat(shifted, dim=1))


def to_pictures(video: Tensor) -> Tensor:
    """(B, C, T, H, W) -> (B * T, C, H, W)."""
    return video.transpose(1, 2).flatten(0, 1)


def from_pictures(pictures: Tensor, batch: int, frames: int) -> Tensor:
    """(B * T, C, H, W) -> (B, C, T, H, W)."""
    return pictures.unflatten(0, (batch, frames)).transpose(1, 2)


def to_side(video: Tensor, side: Side) -> Tensor:
    """(B, 3, T, H, W) at another picture size."""
    batch, channels, frames = video.shape[:3]
    return resize(video.flatten(0, 1), (frames, *side)).unflatten(0, (batch, channels))


def draw_noise(
    config: PyramidConfig,
    part: PyramidPart,
    level: int,
    shape: tuple[int, int, int],
    generator: torch.Generator,
    *,
    start: int = 0,
    total: int | None = None,
) -> Tensor:
    """Noise of unit spread for a level: (1, 3, T or 1, H, W) on the CPU.

    At the coarsest level one channel stands for all three (SinGAN); in a 2D level one map for all frames (section
    3.3.2). For slow motion, frame n of N lies on a path, n/N z_1 + (N - n)/N z_2; at the coarsest level z_1 and z_2 are
    centred at +1 and -1, which tells the generator the time (section 5.2).

    Args:
        config: settings.
        part: what is trained.
        level: 0 the coarsest.
        shape: (T, H, W).
        generator: on the CPU.
        start: slow motion: first frame on the path.
        total: slow motion: frames of the whole path; None: T.
    """
    frames, *side = shape
    channels = 1 if level == 0 else 3
    flat = kind_of(config, level) == "2d" and config.shared_noise and level > 0
    if part.purpose == "slow" and not flat:
        first, last = torch.randn(2, channels, 1, *side, generator=generator)
        centre = 1.0 if level == 0 else 0.0
        places = torch.arange(start, start + frames) / max(1, (total or frames) - 1)  # n / N
        places = places[:, None, None]
        noise = places * (first + centre) + (1 - places) * (last - centre)  # (C, T, H, W)
    else:
        noise = torch.randn(channels, 1 if flat else frames, *side, generator=generator)
        if level == 0 and config.noise_in_common:
            common = torch.randn(channels, 1, *side, generator=generator)
            noise = config.noise_in_common**0.5 * common + (1 - config.noise_in_common) ** 0.5 * noise
    return noise.expand(3, -1, -1, -1)[None]


@dataclass(frozen=True)
class Cascade:
    """Trained levels, coarsest first.

    Attributes:
        config: settings they were trained with, and those of sampling.
        part: what they were trained for.
        generators: in evaluation mode.
        sides: (H, W) of each.
        sigmas: amplitude of each level's noise; 1 for the coarsest.
        optimal: z_opt of the coarsest level, (1, 3, T, h, w) (section 3.2: one map for the whole clip).
        device: where they are.
    """

    config: PyramidConfig
    part: PyramidPart
    generators: tuple[Generator, ...]
    sides: tuple[Side, ...]
    sigmas: tuple[float, ...]
    optimal: Tensor
    device: torch.device

    @classmethod
    def of(cls, states: Sequence[State], config: PyramidConfig, part: PyramidPart, device: torch.device) -> "Cascade":
        """The cascade of finished levels, as `onereel.gan.growth.grow` keeps them."""
        generators = []
        for level, state in enumerate(states):
            generator = Generator(config, level)
            generator.load_state_dict(device_state(state, torch.device("cpu"), "generator"))
            generators.append(laid_out(generator, device).eval().requires_grad_(False))
        return cls(
            config,
            part,
            tuple(generators),  # type: ignore[arg-type]
            tuple((int(state["side"][0]), int(state["side"][1])) for state in states),
            tuple(float(state["sigma"]) for state in states),
            states[0]["optimal"].to(device),
            device,
        )

    @classmethod
    def load(cls, path: Path, config: PyramidConfig, part: PyramidPart, device: torch.device) -> "Cascade":
        """Read a pyramid that `pack` wrote.

        Raises: MethodError if the file does not fit the settings.
        """
        try:
            tensors = tensorfiles.load(path)
            count = 1 + max(int(name[6:8]) for name in tensors)
            states = [device_state(tensors, torch.device("cpu"), f"level_{level:02d}") for level in range(count)]
            return cls.of(states, config, part, device)
        except (RuntimeError, KeyError, ValueError) as error:
            problem = tensorfiles.first_line(error)
            raise MethodError(f"part '{part.name}', '{path}'", f"does not fit ({problem})", "train again") from None

    @property
    def count(self) -> int:
        """How many levels."""
        return len(self.generators)

    @property
    def frames(self) -> int:
        """Frames of the reconstruction."""
        return self.optimal.shape[2]

    def refine(self, level: int, up: Tensor, noise: Tensor | float) -> Tensor:
        """x_n from the upsampled x_(n-1), (B, 3, T, H, W), and noise that has its amplitude (Eq. 2).

        Long videos go through in parts that see as many frames of their neighbours as reach them, so that their length
        costs no memory but their own.
        """
        generator, frames = self.generators[level], up.shape[2]
        noisy = up + noise
        reach = generator.reach if generator.kind == "2d" else self.config.depth
        parts = []
        for start in range(0, frames, _FRAMES_AT_ONCE):
            stop = min(start + _FRAMES_AT_ONCE, frames)
            first = max(0, start - reach)
            with torch.no_grad(), self._precision():
                residual = generator(noisy[:, :, first : min(stop + reach, frames)])
            parts.append(residual[:, :, start - first : stop - first])
        return up + (parts[0] if len(parts) == 1 else torch.cat(parts, dim=2))

    def run(
        self,
        below: Tensor | None,
        first: int,
        sides: Sequence[Side],
        generator: torch.Generator,
        *,
        frames: int | None = None,
        start: int = 0,
        total: int | None = None,
        kept: int = 0,
    ) -> Tensor:
        """Run the levels from `first` on with random noise.

        Args:
            below: output of the level under `first`, (B, 3, T, H, W) of any size; None: start from noise.
            first: level to begin with.
            sides: (H, W) of the output of every level of the cascade.
            generator: on the CPU.
            frames: how many, where the start is noise.
            start: see `draw_noise`.
            total: see `draw_noise`.
            kept: levels that keep the noise of the reconstruction.

        Returns: (B, 3, T, H, W), not clamped.
        """
        for level in range(first, self.count):
            count = frames if below is None else below.shape[2]
            if count is None:
                raise ValueError("frames must be said where the start is noise")
            if level < kept:
                noise: Tensor | float = self.optimal if level == 0 else 0.0
            else:
                shape = (count, *sides[level])
                noise = draw_noise(self.config, self.part, level, shape, generator, start=start, total=total)
                noise = noise.to(self.device) * self.sigmas[level]
            up = _zeros_like(noise) if below is None else to_side(below, sides[level])
            below = self.refine(level, up, noise)
        if below is None:
            raise ValueError(f"a cascade of {self.count} levels has none from {first} on")
        return below

    def reconstruct(self) -> Tensor:
        """The clip back from z_opt and no further noise (section 3.4.2): (1, 3, T, H, W)."""
        return self.run(None, 0, self.sides, torch.Generator(), frames=self.frames, kept=self.count)

    def _precision(self) -> contextlib.AbstractContextManager[object]:
        return Precision(self.config.adversarial.precision, self.device).context()


def pack(states: Sequence[State]) -> dict[str, Tensor]:
    """One state dict of what sampling needs of all levels: no critics."""
    return {
        f"level_{level:02d}.{name}": tensor
        for level, state in enumerate(states)
        for name, tensor in state.items()
        if name.startswith("generator.") or name in ("side", "sigma", "optimal")
    }


def frames_at_once(frames: int, depth: int) -> int:
    """How many of so many frames a generator of `depth` layers sees at once, at most."""
    return min(frames, _FRAMES_AT_ONCE + 2 * depth)


def scaled(sides: Sequence[Side], height: float, width: float) -> list[Side]:
    """Sizes of the levels of an output that is larger or smaller by these factors, each at least one pixel."""
    return [(max(1, round(side[0] * height)), max(1, round(side[1] * width))) for side in sides]


def _zeros_like(noise: Tensor | float) -> Tensor:
    if not isinstance(noise, Tensor):
        raise ValueError("the coarsest level starts from noise")
    return torch.zeros_like(noise)
