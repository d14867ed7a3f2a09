"""What a method is: the interface that the workflow, the command line and the report see.

Imports nothing heavy: the workflow reads every method's settings each time it is parsed, on every node of a cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, runtime_checkable

from onereel.base.errors import ClipError
from onereel.base.progress import Progress, no_progress
from onereel.base.settings import Settings
from onereel.methods.roles import Roles

if TYPE_CHECKING:
    import torch

    from onereel.video.clip import Clip, Frames
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


CLIP, PROMPT, INPUTS, BACKBONES = "clip", "prompt", "inputs", "backbones"
"""What a training may read: the run's clip, its prompt, its further inputs, its pretrained networks. An artefact is
read with what it was made of."""

Artefacts: TypeAlias = Mapping[tuple[str, str], str]
"""Preprocessed files: by role and kind, the kind's key (``{("clip", "pyramid"): ladder.name}``). The role says what it
is made of: ``clip``, ``prompt``, or a further input's role."""


@dataclass(frozen=True)
class Part:
    """A trained part of a method.

    Attributes:
        needs: parts that must be trained before it, whose files its training gets.
        reads: what its training sees besides: `CLIP`, `PROMPT`, `INPUTS`, `BACKBONES`, or nothing. It is given nothing
            else. Runs that agree in all of it, in the settings that training reads, and in the parts before it, share
            one trained part; one that reads no clip is trained once for all clips.
    """

    needs: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset({CLIP})


def reads_of(role: str) -> str:
    """What a training reads that sees an artefact of a role: `CLIP`, `PROMPT` or `INPUTS`."""
    return role if role in (CLIP, PROMPT) else INPUTS


def sees(parts: Mapping[str, Part], name: str) -> frozenset[str]:
    """What a part depends on: what it reads, and what the parts before it read."""
    return parts[name].reads.union(*(sees(parts, needed) for needed in parts[name].needs))


@dataclass(frozen=True)
class Inputs:
    """What a method may read.

    Attributes:
        clip: the clip of the run. None where the task needs none (`Roles.clip`) and the run gave none.
        clips: further clips by role, e.g. ``{"style": ...}`` for an analogy.
        files: further files and folders by role, e.g. ``{"mask": ...}``.
        artefacts: preprocessed files by role and kind, where `Method.requires` asked for them.
        prompt: the text of a text-driven task, else empty.
    """

    clip: Clip = None  # type: ignore[assignment] # only tasks that say so see None
    clips: Mapping[str, Clip] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    artefacts: Mapping[tuple[str, str], Path] = field(default_factory=dict)
    prompt: str = ""

    def shown(self, role: str) -> Clip | None:
        """The further clip of a role, or what a further file of it shows: a video, or a picture as one frame.

        Returns: None if neither is given.
        Raises: ClipError if the file cannot be read.
        """
        from onereel import ingest  # the workflow reads this module in environments without decoders

        if role in self.clips:
            return self.clips[role]
        return ingest.load(self.files[role], allow_single=True) if role in self.files else None

    def only(self, reads: Collection[str]) -> Inputs:
        """The same without what a training does not read; artefacts go with what they were made of."""
        further = INPUTS in reads
        return replace(
            self,
            clip=self.clip if CLIP in reads else None,  # type: ignore[arg-type]
            clips=self.clips if further else {},
            files=self.files if further else {},
            artefacts={key: path for key, path in self.artefacts.items() if reads_of(key[0]) in reads},
            prompt=self.prompt if PROMPT in reads else "",
        )


