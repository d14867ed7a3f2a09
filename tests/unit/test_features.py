"""C3D and Inception: architecture, preprocessing, checkpoints by their real key names, chunks."""

from copy import copy

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from onereel.base.errors import WeightsError
from onereel.base.files import sha256_of
from onereel.features import c3d, inception
from onereel.features.c3d import C3D, C3DExtractor, SVFIDProtocol
from onereel.features.efficientnet import EfficientNetExtractor
from onereel.features.inception import InceptionExtractor, InceptionTrunk
from onereel.features.seeded import random_state
from onereel.weights.store import Resolved, Weights, fingerprint
from tests.unit.metric_clips import textured

MMACTION_SHAPES = {
    "conv1a": (64, 3),
    "conv2a": (128, 64),
    "conv3a": (256, 128),
    "conv3b": (256, 256),
    "conv4a": (512, 256),
    "conv4b": (512, 512),
    "conv5a": (512, 512),
    "conv5b": (512, 512),
}


@pytest.fixture(scope="module")
def store() -> Weights:
    return Weights()


def real_weights(path, tensors, role):
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return Resolved("given", role, "Given", "Given", "ab" * 32, False, {"model": (path, sha256_of(path))})


def mmaction_checkpoint(state):
    named = {f"{key.rsplit('.', 1)[0]}.conv.{key.rsplit('.', 1)[1]}": value for key, value in state.items()}
    return {**named, "fc6.weight": torch.zeros(4, 8), "fc6.bias": torch.zeros(4), "fc7.weight": torch.zeros(4, 4)}


def davidea_checkpoint(state):
    renamed = {key.replace("conv1a", "conv1").replace("conv2a", "conv2"): value for key, value in state.items()}
    return {**renamed, "fc6.weight": torch.zeros(4, 8), "fc8.bias": torch.zeros(487)}


def test_c3d_has_the_published_layers():
    shapes = {name: tuple(module.weight.shape[:2]) for name, module in C3D().named_children()}
    assert shapes == MMACTION_SHAPES


@pytest.mark.parametrize("checkpoint", [mmaction_checkpoint, davidea_checkpoint])
def test_both_families_of_c3d_checkpoints_load(checkpoint, tmp_path, store):
    state = random_state(C3D(), 0)
    weights = real_weights(tmp_path / "c3d.safetensors", checkpoint(state), "c3d")
    frames = textured((4, 16, 16))
    found = torch.cat(list(C3DExtractor(weights).features(frames)))
    expected = torch.cat(list(C3DExtractor(store.resolve("c3d-random", "stand-in")).features(frames)))
    torch.testing.assert_close(found, expected)


def test_a_checkpoint_of_something_else_is_refused_by_name(tmp_path):
    weights = real_weights(tmp_path / "x.safetensors", {"conv1a.conv.weight": torch.zeros(64, 3, 3, 3, 3)}, "c3d")
    with pytest.raises(WeightsError, match=r"conv1a\.conv\.bias.*onereel weights verify given"):
        C3DExtractor(weights)
    weights = real_weights(tmp_path / "y.safetensors", {"a": torch.zeros(2)}, "inception")
    with pytest.raises(WeightsError, match="no Inception v3"):
        InceptionExtractor(weights)


@pytest.mark.parametrize(
    ("layer", "pool", "shape"),
    [
        ("conv1", False, (64, 16, 32, 32)),
        ("conv1", True, (64, 16, 16, 16)),
        ("conv2", False, (128, 16, 16, 16)),
        ("conv2", True, (128, 8, 8, 8)),
        ("conv3", False, (256, 8, 8, 8)),
        ("conv4", True, (512, 2, 2, 2)),
        ("conv5", False, (512, 2, 2, 2)),
    ],
)
def test_every_layer_of_the_protocol_has_its_size(layer, pool, shape):
    protocol = SVFIDProtocol(layer, pool)
    out = C3D(protocol.depth)(torch.zeros(1, 3, 16, 32, 32), pool=pool)
    assert tuple(out.shape[1:]) == shape


def test_c3d_computes_what_its_definition_says(store):
    weights = store.resolve("c3d-random", "stand-in")
    state = random_state(C3D(), 0)
    frames = textured((4, 12, 14))
    video = torch.from_numpy(frames).permute(3, 0, 1, 2)[None].double()
    video = video - torch.tensor([104.0, 117, 128]).view(1, 3, 1, 1, 1)
    one = functional.conv3d(video, state["conv1a.weight"].double(), padding=1).relu()
    two = functional.conv3d(functional.max_pool3d(one, (1, 2, 2)), state["conv2a.weight"].double(), padding=1).relu()
    found = torch.cat(list(C3DExtractor(weights).features(frames)))
    torch.testing.assert_close(found.double(), two[0].flatten(1).T, rtol=1e-4, atol=1e-2)


CHUNKED = (SVFIDProtocol(), SVFIDProtocol("conv2", True), SVFIDProtocol("conv3"), SVFIDProtocol("conv4"))


@pytest.fixture(scope="module", params=CHUNKED, ids=lambda protocol: protocol.name)
def chunked(request, store) -> C3DExtractor:
    """Made once: drawing the weights takes longer than all features."""
    return C3DExtractor(store.resolve("c3d-random", "stand-in"), request.param, chunk=1)


