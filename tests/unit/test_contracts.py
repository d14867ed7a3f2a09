"""What a method may ask of a run: no clip, a prompt, folders, artefacts, pretrained networks; and which runs then share
a trained part."""

import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import onereel.methods as methods
from onereel.base.errors import ClipError, ConfigError, MethodError
from onereel.features.artefacts import read_artefact
from onereel.jobs.artefacts import prepare
from onereel.jobs.checks import require_wanted
from onereel.jobs.fitting import train_parts
from onereel.jobs.inputs import read_inputs, resolve_backbones
from onereel.jobs.sampling import SampleRequest, draw, draw_many
from onereel.methods import Inputs, Job, Task, check_given, check_inputs, load_method
from onereel.metrics.evaluation import evaluate
from onereel.project import layout
from onereel.project import plan as plans
from onereel.video.clip import Clip
from onereel.weights.store import Weights
from tests.postcard import POSTCARD

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")


@pytest.fixture
def postcard(tmp_path, monkeypatch):
    """The method of `tests.postcard`, found as every method is."""
    package = tmp_path / "packages" / "postcard"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(POSTCARD)
    # Its code lies outside the package: what else tells trainings apart is shown here.
    monkeypatch.setattr("onereel.jobs.fitting.code_digest", lambda *modules: "code")
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(package.parent)])
    methods.method_names.cache_clear()
    yield load_method("postcard")
    sys.modules.pop("onereel.methods.postcard")
    methods.method_names.cache_clear()


@pytest.fixture
def pictures(tmp_path) -> Path:
    folder = tmp_path / "dog"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.full((12, 16, 3), 60 * number + 40, np.uint8)).save(folder / f"{number}.png")
    return folder


def plan_of(root: Path, rows: str) -> plans.Plan:
    """A plan of clips `a` and `b` and of rows: run, clip, task, settings, prompt, inputs, separated by |."""
    for name in ("config/methods", "dog", "cat"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "config/methods/postcard.yaml").write_text("presets: {demo: {}}")
    (root / "sky.png").touch()
    (root / "clips.tsv").write_text("name\tsource\na\tscene:birds\nb\tscene:birds\n")
    cells = [[cell.strip() for cell in line.split("|")] for line in textwrap.dedent(rows).strip().splitlines()]
    lines = ["\t".join([row[0], row[1], "postcard", *row[2:]]) for row in cells]
    (root / "runs.tsv").write_text("run\tclip\tmethod\ttask\tsettings\tprompt\tinputs\n" + "\n".join(lines) + "\n")
    return plans.read(root, clips="clips.tsv", runs="runs.tsv", tables=[], metrics=[])


# Which runs share a part


def test_runs_share_a_part_if_what_its_training_reads_is_the_same(postcard, tmp_path):
    made = plan_of(
        tmp_path,
        """
        red    | a | edit_text |               | a red kite  |
        blue   | a | edit_text |               | a blue kite |
        again  | a | edit_text | strength=0.5  | a red kite  |
        other  | b | edit_text |               | a red kite  |
        long   | a | edit_text | steps=9       | a red kite  |
        none   |   | edit_text |               | a red kite  |
        """,
    )
    tuned = {run: made.models_of(run)["tuned"] for run in made.runs}
    assert tuned["red"] == tuned["again"], "strength is read by samples alone"
    assert len({tuned[run] for run in made.runs}) == 5
    assert len({tuned[run].variant for run in ("red", "other")}) == 1, "another clip, otherwise the same"
    prior = {run: made.models_of(run)["prior"] for run in made.runs}
    assert {model.clip for model in prior.values()} == {layout.NO_CLIP}
    assert len(set(prior.values())) == 2, "for all clips and prompts one; another with other settings"


def test_a_part_is_another_where_a_part_before_it_is(postcard, tmp_path):
    made = plan_of(
        tmp_path,
        """
        dog   |   | subject |  | a dog on the moon | images=dog
        moon  |   | subject |  | a dog in the sea  | images=dog
        cat   |   | subject |  | a cat on the moon | images=cat
        """,
    )
    subject = {run: made.models_of(run)["subject"] for run in made.runs}
    assert subject["dog"] == subject["moon"], "no training reads the prompt"
    assert subject["dog"] != subject["cat"]
    head = {run: made.models_of(run)["head"] for run in made.runs}
    assert head["dog"] == head["moon"]
    assert head["dog"] != head["cat"], "head reads nothing, but comes after subject"
    assert made.sharing[subject["dog"]] == ("dog", "moon")


