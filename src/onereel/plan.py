"""The sheets, resolved: which files each run needs and makes. Everything that the Snakefile knows of clips and runs."""

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from onereel import ingest
from onereel.errors import ConfigError
from onereel.ingest import ClipRow
from onereel.methods import MethodConfig, check_task, configure, load_method, read_method_file
from onereel.runs import RunRow, read_run_sheet

_DEFAULT_RESOURCES = {"threads": 1, "mem_mb": 4000, "runtime": 60, "gpu": 0}


@dataclass(frozen=True)
class Plan:
    """What is to be made.

    Attributes:
        root: the repository's root; relative paths in the sheets start there.
        clips: rows of the clip sheet by name.
        runs: rows of the run sheet by name, one per (row, clip).
        tables: table descriptions by the tables' names.
    """

    root: Path
    clips: Mapping[str, ClipRow]
    runs: Mapping[str, RunRow]
    tables: Mapping[str, Path]

    @cached_property
    def drawn(self) -> dict[str, RunRow]:
        """Runs whose samples a method of ours draws."""
        return {name: run for name, run in self.runs.items() if not run.external}

    @cached_property
    def external(self) -> dict[str, dict[str, str]]:
        """Sources by sample name of the runs whose samples somebody else made."""
        return {name: ingest.discover(self.resolve(run.source)) for name, run in self.runs.items() if run.external}

    @cached_property
    def configs(self) -> dict[str, MethodConfig]:
        """Settings of every drawn run."""
        return {name: _configure(self.root, run) for name, run in self.drawn.items()}

    @cached_property
    def models(self) -> dict[tuple[str, str, str, str], RunRow]:
        """One run for each (clip, method, variant, part) that must be trained."""
        return {
            (run.clip, run.method, self.variant(name), part): run
            for name, run in self.drawn.items()
            for part in self.parts(name)
        }

    def resolve(self, path: str) -> str:
        """A path of a sheet as seen from the working directory; URLs, scenes and absolute paths stay as they are."""
        if "://" in path or path.startswith("scene:") or Path(path).is_absolute():
            return path
        return str(self.root / path)

    def source_files(self, clip: str) -> list[str]:
        """Files that a clip is made of; none for scenes, URLs and what is not there.

        A missing file as a rule's input would stop every clip; left out, its own job says what is wrong.
        """
        return _files(self.resolve(self.clips[clip].source))

    def samples(self, run: str) -> tuple[str, ...]:
        """Names of a run's samples."""
        return tuple(self.external[run]) if run in self.external else self.runs[run].seeds

    def external_files(self, run: str, sample: str) -> list[str]:
        """Files that somebody else's sample is made of."""
        return _files(self.external[run][sample])

    def clip_settings(self, clip: str) -> dict[str, Any]:
        """Everything of a clip's row that its frames depend on, with the source as the job finds it."""
        row = asdict(self.clips[clip])
        return {**row, "source": self.resolve(row["source"])}

    def request(self, run: str, sample: str) -> dict[str, Any]:
        """What a sample's record says was asked for: the fields of `onereel.sampling.Request`."""
        row = self.runs[run]
        names = ("run", "clip", "method", "preset", "prompt")
        plain = {name: getattr(row, name) for name in names}
        return {**plain, "task": str(row.task), "settings": dict(row.settings), "seed": int(sample)}

    def external_request(self, run: str) -> dict[str, Any]:
        """The same for a run whose samples somebody else made."""
        row = self.runs[run]
        return {"run": row.run, "clip": row.clip, "method": row.method, "task": str(row.task)}

    def evaluation(self, run: str) -> dict[str, Any]:
        """What the metrics of a run depend on besides its clips."""
        row = self.runs[run]
        # Other people's samples of another size may be a mistake; ours have it because the run asked for it.
        align = row.align or ("" if row.external else "keep")
        return {"run": run, "clip": row.clip, "method": row.method, "samples": self.samples(run), "align": align}

    def variant(self, run: str) -> str:
        """Name of the settings that a run's models are trained with: runs that share it share their models."""
        row = self.runs[run]
        trained = self.configs[run].trained_with()
        if trained == _configure(self.root, replace(row, settings={})).trained_with():
            return row.preset
        return f"{row.preset}-{hashlib.sha256(json.dumps(trained, sort_keys=True).encode()).hexdigest()[:8]}"

    def requires(self, run: str) -> Mapping[str, str]:
        """Preprocessed artefacts by kind, with their keys."""
        row = self.drawn[run]
        return load_method(row.method).requires(row.task, self.configs[run])

    def parts(self, run: str) -> Mapping[str, tuple[str, ...]]:
        """Trained parts, each with those that it needs."""
        row = self.drawn[run]
        return load_method(row.method).parts(row.task, self.configs[run])


def read(root: Path, *, clips: str, runs: str, tables: Sequence[str], metrics: Sequence[str]) -> Plan:
    """Read and check the sheets. Everything that can be wrong before a job starts is said here.

    Args:
        root: the repository's root.
        clips: the clip sheet.
        runs: the run sheet.
        tables: table descriptions.
        metrics: names to check; none where another process has checked them.

    Raises: OnereelError in one line.
    """
    clip_rows = ingest.read_clip_sheet(root / clips)
    run_rows = read_run_sheet(root / runs, clip_rows)
    plan = Plan(root, clip_rows, run_rows, {Path(table).stem: root / table for table in tables})
    if metrics:
        _check_metrics(metrics)
    for table in plan.tables.values():
        if not table.is_file():
            raise ConfigError(f"table '{table}'", "no such file", "name a file of config/tables in config.yaml")
    for name, run in plan.drawn.items():
        check_task(load_method(run.method), run.task)
        plan.configs[name]  # raises for settings that do not fit
        _check_inputs(plan, run)
    _ = plan.external
    return plan


def present_weights(root: Path, mode: str) -> list[str]:
    """Records of the extractor weights that were fetched: what ``auto`` and ``real`` evaluations depend on."""
    return [] if mode == "stand-in" else sorted(str(path) for path in root.glob("data/weights/*/weights.json"))


def resources(root: Path, method: str, rule: str) -> dict[str, Any]:
    """Threads, memory (MB), run time (minutes) and GPUs of a job, as the method's YAML asks."""
    asked = read_method_file(method, root / "config/methods")["resources"].get(rule, {})
    return {**_DEFAULT_RESOURCES, **asked}


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU; asks the system, because importing torch takes seconds."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def _files(source: str) -> list[str]:
    path = Path(source)
    if path.is_dir():
        return sorted(str(item) for item in path.iterdir() if item.is_file())
    return [source] if path.is_file() else []


def _configure(root: Path, run: RunRow) -> MethodConfig:
    try:
        return configure(load_method(run.method), run.preset, run.settings, folder=root / "config/methods")
    except ConfigError as error:
        raise ConfigError(f"run '{run.run}', {error.where}", error.problem, error.remedy) from None


def _check_metrics(names: Sequence[str]) -> None:
    from onereel.metrics import metric_names  # seconds of imports that only this check needs

    known = metric_names()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(f"metric '{name}'", "no such metric", f"use {near[0] if near else ', '.join(known)}")


def _check_inputs(plan: Plan, run: RunRow) -> None:
    for role, value in run.inputs.items():
        where = f"run '{run.run}', input '{role}'"
        kind, _, name = value.partition(":")
        if kind == "clip" and name not in plan.clips:
            raise ConfigError(where, f"no clip '{name}'", "add it to the clip sheet")
        if kind != "clip" and not Path(plan.resolve(value)).exists():
            raise ConfigError(where, f"no file '{value}'", "name a file, or clip:NAME")
