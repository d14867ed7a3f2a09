"""Dreamix on a tiny random cascade: what may know of what, what is trained by what, what comes out."""

import json
import signal
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

from onereel.base.errors import ConfigError, MethodError, StoppedError
from onereel.cli.app import app
from onereel.jobs.fitting import train_parts
from onereel.jobs.sampling import check_run
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.base import CLIP, INPUTS, PROMPT
from onereel.methods.dreamix.cascade import CascadeEditor
from onereel.methods.dreamix.editor import Material
from onereel.methods.dreamix.fit import fit, mixed_loss
from onereel.methods.dreamix.shape import at_work, draw_pictures, draw_video, footage_of, there_and_back
from onereel.training.trainer import Trainer
from onereel.video.clip import Clip, read, write
from tests.unit.tiny_cascade import patched, tiny_cascade

METHOD = load_method("dreamix")
CPU = torch.device("cpu")
QUICK = {"num_inference_steps": 2, "spatial_steps": 1, "temporal_steps": 1}
STAGES = ("base", "spatial1", "spatial2")


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def cascade():
    return tiny_cascade()


@pytest.fixture
def job(monkeypatch, cascade, tmp_path) -> Job:
    weights = patched(monkeypatch, cascade)
    return Job(CPU, backbones={weights.name: weights}, workdir=tmp_path / "work")


def clip_of(frames: int = 4, height: int = 64, width: int = 64, seed: int = 0) -> Clip:
    rng = np.random.default_rng(seed)
    return Clip(rng.integers(0, 256, (frames, height, width, 3), dtype=np.uint8), Fraction(8))


def config_of(task: Task = Task.EDIT_TEXT, **settings):
    return configure(METHOD, "demo", {**QUICK, **settings}, task=task)


def edited(job: Job, clip: Clip, prompt: str = "a red kite", seed: int = 0, **settings) -> np.ndarray:
    config = config_of(finetune_steps=0, **settings)
    return METHOD.sample(Task.EDIT_TEXT, Inputs(clip=clip, prompt=prompt), config, seed, job).frames


# The corruption and its inversion