@dataclass(frozen=True)
class Job:
    """Where and with what a method works.

    Attributes:
        device: where to compute. ``meta``: nobody knows yet, so no limit of memory is judged.
        models: the safetensors files of trained parts, by part: those that the task samples with, or that the part in
            training needs.
        backbones: weights of pretrained networks by the names that `Method.backbones` asked for.
        seed: of a training: seed of every random draw.
        workdir: of a training: private folder, the same for every attempt with the same inputs and settings;
            checkpoints for resuming and ``curves.tsv`` go here.
        progress: watches long loops.
    """

    device: torch.device
    models: Mapping[str, Path] = field(default_factory=dict)
    backbones: Mapping[str, Resolved] = field(default_factory=dict)
    seed: int = 0
    workdir: Path = Path()
    progress: Progress = no_progress

    def backbone(self, name: str) -> Resolved:
        """The weights of a pretrained network; where nobody chose any, what ``auto`` resolves to.

        Raises: WeightsError if they are damaged.
        """
        from onereel.weights.store import Weights

        return self.backbones.get(name) or Weights().resolve(name)


@runtime_checkable
class Method(Protocol):
    """One generative model or editor. A package of `onereel.methods` exports one as ``METHOD``.

    Attributes:
        name: the package's name.
        title: the name as tables print it.
        paper: where the method was published, one line; empty for a baseline of ours.
        tasks: what it can do.
        roles: what a task reads besides the clip; tasks that are not in it read the clip alone.
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

    def requires(self, task: Task, config: Any) -> Artefacts:
        """Preprocessed artefacts of the clip, the prompt and further inputs."""
        ...

    def backbones(self, task: Task, config: Any) -> tuple[str, ...]:
        """Pretrained networks that the method builds on: roles or entries of ``config/weights.yaml`` or
        ``config/backbones.yaml``. A method that lets people choose has a setting for it. They are resolved once a job,
        named in every record, and results follow when they change."""
        ...

    def parts(self, task: Task, config: Any) -> Mapping[str, Part]:
        """Trained parts that `task` needs; empty if none."""
        ...

    def check(self, task: Task, inputs: Inputs, config: Any, job: Job) -> None:
        """Refuse what no training mends, before any: settings that do not fit the clip, inputs that cannot be read.

        Called with everything that `sample_many` will get but the trained parts.

        Raises: MethodError or ClipError, as `sample_many` would.
        """
        ...

    def fit(self, part: str, inputs: Inputs, config: Any, job: Job) -> Mapping[str, torch.Tensor]:
        """Train `part`, one of `parts`, on what it reads; return its state dict."""
        ...

    def sample_many(
        self, task: Task, inputs: Inputs, config: Any, seeds: Sequence[int], job: Job
    ) -> Sequence[Frames | Clip]:
        """A sample for each seed: (T, H, W, 3) uint8, or a Clip where it plays at another rate than the input.

        The same seed on the same machine gives the same bytes, whatever else is drawn with it.
        """
        ...

    def sample(self, task: Task, inputs: Inputs, config: Any, seed: int, job: Job) -> Frames | Clip:
        """The one sample of a seed."""
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
    """Defaults: no further inputs, nothing preprocessed, nothing pretrained or trained, nothing to refuse."""

    name: ClassVar[str]
    tasks: ClassVar[frozenset[Task]]
    roles: ClassVar[Mapping[Task, Roles]] = {}
    paper: ClassVar[str] = ""
    calibration: ClassVar[bool] = False
    trained_by: ClassVar[tuple[str, ...]] = ()

    def requires(self, task: Task, config: Any) -> Artefacts:
        """Nothing."""
        return {}

    def backbones(self, task: Task, config: Any) -> tuple[str, ...]:
        """None."""
        return ()

    def parts(self, task: Task, config: Any) -> Mapping[str, Part]:
        """No trained part."""
        return {}

    def check(self, task: Task, inputs: Inputs, config: Any, job: Job) -> None:
        """Nothing that sampling does not say soon enough."""

    def fit(self, part: str, inputs: Inputs, config: Any, job: Job) -> Mapping[str, torch.Tensor]:
        """Never called: there is no part to train."""
        raise ValueError(f"no part '{part}': nothing is trained")

    def sample(self, task: Task, inputs: Inputs, config: Any, seed: int, job: Job) -> Frames | Clip:
        """The one sample of a seed."""
        own: Any = self  # `sample_many` is the method's own
        (drawn,) = own.sample_many(task, inputs, config, [seed], job)
        found: Frames | Clip = drawn
        return found

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
