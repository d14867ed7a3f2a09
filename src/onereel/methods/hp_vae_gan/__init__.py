"""HP-VAE-GAN: Gur, Benaim and Wolf, "Hierarchical Patch VAE-GAN: Generating Diverse Videos from a Single Sample",
NeurIPS 2020. The baseline of VGPNN's Table 1.

| what | code |
| --- | --- |
| widths from 32 pixels to the clip's, every 4th, 3rd, 2nd and each frame | `config.HPVAEGANConfig.sizes` |
| encoder, decoder, generators, critic | `networks`, `onereel.gan.networks.Critic` |
| the first levels: a variational autoencoder that grows by a generator a level | `fit.AutoencoderLevel` |
| further levels: WGAN-GP and reconstruction on the frozen output below | `fit.AdversarialLevel` |
| random samples: the latent from N(0, I), noise of 0.1 RMSE at GAN levels | `networks.Hierarchy.sample` |

Numbers follow the authors' public code. Where we differ, or had to choose:

- The finest level has the clip's own size (theirs is 256 wide).
- Random sample and reconstruction go through a generator together; frozen levels use batch norm's running statistics.
- Of GAN levels only the newest trains; one update of either side a step; a new critic starts from the one below.
- One window a step, where theirs takes two by default. The noise's amplitude is the mean over windows that follow each
  other, theirs that of the first batch. The norm that is clipped is that of what trains, theirs of all generators.
- Initial weights are PyTorch's. Spectral norm is on all layers of encoder and critic but those that say mean, variance
  and score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from onereel.methods import check_task
from onereel.methods.base import BaseMethod, Inputs, Job, Part, Task
from onereel.methods.hp_vae_gan.config import HPVAEGANConfig
from onereel.video.clip import Frames, to_frames

if TYPE_CHECKING:
    import torch

    from onereel.video.pyramid import Size

__all__ = ["HPVAEGAN", "METHOD", "HPVAEGANConfig"]


class HPVAEGAN(BaseMethod):
    """A patch-VAE at coarse levels, patch-GANs above; frame rate and size grow together."""

    name = "hp_vae_gan"
    title = "HP-VAE-GAN"
    paper = "Gur, Benaim and Wolf, Hierarchical Patch VAE-GAN, NeurIPS 2020"
    tasks = frozenset({Task.GENERATE})
    trained_by = ("methods.hp_vae_gan.fit",)
    Config = HPVAEGANConfig

    def parts(self, task: Task, config: HPVAEGANConfig) -> Mapping[str, Part]:
        """One hierarchy of levels."""
        return {"hierarchy": Part()}

    def check(self, task: Task, inputs: Inputs, config: HPVAEGANConfig, job: Job) -> None:
        """Refuse a clip that is too short or small, and samples that are too small or too large for memory."""
        from onereel.gan.guards import check_output

        config.sizes(inputs.clip.size, config.window)
        frames, height, width = _sizes(inputs, config)[-1]
        check_output(self.name, (frames, height, width), config.channels, frames, job.device)

    def fit(self, part: str, inputs: Inputs, config: HPVAEGANConfig, job: Job) -> Mapping[str, torch.Tensor]:
        """Train all levels; see `fit.fit`."""
        from onereel.methods.hp_vae_gan.fit import fit

        place = {"workdir": job.workdir, "device": job.device, "seed": job.seed, "progress": job.progress}
        return fit(inputs.clip.frames, config, **place)  # type: ignore[arg-type]

    def sample_many(
        self, task: Task, inputs: Inputs, config: HPVAEGANConfig, seeds: Sequence[int], job: Job
    ) -> list[Frames]:
        """Random videos, as long as the clip or as the settings say, one after the other.

        Raises: MethodError for another task, or settings that do not fit the clip.
        """
        import torch

        from onereel.methods.hp_vae_gan.networks import Hierarchy

        check_task(self, task)
        self.check(task, inputs, config, job)
        hierarchy = Hierarchy.load(job.models["hierarchy"], config, job.device)
        sizes = _sizes(inputs, config)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        return [to_frames(hierarchy.sample(config, sizes, generator)[0]) for generator in generators]


def _sizes(inputs: Inputs, config: HPVAEGANConfig) -> list[Size]:
    """(T, H, W) of every level of a sample."""
    length, tall, wide = config.output_scale
    frames = config.frames or max(1, round(inputs.clip.size[0] * length))
    return [
        (count, max(1, round(height * tall)), max(1, round(width * wide)))
        for count, height, width in config.sizes(inputs.clip.size, frames)
    ]


METHOD = HPVAEGAN()
