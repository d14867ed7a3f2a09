"""The cascade as a text-to-video model: the base denoises a prompt's video, each later stage makes it finer."""

from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn

from onereel.backbones.cascade.stages import (
    BASE,
    LATER,
    NOISIEST,
    PROCESS,
    BaseStage,
    LaterStage,
    brought_to,
    reduced,
)
from onereel.backbones.cascade.text import Text, tokens_of
from onereel.backbones.text_to_video import Native, TextToVideo
from onereel.base.errors import MethodError
from onereel.base.progress import Progress, no_progress
from onereel.diffusion.guidance import CONDITIONAL, UNCONDITIONAL, Branch, classifier_free_weights, combined
from onereel.diffusion.process import Process, noise_like
from onereel.diffusion.samplers import Predict, ddim, sdedit, timesteps_of
from onereel.diffusion.windows import Over, whole
from onereel.features.seeded import load_frozen
from onereel.training.execution import Precision
from onereel.weights.store import Resolved

_Network = TypeVar("_Network", BaseStage, LaterStage)
_WHOLE = list(LATER.values())[-1].made
_SIDE_STEP = 8  # pixels: the stages' networks halve what they see
_SMALLEST = 16


class Cascade(TextToVideo):
    """Videos of prompts in stages of pixels.

    Args:
        base: the first stage.
        later: the stages after it by part, in their order.
        name: as errors name it.
        device: where to compute.
        dtype: of products of matrices; None: what the device is fast with.
        later_steps: network passes of each later stage.
        augmentation: timestep of the noise in what later stages are given, below `NOISIEST`.

    Attributes:
        native: what it was trained for.
        process: of every stage.
    """

    native = Native(_WHOLE.frames, _WHOLE.fps, _WHOLE.height, _WHOLE.width)

    def __init__(
        self,
        base: BaseStage,
        later: Mapping[str, LaterStage],
        *,
        name: str = "t2v-world",
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        later_steps: int = 4,
        augmentation: int = 20,
    ) -> None:
        self.name, self.device = name, torch.device(device)
        self.base = base.to(self.device)
        self.later = {part: stage.to(self.device) for part, stage in later.items()}
        self.process = Process(PROCESS)
        self.later_steps, self.augmentation = later_steps, augmentation
        self._precision = Precision("auto" if dtype is None else str(dtype).removeprefix("torch."), self.device)

    @classmethod
    def load(
        cls,
        weights: Resolved,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        offload: bool = False,
    ) -> Self:
        """See `TextToVideo.load`; of an entry with the parts ``base`` and those of `LATER`. Nothing is offloaded: all
        stages together take some ten megabytes."""
        base = _loaded(BaseStage(), weights, "base")
        later = {part: _loaded(LaterStage(stage.network), weights, part) for part, stage in LATER.items()}
        return cls(base, later, name=weights.name, device=device, dtype=dtype)

    def check_size(self, frames: int, height: int, width: int) -> None:
        """Refuse a size that the stages cannot make: frames are even, sides multiples of 8.

        Raises: MethodError.
        """
        if height % _SIDE_STEP or width % _SIDE_STEP or min(height, width) < _SMALLEST:
            problem = f"makes pictures whose sides are multiples of {_SIDE_STEP} from {_SMALLEST} on"
            sides = "x".join(str(max(_SMALLEST, round(side / _SIDE_STEP) * _SIDE_STEP)) for side in (height, width))
            raise MethodError(f"backbone '{self.name}'", f"{problem}, not {height}x{width}", f"ask for {sides}")
        if frames % 2 or frames < 2:
            problem = f"makes an even number of frames, not {frames}"
            raise MethodError(f"backbone '{self.name}'", problem, f"ask for {max(2, frames + 1)}")

    @torch.no_grad()
    def generate(
        self,
        prompts: Sequence[str],
        generators: Sequence[torch.Generator],
        *,
        frames: int = native.frames,
        height: int = native.height,
        width: int = native.width,
        num_inference_steps: int = 25,
        guidance_scale: float = 3.0,
        negative_prompt: str = "",
        progress: Progress = no_progress,
    ) -> Tensor:
        """See `TextToVideo.generate`; `num_inference_steps` and guidance are the base's."""
        self.check_size(frames, height, width)
        videos = []
        for index, (prompt, generator) in enumerate(zip(prompts, generators, strict=True)):
            label = "" if len(prompts) == 1 else f", {index + 1} of {len(prompts)}"
            predict = self.guided([prompt], negative_prompt, guidance_scale)
            start = noise_like(torch.empty(1, 3, *self._base_size(frames, height, width)), [generator])
            timesteps = timesteps_of(self.process, num_inference_steps)
            video = ddim(
                self.process, predict, start.to(self.device), timesteps, progress=progress, label=f"base{label}"
            ).clamp(-1, 1)
            for part in self.later:
                video = self.raised(part, video, [prompt], [generator], progress=progress, label=label)
            videos.append(video.cpu())
        return torch.cat(videos)

    def guided(self, prompts: Sequence[str], negative_prompt: str, guidance_scale: float) -> Predict:
        """The base's predictions for a batch of prompts, exaggerated: what a sampler takes."""
        tokens = tokens_of([*prompts, negative_prompt]).to(self.device)
        with self._precision.context():
            read = self.base.text(tokens)
        branches = {
            UNCONDITIONAL: Branch(self._base, Text(*(each[-1:].expand_as(each[:-1]) for each in read))),
            CONDITIONAL: Branch(self._base, Text(*(each[:-1] for each in read))),
        }
        return combined(branches, classifier_free_weights(guidance_scale))

    @torch.no_grad()
    def raised(
        self,
        part: str,
        video: Tensor,
        prompts: Sequence[str],
        generators: Sequence[torch.Generator],
        *,
        num_inference_steps: int | None = None,
        stochastic: bool = False,
        over: Over = whole,
        progress: Progress = no_progress,
        label: str = "",
    ) -> Tensor:
        """What a later stage makes of a video; it sees no prompt but its own, without guidance.

        Args:
            part: of `LATER`.
            video: (B, 3, T, H, W) in [-1, 1], of the stage before.
            prompts: B texts.
            generators: one for each video: noise in what the stage is given, and noise to start from.
            num_inference_steps: network passes; None: `later_steps`.
            stochastic: sample by `stochastic_ddim`.
            over: how the stage sees videos that are larger than its own.
            progress: watches the steps.
            label: after the stage's name.

        Returns: (B, 3, 2 * T, H, W) or (B, 3, T, 2 * H, 2 * W) in [-1, 1].
        """
        stage, config = self.later[part], LATER[part]
        twice = config.made.frames // config.before.frames
        side = config.made.height // config.before.height
        level = torch.full((len(video),), self.process.level_of(self.augmentation))
        stirred = self.process.add_noise(video, noise_like(video, generators), level)
        low = brought_to(stirred, twice * video.shape[2], side * video.shape[3], side * video.shape[4])
        augmentation = torch.full((len(video),), self.augmentation, device=self.device)
        with self._precision.context():
            text = stage.text(tokens_of(prompts).to(self.device))

        def predict(noisy: Tensor, timestep: int) -> Tensor:
            def said(noisy: Tensor, low: Tensor) -> Tensor:
                with self._precision.context():
                    found: Tensor = stage.unet(noisy, timestep, text, low=low, augmentation=augmentation)
                return found

            return over(said, noisy, low)

        steps, empty = num_inference_steps or self.later_steps, torch.zeros_like(low)
        made = sdedit(
            self.process, predict, empty, 1.0, steps, generators, stochastic=stochastic,
            progress=progress, label=f"{part}{label}",
        )  # fmt: skip
        return made.clamp(-1, 1)

    def read(self, part: str, prompts: Sequence[str]) -> Text:
        """Prompts as a stage reads them: B texts for `loss`."""
        stage = self.base if part == "base" else self.later[part]
        with self._precision.context(), torch.no_grad():
            text: Text = stage.text(tokens_of(prompts).to(self.device))
        return text

    def loss(
        self, part: str, network: nn.Module, clean: Tensor, text: Text, generator: torch.Generator, *, video: bool
    ) -> Tensor:
        """The squared error of a stage's network, weighed as in its own training (min-SNR), of each video: (B,).

        Args:
            part: ``base`` or one of `LATER`.
            network: the stage's, or what stands for it.
            clean: (B, 3, T, H, W) in [-1, 1], of the stage's size; a later stage is given what the stage before would
                have made of it, with noise.
            text: B prompts, of `read`.
            generator: draws noise and its level, on the CPU.
            video: False: frames are pictures that know nothing of each other.
        """
        timestep = self.process.draw_timesteps(len(clean), generator)
        level = self.process.levels[timestep + 1]
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        noisy = self.process.add_noise(clean, noise, level)
        given = {} if part == "base" else self._given(part, clean, generator)
        said = network(noisy, timestep.to(clean.device), text, video=video, **given)
        error = (said - self.process.target(clean, noise, level)).square().mean((1, 2, 3, 4))
        return error * self.process.min_snr_weight(level).to(error)

    def _given(self, part: str, clean: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """What a later stage sees besides in training."""
        low = reduced(clean, LATER[part].before, LATER[part].made)
        augmentation = torch.randint(NOISIEST, (len(clean),), generator=generator)
        noise = torch.randn(low.shape, generator=generator).to(clean.device)
        stirred = self.process.add_noise(low, noise, self.process.levels[augmentation + 1])
        frames, height, width = clean.shape[2:]
        return {"low": brought_to(stirred, frames, height, width), "augmentation": augmentation.to(clean.device)}

    def _base_size(self, *size: int) -> list[int]:
        least, native = ((each.frames, each.height, each.width) for each in (BASE, self.native))
        return [asked * small // large for asked, small, large in zip(size, least, native, strict=True)]

    def _base(self, noisy: Tensor, timestep: int, conditions: Sequence[Any]) -> Tensor:
        text = Text(*(torch.cat(each) for each in zip(*conditions, strict=True)))
        with self._precision.context():
            said: Tensor = self.base.unet(noisy, timestep, text)
        return said


def _loaded(network: _Network, weights: Resolved, part: str) -> _Network:
    load_frozen(network, weights, {name: value.float() for name, value in weights.tensors(part).items()})
    return network
