"""What a method is: the interface that the workflow, the command line and the report see.

Imports nothing heavy: the workflow reads every method's settings each time it is parsed, on every node of a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from onereel.base.errors import ClipError
from onereel.base.settings import Settings

if TYPE_CHECKING:
    import torch

    from onereel.base.progress import Progress
    from onereel.video.clip import Clip, Frames
    from onereel.video.pyramid import Pyramid
    from onereel.weights.store import Resolved


class Task(StrEnum):
    """What a run asks of a method."""

    GENERATE = "generate"
    RETARGET = "retarget"
    EXTRAPOLATE = "extrapolate"
    UPSAMPLE_TIME = "upsample_time"
    INPAINT = "inpaint"
    ANALOGY = "analogy"
    SKETCH = "sketch"
    SLOW_MOTION = "slow_motion"
    LENGTHEN = "lengthen"
    COMPOSE = "compose"
    SUPER_RESOLVE = "super_resolve"
    MOTION_TRANSFER = "motion_transfer"
    IMAGE = "image"
    EDIT_TEXT = "edit_text"
    ANIMATE_IMAGE = "animate_image"
    SUBJECT = "subject"
    EDIT_STRUCTURE = "edit_structure"
    EDIT_MASKED = "edit_masked"
    CUSTOMISE = "customise"


LARGEST_SEED = 2**63 - 1
"""Seeds are whole numbers from 0 on that torch takes."""

EDITS = frozenset({Task.EDIT_TEXT, Task.EDIT_STRUCTURE, Task.EDIT_MASKED, Task.CUSTOMISE})
"""Tasks whose samples keep the motion of their source."""


@dataclass(frozen=True)
class Roles:
    """Further inputs of a task, of which a run gives one.

    Attributes:
        clips: roles that a clip fills (``role=clip:NAME``).
        files: roles that a file fills (``role=FILE``); a role may be in both.
        needed: False where the task does without, too.
    """

    clips: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    needed: bool = True

    @classmethod
    def of(cls, either: str = "", *, clips: str = "", files: str = "", needed: bool = True) -> Roles:
        """From names with spaces between them; `either`: a clip or a file will do."""
        both = either.split()
        return cls(frozenset(both + clips.split()), frozenset(both + files.split()), needed)


class MethodConfig(Settings):
    """Base of every method's settings."""

    sampling_only: ClassVar[frozenset[str]] = frozenset()
    """Fields that training does not read: runs that differ in nothing else share their trained parts."""

    guards: ClassVar[frozenset[str]] = frozenset()
    """Fields that may stop a training and change nothing about one that goes on: they make no other trained part."""

    read_by: ClassVar[Mapping[str, frozenset[Task]]] = {}
    """Fields that only these tasks read; set for another task, they are refused instead of doing nothing."""

    ignored_by: ClassVar[Mapping[str, frozenset[Task]]] = {}
    """Fields, of nested models with a dot, that every task reads but these; refused in the same way."""

    def trained_with(self) -> dict[str, Any]:
        """What trained parts depend on, JSON-ready; validates to a config of the same class."""
        return self.model_dump(mode="json", exclude=set(self.sampling_only | self.guards))

    def for_training(self) -> dict[str, Any]:
        """The same with `guards`: what a training reads."""
        return self.model_dump(mode="json", exclude=set(self.sampling_only))


@dataclass(frozen=True)
class Inputs:
    """What a method may read.

    Attributes:
        clip: the clip of the run.
        pyramid: its space-time pyramid, where `Method.requires` asked for one.
        clips: further clips by role, e.g. ``{"style": ...}`` for an analogy.
        files: further files by role, e.g. ``{"mask": ...}``.
        artefacts: other preprocessed files by kind, e.g. ``{"depth": ...}``, where `Method.requires` asked for them.
        prompt: the text of a text-driven task, else empty.
        networks: weights of frozen networks by role, where `Method.networks` asked for them.
    """

    clip: Clip
    pyramid: Pyramid | None = None
    clips: Mapping[str, Clip] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    artefacts: Mapping[str, Path] = field(default_factory=dict)
    prompt: str = ""
    networks: Mapping[str, Resolved] = field(default_factory=dict)

    def network(self, role: str) -> Resolved:
        """The weights for a role; where nobody chose any, what ``auto`` resolves to.

        Raises: WeightsError if they are damaged.
        """
        from onereel.weights.store import Weights

        return self.networks.get(role) or Weights().resolve(role)

    def shown(self, role: str) -> Clip | None:
        """The further clip of a role, or what a further file of it shows: a video, or a picture as one frame.

        Returns: None if neither is given.
        Raises: ClipError if the file cannot be read.
        """
        from onereel import ingest  # the workflow reads this module in environments without decoders

        if role in self.clips:
            return self.clips[role]
        return ingest.load(self.files[role], allow_single=True) if role in self.files else None


