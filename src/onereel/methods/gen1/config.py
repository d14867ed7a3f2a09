"""Settings of Gen-1. Defaults are the paper's where it has a number; what it leaves open says why it is as it is.

Needs no torch: the workflow reads it.
"""

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from onereel.methods.base import MethodConfig, Task

STRUCTURE_LEVELS = 7
"""T_s, the largest t_s (section 3.4: t_s is sampled uniformly between 0 and 7)."""
Structure = Literal["depth", "edges"]


class CustomiseConfig(MethodConfig):
    """Fine-tuning on pictures of a subject (section 4.4)."""

    steps: PositiveInt = 200
    """Training steps; more give more of the subject and less of the driving video (Fig. 10; the paper's numbers of
    steps are in none of its texts)."""
    batch: int = Field(default=16, ge=2, multiple_of=2)
    """Pictures of the subject in a step, and as many frames of the original data (section 4.4: half of the batch)."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Of Adam (the paper names none; a tenth of what the network was trained with forgets little)."""
    originals: int = Field(default=64, ge=1)
    """Clips of the original data that the other half is drawn from."""


class FootageConfig(MethodConfig):
    """Training on footage of one's own (section 3.4)."""

    sheet: str = "config/footage.tsv"
    """Videos and folders of pictures, one a line, with paths from where the command or workflow runs."""
    per_shard: PositiveInt = 200
    """Lines whose latents, depth and content are computed together, once, as a part of their own."""
    steps: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (15_000, 75_000, 25_000, 10_000)
    """Of the four stages: pictures alone; with temporal layers; with structure at t_s = 0; at t_s from 0 to 7."""
    picture_batch: PositiveInt = 9216
    """Pictures of a step without time."""
    video_batch: PositiveInt = 1152
    """Videos of a step."""
    picture_share: float = Field(default=0.125, ge=0, le=1)
    """How often a step of the later stages is one of pictures (section 3.4: 12.5 %)."""
    frames: int = Field(default=8, ge=2)
    """Of a video in training."""
    stride: PositiveInt = 4
    """Frames of the footage from one to the next."""
    buckets: tuple[tuple[PositiveInt, PositiveInt], ...] = ((320, 320), (384, 320), (320, 384), (448, 256), (256, 448))
    """Widths and heights of pictures, in pixels (320x320, 384x320, 448x256, and flipped)."""
    video_bucket: tuple[PositiveInt, PositiveInt] = (448, 256)
    """Width and height of videos, in pixels."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Of Adam (the paper names none; diffusers' fine-tuning of Stable Diffusion: 1e-4)."""
    dropped: float = Field(default=0.1, ge=0, lt=1)
    """Share of the videos whose content is left out, for guidance (the paper names none; Ho and Salimans 2022: 0.1)."""
    accumulate: PositiveInt = 1
    """Parts that a step's batch is computed in, one after the other, so that it fits into memory; under torchrun,
    processes share them (`onereel.training.processes`)."""


class PublicConfig(MethodConfig):
    """Published parts that edit together where `model` is `public`; `image_model` is then one of the family
    image-variations. They were never trained together, so a smaller `temporal_scale` than the paper's does."""

    motion: str = Field(default="animatediff-v1-5-3", min_length=1)
    """What sees time: one of the family motion-adapter."""
    control: str = Field(default="controlnet-depth", min_length=1)
    """What reads structure: one of the family controlnet."""
    text: str = Field(default="stable-diffusion-1.5", min_length=1)
    """Whose text encoder says the empty prompt, which is all that `control` reads of a text."""
    conditioning_scale: float = Field(default=1.0, ge=0)
    """How much structure counts (diffusers' pipelines: 1)."""


