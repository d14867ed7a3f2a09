"""Training of one level of the SinGAN family (SinGAN-GIF, sections 3.2 to 3.4)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from onereel.base.errors import MethodError
from onereel.base.progress import Progress
from onereel.gan import guards
from onereel.gan.growth import State, device_state, train_levels
from onereel.gan.level import GANLevel
from onereel.gan.networks import Critic, channels_last, inherit, initialise
from onereel.gan.settings import Side
from onereel.gan.statistics import colour_statistics_loss, noise_amplitude
from onereel.methods.singan.cascade import Cascade, Generator, draw_noise, pack, to_pictures, to_side
from onereel.methods.singan.config import PyramidConfig
from onereel.methods.singan.parts import PyramidPart
from onereel.training.loop import generator_of
from onereel.video.clip import Frames, to_video
from onereel.video.pyramid import resize

_OPTIMAL = 3  # stream of random numbers of z_opt


class PyramidLevel(GANLevel):
    """A level in training: a generator, an image critic and a video critic (Eq. 3).

    Args:
        config: settings.
        part: what the pyramid is for.
        video: (3, T, h, w), the clip at this level's size.
        levels: how many the pyramid has.
        below: the finished levels.
        seed: of the training.
        device: where.
    """

    def __init__(
        self,
        config: PyramidConfig,
        part: PyramidPart,
        video: Tensor,
        levels: int,
        below: Sequence[State],
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        index = len(below)
        self.config, self.part, self._former = config, part, below[-1] if below else None
        self.real = video.to(device)[None]  # (1, 3, T, h, w)
        self.side: Side = (video.shape[2], video.shape[3])
        self.window = config.window_of(index, levels, video.shape[1])
        self._below = Cascade.of(below, config, part, device) if below else None
        self.sigma, self.optimal, self._rebuilt = self._prepare(seed)
        steps, places = config.steps_of(index), video.shape[1] - self.window + 1
        super().__init__(config.adversarial, index=index, steps=steps, places=places, seed=seed, device=device)

    def _prepare(self, seed: int) -> tuple[float, Tensor, Tensor]:
        """sigma, z_opt of the coarsest level, and the upsampled reconstruction of the level below (or the clip there,
        see `PyramidConfig.super_input`).

        z_opt is one map for the whole clip and so is the reconstruction: it is made once, and windows are cut from it,
        instead of a run through the frozen levels at every step (section 3.2).
        """
        frames = self.part.frames(self.real.shape[2])
        if self._below is None:
            draws = generator_of(seed, 0, _OPTIMAL)
            optimal = draw_noise(self.config, self.part, 0, (frames, *self.side), draws).to(self.real.device)
            return 1.0, optimal.contiguous(), torch.zeros_like(optimal)
        rebuilt = to_side(self._start(self._below), self.side)
        shown = rebuilt[0, :, :: self.part.slowness]
        return noise_amplitude(shown, self.real[0], self.config.noise_amplitude), self._below.optimal, rebuilt

    def _start(self, below: Cascade) -> Tensor:
        """What the reconstruction starts from, at the size of the level below."""
        if self.part.purpose == "super" and self.config.super_input == "clip":
            return to_side(self.real, below.sides[-1]).clamp(-1, 1)
        return below.reconstruct()

    def _make_networks(self) -> dict[str, nn.Module]:
        """New networks; those of the level below are copied where shapes match (SinGAN)."""
        networks = _networks(self.config, self.index)
        if self._former is not None:
            for name, former in _networks(self.config, self.index - 1).items():
                if name in networks:
                    former.load_state_dict(device_state(self._former, torch.device("cpu"), name))
                    inherit(networks[name], former)
        return networks

    def _window(self, start: int) -> Tensor:
        return self.real[:, :, start : start + self.window]

    def _draw(self, start: int, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Upsampled videos and the same with noise, (2, 3, t, h, w): of a random sample and of the reconstruction."""
        frames, first = self.part.frames(self.window), self.part.slowness * start
        total = self.part.frames(self.real.shape[2])
        path = {"start": first, "total": total}
        rebuilt = self._rebuilt[:, :, first : first + frames]
        if self._below is None:
            up = torch.zeros_like(rebuilt)
            fixed: Tensor | float = self.optimal[:, :, first : first + frames]
        else:
            sample = self._below.run(None, 0, self._below.sides, draws, frames=frames, **path)
            up, fixed = to_side(sample, self.side), 0.0
        noise = draw_noise(self.config, self.part, self.index, (frames, *self.side), draws, **path)
        noisy = up + self.sigma * noise.to(self.device)
        return torch.cat([up, rebuilt]), torch.cat([noisy, rebuilt + fixed])

    def _make(self, up: Tensor, noisy: Tensor) -> Tensor:
        with self.precision.context():
            made: Tensor = up + self._run["generator"](noisy)
        return made

    def _view(self, name: str, video: Tensor) -> Tensor:
        """What a critic sees of a video: all its frames one by one, or every `slowness`-th together (section 5.2)."""
        if name == "image":
            return channels_last(to_pictures(video))
        generated = video.shape[2] == self.part.frames(self.window)
        return channels_last(video[:, :, :: self.part.slowness] if generated else video)

    def _own_loss(self, made: Tensor, real: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. 5 and 6."""
        config = self.config
        shown = made[:, :, :: self.part.slowness]
        rest = shown[1:] - real
        rebuilt = rest.abs().mean() if config.reconstruction == "l1" else rest.square().mean()
        weight = config.super_weight if self.part.purpose == "super" else config.reconstruction_weight
        loss, parts = weight * rebuilt, {"reconstruction": rebuilt.detach()}
        if config.colour_weight:
            colour = colour_statistics_loss(shown[:1], real)
            loss, parts["colour"] = loss + config.colour_weight * colour, colour.detach()
        return loss, parts

    def _weight(self, name: str) -> float:
        """Eq. 3."""
        return self.config.image_weight if name == "image" else self.config.video_weight

    def _shown(self, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        sample, rebuilt = self._make(*self._draw(0, draws))[:, :, :: self.part.slowness]
        return sample, rebuilt

    def _kept(self) -> dict[str, Tensor]:
        """The size, and z_opt of the coarsest level."""
        side = {"side": torch.tensor(self.side)}
        return {**side, "optimal": self.optimal} if self.index == 0 else side


def _networks(config: PyramidConfig, level: int) -> dict[str, nn.Module]:
    """Untrained networks of a level: ``generator`` and the critics."""
    return {"generator": make_generator(config, level), **make_critics(config, level)}


def make_generator(config: PyramidConfig, level: int) -> Generator:
    """An untrained generator (SinGAN's initial weights)."""
    generator = Generator(config, level)
    initialise(generator)
    return generator


def make_critics(config: PyramidConfig, level: int) -> dict[str, Critic]:
    """Untrained critics by name, ``image`` and ``video``, those whose loss weighs anything (sections 3.2, 3.3.1)."""
    channels = max(4, round(config.channels_of(level) * config.critic_channels))
    critics = {}
    for name, kind, weight in (("image", "2d", config.image_weight), ("video", "3d", config.video_weight)):
        if weight:
            space = 0 if config.padding == "once" else 1
            critics[name] = Critic(kind, channels, depth=config.depth, space=space, norm=config.critic_norm)  # type: ignore[arg-type]
            initialise(critics[name])
    return critics


def fit(
    part: PyramidPart,
    frames: Frames,
    config: PyramidConfig,
    *,
    label: str,
    workdir: Path,
    device: torch.device,
    seed: int,
    progress: Progress,
) -> dict[str, Tensor]:
    """Train a pyramid, level after level; return what sampling needs.

    The curves hold, for every level, each critic's estimate of the distance, the reconstruction and colour losses, the
    reconstruction's PSNR in dB (range 2) and the colour drift of a random sample.

    Args:
        part: what the pyramid is for.
        frames: (T, H, W, 3) uint8.
        config: settings.
        label: names the method in progress and errors.
        workdir: for the levels' states and curves.
        device: where to train.
        seed: of weights and draws.
        progress: watches the loops.

    Raises: MethodError if the clip is too short, too small, or too large for memory; if training runs away.
    """
    frames = frames[: config.train_frames]
    sides = check_clip(part, frames, config, label)
    video = to_video(frames, device=device)
    values, operations = estimate(part, len(frames), sides, config)

    def begin(index: int, below: Sequence[State]) -> PyramidLevel:
        small = resize(video, (len(frames), *sides[index])).clamp(-1, 1)
        return PyramidLevel(config, part, small, len(sides), below, seed=seed, device=device)

    levels = train_levels(
        begin,
        [(len(frames), *side) for side in sides],
        [config.steps_of(index) for index in range(len(sides))],
        config.adversarial,
        values=values,
        operations=operations,
        max_drift=config.max_drift,
        label=label,
        workdir=workdir,
        device=device,
        progress=progress,
    )
    return pack(levels)


def check_clip(part: PyramidPart, frames: Frames, config: PyramidConfig, label: str) -> list[Side]:
    """Sizes of the levels.

    Raises: MethodError if the clip is too short or too small.
    """
    count, height, width, _ = frames.shape
    needed = 2 if config.video_weight else 1
    if count < needed:
        remedy = "raise train_frames" if config.train_frames == count else "take a longer clip"
        raise MethodError(label, f"{count} frame to train on, a video needs {needed}", remedy)
    ladder = part.ladder(config)
    smallest = 2 * config.depth + 1 if config.padding == "once" else 3
    sides = ladder.sizes(height, width)
    if min(sides[0]) < smallest:
        raise MethodError(
            f"{label}, coarsest level of {sides[0][0]}x{sides[0][1]} (height, width)",
            f"is smaller than {smallest} pixels, what a critic of {config.depth} layers sees",
            "raise ladder.min_side or the clip's height",
        )
    if part.purpose == "super" and len(sides) < 2:
        raise MethodError(
            f"{label}, clip of {height}x{width} (height, width)",
            "the pyramid has one level, which adds nothing to a picture",
            "lower ladder.min_side or take a larger height",
        )
    return sides


def estimate(part: PyramidPart, frames: int, sides: Sequence[Side], config: PyramidConfig) -> tuple[float, list[float]]:
    """Numbers that the largest level keeps, and the work of every level in units of one step of the coarsest."""
    works, peaks, below = [], [], 0
    for level, side in enumerate(sides):
        window = config.window_of(level, len(sides), frames)
        shape = (1, 3, part.frames(window), *side)
        made = guards.forward_cost(lambda level=level: make_generator(config, level), shape)  # type: ignore[misc]
        judged = guards.Cost()
        for name, critic in make_critics(config, level).items():
            # The image critic sees all generated frames, in slow motion more than the window has (section 5.2).
            seen = (part.frames(window), 3, *side) if name == "image" else (1, 3, window, *side)
            judged += guards.forward_cost(lambda critic=critic: critic.to("meta"), seen)  # type: ignore[misc]
        penalty = 8 if config.critic_norm == "batch" else 4
        works.append(guards.adversarial_work(config.adversarial, made, judged, below, penalty=penalty))
        peaks.append(2 * made.values + 4 * judged.values)
        below += made.operations
    units = [work * config.steps_of(level) / works[0] for level, work in enumerate(works)]
    return max(peaks), units


__all__ = ["PyramidLevel", "check_clip", "estimate", "fit", "make_critics", "make_generator"]
