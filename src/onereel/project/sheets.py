"""What stands in every column of every sheet, once: for ``config/README.md`` and for the sheets of a new project.

``python -m onereel.project.sheets`` prints the page; a test holds both equal to what the parsers know.
"""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from onereel.project.clips import LAYOUT as CLIPS
from onereel.project.config import Config
from onereel.project.edits import LAYOUT as EDITS
from onereel.project.heldout import LAYOUT as HELDOUT
from onereel.project.runs import LAYOUT as RUNS
from onereel.project.studies import LAYOUT as STUDIES

_WIDTH = 118  # of a comment line


@dataclass(frozen=True)
class Sheet:
    """One sheet, as people are told of it.

    Attributes:
        name: of its file.
        about: what a row is.
        columns: what stands in each, in the usual order.
        defaults: what an empty cell stands for.
        required: columns that must be filled.
        examples: rows, by column.
    """

    name: str
    about: str
    columns: Mapping[str, str]
    required: Sequence[str]
    defaults: Mapping[str, str] = field(default_factory=dict)
    examples: Sequence[Mapping[str, str]] = ()

    def row(self, cells: Mapping[str, str]) -> str:
        """A row of the sheet, without the tabs behind its last cell."""
        return "\t".join(cells.get(column, "") for column in self.columns).rstrip("\t")

    def text(self, rows: Sequence[Mapping[str, str]], examples: Sequence[Mapping[str, str]] = ()) -> str:
        """A sheet to go on with: a comment for every column, the header, the rows, and further rows as comments."""
        lines = [
            *_wrapped(self.about),
            *_wrapped("Cells are separated by one tab. Empty cells are fine where * is not."),
        ]
        width = max(map(len, self.columns)) + 1
        for column, meaning in self.columns.items():
            head = f"{column}{'*' if column in self.required else ''}".ljust(width)
            default = f". Empty: {self.defaults[column]}." if column in self.defaults else ""
            lines += _wrapped(f"{head} {meaning}{default}", width + 1)
        lines.append("\t".join(self.columns))
        lines += map(self.row, rows)
        if examples:
            lines += ["# Remove the # before a row to have it, too:", *(f"# {self.row(cells)}" for cells in examples)]
        return "\n".join([*lines, ""])


