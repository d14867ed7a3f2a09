"""Plug-and-Play on tiny random models of both families."""

import numpy as np
import pytest
import torch

from onereel.base.errors import MethodError
from onereel.diffusion.samplers import ddim
from onereel.jobs.sampling import check_run
from onereel.methods import Task, configure, load_method
from onereel.methods.plug_and_play.editing import PlugAndPlayed
from onereel.methods.plug_and_play.injection import injected, layers_of
from onereel.methods.sdedit.editing import Editing
from onereel.weights.store import Resolved
from tests.unit import frame_editors as tools

METHOD = load_method("plug_and_play")
ALL = slice(0, 3)


@pytest.fixture(autouse=True)
def small(monkeypatch, one_thread):
    tools.narrow(monkeypatch)
    with torch.no_grad():
        yield


@pytest.fixture(params=["latent-world", "stable-diffusion"])
def weights(request, tmp_path) -> Resolved:
    return tools.model_of(request.param, tmp_path / "model")


def editor(weights: Resolved, tmp_path, prompt: str = tools.PROMPT, **settings) -> PlugAndPlayed:
    config = tools.settings_of("plug_and_play", weights, **settings)
    inputs = tools.inputs_of(tools.moving_clip(3), tmp_path, prompt)
    played = PlugAndPlayed(Editing(inputs, config, tools.job_of(weights)), config)
    # Inversion is exact of networks that change little from step to step, as trained ones do.
    played.editing.model.unet.conv_out.weight.mul_(0.1)
    return played


def recorded(modules, run) -> list[list[torch.Tensor]]:
    """What modules answer while something runs, call by call."""
    seen = [[] for _ in modules]
    hooks = [
        module.register_forward_hook(lambda _, __, output, kept=kept: kept.append(output.clone()))
        for module, kept in zip(modules, seen, strict=True)
    ]
    run()
    for hook in hooks:
        hook.remove()
    return seen


def test_the_inversion_leads_back_to_the_source(weights, tmp_path):
    played = editor(weights, tmp_path, refinements=4)
    source, timesteps = played.inverted(ALL), played.editing.timesteps()
    condition = played.editing.condition("", ALL)
    back = ddim(
        played.editing.process,
        lambda noisy, timestep: played.editing.model.predict(noisy, timestep, condition),
        source[timesteps[0]],
        timesteps,
    )
    assert off(back, played) < 0.01
    finer = editor(weights, tmp_path, refinements=4, inversion_substeps=5).inverted(ALL)
    assert list(finer) == timesteps, "of its steps those that the sampling takes"
    assert not torch.equal(finer[timesteps[0]], source[timesteps[0]])


def test_the_sources_own_prompt_with_all_injected_gives_the_source_back(weights, tmp_path):
    settings = {"source_prompt": tools.PROMPT, "guidance_scale": 1.0, "refinements": 4}
    played = editor(weights, tmp_path, tau_f=1.0, tau_a=1.0, **settings)
    assert off(played.edited(ALL), played) < 0.01
    elsewhere = editor(weights, tmp_path, "a boat", tau_f=0.0, tau_a=0.0, **settings)
    assert off(elsewhere.edited(ALL), elsewhere) > off(played.edited(ALL), played)


def off(found: torch.Tensor, played: PlugAndPlayed) -> float:
    """How far latents are from the source's; noise is 1."""
    return float((found - played.editing.latents).abs().mean())


def test_without_injection_it_is_ddim_from_the_inverted_noise(weights, tmp_path):
    played = editor(weights, tmp_path, tau_f=0.0, tau_a=0.0)
    start, timesteps = played.inverted(ALL), played.editing.timesteps()
    expected = ddim(played.editing.process, played.editing.guided(ALL), start[timesteps[0]], timesteps)
    torch.testing.assert_close(played.edited(ALL), expected)


