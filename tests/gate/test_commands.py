"""The commands of README and docs, run one after the other as a reader would, small: preset demo, two steps a training.

Not part of `make test`; the gate runs them (`pytest -m gate`).
"""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from onereel.cli.app import app
from onereel.video.clip import read
from tests.documents import PAGES, ROOT, Command, blocks, commands, placed
from tests.unit.ingest_media import encode
from tests.workspace import copy_repository

pytestmark = [pytest.mark.gate, pytest.mark.timeout(1200)]

FEW_STEPS = {
    "sinfusion": [f"{part}.steps=2" for part in ("image", "projector", "predictor", "interpolator")]
    + ["sampling_steps=2", "given_steps=2"],
    "singan_gif": ["steps=[2]"],
    "singan": ["steps=[2]"],
    "hp_vae_gan": ["steps=[2]"],
}
KNOWN_EDITS = "known-edits"
"""The page of which the Python between its commands counts, too."""
HEIGHT = 48  # what `demo` of VGPNN's analogies needs
OTHER_INPUTS = {"mask": "mask.png", "sketch": "edited.png", "edited": "edited.mkv"}
"""What the alternatives in comments (`# or mask=FILE`) stand for."""


def of_onereel(page: Path) -> list[Command]:
    """The commands of a page that are to be run here."""
    return [c for c in commands(page) if c.program == "onereel" and len(c.words) > 2 and not placed(c)]


def adapted(command: Command) -> list[list[str]]:
    """The command small, and the alternative that its comment names."""
    words = [word.replace("NAME?", "world?") for word in command.words[1:]]
    for option, value in (("--preset", "demo"), ("--height", str(HEIGHT))):
        if option in words:
            words[words.index(option) + 1] = value
    if words[0] == "generate":
        for setting in FEW_STEPS.get(words[words.index("--method") + 1], ()):
            words += ["--set", setting]
        if "--samples" not in words:
            words += ["--samples", "1"]
    if words[:2] == ["benchmark", "export"]:
        words += ["--kinds", "colour", "--number", "1"]
    found = [words]
    if other := re.match(r"or (\w+)=", command.comment):
        place, out = words.index("--input") + 1, words.index("--out") + 1
        found.append(list(words))
        found[-1][place] = f"{other[1]}={OTHER_INPUTS[other[1]]}"
        found[-1][out] = f"{other[1]}/"
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """What a reader of README has: a film, another, a photo, an edited one, tables of boxes."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :64]
    frames = np.stack([np.stack([rows * 4, columns * 3 + 3 * t, rows + columns + t], -1) for t in range(40)])
    frames = np.clip(frames + rng.normal(0, 4, frames.shape), 0, 255).astype(np.uint8)
    encode(tmp_path / "holiday.mov", frames, codec="mpeg4", pix_fmt="yuv420p", rate=8)
    encode(tmp_path / "other.mp4", frames[::-1, ::-1], codec="mpeg4", pix_fmt="yuv420p", rate=8)
    picture = Image.fromarray(frames[0]).resize((HEIGHT * 4 // 3 // 2 * 2, HEIGHT))
    picture.save(tmp_path / "photo.png")
    picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "edited.png")
    hole = Image.new("L", picture.size)
    hole.paste(255, (8, 8, 20, 20))
    hole.save(tmp_path / "mask.png")
    (tmp_path / "holes.tsv").write_text("frame\ttop\tleft\tbottom\tright\n*\t8\t8\t20\t20\n")
    (tmp_path / "boxes.tsv").write_text("frame\ttop\tleft\tbottom\tright\tto_top\tto_left\n*\t4\t4\t16\t16\t12\t20\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def onereel(*words: str) -> str:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, f"onereel {' '.join(words)}: {done.exception or done.output}"
    return done.output


@pytest.mark.parametrize(
    "page", [page for page in PAGES if of_onereel(page) and page.stem != KNOWN_EDITS], ids=lambda page: page.stem
)
def test_every_command_of_a_page(folder, page):
    """In the page's order, in one folder; clips that no command of the page makes are there before."""
    every = [words for command in of_onereel(page) for words in adapted(command)]
    for name in ("clip.mkv", "small.mkv", "edited.mkv"):
        if ["ingest", "holiday.mov", name] not in [words[:3] for words in every]:
            onereel("ingest", "holiday.mov", name, "--start", "1.5s", "--end", "4s", "--height", str(HEIGHT))
    outs = [words[words.index("--out") + 1] for words in every if "--out" in words]
    assert len(set(outs)) == len(outs), "a later command would replace what an earlier one made"
    for words in every:
        onereel(*words)
    for out in outs:
        film = Path(out).with_suffix(".mkv") if Path(out).suffix in (".gif", ".mp4", ".mkv") else Path(out) / "0.mkv"
        assert out.endswith(".json") or read(folder / film).size


def test_the_python_of_scenes(folder):
    (code,) = blocks(ROOT / "docs/scenes.md", "python")
    exec(code.replace("range(256)", "range(4)"), {})


def test_five_lines_of_python(folder, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    (code,) = blocks(ROOT / "docs/python.md", "python")
    told: dict = {}
    exec(code, told)
    assert [sample.size for sample in told["samples"]] == [told["clip"].size] * 2


def test_an_outsider_takes_part(folder):
    """The page's export (small), its example of an editor, its score."""
    page = ROOT / f"docs/{KNOWN_EDITS}.md"
    export, score, *_ = (command.words[1:] for command in of_onereel(page))
    onereel(*export, "--kinds", "colour,time", "--number", "1")
    (code,) = blocks(page, "python")
    exec(code, {})
    told = onereel(*score)
    assert "missing" not in told
    assert "cannot be used" not in told
    assert (folder / "scores/edits.csv").read_text().count("outputs") == 1


def test_the_method_that_the_page_adds(tmp_path):
    workspace = copy_repository(tmp_path / "copy").own_code()
    (package,), (presets,) = (blocks(ROOT / "docs/add-a-method.md", kind) for kind in ("python", "yaml"))
    workspace.write("src/onereel/methods/gaussian/__init__.py", package)
    workspace.write("config/methods/gaussian.yaml", presets)
    clip = "scene:balloons?frames=4&height=32&width=40"
    workspace.run("onereel", "generate", clip, "--method", "gaussian", "--out", "samples/")
    assert read(workspace.root / "samples/2.mkv").size == (4, 32, 40)


def test_a_source_under_dvc(tmp_path):
    workspace = copy_repository(tmp_path / "copy")
    workspace.run("git", "init", "--quiet")
    workspace.write("data/sources/NAME.mp4", "a video")
    workspace.run("dvc", "add", "data/sources/NAME.mp4")
    assert (workspace.root / "data/sources/NAME.mp4.dvc").exists()
