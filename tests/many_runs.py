"""A generated project of many runs on disk, every method on ten clips: for the speed and the looks of the report."""

import os
import zlib
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from onereel.base.files import sha256_of, write_json, write_text
from onereel.methods.base import Task
from onereel.metrics.aggregate import summarise
from onereel.project.runs import RunRow
from onereel.report.load.project import Project, load_project
from onereel.report.page.visuals import visualise
from onereel.video import clip as clips
from onereel.video.clip import Clip
from tests.unit.test_report_project import MACHINE, moving_picture

CLIPS = ("balloons", "birds", "water", "tornado", "fish", "airballoons", "smoke", "flame", "crowd", "waves")
_SIZE = (8, 36, 64)
# Method, preset, settings, quality (lower is better), seconds of training, seconds a sample.
_METHODS: tuple[tuple[str, str, dict[str, Any], float, float, float], ...] = (
    ("vgpnn", "paper", {}, 0.006, 0, 41.0),
    ("vgpnn", "fast", {}, 0.007, 0, 9.0),
    ("vgpnn", "paper", {"alpha": 0.1}, 0.0075, 0, 40.0),
    ("vgpnn", "paper", {"noise_amplitude": 2}, 0.009, 0, 41.0),
    ("gpnn", "paper", {}, 0.017, 0, 16.0),
    ("hp_vae_gan", "fast", {}, 0.031, 1180.0, 0.4),
    ("hp_vae_gan", "paper", {}, 0.0085, 652_400.0, 0.9),
    ("singan_gif", "fast", {}, 0.028, 1240.0, 0.3),
    ("singan_gif", "paper", {}, 0.012, 148_000.0, 0.6),
    ("singan", "fast", {}, 0.062, 1090.0, 0.2),
    ("singan", "paper", {}, 0.041, 31_000.0, 0.3),
    ("sinfusion", "fast", {}, 0.019, 1150.0, 14.0),
    ("sinfusion", "paper", {}, 0.009, 55_000.0, 96.0),
    ("external:their_code", "demo", {}, 0.008, 0, 0.0),
)
_TASKS = (("vgpnn", Task.RETARGET), ("sinfusion", Task.EXTRAPOLATE), ("singan_gif", Task.LENGTHEN))
_CALIBRATION = {"itself": ("identity", 0.0), "shuffled": ("shuffle", 0.02), "noisy": ("noise", 0.09)}
_METRICS = (
    ("svfid", "SVFID (random C3D)", "lower", "", 1.0, True),
    ("sgfid", "SGFID (random Inception v3)", "lower", "", 20.0, True),
    ("coherence", "Coherence", "lower", "", 0.2, False),
    ("completeness", "Completeness", "lower", "", 0.3, False),
    ("nnfdiv", "NNFDIV", "higher", "", 40.0, False),
    ("nnfdist", "NNFDIST", "lower", "", 0.4, False),
    ("frame_consistency", "Frame consistency (random CLIP)", "higher", "", 90.0, True),
    ("warp_error", "Warp error", "lower", "", 0.05, False),
    ("psnr", "PSNR", "higher", "dB", 1900.0, False),
    ("ssim", "SSIM", "higher", "", 70.0, False),
)


def rows(count: int = 200) -> tuple[RunRow, ...]:
    """The run sheet: calibration on the first clip, other tasks on the first three, every method on every clip."""
    return tuple(_rows())[:count]


def _rows() -> Iterator[RunRow]:
    for preset in _CALIBRATION:
        yield RunRow(preset, CLIPS[0], "calibration", preset=preset)
    for (method, task), clip in product(_TASKS, CLIPS[:3]):
        yield RunRow(f"{clip}-{method}-{task}", clip, method, task=task, preset="fast")
    for number, (method, preset, settings, *_) in enumerate(_METHODS):
        for clip in CLIPS:
            external = method.startswith("external:")
            yield RunRow(
                f"{clip}-{number:02}",
                clip,
                method,
                preset=preset,
                samples=2,
                settings=settings,
                source=f"theirs/{clip}" if external else "",
            )
    for clip, alpha in product(CLIPS, (0.01, 0.03, 0.3, 1.0, 3.0, 10.0)):
        yield RunRow(f"{clip}-alpha-{alpha:g}", clip, "vgpnn", preset="fast", settings={"alpha": alpha})


def build_many(root: Path, count: int = 200, *, pictures: bool = True) -> Project:
    """Write the project below `root` and load it.

    Args:
        root: an empty folder.
        count: how many runs.
        pictures: whether players get pictures.

    All clips are one video under several names, and so are all samples: each is written and drawn once.
    """
    wanted = rows(count)
    used = tuple(dict.fromkeys(row.clip for row in wanted))
    clip = Clip(moving_picture(_SIZE), Fraction(12))
    sample = Clip(np.roll(clip.frames[::-1], 11, axis=2), clip.fps)
    for name, frames in (("clip", clip), ("sample", sample)):
        clips.write(root / f"shared/{name}.mkv", frames)
        clips.write_preview(root / f"shared/{name}.mp4", frames)
        if pictures:
            visualise(clip, None if name == "clip" else sample, root / "shared" / name)
    for name in used:
        _write_clip(root, name, clip, pictures=pictures)
    for row in wanted:
        _write_run(root, row, pictures=pictures)
    return load_project(root, runs=wanted, clips=used)


