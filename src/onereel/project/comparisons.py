"""What is compared beyond one set of known edits, or of runs that have no truth of their own: descriptions in YAML that
``comparisons`` of the configuration names (``config/dreamix``, ``config/gen1``), checked."""

from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean
from onereel.base.readers import read_checked

Editors: TypeAlias = Annotated[dict[str, tuple[str, ...]], Field(min_length=1)]
"""Rows of the run sheet on known edits by what they are called together: one for each set of edits."""
Measure: TypeAlias = Literal[
    "sgfid_truth",
    "psnr_outside",
    "psnr_truth",
    "attribute_right",
    "frame_consistency",
    "prompt_consistency",
    "warp_error",
    "depth_kept",
    "motion",
    "moves",
    "success",
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class _Comparison(_Model):
    title: str
    """Short title."""
    caption: str = ""
    """What it shows and how to read it."""
    source: str = ""
    """Where what was published comes from."""

    @property
    def editors_named(self) -> tuple[str, ...]:
        """Rows of the run sheet on known edits."""
        return ()

    @property
    def patterns(self) -> Mapping[str, str]:
        """Patterns (``*``, ``?``) of other rows of the run sheet, by what they are called together."""
        return {}


class BestOf(_Comparison):
    """Which editor's output is the best, edit by edit, told by truth."""

    form: Literal["best_of"]
    """What kind of comparison it is."""
    editors: Editors
    """Who is compared."""
    none: str = "None"
    """What it is called that nobody succeeds."""
    published: dict[str, dict[str, float]] = {}
    """What people chose, in %: by type of edit, by editor and `none`."""

    @property
    def editors_named(self) -> tuple[str, ...]:
        """Of all that are compared."""
        return _named(self.editors)


class Claim(_Model):
    """A sentence that two means decide."""

    says: str
    """The sentence."""
    measure: Measure
    """What decides."""
    lower: str
    """Whose mean is below ..."""
    than: str
    """... whose."""


class Ratings(_Comparison):
    """What people are asked for in ratings, told by truth: quality, fidelity, alignment, success."""

    form: Literal["ratings"]
    """What kind of comparison it is."""
    editors: Editors
    """Who is compared."""
    calibration: tuple[str, ...] = ()
    """Outputs made from the truth that tell what a number means (`onereel.metrics.edits.EXTERNALS`)."""
    claims: tuple[Claim, ...] = ()
    """What the values are to say."""

    @property
    def editors_named(self) -> tuple[str, ...]:
        """Of all that are compared."""
        return _named(self.editors)


class Strip(_Comparison):
    """Frames of some edits: the source, every editor's output, the right answer below one another."""

    form: Literal["strip"]
    """What kind of comparison it is."""
    editors: Editors
    """Whose outputs are shown, from top to bottom."""
    edits: tuple[str, ...] = Field(min_length=1)
    """Names of the edits."""
    frames: int = Field(default=5, ge=1, le=16)
    """How many frames of each, evenly spaced."""
    masks: bool = False
    """Whether to show where the edit may change its source."""

    @property
    def editors_named(self) -> tuple[str, ...]:
        """Of all that are shown."""
        return _named(self.editors)


class Panel(_Model):
    """One setting that is varied."""

    axis: str
    """What it is called."""
    points: dict[float, tuple[str, ...]] = Field(min_length=1)
    """Editors by the setting's values."""


class Sweep(_Comparison):
    """Measures over settings, with intervals."""

    form: Literal["sweep"]
    """What kind of comparison it is."""
    panels: tuple[Panel, ...] = Field(min_length=1)
    """Settings, one beside the other."""
    measures: tuple[Measure, ...] = Field(default=("attribute_right", "psnr_outside", "success"), min_length=1)
    """What is drawn, one above the other."""
    claims: tuple[Claim, ...] = ()
    """What the values are to say, of points that are called ``AXIS VALUE``."""

    @property
    def points(self) -> dict[str, tuple[str, ...]]:
        """Rows by what claims call their point."""
        return {f"{panel.axis} {value:g}": rows for panel in self.panels for value, rows in panel.points.items()}

    @property
    def editors_named(self) -> tuple[str, ...]:
        """Of all points."""
        return _named(self.points)


class Tradeoff(_Comparison):
    """Two measures against each other, a point for each setting of each method."""

    form: Literal["tradeoff"]
    """What kind of comparison it is."""
    series: dict[str, Editors] = Field(min_length=1)
    """By method, editors by the words that stand beside their point; points of a method are joined in their order."""
    x: Measure = "prompt_consistency"
    """From left to right."""
    y: Measure = "frame_consistency"
    """Upwards."""
    calibration: tuple[str, ...] = ()
    """Outputs made from the truth that are shown, too (`onereel.metrics.edits.EXTERNALS`)."""
    claims: tuple[Claim, ...] = ()
    """What the values are to say, of points that are called ``METHOD: POINT``."""

    @property
    def points(self) -> dict[str, tuple[str, ...]]:
        """Rows by what claims call their point."""
        return {f"{name}: {point}": rows for name, points in self.series.items() for point, rows in points.items()}

    @property
    def editors_named(self) -> tuple[str, ...]:
        """Of all points."""
        return _named(self.points)


class Levels(_Model):
    """A setting whose best value is chosen on edits that nothing is reported of."""

    chosen: dict[float, tuple[str, ...]] = Field(min_length=1)
    """Editors by the setting's values, on edits to choose with."""
    told: dict[float, tuple[str, ...]] = Field(min_length=1)
    """The same on edits that are reported."""


class Truth(_Comparison):
    """One editor held against the right answers, what the judge can read of them, and other editors, kind by kind."""

    form: Literal["truth"]
    """What kind of comparison it is."""
    editors: Editors
    """Who is compared; the first one is judged."""
    ceiling: str = "true edit through latent-world"
    """Outputs made from the truth of which the judge reads as much as an editor can reach."""
    attribute: tuple[str, ...] = ()
    """Kinds of edits whose new value is to be there ..."""
    share: float = Field(default=0.8, ge=0, le=1)
    """... in so large a share of what is read of the ceiling."""
    fidelity: tuple[str, ...] = ()
    """Kinds of which the output is to be nearer to the right answer than the source is (PSNR)."""
    structure: tuple[str, ...] = ()
    """Kinds of which more of the source's depth is to be kept than by `without`."""
    without: tuple[str, ...] = ()
    """Editors that read no structure."""
    best: dict[str, Levels] = {}
    """By kind, rows of the judged editor at several values of a setting: the kind is told at the best of them."""

    @property
    def judged(self) -> str:
        """Who is judged."""
        return next(iter(self.editors))

    @property
    def calibration(self) -> tuple[str, ...]:
        """Outputs made from the truth that stand below the editors."""
        return (self.ceiling, "true edit", "source")

    @property
    def editors_named(self) -> tuple[str, ...]:
        """Of all that are compared, and of all values of settings."""
        further = [rows for one in self.best.values() for each in (one.chosen, one.told) for rows in each.values()]
        return tuple(dict.fromkeys((*_named(self.editors), *(row for rows in further for row in rows))))


class Grid(_Comparison):
    """Frames of runs as a table of pictures: one thing varies from row to row, another from column to column."""

    form: Literal["grid"]
    """What kind of comparison it is."""
    rows: dict[str, str] = Field(min_length=1)
    """What stands beside each row, by the word for it in `run`."""
    columns: dict[str, str] = Field(min_length=1)
    """What stands above each column, by the word for it in `run`."""
    run: str
    """Name of a run, with ``{row}`` and ``{column}``; where both are the same word there is none."""
    row_head: str = ""
    """Role of the clip that is shown beside each row; ``clip`` is the one that is edited; empty: none."""
    column_head: str = ""
    """Role of the clip that is shown above each column; empty: none."""
    frames: int = Field(default=1, ge=1, le=16)
    """How many frames of each run, evenly spaced."""
    likeness: str = ""
    """A folder of held-out pictures that runs are compared with (CLIP); empty: none."""

    @property
    def cells(self) -> dict[tuple[str, str], str]:
        """Names of runs by row and column."""
        pairs = [(row, column) for row in self.rows for column in self.columns if row != column]
        return {pair: self.run.replace("{row}", pair[0]).replace("{column}", pair[1]) for pair in pairs}

    @property
    def patterns(self) -> Mapping[str, str]:
        """Of all runs."""
        return {name: name for name in self.cells.values()}


class Animation(_Comparison):
    """Pictures in motion: whether the first frame keeps the picture, and things move as the camera was asked to."""

    form: Literal["animation"]
    """What kind of comparison it is."""
    runs: dict[str, str] = Field(min_length=1)
    """Patterns of rows of the run sheet, by what they are called."""
    rebuilt: str = ""
    """Pattern of rows whose pictures were neither noised nor moved: what the model can keep of them."""
    psnr: float = 25.0
    """dB from which a first frame keeps its picture, or ..."""
    below_rebuilt: float = 1.0
    """... dB that it may be below the rebuilt one."""
    angle: float = 30.0
    """Degrees by which the mean motion may be off."""
    length: float = 0.5
    """Share of its length by which it may be off."""

    @property
    def patterns(self) -> Mapping[str, str]:
        """Of all runs."""
        return {**self.runs, **({REBUILT: self.rebuilt} if self.rebuilt else {})}


class Subjects(_Comparison):
    """Videos of a named subject: whether its kind and colour are there, though the prompt names neither."""

    form: Literal["subjects"]
    """What kind of comparison it is."""
    runs: dict[str, str] = Field(min_length=1)
    """Patterns of rows of the run sheet, by what they are called."""
    attributes: tuple[str, ...] = ("kind", "colour")
    """What is read off the videos."""

    @property
    def patterns(self) -> Mapping[str, str]:
        """Of all runs."""
        return self.runs


REBUILT = "rebuilt"
"""What the runs of `Animation.rebuilt` are called."""
Comparison: TypeAlias = BestOf | Ratings | Strip | Sweep | Tradeoff | Truth | Grid | Animation | Subjects
_Any: TypeAlias = Annotated[Comparison, Field(discriminator="form")]


def read_comparison(path: Path) -> Comparison:
    """Read and check a description.

    Raises: ConfigError if it is missing, no YAML, or has an unknown key or a bad value.
    """
    models: Sequence[type[_Model]] = (*get_args(Comparison), Claim, Panel, Levels)
    known = {name for model in models for name in model.model_fields}
    found: Comparison = read_checked(path, "description of a comparison", TypeAdapter(_Any), sorted(known))
    return found


def check_comparison(name: str, asked: Comparison, editors: Collection[str], runs: Collection[str]) -> None:
    """Refuse what names rows that the run sheet does not have.

    Raises: ConfigError.
    """
    where = f"comparison '{name}'"
    for editor in asked.editors_named:
        if editor not in editors:
            raise ConfigError(where, f"no row '{editor}' on known edits", did_you_mean(editor, list(editors)))
    _check_words(where, asked)
    for label, pattern in asked.patterns.items():
        if not matching(pattern, runs):
            raise ConfigError(where, f"no run is called '{pattern}' ({label})", "correct it, or add rows to the sheet")


def _check_words(where: str, asked: Comparison) -> None:
    """Refuse words that stand for nothing else in a description."""
    if isinstance(asked, Sweep | Tradeoff):
        points = list(asked.points)
        for name in (each for claim in asked.claims for each in (claim.lower, claim.than)):
            if name not in points:
                raise ConfigError(f"{where}, claims", f"no point is called '{name}'", did_you_mean(name, points))
    if isinstance(asked, Truth):
        for name in asked.without:
            if name not in asked.editors:
                remedy = did_you_mean(name, list(asked.editors))
                raise ConfigError(f"{where}, without", f"no editor is called '{name}'", remedy)


def matching(pattern: str, runs: Collection[str]) -> list[str]:
    """The runs that a pattern names, in the sheet's order."""
    return [run for run in runs if fnmatchcase(run, pattern)]


def _named(editors: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in editors.values() for name in names))
