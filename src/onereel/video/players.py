"""Clips as a piece of a page that holds all it needs: players side by side, in step with the first."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from onereel.video.clip import Clip, write_preview

WIDTH = 320
"""Pixels of a player; small clips are enlarged to it."""
_PLAYERS = """<div id="{name}" style="display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start">{players}</div>
<script>(() => {{
  const films = [...document.querySelectorAll("#{name} video")];
  const first = films[0];
  const follow = () => films.slice(1).forEach((film) => {{
    if (!film.duration) return;
    const wanted = first.currentTime % film.duration;
    if (Math.abs(film.currentTime - wanted) > 0.15) film.currentTime = wanted;
  }});
  first.addEventListener("timeupdate", follow);
  first.addEventListener("seeked", follow);
  first.addEventListener("play", () => films.forEach((film) => film.play()));
  first.addEventListener("pause", () => films.forEach((film) => film.pause()));
}})()</script>"""
_PLAYER = (
    '<figure style="margin:0"><video src="data:video/mp4;base64,{data}" width="{width}" {controls} autoplay loop muted '
    'playsinline style="image-rendering:auto;background:#8883"></video>'
    '<figcaption style="font:13px sans-serif;max-width:{width}px">{title}</figcaption></figure>'
)


def players(clips: Sequence[Clip], titles: Sequence[str], width: int = WIDTH) -> str:
    """HTML of at least one clip.

    Args:
        clips: what plays.
        titles: a caption for each; "": none.
        width: pixels of each.
    """
    made = [
        _PLAYER.format(
            data=_mp4(clip), width=width, title=html.escape(title), controls="controls" if index == 0 else ""
        )
        for index, (clip, title) in enumerate(zip(clips, titles, strict=True))
    ]
    return _PLAYERS.format(name=f"onereel-{uuid4().hex[:8]}", players="".join(made))


def _mp4(clip: Clip) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_preview(path, Clip(clip.frames, clip.fps))
        return base64.b64encode(path.read_bytes()).decode()
