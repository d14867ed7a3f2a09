"""Training of HP-VAE-GAN's levels: first an autoencoder that grows, then GAN levels on its frozen output."""

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.base.progress import Progress
from onereel.gan import guards
from onereel.gan.growth import Level, State, device_state, train_levels
from onereel.gan.level import GANLevel, TrainedLevel
from onereel.gan.networks import channels_last, frozen
from onereel.gan.wgan import descend
from onereel.methods.hp_vae_gan.config import HPVAEGANConfig
from onereel.methods.hp_vae_gan.networks import (
    Decoder,
    Encoder,
    Hierarchy,
    Refiner,
    make_critic,
    pack,
    to_size,
    with_noise,
)
from onereel.training.loop import generator_of
from onereel.video.clip import Frames, to_video
from onereel.video.pyramid import Size

_AMPLITUDE = 3  # stream of random numbers that the noise's amplitude is measured with


class _HPLevel(TrainedLevel):
    """What both kinds of levels share: the clip's windows, and the levels below.

    Args:
        config: settings.
        video: (3, T, H, W), the clip.
        sizes: (T, H, W) of every level for one window.
        below: the finished levels.
        seed: of the training.
        device: where.
    """

    def __init__(
        self,
        config: HPVAEGANConfig,
        video: Tensor,
        sizes: Sequence[Size],
        below: Sequence[State],
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        self.config, self.sizes, self._states = config, tuple(sizes), below
        self.video = video.to(device)
        steps, places = config.steps_of(len(below)), video.shape[1] - config.window + 1
        super().__init__(config.adversarial, index=len(below), steps=steps, places=places, seed=seed, device=device)
        self.sigma = self._amplitude()

    def _amplitude(self) -> float:
        """Of the noise that a random sample gets at this level; measured before its first step."""
        return 0.0

    def real(self, level: int, start: int) -> Tensor:
        """A window of the clip as a level sees it: (1, 3, T, H, W)."""
        rate = self.config.rate_of(level, len(self.sizes))
        window = self.video[None, :, start : start + self.config.window : rate]
        return to_size(window, self.sizes[level])

    def _window(self, start: int) -> Tensor:
        return self.real(self.index, start)

    def _former(self, name: str) -> State:
        """Weights of a network of the level below; empty if it has none."""
        return device_state(self._states[-1], torch.device("cpu"), name)

    def _kept(self) -> dict[str, Tensor]:
        """The size."""
        return {"size": torch.tensor(self.sizes[self.index])}


class AutoencoderLevel(_HPLevel):
    """A level of the patch-VAE: the newest generator trains with encoder and decoder, which learn slower the more
    levels there are; older generators stay as they are."""

    def _make_networks(self) -> dict[str, nn.Module]:
        networks: dict[str, nn.Module] = {"encoder": Encoder(self.config), "decoder": Decoder(self.config)}
        networks |= {f"refiner_{level:02d}": Refiner(self.config) for level in range(1, self.index + 1)}
        newest = f"refiner_{self.index:02d}"
        for name, network in networks.items() if self._states else ():
            # A new level starts as a copy of the one below; the first generator has none.
            if state := self._former(name if name != newest else f"refiner_{self.index - 1:02d}"):
                network.load_state_dict(state)
        return networks

    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        refiners = [network for name, network in self.networks.items() if name.startswith("refiner")]
        frozen(refiners[:-1])
        groups: list[dict[str, Any]] = [{"params": list(network.parameters())} for network in refiners[-1:]]
        for name in ("encoder", "decoder"):
            slower = self.config.slower_below**self.index
            groups.append({"params": list(self.networks[name].parameters()), "slower": slower})
        return {"generator": self._adam_of(groups)}

    def update(self, step: int) -> Mapping[str, float | Tensor]:
        """One step on reconstruction and divergence."""
        config = self.config
        draws, rate = self._draws_of(step), self._set_rate(step)
        start = self._pick(draws)
        coarse, real = self.real(0, start), self.real(self.index, start)
        with self.precision.context():
            mean, log_variance = self._run["encoder"](coarse)
            noise = torch.randn(mean.shape, generator=draws).to(self.device)
            decoded, made = self._through(mean + noise * (0.5 * log_variance).exp())
        rebuilt = functional.mse_loss(made, real)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        error = rebuilt + functional.mse_loss(decoded, coarse)
        loss = config.reconstruction_weight * error + config.kl_weight * divergence
        descend(self._adam["generator"], loss, config.adversarial.limit("generator"))
        return {"reconstruction": rebuilt.detach(), "divergence": divergence.detach(), "learning_rate": rate}

    def _through(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """What the decoder and what the newest level make of a latent."""
        decoded = made = self._run["decoder"](latent)
        for level in range(1, self.index + 1):
            up = to_size(made, self.sizes[level])
            made = self._run[f"refiner_{level:02d}"](up, up)
        return decoded, made

    def _shown(self, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        with self.precision.context():
            mean, _ = self._run["encoder"](self.real(0, 0))
            latent = torch.randn(mean.shape, generator=draws).to(self.device)
            return self._through(latent)[1][0], self._through(mean)[1][0]


class AdversarialLevel(_HPLevel, GANLevel):
    """A GAN level on the frozen levels below, with a 3D patch critic."""

    def _make_networks(self) -> dict[str, nn.Module]:
        self._below, self.generator_name = (
            Hierarchy.of(self._states, self.config, self.device),
            f"refiner_{self.index:02d}",
        )
        networks = {self.generator_name: Refiner(self.config), "critic": make_critic(self.config)}
        for name, former in ((self.generator_name, f"refiner_{self.index - 1:02d}"), ("critic", "critic")):
            if state := self._former(former):
                networks[name].load_state_dict(state)
        return networks

    def _amplitude(self) -> float:
        """A share of the RMSE of what the level rebuilds, averaged over windows that follow each other."""
        starts = range(0, self.video.shape[1] - self.config.window + 1, self.config.window)
        draws = generator_of(self.seed, self.index, _AMPLITUDE)
        generator = copy.deepcopy(self.generator)  # batch norm would remember what it sees here
        errors = []
        for start in starts:
            up = self._up(start, draws)[1:]
            with torch.no_grad(), self.precision.context():
                errors.append(float(functional.mse_loss(generator(up, up), self._window(start))) ** 0.5)
        return self.config.noise_amplitude * sum(errors) / len(errors)

    def _draw(self, start: int, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        up = self._up(start, draws)
        return up, with_noise(up, self.sigma, draws)

    def _up(self, start: int, draws: torch.Generator) -> Tensor:
        below = self._below.sample_and_rebuild(self.config, self.real(0, start), self.sizes[: self.index], draws)
        return to_size(below, self.sizes[self.index])

    def _make(self, up: Tensor, noisy: Tensor) -> Tensor:
        with self.precision.context():
            made: Tensor = self._run[self.generator_name](up, noisy)
        return made

    def _view(self, name: str, video: Tensor) -> Tensor:
        return channels_last(video)

    def _own_loss(self, made: Tensor, real: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        rebuilt = functional.mse_loss(made[1:], real)
        return self.config.reconstruction_weight * rebuilt, {"reconstruction": rebuilt.detach()}

    def _weight(self, name: str) -> float:
        return 1.0

    def _column(self, name: str) -> str:
        return name

    def _shown(self, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        sample, rebuilt = self._make(*self._draw(0, draws))
        return sample, rebuilt


def fit(
    frames: Frames,
    config: HPVAEGANConfig,
    *,
    workdir: Path,
    device: torch.device,
    seed: int,
    progress: Progress,
) -> dict[str, Tensor]:
    """Train all levels; return what sampling needs.

    Args:
        frames: (T, H, W, 3) uint8, at least as many as `config.window`.
        config: settings.
        workdir: for the levels' states and curves.
        device: where to train.
        seed: of weights and draws.
        progress: watches the loops.

    Raises: MethodError if the clip is too short, too small, or too large for memory; if training runs away.
    """
    count, height, width, _ = frames.shape
    sizes = config.sizes((count, height, width), config.window)
    video = to_video(frames, device=device)
    values, operations = estimate(sizes, config)

    def begin(index: int, below: Sequence[State]) -> Level:
        kind: Callable[..., Level] = AutoencoderLevel if index < config.vae_levels else AdversarialLevel
        return kind(config, video, sizes, below, seed=seed, device=device)

    levels = train_levels(
        begin,
        sizes,
        [config.steps_of(index) for index in range(len(sizes))],
        config.adversarial,
        values=values,
        operations=operations,
        max_drift=config.max_drift,
        label="hp_vae_gan",
        workdir=workdir,
        device=device,
        progress=progress,
    )
    return pack(levels, config)


def estimate(sizes: Sequence[Size], config: HPVAEGANConfig) -> tuple[float, list[float]]:
    """Numbers that the largest level keeps, and the work of every level in units of one step of the coarsest."""
    below = 0
    works: list[float] = []
    peaks: list[float] = []
    for level, size in enumerate(sizes):
        made = guards.forward_cost(lambda: Refiner(config).layers, (1, 3, *size))
        judged = guards.forward_cost(lambda: make_critic(config), (1, 3, *size))
        if level < config.vae_levels:
            below += 2 * made.operations if level == 0 else made.operations  # encoder and decoder at the coarsest
            works.append(3 * below)
            peaks.append(made.values * (level + 2))
            continue
        works.append(guards.adversarial_work(config.adversarial, made, judged, 2 * below, penalty=4))
        peaks.append(2 * made.values + 4 * judged.values)
        below += made.operations
    units = [work * config.steps_of(level) / works[0] for level, work in enumerate(works)]
    return max(peaks), units