@pytest.mark.parametrize("length", [16, 19])
def test_c3d_features_do_not_depend_on_chunks(chunked, length):
    unchunked = copy(chunked)
    unchunked.chunk = 1 << 30
    frames = textured((length, 16, 24))
    (whole,) = unchunked.features(frames)
    pieces = list(chunked.features(frames))
    assert len(pieces) > 1
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    ("input_range", "low", "high"), [("0..255", 0, 255), ("0..1", 0, 1), ("-1..1", -1, 1), ("mean255", -128, 151)]
)
def test_the_input_range_is_what_the_protocol_says(input_range, low, high, store, monkeypatch):
    extractor = C3DExtractor(store.resolve("c3d-random", "stand-in"), SVFIDProtocol(input_range=input_range))
    seen = []
    monkeypatch.setattr(extractor, "model", lambda video, pool: seen.append(video) or torch.zeros(1, 1, 2, 1, 1))
    list(extractor.features(np.stack([np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)])))
    assert seen[0].min() == pytest.approx(low)
    assert seen[0].max() == pytest.approx(high)


def test_protocols_are_named_apart_and_wrong_ones_refused():
    protocols = [SVFIDProtocol(layer, input_range=r) for layer in c3d.LAYERS for r in ("mean255", "0..1")]
    protocols += [SVFIDProtocol(pool=True), SVFIDProtocol(resize=(112, 112))]
    assert len({protocol.name for protocol in protocols}) == len(protocols)
    with pytest.raises(ValueError, match="conv9"):
        SVFIDProtocol("conv9")
    with pytest.raises(ValueError, match="no pooling"):
        SVFIDProtocol("conv5", pool=True)


def test_inception_trunk_has_torchvisions_names_and_computes_the_same(tmp_path):
    from torchvision.models import inception_v3

    torch.manual_seed(0)
    whole = inception_v3(weights=None, init_weights=False).eval()
    for module in whole.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
    weights = real_weights(tmp_path / "inception.safetensors", whole.state_dict(), "inception")
    frames = textured((2, 40, 48))
    images = torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.inference_mode():
        stem = whole.Conv2d_2b_3x3(whole.Conv2d_2a_3x3(whole.Conv2d_1a_3x3(images)))
        deep = whole.Conv2d_4a_3x3(whole.Conv2d_3b_1x1(whole.maxpool1(stem)))
    for dimension, expected in ((64, stem), (192, deep)):
        found = torch.cat(list(InceptionExtractor(weights, dimension).features(frames)))
        torch.testing.assert_close(found, expected.permute(0, 2, 3, 1).flatten(0, 2), rtol=1e-4, atol=1e-5)


def test_inception_checkpoints_without_batch_counts_load(tmp_path):
    state = {key: value for key, value in InceptionTrunk().state_dict().items() if not key.endswith("tracked")}
    weights = real_weights(tmp_path / "old.safetensors", state, "inception")
    assert InceptionExtractor(weights).model is not None


def test_inception_features_do_not_depend_on_the_batch(store):
    weights, frames = store.resolve("inception", "stand-in"), textured((5, 24, 30))
    whole = torch.cat(list(InceptionExtractor(weights).features(frames)))
    single = torch.cat(list(InceptionExtractor(weights, chunk=1).features(frames)))
    torch.testing.assert_close(single, whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dimension", [64, 192])
def test_the_smallest_frame_leaves_one_position(dimension, store):
    side = inception._SMALLEST[dimension]
    extractor = InceptionExtractor(store.resolve("inception", "stand-in"), dimension)
    (features,) = extractor.features(np.zeros((1, side, side, 3), np.uint8))
    assert features.shape == (1, dimension)


def test_efficientnet_is_the_published_one_and_every_tensor_has_its_place(store):
    from timm import create_model

    weights = store.resolve("efficientnet-lite0", "stand-in")
    whole = create_model("tf_efficientnet_lite0", pretrained=False).eval()
    found, own = weights.tensors(), whole.state_dict()
    # The two name tensors differently and list them in the same order: shapes and kinds have to agree one by one.
    assert [tuple(tensor.shape) for tensor in found.values()] == [tuple(tensor.shape) for tensor in own.values()]
    assert [key.rsplit(".", 1)[1] for key in found] == [key.rsplit(".", 1)[1] for key in own]
    whole.load_state_dict(dict(zip(own, found.values(), strict=True)))
    frames = textured((3, 37, 50))
    images = torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.inference_mode():
        expected = whole.blocks[:3](whole.bn1(whole.conv_stem(images)))
    features = torch.cat(list(EfficientNetExtractor(weights).features(frames)))
    torch.testing.assert_close(features, expected.permute(0, 2, 3, 1).flatten(0, 2), rtol=1e-4, atol=1e-4)
    single = torch.cat(list(EfficientNetExtractor(weights, chunk=1).features(frames)))
    torch.testing.assert_close(single, features, rtol=1e-4, atol=1e-4)


def test_a_checkpoint_of_something_else_is_no_efficientnet(tmp_path):
    weights = real_weights(tmp_path / "x.safetensors", {"_conv_stem.weight": torch.zeros(32, 3, 3, 3)}, "any")
    with pytest.raises(WeightsError, match=r"no EfficientNet-lite0: '_bn0\.weight' is missing"):
        EfficientNetExtractor(weights)


def test_stand_ins_are_the_recorded_ones_and_he_scaled(store):
    for model, name in ((C3D(), "c3d-random"), (InceptionTrunk(), "inception-random")):
        state = random_state(model, 0)
        assert fingerprint(state) == store.entries[name].sha256
        assert fingerprint(random_state(model, 1)) != store.entries[name].sha256
    kernel = random_state(C3D(), 0)["conv2a.weight"]
    assert float(kernel.std()) == pytest.approx((2 / (64 * 27)) ** 0.5, rel=0.01)


def test_a_stand_in_with_other_values_than_recorded_is_refused(store):
    weights = Resolved("c3d-random", "c3d", "random C3D seed 0", "random C3D", "00" * 32, True, {}, 0)
    with pytest.raises(WeightsError, match="recorded is 000000000000"):
        C3DExtractor(weights)
