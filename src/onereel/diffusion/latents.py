"""The scale on which a diffusion model sees an autoencoder's latents."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LatentScale:
    """Latents for a diffusion model are ``(latents - shift) * factor``: centred, of spread 1, as the noise is.

    Attributes:
        factor: diffusers' ``scaling_factor`` (Stable Diffusion: 0.18215); a tensor where channels differ.
        shift: diffusers' ``shift_factor``; in the same way.
    """

    factor: float | Tensor = 1.0
    shift: float | Tensor = 0.0

    @classmethod
    def of(cls, latents: Tensor) -> "LatentScale":
        """The one that gives these latents mean 0 and spread 1 (Rombach et al. 2022, appendix G; one number for all
        channels). Their shape does not matter.
        """
        values = latents.double()
        return cls(factor=float(1 / values.std()), shift=float(values.mean()))

    def to_model(self, latents: Tensor) -> Tensor:
        """From the autoencoder to the diffusion model."""
        return (latents - self.shift) * self.factor

    def to_autoencoder(self, samples: Tensor) -> Tensor:
        """And back."""
        return samples / self.factor + self.shift
