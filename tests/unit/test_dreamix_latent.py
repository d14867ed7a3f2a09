"""Dreamix on tiny random models of the published classes."""

import numpy as np
import pytest
import torch

from onereel.backbones.text_to_video import LatentTextToVideo
from onereel.base.errors import MethodError
from onereel.jobs.sampling import check_run
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.dreamix.fit import fit, mixed_loss
from onereel.methods.dreamix.latent import LatentEditor, frames_for
from onereel.video.clip import Clip
from onereel.weights.store import Resolved
from tests.unit.tiny_backbones import SIZES, tiny

METHOD = load_method("dreamix")
CPU = torch.device("cpu")
FAMILIES = ["unet3d", "latte", "wan"]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=FAMILIES)
def weights(request, tmp_path_factory) -> Resolved:
    return tiny(request.param, tmp_path_factory.mktemp(request.param))


def config_of(weights: Resolved, **settings):
    given = {"backbone": weights.name, "stages": ["base"], "num_inference_steps": 2, "adapter": "lora", "lora_rank": 2}
    return configure(METHOD, "demo", {**given, "finetune_steps": 2, "pictures": 2, **settings}, task=Task.EDIT_TEXT)


def job_of(weights: Resolved, **further) -> Job:
    return Job(CPU, backbones={weights.name: weights}, **further)


def clip_of(weights: Resolved, seed: int = 0, **longer: int) -> Clip:
    frames, height, width = SIZES[weights.entry.family]
    rng = np.random.default_rng(seed)
    size = (frames + longer.get("frames", 0), height, width + longer.get("width", 0), 3)
    return Clip(rng.integers(0, 256, size, dtype=np.uint8))


def edited(weights: Resolved, clip: Clip, **settings) -> Clip:
    config = config_of(weights, finetune_steps=0, **settings)
    return METHOD.sample(Task.EDIT_TEXT, Inputs(clip=clip, prompt="a cat"), config, 0, job_of(weights))


def test_strength_says_how_much_of_the_clip_is_left(weights):
    clip, other = clip_of(weights), clip_of(weights, 1)
    assert np.array_equal(edited(weights, clip, strength=1.0).frames, edited(weights, other, strength=1.0).frames)
    assert not np.array_equal(edited(weights, clip, strength=0.5).frames, edited(weights, other, strength=0.5).frames)
    editor = LatentEditor.load(weights, config_of(weights), CPU, training=False)
    video = torch.rand(3, *SIZES[weights.entry.family]) * 2 - 1
    kept = editor.edit(video, "a cat", 0.0, torch.Generator())
    torch.testing.assert_close(kept, editor.model.decode(editor.model.encode(video[None]))[0])


