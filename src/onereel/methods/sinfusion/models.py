"""The four models of section 4 and 5: what each is given, what it predicts, and how its weights are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from onereel.diffusion.process import Process, noise_like
from onereel.errors import MethodError
from onereel.methods.sinfusion.config import Part, PartConfig, SinFusionConfig
from onereel.methods.sinfusion.network import Network
from onereel.training.descent import Precision

CONDITIONS: Mapping[Part, int] = {"image": 0, "projector": 0, "predictor": 1, "interpolator": 2}
"""How many clean frames a model is given."""
READS_LEVEL: frozenset[Part] = frozenset({"predictor", "interpolator"})
"""Models that read the continuous noise level sqrt(alpha-bar); the others read the step's number (authors' code)."""


def part_config(config: SinFusionConfig, part: Part) -> PartConfig:
    """Settings of one model."""
    result: PartConfig = getattr(config, part)
    return result


def new_network(config: SinFusionConfig, part: Part) -> Network:
    """The untrained network of a model."""
    return Network(config.network, conditions=CONDITIONS[part], shifted=part == "predictor")


def ask(
    network: nn.Module,
    config: SinFusionConfig,
    part: Part,
    noisy: Tensor,
    number: Tensor,
    *,
    given: Tensor | None = None,
    shift: Tensor | None = None,
) -> Tensor:
    """One call of a model's network.

    Args:
        network: of `new_network`.
        config: the run's settings.
        part: which model.
        noisy: (B, 3, H, W).
        number: (B,) noise levels where the model reads levels (`READS_LEVEL`), else steps.
        given: (B, 3 * conditions, H, W) clean frames.
        shift: (B,) k of the predictor.
    """
    scale = config.level_scale if part in READS_LEVEL else 1.0
    result: Tensor = network(noisy, number.to(noisy.device).float() * scale, given=given, shift=shift)
    return result


@dataclass(frozen=True)
class Model:
    """A trained model, ready to sample.

    Attributes:
        part: which one.
        network: in evaluation mode, on the device.
        process: its diffusion process.
        config: the run's settings.
    """

    part: Part
    network: Network
    process: Process
    config: SinFusionConfig

    @classmethod
    def load(cls, part: Part, path: Path, config: SinFusionConfig, device: torch.device) -> "Model":
        """Read a model that was trained with these settings.

        Raises: MethodError if the file holds another network.
        """
        from safetensors.torch import load_file

        network = new_network(config, part)
        try:
            network.load_state_dict(load_file(path))
        except (RuntimeError, OSError) as error:
            problem = str(error).splitlines()[0]
            raise MethodError(
                f"sinfusion, part '{part}', '{path}'", f"does not fit ({problem})", "train it again"
            ) from None
        network = network.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        return cls(part, network, Process(part_config(config, part).process), config)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

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
        shifts = None if shift is None else torch.full((len(start),), float(shift), device=start.device)

        def predict(noisy: Tensor, step: int) -> Tensor:
            number = self.process.level_of(step) if self.part in READS_LEVEL else float(step)
            numbers = torch.full((len(noisy),), number)
            return ask(self.network, self.config, self.part, noisy, numbers, given=given, shift=shifts)

        precision = Precision(self.config.training.precision, start.device)
        with torch.inference_mode(), precision.context():
            return self.process.denoise(predict, start, generators, begin=begin, steps=self.config.sampling_steps)
