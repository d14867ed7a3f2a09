"""Gen-1: Esser, Chiu, Atighehchian, Granskog and Germanidis, "Structure and Content-Guided Video Synthesis with
Diffusion Models", ICCV 2023.

No code or weights of it were ever published. Section 3, sentence for sentence:

| paper | code |
| --- | --- |
| 3.1, Eq. 1 to 5, noise, its removal, the loss | `onereel.diffusion.process`, `training.denoising_loss` |
| 3.1, v-parameterisation | `onereel.backbones.latent.PROCESS` |
| 3.1, latents of four channels; 3.2, a fixed autoencoder, frame by frame | `model.Gen1Model.encode`, `.decode` |
| 3.2, temporal layers for videos only, all others shared | `onereel.backbones.video_unet.VideoUNet`, `video=` |
| 3.2, one after each 2D convolution of a residual block | `video_unet.layers.TemporalConvolution` |
| 3.2, one after each spatial transformer, which it mimics | `video_unet.layers.TemporalTransformer` |
| 3.2, learnable encodings of the frame's index | `TemporalTransformer.position` |
| 3.3, Eq. 6: structure and content from the training video | `training.draw_batch`, `.denoising_loss` |
| 3.3, Eq. 7: from a video and a prompt at inference | `edit.edited` |
| 3.3, content: CLIP's image embedding of a random frame | `training.draw_batch` |
| 3.3, a prior from text to image embeddings | `content.Contents`, `onereel.backbones.prior.ImagePrior` |
| 3.3, structure: depth of all frames by MiDaS DPT-Large | `structure.signal_of`, the clip's depth artefact |
| 3.3, edge filters, which carry textures | setting `structure` |
| 3.3, t_s rounds of blurring and downsampling, resampled | `structure.coarsened` |
| 3.3, encoded by the autoencoder | `structure.structure_latents` |
| 3.3, concatenated with z_t, with four channels of t_s | `model.Gen1Model.read_structure` |
| 3.3, cross-attention on the image embedding | `model.Given.content`: one token |
| 3.3, DDIM | `onereel.diffusion.samplers.ddim` |
| 3.3, guidance of content; Eq. 8 | `onereel.diffusion.guidance.temporal_weights`, `model.Gen1Model.guided` |
| 3.4, four stages | `onereel.standins.gen1` on worlds, `footage` on anybody's, preset `paper` |
| the same of published parts, nothing trained | `public`, preset `public` |
| 4.1, masked edits | `masks`, `edit.keeping` |
| 4.1, image prompts | input `content` |
| 4.4, customisation: half of a batch is of the subject | `customise` |

What the paper leaves open, and what we chose:

- New temporal layers are the identity at first (their last weights are zero), and new input channels count nothing:
  training goes on from the image model. A test holds that the inflated model equals it.
- The second attention of a spatial transformer reads the condition; that of its temporal mirror is a second one over
  frames.
- The image embedding is one token of cross-attention, with CLIP's own length, as in ``sd-image-variations``, which is
  stage 1 as others published it. Left out in 10 % of the training (Ho and Salimans 2022); then it is zeros.
- Depth has one scale for a clip, never for a frame: else it flickers where something near comes into view.
- A round of blurring shrinks by r with r^7 = shorter side / 4: seven halvings of 64 would leave half a pixel.
- The autoencoder has also seen grey depth pictures (`latent-world`), or it would encode them badly.
- lambda_t is the min-SNR weight (Hang et al. 2023): after short training no noise level rules.
- Eq. 8 writes x_t and z_t for the same latents. Predictions that count nothing (omega_t = 1: the image model) are not
  computed. With a negative prompt its embedding stands for the empty content in both models.
- Windows: see `windows`. The paper's clips are as long as its model sees.
- Frames between those of a stride: see `Gen1Config.stride`.
- Masked edits keep the source's own latents, noised to each step, where all pixels of a latent are kept; after decoding
  every kept pixel is copied from the source, so it comes out bit by bit as it went in.
- Customisation trains all weights, subjects as pictures (the temporal layers learn nothing of stills), originals as
  videos, t_s from 0 to 7 as in stage 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from onereel.base.errors import MethodError
from onereel.methods import check_inputs, check_task
from onereel.methods.base import BACKBONES, CLIP, INPUTS, Artefacts, BaseMethod, Inputs, Job, Part, Task
from onereel.methods.gen1.config import Gen1Config
from onereel.methods.gen1.sheet import shard_names
from onereel.methods.roles import Roles
from onereel.video.clip import Clip, Frames

if TYPE_CHECKING:
    import torch

__all__ = ["METHOD", "Gen1", "Gen1Config"]

CUSTOMISED = "customised"
"""The part that customisation trains."""
FOOTAGE, STAGES = "footage", ("stage1", "stage2", "stage3", "stage4")
"""A model that is trained on the user's footage, and the parts that are trained for it, one after the other."""
PUBLIC = "public"
"""A model of published parts."""


