"""A level in training: networks, an optimiser for each side, the turns of a GAN's step, and what is kept."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from onereel.gan.networks import Critic, frozen, laid_out
from onereel.gan.settings import AdversarialConfig
from onereel.gan.statistics import DRIFT, colour_drift
from onereel.gan.wgan import critic_loss, descend, generator_loss
from onereel.training.execution import Precision, compiled, load_adam
from onereel.training.loop import generator_of

_STREAMS = 16  # streams of random numbers that a level has to itself
_START, _MEASURE = 1, 2  # streams besides the steps' own, 0; methods have theirs from 3 on


class TrainedLevel(ABC):
    """All that `onereel.gan.growth.Level` asks for but the step itself.

    Args:
        settings: of the optimisation.
        index: number of the level, 0 the coarsest.
        steps: of its training.
        places: how many first frames a window of the clip may have.
        seed: of the training.
        device: where.

    Attributes:
        networks: by name.
        sigma: amplitude of the noise that a random sample gets at this level.
    """

    sigma: float = 0.0

    def __init__(
        self,
        settings: AdversarialConfig,
        *,
        index: int,
        steps: int,
        places: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.settings, self.index, self.seed, self.device = settings, index, seed, device
        self._steps, self._places = steps, places
        self.precision = Precision(settings.precision, device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator_of(seed, index, _START).initial_seed())  # initialisers know no generator
            self.networks = self._make_networks()
        for network in self.networks.values():
            laid_out(network, device)
        self._adam = self._optimisers()
        run = compiled if settings.compile else (lambda network: network)
        self._run = {name: run(network) for name, network in self.networks.items()}

    @abstractmethod
    def _make_networks(self) -> dict[str, nn.Module]:
        """New networks by name, on the CPU, starting from the levels below."""

    @abstractmethod
    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        """One for each side, by name; ``slower`` in a group is a factor on its learning rate."""

    @abstractmethod
    def _window(self, start: int) -> Tensor:
        """The clip from frame `start` on, as this level sees it: (1, 3, T, H, W)."""

    @abstractmethod
    def _shown(self, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """A random sample, and the reconstruction of the window from frame 0 on: (3, T, H, W) each."""

    @abstractmethod
    def _kept(self) -> dict[str, Tensor]:
        """What `finished` holds besides weights and sigma."""

    @abstractmethod
    def update(self, step: int) -> Mapping[str, float | Tensor]:
        """Take one step; losses by name."""

    def _adam_of(self, groups: list[dict[str, Any]]) -> torch.optim.Adam:
        return torch.optim.Adam(groups, lr=self.settings.learning_rate, betas=self.settings.betas, fused=True)

    def _draws_of(self, step: int) -> torch.Generator:
        """The random numbers of a step."""
        return generator_of(self.seed, step, _STREAMS * (self.index + 1))

    def _set_rate(self, step: int) -> float:
        rate = self.settings.rate(step, self._steps)
        for optimiser in self._adam.values():
            for group in optimiser.param_groups:
                group["lr"] = rate * group.get("slower", 1.0)
        return rate

    def _pick(self, draws: torch.Generator) -> int:
        """First frame of a window."""
        return int(torch.randint(self._places, (), generator=draws))

    def measure(self) -> Mapping[str, float]:
        """``psnr`` of the reconstruction in dB (range 2), and the colour drift of a random sample."""
        for network in self.networks.values():
            network.eval()
        with torch.no_grad():
            sample, rebuilt = self._shown(generator_of(self.seed, 0, _MEASURE))
        for network in self.networks.values():
            network.train()
        real = self._window(0)[0]
        error = float((rebuilt.clamp(-1, 1) - real).square().mean())
        return {"psnr": 10 * float(torch.tensor(4 / max(error, 1e-12)).log10()), DRIFT: colour_drift(sample, real)}

    def state_dict(self) -> dict[str, Any]:
        """Networks and optimisers."""
        networks = {name: network.state_dict() for name, network in self.networks.items()}
        return {"networks": networks, "adam": {name: adam.state_dict() for name, adam in self._adam.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, adam in self._adam.items():
            load_adam(adam, state["adam"][name])

    def finished(self) -> dict[str, Tensor]:
        """Weights of all networks, the noise's amplitude, and what else the method keeps."""
        weights = {
            f"{name}.{key}": value
            for name, network in self.networks.items()
            for key, value in network.state_dict().items()
        }
        return {**weights, "sigma": torch.tensor(self.sigma, dtype=torch.float64), **self._kept()}


