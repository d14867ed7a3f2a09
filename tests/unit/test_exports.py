"""What a command writes for people: films that were named as files, GIFs, enlarged mp4s; nothing old beside the new."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onereel import ingest
from onereel.base.errors import ConfigError
from onereel.base.outputs import check_outputs
from onereel.cli.exports import Place
from onereel.cli.generate import generate_samples
from onereel.video import clip as clips
from onereel.video.films import at_height, write_gif

SCENE = "scene:birds?seed=1&frames=5&height=24&width=33&fps=12"


def generate(out: Path, *, source: str = SCENE, overwrite: bool = False, seed: int = 0, **asked) -> list[str]:
    lines: list[str] = []
    given = {"samples": None, "method": "vgpnn", "task": "generate", "preset": "demo", "prompt": "", "inputs": []}
    place = {"settings": [], "device": "cpu", "report": lines.append, "overwrite": overwrite, "seed": seed}
    generate_samples(source, out, **{**given, **place, **asked})
    return lines


def moving(frames: int, fps: Fraction | int) -> clips.Clip:
    """Every frame of another colour, so that none can be taken for another."""
    shades = np.linspace(10, 240, frames).astype(np.uint8)
    return clips.Clip(np.broadcast_to(shades[:, None, None, None], (frames, 20, 30, 3)).copy(), Fraction(fps))


def delays(path: Path) -> list[int]:
    with Image.open(path) as image:
        found = []
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            found.append(image.info["duration"])
        return found


@pytest.mark.parametrize(("frames", "fps"), [(7, 12), (24, Fraction(24000, 1001)), (1, 12), (9, 50)])
def test_a_gif_plays_every_frame_for_as_long_as_the_clip_does(tmp_path, frames, fps):
    clip = moving(frames, fps)
    write_gif(tmp_path / "a.gif", clip)
    found = delays(tmp_path / "a.gif")
    assert len(found) == frames
    assert sum(found) == pytest.approx(1000 * frames / clip.fps, abs=5.1)  # half a hundredth
    read = ingest.load(str(tmp_path / "a.gif"), allow_single=True)
    np.testing.assert_allclose(read.frames.astype(int), clip.frames, atol=4)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["loop"] == 0  # for ever


def test_a_gif_of_a_fast_clip_keeps_its_length_with_fewer_frames(tmp_path):
    write_gif(tmp_path / "a.gif", moving(24, 120))
    found = delays(tmp_path / "a.gif")
    assert min(found) >= 20
    assert sum(found) == 200


def test_heights_keep_proportions_and_even_sides():
    clip = ingest.load(SCENE)
    assert at_height(clip, None) is clip
    large = at_height(clip, 96)
    assert large.size == (5, 96, 132)
    assert at_height(clip, 51).size == (5, 52, 70)
    back = np.stack([np.asarray(Image.fromarray(f).resize((33, 24), Image.Resampling.BOX)) for f in large.frames])
    assert np.abs(back.astype(int) - clip.frames).mean() < 4


def test_a_film_that_is_named_lies_beside_what_it_was_made_from(tmp_path):
    lines = generate(tmp_path / "new.gif", height=48)
    assert {path.name for path in tmp_path.iterdir()} == {"new.gif", "new.mkv", "new.mp4", "new.json"}
    with Image.open(tmp_path / "new.gif") as image:
        assert image.size == (66, 48)
    assert ingest.load(str(tmp_path / "new.mp4")).size == (5, 48, 66)
    assert clips.read(tmp_path / "new.mkv").size == (5, 24, 33)
    assert json.loads((tmp_path / "new.json").read_text())["run"] == "new"
    rows = dict(line.split("  ", 1) for line in lines if "  " in line)
    assert rows["GIF"].strip() == str(tmp_path / "new.gif")
    assert rows["measure"].strip().endswith(f"--samples '{tmp_path / 'new.mkv'}' --out metrics.json")


def test_nothing_of_the_sample_before_stays_beside_the_new_one(tmp_path):
    generate(tmp_path / "out", samples=1, gif=True)
    assert (tmp_path / "out/0.gif").exists()
    assert list(ingest.find_samples(tmp_path / "out").samples) == ["0"]
    assert ingest.find_samples(tmp_path / "out").left_out == ()
    (tmp_path / "out/holiday.gif").write_bytes(b"somebody's")
    generate(tmp_path / "out", samples=1)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "0.mkv", "0.mp4", "0.json", "run.json", "holiday.gif",
    }  # fmt: skip


def test_a_gif_that_somebody_changed_is_not_lost(tmp_path):
    generate(tmp_path, samples=1, gif=True)
    (tmp_path / "0.gif").write_bytes(b"edited")
    for gif in (True, False):
        with pytest.raises(ConfigError, match=r"0\.gif'.*was changed since"):
            generate(tmp_path, samples=1, gif=gif)
    generate(tmp_path, samples=1, overwrite=True)
    assert not (tmp_path / "0.gif").exists()


def test_somebody_else_s_film_is_not_replaced(tmp_path):
    (tmp_path / "new.gif").write_bytes(b"somebody's")
    with pytest.raises(ConfigError, match="no sample that onereel wrote"):
        check_outputs([Place.of(tmp_path / "new.gif").result(0)], [])


def test_samples_of_another_request_are_named_as_such(tmp_path):
    generate(tmp_path, samples=2)
    lines = generate(tmp_path, samples=1, seed=5, source=SCENE.replace("seed=1", "seed=2"))
    assert any("2 other samples are not of this run and no longer counted" in line for line in lines)
    assert list(ingest.find_samples(tmp_path).samples) == ["5"]


def test_a_folder_may_be_called_as_a_film(tmp_path):
    (tmp_path / "old.gif").mkdir()
    assert Place.of(tmp_path / "old.gif").name is None
