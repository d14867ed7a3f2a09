"""Settings of Dreamix. Defaults follow the paper; what its text lost in print is recalled, and marked with †."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from onereel.methods.base import MethodConfig, Task
from onereel.methods.dreamix.automatic import digest_of_choices
from onereel.training.settings import TrainingConfig

Stage = Literal["base", "spatial1", "spatial2"]
Camera = Literal[
    "still",
    "random",
    "pan left",
    "pan right",
    "pan up",
    "pan down",
    "zoom in",
    "zoom out",
    "rotate left",
    "rotate right",
]
AUTO: Literal["auto"] = "auto"
EDIT = frozenset({Task.EDIT_TEXT})
ANIMATE = frozenset({Task.ANIMATE_IMAGE})
SUBJECT = frozenset({Task.SUBJECT})


class DreamixConfig(MethodConfig):
    """Which model, how it is tuned on the input, how far the input is corrupted, how it is sampled."""

    sampling_only: ClassVar[frozenset[str]] = frozenset(
        {
            "between", "camera", "camera_amount", "edit_kind", "frames", "guidance_scale", "learned", "match_colours",
            "negative_prompt", "num_inference_steps", "overlap", "sampler", "source_prompt", "spatial_steps",
            "strength", "temporal_steps", "upscaler", "upscaler_strength",
        }
    )  # fmt: skip
    read_by: ClassVar[Mapping[str, frozenset[Task]]] = {
        "strength": EDIT | ANIMATE,
        **dict.fromkeys(("finetune_steps", "alpha", "source_prompt", "edit_kind", "learned"), EDIT),
        "frames_only_steps": ANIMATE | SUBJECT,
        **dict.fromkeys(("camera", "camera_amount", "between"), ANIMATE),
        "frames": ANIMATE | SUBJECT,
    }

    backbone: str = Field(default="t2v-world", min_length=1)
    """The pretrained model (section 3: Imagen Video, never published): a stand-in of the role text-to-video, or an
    entry of ``config/backbones.yaml``, by name."""

    strength: Annotated[float, Field(ge=0, le=1)] | Literal["auto"] = 0.95
    """s, time of the diffusion process to which the downsampled input is noised, for `edit_text` and `animate_image`: 0
    keeps all of it, 1 nothing (section 4.1). Best values: 0.4 to 0.85† without, 0.95 to 1† with fine-tuning (appendix
    A.3). ``auto``: s, `finetune_steps` and `alpha` as learned for this kind of edit (section 7)."""
    finetune_steps: int = Field(default=200, ge=0)
    """`edit_text`: steps of fine-tuning; 0: none. With `alpha` (appendix A.2): video only (64, 1), mixed (200, 0.65),
    mostly frames (300, 0.35)†."""
    alpha: float = Field(default=0.65, ge=0, le=1)
    """`edit_text`: weight of the video objective, 1 - alpha of the frames' (Eq. 4)."""
    frames_only_steps: int = Field(default=300, ge=0)
    """`animate_image`, `subject`: steps of fine-tuning, by frames alone (section 5: alpha = 0); 0: none. Appendix A.2:
    300†."""
    token: str = Field(default="sks", pattern=r"^\S+$")
    """The rare word that is the prompt in fine-tuning (section 4.2, after DreamBooth), and of a subject its name."""
    training: TrainingConfig = TrainingConfig(learning_rate=6e-6, drop_at=())
    """Fine-tuning: learning rate 6e-6† (appendix A.2: far below that of the model's own training); `batch`: videos of
    a step."""
    pictures: PositiveInt | None = None
    """Frames of a step of the frames' objective; None: as many as the model's videos have."""
    stages: tuple[Stage, ...] = ("base", "spatial1", "spatial2")
    """What is fine-tuned (appendix A.2: the base and the first two spatial super-resolutions). Latent models have a
    base alone."""
    adapter: Literal["full", "lora"] = "full"
    """Train all weights of a stage (the paper), or low-rank adapters beside them (Hu et al. 2022; not in the paper)."""
    lora_rank: PositiveInt = 16
    """Rank of the adapters."""

    num_inference_steps: int = Field(default=64, ge=1, le=1000)
    """Steps of the base from pure noise on; an edit takes the share `strength` of them (appendix A.1: 64†)."""
    spatial_steps: int = Field(default=128, ge=1, le=1000)
    """Steps of a spatial super-resolution (appendix A.1, of the first two: 128†)."""
    temporal_steps: int = Field(default=32, ge=1, le=1000)
    """Steps of a temporal super-resolution (appendix A.1: 32†)."""
    sampler: Literal["stochastic", "ddim"] = "stochastic"
    """DDIM with stochastic correction (appendix A.3), or without."""
    guidance_scale: float = Field(default=1.0, ge=1)
    """Classifier-free guidance of the base (appendix A.1: 1, none)."""
    negative_prompt: str = ""
    """What guidance leads away from; only read above a guidance of 1."""
    upscaler: str | None = None
    """A latent model that edits the result again, enlarged to its own size: Zeroscope XL after Zeroscope takes the
    place of the cascade's super-resolution. None: nothing."""
    upscaler_strength: float = Field(default=0.7, gt=0, le=1)
    """How far it noises that (Zeroscope XL's card: 0.66 to 0.85)."""
    overlap: float = Field(default=0.25, gt=0, lt=1)
    """Of clips that are longer or wider than the model's videos: share of a window that the next one sees, too."""
    match_colours: bool = True
    """Bring the colours of windows together where they overlap."""

    camera: Camera = "still"
    """`animate_image`: how the coarse video moves: the picture repeated, a named motion of the camera, or a random
    smooth sequence of perspective transforms (section 5)."""
    camera_amount: float = Field(default=0.2, gt=0, le=1)
    """`animate_image`: how far, over the whole video: pan: share of the picture's side; zoom: by a factor 1 + amount;
    rotate: share of a right angle; random: largest way of a corner, share of the sides."""
    between: Literal["cut", "dissolve"] = "cut"
    """`animate_image` from several pictures: each for its share of the time, or each dissolving into the next (section
    7 wishes for motion between two images)."""
    frames: PositiveInt | None = None
    """`animate_image`, `subject`: length of the sample; None: the model's own."""

    source_prompt: str = ""
    """`edit_text` with ``strength=auto``: what the clip shows; what the prompt says otherwise tells the edit's kind."""
    edit_kind: str = ""
    """`edit_text` with ``strength=auto``: the kind of edit, where it is not to be told from the prompts."""

    learned: str = ""
    """`edit_text` with ``strength=auto``: checksum of what was learned, filled in by itself: samples follow it."""

    @model_validator(mode="before")
    @classmethod
    def _of_what_was_learned(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("strength") == AUTO and not given.get("learned"):
            return {**given, "learned": digest_of_choices()}
        return given

    @field_validator("stages")
    @classmethod
    def _once(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        if len(set(stages)) < len(stages):
            raise ValueError("a stage stands twice; keep one of them")
        return stages

    @model_validator(mode="after")
    def _check(self) -> DreamixConfig:
        if not self.stages and (self.finetune_steps or self.frames_only_steps):
            raise ValueError("no stage is to be fine-tuned: name stages, or set the steps of fine-tuning to 0")
        return self

    @property
    def automatic(self) -> bool:
        """Whether strength, steps and alpha are as learned."""
        return self.strength == AUTO
