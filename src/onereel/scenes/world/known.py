"""Known edits: edit pairs as questions whose right answer is known, and the sets of them that sheets name.

Their sources hold one group of things, so that a classifier can tell every attribute of the whole clip.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean
from onereel.base.progress import Progress, no_progress
from onereel.base.settings import Settings
from onereel.scenes.base import Array
from onereel.scenes.world.captions import EVERYTHING
from onereel.scenes.world.edits import EDITS, edit_captions, edit_pair, edit_specs
from onereel.scenes.world.sampling import FIRST_UNSEEN, sample_world
from onereel.scenes.world.spec import WorldSpec, stream

Sources: TypeAlias = Literal["own", "shared"]
"""Whether every edit has a source of its own, or the edits of one seed share one, whatever their kind."""
_TRIES = 500
_MOST = 100_000  # edits of one set


@dataclass(frozen=True)
class Asked:
    """What a known edit asks, known without rendering.

    Attributes:
        name: ``{kind}-{seed}``, safe in a path.
        source_name: of the source: equal for edits that share it.
        prompt, source_prompt: what the edit should show, and what the source shows.
    """

    name: str
    source_name: str
    prompt: str
    source_prompt: str


@dataclass(frozen=True)
class KnownEdit:
    """What is asked of an editor, and the right answer.

    Attributes:
        name, source_name, prompt, source_prompt: as in `Asked`.
        kind: of `EDITS`.
        attribute, before, after: as in `EditPair`.
        source, answer: the clip to edit and the true edit, (T, H, W, 3) uint8.
        mask: (T, H, W) bool, True for pixels that may differ.
        flow: (T-1, H, W, 2) float32, pixels (dx, dy): the motion of the true edit.
        occluded: (T-1, H, W) bool, where that motion leads to nothing seen.
        fps: frames per second.
        source_spec, edited_spec: the two worlds.
        named: attributes that the prompt names.
    """

    name: str
    source_name: str
    kind: str
    attribute: str
    before: Any
    after: Any
    prompt: str
    source_prompt: str
    source: Array
    answer: Array
    mask: Array
    flow: Array
    occluded: Array
    fps: Fraction
    source_spec: WorldSpec
    edited_spec: WorldSpec
    named: tuple[str, ...]

    @property
    def asks_for(self) -> str:
        """The edited attribute without its group; "added" for a group that was not there."""
        parts = self.attribute.split(".")
        return "added" if len(parts) == 2 else parts[-1]


class EditSet(Settings):
    """A set of known edits: so many of every kind, of consecutive seeds."""

    kinds: tuple[str, ...] = Field(default=EDITS, min_length=1)
    """Kinds of edits."""
    number: int = Field(default=16, ge=1)
    """Edits of every kind."""
    first: int = Field(default=FIRST_UNSEEN, ge=0)
    """Seed of the first; what is reported uses `FIRST_UNSEEN` (10 000 000) and above, what is tuned those below."""
    sources: Sources = "own"
    """``own``: every edit has its own source; ``shared``: the edits of a seed are prompts for one source."""
    frames: int = Field(default=16, ge=9, le=1000)
    """Frames of a clip; classifiers of worlds need 9, and know 16."""
    height: int = Field(default=64, ge=32, le=1080)
    """Pixels; they know 64."""
    width: int = Field(default=64, ge=32, le=1920)
    """Pixels."""
    fps: int = Field(default=8, ge=1, le=60)
    """Frames per second; things stay in the picture for two seconds."""

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        for kind in kinds:
            if kind not in EDITS:
                raise ValueError(f"'{kind}' is no kind of edit: {did_you_mean(kind, EDITS)}")
        if len(set(kinds)) < len(kinds):
            raise ValueError("a kind stands twice; keep one of them")
        return kinds

    @model_validator(mode="after")
    def _on_one_side(self) -> "EditSet":
        if self.number * len(self.kinds) > _MOST:
            raise ValueError(f"{self.number} edits of {len(self.kinds)} kinds are more than {_MOST}: ask for fewer")
        if self.first < FIRST_UNSEEN < self.first + self.number:
            last = self.first + self.number - 1
            raise ValueError(f"seeds {self.first} to {last} lie on both sides of {FIRST_UNSEEN}: keep to one")
        return self

    @property
    def requests(self) -> dict[str, dict[str, Any]]:
        """The arguments of `known_edit` by the edits' names, kind after kind; plain values."""
        shape = {"frames": self.frames, "height": self.height, "width": self.width, "fps": self.fps}
        return {
            f"{kind}-{seed}": {"seed": seed, "kind": kind, "sources": self.sources, **shape}
            for kind in self.kinds
            for seed in range(self.first, self.first + self.number)
        }

    @cached_property
    def asked(self) -> dict[str, Asked]:
        """What the edits ask, by their names; milliseconds each."""
        return {name: _asked(request["seed"], request["kind"], self.sources) for name, request in self.requests.items()}

    def edits(self, progress: Progress = no_progress) -> Iterator[KnownEdit]:
        """All edits, one after the other."""
        requests = self.requests
        for request in progress(requests.values(), total=len(requests), label="render"):
            yield known_edit(**request)