class VideoEditorConfig(MethodConfig):
    """What every editor has that edits with a video model of contents (Gen-1, and its baseline without structure)."""

    image_model: str = Field(default="latent-world", min_length=1)
    """The latent diffusion model that it grew from, whose autoencoder is used: `latent-world`, or one of the family
    stable-diffusion; for the model `public` one of the family image-variations."""
    clip: str = Field(default="clip-world", min_length=1)
    """The CLIP model whose image embeddings are the content; the model `public` brings its own."""
    prior: str = Field(default="prior-world", min_length=1)
    """What makes an image embedding of a prompt (section 3.3): `prior-world`, which goes with `clip-world`, or
    `karlo-prior`, which goes with OpenAI's ViT-L/14."""
    prior_steps: int = Field(default=25, ge=1, le=1000)
    """Of the prior's denoising (unCLIP, Ramesh et al. 2022: as few as 25 do)."""
    prior_guidance: float = Field(default=1.0, ge=1)
    """The prior's guidance; 1 is none (Karlo's pipeline: 4)."""
    guidance_scale: float = Field(default=3.0, ge=0)
    """omega of Eq. 8: how much the content is exaggerated (the paper names none)."""
    temporal_scale: float = Field(default=1.0, ge=0)
    """omega_t of Eq. 8: 0 predicts frame by frame, 1 is the video model, 1.5 is smoother, 0.5 looks hand-drawn
    (Fig. 4)."""
    negative_prompt: str = ""
    """What guidance leads away from, instead of from no content."""
    num_inference_steps: int = Field(default=25, ge=1, le=1000)
    """Of DDIM (section 3.3; the paper names no number)."""
    content_frame: int = 0
    """Which frame of the input `content` is the content, where it is a video; negative ones count from the end."""
    side: int | None = Field(default=64, ge=16)
    """Pixels of the shorter side with which the clip is edited; the result is brought back to the clip's size. None:
    the clip's own. What the model was trained with: 64 on worlds, 256 in the paper."""
    window: int = Field(default=16, ge=1)
    """Frames that the model sees at once; longer clips are covered by overlapping windows. What it was trained with: 16
    on worlds, 8 in the paper."""
    stride: PositiveInt = 1
    """Frames of the clip from one frame of a window to the next: 1 on worlds, 4 in the paper. Above 1, every second
    step of the denoising takes neighbours instead, so that the frames between those of a window follow it."""
    tile: int = Field(default=64, ge=16)
    """Pixels of a window's sides; longer sides are covered by overlapping windows."""
    overlap: float = Field(default=0.25, ge=0, lt=1)
    """Least share of a window that its neighbour sees, too."""
    match_colours: bool = True
    """Shift the predictions of windows so that their means agree where they overlap."""
    batch: PositiveInt = 96
    """Frames that go through the network at once, at least those of one window's predictions; bounds memory."""


class Gen1Config(VideoEditorConfig):
    """Every constant of Gen-1."""

    model: str = Field(default="gen1-world", min_length=1)
    """The video model: `gen1-world`, which this project trained on its scenes; `footage`: one that is trained from
    `image_model` on footage of yours, once for all clips; or `public`: published parts, see `public`."""
    public: PublicConfig = PublicConfig()
    """What the model `public` is made of besides."""
    footage: FootageConfig = FootageConfig()
    """How a model is trained on footage (section 3.4)."""
    structure: Structure = "depth"
    """What represents structure. Edges carry textures, too (section 3.3), for comparison: a model of its own."""
    customise: CustomiseConfig = CustomiseConfig()
    """`customise`: how the model is fine-tuned."""

    sampling_only: ClassVar[frozenset[str]] = frozenset(
        {
            "batch",
            "content_frame",
            "guidance_scale",
            "match_colours",
            "negative_prompt",
            "num_inference_steps",
            "overlap",
            "prior",
            "prior_guidance",
            "prior_steps",
            "public",
            "side",
            "stride",
            "structure_level",
            "temporal_scale",
            "tile",
            "window",
        }
    )
    read_by: ClassVar[dict[str, frozenset[Task]]] = {"customise": frozenset({Task.CUSTOMISE})}

    structure_level: int = Field(default=0, ge=0, le=STRUCTURE_LEVELS)
    """t_s: how many times the structure is blurred and made smaller; 0 keeps all of it, 7 leaves 4 pixels on the
    shorter side (section 3.3)."""

    @model_validator(mode="after")
    def _check(self) -> "Gen1Config":
        if self.structure == "edges" and self.model == "gen1-world" and self.structure_level:
            raise ValueError("gen1-world knows edges at structure_level 0 only")
        if self.structure == "edges" and self.model == "public":
            raise ValueError("the model public reads depth only")
        return self
