"""Latent diffusion on worlds: autoencoder, image and text models, prior; tiny networks of the same classes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from onereel.backbones import latent, prior
from onereel.backbones.cascade.text import tokens_of
from onereel.base.errors import WeightsError
from onereel.base.files import sha256_of
from onereel.base.progress import no_progress
from onereel.features.world_classifiers import OF_PICTURES
from onereel.scenes.world import CLASSES, sample_world
from onereel.scenes.world.rendering import labels_of
from onereel.standins import latent as autoencoding
from onereel.standins import latent_diffusion, latent_image, latent_text
from onereel.standins import prior as priors
from onereel.standins.classes import balanced_accuracies
from onereel.standins.registry import find
from onereel.training.settings import TrainingConfig
from onereel.training.trainer import Trainer
from onereel.weights.checkpoints import write_tensors
from onereel.weights.store import Resolved

CPU = torch.device("cpu")
CAPTIONS = ("Two red balloons rising over land at sunset.", "A pencil sketch of a boat.")


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes of the shipped networks, a few channels wide."""
    narrow = {"norm_num_groups": 4}
    monkeypatch.setattr(latent, "AUTOENCODER", {**latent.AUTOENCODER, **narrow, "block_out_channels": (4, 8, 8)})
    for name in ("IMAGE_UNET", "TEXT_UNET"):
        config = {**getattr(latent, name), **narrow, "block_out_channels": (8, 16), "attention_head_dim": 2}
        for module in (latent, latent_image):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, config)
    small = {**prior.PRIOR_WORLD, "num_attention_heads": 1, "attention_head_dim": 16, "num_layers": 1}
    monkeypatch.setattr(prior, "PRIOR_WORLD", small)
    for module in (autoencoding, latent_image, latent_text, priors):
        monkeypatch.setattr(module, "_CLIPS", 4)
    for module in (autoencoding, priors):
        monkeypatch.setattr(module, "_MEASURED", 4)
    monkeypatch.setattr(latent_diffusion, "BATCH", 4)
    priors._moments.cache_clear()


def stored(folder: Path, entry: str, parts: Mapping[str, Mapping[str, Tensor]]) -> Resolved:
    files = {}
    for part, tensors in parts.items():
        write_tensors(folder / f"{part}.safetensors", tensors)
        files[part] = (folder / f"{part}.safetensors", sha256_of(folder / f"{part}.safetensors"))
    return Resolved(entry, "role", entry, entry, "", True, files)


def autoencoder_tensors(factor: float = 2.0) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {**latent.new_autoencoder().state_dict(), latent.SCALING: torch.tensor(factor, dtype=torch.float64)}


def weights_of(folder: Path, **parts: Any) -> Resolved:
    return stored(folder, "latent-world", {"vae": autoencoder_tensors(), **parts})


def test_the_autoencoder_carries_its_scaling_factor(tmp_path: Path) -> None:
    network = latent.load_autoencoder(weights_of(tmp_path))
    assert network.config.scaling_factor == 2.0
    pictures = torch.randn(2, 3, 64, 64).clamp(-1, 1)
    latents = latent.encoded(network, pictures)
    assert latents.shape == (2, 4, 16, 16)
    torch.testing.assert_close(latents, 2 * network.encode(pictures).latent_dist.mode())
    torch.testing.assert_close(
        latent.decoded(network, latents),
        network.decode(network.encode(pictures).latent_dist.mode()).sample.clamp(-1, 1),
    )


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no part 'image'"):
        latent.ImageModel(weights_of(tmp_path))
    bare = {name: value for name, value in autoencoder_tensors().items() if name != latent.SCALING}
    with pytest.raises(WeightsError, match="has no scaling_factor"):
        latent.load_autoencoder(stored(tmp_path, "latent-world", {"vae": bare}))


def test_the_scaling_factor_brings_latents_of_worlds_to_spread_one(tmp_path: Path) -> None:
    stand_in = autoencoding.AutoencoderStandIn()
    tensors = stand_in.finished(stand_in.network().state_dict())
    network = latent.load_autoencoder(stored(tmp_path, "latent-world", {"vae": tensors}))
    frames = autoencoding.world_pictures(autoencoding.drawn_specs(4)).frames
    spread = latent_diffusion.latents_of(network, frames.reshape(-1, *frames.shape[2:])).std()
    assert float(spread) == pytest.approx(1, rel=1e-3)


def test_depth_pictures_are_white_where_it_is_near() -> None:
    pictures = autoencoding.world_pictures(autoencoding.drawn_specs(4))
    assert pictures.frames.shape == (4, 2, 64, 64, 3)
    assert pictures.depths.shape == (4, 2, 64, 64)
    for depths in pictures.depths:
        assert depths.max() == 255  # one scale for both frames of a clip
        assert depths.min() == 0
    assert autoencoding.grey(pictures.depths).shape == (4, 2, 64, 64, 3)


