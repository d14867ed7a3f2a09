"""Drawing samples: structure and content in, a clip of the source's size out (Eq. 7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from onereel.base.errors import MethodError
from onereel.base.progress import Progress, no_progress
from onereel.diffusion.process import Process, noise_like
from onereel.diffusion.samplers import Predict, ddim, timesteps_of
from onereel.methods.base import Inputs
from onereel.methods.gen1.config import Gen1Config, VideoEditorConfig
from onereel.methods.gen1.masks import kept_latents
from onereel.methods.gen1.model import Guidance, VideoModel
from onereel.methods.gen1.structure import read_depth, signal_of
from onereel.methods.gen1.windows import Window, blended, windows_of
from onereel.video.clip import Clip, Frames, to_frames, to_video
from onereel.video.pyramid import Size, resize


@dataclass(frozen=True)
class Source:
    """A clip at the size with which it is edited.

    Attributes:
        clip: as it was given.
        size: (T, H, W) of the edit.
        structure: (1, C, T, h, w), see `VideoModel.read_structure`; None for a model without.
        latents: (1, 4, T, h, w) of the clip, where some of it is kept; else None.
        kept: (T, H, W) bool at the clip's size, where some of it is kept; else None.
    """

    clip: Clip
    size: Size
    structure: Tensor | None
    latents: Tensor | None = None
    kept: np.ndarray | None = None


def working_size(size: Size, side: int | None, step: int) -> Size:
    """(T, H, W) with which a clip is edited: the shorter side as asked, both multiples of `step`."""
    scale = 1.0 if side is None else side / min(size[1:])
    height, width = (max(step, round(length * scale / step) * step) for length in size[1:])
    return size[0], height, width


def check_window(config: VideoEditorConfig, name: str, longest: int, method: str = "gen1") -> None:
    """Refuse windows of more frames than a model sees.

    Args:
        config: settings.
        name: of the model, for the error.
        longest: frames that it sees at once.
        method: whose error it is.
    """
    if config.window > longest:
        where = f"{method}, window {config.window}"
        raise MethodError(where, f"'{name}' sees {longest} frames at once", "lower window")


def read_source(model: VideoModel, inputs: Inputs, config: Gen1Config, kept: np.ndarray | None = None) -> Source:
    """What the model reads of a clip.

    Raises: MethodError if the depth of the clip is missing, damaged or another clip's.
    """
    clip = inputs.clip
    size = working_size(clip.size, config.side, model.step)
    structure = None
    if model.has_structure:
        signal = resize(signal_of(config.structure, clip.frames, read_depth(inputs, config))[None], size)[0].clamp(0, 1)
        structure = model.read_structure(signal, config.structure_level)
    latents = None if kept is None else model.encode(resize(to_video(clip.frames), size).clamp(-1, 1))
    return Source(clip, size, structure, latents, kept)


def edited(
    model: VideoModel,
    source: Source,
    content: Tensor,
    unwanted: Tensor,
    config: Gen1Config,
    seed: int,
    *,
    progress: Progress = no_progress,
) -> Frames:
    """A sample of the clip's size.

    Args:
        model: what edits.
        source: the clip.
        content: (1, D), what it is to show.
        unwanted: (1, D), what guidance leads away from.
        config: settings.
        seed: of the noise.
        progress: watches the steps.

    Raises: MethodError if the model's answers are not numbers.
    """
    frames, height, width = source.size
    shape = (1, 4, frames, height // model.shrinks, width // model.shrinks)
    noise = noise_like(torch.empty(shape, device=model.device), [torch.Generator().manual_seed(seed)])
    timesteps = timesteps_of(model.process, config.num_inference_steps)
    plans = plans_of(timesteps, shape[2:], config, model.shrinks)
    predict = guarded(in_windows(model, source.structure, content, unwanted, plans, config))
    start = noise
    if source.latents is not None and source.kept is not None:
        kept = kept_latents(source.kept, shape[2:]).to(model.device)
        predict = keeping(model.process, predict, source.latents, noise, kept)
        level = model.process.levels[timesteps[0] + 1].expand(1)
        start = torch.where(kept, model.process.add_noise(source.latents, noise, level), noise)
    with torch.no_grad():
        latents = ddim(model.process, predict, start, timesteps, progress=progress)
    made = to_frames(resize(model.decode(latents), source.clip.size))
    return made if source.kept is None else np.where(source.kept[..., None], source.clip.frames, made)


def plans_of(
    timesteps: Sequence[int], size: Sequence[int], config: VideoEditorConfig, shrinks: int
) -> Mapping[int, list[Window]]:
    """Windows of latents (T, h, w) for every timestep: with a stride above 1 those of frames so far apart and those of
    neighbours take turns."""
    window = (config.window, *[max(1, config.tile // shrinks)] * 2)
    strides = (config.stride, 1) if config.stride > 1 else (1,)
    turns = [windows_of(size, window, config.overlap, stride) for stride in strides]
    return {timestep: turns[index % len(turns)] for index, timestep in enumerate(timesteps)}


def in_windows(
    model: VideoModel,
    structure: Tensor | None,
    content: Tensor,
    unwanted: Tensor,
    plans: Mapping[int, list[Window]],
    config: VideoEditorConfig,
) -> Predict:
    """Eq. 8 for a clip of any length and size.

    Args:
        model: what predicts.
        structure: (1, C, T, h, w), or None.
        content, unwanted: (1, D).
        plans: the windows by timestep.
        config: settings.
    """
    guidance = Guidance(config.guidance_scale, config.temporal_scale)

    def predict(noisy: Tensor, timestep: int) -> Tensor:
        windows = plans[timestep]
        frames = max(len(window.frames) for window in windows)
        together = max(1, config.batch // (3 * frames))
        parts: list[Tensor] = []
        for alike in _of_one_size(windows):
            for start in range(0, len(alike), together):
                some = alike[start : start + together]
                own = None if structure is None else torch.cat([window.cut(structure) for window in some])
                said = model.guided(content, unwanted, own, guidance)(
                    torch.cat([window.cut(noisy) for window in some]), timestep
                )
                parts += list(said)
        ordered = [window for alike in _of_one_size(windows) for window in alike]
        return blended(parts, ordered, noisy, match=config.match_colours)

    return predict


def keeping(process: Process, predict: Predict, source: Tensor, noise: Tensor, kept: Tensor) -> Predict:
    """Predictions that leave the source as it is where it is kept (section 4.1).

    There the answer is the one of a model that knows the source and the noise. The sampler then has at every step the
    source's own latent, noised to that step by that noise, which is what is put there in inpainting with diffusion
    models (Lugmayr et al. 2022, Eq. 8a).

    Args:
        process: the diffusion.
        predict: what is asked elsewhere.
        source: (1, 4, T, h, w), clean.
        noise: the same shape, that of the sampler's start.
        kept: (1, 1, T, h, w) bool.
    """

    def answer(noisy: Tensor, timestep: int) -> Tensor:
        level = process.levels[timestep + 1].expand(len(noisy))
        return torch.where(kept, process.target(source, noise, level), predict(noisy, timestep))

    return answer


def guarded(predict: Predict, method: str = "gen1") -> Predict:
    """Predictions that stop where they are not numbers: from there on all would be black.

    Args:
        predict: what is asked.
        method: whose error it is.

    Raises: MethodError, when asked.
    """

    def answer(noisy: Tensor, timestep: int) -> Tensor:
        said = predict(noisy, timestep)
        if not bool(torch.isfinite(said).all()):
            share = 1 - float(torch.isfinite(said).float().mean())
            problem = f"{share:.0%} of what the model says at timestep {timestep} are no numbers"
            raise MethodError(method, problem, "lower guidance_scale and temporal_scale, or check the weights")
        return said

    return answer


def _of_one_size(windows: Sequence[Window]) -> list[list[Window]]:
    """Windows by their size: frames so far apart may be one fewer in the last of them."""
    found: dict[tuple[int, int, int], list[Window]] = {}
    for window in windows:
        found.setdefault((len(window.frames), len(window.rows), len(window.columns)), []).append(window)
    return list(found.values())