def _write_clip(root: Path, name: str, clip: Clip, *, pictures: bool) -> None:
    folder = root / "data/clips"
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in (".mkv", ".mp4"):
        os.link(root / f"shared/clip{suffix}", folder / f"{name}{suffix}")
    manifest = {"name": name, "source": f"footage/{name}.mov", "size": list(clip.size), "fps": str(clip.fps)}
    write_json(folder / f"{name}.json", manifest)
    if pictures:
        _link_all(root / "shared/clip", root / "results/visuals/clips" / name)


def _link_all(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for path in source.iterdir():
        os.link(path, target / path.name)


def _write_run(root: Path, row: RunRow, *, pictures: bool) -> None:
    folder = root / "results/samples" / row.run
    facts = next((one for one in _METHODS if one[:3] == (row.method, row.preset, row.settings)), _METHODS[0])
    weights = _trained(root, row, facts[4])
    for name in row.seeds:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix in (".mkv", ".mp4"):
            os.link(root / f"shared/sample{suffix}", folder / f"{name}{suffix}")
        write_json(folder / f"{name}.json", _record(row, name, weights, facts[5]))
        if pictures:
            _link_all(root / "shared/sample", root / "results/visuals/runs" / row.run / name)
    records = list(_measured(row, facts[3]))
    head = {"run": row.run, "clip": row.clip, "method": row.method}
    write_json(root / f"results/metrics/{row.run}.json", {**head, "records": records, "summary": summarise(records)})


def _trained(root: Path, row: RunRow, seconds: float) -> dict[str, str]:
    """The digests of what a run's samples were drawn from, written where they are missing."""
    if not seconds or row.external:
        return {}
    stem = root / "results/models" / row.clip / row.method / row.preset / "generator"
    if not stem.with_suffix(".json").exists():
        write_text(stem.with_suffix(".safetensors"), f"{row.clip} {row.method} {row.preset}")
        steps = (f"{step}\t{900 / (step + 1):.4f}\t{3 + step % 7}\n" for step in range(0, 2000, 20))
        write_text(stem.with_suffix(".curves.tsv"), "step\tloss\tcritic\n" + "".join(steps))
        write_json(stem.with_suffix(".json"), {"seconds": seconds, "machine": MACHINE, "device": "cpu", "seed": 0})
    return {"generator": sha256_of(stem.with_suffix(".safetensors"))}


def _record(row: RunRow, name: str, weights: dict[str, str], seconds: float) -> dict[str, Any]:
    kind = {"kind": _CALIBRATION[row.preset][0]} if row.method == "calibration" else {"alpha": 0.1, "patch": [3, 7, 7]}
    return {
        **row.plain(),
        "seed": name,
        "size": list(_SIZE),
        "fps": "12",
        "config": kind,
        "weights": weights,
        "seconds": None if row.external else seconds * (1 + 0.01 * int(name)),
        "peak_memory_mb": None if row.external else 900.0 + 40 * len(row.clip),
        "device": "cpu",
        "machine": MACHINE,
        "versions": {"python": "3.11.9", "onereel": "0.1.0", "torch": "2.13.0"},
        "commit": "0123456789ab",
        "created": "2026-01-02T03:04:05+00:00",
    }


def _measured(row: RunRow, quality: float) -> Iterator[dict[str, Any]]:
    draw = np.random.default_rng(zlib.crc32(row.run.encode()))
    quality = _CALIBRATION[row.preset][1] if row.method == "calibration" else quality
    names = list(row.seeds)
    for metric, column, better, unit, scale, stand_in in _METRICS:
        about = {
            "metric": metric,
            "title": column,
            "column": column,
            "better": better,
            "unit": unit,
            "note": "",
            "n": 1,
        }
        made = {"extractor": "a network" if stand_in else None, "stand_in": stand_in, "protocol": {"name": metric}}
        made["weights"] = "random 0123456789ab" if stand_in else None
        for name in names:
            value = quality * scale * draw.uniform(0.8, 1.25)
            yield {**about, **made, "sample": name, "value": value}
    yield {
        "metric": "diversity", "title": "Diversity", "column": "Diversity", "better": "higher", "unit": "", "note": "",
        "n": len(names), "sample": None, "value": float(draw.uniform(0.3, 0.6)), "stand_in": False,
        "protocol": {"name": "std"}, "extractor": None, "weights": None,
    }  # fmt: skip