_INTRODUCTION = """# What is computed

`onereel init VIDEO` writes a project of your own into this folder: `config.yaml` and the sheets below. While there is
none, `snakemake` computes the demo, whose sheets are in [demo](demo); `make demo` always does. Presets of methods:
[methods](methods).

Sheets are text with one tab between cells, as spreadsheets export them ("tab-separated text"); columns may stand in any
order, and those that are not needed may be missing. Lines that begin with `#` are comments. A mistake is said in one
line before anything runs.

## config.yaml

| key | meaning | default |
| --- | --- | --- |"""
_SETTINGS = "single settings over the preset, `key=value; key=value`; `onereel methods METHOD` lists them"
_PRESET = (
    "`demo` shows that everything works, `fast` is the best of two cores in about 20 minutes for a clip 64 px "
    "high, `paper` has every number as published; `onereel methods METHOD` says more"
)
SHEETS = (
    Sheet(
        "clips.tsv",
        "One row a clip: a video that methods learn from, or that is an input of a run.",
        {
            "name": "how other sheets and the report call it: up to 64 letters (A-Z, a-z), digits, `_` and `-`",
            "source": "a video file, an animation, a folder of numbered pictures, an http(s) address or "
            "`scene:NAME?seed=…`; paths begin at the repository's root",
            "start": "first frame (`12`) or time (`1.5s`, `1:02`) that is kept",
            "end": "the first frame or time that is no longer kept",
            "fps": "frames per second; of a folder of pictures, the rate at which they play",
            "height": "of the clip, in pixels; the width follows",
            "caption": "what is to be seen, for metrics and methods that read a text",
            "licence": "of the source; the report shows it",
        },
        CLIPS.required,
        {
            "start": "the source's first frame",
            "end": "the source's end",
            "fps": "every frame of the source (a folder: 12)",
            "height": "the source's",
        },
        ({"name": "holiday", "source": "data/sources/holiday.mov", "start": "1.5s", "end": "4s", "height": "144"},),
    ),
    Sheet(
        "runs.tsv",
        "One row a run: what to make of which clip.",
        {
            "run": "its name, in paths and in the report: letters, digits, `_`, `.`, `-`",
            "clip": "a clip's name, several `a,b`, `*` for every clip that is not only an input of other rows (the "
            "runs are then called CLIP-RUN), or `edits:NAME`, a set of known edits",
            "method": "a method's name (`onereel methods`), or `external:NAME` for samples that somebody else made",
            "task": "what the method is asked for (docs/tasks.md)",
            "preset": _PRESET,
            "samples": "how many, 1 or more",
            "seed": "of the first sample; the others count up",
            "settings": _SETTINGS,
            "prompt": "the text of a task that reads one",
            "inputs": "what the task reads besides: `role=clip:NAME; role=FILE`",
            "source": "external runs only: a folder or a pattern of videos",
            "align": "how samples of another size are compared: `crop` (in time), `resize`, `crop+resize`, or `keep`",
        },
        RUNS.required,
        {
            "clip": "none, for tasks that read a text alone",
            "task": "`generate`",
            "preset": "`demo`",
            "samples": "1",
            "seed": "0",
            "align": "samples of others must have the clip's size",
        },
        (
            {"run": "vgpnn", "clip": "*", "method": "vgpnn", "preset": "fast", "samples": "3"},
            {
                "run": "wide",
                "clip": "holiday",
                "method": "vgpnn",
                "task": "retarget",
                "preset": "fast",
                "settings": "output_scale=[1, 1, 1.5]",
            },
            {"run": "theirs", "clip": "holiday", "method": "external:Other", "source": "theirs/*.mp4", "align": "crop"},
        ),
    ),
    Sheet(
        "heldout.tsv",
        "One row a test: frames are kept from a method, which then makes them; without rows there are none.",
        {
            "test": "its name, in paths and in the report: letters, digits, `_`, `.`, `-`",
            "kind": "`prediction` (the end of the clip is held out), `interpolation` (every second frame) or "
            "`super_resolution` (the clip is made smaller, and enlarged by the method)",
            "clip": "as in runs.tsv",
            "method": "a method with the task `extrapolate`, `upsample_time` or `super_resolve`",
            "preset": "as in runs.tsv",
            "samples": "as in runs.tsv",
            "seed": "as in runs.tsv",
            "settings": _SETTINGS,
            "keep": "prediction: the part of the clip that is known, between 0 and 1",
            "horizon": "prediction: how many frames are predicted; the held-out part needs as many",
            "origins": "prediction: at most so many frames to predict from",
            "factor": "super_resolution: how many times smaller",
        },
        HELDOUT.required,
        {
            "preset": "`demo`",
            "samples": "1",
            "seed": "0",
            "keep": "0.7",
            "horizon": "8",
            "origins": "the last known frame, and every later one with enough frames behind it",
            "factor": "2",
        },
        (
            {
                "test": "future",
                "kind": "prediction",
                "clip": "*",
                "method": "sinfusion",
                "preset": "fast",
                "keep": "0.7",
                "horizon": "3",
            },
            {"test": "larger", "kind": "super_resolution", "clip": "*", "method": "singan_gif", "preset": "fast"},
        ),
    ),
    Sheet(
        "edits.tsv",
        "One row a set of known edits (docs/known-edits.md), which a row of runs.tsv takes as its clip, edits:NAME.",
        {
            "edits": "its name: letters, digits, `_`, `.`, `-`",
            "kinds": "what is edited: some of colour, setting, time, weather, style, add and others, with commas",
            "number": "of edits of every kind",
            "first": "seed of the first",
            "frames": "of a video",
            "height": "of a video, in pixels",
            "width": "of a video, in pixels",
            "fps": "frames per second",
            "sources": "`own`: a source for every edit; `shared`: one for the edits of a seed",
        },
        EDITS.required,
        dict.fromkeys(("kinds", "number", "first", "frames", "height", "width", "fps", "sources"), "as in edits.yaml"),
        (
            {"edits": "benchmark"},
            {
                "edits": "one_source",
                "kinds": "colour,setting,time,weather,style,add",
                "number": "4",
                "sources": "shared",
            },
        ),
    ),
    Sheet(
        "studies.tsv",
        "One row a study with people (docs/studies.md): what is compared, what raters are asked, who counts.",
        {
            "study": "its name: letters, digits, `_`, `.`, `-`",
            "form": "`2afc`: which of two; `real_or_fake`; `rating`: 1 to 5 on several scales; `best_of`: the best of "
            "several",
            "clips": "as in runs.tsv: a name, a list, `*`; or `edits:NAME`, a set of known edits",
            "methods": "methods, or rows of runs.tsv where a method has several; `input`: the clip itself; `truth`: "
            "the right answer of a known edit",
            "question": "what raters are asked",
            "scales": "of ratings: `name=question; name=question`",
            "task": "of runs that are named by their method",
            "items": "how many items the study has",
            "raters": "how many are planned: as many orders are drawn",
            "per_rater": "how many items a rater sees",
            "allow": "further answers: `not_sure` (2afc, best_of), `none` (best_of)",
            "show": "besides the samples: `source`, `prompt` (of a rating the source always)",
            "checks": "how many: `training=1; identical=1; obvious=1`",
            "seconds": "how long a play lasts: shorter films are repeated, longer ones cut",
            "plays": "how often a film may be played",
            "exclude": "who does not count: `failed_checks=0; unplayed=0.1; seconds=1; one_side=0.95`; `none`: "
            "everybody does",
            "seed": "of items, orders and sides",
            "title": "heading of the page; may not tell what is compared",
            "instructions": "a further paragraph; may not tell what is compared",
            "post": "address that complete answers are sent to, as text/plain JSON",
            "completion": "the code that Prolific asks for, shown once answers were sent or downloaded",
            "simulated": "what raters that a computer plays think of methods, log odds: `vgpnn=0.8; sinfusion=-0.5`; "
            "for an example of the results",
        },
        STUDIES.required,
        {
            "question": "the papers'",
            "scales": "Dreamix's three: `quality`, `alignment`, `fidelity`",
            "task": "`generate`",
            "items": "all",
            "raters": "100",
            "per_rater": "all",
            "allow": "none",
            "show": "nothing",
            "checks": "those",
            "seconds": "its own length",
            "plays": "without end",
            "exclude": "those",
            "seed": "0",
            "title": "Video study",
            "post": "none: raters download",
            "completion": "none",
            "simulated": "no example",
        },
        ({"study": "real_or_not", "form": "real_or_fake", "clips": "*", "methods": "vgpnn,input"},),
    ),
)
"""Every sheet of a project."""


