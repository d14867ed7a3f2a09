"""WGAN-GP (Gulrajani et al. 2017) with patch critics, as SinGAN, SinGAN-GIF (Eq. 4) and HP-VAE-GAN use it."""

from typing import Literal

import torch
from torch import Tensor, nn

from onereel.gan.networks import Critic


def gradient_penalty(critic: Critic, points: Tensor) -> Tensor:
    """Mean over positions of (||gradient|| - 1)^2 (Eq. 4).

    The gradient is that of the summed scores, its norm is over the three channels of each position (SinGAN's and
    HP-VAE-GAN's code): so it does not depend on how large the picture is, which that of a mean score would.

    Args:
        critic: whose.
        points: (B, 3, [T,] H, W) where it is taken; no gradient flows back to them.
    """
    gradient = critic.input_gradient(points.detach()).float()
    # A norm has no derivative at zero, where a critic of dead units would otherwise give NaN.
    return ((gradient.square().sum(dim=1) + 1e-12).sqrt() - 1).square().mean()


def mixtures(real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """Points between real and generated, one random weight for each of the batch (Gulrajani et al., Algorithm 1)."""
    share = torch.rand((len(real),) + (1,) * (real.ndim - 1), generator=generator).to(real.device)
    return torch.lerp(fake, real, share)


def critic_loss(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    *,
    penalty: float,
    at: Literal["mixture", "fake"],
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """What the critic minimises, and its estimate of the distance E[D(real)] - E[D(fake)].

    Args:
        critic: in training.
        real: (B, 3, [T,] H, W).
        fake: (B', 3, [T,] H, W); where B' is not B, the penalty looks at B of them, evenly spread.
        penalty: lambda; 0 leaves the penalty out, so that it costs nothing.
        at: see `onereel.gan.settings.AdversarialConfig.penalty_at`.
        generator: on the CPU; draws the mixtures.
    """
    fake = fake.detach()
    if critic.norms:  # batch statistics are of real or of generated samples, not of both
        scores_real, scores_fake = critic(real), critic(fake)
    else:
        scores_real, scores_fake = critic(torch.cat([real, fake])).split([len(real), len(fake)])
    distance = scores_real.float().mean() - scores_fake.float().mean()
    loss = -distance
    if penalty:
        chosen = fake[torch.linspace(0, len(fake) - 1, len(real)).round().long().to(fake.device)]
        points = chosen if at == "fake" else mixtures(real, chosen, generator)
        loss = loss + penalty * gradient_penalty(critic, points)
    return loss, distance.detach()


def descend(optimiser: torch.optim.Optimizer, loss: Tensor, limit: float | None) -> None:
    """One step of an optimiser down a loss, with a gradient of norm `limit` at most over all of its parameters."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if limit:
        nn.utils.clip_grad_norm_([each for group in optimiser.param_groups for each in group["params"]], limit)
    optimiser.step()


def generator_loss(critic: Critic, fake: Tensor) -> Tensor:
    """-E[D(fake)]: what the generator minimises against one critic."""
    return -critic(fake).float().mean()