def image_model(folder: Path) -> latent.ImageModel:
    torch.manual_seed(1)
    return latent.ImageModel(weights_of(folder, image=latent.new_unet(latent.IMAGE_UNET).state_dict()))


def text_model(folder: Path) -> latent.TextModel:
    torch.manual_seed(1)
    return latent.TextModel(weights_of(folder, depth_text=latent.TextNetwork().state_dict()))


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(index) for index in range(count)]


def test_a_picture_follows_from_its_own_embedding_and_generator(tmp_path: Path) -> None:
    model = image_model(tmp_path)
    embeddings = 16 * torch.randn(3, 256)
    together = model.generate(model.condition(embeddings), generators(3), num_inference_steps=2)
    alone = model.generate(model.condition(embeddings[1:2]), generators(3)[1:2], num_inference_steps=2)
    assert together.shape == (3, 3, 64, 64)
    assert together.abs().max() <= 1
    torch.testing.assert_close(alone[0], together[1], atol=1e-4, rtol=1e-3)
    other = model.generate(model.condition(embeddings[:1]), generators(3)[1:2], num_inference_steps=2)
    assert not torch.allclose(other[0], together[1], atol=1e-3)


def test_a_longer_prompt_beside_it_changes_no_prediction(tmp_path: Path) -> None:
    model = text_model(tmp_path)
    noisy = torch.randn(2, 4, 16, 16)
    both = model.encode_prompt(CAPTIONS)
    assert both.mask is not None
    assert not both.mask[1].all()
    with torch.no_grad():
        together = model.predict(noisy, 500, both)
        alone = model.predict(noisy[1:], 500, model.encode_prompt(CAPTIONS[1:]))
    torch.testing.assert_close(alone[0], together[1], atol=1e-5, rtol=1e-4)


def test_depth_is_zeros_where_nothing_is_known_and_stays_without_a_prompt(tmp_path: Path) -> None:
    model = text_model(tmp_path)
    noisy, depth = torch.randn(2, 4, 16, 16), torch.randn(2, 4, 16, 16)
    with torch.no_grad():
        flat = model.predict(noisy, 500, model.encode_prompt(CAPTIONS))
        zeros = model.predict(noisy, 500, model.encode_prompt(CAPTIONS, torch.zeros_like(depth)))
        deep = model.predict(noisy, 500, model.encode_prompt(CAPTIONS, depth))
    torch.testing.assert_close(flat, zeros)
    assert not torch.allclose(flat, deep, atol=1e-3)
    condition = model.unconditional(model.encode_prompt(CAPTIONS, depth))
    assert condition.structure is not None
    torch.testing.assert_close(condition.structure, depth)
    torch.testing.assert_close(condition.states, latent.read_tokens(model.text, tokens_of(["", ""])).states)


def test_guidance_of_one_asks_the_network_once(tmp_path: Path) -> None:
    model = text_model(tmp_path)
    counts: list[int] = []
    model.unet.register_forward_hook(lambda _, inputs, __: counts.append(len(inputs[0])))
    for scale in (1.0, 3.0):
        model.generate(model.encode_prompt(CAPTIONS), generators(2), num_inference_steps=1, guidance_scale=scale)
    assert counts == [2, 4]


def test_embeddings_as_clip_gives_them_are_what_training_saw_at_spread_one(tmp_path: Path) -> None:
    stand_in = latent_image.LatentImage()
    torch.manual_seed(0)
    network = stand_in.network()
    tensors = stand_in.finished(network.state_dict())
    loaded = latent.new_unet(latent.IMAGE_UNET)
    loaded.load_state_dict(tensors)
    noisy, embeddings = torch.randn(2, 4, 16, 16), torch.randn(2, 1, 256)
    with torch.no_grad():
        trained = latent.predicted(network, noisy, torch.tensor([3, 700]), latent.Condition(embeddings))
        used = latent.predicted(loaded, noisy, torch.tensor([3, 700]), latent.Condition(16 * embeddings))
    torch.testing.assert_close(used, trained, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["latent-world-autoencoder", "latent-world-image", "latent-world-depth-text"])
def test_a_few_steps_lower_the_loss(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoencoding, "_BATCH", 7)
    for module in (latent_image, latent_text):
        monkeypatch.setattr(module, "BATCH", 4)
    stand_in = find(name)
    data = stand_in.data(no_progress, {"latent-world-autoencoder": weights_of(tmp_path)})

    def loss(network: Any, generator: torch.Generator, step: int) -> Tensor:
        return stand_in.loss(network, data, torch.Generator().manual_seed(0), 0.0)

    settings = quick(stand_in.training)
    trainer = Trainer(stand_in.network(), loss, settings, steps=5, device=CPU, seed=0)
    losses = [float(trainer.update(step)["loss"]) for step in range(5)]
    assert losses[-1] < losses[0]
    assert all(np.isfinite(losses))


