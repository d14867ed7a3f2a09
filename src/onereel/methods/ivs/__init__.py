"""An edited first frame, propagated: SDEdit and "Interactive Video Stylization Using Few-Shot Patch-Based Training"
(Texler et al., ACM TOG 2020); a baseline of Gen-1 (Esser et al. 2023, section 4.2: "a first-frame result propagated by
a few-shot video stylization method [55] (IVS)").

| paper | code |
| --- | --- |
| Gen-1, 4.2: the first frame by SDEdit | `fit.fit`, `onereel.methods.sdedit` |
| Texler et al., 3.1: a translator trained on small patches of the key frame | `fit.learned`, `fit.patches` |
| 3.4: coloured Gaussians that move with the frames tell places apart | `translator.Translator.spots`, `carried` |
| every frame by itself, in any order | `IVS.edited` |

Where we differ: no perceptual loss (its network cannot be had everywhere) and no critic, but an error of edges; spots
move along optical flow instead of an as-rigid-as-possible registration; frames are not filtered in time beforehand; the
network adds to its frame, so that where nothing is edited nothing has to be learned, and has no normalisation over
space. Weights of one training edit all frames: the training's seed draws the edit, and every sample's seed gives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from onereel.methods.base import BACKBONES, CLIP, PROMPT, Artefacts, Inputs, Job, Part, Task
from onereel.methods.ivs.config import IVSConfig
from onereel.methods.sdedit.family import FrameEditor

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from onereel.methods.sdedit.editing import Editing
    from onereel.video.clip import Frames

__all__ = ["IVS", "METHOD", "IVSConfig"]

_PART = "translator"


class IVS(FrameEditor):
    """The first frame by SDEdit; a network trained on it edits the others."""

    name = "ivs"
    title = "First frame propagated (IVS)"
    paper = "Texler et al., Interactive Video Stylization Using Few-Shot Patch-Based Training, ACM TOG 2020"
    trained_by = ("methods.ivs.fit",)
    Config = IVSConfig

    def requires(self, task: Task, config: IVSConfig) -> Artefacts:
        """The clip's flow, where spots move along it."""
        return {(CLIP, "flow"): ""} if config.gaussians else {}

    def parts(self, task: Task, config: IVSConfig) -> Mapping[str, Part]:
        """The translator, of this clip and this prompt."""
        return {_PART: Part(reads=frozenset({CLIP, PROMPT, BACKBONES}))}

    def fit(self, part: str, inputs: Inputs, config: IVSConfig, job: Job) -> Mapping[str, torch.Tensor]:
        """See `fit.fit`."""
        from onereel.methods.ivs.fit import fit

        return fit(inputs, config, job)

    def sample_many(
        self, task: Task, inputs: Inputs, config: IVSConfig, seeds: Sequence[int], job: Job
    ) -> list[Frames]:
        """The one sample of the translator, for every seed."""
        drawn = super().sample_many(task, inputs, config, seeds[:1], job)
        return [drawn[0].copy() for _ in seeds]

    def edited(self, editing: Editing, config: IVSConfig, generator: Any) -> Tensor:
        """See `FrameEditor.edited`; the model of pictures is not needed any more."""
        import torch
        from safetensors.torch import load_file

        from onereel.methods.ivs.translator import Translator, carried

        network = Translator(config.channels, config.blocks, config.gaussians)
        network.load_state_dict(load_file(editing.job.models[_PART]))
        network = network.eval().to(editing.job.device)
        places = carried(editing.backward_flow).to(editing.job.device) if config.gaussians else None
        found = [
            network(editing.pictures[part], None if places is None else network.spots(places[part], config.spread))
            for part in editing.batches()
        ]
        return torch.cat(found).clamp(-1, 1)


METHOD = IVS()