def test_at_full_strength_nothing_is_read_of_the_clip_but_its_size(job):
    one, other = (edited(job, clip_of(seed=seed), strength=1.0) for seed in (0, 1))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, edited(job, clip_of(), prompt="a pencil sketch of a ball", strength=1.0))
    one, other = (edited(job, clip_of(seed=seed), strength=0.6) for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_only_the_base_sees_the_clip_and_only_what_is_left_of_it(job):
    """Clips that agree in every second frame's means of 4x4 pixels are edited alike; at strength 0, too."""
    clip = clip_of()
    frames = clip.frames.copy()
    frames[1::2] = 255 - frames[1::2]
    squares = frames.reshape(4, 16, 4, 16, 4, 3)
    frames = squares[:, :, ::-1, :, ::-1].reshape(frames.shape)  # turned within their squares
    for strength in (0.0, 0.7):
        one, other = edited(job, clip, strength=strength), edited(job, Clip(frames, clip.fps), strength=strength)
        assert np.abs(one.astype(int) - other).max() <= 1
    other = frames.copy()
    other[2, :4, :4] = 255
    assert np.abs(edited(job, Clip(other, clip.fps), strength=0.0).astype(int) - one).max() > 1


def test_a_strength_of_zero_leaves_the_base_out(job, monkeypatch):
    def fails(*_):
        raise AssertionError("the base was asked")

    monkeypatch.setattr("onereel.backbones.cascade.pipeline.Cascade._base", fails)
    edited(job, clip_of(), strength=0.0)
    with pytest.raises(AssertionError, match="was asked"):
        edited(job, clip_of(), strength=0.1)


@pytest.mark.parametrize("size", [(4, 64, 64), (5, 40, 70), (19, 96, 48), (1, 20, 20)])
def test_what_comes_out_has_the_clips_size_length_and_rate(job, size):
    clip = replace(clip_of(*size), fps=Fraction(25))
    made = METHOD.sample(Task.EDIT_TEXT, Inputs(clip=clip, prompt="a kite"), config_of(finetune_steps=0), 0, job)
    assert made.size == size
    assert made.fps == 25


def test_a_sample_is_the_same_alone_and_among_others(job):
    inputs, config = Inputs(clip=clip_of(), prompt="a kite"), config_of(finetune_steps=0)
    both = METHOD.sample_many(Task.EDIT_TEXT, inputs, config, [3, 4], job)
    alone = METHOD.sample(Task.EDIT_TEXT, inputs, config, 4, job)
    assert np.array_equal(both[1].frames, alone.frames)
    assert not np.array_equal(both[0].frames, alone.frames)


def test_samplers_with_and_without_correction_are_two(job):
    made = {sampler: edited(job, clip_of(), strength=0.8, sampler=sampler) for sampler in ("stochastic", "ddim")}
    assert not np.array_equal(made["stochastic"], made["ddim"])


def test_from_the_command_line_a_second_prompt_finds_what_the_first_one_trained(job, tmp_path, monkeypatch):
    write(tmp_path / "clip.mkv", clip_of())
    monkeypatch.setattr("onereel.jobs.asking.resolve_backbones", lambda *_: dict(job.backbones))
    given = [f"--set={key}={value}" for key, value in {**QUICK, "finetune_steps": 1, "stages": ["base"]}.items()]
    updates = []
    update = Trainer.update
    monkeypatch.setattr(Trainer, "update", lambda self, step: updates.append(step) or update(self, step))
    for out, prompt in (("red", "a red kite"), ("boats", "two boats in the rain")):
        words = ["generate", str(tmp_path / "clip.mkv"), "--method", "dreamix", "--task", "edit_text"]
        words += ["--preset", "demo", "--prompt", prompt, "--out", str(tmp_path / out), "--samples", "1"]
        done = CliRunner().invoke(app, [*words, "--models", str(tmp_path / "models"), *given])
        assert done.exit_code == 0, done.output
        assert read(tmp_path / out / "0.mkv").size == (4, 64, 64)
    record = json.loads((tmp_path / "boats/0.json").read_text())
    assert record["backbones"] == {"t2v-world": "tiny random cascade abababababab"}
    assert record["weights"].keys() == {"base"}
    assert updates == [0]


def test_a_clip_keeps_its_aspect_at_work_and_comes_back():
    ramp = torch.linspace(-1, 1, 90).expand(3, 5, 60, 90)
    video, place = at_work(ramp, 32, 8, 6)
    assert video.shape == (3, 6, 32, 48)
    assert place.size == (5, 32, 48)
    assert place.out_of(video).shape == (3, 5, 32, 48)
    tall, place = at_work(torch.zeros(3, 2, 100, 40), 32, 8, 2)
    assert place.size == (2, 80, 32)
    assert tall.shape == (3, 2, 80, 32)
    padded, place = at_work(ramp[..., :70], 32, 8, 5)  # 37 pixels wide there
    assert padded.shape == (3, 5, 32, 40)
    assert torch.equal(padded[..., 37:], padded[..., 36:37].expand(-1, -1, -1, 3))
    assert place.out_of(padded.repeat_interleave(2, 2).repeat_interleave(2, 3)).shape == (3, 5, 64, 74)


def test_the_end_of_a_clip_is_filled_with_its_frames_backward():
    assert there_and_back(4, 9).tolist() == [0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert there_and_back(1, 3).tolist() == [0, 0, 0]


# Mixed fine-tuning


def material_of(editor: CascadeEditor, stage: str, clip: Clip) -> Material:
    return editor.material(stage, footage_of(clip, editor.side, editor.step, editor.frames_for(clip.size[0])))


@pytest.mark.parametrize("stage", STAGES)
def test_frames_are_independent_to_the_last_bit(cascade, stage):
    """What a stage says of frames alone follows them when they change places; one frame moves no other."""
    network = (cascade.base if stage == "base" else cascade.later[stage]).unet
    side = {"base": 16, "spatial1": 32, "spatial2": 64}[stage]
    generator = torch.Generator().manual_seed(0)
    video = torch.randn(1, 3, 5, side, side, generator=generator)
    low = torch.randn(1, 3, 5, side, side, generator=generator)
    text = cascade.read(stage, ["sks"])

    def said(video: Tensor, low: Tensor) -> Tensor:
        given = {} if stage == "base" else {"low": low, "augmentation": torch.tensor([50])}
        return network(video, torch.tensor([400]), text, video=False, **given)

    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        plain = said(video, low)
        assert torch.equal(said(video[:, :, order], low[:, :, order]), plain[:, :, order])
        changed, changed_low = video.clone(), low.clone()
        changed[:, :, 2], changed_low[:, :, 2] = 0, 0
        other = said(changed, changed_low)
    assert [torch.equal(other[:, :, index], plain[:, :, index]) for index in range(5)] == [
        True,
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_temporal_parameters_get_no_gradient_from_frames(cascade, stage):
    editor = CascadeEditor(tiny_cascade(), config_of())
    network, material = editor.network(stage).requires_grad_(True), material_of(editor, stage, clip_of())
    temporal = {name for name, _ in network.named_parameters() if "temporal" in name}
    assert temporal
    for alpha in (0.0, 0.65):
        network.zero_grad(set_to_none=True)
        mixed_loss(editor, stage, material, alpha)(network, torch.Generator().manual_seed(0), 0).backward()
        moved = {name for name, each in network.named_parameters() if each.grad is not None and each.grad.any()}
        assert moved
        assert moved - temporal
        assert bool(moved & temporal) == (alpha > 0)


def test_both_objectives_are_added_with_their_weights():
    editor = CascadeEditor(tiny_cascade(), config_of())
    material, asked = material_of(editor, "base", clip_of()), []

    def error(stage, network, clean, text, generator, *, video):
        asked.append((video, tuple(clean.shape)))
        return torch.full((len(clean),), 3.0 if video else 5.0)

    editor.error = error
    for alpha, expected in ((1.0, 3.0), (0.0, 5.0), (0.65, 0.65 * 3 + 0.35 * 5)):
        loss = mixed_loss(editor, "base", material, alpha)(torch.nn.Identity(), torch.Generator(), 0)
        assert float(loss) == pytest.approx(expected)
    of_video, of_frames = (True, (1, 3, 2, 16, 16)), (False, (8, 3, 1, 16, 16))
    assert asked == [of_video, of_frames, of_video, of_frames], "one of weight 0 is not computed"


def test_what_a_step_sees_is_cut_from_the_clip_at_random():
    video = torch.arange(20.0).view(1, 20, 1, 1).expand(3, 20, 8, 40)
    generator = torch.Generator().manual_seed(0)
    drawn = draw_video(video, 6, (8, 8, 16), generator)
    assert drawn.shape == (6, 3, 8, 8, 16)
    assert len({float(one[0, 0, 0, 0]) for one in drawn}) > 2
    assert all(torch.equal(one[0, :, 0, 0].diff(), torch.ones(7)) for one in drawn)
    pictures = [torch.full((3, 1, 8, 8 + index), float(index)) for index in range(5)]
    shown = draw_pictures(pictures, 5, (9, 8, 8), generator)
    assert shown.shape == (5, 3, 1, 8, 8)
    assert sorted(shown[:, 0, 0, 0, 0].tolist()) == [0, 1, 2, 3, 4], "none twice"
    assert len(draw_pictures(pictures[:1], 4, (9, 8, 8), generator)) == 4


TRAINED = {"finetune_steps": 6, "stages": ["base"], "training.learning_rate": 3e-3, "pictures": 2}


def test_fine_tuning_learns_the_clip(job):
    clip = clip_of()
    config = config_of(**TRAINED | {"finetune_steps": 30})
    editor = CascadeEditor.load(job.backbone("t2v-world"), config, CPU, training=True)
    material = material_of(editor, "base", clip)

    def error(video: bool) -> float:
        clean = material.video[None] if video else torch.stack(material.pictures)
        text = material.text.repeated(len(clean))
        draws = [torch.Generator().manual_seed(seed) for seed in range(6)]
        with torch.no_grad():
            parts = [
                editor.error("base", editor.network("base"), clean, text, one, video=video).mean() for one in draws
            ]
        return float(torch.stack(parts).mean())

    before = error(True), error(False)
    editor.take("base", fit("base", Inputs(clip=clip), config, job), "here")
    assert error(True) < 0.9 * before[0]
    assert error(False) < 0.9 * before[1]


def test_by_frames_alone_temporal_layers_stay_as_they_were(job, cascade, tmp_path):
    Image.fromarray(clip_of().frames[0]).save(tmp_path / "photo.png")
    inputs = Inputs(files={"picture": tmp_path / "photo.png"})
    config = config_of(Task.SUBJECT, **{key: value for key, value in TRAINED.items() if key != "finetune_steps"})
    state = fit("base-frames", inputs, config, job)
    before = cascade.base.unet.state_dict()
    changed = {name for name, value in state.items() if not torch.equal(value, before[name])}
    assert changed
    assert not [name for name in changed if "temporal" in name]
    assert state.keys() == before.keys()


def test_adapters_are_an_alternative_to_all_weights(job):
    config = config_of(**TRAINED, adapter="lora", lora_rank=2)
    inputs = Inputs(clip=clip_of(), prompt="a kite")
    state = fit("base", inputs.only({CLIP}), config, job)
    assert all(name.endswith((".lora_A.weight", ".lora_B.weight")) for name in state)
    editor = CascadeEditor.load(job.backbone("t2v-world"), config, CPU, training=False)
    plain = editor.network("base").down[0][0].spatial.conv1.weight.clone()
    editor.take("base", state, "here")
    assert not torch.equal(editor.network("base").down[0][0].spatial.conv1.weight, plain)
    with pytest.raises(MethodError, match="does not fit"):
        editor.take("base", {"nonsense": torch.zeros(1)}, "here")


def test_a_second_prompt_trains_nothing(job, tmp_path, monkeypatch):
    config, models = config_of(**TRAINED), tmp_path / "models"
    for task in METHOD.tasks:
        declared = METHOD.parts(task, config_of(task)).values()
        assert declared
        assert all(PROMPT not in part.reads and not part.needs for part in declared)
        assert all((CLIP if task == Task.EDIT_TEXT else INPUTS) in part.reads for part in declared)
    inputs = Inputs(clip=clip_of(), prompt="a red kite")
    first = train_parts(METHOD, Task.EDIT_TEXT, inputs, config, job, models)
    stamps = {part: path.read_bytes() for part, path in first.items()}

    def fails(self, step):
        raise AssertionError("trained again")

    monkeypatch.setattr(Trainer, "update", fails)
    config = config_of(**TRAINED, strength=0.5, source_prompt="a kite")
    second = train_parts(METHOD, Task.EDIT_TEXT, replace(inputs, prompt="two boats"), config, job, models)
    assert {part: path.read_bytes() for part, path in second.items()} == stamps
    with pytest.raises(AssertionError, match="trained again"):
        train_parts(METHOD, Task.EDIT_TEXT, replace(inputs, clip=clip_of(seed=1)), config, job, models)


def test_a_stopped_training_goes_on_where_it_was(job, monkeypatch):
    config, inputs = config_of(**TRAINED), Inputs(clip=clip_of())
    whole = fit("base", inputs, config, replace(job, workdir=job.workdir / "whole"))
    update = Trainer.update

    def stopping(self, step):
        if step == 3:
            signal.raise_signal(signal.SIGTERM)
        return update(self, step)

    monkeypatch.setattr(Trainer, "update", stopping)
    with pytest.raises(StoppedError):
        fit("base", inputs, config, job)
    monkeypatch.setattr(Trainer, "update", update)
    resumed = fit("base", inputs, config, job)
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_fine_tuned_stages_are_what_is_sampled_with(job, tmp_path):
    config, inputs = config_of(**TRAINED), Inputs(clip=clip_of(), prompt="a red kite")
    models = train_parts(METHOD, Task.EDIT_TEXT, inputs, config, job, tmp_path / "models")
    assert set(models) == {"base"}
    tuned = METHOD.sample(Task.EDIT_TEXT, inputs, config, 0, replace(job, models=models)).frames
    plain = METHOD.sample(Task.EDIT_TEXT, inputs, config_of(finetune_steps=0), 0, job).frames
    assert not np.array_equal(tuned, plain)


# What is refused


@pytest.mark.parametrize(
    ("task", "inputs", "settings", "complaint"),
    [
        (Task.EDIT_TEXT, Inputs(clip=clip_of()), {}, "needs a prompt"),
        (Task.EDIT_TEXT, Inputs(prompt="a"), {}, "needs a clip"),
        (Task.SUBJECT, Inputs(clips={"video": clip_of()}, prompt="a kite"), {}, "does not name the subject, 'sks'"),
        (Task.ANIMATE_IMAGE, Inputs(prompt="a"), {}, "needs one of the inputs 'images' and 'picture'"),
        (Task.EDIT_TEXT, Inputs(clip=clip_of(), prompt="a"), {"strength": "auto"}, "nothing was learned yet"),
        (Task.EDIT_TEXT, Inputs(clip=clip_of(), prompt="a"), {"upscaler": "latte-1"}, "super-resolution of its own"),
    ],
)
def test_what_does_not_go_together_is_refused(job, monkeypatch, tmp_path, task, inputs, settings, complaint):
    monkeypatch.setattr("onereel.methods.dreamix.automatic.config_folder", lambda: tmp_path)
    if "upscaler" in settings:
        job = replace(job, backbones={**job.backbones, "latte-1": job.backbone("t2v-world")})
    with pytest.raises(MethodError, match=complaint) as raised:
        check_run(METHOD, task, inputs, config_of(task, **settings), job)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("task", "setting", "able"),
    [
        ("edit_text", "camera", "animate_image"),
        ("subject", "alpha", "edit_text"),
        ("subject", "strength", "animate_image"),
    ],
)
def test_settings_of_other_tasks_are_refused(task, setting, able):
    value = {"camera": "pan left", "alpha": 0.5, "strength": 0.5}[setting]
    with pytest.raises(ConfigError, match=f"'{task}' does not read it; leave it out, or ask for {able}"):
        config_of(Task(task), **{setting: value})


def test_presets_say_what_the_paper_says():
    paper = configure(METHOD, "paper")
    assert (paper.finetune_steps, paper.alpha, paper.frames_only_steps) == (200, 0.65, 300)
    assert paper.training.learning_rate == 6e-6
    assert paper.guidance_scale == 1
    assert paper.sampler == "stochastic"
    assert METHOD.backbones(Task.EDIT_TEXT, paper) == ("zeroscope-576w", "zeroscope-xl")
    assert METHOD.backbones(Task.EDIT_TEXT, configure(METHOD, "fast")) == ("t2v-world",)
    assert set(METHOD.parts(Task.EDIT_TEXT, configure(METHOD, "fast"))) == set(STAGES)
    none = configure(METHOD, "fast", {"finetune_steps": 0})
    assert METHOD.parts(Task.EDIT_TEXT, none) == {}
