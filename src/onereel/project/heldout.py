"""The held-out sheet: what is held out of which clip, and who predicts it (``config/heldout.tsv``)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from onereel.base.errors import ConfigError
from onereel.base.parsing import (
    MOST_SAMPLES,
    Layout,
    check_name,
    decimal_point,
    expand_clips,
    parse_choice,
    parse_settings,
    parse_whole,
    plain,
    read_rows,
    unique,
)
from onereel.heldout.hold_out import HoldOut, Kind
from onereel.methods import Method, MethodConfig, method_names
from onereel.methods.base import CLIP, LARGEST_SEED
from onereel.project.runs import RunRow

COLUMNS = (
    "test",
    "kind",
    "clip",
    "method",
    "preset",
    "samples",
    "seed",
    "settings",
    "keep",
    "horizon",
    "origins",
    "factor",
)
LAYOUT = Layout(
    "held-out sheet",
    COLUMNS,
    required=("test", "kind", "clip", "method"),
    renamed={"study": "test"},
    texts=("settings",),
)
_OF_KINDS = {
    "keep": Kind.PREDICTION,
    "horizon": Kind.PREDICTION,
    "origins": Kind.PREDICTION,
    "factor": Kind.SUPER_RESOLUTION,
}
_DEFAULT = HoldOut(Kind.PREDICTION)


@dataclass(frozen=True)
class HeldOutRow:
    """One test: a clip, what is held out of it, a method with its settings and how many samples.

    Attributes:
        test: unique name, safe in a path.
        clip: name of the clip.
        split: what is held out.
        method: a method's name.
        preset: key of the method's presets.
        samples: how many samples, >= 1.
        seed: seed of the first sample; sample i has seed + i.
        settings: single settings over the preset, by field name.
    """

    test: str
    clip: str
    split: HoldOut
    method: str
    preset: str = "demo"
    samples: int = 1
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The row as plain values, for a job's parameters; `restore` is the way back."""
        return {**vars(self), "split": self.split.plain(), "settings": dict(self.settings)}

    @classmethod
    def restore(cls, values: Mapping[str, Any]) -> "HeldOutRow":
        """The row that `plain` was made of."""
        return cls(**{**values, "split": HoldOut.restore(values["split"])})

    @property
    def known(self) -> str:
        """Name of the clip that holds the known frames. No clip of the sheet can have it: theirs hold no dot."""
        return f"{self.clip}.{self.split.tag}"

    @property
    def run(self) -> RunRow:
        """The test as a run on the known frames, for training; no run of the run sheet has a colon in its name."""
        return RunRow(
            run=f"heldout:{self.test}",
            clip=self.known,
            method=self.method,
            task=self.split.kind.task,
            preset=self.preset,
            samples=self.samples,
            seed=self.seed,
            settings={**self.asked, **self.settings},
        )

    @property
    def asked(self) -> dict[str, int]:
        """The setting that tells the method how many frames to make, or how large."""
        match self.split.kind:
            case Kind.PREDICTION:
                return {"extrapolate_frames": self.split.horizon}
            case Kind.INTERPOLATION:
                return {"upsample_factor": 2}
            case Kind.SUPER_RESOLUTION:
                return {"super_factor": self.split.factor}


def read_heldout_sheet(path: Path | str, clips: Iterable[str], every: Iterable[str]) -> dict[str, HeldOutRow]:
    """Read the held-out sheet; a row whose clip is ``*`` or a list stands for one test per clip, ``{clip}-{test}``.

    Args:
        path: the sheet.
        clips: names of the clips that exist.
        every: those that ``*`` stands for.

    Raises: ConfigError naming the line, what is wrong and what to do.
    """
    path = Path(path)
    if not path.exists() and (earlier := path.with_name("studies.tsv")).exists():
        raise ConfigError(f"'{earlier}'", f"is called '{path.name}' now", "rename it, and its column 'study' to 'test'")
    clips, every = tuple(clips), tuple(every)
    tests: dict[str, HeldOutRow] = {}
    for where, cells in read_rows(path, LAYOUT):
        row = _parse(where, cells)
        for name, clip in expand_clips(where, row.test, row.clip, clips, every).items():
            tests[unique(where, "test", name, tests)] = replace(row, test=name, clip=clip)
    return tests


def check_settings(row: HeldOutRow, method: Method) -> None:
    """Whether the method has the setting that a test needs, and the row leaves it alone.

    Raises: ConfigError otherwise.
    """
    for name, value in row.asked.items():
        if name not in method.Config.model_fields:
            problem = f"method '{row.method}' has no setting '{name}'"
            raise ConfigError(
                f"held-out test '{row.test}'", problem, f"a method that takes part in {row.split.kind} needs it"
            )
        if row.settings.get(name, value) != value:
            problem = f"{name} is {row.settings[name]}, the test needs {value}"
            raise ConfigError(f"held-out test '{row.test}'", problem, "leave the setting out")


def check_artefacts(row: HeldOutRow, method: Method, config: MethodConfig) -> None:
    """Whether a test can give the method what it requires: what is read off the frames given each time.

    Raises: ConfigError otherwise.
    """
    for role, kind in method.requires(row.split.kind.task, config):
        if role != CLIP:
            problem = f"method '{row.method}' needs the {kind} of its input '{role}'"
            raise ConfigError(f"held-out test '{row.test}'", problem, "a test gives a method frames only")


def _parse(where: str, cells: Mapping[str, str]) -> HeldOutRow:
    return HeldOutRow(
        test=check_name(where, "test", cells["test"]),
        clip=cells["clip"],
        split=_split(where, cells),
        method=parse_choice(where, "method", cells["method"], method_names()),
        preset=cells.get("preset", "demo"),
        samples=parse_whole(where, "samples", cells.get("samples", "1"), least=1, most=MOST_SAMPLES),
        seed=parse_whole(where, "seed", cells.get("seed", "0"), least=0, most=LARGEST_SEED),
        settings=parse_settings(cells.get("settings", ""), where),
    )


def _split(where: str, cells: Mapping[str, str]) -> HoldOut:
    kind = Kind(parse_choice(where, "kind", cells["kind"], list(Kind)))
    for name, meant in _OF_KINDS.items():
        if kind is not meant and name in cells:
            raise ConfigError(where, f"{name} means nothing for kind '{kind}'", f"leave the column '{name}' empty")
    return HoldOut(
        kind,
        keep=_share(where, cells["keep"]) if "keep" in cells else _DEFAULT.keep,
        horizon=parse_whole(where, "horizon", cells.get("horizon", str(_DEFAULT.horizon)), least=1),
        origins=parse_whole(where, "origins", cells["origins"], least=1) if "origins" in cells else None,
        factor=parse_whole(where, "factor", cells.get("factor", str(_DEFAULT.factor)), least=2),
    )


def _share(where: str, value: str) -> float:
    try:
        share = float(decimal_point(plain(where, value)))
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise ConfigError(where, f"keep is '{value}'", "use the known part of the frames, between 0 and 1")
    return share