class Gen1(BaseMethod):
    """Redraws a clip: its structure stays, its content comes from a text or a picture."""

    name = "gen1"
    title = "Gen-1"
    paper = "Esser et al., Structure and Content-Guided Video Synthesis with Diffusion Models, ICCV 2023"
    tasks = frozenset({Task.EDIT_STRUCTURE, Task.EDIT_MASKED, Task.CUSTOMISE})
    roles: ClassVar[Mapping[Task, Roles]] = {
        Task.EDIT_STRUCTURE: Roles.of("content", needed=False, prompt="optional"),
        Task.EDIT_MASKED: Roles.of("keep edit", prompt="optional").also("content", needed=False),
        Task.CUSTOMISE: Roles.of(folders="images", prompt="optional").also("content", needed=False),
    }
    trained_by = ("methods.gen1.customise", "methods.gen1.footage")
    Config = Gen1Config

    def requires(self, task: Task, config: Gen1Config) -> Artefacts:
        """The clip's depth."""
        return {(CLIP, "depth"): ""} if config.structure == "depth" else {}

    def backbones(self, task: Task, config: Gen1Config) -> tuple[str, ...]:
        """The video model, the autoencoder of its image model, CLIP, the prior; to customise, what estimates depth. Of
        the model `public`, its parts and the prior."""
        if config.model == PUBLIC:
            parts = config.public
            return (config.image_model, parts.motion, parts.control, parts.text, config.prior)
        own = () if config.model == FOOTAGE else (config.model,)
        trains = task == Task.CUSTOMISE or config.model == FOOTAGE
        depth = ("depth",) if trains and config.structure == "depth" else ()
        return (*own, config.image_model, config.clip, config.prior, *depth)

    def parts(self, task: Task, config: Gen1Config) -> Mapping[str, Part]:
        """The customised model, of the pictures alone: it edits any clip. Of a model of the user's footage what is
        computed once of it, and the four stages: they read no clip and are trained once."""
        if config.model == FOOTAGE:
            shards = shard_names(config.footage)
            own = frozenset({BACKBONES})
            befores = [(*shards, *STAGES[max(index - 1, 0) : index]) for index in range(len(STAGES))]
            return dict.fromkeys(shards, Part(reads=own)) | {
                stage: Part(needs=needs, reads=own) for stage, needs in zip(STAGES, befores, strict=True)
            }
        return {CUSTOMISED: Part(reads=frozenset({INPUTS, BACKBONES}))} if task == Task.CUSTOMISE else {}

    def check(self, task: Task, inputs: Inputs, config: Gen1Config, job: Job) -> None:
        """Refuse a run without content or with two, masks that do not fit, pictures that cannot be read."""
        from onereel.methods.gen1.content import IMAGES, check_content, read_pictures
        from onereel.methods.gen1.masks import read_kept
        from onereel.methods.gen1.public import check as check_public
        from onereel.methods.gen1.public import weights_of

        check_inputs(self, task, inputs.clips, inputs.files)
        if config.model in (FOOTAGE, PUBLIC) and task == Task.CUSTOMISE:
            raise MethodError("gen1, task 'customise'", "tunes shipped models only", "choose another model")
        if config.model == FOOTAGE and not shard_names(config.footage):
            raise MethodError(f"'{config.footage.sheet}'", "holds no footage", "add videos and folders of pictures")
        check_content(self.name, task, inputs, config)
        if task == Task.EDIT_MASKED:
            read_kept(inputs)
        if IMAGES in inputs.files:
            read_pictures(inputs)
        if config.model == PUBLIC:
            check_public(weights_of(config, job), inputs, config, job)

    def fit(self, part: str, inputs: Inputs, config: Gen1Config, job: Job) -> Mapping[str, torch.Tensor]:
        """Train on pictures of a subject, or on footage; see `customise.fit`, `footage.train_stage`."""
        from onereel.methods.gen1 import customise, footage

        if part == CUSTOMISED:
            return customise.fit(inputs, config, job)
        return footage.train_stage(part, config, job) if part in STAGES else footage.make_shard(part, config, job)

    def sample_many(
        self, task: Task, inputs: Inputs, config: Gen1Config, seeds: Sequence[int], job: Job
    ) -> list[Frames]:
        """The clip, redrawn, of its own size and length, for every seed.

        Raises: MethodError, ClipError as `check`; WeightsError for models that are not there.
        """
        from onereel.methods.gen1.content import Contents
        from onereel.methods.gen1.edit import edited, read_source
        from onereel.methods.gen1.masks import read_kept
        from onereel.methods.gen1.public import load_editor, reader_of

        check_task(self, task)
        self.check(task, inputs, config, job)
        model = load_editor(config, job)
        source = read_source(model, inputs, config, read_kept(inputs) if task == Task.EDIT_MASKED else None)
        contents = Contents(inputs, config, job, reader_of(model))
        return [
            edited(model, source, contents.of(seed), contents.avoided(seed), config, seed, progress=job.progress)
            for seed in seeds
        ]

    def guides(self, task: Task, inputs: Inputs, config: Gen1Config) -> Mapping[str, Clip]:
        """The content; the structure as the model reads it, with its t_s; what a mask keeps, the rest purple."""
        from onereel.methods.gen1.masks import EDIT, KEEP, read_kept
        from onereel.methods.gen1.masks import shown as shown_kept
        from onereel.methods.gen1.structure import shown as shown_structure

        found = dict(super().guides(task, inputs, config))
        if (CLIP, "depth") in inputs.artefacts or config.structure == "edges":
            found[f"{config.structure}, t_s = {config.structure_level}"] = shown_structure(inputs, config)
        if task == Task.EDIT_MASKED:
            for role in (KEEP, EDIT):
                found.pop(role, None)
            found["kept (purple is made anew)"] = shown_kept(inputs.clip, read_kept(inputs))
        return found


METHOD = Gen1()
