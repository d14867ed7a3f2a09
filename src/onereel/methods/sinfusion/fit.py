"""Training of the models: which crops they see, which loss they get (sections 4 and 5, Algorithm 1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.base.errors import MethodError
from onereel.base.progress import Progress
from onereel.diffusion.process import Process
from onereel.methods.sinfusion.config import ModelName, SinFusionConfig
from onereel.methods.sinfusion.models import CONDITIONS, READS_LEVEL, Denoiser, Noisy, part_config
from onereel.training.loop import generator_of, train
from onereel.training.trainer import Trainer
from onereel.video.clip import Frames, to_video

_HELD_OUT = 2**20  # stream of generators for evaluation; training uses those from 0 on
_SMALLEST = 8  # pixels, each side of a crop
_EVALUATED_STEPS = 8  # noise steps, evenly spread, at which a model is evaluated

_NEEDED_FRAMES: Mapping[ModelName, int] = {"image": 1, "projector": 1, "predictor": 2, "interpolator": 3}


@dataclass(frozen=True)
class Draw:
    """What a model sees in one step.

    Attributes:
        clean: (B, 3, h, w) crops in [-1, 1], to be noised.
        given: (B, 3 * conditions, h, w) the same crops of the frames that are given, or None.
        shift: (B,) k of the predictor, or None.
    """

    clean: Tensor
    given: Tensor | None
    shift: Tensor | None


def fit(
    part: ModelName,
    frames: Frames,
    config: SinFusionConfig,
    *,
    workdir: Path,
    device: torch.device,
    seed: int,
    progress: Progress,
) -> dict[str, Tensor]:
    """Train one model on a clip; return its weights.

    The curves hold the loss, the learning rate and ``psnr``: of the clean picture that the model sees in a noisy one,
    in dB (range 2), averaged over crops with noise that training never draws, half of the steps at high noise.

    Args:
        part: which model.
        frames: (T, H, W, 3) uint8.
        config: settings.
        workdir: for checkpoints and curves.
        device: where to train.
        seed: of weights and draws.
        progress: watches the loop.

    Raises: MethodError if the clip is too short or too small.
    """
    check_frames(part, frames, config)
    video = to_video(frames, device=device).movedim(1, 0)  # (T, 3, H, W)
    own = part_config(config, part)
    process = Process(own.process)

    def loss(denoiser: nn.Module, generator: torch.Generator, step: int) -> Tensor:
        shown = draw(part, video, config, generator, largest_shift(config, step))
        noise = torch.randn(shown.clean.shape, generator=generator).to(device)
        steps = process.draw_timesteps(len(noise), generator)
        level = process.draw_levels(steps, generator) if part in READS_LEVEL else process.levels[steps + 1].float()
        level, steps = level.to(device), steps.to(device)
        noisy = Noisy(process.add_noise(shown.clean, noise, level), level, steps, shown.given, shown.shift)
        said, size = denoiser(noisy)
        return functional.mse_loss(said / size, process.target(shown.clean, noise, level) / size)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # initial weights; PyTorch's initialisers know no generator
        denoiser = Denoiser(config, part)
    denoiser.measure(video.cpu())
    trainer = Trainer(denoiser, loss, config.training, steps=own.steps, device=device, seed=seed)
    train(
        trainer,
        steps=own.steps,
        workdir=workdir,
        progress=progress,
        label=f"sinfusion {part}",
        evaluate=lambda *_: denoising_psnr(trainer, part, video, config, process),
    )
    return trainer.result()


def frames_of(part: ModelName, frames: Frames, config: SinFusionConfig) -> Frames:
    """The frames that a model is trained on: one picture for the image model, else all.

    Raises: MethodError if the clip has no such picture.
    """
    if part != "image":
        return frames
    if not -len(frames) <= config.image_frame < len(frames):
        raise MethodError(
            f"sinfusion, image_frame {config.image_frame}",
            f"the clip has {len(frames)} frames",
            f"choose {-len(frames)} to {len(frames) - 1}",
        )
    return frames[[config.image_frame]]


def check_frames(part: ModelName, frames: Frames, config: SinFusionConfig) -> None:
    """Raise MethodError unless the clip is long and large enough to train `part`."""
    count, height, width, _ = frames.shape
    needed = _NEEDED_FRAMES[part]
    if count < needed:
        raise MethodError(
            f"sinfusion, part '{part}'", f"the clip has {count} frames, it needs {needed}", "take a longer clip"
        )
    if int(min(height, width) * config.crop) < _SMALLEST:
        raise MethodError(
            f"sinfusion, part '{part}'",
            f"crops of {config.crop:.0%} of {height}x{width} are smaller than {_SMALLEST} pixels",
            "take a larger height",
        )


def largest_shift(config: SinFusionConfig, step: int) -> int:
    """Largest |k| at a step of the predictor's training (section 5: 1 at first, 3 in the end).

    The authors count draws in the workers of a data loader, which start anew every epoch, so that their models in
    effect saw only |k| = 1; here the training's own step decides.
    """
    passed = sum(step >= share * config.predictor.steps for share in config.curriculum)
    return min(1 + passed, config.max_shift)


def draw(part: ModelName, video: Tensor, config: SinFusionConfig, generator: torch.Generator, shift: int) -> Draw:
    """Random crops of random frames.

    Args:
        part: which model.
        video: (T, 3, H, W) in [-1, 1].
        config: settings.
        generator: on the CPU.
        shift: largest |k| for the predictor.
    """
    count, _, height, width = video.shape
    tall, wide = crop_size(part, height, width, config)
    reach = min(shift, count - 1)
    clean, given, shifts = [], [], []
    for _ in range(config.training.batch):
        top = _pick(height - tall + 1, generator)
        left = _pick(width - wide + 1, generator)
        crop = video[:, :, top : top + tall, left : left + wide]
        match part:
            case "image" | "projector":
                clean.append(crop[_pick(count, generator)])
            case "predictor":
                distance = 1 + _pick(reach, generator)
                first = _pick(count - distance, generator)
                forward = _pick(2, generator) == 1
                known, new = (first, first + distance) if forward else (first + distance, first)
                clean.append(crop[new])
                given.append(crop[known])
                shifts.append(float(new - known))
            case "interpolator":
                middle = 1 + _pick(count - 2, generator)
                clean.append(crop[middle])
                given.append(torch.cat([crop[middle - 1], crop[middle + 1]]))
    return Draw(
        torch.stack(clean),
        torch.stack(given) if CONDITIONS[part] else None,
        torch.tensor(shifts, device=video.device) if shifts else None,
    )


def crop_size(part: ModelName, height: int, width: int, config: SinFusionConfig) -> tuple[int, int]:
    """Rows and columns of a crop: of each side for the predictor, else a square of the shorter side (authors' code)."""
    if part == "predictor":
        return int(height * config.crop), int(width * config.crop)
    side = int(min(height, width) * config.crop)
    return side, side


def denoising_psnr(
    trainer: Trainer, part: ModelName, video: Tensor, config: SinFusionConfig, process: Process
) -> dict[str, float]:
    """``psnr`` in dB of the clean pictures that the averaged weights see in held-out noise."""
    errors = []
    with trainer.evaluated() as denoiser:
        for index in range(_EVALUATED_STEPS):
            generator = generator_of(0, index, _HELD_OUT)
            step = (2 * index + 1) * process.config.num_train_timesteps // (2 * _EVALUATED_STEPS)
            shown = draw(part, video, config, generator, 1)
            noise = torch.randn(shown.clean.shape, generator=generator).to(video.device)
            level = torch.full((len(noise),), process.level_of(step), device=video.device)
            frames = process.add_noise(shown.clean, noise, level)
            said, _ = denoiser(Noisy(frames, level, torch.full_like(level, step), shown.given, shown.shift))
            errors.append(functional.mse_loss(process.to_sample(said, frames, level), shown.clean))
    return {"psnr": float((10 * torch.log10(4 / torch.stack(errors))).mean())}


def _pick(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))