def known_edit(
    seed: int,
    kind: str,
    *,
    sources: Sources = "own",
    frames: int = 16,
    height: int = 64,
    width: int = 64,
    fps: int = 8,
) -> KnownEdit:
    """The known edit of one seed and kind.

    Args:
        seed: >= 0.
        kind: of `EDITS`.
        sources: "shared" gives all kinds of a seed one source and one source prompt, which tells everything; it is
            moving and no pencil sketch, since others cannot be edited in every way.
        frames, height, width, fps: as in `edit_pair`.

    Raises: ConfigError for a negative seed or an unknown kind.
    """
    if seed < 0 or kind not in EDITS:
        edit_specs(seed, kind)  # says what is wrong
    source, told = _source(seed, kind, sources), _told(sources)
    pair = edit_pair(seed, kind, source=source, name=told, frames=frames, height=height, width=width, fps=fps)
    return KnownEdit(
        name=f"{kind}-{seed}",
        source_name=_source_name(seed, kind, sources),
        kind=kind,
        attribute=pair.attribute,
        before=pair.before,
        after=pair.after,
        prompt=pair.edit_caption,
        source_prompt=pair.source_caption,
        source=pair.source.frames,
        answer=pair.edited.frames,
        mask=pair.mask,
        flow=pair.edited.flow,
        occluded=pair.edited.occluded,
        fps=pair.edited.fps,
        source_spec=pair.source_spec,
        edited_spec=pair.edited_spec,
        named=_named(pair.edited.attributes),
    )


def _named(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted({str(fact["attribute"]).split(".")[-1] for fact in attributes["facts"]}))


def _asked(seed: int, kind: str, sources: Sources) -> Asked:
    before, after = edit_captions(seed, kind, source=_source(seed, kind, sources), name=_told(sources))
    return Asked(f"{kind}-{seed}", _source_name(seed, kind, sources), after.text, before.text)


def _source_name(seed: int, kind: str, sources: Sources) -> str:
    return f"source-{seed}" if sources == "shared" else f"{kind}-{seed}"


def _told(sources: Sources) -> frozenset[str]:
    return EVERYTHING if sources == "shared" else frozenset()


def _source(seed: int, kind: str, sources: Sources) -> WorldSpec:
    return _found(seed, EDITS if sources == "shared" else (kind,))


@lru_cache(maxsize=256)  # the edits of a seed share it
def _found(seed: int, kinds: tuple[str, ...]) -> WorldSpec:
    """The first world of this seed's own, unseen in training, of which every such edit can be made."""
    rng = stream(seed, "known", *(kinds if len(kinds) == 1 else ("shared",)))
    for _ in range(_TRIES):
        world = sample_world(FIRST_UNSEEN + int(rng.integers(1 << 40)))
        single = replace(world, groups=world.groups[:1])
        if all(_can_be(single, kind, seed) for kind in kinds):
            return single
    raise AssertionError(f"no source for edits of {', '.join(kinds)} in {_TRIES} worlds for seed {seed}")


def _can_be(source: WorldSpec, kind: str, seed: int) -> bool:
    try:
        edit_specs(seed, kind, source)
    except ConfigError:
        return False
    return True
