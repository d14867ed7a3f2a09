"""What was trained for a run's samples: which parts, how long, and the seed that makes them again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onereel.base.files import json_number, sha256_once
from onereel.report.load.records import Trained, read_record


@dataclass(frozen=True)
class TrainedPart:
    """One part.

    Attributes:
        name: of the part.
        seconds: wall time of its training, over all of its attempts; None where unknown.
        machine: what it was trained on; empty where unknown.
        seed: of its training; None where unknown.
    """

    name: str
    seconds: float | None
    machine: str = ""
    seed: int | None = None


def load_training(folders: Iterable[Path], records: Sequence[Mapping[str, Any]]) -> tuple[TrainedPart, ...]:
    """The parts that samples were drawn from, each by the digest of its weights.

    Args:
        folders: of what a method trained, one folder in each for every variant.
        records: of the samples, which name the weights they were drawn from.
    """
    used = {part: digest for record in records for part, digest in (record.get("weights") or {}).items()}
    found = [path for folder in folders for path in sorted(folder.glob("*/*.json")) if path.stem in used]
    names = [path.stem for path in found]
    parts = []
    for path in found:
        # Weights are hashed only where a part has several variants: it reads all of them.
        if names.count(path.stem) > 1 and _digest(path) != used[path.stem]:
            continue
        record = read_record(path, Trained) or {}
        device = str(record.get("device") or "cpu")
        machine = str(record.get("machine") or "")
        parts.append(
            TrainedPart(
                path.stem,
                json_number(record.get("seconds")),
                machine if device == "cpu" else f"{machine}, {device}",
                record.get("seed"),
            )
        )
    return tuple(parts)


def training_seconds(parts: Sequence[TrainedPart], records: Iterable[Mapping[str, Any]]) -> float | None:
    """How long all parts were trained, together; 0 where the samples name none, None where one is not known.

    Args:
        parts: what `load_training` found.
        records: of the samples.
    """
    wanted = {part for record in records for part in record.get("weights") or {}}
    known = {part.name: part.seconds for part in parts if part.seconds is not None}
    return sum(known[name] for name in wanted) if wanted <= known.keys() else None


def _digest(record: Path) -> str:
    weights = record.with_suffix(".safetensors")
    return sha256_once(weights) if weights.exists() else ""
