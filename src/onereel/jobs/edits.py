"""Known edits in the workflow: their clips, every editor's outputs, what the judge makes of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from onereel import ingest
from onereel.base.errors import OnereelError
from onereel.base.files import read_json, write_json
from onereel.base.progress import Progress
from onereel.ingest.store import write_frames
from onereel.jobs.inputs import read_inputs
from onereel.jobs.sampling import SampleRequest, draw, write_sample
from onereel.methods import Job, Method
from onereel.metrics.edits import Judge, made_here, read_edits_config
from onereel.metrics.edits.benchmark import Benchmark
from onereel.metrics.edits.scoring import FITS, Outputs, Scores, score
from onereel.scenes.world import EditSet
from onereel.video import clip as clips
from onereel.video.clip import Clip

SOURCE, TRUTH = "source", "true edit"
"""Names of `EXTERNALS` that the page shows beside every editor."""


def write_clips(asked: EditSet, wanted: Mapping[str, tuple[str, str]], folder: Path, progress: Progress) -> None:
    """Store sources and masks of a set of known edits as clips.

    Args:
        asked: the set.
        wanted: by the clips' names, of which edit, and ``source`` or ``mask``: white where it may change.
        folder: where they go.
        progress: watches the edits.
    """
    for edit in asked.edits(progress):
        made = {"source": edit.source, "mask": edit.mask[..., None].repeat(3, -1).astype(np.uint8) * 255}
        for name, (of, what) in wanted.items():
            if of == edit.name:
                clip = Clip(made[what], edit.fps)
                told = {"name": name, "source": f"{what} of the known edit {of}", "caption": edit.source_prompt}
                write_frames("clip", folder, name, clip, {**told, "size": list(clip.size), "fps": str(clip.fps)})


def make_edits(method: Method, asked: Mapping[str, Mapping[str, Any]], job: Job, folder: Path) -> None:
    """Draw an editor's output for every edit: ``{edit}.mkv``, ``.mp4`` and ``.json``.

    Args:
        method: the editor.
        asked: by the edits' names ``request``, ``config``, ``inputs`` and ``models``, as plain values.
        job: without models: every edit has its own.
        folder: where they go.
    """
    for name, one in job.progress(asked.items(), total=len(asked), label="edits"):
        models = {part: Path(path) for part, path in one["models"].items()}
        place = Job(job.device, models=models, backbones=job.backbones, seed=job.seed)
        request = SampleRequest(**one["request"])
        config = method.Config.model_validate(one["config"])
        output, record = draw(method, request, read_inputs(**one["inputs"]), config, place)
        write_sample(folder, name, output, record)


def judge_editor(
    editor: str,
    outputs: Outputs,
    asked: EditSet,
    align: str,
    *,
    films: Path,
    out: Path,
    progress: Progress,
    preset: str = "",
) -> None:
    """Scores of one editor, and its outputs as films for the page.

    Args:
        editor: its name.
        outputs: videos by the edits' names.
        asked: the known edits.
        align: what may be done to outputs that do not fit.
        films: folder for ``{edit}.mp4``.
        out: JSON file for the scores.
        progress: watches the kinds.
        preset: of a method of ours; empty for others.
    """
    scores = score(_benchmark(asked), {editor: outputs}, _judge(), align=FITS[FITS.index(align)], progress=progress)
    scores.editors[editor] = replace(scores.editors[editor], preset=preset)
    write_scores(scores, out)
    films.mkdir(parents=True, exist_ok=True)
    for name in asked.requests.keys() & outputs.keys():
        try:
            clips.write_preview(films / f"{name}.mp4", ingest.load(outputs[name]))
        except OnereelError:
            continue  # the scores say why


def calibrate(asked: EditSet, *, films: Path, out: Path, progress: Progress) -> None:
    """Scores of outputs that are made from the truth, and source and true edit of every edit as films.

    Args:
        asked: the known edits.
        films: folder for ``{source or true-edit}/{edit}.mp4``, and ``asked.json``: prompts and kinds.
        out: JSON file for the scores.
        progress: watches the kinds.
    """
    write_scores(score(_benchmark(asked), {}, _judge(), calibration=made_here(), progress=progress), out)
    told = {}
    for edit in asked.edits():
        for name, frames in ((SOURCE, edit.source), (TRUTH, edit.answer)):
            clips.write_preview(film_folder(films, name) / f"{edit.name}.mp4", Clip(frames, edit.fps))
        told[edit.name] = {"kind": edit.kind, "prompt": edit.prompt, "source_prompt": edit.source_prompt}
    write_json(films / "asked.json", told)


def film_folder(folder: Path, name: str) -> Path:
    """Where films of that name lie."""
    return folder / re.sub(r"[^a-z0-9]+", "-", name)


def write_scores(scores: Scores, out: Path) -> None:
    """Scores, as JSON."""
    write_json(out, TypeAdapter(Scores).dump_python(scores, mode="json"))


def read_scores(path: Path) -> Scores:
    """What `write_scores` wrote."""
    return TypeAdapter(Scores).validate_python(read_json(path))


def drawn_outputs(folders: Sequence[Path]) -> dict[str, str]:
    """What `make_edits` wrote, by the edits' names."""
    return dict(sorted(_drawn(folders)))


def _drawn(folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    for folder in folders:
        yield from ((path.stem, str(path)) for path in folder.glob("*.mkv"))


def _benchmark(asked: EditSet) -> Benchmark:
    return Benchmark(asked, {})


def _judge() -> Judge:
    return Judge(thresholds=read_edits_config().thresholds)
