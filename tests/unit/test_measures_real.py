"""Measures that need published weights, on tiny random networks of the same classes: keys, preprocessing, formulas."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from onereel.base.errors import WeightsError
from onereel.base.files import sha256_of
from onereel.base.tensorfiles import save
from onereel.features.perceptual import PerceptualDistance
from onereel.features.preference import PickScorer
from onereel.features.self_similarity import SelfSimilarity
from onereel.features.text_image import normalised
from onereel.metrics.base import Context
from onereel.metrics.measures import MEASURES, Edit
from onereel.weights.store import Resolved
from tests.unit.metric_clips import noisy, textured

CLIP = textured((2, 40, 48))


def resolved(role: str, folder: Path, files: dict[str, dict[str, torch.Tensor] | str]) -> Resolved:
    """Weights as a fetch would leave them."""
    parts = {}
    for part, content in files.items():
        path = folder / (f"{part}.json" if isinstance(content, str) else f"{part}.safetensors")
        if isinstance(content, str):
            path.write_text(content)
        else:
            save(path, {key: value.contiguous() for key, value in content.items()})
        parts[part] = (path, sha256_of(path))
    return Resolved(f"tiny-{role}", role, f"tiny {role}", "tiny", "0" * 64, stand_in=False, parts=parts)


def context(weights: Resolved) -> Context:
    made = Context()
    made.once(("weights", weights.role), lambda: weights)
    return made


def tiny_clip(folder: Path, change=lambda state: state) -> Resolved:
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**sizes, "vocab_size": 49408, "eos_token_id": 49407, "bos_token_id": 49406},
        vision_config={**sizes, "image_size": 32, "patch_size": 16},
        projection_dim=8,
    )
    state = change(dict(CLIPModel(config).state_dict()))
    return resolved("preference", folder, {"model": state, "config": json.dumps(config.to_dict())})


def test_pickscore_is_the_scaled_cosine_of_frames_and_prompt(tmp_path):
    from transformers import CLIPConfig, CLIPModel

    weights = tiny_clip(tmp_path)
    found = MEASURES["pickscore_v1"].measure(Edit("one", CLIP, CLIP, "a red kite"), context(weights))
    model = CLIPModel(CLIPConfig.from_dict(json.loads(weights.path("config").read_text()))).eval()
    model.load_state_dict(weights.tensors())
    tokens = torch.full((1, 77), 0)
    tokens[0, :5] = torch.tensor([49406, 320, 736, 19867, 49407])  # CLIP's words: a, red, kite
    scorer = PickScorer(weights)
    assert scorer.tokens(["a red kite"]).tolist() == tokens.tolist()
    with torch.no_grad():
        pictures = normalised(torch.from_numpy(CLIP).permute(0, 3, 1, 2) / 255, 32)
        out = model(input_ids=tokens, pixel_values=pictures)
    assert found.value == pytest.approx(float(out.logits_per_image.mean()), abs=1e-4)
    assert abs(found.value) <= scorer.scale


def test_keys_of_pickscore_are_accounted_for(tmp_path):
    def older(state):
        return {**state, "text_model.embeddings.position_ids": torch.arange(77)[None]}

    def short(state):
        return {key: value for key, value in state.items() if key != "visual_projection.weight"}

    def long(state):
        return {**state, "visual_projection.bias": torch.zeros(8)}

    def narrow(state):
        return {**state, "visual_projection.weight": torch.zeros(8, 12)}

    PickScorer(tiny_clip(tmp_path, older))
    for change, told in ((short, "missing"), (long, "left over")):
        with pytest.raises(WeightsError, match=f"1 weights are {told}, 'visual_projection"):
            PickScorer(tiny_clip(tmp_path, change))
    with pytest.raises(WeightsError, match="onereel weights fetch tiny-preference --again"):
        PickScorer(tiny_clip(tmp_path, narrow))


def tiny_dino(folder: Path, change=lambda state: state) -> Resolved:
    from timm.models.vision_transformer import VisionTransformer

    torch.manual_seed(0)
    model = VisionTransformer(img_size=32, patch_size=8, embed_dim=128, depth=2, num_heads=2, num_classes=0)
    return resolved("self-similarity", folder, {"model": change(dict(model.state_dict()))})


def test_structure_is_the_self_similarity_of_the_last_layers_keys(tmp_path):
    from timm.models.vision_transformer import VisionTransformer

    weights = tiny_dino(tmp_path)
    network = SelfSimilarity(weights, side=32)
    square = textured((1, 32, 32))
    keys = network.keys(square)
    assert keys.shape == (1, 1 + 16, 128)
    assert network.size(40, 48) == (32, 40), "shorter side to the network's, the other to whole patches"

    model = VisionTransformer(img_size=32, patch_size=8, embed_dim=128, depth=2, num_heads=2, num_classes=0).eval()
    model.load_state_dict(weights.tensors())
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        x = model.patch_embed((torch.from_numpy(square).permute(0, 3, 1, 2) / 255 - mean) / std)
        x = torch.cat([model.cls_token, x], 1) + model.pos_embed
        out = model.blocks[1].attn.qkv(model.blocks[1].norm1(model.blocks[0](x)))
    expected = functional.normalize(out[..., 128:256], dim=-1).numpy()
    np.testing.assert_allclose(keys, expected, atol=1e-5)


def test_structure_distance_grows_from_0(tmp_path):
    where, measure = context(tiny_dino(tmp_path)), MEASURES["structure_distance_dino_keys"]
    one = textured((1, 32, 32))
    distances = [
        measure.measure(Edit("one", one, output), where).value
        for output in (one, noisy(one, 5), noisy(one, 60), textured((1, 32, 32), seed=7))
    ]
    assert distances[0] == 0
    assert 0 < distances[1] < distances[2]
    assert distances[3] > distances[1]
    eye, flat = np.eye(3, dtype=np.float32), np.float32([[1, 0, 0]] * 3)
    assert measure.distance(eye, flat) == pytest.approx(6 / 9)


def test_what_is_no_vision_transformer_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="no vision transformer"):
        SelfSimilarity(resolved("self-similarity", tmp_path, {"model": {"conv.weight": torch.zeros(1)}}))

    def headed(state):
        return {**state, "head.weight": torch.zeros(1, 128)}

    with pytest.raises(WeightsError, match=r"head\.weight"):
        SelfSimilarity(tiny_dino(tmp_path, headed))


def random_lpips(folder: Path, change=lambda state: state) -> Resolved:
    from torchvision.models import alexnet

    torch.manual_seed(0)
    with torch.device("meta"):
        shapes = alexnet(weights=None).features.state_dict()
    trunk = {f"features.{key}": 0.05 * torch.randn(value.shape) for key, value in shapes.items()}
    widths = (64, 192, 384, 256, 256)
    lins = {f"lin{index}.model.1.weight": torch.rand(1, width, 1, 1) for index, width in enumerate(widths)}
    return resolved(
        "perceptual-distance", folder, {"alexnet": {**trunk, "classifier.1.bias": torch.zeros(3)}, "alex": change(lins)}
    )


def test_lpips_is_the_weighted_difference_of_unit_features(tmp_path):
    from torchvision.models import alexnet

    weights = random_lpips(tmp_path)
    first, second = textured((2, 40, 48)), noisy(textured((2, 40, 48)), 20)
    distance = PerceptualDistance(weights, "alex")
    assert distance.distances(first, first).tolist() == [0, 0]

    with torch.device("meta"):
        features = alexnet(weights=None).features
    features.to_empty(device="cpu")
    trunk = weights.tensors("alexnet")
    features.load_state_dict({k.removeprefix("features."): v for k, v in trunk.items() if k.startswith("features.")})
    total = torch.zeros(2)
    with torch.no_grad():
        pair = [
            (
                (torch.from_numpy(clip).permute(0, 3, 1, 2) / 127.5 - 1)
                - torch.tensor([-0.03, -0.088, -0.188])[:, None, None]
            )
            / torch.tensor([0.458, 0.448, 0.45])[:, None, None]
            for clip in (first, second)
        ]
        for index, cut in enumerate((2, 5, 8, 10, 12)):
            one, other = (functional.normalize(features[:cut](pictures.clone()), dim=1) for pictures in pair)
            weight = weights.tensors("alex")[f"lin{index}.model.1.weight"]
            total += functional.conv2d((one - other) ** 2, weight).mean((1, 2, 3))
    torch.testing.assert_close(distance.distances(first, second), total, rtol=1e-4, atol=1e-6)


def test_lpips_of_the_background_does_not_see_inside_the_mask(tmp_path):
    where, measure = context(random_lpips(tmp_path)), MEASURES["background_lpips_alex"]
    mask = np.zeros(CLIP.shape[:3], bool)
    mask[:, 10:30, 10:30] = True
    output = CLIP.copy()
    output[:, 10:30, 10:30] = 0
    assert measure.measure(Edit("inside", CLIP, output, mask=mask), where).value == 0
    assert measure.measure(Edit("outside", CLIP, noisy(CLIP, 30), mask=mask), where).value > 0
    small = Edit("small", CLIP[:, :20, :20], CLIP[:, :20, :20], mask=mask[:, :20, :20])
    assert measure.measure(small, where).value is None


def test_keys_of_lpips_are_accounted_for(tmp_path):
    with pytest.raises(WeightsError, match="part 'alex' holds lin0"):
        PerceptualDistance(random_lpips(tmp_path, lambda lins: dict(list(lins.items())[:4])), "alex")
    with pytest.raises(WeightsError, match="no part 'vgg16'"):
        PerceptualDistance(random_lpips(tmp_path), "vgg")
