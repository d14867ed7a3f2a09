"""The sheets, resolved: which files each run needs and makes. Everything that the Snakefile knows of clips and runs."""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from onereel import ingest
from onereel.base.errors import ClipError, ConfigError, MethodError
from onereel.base.filenames import safe_names
from onereel.base.names import did_you_mean, nearest, suggest
from onereel.base.outputs import Kind as Written
from onereel.base.outputs import Result, check_folder, check_unchanged, foreign, is_whole
from onereel.base.parsing import check_name, clips_and_files, unique
from onereel.base.readers import read_yaml
from onereel.base.run_record import RunRecord
from onereel.heldout.hold_out import HoldOut, Kind
from onereel.ingest.download import split_login, without_password
from onereel.ingest.scene import is_scene
from onereel.methods import (
    Method,
    MethodConfig,
    Part,
    check_given,
    check_inputs,
    check_seeds,
    check_task,
    configure,
    load_method,
    read_method_file,
)
from onereel.methods.base import BACKBONES, CLIP, EDITS, INPUTS, PROMPT, Artefacts, reads_of, sees
from onereel.metrics import NAMES
from onereel.project import layout
from onereel.project.clips import ClipRow, read_clip_sheet
from onereel.project.comparisons import Comparison, check_comparison, matching, read_comparison
from onereel.project.edits import EditorRow, editors_of, is_known_edit, read_edits_sheet
from onereel.project.heldout import HeldOutRow, check_artefacts, check_settings, read_heldout_sheet
from onereel.project.runs import RunRow, main_clips, read_run_sheet
from onereel.project.studies import StudyRow, read_studies_sheet, study_files, subjects_of
from onereel.project.tables import read_spec

if TYPE_CHECKING:
    from onereel.scenes.world import EditSet
    from onereel.studies.items import Subject

_DEFAULT_RESOURCES = {"threads": 1, "mem_mb": 4000, "runtime": 60, "gpu": 0}


@dataclass(frozen=True)
class Found:
    """Somebody else's sample: its own name, and where it is."""

    name: str
    source: str


class Model(NamedTuple):
    """Which trained part: runs for which all of this is the same share it.

    Attributes:
        clip: the clip that its training sees; `layout.NO_CLIP` where it sees none.
        method: the method's name.
        variant: the settings that training reads, and what else it sees: prompt, further inputs, backbones, artefacts.
        part: its name.
    """

    clip: str
    method: str
    variant: str
    part: str


class Read(NamedTuple):
    """What is read off a file that is a run's further input: the file, and which artefact."""

    source: str
    kind: str
    key: str


