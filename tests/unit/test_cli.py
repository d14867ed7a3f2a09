"""The command line: what it writes, what it prints, and how it ends when something is wrong."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onereel.cli.app import main
from onereel.video import clip as clips

CLIP = "scene:balloons?seed=1&frames=5&height=40&width=56"
GIF = ("generate", CLIP, "--method", "singan_gif")


def onereel(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("onereel")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=300)


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Path:
    """Two samples of a small scene, drawn in a folder that is not the repository."""
    folder = tmp_path_factory.mktemp("cli")
    done = onereel("generate", CLIP, "--method", "vgpnn", "--samples", "2", "--seed", "3", "--out", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "vgpnn, preset demo: a few seconds a sample on two cores: the published model, with a shorter search",
        "better results: --preset fast (the published model; searches start from the level below, and compare bytes)",
    ]
    assert [line.split(":")[0] for line in lines[2:4]] == ["out/3.mkv", "out/4.mkv"]
    assert dict(line.split(maxsplit=1) for line in lines[4:6]) == {
        "made": "2 of 5 frames, 56x40, 12 fps",
        "lossless": "out/3.mkv, 4.mkv",
    }
    assert f"onereel evaluate --reference '{CLIP}' --samples 'out' --out metrics.json" in lines[-1]
    return folder / "out"


def test_generate_writes_samples_previews_and_records(generated):
    names = {f"{seed}.{suffix}" for seed in (3, 4) for suffix in ("mkv", "mp4", "json")} | {"run.json"}
    assert {path.name for path in generated.iterdir() if path.is_file()} == names
    record = json.loads((generated / "4.json").read_text())
    assert record["seed"] == 4
    assert record["size"] == [5, 40, 56]
    assert record["config"]["patch"] == [3, 7, 7]
    frames = [clips.read(generated / f"{seed}.mkv").frames for seed in (3, 4)]
    assert not np.array_equal(*frames)


def test_a_seed_gives_the_same_bytes_whatever_else_is_drawn(generated, tmp_path):
    done = onereel("generate", CLIP, "--method", "vgpnn", "--samples", "1", "--seed", "4", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "4.mkv").read_bytes() == (generated / "4.mkv").read_bytes()


def test_evaluate_prints_the_table_and_writes_every_value(generated, tmp_path):
    out = tmp_path / "m.json"
    options = ("--reference", CLIP, "--samples", generated, "--metrics", "sgfid,psnr,diversity", "--out", out)
    done = onereel("evaluate", *options, "--weights", "stand-in")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "2 samples: 3, 4"
    assert "SGFID (EfficientNet-lite0)" in done.stdout
    result = json.loads(out.read_text())
    assert {record["sample"] for record in result["records"]} == {"3", "4", None}
    assert set(result["summary"]["psnr"]) >= {"mean", "low", "high", "n"}
    assert result["summary"]["psnr"]["n"] == 2


def test_evaluate_refuses_another_length_and_says_what_to_do(generated, tmp_path):
    longer = CLIP.replace("frames=5", "frames=6")
    options = ("--reference", longer, "--samples", generated, "--metrics", "psnr", "--out", tmp_path / "m.json")
    done = onereel("evaluate", *options)
    assert done.returncode == 1
    assert "5" in done.stderr
    assert "6" in done.stderr
    assert "crop" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "m.json").exists()
    assert onereel("evaluate", *options, "--align", "crop").returncode == 0


def test_ingest_writes_clip_preview_and_manifest(tmp_path):
    done = onereel("ingest", CLIP, tmp_path / "a.mkv", "--start", "1", "--end", "4", "--height", "20")
    assert done.returncode == 0, done.stderr
    assert "3 frames, 28x20" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"a.mkv", "a.mp4", "a.json"}
    assert json.loads((tmp_path / "a.json").read_text())["size"] == [3, 20, 28]


def test_a_rendered_scene_comes_with_its_truth(tmp_path):
    done = onereel("scenes", "render", "water?seed=2&frames=3&height=24&width=32", tmp_path / "w.mkv")
    assert done.returncode == 0, done.stderr
    truth = np.load(tmp_path / "w.npz")
    assert truth["depth"].shape == (3, 24, 32)
    assert truth["flow"].shape == (2, 24, 32, 2)
    assert onereel("scenes", "list").stdout.split() == ["balloons", "birds", "discs", "sketch", "water", "world"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ingest", "nothing.mp4", "a.mkv"), "nothing.mp4"),
        (("ingest", CLIP, "a.avi"), "name it a.mkv"),
        (("generate", CLIP, "--method", "vgpn", "--out", "o"), "did you mean 'vgpnn'?"),
        (("generate", CLIP, "--method", "vgpnn", "--task", "extrapolate", "--out", "o"), "does not do 'extrapolate'"),
        (("generate", CLIP, "--method", "vgpnn", "--preset", "papers", "--out", "o"), "did you mean 'paper'?"),
        (("generate", CLIP, "--method", "vgpnn", "--set", "patchs=3", "--out", "o"), "did you mean 'patch'?"),
        (("generate", CLIP, "--method", "vgpnn", "--input", "style=none.png", "--out", "o"), "reads no such input"),
        (
            ("generate", CLIP, "--method", "vgpnn", "--task", "inpaint", "--input", "mask=none.png", "--out", "o"),
            "no file 'none.png'",
        ),
        (
            (*GIF, "--task", "motion_transfer", "--out", "o"),
            "needs the input 'picture'; give picture=clip:NAME or picture=FILE",
        ),
        (
            (*GIF, "--task", "lengthen", "--set", "lengthen_frames=4", "--out", "o"),
            "the pyramid is trained on 5 frames: this is no longer; set lengthen_frames above 5",
        ),
        (("generate", CLIP, "--method", "hp_vae_gan", "--set", "steps=[]", "--out", "o"), "'steps' is an empty list"),
        (("evaluate", "--reference", CLIP, "--samples", "none", "--out", "m.json"), "none"),
        (("generate", CLIP, "--method", "vgpnn", "--out", "o.webm"), "name it o.gif or o.mp4"),
        (("generate", CLIP, "--method", "vgpnn", "--samples", "2", "--out", "o.gif"), "'o' is one film"),
        (
            ("edit", CLIP, "a sea", "--method", "vgpnn", "--out", "o"),
            "edits nothing by a prompt; choose one of deforum",
        ),
        (("weights", "fetch", "c3d"), "c3d"),
        (("scenes", "render", "baloons", "a.mkv"), "balloons"),
    ],
)
def test_mistakes_end_in_one_line_and_write_nothing(tmp_path, monkeypatch, capsys, arguments, message):
    """In this process: what the next test does for one of each kind is the same, two seconds later."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["onereel", *arguments])
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert end.value.code == 1
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ingest", "nothing.mp4", "a.mkv"), "nothing.mp4"),
        (("generate", CLIP, "--method", "vgpnn", "--set", "patchs=3", "--out", "o"), "did you mean 'patch'?"),
        (("evaluate", "--reference", CLIP, "--samples", "none", "--out", "m.json"), "none"),
    ],
)
def test_a_mistake_is_one_line_of_the_program_too(tmp_path, arguments, message):
    done = onereel(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_still_picture_gets_motion_and_models_are_shared(tmp_path):
    """A grey PNG is animated; what training takes is said once; a second task trains nothing."""
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 44), np.uint8)).save(tmp_path / "photo.png")
    options = ("--method", "singan_gif", "--samples", "1", "--models", "models", "--set", "steps=[3]")
    picture = ("--task", "motion_transfer", "--input", "picture=photo.png")
    done = onereel("generate", CLIP, *options, *picture, "--out", "moved", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "singan_gif pyramid: 2 levels, 5x16x23 to 5x40x56, about 0." in done.stderr
    assert clips.read(tmp_path / "moved" / "0.mkv").size == (8, 40, 59)
    assert [path.name for path in tmp_path.glob("*/models")] == []
    again = onereel("generate", CLIP, *options, "--out", "new", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "levels" not in again.stderr
    refused = onereel("generate", "photo.png", *options, "--out", "none", cwd=tmp_path)
    assert refused.returncode == 1
    assert "has only one frame" in refused.stderr


def test_a_command_line_that_makes_no_sense_is_another_exit_code():
    assert onereel("generate").returncode == 2
    assert onereel("--version").stdout.strip() == "0.1.0"
    for command in (("ingest",), ("generate",), ("evaluate",), ("weights", "fetch"), ("scenes", "render")):
        assert "Example:" in onereel(*command, "--help").stdout
