"""An edited first frame, propagated by a translator, on tiny random models."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from onereel.jobs.fitting import train_parts
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.base import BACKBONES, CLIP, PROMPT
from onereel.methods.ivs.fit import distance, fit, learned, patches
from onereel.methods.ivs.translator import Translator, carried
from onereel.methods.sdedit.editing import Editing
from onereel.video.clip import Clip
from tests.unit import frame_editors as tools

METHOD = load_method("ivs")
QUICK = {"steps": 2, "channels": 8, "blocks": 1, "gaussians": 6, "training.batch": 4, "patch": 16}


@pytest.fixture(autouse=True)
def small(monkeypatch, one_thread):
    tools.narrow(monkeypatch)


def config_of(**settings):
    return configure(METHOD, "demo", {"num_inference_steps": 2, **QUICK, **settings})


def inputs_of(clip: Clip, tmp_path, prompt: str = tools.PROMPT) -> Inputs:
    return tools.inputs_of(clip, tmp_path, prompt, flow=tools.flow_of(clip, tmp_path))


def translator(state, config) -> Translator:
    network = Translator(config.channels, config.blocks, config.gaussians)
    network.load_state_dict(state)
    return network.eval()


def test_it_learns_the_identity_when_the_first_frame_is_the_source(tmp_path):
    picture = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    config = config_of(steps=5)
    network = translator(learned(picture, picture, config, Job(tools.CPU, workdir=tmp_path)), config)
    other = torch.rand(2, 3, 24, 32) * 2 - 1
    with torch.no_grad():
        spots = network.spots(carried(torch.zeros(1, 24, 32, 2)), config.spread)
        torch.testing.assert_close(network(other, spots), other)


def test_it_learns_an_edit_and_applies_it_to_what_it_never_saw(tmp_path):
    """Red becomes blue, wherever it is."""
    clip = tools.moving_clip(4, 32, 48)
    video = torch.from_numpy(clip.frames.copy()).permute(0, 3, 1, 2).float() / 127.5 - 1
    config = config_of(steps=150, channels=16, blocks=2, **{"training.learning_rate": 5e-3})
    wanted = video.clone()
    red = torch.from_numpy((clip.frames[..., 0] > 200)[:, None].repeat(3, axis=1))
    wanted[red] = video.flip(1)[red]
    state = learned(video[:1], wanted[:1], config, Job(tools.CPU, workdir=tmp_path))
    network = translator(state, config)
    flow = torch.zeros(3, 32, 48, 2)
    flow[..., 0] = -2.0
    flow[~red[1:, 0]] = 0.0
    with torch.no_grad():
        said = network(video, network.spots(carried(flow), config.spread))
    missed, box = (said - wanted)[3].abs(), red[3]
    assert missed[box].mean() < 0.25 * (video - wanted)[3].abs()[box].mean()
    assert missed[~box].mean() < 0.05


def test_the_part_reads_clip_prompt_and_backbone_and_is_trained_once(tmp_path):
    weights, clip = tools.model_of("latent-world", tmp_path / "m"), tools.moving_clip(3)
    config, job = config_of(), tools.job_of(weights)
    (part,) = METHOD.parts(Task.EDIT_TEXT, config).values()
    assert part.reads == {CLIP, PROMPT, BACKBONES}
    inputs = inputs_of(clip, tmp_path)
    files = train_parts(METHOD, Task.EDIT_TEXT, inputs, config, job, tmp_path / "models")
    fewer = train_parts(METHOD, Task.EDIT_TEXT, inputs, config_of(batch=2), job, tmp_path / "models")
    assert files == fewer, "how many frames go together changes no training"
    elsewhere = train_parts(METHOD, Task.EDIT_TEXT, replace(inputs, prompt="a boat"), config, job, tmp_path / "models")
    assert elsewhere != files
    one, two = METHOD.sample_many(Task.EDIT_TEXT, inputs, config, [0, 1], replace(job, models=files))
    assert one.shape == clip.frames.shape
    assert np.array_equal(one, two)


def test_the_training_sees_the_edit_of_sdedit(tmp_path, monkeypatch):
    weights, clip = tools.model_of("latent-world", tmp_path / "m"), tools.moving_clip(3)
    seen = {}
    monkeypatch.setattr(
        "onereel.methods.ivs.fit.learned", lambda source, edited, *_: seen.update(source=source, edited=edited) or {}
    )
    config, inputs = config_of(strength=0.5), inputs_of(clip, tmp_path)
    fit(inputs, config, replace(tools.job_of(weights), seed=7))
    sdedit = load_method("sdedit")
    same = tools.settings_of("sdedit", weights, num_inference_steps=2, strength=0.5, guidance_scale=3.0)
    with torch.no_grad():
        editing = Editing(inputs, same, tools.job_of(weights))
        expected = sdedit.edited(editing, same, torch.Generator().manual_seed(7))[:1]
    torch.testing.assert_close(seen["edited"], expected, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(seen["source"], editing.pictures[:1])


def test_patches_of_source_edit_and_spots_lie_over_each_other():
    pair = torch.arange(3 * 20 * 30).view(3, 20, 30).float()
    cut = patches(pair, 8, 5, torch.Generator().manual_seed(0))
    assert cut.shape == (5, 3, 8, 8)
    for one in cut:
        assert torch.equal(one[1] - one[0], torch.full((8, 8), 600.0))
    assert len({float(one[0, 0, 0]) for one in cut}) > 1
    assert patches(pair, 99, 1, torch.Generator()).shape == (1, 3, 20, 30)


def test_places_are_carried_along_the_flow_through_all_frames():
    flow = torch.zeros(3, 6, 20, 2)
    flow[..., 0], flow[..., 1] = -2, 1  # what a frame shows was two to the left and one below
    places = carried(flow)
    assert places.shape == (4, 6, 20, 2)
    torch.testing.assert_close(places[0, 2, 10], torch.tensor([10.0, 2.0]))
    torch.testing.assert_close(places[3, 1, 10], torch.tensor([4.0, 4.0]))


def test_spots_go_where_things_go_and_none_are_asked_for_with_none():
    network = Translator(8, 1, 5)
    flow = torch.zeros(1, 24, 32, 2)
    flow[..., 0] = -3.0
    still, moved = network.spots(carried(flow), 0.1)
    torch.testing.assert_close(moved[:, :, 3:], still[:, :, :-3])
    assert float(still.std()) > 0.05
    assert Translator(8, 1, 0).spots(carried(flow), 0.1) is None
    assert not METHOD.requires(Task.EDIT_TEXT, config_of(gaussians=0))
    assert METHOD.requires(Task.EDIT_TEXT, config_of())


def test_a_patch_is_translated_as_in_the_whole_frame():
    network = Translator(8, 1, 0)
    torch.nn.init.normal_(network.outside.weight, std=0.1)
    frame = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        whole, part = network(frame, None), network(frame[:, :, 8:56, 8:56], None)
    torch.testing.assert_close(part[:, :, 16:-16, 16:-16], whole[:, :, 24:-24, 24:-24], atol=1e-5, rtol=1e-4)


def test_what_is_not_even_costs_more():
    wanted = torch.zeros(1, 3, 8, 8)
    wanted[..., 4:] = 1
    uneven = wanted.clone()
    uneven[..., ::2] += 0.2
    assert distance(wanted + 0.1, wanted, 1) == pytest.approx(float(distance(wanted + 0.1, wanted, 0)))
    assert distance(uneven, wanted, 1) > 2 * distance(uneven, wanted, 0)
    assert distance(wanted, wanted, 1) == 0