def quick(training: TrainingConfig) -> TrainingConfig:
    """At once; in float32, as kernels of bfloat16 are slow for so few channels."""
    return training.model_copy(update={"warm_up": 0, "learning_rate": 3e-3, "precision": "float32"})


def test_the_prior_learns_and_gives_embeddings_of_their_own_length(tmp_path: Path) -> None:
    stand_in = priors.PriorStandIn()
    data = stand_in.data(no_progress, {})
    assert data.images.shape == (4, 2, 256)
    assert data.texts.states.shape == (16, 32, 256)
    trainer = Trainer(
        stand_in.network(),
        lambda network, generator, step: stand_in.loss(network, data, torch.Generator().manual_seed(0), 0.0),
        quick(stand_in.training),
        steps=4,
        device=CPU,
        seed=0,
    )
    losses = [float(trainer.update(step)["loss"]) for step in range(4)]
    assert losses[-1] < losses[0]
    tensors = stand_in.finished(trainer.result())
    model = prior.ImagePrior(stored(tmp_path, "prior-world", {"model": tensors}), priors.clip_world())
    made = model.image_embeddings(CAPTIONS, generators(2), num_inference_steps=3)
    again = model.image_embeddings(CAPTIONS[1:], generators(2)[1:], num_inference_steps=3)
    torch.testing.assert_close(again[0], made[1], atol=1e-3, rtol=1e-3)
    assert 100 < float(made.norm(dim=1).mean()) < 1000  # as clip-world's, not 1


def test_texts_are_read_as_open_clip_does() -> None:
    embedder = priors.clip_world()
    said = prior.read_texts(embedder, CAPTIONS, 32)
    with torch.no_grad():
        expected = embedder.model.encode_text(embedder.tokenizer(list(CAPTIONS)))
    torch.testing.assert_close(said.whole, expected)
    length = int(said.known[0].sum())
    torch.testing.assert_close(said.states[0, length - 1], said.whole[0])
    assert said.known.sum(1).tolist() == (embedder.tokenizer(list(CAPTIONS)) != 0).sum(1).tolist()


def test_retrieval_counts_rows_that_are_nearest_to_their_own() -> None:
    seen = functional.normalize(torch.randn(128, 16), dim=1)
    assert priors._retrieval(seen, seen) == 1
    moved = seen.clone()
    moved[:32] = seen[:32].roll(1, 0)
    assert priors._retrieval(moved, seen) == pytest.approx(0.75)


def test_balanced_accuracy_counts_every_value_alike_and_only_what_is_asked() -> None:
    asked = {"time": np.array([0, 0, 0, 0, 1, -1])}
    read = {"time": np.array([0, 0, 0, 1, 1, 0]), "kind": np.zeros(6, int)}
    asked["kind"] = np.full(6, -1)
    assert balanced_accuracies(read, asked) == {"time": pytest.approx((0.75 + 1) / 2)}


def test_scores_are_those_of_the_guidance_that_does_better(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = [sample_world(seed) for seed in range(6)]
    times = labels_of(specs)["time"]
    shown = {1.0: np.zeros_like(times), 3.0: times, 0.0: times}  # the picture's first value says what it shows
    monkeypatch.setattr(
        latent_diffusion, "read_pictures", lambda frames, device: {"time": shown[float(frames.flat[0])]}
    )
    truth = np.zeros((6, 1, 1, 3))
    found = latent_diffusion.scored(lambda scale: np.full((6, 1, 1, 3), scale), specs, truth, None)
    assert found["guidance"] == 3
    assert found["time"] == found["time_3"] == found["time_true"] == 1
    assert found["time_1"] < 1
    nothing = latent_diffusion.scored(
        lambda scale: np.full((6, 1, 1, 3), scale), specs, truth, [frozenset({"time"})] + [frozenset()] * 5
    )
    assert nothing["time_1"] == float(times[0] == 0)


def test_the_classifier_reads_true_pictures_of_worlds() -> None:
    specs = [replace(spec, groups=spec.groups[:1]) for spec in map(sample_world, range(24))]
    frames = autoencoding.world_pictures(specs).frames[:, 0]
    found = balanced_accuracies(latent_diffusion.read_pictures(frames), labels_of(specs))
    assert found["time"] > 0.9
    assert found["style"] > 0.9
    assert set(found) == set(OF_PICTURES) <= set(CLASSES)
