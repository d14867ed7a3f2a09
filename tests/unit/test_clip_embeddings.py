"""CLIP through open_clip: the published archive's keys, its preprocessing, the stand-in's words."""

import gzip
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from onereel.base.errors import WeightsError
from onereel.base.files import sha256_of
from onereel.features import text_image as clip
from onereel.scenes.world import EVERYTHING, MOTION, describe, sample_world
from onereel.standins.words import caption_words, merges_of
from onereel.weights.store import Resolved

WORLD = "onereel-world"
KINDS = ("weight", "bias")


def openai_names(blocks: int, visual_blocks: int) -> set[str]:
    """Every tensor of OpenAI's archives of CLIP with a vision transformer, as its code names them."""
    names = {"positional_embedding", "text_projection", "logit_scale", "token_embedding.weight"}
    names |= {"input_resolution", "context_length", "vocab_size"}
    names |= {f"ln_final.{kind}" for kind in KINDS}
    names |= {"visual.class_embedding", "visual.positional_embedding", "visual.proj", "visual.conv1.weight"}
    names |= {f"visual.{norm}.{kind}" for norm in ("ln_pre", "ln_post") for kind in KINDS}
    for tower, count in (("transformer", blocks), ("visual.transformer", visual_blocks)):
        for number in range(count):
            block = f"{tower}.resblocks.{number}"
            names |= {f"{block}.attn.in_proj_{kind}" for kind in KINDS}
            parts = ("attn.out_proj", "ln_1", "mlp.c_fc", "mlp.c_proj", "ln_2")
            names |= {f"{block}.{part}.{kind}" for part in parts for kind in KINDS}
    return names


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Resolved:
    """Untrained weights of the stand-in's network."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("clip") / "model.safetensors"
    state = clip.build(WORLD).state_dict()
    save_file({name: value.half().contiguous() for name, value in state.items()}, path)
    sha = sha256_of(path)
    return Resolved("clip-world", "clip", "CLIP", "CLIP", sha, True, {"model": (path, sha)})


@pytest.mark.parametrize(
    ("name", "blocks", "visual_blocks", "millions"),
    [("clip-vit-l-14", 12, 24, 427.6), ("clip-vit-b-32", 12, 12, 151.3)],
)
def test_every_tensor_of_the_published_archives_lands(name, blocks, visual_blocks, millions) -> None:
    with torch.device("meta"):
        model = clip.build(clip.MODELS[name])
    archive = {key: torch.empty(0) for key in openai_names(blocks, visual_blocks)}
    assert set(clip.map_keys(archive)) == set(model.state_dict())
    assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(millions * 1e6, rel=0.001)
    # Plain GELU would load as well, and give other embeddings.
    assert any(type(module).__name__ == "QuickGELU" for module in model.modules())


def test_half_precision_is_widened() -> None:
    assert clip.map_keys({"visual.proj": torch.zeros(2, dtype=torch.float16)})["visual.proj"].dtype == torch.float32


def test_frames_are_prepared_as_open_clip_does() -> None:
    rng = np.random.default_rng(0)
    picture = np.asarray(Image.fromarray(rng.integers(0, 256, (9, 16, 3), np.uint8)).resize((256, 144), Image.BICUBIC))
    theirs = open_clip.image_transform(64, is_train=False, mean=clip.MEAN, std=clip.STD)(Image.fromarray(picture))
    images = torch.from_numpy(picture.copy())[None].permute(0, 3, 1, 2) / 255
    ours = clip.normalised(images, 64)[0]
    assert ours.shape == theirs.shape == (3, 64, 64)
    assert float((ours - theirs).abs().mean()) < 0.02  # Pillow rounds to bytes on the way


def test_embeddings_have_length_one_and_do_not_depend_on_company(weights: Resolved) -> None:
    embedder, small = clip.ClipEmbedder(weights), clip.ClipEmbedder(weights, chunk=1)
    frames = np.random.default_rng(0).integers(0, 256, (3, 40, 70, 3), np.uint8)
    images, texts = embedder.images(frames), embedder.texts(["a red balloon", "two boats at sea"])
    assert images.shape == (3, embedder.dimension)
    assert texts.shape == (2, embedder.dimension)
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(small.images(frames), images, atol=1e-4)
    np.testing.assert_allclose(embedder.texts(["two boats at sea"])[0], texts[1], atol=1e-4)


def test_weights_that_no_model_is_known_for_are_refused() -> None:
    with pytest.raises(WeightsError, match="belongs to no CLIP model"):
        clip.ClipEmbedder(Resolved("clip-huge", "clip", "", "", "", False, {}))


def test_every_word_of_the_captions_is_one_token_and_others_are_spelt() -> None:
    tokenizer = clip.tokenizer(WORLD)
    for seed in range(50):
        text = describe(sample_world(seed), seed, name=EVERYTHING).text
        words = text.lower().replace(".", " .").replace(",", " ,").replace("-", " - ").split()
        assert tokenizer.decode(tokenizer.encode(text)).split() == words
        assert len(tokenizer.encode(text)) == len(words)
    assert len(tokenizer.encode("zebra")) == 5


def test_the_merges_are_those_of_the_captions_words() -> None:
    path = Path(clip.__file__).parent / "open_clip" / f"{WORLD}.bpe.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    assert lines[1:] == [" ".join(pair) for pair in merges_of(caption_words())]
    assert clip.tokenizer(WORLD).vocab_size == open_clip.get_model_config(WORLD)["text_cfg"]["vocab_size"]


def test_a_caption_of_one_frame_tells_no_motion() -> None:
    for seed in range(40):
        spec = sample_world(seed)
        told = {fact["attribute"].rpartition(".")[2] for fact in describe(spec, seed, leave=MOTION).facts}
        assert not told & MOTION
        assert {"kind", "count"} <= told