@runtime_checkable
class Method(Protocol):
    """One generative model or editor. A package of `onereel.methods` exports one as ``METHOD``.

    Attributes:
        name: the package's name.
        title: the name as tables print it.
        paper: where the method was published, one line; empty for a baseline of ours.
        tasks: what it can do.
        roles: further inputs by task; tasks that are not in it read the clip alone.
        calibration: True for rows that only tell a reader what a number means.
        trained_by: modules below ``onereel`` that, with all they import, say how parts are trained: where they change,
            parts are trained again. Empty: the method's package.
        Config: its settings; presets in ``config/methods/{name}.yaml``.
    """

    name: str
    title: str
    paper: str
    tasks: frozenset[Task]
    roles: Mapping[Task, Roles]
    calibration: bool
    trained_by: tuple[str, ...]
    Config: type[MethodConfig]

    def requires(self, task: Task, config: Any) -> Mapping[str, str]:
        """Preprocessed artefacts by kind, each with its key: ``{"pyramid": ladder.name}``."""
        ...

    def networks(self, task: Task, config: Any) -> tuple[str, ...]:
        """Roles of the frozen networks that samples of `task` are made with, as ``config/weights.yaml`` has them."""
        ...

    def parts(self, task: Task, config: Any) -> Mapping[str, tuple[str, ...]]:
        """Trained parts that `task` needs, each with the parts that must be trained before it; empty if none."""
        ...

    def check(self, task: Task, inputs: Inputs, config: Any, device: torch.device) -> None:
        """Refuse what no training mends, before any: settings that do not fit the clip, inputs that cannot be read.

        Raises: MethodError or ClipError, as `sample` would.
        """
        ...

    def fit(
        self,
        part: str,
        inputs: Inputs,
        config: Any,
        *,
        weights: Mapping[str, Path],
        workdir: Path,
        device: torch.device,
        seed: int,
        progress: Progress,
    ) -> Mapping[str, torch.Tensor]:
        """Train `part`; return its state dict.

        Args:
            part: one of `parts`.
            inputs: what to train on.
            config: an instance of `Config`.
            weights: the safetensors files of the parts that this one needs.
            workdir: private folder, the same for every attempt with the same inputs and settings: checkpoints for
                resuming and ``curves.tsv`` go here.
            device: where to train.
            seed: seed of every random draw.
            progress: watches the training loop.
        """
        ...

    def sample(
        self,
        task: Task,
        inputs: Inputs,
        config: Any,
        *,
        weights: Mapping[str, Path],
        device: torch.device,
        seed: int,
        progress: Progress,
    ) -> Frames | Clip:
        """One sample, (T, H, W, 3) uint8; a Clip where it plays at another rate than the input.

        The same seed on the same machine gives the same bytes, whatever else is drawn.
        """
        ...

    def sample_many(
        self,
        task: Task,
        inputs: Inputs,
        config: Any,
        *,
        weights: Mapping[str, Path],
        device: torch.device,
        seeds: Sequence[int],
        progress: Progress,
    ) -> Sequence[Frames | Clip]:
        """A sample for each seed, the same as `sample` gives; some may be drawn together, which is faster."""
        ...

    def together(self, config: Any) -> int:
        """How many samples `sample_many` is best asked for at once, >= 1."""
        ...

    def guides(self, task: Task, inputs: Inputs, config: Any) -> Mapping[str, Clip]:
        """What a sample starts from besides the clip, by a word for it; the report plays it beside the samples."""
        ...

    def effects(self, task: Task, inputs: Inputs, config: Any, sample: Clip) -> Mapping[str, float]:
        """Whether a sample achieves what its task is for: numbers by what they are, for its record and the report."""
        ...


class BaseMethod:
    """Defaults: no further inputs, nothing preprocessed, nothing trained, samples one after the other."""

    name: ClassVar[str]
    tasks: ClassVar[frozenset[Task]]
    roles: ClassVar[Mapping[Task, Roles]] = {}
    paper: ClassVar[str] = ""
    calibration: ClassVar[bool] = False
    trained_by: ClassVar[tuple[str, ...]] = ()

    def requires(self, task: Task, config: Any) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def networks(self, task: Task, config: Any) -> tuple[str, ...]:
        """None."""
        return ()

    def parts(self, task: Task, config: Any) -> Mapping[str, tuple[str, ...]]:
        """No trained part."""
        return {}

    def check(self, task: Task, inputs: Inputs, config: Any, device: torch.device) -> None:
        """Nothing that `sample` does not say soon enough."""

    def fit(self, part: str, *args: Any, **kwargs: Any) -> Mapping[str, torch.Tensor]:
        """Never called: there is no part to train."""
        raise ValueError(f"no part '{part}': nothing is trained")

    def sample_many(
        self,
        task: Task,
        inputs: Inputs,
        config: Any,
        *,
        weights: Mapping[str, Path],
        device: torch.device,
        seeds: Sequence[int],
        progress: Progress,
    ) -> Sequence[Frames | Clip]:
        """One after the other."""
        own: Any = self  # `sample` is the method's own
        further = {"weights": weights, "device": device, "progress": progress}
        return [own.sample(task, inputs, config, seed=seed, **further) for seed in seeds]

    def together(self, config: Any) -> int:
        """One."""
        return 1

    def guides(self, task: Task, inputs: Inputs, config: Any) -> Mapping[str, Clip]:
        """Every further input that is a video or a picture."""
        found: dict[str, Clip] = {}
        for role in (*inputs.clips, *inputs.files):
            with suppress(ClipError):  # a table, say: nothing to see
                if (clip := inputs.shown(role)) is not None:
                    found[role] = clip
        return found

    def effects(self, task: Task, inputs: Inputs, config: Any, sample: Clip) -> Mapping[str, float]:
        """Nothing."""
        return {}
