"""onereel from Python: what it makes is what the command line makes, and it shows itself in notebooks."""

import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import onereel
from onereel.base.errors import ConfigError, MethodError, OnereelError
from onereel.cli.generate import generate_samples
from onereel.video import clip as clips

SCENE = "scene:birds?seed=1&frames=6&height=24&width=32"


@pytest.fixture(scope="module")
def clip() -> clips.Clip:
    return onereel.load(SCENE)


@pytest.fixture(scope="module")
def samples(clip: clips.Clip) -> list:
    return onereel.generate(clip, "vgpnn", preset="demo", samples=2, seed=5, device="cpu", progress=False)


def test_importing_the_package_imports_neither_torch_nor_decoders() -> None:
    code = "import sys, onereel; print([name for name in ('torch', 'av', 'numba') if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_a_name_that_does_not_exist_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'generat'"):
        onereel.generat  # noqa: B018


def test_a_source_is_trimmed_and_scaled_as_asked(tmp_path: Path) -> None:
    part = onereel.load(SCENE, start="1", end="4", height=12)
    assert part.size == (3, 12, 16)


def test_samples_are_those_of_the_command_line(tmp_path: Path, clip: clips.Clip, samples: list) -> None:
    generate_samples(
        SCENE, tmp_path / "out", method="vgpnn", task="generate", preset="demo", samples=2, seed=5, settings=[],
        device="cpu", prompt="", inputs=[], report=lambda _: None,
    )  # fmt: skip
    for seed, sample in zip((5, 6), samples, strict=True):
        written = clips.read(tmp_path / "out" / f"{seed}.mkv")
        np.testing.assert_array_equal(sample.frames, written.frames)
        assert sample.fps == written.fps == clip.fps
        assert sample.record["seed"] == seed
    assert not np.array_equal(samples[0].frames, samples[1].frames)


def test_a_sample_is_saved_with_its_record_and_nothing_else_is_replaced(tmp_path: Path, samples: list) -> None:
    written = samples[0].save(tmp_path / "one.mkv")
    np.testing.assert_array_equal(clips.read(written).frames, samples[0].frames)
    assert '"method": "vgpnn"' in written.with_suffix(".json").read_text()
    (tmp_path / "mine.mkv").write_text("a diary")
    with pytest.raises(OnereelError):
        samples[0].save(tmp_path / "mine.mkv")
    assert (tmp_path / "mine.mkv").read_text() == "a diary"
    with pytest.raises(ConfigError, match=r"name it one\.mkv"):
        samples[0].save(tmp_path / "one.mp4")


def test_inputs_are_clips_or_paths(tmp_path: Path) -> None:
    clip, style = (onereel.load(f"scene:{name}?seed=1&frames=5&height=48&width=48") for name in ("birds", "water"))
    clips.write(tmp_path / "style.mkv", style)
    drawn = [
        onereel.generate(
            clip, "vgpnn", task="analogy", preset="demo", inputs={"style": given}, device="cpu", progress=False
        )[0]
        for given in (style, tmp_path / "style.mkv")
    ]
    np.testing.assert_array_equal(drawn[0].frames, drawn[1].frames)
    with pytest.raises(ConfigError, match="no file"):
        onereel.generate(clip, "vgpnn", task="inpaint", inputs={"boxes": "holes.tsv"})


def test_wrong_names_are_one_line_before_any_work(clip: clips.Clip) -> None:
    with pytest.raises(MethodError, match="did you mean"):
        onereel.generate(clip, "vgpn")
    with pytest.raises(OnereelError, match="noise_amplitude"):
        onereel.generate(clip, "vgpnn", noise_amplitud=1)
    with pytest.raises(ConfigError, match="edits nothing by a prompt"):
        onereel.edit(clip, "at night", "vgpnn")
    with pytest.raises(MethodError, match="reads no prompt"):
        onereel.generate(clip, "vgpnn", prompt="at night")


def test_models_are_trained_once_for_whoever_names_the_folder(tmp_path: Path, clip: clips.Clip) -> None:
    def drawn(seed: int) -> onereel.api.Sample:
        return onereel.generate(
            clip, "singan", preset="demo", seed=seed, models=tmp_path, device="cpu", progress=False, **_TINY
        )[0]

    first = drawn(0)
    dates = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")}
    second = drawn(1)
    assert dates
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")}.keys() == dates.keys()
    assert first.record["weights"] == second.record["weights"]


_TINY = {"steps": [2]}


def test_values_are_those_of_the_metrics(clip: clips.Clip, samples: list) -> None:
    found = onereel.evaluate(clip, samples, metrics=["psnr", "diversity"], progress=False)
    error = [np.square(one.frames.astype(float) - clip.frames).mean((1, 2, 3)) for one in samples]
    expected = np.mean([(10 * np.log10(255**2 / each)).mean() for each in error])
    assert found["psnr"] == pytest.approx(expected, rel=1e-6)
    assert list(found.table()["better"])
    assert len(found.records()) == 3
    assert "PSNR" in str(found) == repr(found)
    assert "<table" in found._repr_html_()


def test_methods_are_compared_row_by_row(clip: clips.Clip, samples: list) -> None:
    still = clips.Clip(np.repeat(clip.frames[:1], len(clip.frames), 0), clip.fps)
    found = onereel.compare(clip, {"vgpnn": samples, "still": [still]}, metrics=["psnr"], progress=False)
    table = found.table()
    assert list(table.index) == ["vgpnn", "still"]
    assert table.loc["still"].item() == pytest.approx(found.evaluations["still"]["psnr"])
    assert "vgpnn" in found._repr_html_()
    assert repr(found) == str(found)


def test_players_hold_every_clip_and_its_title(tmp_path: Path, clip: clips.Clip, samples: list) -> None:
    shown = onereel.show(clip, *samples)
    assert shown.html.count("<video") == 3
    assert repr(shown) == "Shown()"  # a terminal shows no page
    assert re.findall(r"<figcaption[^>]*>([^<]*)", shown.html) == [
        "input", "vgpnn, demo, seed 5", "vgpnn, demo, seed 6",
    ]  # fmt: skip
    named = onereel.show(clip, titles=["<b>"]).html
    assert "&lt;b&gt;" in named
    assert "<video" in clip._repr_html_()
    assert "<script" in shown.save(tmp_path / "page.html").read_text()
    with pytest.raises(ValueError, match="a title for each"):
        onereel.show(clip, titles=["one", "two"])
    assert repr(clip) == "Clip(6 frames, 32x24, 12 fps)"
    assert clip.fps == Fraction(12)