def test_injected_activations_are_the_sources_and_only_those(weights, tmp_path):
    played = editor(weights, tmp_path, tau_f=0.5, tau_a=0.25, guidance_scale=2.0)
    layers = layers_of(played.editing.model.unet)
    third = len(layers) // 3
    watched = [layers[third].features, layers[third + 1].features]
    attended = [each for layer in layers[third:] for each in layer.attentions]
    source = played.inverted(ALL)
    seen = recorded(
        [*watched, *attended],
        lambda: ddim(
            played.editing.process,
            played.predict(ALL, source),
            source[played.editing.timesteps()[0]],
            played.editing.timesteps(),
        ),
    )
    chosen, other, *queries = seen
    assert [len(each) for each in chosen] == [9, 9, 6, 6], "the source goes along only while something is injected"
    for step, output in enumerate(chosen):
        parts = output.chunk(len(output) // 3)
        same = [torch.equal(parts[0], part) for part in parts[1:]]
        assert all(same) if step < 2 else not any(same)
    assert not torch.equal(*other[0].chunk(3)[1:])
    assert queries
    for query in queries:
        first, second = query[0].chunk(3), query[1].chunk(3)
        assert all(torch.equal(first[0], part) for part in first[1:])
        assert not torch.equal(first[0], second[1])
        assert not torch.equal(second[0], second[1])


def test_what_is_injected_is_what_the_source_says_alone(weights, tmp_path):
    """Of the source's latents at that step with its own prompt, not of anything else in the batch."""
    played = editor(weights, tmp_path, tau_f=1.0, tau_a=0.0)
    source, timestep = played.inverted(ALL), played.editing.timesteps()[1]
    layers = layers_of(played.editing.model.unet)
    feature = layers[len(layers) // 3].features
    own = played.editing.condition("", ALL)
    ((alone,),) = recorded([feature], lambda: played.editing.model.predict(source[timestep], timestep, own))
    predict = played.predict(ALL, source)
    ((along,),) = recorded([feature], lambda: predict(torch.randn_like(source[timestep]), timestep))
    for part in along.chunk(3):
        torch.testing.assert_close(part, alone, atol=1e-4, rtol=1e-3)


def test_nothing_stays_behind_in_the_network(weights, tmp_path):
    played = editor(weights, tmp_path)
    unet = played.editing.model.unet
    condition = played.editing.condition("a boat", ALL)
    noisy = torch.randn_like(played.editing.latents)
    before = played.editing.model.predict(noisy, 500, condition)
    played.edited(ALL)
    assert not any(module._forward_hooks for module in unet.modules())
    assert torch.equal(before, played.editing.model.predict(noisy, 500, condition))
    with pytest.raises(RuntimeError, match="stop"), injected([unet.conv_in], 2):
        raise RuntimeError("stop")
    assert not unet.conv_in._forward_hooks


def test_stable_diffusions_layers_are_the_authors():
    """Layer 4 is the second residual block of the second block up, and self-attention is in 4 to 11."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)
    layers = layers_of(unet)
    assert len(layers) == 12
    assert layers[len(layers) // 3].features is unet.up_blocks[1].resnets[1].conv2
    assert [bool(layer.attentions) for layer in layers] == [False] * 3 + [True] * 9
    assert layers[11].attentions[0] is unet.up_blocks[3].attentions[2].transformer_blocks[0].attn1.to_q


def test_a_sample_has_the_clips_size_and_needs_no_seed(weights, tmp_path):
    clip = tools.moving_clip(3)
    inputs, config = tools.inputs_of(clip, tmp_path), tools.settings_of("plug_and_play", weights, batch=2)
    one, two = METHOD.sample_many(Task.EDIT_TEXT, inputs, config, [0, 1], tools.job_of(weights))
    assert one.shape == clip.frames.shape
    assert np.array_equal(one, two)
    whole = tools.settings_of("plug_and_play", weights, batch=8)
    (together,) = METHOD.sample_many(Task.EDIT_TEXT, inputs, whole, [0], tools.job_of(weights))
    assert np.abs(together.astype(int) - one).max() <= 1


def test_layers_that_are_not_there_are_refused(tmp_path):
    weights = tools.model_of("latent-world", tmp_path / "m")
    inputs = tools.inputs_of(tools.moving_clip(3), tmp_path)
    config = configure(METHOD, "demo", {"feature_layer": 4})
    with pytest.raises(MethodError, match="feature_layer 4: 'latent-world' has 4 layers; choose 0 to 3"):
        check_run(METHOD, Task.EDIT_TEXT, inputs, config, tools.job_of(weights))
