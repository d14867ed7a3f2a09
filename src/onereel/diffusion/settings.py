"""Settings of a diffusion process, in the words of diffusers. Needs no torch: sheets are read with it."""

from typing import Literal

from pydantic import Field, model_validator

from onereel.base.settings import Settings

PredictionType = Literal["sample", "epsilon", "v_prediction"]


class ProcessConfig(Settings):
    """How much noise a step adds, and what the network is trained to say."""

    num_train_timesteps: int = Field(default=50, ge=2, le=10_000)
    """T, steps from picture to noise (SinFusion, Algorithm 1: 50; Ho et al. 2020: 1000)."""
    beta_schedule: Literal["linear", "scaled_linear", "cosine"] = "cosine"
    """`linear`: betas evenly from `beta_start` to `beta_end`; `scaled_linear`: their roots are (latent diffusion,
    Rombach et al. 2022); `cosine`: Nichol and Dhariwal 2021, s = 0.008, betas <= 0.999 (diffusers:
    ``squaredcos_cap_v2``)."""
    beta_start: float | None = Field(default=None, gt=0, lt=1)
    """Of the first step; None: 1e-4 times 1000 / T (Ho et al. 2020; latent diffusion: 0.00085). Not of `cosine`."""
    beta_end: float | None = Field(default=None, gt=0, lt=1)
    """Of the last step; None: 0.02 times 1000 / T, at most 0.999 (latent diffusion: 0.012). Not of `cosine`."""
    rescale_betas_zero_snr: bool = False
    """Shift the schedule so that the last step is pure noise (Lin et al. 2024, Algorithm 1); the network then cannot
    say the noise."""
    prediction_type: PredictionType = "sample"
    """What the network predicts: the clean sample x0 (SinFusion, Eq. 3), the noise (Eq. 2), or sqrt(alpha-bar) noise -
    sqrt(1 - alpha-bar) x0 (Salimans and Ho 2022), which is the noise where there is little and the picture where there
    is much, so that after short training neither little noise blurs nor much noise drifts."""
    clip_sample: bool = True
    """Clamp what the network takes for the clean sample to [-1, 1]: right for pixels, wrong for latents."""

    @model_validator(mode="after")
    def _check(self) -> "ProcessConfig":
        if self.beta_schedule == "cosine" and (self.beta_start is not None or self.beta_end is not None):
            raise ValueError("beta_start and beta_end mean nothing for beta_schedule cosine")
        if self.rescale_betas_zero_snr and self.prediction_type == "epsilon":
            raise ValueError(
                "with rescale_betas_zero_snr the network cannot say epsilon: of pure noise it tells nothing"
            )
        if (self.beta_start or 0) > (self.beta_end or 1):
            raise ValueError(f"beta_start {self.beta_start} is above beta_end {self.beta_end}")
        return self
