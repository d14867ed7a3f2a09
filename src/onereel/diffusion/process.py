"""The forward process of a diffusion model, and what a network's answer means (Ho et al. 2020).

Samples are tensors of any rank, (B, ...): pictures, videos, latents. Where a function takes a `level`, it is
sqrt(alpha-bar), one for each sample of the batch, and need not be that of a step: some networks are trained with noise
between two steps (Chen et al. 2021, WaveGrad, 3.3). Levels may be float64, as `Process.levels` are, whatever the
samples: float32 rounds away a thousandth of the noise of the first of a thousand steps.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from onereel.diffusion.settings import ProcessConfig


class Process:
    """A diffusion with T steps, numbered 0 (hardly any noise) to T - 1 (only noise).

    Args:
        config: schedule and prediction type.

    Attributes:
        levels: (T + 1,) float64, sqrt(alpha-bar): 1 for the clean sample, then after each step.
    """

    def __init__(self, config: ProcessConfig) -> None:
        self.config = config
        kept = self.scheduler.alphas_cumprod.double()
        self.levels = torch.cat([torch.ones(1, dtype=torch.float64), kept]).sqrt()

    @cached_property
    def scheduler(self) -> Any:
        """diffusers' DDPM scheduler of this process, as the reverse process takes it; it holds the steps to take."""
        from diffusers.schedulers.scheduling_ddpm import DDPMScheduler  # seconds; only jobs that diffuse need it

        config = self.config
        scale = 1000 / config.num_train_timesteps
        return DDPMScheduler(
            num_train_timesteps=config.num_train_timesteps,
            beta_schedule={"cosine": "squaredcos_cap_v2"}.get(config.beta_schedule, config.beta_schedule),
            beta_start=config.beta_start or 1e-4 * scale,
            beta_end=config.beta_end or min(0.02 * scale, 0.999),
            prediction_type=config.prediction_type,
            rescale_betas_zero_snr=config.rescale_betas_zero_snr,
            variance_type="fixed_small",  # posterior variance
            clip_sample=config.clip_sample,
            timestep_spacing="trailing",  # fewer steps than T start from pure noise, too
        )

    def draw_timesteps(self, count: int, generator: torch.Generator) -> Tensor:
        """Steps 0..T-1, each as likely: (count,) int64."""
        return torch.randint(self.config.num_train_timesteps, (count,), generator=generator)

    def level_of(self, timestep: int) -> float:
        """sqrt(alpha-bar) after a step; 1 for -1, before the first."""
        return float(self.levels[timestep + 1])

    def draw_levels(self, timesteps: Tensor, generator: torch.Generator) -> Tensor:
        """Noise levels, uniform between sqrt(alpha-bar) of a step and of the one before: (B,) float32."""
        share = torch.rand(len(timesteps), generator=generator, dtype=torch.float64)
        low, high = self.levels[timesteps + 1], self.levels[timesteps]
        return (low + share * (high - low)).float()

    def add_noise(self, sample: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """sqrt(alpha-bar) x0 + sqrt(1 - alpha-bar) noise (Ho et al. 2020, Eq. 4; SinFusion, Eq. 1).

        Args:
            sample: (B, ...), clean.
            noise: the same shape, standard normal.
            level: (B,) sqrt(alpha-bar), in [0, 1].
        """
        kept, added = _shares(level, sample)
        return kept * sample + added * noise

    def target(self, sample: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """What the network should say."""
        match self.config.prediction_type:
            case "sample":
                return sample
            case "epsilon":
                return noise
            case "v_prediction":
                kept, added = _shares(level, sample)
                return kept * noise - added * sample

    def to_sample(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """The clean sample that the network's answer means, clamped where the settings ask for it."""
        kept, added = _shares(level, noisy)
        match self.config.prediction_type:
            case "sample":
                result = output
            case "epsilon":
                result = (noisy - added * output) / kept.clamp(min=1e-8)
            case "v_prediction":
                result = kept * noisy - added * output
        return result.clamp(-1, 1) if self.config.clip_sample else result

    def to_epsilon(self, output: Tensor, noisy: Tensor, level: Tensor) -> Tensor:
        """The noise that the network's answer means."""
        kept, added = _shares(level, noisy)
        match self.config.prediction_type:
            case "sample":
                return (noisy - kept * output) / added.clamp(min=1e-8)
            case "epsilon":
                return output
            case "v_prediction":
                return kept * output + added * noisy

    def min_snr_weight(self, level: Tensor, gamma: float = 5.0) -> Tensor:
        """Weight of a squared error so that no noise level rules the training (Hang et al. 2023, "Min-SNR", Eq. 6).

        The paper weighs errors of x0 by min(SNR, gamma); the same error of epsilon is SNR times as large, that of v
        SNR + 1 times.

        Args:
            level: (B,) sqrt(alpha-bar).
            gamma: > 0 (section 3.4: 5).

        Returns: (B,).
        """
        kept = level.double() ** 2
        noise = (1 - kept).clamp(min=1e-12)
        snr = kept / noise
        weight = snr.clamp(max=gamma)
        match self.config.prediction_type:
            case "epsilon":
                weight = weight / snr.clamp(min=1e-12)
            case "v_prediction":
                weight = weight / (snr + 1)
        return weight.to(level)

    def noised(self, sample: Tensor, steps: int, generators: Sequence[torch.Generator]) -> Tensor:
        """Samples after `steps` steps (0..T) of the forward process: where an edit starts (Meng et al. 2022, SDEdit).

        Of a process with falling `timesteps` (`onereel.diffusion.samplers.timesteps_of`, which takes a strength),
        ``timesteps[0] + 1`` steps are those that its first one takes back.
        """
        level = torch.full((len(sample),), self.level_of(steps - 1))
        return self.add_noise(sample, noise_like(sample, generators), level)


def noise_like(samples: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Standard normal noise of that shape; each sample draws from its own CPU generator, whatever the device."""
    shape = samples.shape[1:]
    return torch.stack([torch.randn(shape, generator=generator) for generator in generators]).to(samples.device)


def _shares(level: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Factors of the clean sample and of the noise, (B, 1, ...) each."""
    kept = level.reshape(-1, *(1,) * (like.ndim - 1))
    added = (1 - kept**2).clamp(min=0).sqrt()
    return kept.to(like), added.to(like)
