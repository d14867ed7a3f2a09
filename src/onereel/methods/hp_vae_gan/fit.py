"""Training of HP-VAE-GAN's levels: first an autoencoder that grows, then GAN levels on its frozen output."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from onereel.clip import Frames, to_video
from onereel.gan import guards
from onereel.gan.growth import Level, State, device_state, finished_levels, grow
from onereel.gan.networks import channels_last, frozen, laid_out
from onereel.gan.statistics import DRIFT, colour_drift
from onereel.gan.wgan import critic_loss, descend, generator_loss
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
from onereel.progress import Progress
from onereel.pyramid import Size
from onereel.training.descent import Precision, compiled
from onereel.training.loop import generator_of

_STREAMS = 16  # streams of random numbers that a level has to itself
_START, _MEASURE, _AMPLITUDE = 1, 2, 3  # streams besides the steps' own, 0


class _HPLevel(ABC):
    """What both kinds of levels share: the clip's windows, networks and optimisers.

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
        self.config, self.sizes, self.seed, self.device = config, tuple(sizes), seed, device
        self.index = len(below)
        self.video = video.to(device)
        self.networks: dict[str, nn.Module] = {}
        self.precision = Precision(config.adversarial.precision, device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator_of(seed, self.index, _START).initial_seed())  # initialisers know no generator
            self._make_networks(below)
        for network in self.networks.values():
            laid_out(network, device)
        self._adam = self._optimisers()
        run = compiled if config.adversarial.compile else (lambda network: network)
        self._run = {name: run(network) for name, network in self.networks.items()}
        self.sigma = self._amplitude()

    @abstractmethod
    def _make_networks(self, below: Sequence[State]) -> None:
        """Fill `networks`, starting from the levels below."""

    @abstractmethod
    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        """One for each side, by name."""

    def _amplitude(self) -> float:
        """Of the noise that a random sample gets at this level; measured before its first step."""
        return 0.0

    @abstractmethod
    def _generate(self, generator: torch.Generator, start: int) -> tuple[Tensor, Tensor]:
        """A random sample and the reconstruction of the window from frame `start` on, (1, 3, T, H, W) each."""

    def _adam_of(self, groups: list[dict[str, Any]]) -> torch.optim.Adam:
        own = self.config.adversarial
        return torch.optim.Adam(groups, lr=own.learning_rate, betas=own.betas, fused=True)

    def _pick(self, draws: torch.Generator) -> int:
        """First frame of a window."""
        return int(torch.randint(self.video.shape[1] - self.config.window + 1, (), generator=draws))

    def real(self, level: int, start: int) -> Tensor:
        """A window of the clip as a level sees it: (1, 3, T, H, W)."""
        rate = self.config.rate_of(level, len(self.sizes))
        window = self.video[None, :, start : start + self.config.window : rate]
        return to_size(window, self.sizes[level])

    def _set_rate(self, step: int) -> float:
        rate = self.config.adversarial.rate(step, self.config.steps_of(self.index))
        for optimiser in self._adam.values():
            for group in optimiser.param_groups:
                group["lr"] = rate * group.get("slower", 1.0)
        return rate

    def measure(self) -> Mapping[str, float]:
        """``psnr`` of the reconstruction in dB (range 2), and the colour drift of a random sample."""
        for network in self.networks.values():
            network.eval()
        with torch.no_grad(), self.precision.context():
            sample, rebuilt = self._generate(generator_of(self.seed, 0, _MEASURE), 0)
        for network in self.networks.values():
            network.train()
        real = self.real(self.index, 0)
        error = float((rebuilt - real).square().mean())
        psnr = 10 * float(torch.tensor(4 / max(error, 1e-12)).log10())
        return {"psnr": psnr, DRIFT: colour_drift(sample[0], real[0])}

    def state_dict(self) -> dict[str, Any]:
        """Networks and optimisers."""
        networks = {name: network.state_dict() for name, network in self.networks.items()}
        return {"networks": networks, "adam": {name: adam.state_dict() for name, adam in self._adam.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, adam in self._adam.items():
            adam.load_state_dict(state["adam"][name])

    def finished(self) -> dict[str, Tensor]:
        """Weights of the networks, the noise's amplitude and the size."""
        kept = {
            f"{name}.{key}": value
            for name, network in self.networks.items()
            for key, value in network.state_dict().items()
        }
        sigma = torch.tensor(self.sigma, dtype=torch.float64)
        return {**kept, "sigma": sigma, "size": torch.tensor(self.sizes[self.index])}


class AutoencoderLevel(_HPLevel):
    """A level of the patch-VAE: the newest generator trains with encoder and decoder, which learn slower the more
    levels there are; older generators stay as they are."""

    def _make_networks(self, below: Sequence[State]) -> None:
        self.networks = {"encoder": Encoder(self.config), "decoder": Decoder(self.config)}
        self.networks |= {f"refiner_{level:02d}": Refiner(self.config) for level in range(1, self.index + 1)}
        if not below:
            return
        newest = f"refiner_{self.index:02d}"
        for name, network in self.networks.items():
            # A new level starts as a copy of the one below; the first generator has none.
            source = name if name != newest else f"refiner_{self.index - 1:02d}"
            if state := device_state(below[-1], torch.device("cpu"), source):
                network.load_state_dict(state)

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
        draws = generator_of(self.seed, step, _STREAMS * (self.index + 1))
        rate = self._set_rate(step)
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

    def _generate(self, generator: torch.Generator, start: int) -> tuple[Tensor, Tensor]:
        mean, _ = self._run["encoder"](self.real(0, start))
        latent = torch.randn(mean.shape, generator=generator).to(self.device)
        return self._through(latent)[1], self._through(mean)[1]


class AdversarialLevel(_HPLevel):
    """A GAN level on the frozen levels below, with a 3D patch critic."""

    def _make_networks(self, below: Sequence[State]) -> None:
        self._below = Hierarchy.of(below, self.config, self.device)
        self._name = f"refiner_{self.index:02d}"
        self.networks = {self._name: Refiner(self.config), "critic": make_critic(self.config)}
        former = {self._name: f"refiner_{self.index - 1:02d}", "critic": "critic"}
        for name, source in former.items():
            if state := device_state(below[-1], torch.device("cpu"), source):
                self.networks[name].load_state_dict(state)

    def _amplitude(self) -> float:
        """A share of the RMSE of what the level rebuilds, averaged over windows that follow each other."""
        starts = range(0, self.video.shape[1] - self.config.window + 1, self.config.window)
        draws = generator_of(self.seed, self.index, _AMPLITUDE)
        generator = copy.deepcopy(self.networks[self._name])  # batch norm would remember what it sees here
        errors = []
        for start in starts:
            up = self._up(draws, start)[1:]
            with torch.no_grad(), self.precision.context():
                errors.append(float(functional.mse_loss(generator(up, up), self.real(self.index, start))) ** 0.5)
        return self.config.noise_amplitude * sum(errors) / len(errors)

    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        sides = {"generator": self._name, "critic": "critic"}
        return {
            side: self._adam_of([{"params": list(self.networks[name].parameters())}]) for side, name in sides.items()
        }

    def update(self, step: int) -> Mapping[str, float | Tensor]:
        """The critic, then the generator."""
        own, critic = self.config.adversarial, self.networks["critic"]
        draws = generator_of(self.seed, step, _STREAMS * (self.index + 1))
        rate = self._set_rate(step)
        penalty = own.penalty * own.penalty_every if step % own.penalty_every == 0 else 0.0
        for turn in range(own.critic_steps):
            start = self._pick(draws)
            real = self.real(self.index, start)
            up, noisy = self._draw(draws, start)
            with torch.set_grad_enabled(turn == own.critic_steps - 1):
                made = self._make(up, noisy)
            # Cached: spectral norm's weights are the same for all that one update looks at.
            with self.precision.context(), parametrize.cached():
                seen = channels_last(real), channels_last(made[:1].detach())
                loss, distance = critic_loss(critic, *seen, penalty=penalty, at=own.penalty_at, generator=draws)  # type: ignore[arg-type]
            descend(self._adam["critic"], loss, own.limit("critic"))
        frozen([critic.eval()])  # in evaluation, spectral norm's own iteration stands still
        for turn in range(own.generator_steps):
            if turn:
                made = self._make(up, noisy)
            rebuilt = functional.mse_loss(made[1:], real)
            with self.precision.context():
                fooled = generator_loss(critic, channels_last(made[:1]))  # type: ignore[arg-type]
            loss = fooled + self.config.reconstruction_weight * rebuilt
            descend(self._adam["generator"], loss, own.limit("generator"))
        frozen([critic.train()], frozen=False)
        return {"critic": distance, "reconstruction": rebuilt.detach(), "learning_rate": rate}

    def _draw(self, draws: torch.Generator, start: int) -> tuple[Tensor, Tensor]:
        """Upsampled videos and the same with noise, (2, 3, T, H, W): of a random sample and of the reconstruction."""
        up = self._up(draws, start)
        return up, with_noise(up, self.sigma, draws)

    def _up(self, draws: torch.Generator, start: int) -> Tensor:
        below = self._below.sample_and_rebuild(self.config, self.real(0, start), self.sizes[: self.index], draws)
        return to_size(below, self.sizes[self.index])

    def _make(self, up: Tensor, noisy: Tensor) -> Tensor:
        with self.precision.context():
            made: Tensor = self._run[self._name](up, noisy)
        return made

    def _generate(self, generator: torch.Generator, start: int) -> tuple[Tensor, Tensor]:
        sample, rebuilt = self._make(*self._draw(generator, start)).split(1)
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
    needed = guards.peak_memory(values, config.adversarial.precision, device)
    guards.check_memory(needed, device, "hp_vae_gan")

    def begin(index: int, below: Sequence[State]) -> Level:
        kind: Callable[..., Level] = AutoencoderLevel if index < config.vae_levels else AdversarialLevel
        return kind(config, video, sizes, below, seed=seed, device=device)

    if (finished := finished_levels(workdir)) < len(sizes):
        trial = begin(0, [])
        guards.announce("hp_vae_gan", sizes, needed, operations, lambda: trial.update(0), device, finished)
    steps = [config.steps_of(index) for index in range(len(sizes))]
    kept = grow(steps, begin, workdir=workdir, progress=progress, label="hp_vae_gan", max_drift=config.max_drift)
    return pack(kept, config)


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
