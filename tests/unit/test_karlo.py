"""Karlo's prior on a tiny random one of its classes."""

import pytest
import torch

from onereel.backbones.karlo import KarloPrior, bytes_of, is_karlo
from onereel.base.errors import MethodError, WeightsError
from onereel.weights.store import Resolved
from tests.unit.tiny_backbones import tiny

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Resolved:
    return tiny("prior", tmp_path_factory.mktemp("prior"))


@pytest.fixture(scope="module")
def prior(weights) -> KarloPrior:
    return KarloPrior.load(weights)


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_it_is_the_published_pipelines_prior(prior):
    """`UnCLIPPipeline.__call__`, of which the prior is the first half; it ends where the decoder would begin."""
    from diffusers.pipelines.deprecated.unclip.pipeline_unclip import UnCLIPPipeline

    scheduler, network = prior._scheduler, prior.network
    pipeline = UnCLIPPipeline.__new__(UnCLIPPipeline)
    parts = {"tokenizer": prior.tokenizer, "text_encoder": prior.encoder}
    for name, part in parts.items():
        object.__setattr__(pipeline, name, part)
    with torch.no_grad():
        told, states, mask = pipeline._encode_prompt(["a red kite"], torch.device("cpu"), 1, True)
        generator = drawn(3)
        current = torch.randn((1, 16), generator=generator)
        scheduler.set_timesteps(5)
        times = scheduler.timesteps
        for index, time in enumerate(times):
            said = network(torch.cat([current] * 2), time, told, states, mask).predicted_image_embedding
            without, with_it = said.chunk(2)
            guided = without + 4.0 * (with_it - without)
            later = times[index + 1] if index + 1 < len(times) else None
            current = scheduler.step(guided, time, current, generator=generator, prev_timestep=later).prev_sample
        expected = network.post_process_latents(current)
    found = prior.image_embeddings(["a red kite"], [drawn(3)], num_inference_steps=5)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_seed_decides_alone_and_words_and_guidance_count(prior):
    both = prior.image_embeddings(["a kite", "a boat"], [drawn(1), drawn(2)], num_inference_steps=3)
    alone = prior.image_embeddings(["a boat"], [drawn(2)], num_inference_steps=3)
    torch.testing.assert_close(both[1:], alone)
    for other in ({"guidance_scale": 1.0}, {"negative_prompt": "a kite"}):
        assert not torch.allclose(
            prior.image_embeddings(["a boat"], [drawn(2)], num_inference_steps=3, **other), alone, atol=1e-4
        )
    assert not torch.allclose(prior.image_embeddings(["a cat"], [drawn(2)], num_inference_steps=3), alone, atol=1e-4)


def test_what_cannot_work_is_refused(prior, weights, monkeypatch):
    assert is_karlo(weights)
    assert bytes_of(weights, torch.float32) == 2 * bytes_of(weights, torch.bfloat16) > 10_000
    with pytest.raises(MethodError, match="Karlo's prior: takes 2 steps or more"):
        prior.image_embeddings(["a"], [drawn(0)], num_inference_steps=1)
    empty = prior.network.clip_std.clone()
    monkeypatch.setattr("onereel.backbones.karlo.load_component", lambda *_: prior.network)
    prior.network.clip_std.zero_()
    with pytest.raises(WeightsError, match="has no spread of image embeddings"):
        KarloPrior.load(weights)
    prior.network.clip_std.copy_(empty)