def test_longer_and_wider_clips_are_seen_in_windows(weights, monkeypatch):
    clip, seen = clip_of(weights, frames=6, width=20), []
    native = SIZES[weights.entry.family]
    kind = type(LatentEditor.load(weights, config_of(weights), CPU, training=False).model)
    plain = kind.predict

    def watched(self, noisy, *arguments, **options):
        seen.append(noisy.shape[2:])
        return plain(self, noisy, *arguments, **options)

    monkeypatch.setattr(kind, "predict", watched)
    assert edited(weights, clip).size == clip.size
    assert len(set(seen)) == 1
    assert seen[0][1:] == (native[1] // 8, native[2] // 8)
    assert len(seen) > 4


@pytest.mark.parametrize(("family", "adapter"), [("unet3d", "full"), ("latte", "lora"), ("wan", "lora")])
def test_fine_tuning_changes_what_is_made(family, adapter, tmp_path):
    weights = tiny(family, tmp_path)
    config = config_of(weights, adapter=adapter, **{"training.learning_rate": 0.01, "finetune_steps": 4})
    clip = clip_of(weights)
    state = fit("base", Inputs(clip=clip), config, job_of(weights, workdir=tmp_path / "work"))
    editor = LatentEditor.load(weights, config, CPU, training=False)
    video = torch.rand(3, *SIZES[weights.entry.family]) * 2 - 1
    before = editor.edit(video, "a cat", 0.8, torch.Generator().manual_seed(0))
    editor.take("base", state, "here")
    after = editor.edit(video, "a cat", 0.8, torch.Generator().manual_seed(0))
    assert not torch.equal(before, after)
    assert torch.isfinite(after).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_frames_are_independent_to_the_last_bit(family, tmp_path):
    """No leak through group norms, convolutions or attention over time."""
    weights = tiny(family, tmp_path)
    editor = LatentEditor.load(weights, config_of(weights), CPU, training=False)
    model, frames = editor.model, SIZES[family][0]
    frames = max(frames, 3)
    noisy, text = torch.randn(1, 4, frames, 2, 4), model.encode_prompt(["sks"])
    order = torch.arange(frames).roll(1)
    with torch.no_grad():
        plain = model.predict(noisy, 300, text, video=False)
        assert torch.equal(model.predict(noisy[:, :, order], 300, text, video=False), plain[:, :, order])
        changed = noisy.clone()
        changed[:, :, 1] = 0
        other = model.predict(changed, 300, text, video=False)
        moving = model.predict(changed, 300, text) - model.predict(noisy, 300, text)
    assert [torch.equal(other[:, :, at], plain[:, :, at]) for at in range(frames)] == [at != 1 for at in range(frames)]
    assert moving[:, :, 0].abs().max() > 0, "as a video they are not"


@pytest.mark.parametrize(("family", "temporal"), [("unet3d", ("temp_", "transformer_in")), ("latte", ("temporal_",))])
def test_temporal_parameters_get_no_gradient_from_frames(family, temporal, tmp_path):
    from onereel.methods.dreamix.shape import footage_of

    weights = tiny(family, tmp_path)
    editor = LatentEditor.load(weights, config_of(weights, adapter="full"), CPU, training=True)
    clip = clip_of(weights)
    material = editor.material("base", footage_of(clip, editor.side, editor.step, editor.frames_for(clip.size[0])))
    network = editor.network("base").requires_grad_(True)
    editor.save_memory()
    named = {name for name, _ in network.named_parameters() if any(word in name for word in temporal)}
    assert named
    for alpha in (0.0, 1.0):
        network.zero_grad(set_to_none=True)
        mixed_loss(editor, "base", material, alpha)(network, torch.Generator().manual_seed(0), 0).backward()
        moved = {name for name, each in network.named_parameters() if each.grad is not None}
        assert moved - named
        assert bool(moved & named) == (alpha == 1)


def test_frames_of_wan_are_encoded_one_by_one_and_it_says_that_it_approximates(tmp_path, caplog):
    """Its autoencoder packs four frames into one latent; of frames alone each is a video of its own."""
    from onereel.methods.dreamix.shape import footage_of

    weights = tiny("wan", tmp_path)
    editor = LatentEditor.load(weights, config_of(weights), CPU, training=True)
    material = editor.material("base", footage_of(clip_of(weights), editor.side, editor.step, 5))
    assert material.video.shape[1] == 2
    assert [picture.shape[1] for picture in material.pictures] == [1] * 5
    assert "an approximation" in caplog.text


def test_clips_get_as_many_frames_as_the_model_makes(weights):
    model = LatentTextToVideo.skeleton.__func__(  # type: ignore[attr-defined]
        type(LatentEditor.load(weights, config_of(weights), CPU, training=False).model), weights, dtype=torch.float32
    )
    expected = {"unet3d": [1, 2, 3, 9], "latte": [1, 4, 4, 9], "wan": [1, 5, 5, 9]}[weights.entry.family]
    assert [frames_for(model, count) for count in (1, 2, 3, 9)] == expected


def test_a_model_after_the_model_enlarges(tmp_path, monkeypatch):
    weights = tiny("unet3d", tmp_path)
    clip = clip_of(weights)
    config = config_of(weights, finetune_steps=0, upscaler=weights.name, num_inference_steps=2)
    asked = []
    plain = LatentEditor.edit

    def watched(self, video, prompt, strength, generator, **options):
        asked.append((tuple(video.shape), strength))
        return plain(self, video, prompt, strength, generator, **options)

    monkeypatch.setattr(LatentEditor, "edit", watched)
    made = METHOD.sample(Task.EDIT_TEXT, Inputs(clip=clip, prompt="a"), config, 0, job_of(weights))
    assert made.size == clip.size
    assert [strength for _, strength in asked] == [config.strength, config.upscaler_strength]


def test_what_does_not_fit_or_is_not_there_is_refused(tmp_path, monkeypatch):
    weights = tiny("latte", tmp_path)
    inputs = Inputs(clip=clip_of(weights), prompt="a")
    check_run(METHOD, Task.EDIT_TEXT, inputs, config_of(weights), job_of(weights))
    with pytest.raises(MethodError, match=r"has no stage 'spatial1'; set stages=\[base\]"):
        check_run(METHOD, Task.EDIT_TEXT, inputs, config_of(weights, stages=["base", "spatial1"]), job_of(weights))
    monkeypatch.setattr("onereel.training.estimates.available_memory", lambda device: 100_000)
    with pytest.raises(MethodError, match=r"needs about .* MB, cpu has 0\.1 MB"):
        check_run(METHOD, Task.EDIT_TEXT, inputs, config_of(weights), job_of(weights))


def test_of_tuning_that_does_not_fit_adapters_are_named(tmp_path, monkeypatch):
    weights, told = tiny("unet3d", tmp_path), []
    monkeypatch.setattr("onereel.methods.dreamix.latent.check_memory", lambda *arguments: told.append(arguments))
    for adapter in ("full", "lora"):
        config = config_of(weights, adapter=adapter)
        check_run(METHOD, Task.EDIT_TEXT, Inputs(clip=clip_of(weights), prompt="a"), config, job_of(weights))
    (where, full, _, ways), (_, lora, _, none) = told
    assert "fine-tuning" in where
    assert full > lora > 0
    assert ways["adapter=lora"]() == lora
    assert not none
