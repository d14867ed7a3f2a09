"""Videos of texts: what every such model can do, whatever it is made of, and what those on latents share.

Each video of a batch is denoised alone: a larger batch is no faster for models that fill a device, takes more memory,
and changes the last digits of a matrix product; so a sample is the same alone and in a batch.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from onereel.backbones.families import family_of
from onereel.backbones.loading import load_component, load_process, meta_component, placed
from onereel.backbones.text import PromptEncoder, Text, load_tokenizer
from onereel.base.errors import MethodError, WeightsError
from onereel.base.progress import Progress, no_progress
from onereel.diffusion.guidance import CONDITIONAL, UNCONDITIONAL, Branch, classifier_free_weights, combined
from onereel.diffusion.latents import LatentScale
from onereel.diffusion.process import Process
from onereel.diffusion.samplers import Predict, ddim, sdedit, timesteps_of
from onereel.weights.entries import BackboneEntry
from onereel.weights.store import Resolved


@dataclass(frozen=True)
class Native:
    """What a model was trained for.

    Attributes:
        frames: how many.
        fps: frames a second.
        height, width: pixels.
    """

    frames: int
    fps: float
    height: int
    width: int


class TextToVideo(ABC):
    """A model that makes videos of texts.

    Attributes:
        native: what it was trained for; most are much worse at anything else.
    """

    native: Native

    @classmethod
    @abstractmethod
    def load(
        cls,
        weights: Resolved,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        offload: bool = False,
    ) -> Self:
        """The model with these weights.

        Args:
            weights: of its family.
            device: where it runs.
            dtype: of its networks; None: what the device is fast with.
            offload: keep on the device only the network that is at work, the others in the machine's memory; prompts
                are read there, and videos decoded in slices.

        Raises: WeightsError if files are missing, damaged, or of another model.
        """

    @abstractmethod
    def check_size(self, frames: int, height: int, width: int) -> None:
        """Refuse a size that the model cannot make.

        Raises: MethodError in one line that says what it can.
        """

    @abstractmethod
    def generate(
        self,
        prompts: Sequence[str],
        generators: Sequence[torch.Generator],
        *,
        frames: int,
        height: int,
        width: int,
        num_inference_steps: int,
        guidance_scale: float,
        negative_prompt: str = "",
        progress: Progress = no_progress,
    ) -> Tensor:
        """Videos of prompts.

        Args:
            prompts: B texts.
            generators: one for each video, on the CPU; it alone decides that video.
            frames, height, width: of every video.
            num_inference_steps: network passes of the (first) denoising, >= 1.
            guidance_scale: 1: the prompt as it is; above: exaggerated (Ho and Salimans 2022).
            negative_prompt: what guidance leads away from.
            progress: watches the steps.

        Returns: (B, 3, T, H, W) float32 in [-1, 1], on the CPU.
        Raises: MethodError as `check_size`.
        """


def load(
    weights: Resolved,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    offload: bool = False,
) -> TextToVideo:
    """The model of any family with these weights, see `TextToVideo.load`.

    Raises: WeightsError, too, as `text_to_video_of`.
    """
    return text_to_video_of(weights).load(weights, device=device, dtype=dtype, offload=offload)


def text_to_video_of(weights: Resolved) -> type[TextToVideo]:
    """The class of the model that these weights are of.

    Raises: WeightsError if it makes no videos of texts.
    """
    where = f"weights '{weights.name}'"
    family = family_of(where, getattr(weights.entry, "family", ""))
    if family.text_to_video is None:
        raise WeightsError(where, "makes no videos of texts", "choose a model of the role text-to-video")
    return family.text_to_video()


class LatentTextToVideo(TextToVideo):
    """A text encoder, a network that denoises latents, an autoencoder of frames: what editors build on, too.

    Args:
        name: as errors name it.
        network: says what the process's prediction type means, of latents.
        vae: the autoencoder; it is kept in float32.
        encoder: reads prompts.
        native: what it was trained for.
        device: where to compute.
        offload: see `TextToVideo.load`.

    Attributes:
        network_folder: where the network's files are.
        side: pixels of a latent.
        tile: pixels of the sides of what is decoded at once where it is decoded in slices; 0: whole pictures.
        timeless: whether time is left out wholly where frames are pictures; else they are videos of one frame.
    """

    network_folder: ClassVar[str]
    side: ClassVar[int] = 8
    tile: ClassVar[int] = 0
    timeless: ClassVar[bool] = True

    def __init__(
        self,
        name: str,
        network: Any,
        vae: Any,
        encoder: PromptEncoder,
        native: Native,
        *,
        device: torch.device | str = "cpu",
        offload: bool = False,
    ) -> None:
        self.name, self.native, self.device, self.offload = name, native, torch.device(device), offload
        self.network, self.vae, self.encoder = network, vae, encoder
        self.slice_decoding(offload)

    @classmethod
    def load(
        cls,
        weights: Resolved,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        offload: bool = False,
    ) -> Self:
        """See `TextToVideo.load`; by default float32 on the CPU, bfloat16 elsewhere."""
        dtype = dtype or default_dtype(device)
        native = native_of(weights)
        network = load_component(weights, cls.network_folder, dtype)
        vae = load_component(weights, "vae", torch.float32)
        encoder = cls.encoder_of(load_tokenizer(weights), load_component(weights, "text_encoder", dtype))
        further = cls.further(weights)
        return cls(weights.name, network, vae, encoder, native, device=device, offload=offload, **further)

    @classmethod
    def skeleton(cls, weights: Resolved, *, dtype: torch.dtype) -> Self:
        """The model on the ``meta`` device, from its configurations alone: what it would take is counted there.

        Raises: WeightsError as `load`.
        """
        network, vae, text = (
            meta_component(weights, folder, dtype if folder != "vae" else torch.float32)
            for folder in (cls.network_folder, "vae", "text_encoder")
        )
        encoder = cls.encoder_of(None, text)
        return cls(weights.name, network, vae, encoder, native_of(weights), device="meta", **cls.further(weights))

    @classmethod
    @abstractmethod
    def encoder_of(cls, tokenizer: Any, network: Any) -> PromptEncoder:
        """What reads the prompts, of a tokenizer and a network."""

    @classmethod
    def further(cls, weights: Resolved) -> dict[str, Any]:
        """What else the class is made with."""
        return {}

    def check_size(self, frames: int, height: int, width: int) -> None:
        """Sides are multiples of `side_step`, frames as `check_frames` says."""
        step = self.side_step
        if height % step or width % step or min(height, width) < step:
            problem = f"makes pictures whose sides are multiples of {step}, not {height}x{width}"
            near = f"{max(1, round(height / step)) * step}x{max(1, round(width / step)) * step}"
            raise MethodError(f"backbone '{self.name}'", problem, f"ask for {near}")
        self.check_frames(frames)

    def check_frames(self, frames: int) -> None:
        """Refuse a number of frames that the model cannot make; any by default.

        Raises: MethodError.
        """

    @property
    def side_step(self) -> int:
        """Sides are multiples of so many pixels."""
        return self.side

    def latent_frames(self, frames: int) -> int:
        """Latents in time of so many frames."""
        return frames

    @torch.no_grad()
    def encode_prompt(self, prompts: Sequence[str]) -> Text:
        """Prompts as the network reads them, on the device; the largest encoders need more memory than the rest, for a
        moment's work, so with `offload` they stay where they are."""
        if self.offload:
            return self.encoder(prompts).to(self.device)
        self.encoder.encoder.to(self.device)
        return self.encoder(prompts)

    @torch.no_grad()
    def encode(self, video: Tensor) -> Tensor:
        """Latents (B, C, T', H', W') of videos (B, 3, T, H, W) in [-1, 1], of mean 0 and spread 1, on the device; the
        most likely ones, nothing is drawn."""
        with placed(self.vae, self.device, offload=self.offload):
            return torch.cat([self.to_latents(one) for one in video.to(self.device).split(1)])

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Videos (B, 3, T, H, W) float32 in [-1, 1] of latents, on the CPU; one after the other, so that memory holds
        the activations of one picture."""
        with placed(self.vae, self.device, offload=self.offload):
            return torch.cat([self.to_video(one.float()).clamp(-1, 1).cpu() for one in latents.split(1)])

    def slice_decoding(self, sliced: bool) -> None:
        """Whether to decode in slices, with seams that are blended; nothing where one picture at a time is decoded."""

    @abstractmethod
    def to_latents(self, video: Tensor) -> Tensor:
        """`encode` of one video, (1, 3, T, H, W), by a network that is in place."""

    @abstractmethod
    def to_video(self, latents: Tensor) -> Tensor:
        """`decode` of one video's latents, (1, C, T', H', W')."""

    @abstractmethod
    def predict(self, noisy: Tensor, timestep: Tensor | float, condition: Text, *, video: bool = True) -> Tensor:
        """What the network says, (B, C, T', H', W') float32, with gradients where they are asked for; where its
        tensors are, the network has to be, too (`onereel.backbones.loading.placed`).

        Args:
            noisy: (B, C, T', H', W').
            timestep: one for all, or (B,).
            condition: B prompts.
            video: False: frames are pictures that know nothing of each other.
        """

    @abstractmethod
    def denoise(
        self, predict: Predict, start: Tensor, num_inference_steps: int, progress: Progress, label: str
    ) -> Tensor:
        """From noise to latents."""

    @abstractmethod
    def edit(
        self,
        predict: Predict,
        latents: Tensor,
        strength: float,
        num_inference_steps: int,
        generator: torch.Generator,
        *,
        stochastic: bool = True,
        progress: Progress = no_progress,
    ) -> Tensor:
        """Latents of one video, (1, C, T', H', W'), noised to a strength and denoised again, see
        `onereel.diffusion.samplers.sdedit`."""

    @abstractmethod
    def loss(self, latents: Tensor, condition: Text, generator: torch.Generator, *, video: bool = True) -> Tensor:
        """The training's squared error of each latent video, (B,): what tuning descends.

        Args:
            latents: (B, C, T', H', W'), of `encode`.
            condition: B prompts.
            generator: draws noise and its level, on the CPU.
            video: as `predict`.
        """

    def negative(self, text: Text, condition: Text) -> Text:
        """The negative prompt as it goes with a prompt; by default as it is."""
        return text

    def guided(self, condition: Text, negative: Text, guidance_scale: float) -> Predict:
        """Predictions for a prompt, exaggerated."""
        branches = {
            UNCONDITIONAL: Branch(self._said, self.negative(negative, condition)),
            CONDITIONAL: Branch(self._said, condition),
        }
        return combined(branches, classifier_free_weights(guidance_scale))

    def _said(self, noisy: Tensor, timestep: float, conditions: Sequence[Text]) -> Tensor:
        return self.predict(noisy, timestep, Text.joined(conditions))

    @torch.no_grad()
    def generate(
        self,
        prompts: Sequence[str],
        generators: Sequence[torch.Generator],
        *,
        frames: int,
        height: int,
        width: int,
        num_inference_steps: int,
        guidance_scale: float,
        negative_prompt: str = "",
        progress: Progress = no_progress,
    ) -> Tensor:
        """See `TextToVideo.generate`."""
        self.check_size(frames, height, width)
        *conditions, negative = (self.encode_prompt([prompt]) for prompt in [*prompts, negative_prompt])
        shape = (self.channels, self.latent_frames(frames), height // self.side, width // self.side)
        found = []
        with placed(self.network, self.device, offload=self.offload):
            for index, (condition, generator) in enumerate(zip(conditions, generators, strict=True)):
                start = torch.randn((1, *shape), generator=generator).to(self.device)
                label = "denoising" if len(prompts) == 1 else f"denoising {index + 1} of {len(prompts)}"
                predict = self.guided(condition, negative, guidance_scale)
                found.append(self.denoise(predict, start, num_inference_steps, progress, label))
        return self.decode(torch.cat(found))

    def save_memory(self) -> None:
        """Keep of the network's activations only those between its blocks, and compute the others again when a
        training goes backwards."""
        self.network.enable_gradient_checkpointing()

    @property
    def channels(self) -> int:
        """Of latents."""
        return int(self.network.config.in_channels)


class DiffusedTextToVideo(LatentTextToVideo):
    """One whose noise follows a diffusion `process`, and whose autoencoder knows pictures only."""

    def __init__(self, *arguments: Any, process: Process, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.process = process
        self.scale = LatentScale(self.vae.config.scaling_factor, self.vae.config.shift_factor or 0.0)

    @classmethod
    def further(cls, weights: Resolved) -> dict[str, Any]:
        """The published process."""
        path = weights.subfolder("scheduler") / "scheduler_config.json"
        return {"process": load_process(f"weights '{weights.name}', scheduler", path)}

    def to_latents(self, video: Tensor) -> Tensor:
        """Frame by frame."""
        found = [self.vae.encode(frame).latent_dist.mode() for frame in video.unbind(2)]
        return self.scale.to_model(torch.stack(found, 2))

    def to_video(self, latents: Tensor) -> Tensor:
        """Frame by frame."""
        values = self.scale.to_autoencoder(latents)
        return torch.stack([self.vae.decode(frame).sample for frame in values.unbind(2)], 2)

    def denoise(
        self, predict: Predict, start: Tensor, num_inference_steps: int, progress: Progress, label: str
    ) -> Tensor:
        """DDIM, from pure noise on (Lin et al. 2024: "trailing" timesteps; the published pipelines start a little
        before it)."""
        timesteps = timesteps_of(self.process, num_inference_steps)
        return ddim(self.process, predict, start, timesteps, progress=progress, label=label)

    def edit(
        self,
        predict: Predict,
        latents: Tensor,
        strength: float,
        num_inference_steps: int,
        generator: torch.Generator,
        *,
        stochastic: bool = True,
        progress: Progress = no_progress,
    ) -> Tensor:
        """See `LatentTextToVideo.edit`."""
        return sdedit(
            self.process, predict, latents, strength, num_inference_steps, [generator],
            stochastic=stochastic, progress=progress,
        )  # fmt: skip

    def loss(self, latents: Tensor, condition: Text, generator: torch.Generator, *, video: bool = True) -> Tensor:
        """Of what the process's prediction type asks for (Ho et al. 2020, Eq. 14)."""
        timestep = self.process.draw_timesteps(len(latents), generator)
        noise = torch.randn(latents.shape, generator=generator).to(latents.device)
        level = self.process.levels[timestep + 1].to(latents.device)
        noisy = self.process.add_noise(latents, noise, level)
        said = self.predict(noisy, timestep.to(latents.device), condition, video=video)
        return (said - self.process.target(latents, noise, level)).square().mean((1, 2, 3, 4))


def native_of(weights: Resolved) -> Native:
    """What the list says that a published model was trained for.

    Raises: WeightsError if it is no list's backbone, or names no frame rate.
    """
    entry = weights.entry
    if not isinstance(entry, BackboneEntry) or not entry.fps:
        raise WeightsError(f"weights '{weights.name}'", "its entry names no fps", "correct config/backbones.yaml")
    return Native(entry.frames, entry.fps, entry.height, entry.width)


def default_dtype(device: torch.device | str) -> torch.dtype:
    """What a device is fast with: float32 on the CPU, bfloat16 elsewhere."""
    return torch.float32 if torch.device(device).type == "cpu" else torch.bfloat16


def frame_by_frame(
    said: Callable[[Tensor, Tensor, Text], Tensor], noisy: Tensor, timestep: Tensor | float, condition: Text
) -> Tensor:
    """What a network says of each frame as a video of one frame, alone: frames are independent to the last bit, since
    in a batch, too, kernels round by where a sample stands.

    Args:
        said: of (1, C, 1, H', W'), a timestep (1,) and a prompt.
        noisy: (B, C, T, H', W').
        timestep: one for all, or (B,).
        condition: B prompts.
    """
    frames = noisy.shape[2]
    steps = spread(timestep, len(noisy), noisy.device, frames).split(1)
    pictures, texts = in_pictures(noisy).split(1), condition.repeated(frames).apart()
    found = [said(*each) for each in zip(pictures, steps, texts, strict=True)]
    return in_videos(torch.cat(found), len(noisy))


def in_pictures(video: Tensor) -> Tensor:
    """(B, C, T, H, W) as videos of one frame, (B * T, C, 1, H, W)."""
    return video.transpose(1, 2).flatten(0, 1)[:, :, None]


def in_videos(pictures: Tensor, count: int) -> Tensor:
    """`in_pictures` back: `count` videos."""
    return pictures[:, :, 0].unflatten(0, (count, -1)).transpose(1, 2)


def spread(timestep: Tensor | float, count: int, device: torch.device, times: int = 1) -> Tensor:
    """A timestep for each of a batch, (count * times,); `times`: of the frames of a video one after the other."""
    steps = torch.as_tensor(timestep, device=device)
    return steps.expand(count).repeat_interleave(times)


def parameters_dtype(network: nn.Module) -> torch.dtype:
    """What most of a network computes in: of its largest weight, since some layers stay in float32."""
    return max(network.parameters(), key=lambda parameter: parameter.numel()).dtype
