"""The command that makes a sample again, as one line for a shell, to be run in the project's folder."""

import json
import math
import shlex
from typing import Any

from onereel.base.parsing import clips_and_files
from onereel.project import layout
from onereel.project.runs import RunRow
from onereel.report.load.project import RunEntry, SampleEntry


def sample_command(run: RunEntry, sample: SampleEntry) -> str:
    """``onereel generate …`` for a sample of a method; for other people's samples ``onereel evaluate …``."""
    return shlex.join(_evaluate(run.row) if run.external else _generate(run, sample))


def _generate(run: RunEntry, sample: SampleEntry) -> list[str]:
    row = run.row
    words = ["onereel", "generate", *([str(layout.clip_of(row.clip))] if row.clip else [])]
    words += ["--method", row.method, "--task", str(row.task), "--preset", row.preset]
    words += ["--samples", "1", "--seed", sample.name]
    for key, value in row.settings.items():
        words += ["--set", f"{key}={_yaml(value)}"]
    words += ["--prompt", row.prompt] if row.prompt else []
    clips, files = clips_and_files(row.inputs)
    for role, clip in clips.items():
        words += ["--input", f"{role}=clip:{layout.clip_of(clip)}"]
    for role, path in files.items():
        words += ["--input", f"{role}={path}"]
    seeds = {part.seed for part in run.training if part.seed is not None}
    words += ["--training-seed", str(next(iter(seeds)))] if len(seeds) == 1 else []
    device = sample.record.get("device")
    words += ["--device", "cpu" if device == "cpu" else "cuda"] if device else []
    return [*words, "--out", f"samples/{row.run}"]


def _evaluate(row: RunRow) -> list[str]:
    words = ["onereel", "evaluate", *(["--reference", str(layout.clip_of(row.clip))] if row.clip else [])]
    words += ["--samples", row.source, *(["--align", row.align] if row.align else [])]
    return [*words, *(["--prompt", row.prompt] if row.prompt else []), "--out", f"{row.run}.json"]


def _yaml(value: Any) -> str:
    """A setting's value as the command line reads it: YAML on one line, of which JSON is nearly a part."""
    if isinstance(value, float) and math.isfinite(value):
        text = repr(value)
        return text.replace("e", ".0e", 1) if "e" in text and "." not in text else text  # 1e-05 would be a text
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    return json.dumps(value, ensure_ascii=False)