@dataclass(frozen=True)
class Plan:
    """What is to be made.

    Attributes:
        root: the repository's root; relative paths in the sheets start there.
        clips: rows of the clip sheet by name.
        runs: rows of the run sheet by name, one per (row, clip).
        tables: table descriptions by the tables' names.
        heldout: rows of the held-out sheet by name, one per (row, clip).
        clip_sheet: the file that the clips' rows stand in.
        editor_rows: rows of the run sheet on known edits, by name.
        edits_sheet: the sheet of known edits; None for none.
        studies: rows of the sheet of studies by name.
        comparisons: descriptions of comparisons by name.
    """

    root: Path
    clips: Mapping[str, ClipRow]
    runs: Mapping[str, RunRow]
    tables: Mapping[str, Path]
    heldout: Mapping[str, HeldOutRow] = field(default_factory=dict)
    clip_sheet: Path = Path()
    editor_rows: Mapping[str, RunRow] = field(default_factory=dict)
    edits_sheet: Path | None = None
    studies: Mapping[str, StudyRow] = field(default_factory=dict)
    comparisons: Mapping[str, Path] = field(default_factory=dict)

    @cached_property
    def drawn(self) -> dict[str, RunRow]:
        """Runs whose samples a method of ours draws."""
        return {name: run for name, run in self.runs.items() if not run.external}

    @cached_property
    def external(self) -> dict[str, dict[str, Found]]:
        """What was found of the runs whose samples somebody else made, by the samples' names in our folders."""
        return {name: _found(self.resolve(run.source)) for name, run in self.runs.items() if run.external}

    @cached_property
    def computed(self) -> dict[str, RunRow]:
        """Everything that a method of ours computes: drawn runs, tests as runs on their known frames, and edits."""
        tests = {test.run.run: test.run for test in self.heldout.values()}
        edits = {run.run: run for runs in self.editor_runs.values() for run in runs.values()}
        return {**self.drawn, **tests, **edits}

    @cached_property
    def edit_sets(self) -> "dict[str, EditSet]":
        """The sets of known edits, by name. Takes a moment: it loads what renders them."""
        if self.edits_sheet is None:
            return {}
        from onereel.metrics.edits.settings import read_edits_config

        return read_edits_sheet(self.edits_sheet, read_edits_config(self.root / "config/edits.yaml").benchmark)

    @cached_property
    def editors(self) -> dict[str, EditorRow]:
        """Rows of the run sheet on known edits."""
        return editors_of(self.editor_rows, self.edit_sets) if self.editor_rows else {}

    @cached_property
    def editor_runs(self) -> dict[str, dict[str, RunRow]]:
        """The runs of every editor that is a method of ours, by the edits' names."""
        return {name: editor.runs for name, editor in self.editors.items() if not editor.row.external}

    @cached_property
    def edited_clips(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Clips of the known edits that editors run on, by set and name: of which edit, ``source`` or ``mask``."""
        found: dict[str, dict[str, tuple[str, str]]] = {}
        for name, runs in self.editor_runs.items():
            of_set = found.setdefault(self.editors[name].edits, {})
            for edit, run in runs.items():
                of_set.setdefault(run.clip, (edit, "source"))
                for mask in filter(is_known_edit, clips_and_files(run.inputs)[0].values()):
                    of_set[mask] = edit, "mask"
        return found

    def source_of_outputs(self, editor: str) -> str:
        """Where somebody else's outputs for known edits lie; "" for a method of ours."""
        source = self.editors[editor].row.source
        return self.resolve(source) if source else ""

    def outputs_found(self, editor: str) -> tuple[str, ...]:
        """Names of somebody else's outputs for known edits."""
        return tuple(_found(self.source_of_outputs(editor)))

    def study_subjects(self, study: str) -> "list[Subject]":
        """What a study can show: clips or edits with the films of its methods.

        Raises: ConfigError for a method without any.
        """
        return subjects_of(self, self.studies[study])

    def study_edits(self, study: str) -> dict[str, Any] | None:
        """The set of known edits of a study, as plain values; None for a study of clips."""
        edits = self.studies[study].edits
        return self.edit_sets[edits].model_dump(mode="json") if edits else None

    def study_inputs(self, study: str) -> list[str]:
        """What jobs make that a study is built of: clips, samples, and folders of edits."""
        return study_files(self.study_subjects(study))

    @cached_property
    def compared(self) -> dict[str, Comparison]:
        """Comparisons by name.

        Raises: ConfigError for a damaged description, or one that names rows which are not there.
        """
        found = {name: read_comparison(path) for name, path in self.comparisons.items()}
        for name, asked in found.items():
            check_comparison(name, asked, self.editors, self.runs)
        return found

    def compared_runs(self, name: str) -> list[dict[str, Any]]:
        """The samples that a comparison reads, as plain values: what they are called together, and of each run its
        name, settings, samples and the clips that it is given."""
        asked = self.compared[name]
        return [
            {
                "label": label,
                "run": run,
                "samples": [str(layout.samples_of(run) / f"{sample}.mkv") for sample in self.samples(run)],
                "config": {} if self.runs[run].external else self.configs[run].model_dump(mode="json"),
                "given": self._clips_given(run),
            }
            for label, pattern in asked.patterns.items()
            for run in matching(pattern, self.runs)
        ]

    def _clips_given(self, run: str) -> dict[str, str]:
        """The clips that a run reads, by role; its own is ``clip``."""
        reads = self.inputs(run)
        return {**reads.get("clips", {}), **({CLIP: reads[CLIP]} if CLIP in reads else {})}

    @cached_property
    def known_clips(self) -> dict[str, tuple[str, HoldOut]]:
        """The clip, and how it is split, of every clip of known frames; the longest horizon where tests share it."""
        splits: dict[str, tuple[str, HoldOut]] = {}
        for test in sorted(self.heldout.values(), key=lambda test: test.split.horizon):
            # How many origins there are says nothing of the known frames.
            splits[test.known] = test.clip, replace(test.split, origins=None)
        return splits

    @cached_property
    def heldout_kinds(self) -> tuple[Kind, ...]:
        """The kinds of tests that there are."""
        return tuple(kind for kind in Kind if any(test.split.kind is kind for test in self.heldout.values()))

    @cached_property
    def configs(self) -> dict[str, MethodConfig]:
        """Settings of everything that is computed."""
        return {name: _configure(self.root, run) for name, run in self.computed.items()}

    @cached_property
    def models(self) -> dict[Model, RunRow]:
        """One run for each part that must be trained: of several one that sets a guard."""
        return {
            model: run
            for name, run in sorted(self.computed.items(), key=lambda item: self._sets_a_guard(item[0]))
            for model in self.models_of(name).values()
        }

    @cached_property
    def sharing(self) -> dict[Model, tuple[str, ...]]:
        """The runs that need a part, by the part."""
        found: dict[Model, list[str]] = {}
        for name in self.computed:
            for model in self.models_of(name).values():
                found.setdefault(model, []).append(name)
        return {model: tuple(runs) for model, runs in found.items()}

    def _sets_a_guard(self, run: str) -> bool:
        return not self.configs[run].guards.isdisjoint(self.computed[run].settings)

    @cached_property
    def texts(self) -> dict[str, str]:
        """Prompts of all runs by the name of their embedding's file."""
        prompts = (run.prompt for run in self.computed.values() if run.prompt)
        return {layout.text_of(prompt).stem: prompt for prompt in prompts}

    @cached_property
    def inputs_read(self) -> dict[str, Read]:
        """What methods require of files that are further inputs, by the path of the artefact."""
        found = {}
        for name, run in self.computed.items():
            _, files = clips_and_files(run.inputs)
            for (role, kind), key in self.requires(name).items():
                if role in files:
                    source = self.resolve(files[role])
                    found[str(layout.input_of(source, kind, key))] = Read(source, kind, key)
        return found

    def previewed(self, names: Sequence[str]) -> tuple[str, ...]:
        """Clips whose depth, motion and embeddings the report shows; ``*`` stands for every clip of a run.

        Raises: ConfigError for a name that is no clip.
        """
        shown = {run.clip for run in self.runs.values() if run.clip}
        for name in names:
            if name != "*" and name not in shown:
                remedy = f"{did_you_mean(name, sorted(shown))} (in config.yaml, or * for all)"
                raise ConfigError(f"previews: '{name}'", "no run has such a clip", remedy)
        return tuple(sorted(shown if "*" in names else names))

    def resolve(self, path: str) -> str:
        """A path of a sheet as seen from the working directory; URLs, scenes and absolute paths stay as they are."""
        if "://" in path or path.startswith("scene:") or Path(path).is_absolute():
            return path
        return str(self.root / path)

    def source(self, clip: str) -> str:
        """A clip's source as the job finds it."""
        return self.resolve(self.clips[clip].source)

    @cached_property
    def kept(self) -> tuple[str, ...]:
        """Clips that were made of a source which is gone: whoever made them again would lose them."""
        return tuple(
            clip for clip in self.clips if self._is_gone(clip) and is_whole(Result("clip", layout.CLIPS, clip))
        )

    def _is_gone(self, clip: str) -> bool:
        source = self.source(clip)
        # Of a link to a disk that is not there, an empty folder, and what may not be read, nothing can be made either.
        there = any(os.access(file, os.R_OK) for file in _files(source))
        return not (_is_elsewhere(source) or there)

    def check_sources(self) -> None:
        """Refuse clips that cannot be made, since there is nothing at their source.

        Raises: ConfigError naming the clip, what is wrong with its source, and what to do.
        """
        for name, row in self.clips.items():
            where, source = f"{self.clip_sheet}: clip '{name}'", self.source(name)
            made = Path(os.path.relpath(source)) if not _is_elsewhere(source) else Path()
            if name in self.kept or self._is_output(made):
                continue
            if is_scene(source):
                _check_scene(where, source)
            elif not _is_elsewhere(source) and self._is_gone(name):
                raise ConfigError(where, *_nothing_at(source, row.source))

    def made_here(self, source: str) -> list[str]:
        """Files of a source that jobs of this plan make, as their outputs call them.

        Only these are inputs of a rule. Snakemake reads braces in an input's name as wildcards, looks at its date, and
        stops everything where one is missing: of other files the parameters say what they hold.
        """
        return [path for path in map(os.path.relpath, _files(source)) if self._is_output(Path(path))]

    def _is_output(self, path: Path) -> bool:
        if path.suffix not in (".mkv", ".mp4"):
            return False
        if path.parent == layout.CLIPS:
            return path.stem in self.clips or path.stem in self.known_clips or is_known_edit(path.stem)
        run = path.parent.name
        return path.parent == layout.samples_of(run) and run in self.runs and path.stem in self.samples(run)

    def samples(self, run: str) -> tuple[str, ...]:
        """Names of a run's samples."""
        return tuple(self.external[run]) if run in self.external else self.runs[run].seeds

    def clip_settings(self, clip: str) -> dict[str, Any]:
        """Everything of a clip's row that its frames depend on, with the source as the job finds it.

        What a job is told is on record. An address with a password or a token is therefore told without; its hash says
        when it changes (not of the password, which changes no frame), and its sheet where the job finds it whole.
        """
        row = asdict(self.clips[clip])
        source = self.source(clip)
        shown = without_password(source)
        if shown == source:
            return {**row, "source": source}
        address = hashlib.sha256(split_login(source)[0].encode()).hexdigest()
        return {**row, "source": shown, "address": address, "sheet": str(self.clip_sheet)}

    def request(self, run: str, sample: str) -> dict[str, Any]:
        """What a sample's record says was asked for: the fields of `onereel.jobs.sampling.SampleRequest`."""
        row = self.computed[run]
        names = ("run", "clip", "method", "preset", "prompt")
        plain = {name: getattr(row, name) for name in names}
        return {**plain, "task": str(row.task), "settings": dict(row.settings), "seed": int(sample)}

    def external_request(self, run: str, sample: str) -> dict[str, Any]:
        """The same for a sample that somebody else made, with its own name."""
        row, found = self.runs[run], self.external[run][sample]
        return {"run": row.run, "clip": row.clip, "method": row.method, "task": str(row.task), "name": found.name}

    def evaluation(self, run: str) -> dict[str, Any]:
        """What the metrics of a run depend on besides its clips."""
        row = self.runs[run]
        # Other people's samples of another size may be a mistake; ours have it because the run asked for it.
        align = row.align or ("" if row.external else "keep")
        return {
            "run": run,
            "clip": row.clip,
            "method": row.method,
            "samples": self.samples(run),
            "align": align,
            "prompt": row.prompt or (self.clips[row.clip].caption if row.clip else ""),
            "flow_of": "source" if row.task in EDITS and row.clip else "sample",
        }

    def metrics(self, run: str, always: Sequence[str], of_edits: Sequence[str]) -> tuple[str, ...]:
        """What is measured of a run: `of_edits` only of edits, and of the calibration of clips that are edited."""
        row = self.runs[run]
        calibrates = not row.external and load_method(row.method).calibration
        if row.task in EDITS or (calibrates and row.clip in self._edited):
            return tuple(dict.fromkeys([*always, *of_edits]))
        return tuple(always)

    @cached_property
    def _edited(self) -> frozenset[str]:
        """Clips that some run edits."""
        return frozenset(run.clip for run in self.runs.values() if run.task in EDITS)

    def record_samples(self) -> None:
        """Say in the runs' folders which samples are the runs' own; they may hold those of older rows.

        `onereel evaluate` on such a folder takes no others. What else is called as such a record is left as it is.
        """
        for name, row in self.runs.items():
            request = {key: value for key, value in row.plain().items() if key not in ("samples", "seed")}
            if drawn := [
                sample for sample in self.samples(name) if (layout.samples_of(name) / f"{sample}.mkv").is_file()
            ]:
                with suppress(ConfigError):
                    RunRecord(layout.samples_of(name)).name(request, drawn)

    def models_of(self, run: str) -> dict[str, Model]:
        """The trained parts of a run by their names."""
        row, parts = self.computed[run], self.parts(run)
        found = {}
        for part in parts:
            seen = sees(parts, part)
            clip = row.clip if CLIP in seen and row.clip else layout.NO_CLIP
            found[part] = Model(clip, row.method, self._variant(run, seen), part)
        return found

    def _variant(self, run: str, seen: Collection[str]) -> str:
        """Name of all that tells apart what one method trains on one clip."""
        row = self.computed[run]
        trained = self.configs[run].trained_with()
        told = [row.preset]
        if trained != _configure(self.root, replace(row, settings={})).trained_with():
            told.append(_short_hash(trained))
        if besides := self._besides(run, seen):
            told.append(_short_hash(besides))
        return "-".join(told)

    def _besides(self, run: str, seen: Collection[str]) -> dict[str, Any]:
        """What a training sees besides the clip and the settings."""
        row = self.computed[run]
        artefacts = [
            [role, kind, key] for (role, kind), key in sorted(self.requires(run).items()) if reads_of(role) in seen
        ]
        besides = {
            PROMPT: row.prompt if PROMPT in seen else "",
            INPUTS: dict(row.inputs) if INPUTS in seen else {},
            BACKBONES: list(self.backbones(run)) if BACKBONES in seen else [],
            "artefacts": artefacts,
        }
        return {name: value for name, value in besides.items() if value}

    def requires(self, run: str) -> Artefacts:
        """Preprocessed artefacts by role and kind, with their keys."""
        row = self.computed[run]
        return load_method(row.method).requires(row.task, self.configs[run])

    def inputs(self, run: str, part: str = "") -> dict[str, Any]:
        """What a run reads, JSON-ready, as `onereel.jobs.inputs.read_inputs` takes it.

        Args:
            run: its name.
            part: a trained part of it, for what its training reads; "": everything.
        """
        row = self.computed.get(run) or self.runs[run]
        reads = self.parts(run)[part].reads if part else {CLIP, PROMPT, INPUTS}
        clips, files = clips_and_files(row.inputs if INPUTS in reads else {})
        found = {
            "clip": str(layout.clip_of(row.clip)) if row.clip and CLIP in reads else "",
            "clips": {role: str(layout.clip_of(clip)) for role, clip in clips.items()},
            "files": {role: self.resolve(path) for role, path in files.items()},
            "artefacts": [[*key, path] for key, path in self._artefacts(run).items() if reads_of(key[0]) in reads],
            "prompt": row.prompt if PROMPT in reads else "",
        }
        return {name: value for name, value in found.items() if value}

    def _artefacts(self, run: str) -> dict[tuple[str, str], str]:
        """Where the preprocessed artefacts of a run lie, by role and kind; of inputs that it does not give there are
        none."""
        if run not in self.computed:
            return {}
        row = self.computed[run]
        clips, files = clips_and_files(row.inputs)
        clips[CLIP] = row.clip
        found = {}
        for (role, kind), key in self.requires(run).items():
            if role == PROMPT and row.prompt:
                found[role, kind] = str(layout.text_of(row.prompt))
            elif role in files:
                found[role, kind] = str(layout.input_of(self.resolve(files[role]), kind, key))
            elif clips.get(role):
                found[role, kind] = layout.ARTEFACTS[kind].format(clip=clips[role], key=key)
        return found

    def made_of(self, inputs: Mapping[str, Any]) -> list[str]:
        """Which of the files that a run reads (see `inputs`) jobs of this plan make: the inputs of its rule."""
        stored = [inputs.get("clip", ""), *inputs.get("clips", {}).values()]
        stored += [path for _, _, path in inputs.get("artefacts", ())]
        given = [made for path in inputs.get("files", {}).values() for made in self.made_here(path)]
        return list(dict.fromkeys([*filter(None, stored), *given]))

    def backbones(self, run: str) -> tuple[str, ...]:
        """Pretrained networks that the run's method builds on: roles or entries of the list of weights."""
        row = self.computed[run]
        return load_method(row.method).backbones(row.task, self.configs[run])

    def parts(self, run: str) -> Mapping[str, Part]:
        """Trained parts: what each needs and reads."""
        row = self.computed[run]
        return load_method(row.method).parts(row.task, self.configs[run])


def read(
    root: Path,
    *,
    clips: str,
    runs: str,
    tables: Sequence[str],
    metrics: Sequence[str],
    heldout: str = "",
    edits: str = "",
    studies: str = "",
    comparisons: Sequence[str] = (),
) -> Plan:
    """Read and check the sheets. Everything that can be wrong before a job starts is said here.

    Args:
        root: the repository's root.
        clips: the clip sheet.
        runs: the run sheet.
        tables: table descriptions.
        metrics: names to check, as the tables are with them; none where another process has checked both.
        heldout: the held-out sheet; none where it is empty.
        edits: the sheet of known edits; none where it is empty.
        studies: the sheet of studies; none where it is empty.
        comparisons: descriptions of comparisons.

    Raises: OnereelError in one line.
    """
    clip_rows = read_clip_sheet(root / clips)
    every_row = read_run_sheet(root / runs, clip_rows)
    run_rows = {name: row for name, row in every_row.items() if not row.on_known_edits}
    editor_rows = {name: row for name, row in every_row.items() if row.on_known_edits}
    every = main_clips(run_rows.values(), tuple(clip_rows))
    heldout_rows = read_heldout_sheet(root / heldout, clip_rows, every) if heldout else {}
    described = _described(root, tables, "table")
    plan = Plan(
        root,
        clip_rows,
        run_rows,
        described,
        heldout_rows,
        clip_sheet=root / clips,
        editor_rows=editor_rows,
        edits_sheet=root / edits if edits else None,
        studies=read_studies_sheet(root / studies, clip_rows, every) if studies else {},
        comparisons=_described(root, comparisons, "comparison"),
    )
    if metrics:
        _check_metrics(metrics)
        for table in plan.tables.values():
            read_spec(table)
    for test in plan.heldout.values():  # before any settings are read: these say more
        check_task(load_method(test.method), test.split.kind.task)
        check_settings(test, load_method(test.method))
    for name, run in plan.drawn.items():
        check_task(load_method(run.method), run.task)
        plan.configs[name]  # raises for settings that do not fit
        check_seeds(f"run '{name}'", run.seed, run.samples)
        _check_given(plan, run, load_method(run.method))
    for test in plan.heldout.values():
        check_artefacts(test, load_method(test.method), plan.configs[test.run.run])
        check_seeds(f"held-out test '{test.test}'", test.seed, test.samples)
    for name, runs_of in plan.editor_runs.items():
        method = load_method(plan.editors[name].row.method)
        check_task(method, plan.editors[name].row.task)
        run = next(iter(runs_of.values()))
        plan.configs[run.run]  # raises for settings that do not fit
        _check_given(plan, run, method)
    _ = plan.external, plan.compared
    return plan


def check_places(plan: Plan) -> None:
    """Refuse a plan by which the workflow would delete what is not its own.

    Snakemake deletes the outputs of a job before the job starts: a source that lies where its own clip will, or any
    file there that onereel did not write, would be gone.

    Raises: ConfigError naming the file and what to do.
    """
    own = {f"clip '{name}'": [Result("clip", layout.CLIPS, name)] for name in (*plan.clips, *plan.known_clips)}
    own |= {
        f"known edit '{name}'": [Result("clip", layout.CLIPS, name)]
        for clips in plan.edited_clips.values()
        for name in clips
    }
    for run in plan.runs:
        drawn = [Result("sample", layout.samples_of(run), sample) for sample in plan.samples(run)]
        own[f"run '{run}'"] = [*drawn, Result("metrics", layout.METRICS, run, ())]
    resolved = cache(Path.resolve)  # every folder once: it holds many files
    places = {
        resolved(path.parent) / path.name: owner
        for owner, results in own.items()
        for result in results
        for path in result.paths
    }
    closed = {f"run '{run}'": [(layout.samples_of(run)).resolve()] for run in plan.external}
    always = [folder.resolve() for folder in layout.EMPTIED]
    for owner, file in _read(plan):
        # Links are followed in a file's folder, too: deleting a link leaves what it points to.
        spots = {resolved(file.parent) / file.name, file.resolve()}
        if any(places.get(spot) == owner for spot in spots):
            raise ConfigError(f"{owner}: '{file}'", "lies where the workflow writes, and would be deleted", _MOVE)
        if any(spot.is_relative_to(folder) for spot in spots for folder in (*always, *closed.get(owner, ()))):
            raise ConfigError(f"{owner}: '{file}'", "lies in a folder that the workflow empties", _MOVE)
    for owner, results in own.items():
        for result in results:
            if (path := foreign(result)) is not None:
                problem = f"is in the place of a {result.kind}, and onereel did not write it"
                raise ConfigError(f"{owner}: '{path}'", problem, "move it away, or choose another name in the sheet")
    studies = [place(study) for study in plan.studies for place in (layout.study_page, layout.simulated_study)]
    for folder in (*layout.VISITED, *studies):
        check_folder(folder)


def check_due(plan: Plan, due: Iterable[tuple[str, Sequence[str]]], *, weights: str, metrics: Sequence[str]) -> None:
    """Refuse jobs that would delete what they cannot make, or what somebody changed, before the first one starts.

    Args:
        plan: the plan.
        due: rule and outputs of every job that is going to run.
        weights: the mode; ``real`` needs weights that were fetched.
        metrics: names of those that are measured.

    Raises: ConfigError or WeightsError.
    """
    rules = set()
    for rule, outputs in due:
        rules.add(rule)
        manifest = next((Path(path) for path in outputs if path.endswith(".json")), None)
        kind = _KINDS.get(rule)
        if kind and manifest:
            suffixes = tuple(Path(path).suffix for path in outputs if not path.endswith(".json"))
            check_unchanged(Result(kind, manifest.parent, manifest.stem, suffixes))
    if weights == "real":
        _check_real_weights(plan, rules, metrics)


def _check_real_weights(plan: Plan, rules: set[str], metrics: Sequence[str]) -> None:
    from onereel.metrics.registry import REGISTRY  # seconds, and so are the weights; only this mode needs them
    from onereel.weights.store import Weights

    backbones = [name for run in plan.computed for name in plan.backbones(run)]
    roles: dict[str, set[str | None]] = {
        "evaluate": {REGISTRY[name].extractor for name in metrics},
        **{rule: set(backbones) for rule in ("train", "sample", "edit")},
        "conduct": {"flow", *backbones},
        "estimate_depth": {"depth"},
        "estimate_flow": {"flow"},
        "embed_clip": {"clip"},
        "embed_text": {"clip"},
    }
    needed = {role for rule in rules & roles.keys() for role in roles[rule] if role}
    for role in sorted(needed):
        Weights().resolve(role, "real")


_KINDS: Mapping[str, Written] = {
    "ingest": "clip",
    "hold_out": "clip",
    "sample": "sample",
    "import_sample": "sample",
    "evaluate": "metrics",
}
"""What the jobs of a rule write whose outputs say that they are ours."""

_MOVE = "move it, e.g. to data/sources, and name it there"


def _read(plan: Plan) -> Iterator[tuple[str, Path]]:
    """Every file that the sheets name, with the row that does."""
    for clip in plan.clips:
        yield from ((f"clip '{clip}'", Path(file)) for file in _files(plan.source(clip)))
    for run, samples in plan.external.items():
        yield from ((f"run '{run}'", Path(file)) for found in samples.values() for file in _files(found.source))
    for run, row in plan.drawn.items():
        files = clips_and_files(row.inputs)[1].values()
        yield from ((f"run '{run}'", Path(file)) for path in files for file in _files(plan.resolve(path)))


def _short_hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def _described(root: Path, paths: Sequence[str], kind: str) -> dict[str, Path]:
    """Descriptions of tables, or of comparisons, by their names."""
    found: dict[str, Path] = {}
    for path in paths:
        where, name = f"{kind} '{path}'", Path(path).stem
        if not (root / path).is_file():
            raise ConfigError(where, "no such file", "name a file of config/tables in config.yaml")
        if not set("{}<>").isdisjoint(path):  # Snakemake's own signs in names of files
            raise ConfigError(where, "its path holds one of { } < >", "name it otherwise")
        found[unique(where, kind, check_name(where, kind, name), found)] = root / path
    return found


def present_weights(root: Path, mode: str, roles: Collection[str] = ()) -> list[str]:
    """Records of the weights that were fetched: what ``auto`` and ``real`` jobs depend on.

    Args:
        root: the repository's root.
        mode: the mode; ``stand-in`` never uses them.
        roles: roles or names of the networks that the job uses; none named: all.
    """
    if mode == "stand-in":
        return []
    records = sorted((root / layout.WEIGHTS).glob("*/weights.json"))
    if records and roles:
        entries = _weights_list(root)
        named = {name for name, entry in entries.items() if name in roles or _roles_of(entry) & set(roles)}
        records = [path for path in records if path.parent.name in named]
    return [str(path) for path in records]


def resources(root: Path, run: RunRow, rule: str) -> dict[str, Any]:
    """Threads, memory (MB), run time (minutes) and GPUs of a job, as the YAML of the run's method asks.

    A test draws samples, many in one job: it gets what a sample gets, but where the YAML has an entry of its own. What
    an entry named as the run's preset says comes last.
    """
    asked = read_method_file(run.method, root / "config/methods")["resources"]
    base = asked.get("sample", {}) if rule == "heldout" else {}
    return {**_DEFAULT_RESOURCES, **base, **asked.get(rule, {}), **asked.get(run.preset, {})}


def stand_ins(root: Path) -> list[str]:
    """Names of the stand-ins that this project trains: what entries of the lists of weights hold files of, one for each
    part, and named as its file.

    Raises: ConfigError if one is no YAML. What else is wrong with it, `onereel.weights.store` says, which takes
    longer.
    """
    entries = _weights_list(root)
    found = {name: entry for name, entry in entries.items() if isinstance(entry, dict)}
    stand_ins = {name: entry for name, entry in found.items() if entry.get("kind") == "stand-in"}
    single = [name for name, entry in stand_ins.items() if entry.get("file")]
    files = [file for entry in stand_ins.values() for file in (entry.get("files") or {}).values()]
    return [*single, *(Path(file["file"]).stem for file in files if isinstance(file, dict) and "file" in file)]


def needed_stand_ins(name: str) -> tuple[str, ...]:
    """The stand-ins that the training of another reads. Takes seconds: it imports what trains them."""
    from onereel.standins import find

    return find(name).needs


def _roles_of(entry: object) -> set[str]:
    """All roles of an entry of the list of weights, which nobody has checked."""
    if not isinstance(entry, dict):
        return set()
    further = entry.get("roles")
    return {str(entry.get("role")), *map(str, further if isinstance(further, list) else ())}


def _version(path: Path) -> tuple[Path, int]:
    """A file and when it was changed: what is read of it is kept by both."""
    return path, path.stat().st_mtime_ns if path.is_file() else 0


def weights_lists(root: Path) -> list[str]:
    """The files that say which weights there are: ``config/weights.yaml``, and ``config/backbones.yaml`` if any."""
    backbones = root / "config/backbones.yaml"
    return [str(root / "config/weights.yaml"), *([str(backbones)] if backbones.is_file() else [])]


def _weights_list(root: Path) -> dict[str, Any]:
    lists = [_entries(*_version(Path(path))) for path in weights_lists(root)]
    return {name: entry for listed in lists for name, entry in listed.items()}


@cache
def _entries(path: Path, _changed: int) -> Mapping[str, Any]:
    return read_yaml(path, "list of weights")


@cache
def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU; asks the system, because importing torch takes seconds."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def _found(source: str) -> dict[str, Found]:
    try:
        found = ingest.discover(source)
    except OSError as error:
        raise ClipError(f"samples '{source}'", f"cannot be read ({error.strerror})", "check the path") from error
    return {safe: Found(name, found[name]) for safe, name in safe_names(list(found)).items()}


def _is_elsewhere(source: str) -> bool:
    """Whether a source is no file: an address, or a scene."""
    return "://" in source or is_scene(source)


def _check_scene(where: str, source: str) -> None:
    """Refuse a scene that there is not; what else is wrong with its parameters, its job says."""
    from onereel.scenes import scene_names  # loads what renders them

    name = source.removeprefix("scene:").partition("?")[0]
    if name not in scene_names():
        raise ConfigError(f"{where}, source '{source}'", "no such scene", did_you_mean(name, scene_names()))


def _nothing_at(source: str, cell: str) -> tuple[str, str]:
    """What is wrong with a source at which there is nothing to read, and what to do."""
    problem = f"its source '{cell}' is there, but holds nothing that can be read"
    if _is_there(source):
        return problem, "check its permissions, or name a video or a folder with numbered pictures"
    problem = f"there is no file or folder '{cell}'" + (f" ('{source}')" if source != cell else "")
    # A source is free text, so that a space in it is no mistake; but a missing tab makes one cell of two.
    parts = cell.split()
    if any(_is_there(" ".join(parts[:count])) for count in range(1, len(parts))):
        return problem, "put a tab, and no spaces, behind the source"
    folder = Path(source).parent
    names = sorted(path.name for path in folder.iterdir()) if _is_there(str(folder)) and folder.is_dir() else []
    if close := nearest(Path(source).name, names):
        return problem, suggest(folder / close)
    return problem, "correct the path; relative ones begin at the repository's root"


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a name that is too long, say
        return False


def _files(source: str) -> list[str]:
    try:
        path = Path(source)
        if path.is_dir():
            return sorted(str(item) for item in path.iterdir() if item.is_file())
        return [source] if path.is_file() else []
    except (OSError, ValueError):  # no permission, a name that is too long: the job says so
        return []


def _configure(root: Path, run: RunRow) -> MethodConfig:
    try:
        return configure(
            load_method(run.method), run.preset, run.settings, task=run.task, folder=root / "config/methods"
        )
    except ConfigError as error:
        kind, name = run.run.split(":")[:2] if ":" in run.run else ("", run.run)
        where = f"{'held-out test' if kind == 'heldout' else 'run'} '{name}', {error.where}"
        raise ConfigError(where, error.problem, error.remedy) from None


def _check_metrics(names: Sequence[str]) -> None:
    for name in names:
        if name not in NAMES:
            raise ConfigError(f"metric '{name}'", "no such metric", did_you_mean(name, NAMES))


def _check_given(plan: Plan, run: RunRow, method: Method) -> None:
    """Whether a row gives its task what it reads, and nothing else."""
    clips, files = clips_and_files(run.inputs)
    try:
        check_inputs(method, run.task, clips, {role: Path(plan.resolve(path)) for role, path in files.items()})
        # Rows that only tell what a number means are measured against the prompt of an edit.
        check_given(method, run.task, clip=bool(run.clip), prompt=bool(run.prompt) and not method.calibration)
    except MethodError as error:
        raise ConfigError(f"run '{run.run}', {error.where}", error.problem, error.remedy) from None
    for role, name in clips.items():
        if name not in plan.clips and not is_known_edit(name):
            raise ConfigError(f"run '{run.run}', input '{role}'", f"no clip '{name}'", "add it to the clip sheet")
    for role, path in files.items():
        if not _is_there(plan.resolve(path)):
            raise ConfigError(f"run '{run.run}', input '{role}'", f"no file '{path}'", "name a file, or clip:NAME")