class GANLevel(TrainedLevel):
    """A generator and its critics, which take turns (WGAN-GP).

    The generator always makes two videos together: a random sample, which critics judge, and the reconstruction.
    """

    generator_name = "generator"
    """Of the network that generates; the others are critics."""

    @property
    def generator(self) -> nn.Module:
        """The network that generates."""
        return self.networks[self.generator_name]

    @property
    def critics(self) -> dict[str, Critic]:
        """Those that judge, by name."""
        return {name: network for name, network in self.networks.items() if name != self.generator_name}  # type: ignore[misc]

    def _optimisers(self) -> dict[str, torch.optim.Adam]:
        sides: dict[str, nn.Module] = {"generator": self.generator, **self.critics}
        return {name: self._adam_of([{"params": list(network.parameters())}]) for name, network in sides.items()}

    @abstractmethod
    def _draw(self, start: int, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Upsampled videos and the same with noise, (2, 3, T, H, W): of a random sample and of the reconstruction."""

    @abstractmethod
    def _make(self, up: Tensor, noisy: Tensor) -> Tensor:
        """What the generator makes of them: (2, 3, T, H, W)."""

    @abstractmethod
    def _view(self, name: str, video: Tensor) -> Tensor:
        """What a critic sees of a video, (1, 3, T, H, W)."""

    @abstractmethod
    def _own_loss(self, made: Tensor, real: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """What the generator minimises besides the critics' part, and its losses by name."""

    @abstractmethod
    def _weight(self, name: str) -> float:
        """Of a critic in the generator's loss."""

    def _column(self, name: str) -> str:
        """What the curves call a critic's estimate of the distance."""
        return f"critic_{name}"

    def update(self, step: int) -> Mapping[str, float | Tensor]:
        """Critics, then the generator; losses by name, those of critics being their estimate of the distance."""
        own, draws, rate = self.settings, self._draws_of(step), self._set_rate(step)
        penalty = own.penalty * own.penalty_every if step % own.penalty_every == 0 else 0.0
        values: dict[str, float | Tensor] = {}
        for turn in range(own.critic_steps):
            start = self._pick(draws)
            real = self._window(start)
            up, noisy = self._draw(start, draws)
            with torch.set_grad_enabled(turn == own.critic_steps - 1):
                made = self._make(up, noisy)
            for name, critic in self.critics.items():
                # Cached: spectral norm's weights are the same for all that one update looks at.
                with self.precision.context(), parametrize.cached():
                    loss, values[self._column(name)] = critic_loss(
                        critic,
                        self._view(name, real),
                        self._view(name, made[:1].detach()),
                        penalty=penalty,
                        at=own.penalty_at,
                        generator=draws,
                    )
                descend(self._adam[name], loss, own.limit(name))
        self._rest()
        for turn in range(own.generator_steps):
            if turn:
                made = self._make(up, noisy)
            loss, parts = self._generator_loss(made, real)
            descend(self._adam["generator"], loss, own.limit("generator"))
            values.update(parts)
        self._rest(over=True)
        return {**values, "learning_rate": rate}

    def _generator_loss(self, made: Tensor, real: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """What the generator minimises, and its own losses by name."""
        loss, parts = self._own_loss(made, real)
        with self.precision.context():
            for name, critic in self.critics.items():
                loss = loss + self._weight(name) * generator_loss(critic, self._view(name, made[:1]))
        return loss, parts

    def _rest(self, *, over: bool = False) -> None:
        """Critics neither learn nor change while the generator does; or they go on."""
        frozen(self.critics.values(), frozen=not over)
        for critic in self.critics.values():
            if not critic.norms:  # in evaluation spectral norm's iteration stands still; batch norm needs its batch
                critic.train(over)