def test_a_training_is_told_what_it_reads_and_nothing_else(postcard, tmp_path):
    made = plan_of(tmp_path, "one | a | edit_text | | a red kite | picture=sky.png")
    every = made.inputs("one")
    sky = str(tmp_path / "sky.png")
    embedded = str(layout.input_of(sky, "embeddings", "clip"))
    assert every == {
        "clip": "data/clips/a.mkv",
        "files": {"picture": sky},
        "artefacts": [
            ["prompt", "text", str(layout.text_of("a red kite"))],
            ["picture", "embeddings", embedded],
        ],
        "prompt": "a red kite",
    }
    assert made.inputs("one", "prior") == {}
    assert made.inputs("one", "tuned") == {name: every[name] for name in ("clip", "prompt")} | {
        "artefacts": every["artefacts"][:1]
    }
    assert made.made_of(every) == ["data/clips/a.mkv", every["artefacts"][0][2], embedded]
    assert made.inputs_read == {embedded: (sky, "embeddings", "clip")}
    assert made.texts == {layout.text_of("a red kite").stem: "a red kite"}


# Who gives what


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("x | a | edit_text | |      |", "needs a prompt; give one"),
        ("x | a | subject   | | text | images=dog", "reads no clip; leave it out"),
        ("x |   | subject   | | text | images=sky.png", "'{root}/sky.png' is no folder; give images=FOLDER"),
        ("x |   | subject   | | text | images=none", "'{root}/none' is no folder; give images=FOLDER"),
        ("x |   | subject   | | text | images=dog; picture=sky.png", "got both; give images=FOLDER or picture"),
        ("x |   | subject   | | text |", "needs one of the inputs 'images' and 'picture'"),
        ("x |   | animate_image | | | picture=sky.png", "line 2: no clip; fill the column 'clip'"),
        ("x | a | animate_image | | text | picture=sky.png", "reads no prompt; leave it out"),
    ],
)
def test_rows_that_do_not_give_what_the_task_reads(postcard, tmp_path, row, problem):
    with pytest.raises(ConfigError) as caught:
        plan_of(tmp_path, row)
    assert problem.format(root=tmp_path) in str(caught.value)


def test_groups_are_given_together(postcard):
    """Of each group one; here two groups of one task."""
    task = Task.ANIMATE_IMAGE
    check_inputs(postcard, task, clips=["picture"])
    check_inputs(postcard, task, clips=["picture"], files=["mask"])
    with pytest.raises(MethodError, match="needs the input 'picture'"):
        check_inputs(postcard, task, files=["mask"])
    check_given(postcard, Task.EDIT_TEXT, clip=False, prompt=True)


# What a job does


def test_a_training_sees_what_it_reads_and_nothing_else(postcard, tmp_path):
    clip = Clip(np.full((3, 12, 16, 3), 90, np.uint8))
    inputs = Inputs(clip, prompt="a red kite")
    prepared = prepare(postcard, Task.EDIT_TEXT, inputs, postcard.Config(), tmp_path, weights="stand-in", device=CPU)
    assert set(prepared.artefacts) == {("prompt", "text")}, "no picture was given"
    job = Job(CPU, backbones=resolve_backbones(postcard, Task.EDIT_TEXT, postcard.Config(), "stand-in"))
    files = train_parts(postcard, Task.EDIT_TEXT, prepared, postcard.Config(), job, tmp_path / "models")
    seen = sys.modules["onereel.methods.postcard"].SEEN
    assert seen["prior"] == {"clip": False, "prompt": "", "artefacts": [], "models": [], "backbones": []}
    assert seen["tuned"] == {
        "clip": True,
        "prompt": "a red kite",
        "artefacts": [("prompt", "text")],
        "models": ["prior"],
        "backbones": ["flow"],
    }
    again = train_parts(
        postcard, Task.EDIT_TEXT, Inputs(clip, prompt="a blue kite"), postcard.Config(), job, tmp_path / "models"
    )
    assert again["prior"] == files["prior"]
    assert again["tuned"] != files["tuned"], "another prompt is another model"


