"""Clips side by side, in step, in a notebook or a browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onereel.base.files import write_text
from onereel.video.clip import Clip
from onereel.video.players import WIDTH, players


@dataclass(frozen=True)
class Shown:
    """Clips that play side by side; a notebook shows them by itself.

    Attributes:
        html: a piece of a page, with all that it needs.
    """

    html: str = field(repr=False)

    def save(self, path: Path | str) -> Path:
        """Write a page that any browser opens."""
        target = Path(path)
        write_text(target, f"<!doctype html><meta charset='utf-8'><title>onereel</title>\n{self.html}\n")
        return target

    def _repr_html_(self) -> str:
        return self.html


def show(*clips: Clip, titles: Sequence[str] = (), width: int = WIDTH) -> Shown:
    """Play clips side by side, in step with the first.

    Args:
        clips: at least one.
        titles: one for each; without them what their records say, and "input" for a clip without.
        width: pixels of each.

    Raises: ValueError for no clip, or not as many titles as clips.
    """
    if not clips or (titles and len(titles) != len(clips)):
        raise ValueError("show needs clips, and a title for each or none")
    said = titles or [_title(clip) for clip in clips]
    return Shown(players(clips, said, width))


def _title(clip: Clip) -> str:
    record = getattr(clip, "record", None)
    if not record:
        return "input"
    prompt = f": {record['prompt']}" if record.get("prompt") else ""
    return f"{record['method']}, {record['preset']}, seed {record['seed']}{prompt}"
