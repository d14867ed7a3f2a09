"""Plug-and-Play, frame by frame: Tumanyan et al., "Plug-and-Play Diffusion Features for Text-Driven Image-to-Image
Translation", CVPR 2023; a baseline of Dreamix (Molad et al. 2023, section 6.2).

| paper | code |
| --- | --- |
| 3: DDIM inversion of the source | `editing.PlugAndPlayed.inverted`, `onereel.diffusion.samplers.ddim_inversion` |
| 4.1: the source's features of layer 4, for t > tau_f | `injection.Layer.features`, `config.PlugAndPlayConfig.tau_f` |
| 4.2: its self-attention, for t > tau_A | `injection.Layer.attentions`, `config.PlugAndPlayConfig.tau_a` |
| 4: both read off the source's own denoising at every step | `editing.PlugAndPlayed.predict` |
| Dreamix, 6.2: "on each frame independently" | frames share nothing, and there is no noise to share |

What is injected, and where, follows the authors' code: features before the block's shortcut is added, queries and keys
instead of their product, both for the prompt and for the negative one. Layers are counted on the U-Net's way up, so a
smaller one than Stable Diffusion's has its own third. Where we differ: nothing is drawn, so all seeds give one sample;
the negative prompt counts the same at all steps (the authors' alpha = 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onereel.base.errors import MethodError
from onereel.methods.base import Inputs, Job, Task
from onereel.methods.plug_and_play.config import PlugAndPlayConfig
from onereel.methods.sdedit.family import FrameEditor

if TYPE_CHECKING:
    from torch import Tensor

    from onereel.methods.sdedit.editing import Editing
    from onereel.video.clip import Frames

__all__ = ["METHOD", "PlugAndPlay", "PlugAndPlayConfig"]


class PlugAndPlay(FrameEditor):
    """Every frame inverted, and denoised towards the prompt with its own features and attention. Nothing is trained."""

    name = "plug_and_play"
    title = "Plug-and-Play per frame"
    paper = "Tumanyan et al., Plug-and-Play Diffusion Features for Text-Driven Image-to-Image Translation, CVPR 2023"
    Config = PlugAndPlayConfig

    def check(self, task: Task, inputs: Inputs, config: PlugAndPlayConfig, job: Job) -> None:
        """Refuse layers that the model does not have, too."""
        from onereel.backbones.text_to_image import text_to_image_of

        super().check(task, inputs, config, job)
        weights = job.backbone(config.backbone)
        about = text_to_image_of(weights).about_of(weights)
        for setting in ("feature_layer", "attention_from"):
            if (value := getattr(config, setting)) is not None and value >= about.layers:
                problem = f"'{about.name}' has {about.layers} layers"
                raise MethodError(f"{self.name}, {setting} {value}", problem, f"choose 0 to {about.layers - 1}")

    def sample_many(
        self, task: Task, inputs: Inputs, config: PlugAndPlayConfig, seeds: Sequence[int], job: Job
    ) -> list[Frames]:
        """The one sample that there is, for every seed."""
        drawn = super().sample_many(task, inputs, config, seeds[:1], job)
        return [drawn[0].copy() for _ in seeds]

    def edited(self, editing: Editing, config: PlugAndPlayConfig, generator: Any) -> Tensor:
        """See `FrameEditor.edited`."""
        import torch

        from onereel.methods.plug_and_play.editing import PlugAndPlayed

        editor = PlugAndPlayed(editing, config)
        return editing.decode(torch.cat([editor.edited(part) for part in editing.batches()]))


METHOD = PlugAndPlay()
