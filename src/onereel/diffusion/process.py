"""The forward and the reverse process of a DDPM (Ho et al. 2020), through diffusers' scheduler.

Own code is only what diffusers has not: noise levels drawn between two steps (Chen et al. 2021, WaveGrad, 3.3), which
some networks read instead of a step's number, and draws that belong to one sample each, so that a sample is the same
alone and in a batch.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from onereel.diffusion.settings import ProcessConfig
from onereel.progress import Progress, no_progress

Predict = Callable[[Tensor, int], Tensor]
"""``predict(noisy, step)``: what the network says of a batch (B, C, H, W) at one step."""


class Process:
    """A DDPM with T steps, numbered 0 (hardly any noise) to T - 1 (only noise).

    Args:
        config: schedule and target.

    Attributes:
        levels: (T + 1,) float64, sqrt(alpha-bar): 1 for the clean picture, then after each step.
    """

    def __init__(self, config: ProcessConfig) -> None:
        from diffusers.schedulers.scheduling_ddpm import DDPMScheduler  # seconds; only jobs that diffuse need it

        self.config = config
        scale = 1000 / config.steps
        self._scheduler = DDPMScheduler(
            num_train_timesteps=config.steps,
            beta_schedule={"linear": "linear", "cosine": "squaredcos_cap_v2"}[config.schedule],
            beta_start=1e-4 * scale,
            beta_end=min(0.02 * scale, 0.999),
            prediction_type={"x0": "sample", "noise": "epsilon", "velocity": "v_prediction"}[config.target],
            variance_type="fixed_small",  # posterior variance
            clip_sample=True,  # predictions clamped to [-1, 1] at every step
            timestep_spacing="trailing",  # fewer steps than T start from pure noise, too
        )
        kept = self._scheduler.alphas_cumprod.double()
        self.levels = torch.cat([torch.ones(1, dtype=torch.float64), kept]).sqrt()

    def draw_steps(self, count: int, generator: torch.Generator) -> Tensor:
        """Steps 0..T-1, each as likely: (count,) int64."""
        return torch.randint(self.config.steps, (count,), generator=generator)

    def level_of(self, step: int) -> float:
        """sqrt(alpha-bar) after step `step`."""
        return float(self.levels[step + 1])

    def draw_levels(self, steps: Tensor, generator: torch.Generator) -> Tensor:
        """Noise levels, uniform between sqrt(alpha-bar) of a step and of the one before: (B,) float32."""
        share = torch.rand(len(steps), generator=generator, dtype=torch.float64)
        low, high = self.levels[steps + 1], self.levels[steps]
        return (low + share * (high - low)).float()

    def noisy(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """sqrt(alpha-bar) x0 + sqrt(1 - alpha-bar) noise (SinFusion, Eq. 1).

        Args:
            clean: (B, C, H, W) in [-1, 1].
            noise: the same shape, standard normal.
            level: (B,) sqrt(alpha-bar), in [0, 1].
        """
        kept, added = _shares(level, clean)
        return kept * clean + added * noise

    def wanted(self, clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """What the network should say."""
        match self.config.target:
            case "x0":
                return clean
            case "noise":
                return noise
            case "velocity":
                kept, added = _shares(level, clean)
                return kept * noise - added * clean

    def clean(self, said: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """The clean picture that the network's answer means, clamped to [-1, 1]."""
        kept, added = _shares(level, noisy)
        match self.config.target:
            case "x0":
                result = said
            case "noise":
                result = (noisy - added * said) / kept.clamp(min=1e-4)
            case "velocity":
                result = kept * noisy - added * said
        return result.clamp(-1, 1)

    def denoise(
        self,
        predict: Predict,
        start: Tensor,
        generators: Sequence[torch.Generator],
        *,
        begin: int | None = None,
        steps: int | None = None,
        progress: Progress = no_progress,
        label: str = "denoising",
    ) -> Tensor:
        """The reverse process: posterior mean and variance, no noise at the last step.

        Args:
            predict: the network.
            start: (B, C, H, W), noise, or pictures that were noised to step `begin` - 1 (see `noised`).
            generators: one for each sample of the batch, on the CPU.
            begin: how many steps lie before the clean picture; None: all of them.
            steps: with None for `begin`: take only so many steps, evenly spread; None: every one.

        Returns: (B, C, H, W) in [-1, 1].
        """
        self._scheduler.set_timesteps(min(steps or self.config.steps, self.config.steps))
        times = [int(time) for time in self._scheduler.timesteps]
        if begin is not None:
            self._scheduler.set_timesteps(self.config.steps)
            times = list(range(begin))[::-1]
        current = start
        for time in progress(times, total=len(times), label=label):
            said = predict(current, time).float()
            current = self._scheduler.step(said, time, current, generator=list(generators)).prev_sample
        return current.clamp(-1, 1)

    def noised(self, clean: Tensor, begin: int, generators: Sequence[torch.Generator]) -> Tensor:
        """Pictures after `begin` steps (1..T) of the forward process."""
        level = torch.full((len(clean),), self.level_of(begin - 1))
        return self.noisy(clean, noise_like(clean, generators), level)


def _shares(level: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Factors of the clean picture and of the noise, (B, 1, 1, 1) each."""
    kept = level.to(like).reshape(-1, 1, 1, 1)
    return kept, (1 - kept**2).clamp(min=0).sqrt()


def noise_like(pictures: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Standard normal noise of that shape; each sample draws from its own CPU generator, whatever the device."""
    shape = pictures.shape[1:]
    return torch.stack([torch.randn(shape, generator=generator) for generator in generators]).to(pictures.device)