def test_samples_of_a_prompt_alone(postcard, tmp_path):
    request = SampleRequest("x", "", "postcard", Task.EDIT_TEXT, "demo", 5, prompt="a red kite")
    inputs = prepare(
        postcard,
        Task.EDIT_TEXT,
        Inputs(prompt="a red kite"),
        postcard.Config(),
        tmp_path,
        weights="stand-in",
        device=CPU,
    )
    job = Job(CPU, backbones=resolve_backbones(postcard, Task.EDIT_TEXT, postcard.Config(), "stand-in"))
    job = Job(CPU, train_parts(postcard, Task.EDIT_TEXT, inputs, postcard.Config(), job, tmp_path), job.backbones)
    sample, record = draw(postcard, request, inputs, postcard.Config(), job)
    assert (sample.size, sample.fps, record["clip"]) == ((4, 12, 16), 8, "")
    assert record["backbones"] == {"flow": Weights().resolve("flow", "stand-in").printed}
    with pytest.raises(MethodError, match="needs a prompt"):
        draw_many(postcard, [request], Inputs(), postcard.Config(), job)


def test_samples_without_a_clip_are_measured_by_what_needs_none():
    sample = Clip(np.random.default_rng(0).integers(0, 255, (4, 24, 32, 3), np.uint8))
    found = evaluate(
        None, {"0": sample}, metrics=["psnr", "frame_consistency", "warp_error"], weights="stand-in", strict=False
    )
    assert set(found["summary"]) == {"frame_consistency", "warp_error"}
    assert "there is none" in found["left_out"]["psnr"]
    assert found["reference"] is None
    own = evaluate(sample, {"0": sample}, metrics=["frame_consistency", "warp_error"], weights="stand-in")
    assert [r["value"] for r in own["records"]] == [r["value"] for r in found["records"]]


def test_artefacts_of_inputs_are_those_of_the_extractors(postcard, pictures, tmp_path):
    """Of a further picture, as of a clip; those of a clip are handed in by the workflow, or made."""
    inputs = Inputs(files={"picture": pictures / "1.png"}, prompt="a red kite")
    found = prepare(postcard, Task.EDIT_TEXT, inputs, postcard.Config(), tmp_path, weights="stand-in", device=CPU)
    arrays, weights = read_artefact(found.artefacts["picture", "embeddings"], "embeddings")
    assert arrays["images"].shape[0] == 1
    assert weights.startswith("scene-trained CLIP")
    # Nothing is made twice.
    kept = prepare(
        postcard, Task.EDIT_TEXT, found, postcard.Config(), tmp_path / "none", weights="stand-in", device=CPU
    )
    assert kept.artefacts == found.artefacts
    assert not (tmp_path / "none").exists()


# The check before any training


def row(run: str, **config: object) -> dict:
    values = {"run": run, "method": "postcard", "task": "edit_text", "config": config, "backbones": []}
    return {**values, "inputs": {"prompt": "a red kite"}}


def test_only_a_model_that_no_run_can_use_is_not_trained(postcard, tmp_path):
    good, bad, worse = row("good"), row("bad", strength=7.0), row("worse", strength=8.0)
    meta = torch.device("meta")
    require_wanted([good], "stand-in", meta)
    require_wanted([bad, good], "stand-in", meta)
    with pytest.raises(MethodError, match=r"run 'bad', postcard: strength is 7\.0; use at most 1"):
        require_wanted([bad, worse], "stand-in", meta)
    later = {**bad, "inputs": {**bad["inputs"], "clip": str(tmp_path / "later.mkv")}}
    require_wanted([later], "stand-in", meta)
    with pytest.raises(MethodError, match="run 'none', postcard, task 'edit_text': needs a prompt; give one"):
        require_wanted([{**row("none"), "inputs": {}}], "stand-in", meta)
    with pytest.raises(ClipError):
        read_inputs(tmp_path / "none.mkv")