def sheet(name: str) -> Sheet:
    """The sheet whose file is called so."""
    return next(each for each in SHEETS if each.name == name)


def config_text(**values: object) -> str:
    """A ``config.yaml`` to go on with: every key with a comment.

    Args:
        values: by key, as YAML, where they are not the defaults.
    """
    lines = ["# What is computed. How and where to run it is in profiles/. Every key: config/README.md"]
    for key, found in Config.model_fields.items():
        value = values.get(key, found.get_default(call_default_factory=True))
        shown = f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) else value
        lines += [*_wrapped(" ".join((found.description or "").replace("``", "`").split())), f"{key}: {shown}"]
    return "\n".join([*lines, ""])


def guide() -> str:
    """The text of ``config/README.md``."""
    return "\n".join(_guide())


def _guide() -> Iterator[str]:
    yield from _INTRODUCTION.splitlines()
    for key, found in Config.model_fields.items():
        meaning = " ".join((found.description or "").replace("``", "`").split()).rstrip(".")
        default = found.get_default(call_default_factory=True)
        shown = ", ".join(map(str, default)) if isinstance(default, list) else str(default)
        yield f"| `{key}` | {meaning} | {f'`{shown}`' if shown else 'none'} |"
    for each in SHEETS:
        yield from ("", f"## {each.name}", "", each.about, "", "| column | meaning | empty |", "| --- | --- | --- |")
        for column, meaning in each.columns.items():
            empty = "must be filled" if column in each.required else each.defaults.get(column, "")
            yield f"| `{column}` | {meaning} | {empty} |"
        yield from ("", "```tsv", "\t".join(each.columns), *map(each.row, each.examples), "```")
    yield ""


def _wrapped(text: str, hanging: int = 0) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent="# ", subsequent_indent="# " + " " * hanging, break_on_hyphens=False
    )


if __name__ == "__main__":
    print(guide(), end="")
