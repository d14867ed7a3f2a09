"""The four models of section 4 and 5: what each is given, what it says of a noisy frame, and how it samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from onereel.base import tensorfiles
from onereel.base.errors import MethodError
from onereel.diffusion.process import Process, noise_like
from onereel.diffusion.samplers import ddpm
from onereel.methods.sinfusion import prior
from onereel.methods.sinfusion.config import ModelName, PartConfig, SinFusionConfig
from onereel.methods.sinfusion.network import Network
from onereel.training.execution import Precision

CONDITIONS: Mapping[ModelName, int] = {"image": 0, "projector": 0, "predictor": 1, "interpolator": 2}
"""How many clean frames a model is given."""
READS_LEVEL: frozenset[ModelName] = frozenset({"predictor", "interpolator"})
"""Models that read the continuous noise level sqrt(alpha-bar); the others read the step's number (authors' code)."""


@dataclass(frozen=True)
class Noisy:
    """Noisy frames and all that a model may know of them.

    Attributes:
        frames: (B, 3, H, W).
        level: (B,) sqrt(alpha-bar).
        step: (B,) number of the step, for models that read it.
        given: (B, 3 * conditions, H, W) clean frames in [-1, 1], or None.
        shift: (B,) k of the predictor, or None.
    """

    frames: Tensor
    level: Tensor
    step: Tensor
    given: Tensor | None = None
    shift: Tensor | None = None


class Denoiser(nn.Module):
    """A model: its network, and the prior where the settings ask for one.

    Args:
        config: the run's settings.
        part: which model.
    """

    spreads: Tensor | None

    def __init__(self, config: SinFusionConfig, part: ModelName) -> None:
        super().__init__()
        self.part, self.config = part, config
        self.network = Network(config.network, conditions=CONDITIONS[part], shifted=part == "predictor")
        shifts = config.max_shift if part == "predictor" else 1
        self.register_buffer("spreads", torch.ones(shifts) if config.prior and CONDITIONS[part] else None)

    def measure(self, video: Tensor) -> None:
        """Take the prior from the clip, (T, 3, H, W) in [-1, 1], before training."""
        if self.spreads is not None:
            self.spreads.copy_(prior.spreads(self.part, video, len(self.spreads)))

    def forward(self, noisy: Noisy) -> tuple[Tensor, Tensor | float]:
        """What the process asks for, (B, 3, H, W) float32, and the size of error that training takes for one."""
        number = noisy.level * self.config.level_scale if self.part in READS_LEVEL else noisy.step
        said = self.network(noisy.frames, number.to(noisy.frames), given=noisy.given, shift=noisy.shift)
        if self.spreads is None or noisy.given is None:
            return said, 1.0
        shift = torch.ones_like(noisy.level) if noisy.shift is None else noisy.shift
        mean = torch.stack(noisy.given.split(3, dim=1)).mean(dim=0)
        known = prior.estimate(noisy.frames, noisy.level, mean, self.spreads[shift.abs().long() - 1])
        return known.clean + known.error * said, known.error


def part_config(config: SinFusionConfig, part: ModelName) -> PartConfig:
    """Settings of one model."""
    result: PartConfig = getattr(config, part)
    return result


@dataclass(frozen=True)
class Model:
    """A trained model, ready to sample.

    Attributes:
        denoiser: a `Denoiser`, on its device.
        process: its diffusion process.
        config: the run's settings.
    """

    denoiser: nn.Module
    process: Process
    config: SinFusionConfig

    @classmethod
    def load(cls, part: ModelName, path: Path, config: SinFusionConfig, device: torch.device) -> "Model":
        """Read a model that was trained with these settings.

        Raises: MethodError if the file holds another network.
        """
        denoiser = Denoiser(config, part)
        try:
            denoiser.load_state_dict(tensorfiles.load(path))
        except (RuntimeError, ValueError) as error:
            problem = tensorfiles.first_line(error)
            raise MethodError(
                f"sinfusion, part '{part}', '{path}'", f"does not fit ({problem})", "train again"
            ) from None
        denoiser = denoiser.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        return cls(denoiser, Process(part_config(config, part).process), config)

    def sample(
        self,
        like: Tensor,
        generators: Sequence[torch.Generator],
        *,
        given: Tensor | None = None,
        shift: int | None = None,
    ) -> Tensor:
        """Pictures from noise: (B, 3, H, W) in [-1, 1], as large as `like`."""
        noise = noise_like(like, generators)
        return self._denoise(noise, generators, given=given, shift=shift)

    def renew(self, pictures: Tensor, begin: int, generators: Sequence[torch.Generator]) -> Tensor:
        """The truncated process: noise pictures by `begin` steps, and take these back (section 5, "Projector")."""
        if begin == 0:
            return pictures
        return self._denoise(self.process.noised(pictures, begin, generators), generators, begin=begin)

    def _denoise(
        self,
        start: Tensor,
        generators: Sequence[torch.Generator],
        *,
        begin: int | None = None,
        given: Tensor | None = None,
        shift: int | None = None,
    ) -> Tensor:
        def each(number: float) -> Tensor:
            return torch.full((len(start),), number, device=start.device)

        shifts = None if shift is None else each(float(shift))

        def predict(frames: Tensor, step: int) -> Tensor:
            noisy = Noisy(frames, each(self.process.level_of(step)), each(float(step)), given, shifts)
            said: Tensor = self.denoiser(noisy)[0]
            return said

        steps = self.config.sampling_steps
        if given is not None and self.config.given_steps is not None:
            steps = self.config.given_steps
        precision = Precision(self.config.training.precision, start.device)
        with torch.inference_mode(), precision.context():
            return ddpm(self.process, predict, start, generators, begin=begin, num_inference_steps=steps)
