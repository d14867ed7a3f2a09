"""DPT against another implementation of it, MiDaS' checkpoint names, its transform, normalisation."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import DPTConfig, DPTForDepthEstimation

from onereel.base.errors import WeightsError
from onereel.base.files import sha256_of
from onereel.features.depth import DepthEstimator, network_size, normalised
from onereel.features.dpt import DPT, Shape, map_keys
from onereel.weights.store import Resolved

TINY = Shape(image=64, patch=16, width=64, depth=4, channels=(8, 12, 16, 20), features=10)
LARGE = Shape(image=384, patch=16, width=1024, depth=24, channels=(256, 512, 1024, 1024), features=256)


def midas_names(depth: int) -> set[str]:
    """Every tensor of MiDaS' DPT checkpoints, as its code names them."""
    blocks = [
        f"blocks.{number}.{part}.{kind}"
        for number in range(depth)
        for part in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
        for kind in ("weight", "bias")
    ]
    vit = [
        "cls_token",
        "pos_embed",
        *(f"{part}.{kind}" for part in ("patch_embed.proj", "norm", "head") for kind in KINDS),
    ]
    names = {f"pretrained.model.{name}" for name in (*vit, *blocks)}
    for level in (1, 2, 3, 4):
        # The third reading keeps the size of the grid: it has no resampling.
        parts = ("0.project.0", "3", *(() if level == 3 else ("4",)))
        names |= {f"pretrained.act_postprocess{level}.{part}.{kind}" for part in parts for kind in KINDS}
        names.add(f"scratch.layer{level}_rn.weight")
        fused = ("out_conv", *(f"resConfUnit{unit}.conv{conv}" for unit in (1, 2) for conv in (1, 2)))
        names |= {f"scratch.refinenet{level}.{part}.{kind}" for part in fused for kind in KINDS}
    return names | {f"scratch.output_conv.{index}.{kind}" for index in (0, 2, 4) for kind in KINDS}


KINDS = ("weight", "bias")


def other_implementation() -> DPTForDepthEstimation:
    config = DPTConfig(
        hidden_size=TINY.width,
        num_hidden_layers=TINY.depth,
        num_attention_heads=1,
        intermediate_size=4 * TINY.width,
        image_size=TINY.image,
        patch_size=TINY.patch,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=list(TINY.channels),
        fusion_hidden_size=TINY.features,
        layer_norm_eps=1e-6,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(0)
    model = DPTForDepthEstimation(config).eval()
    with torch.no_grad():  # as drawn its outputs are near zero, where anything agrees
        for parameter in model.parameters():
            parameter.normal_(0, 0.2)
        model.head.head[4].bias.fill_(3.0)
    return model


def as_midas(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The other implementation's tensors under MiDaS' names."""
    renamed = {}
    for name, value in state.items():
        name = name.replace("dpt.embeddings.cls_token", "pretrained.model.cls_token")
        name = name.replace("dpt.embeddings.position_embeddings", "pretrained.model.pos_embed")
        name = name.replace("dpt.embeddings.patch_embeddings.projection", "pretrained.model.patch_embed.proj")
        name = name.replace("dpt.layernorm", "pretrained.model.norm")
        name = re.sub(r"dpt\.(?:encoder\.layer|layers)\.", "pretrained.model.blocks.", name)
        for theirs, ours in (
            ("attention.output.dense", "attn.proj"),
            ("attention.o_proj", "attn.proj"),
            ("intermediate.dense", "mlp.fc1"),
            ("output.dense", "mlp.fc2"),
            ("mlp.dense1", "mlp.fc1"),
            ("layernorm_before", "norm1"),
            ("layernorm_after", "norm2"),
        ):
            name = name.replace(theirs, ours)
        name = re.sub(
            r"neck\.reassemble_stage\.readout_projects\.(\d)\.0",
            lambda m: f"pretrained.act_postprocess{int(m[1]) + 1}.0.project.0",
            name,
        )
        name = re.sub(
            r"neck\.reassemble_stage\.layers\.(\d)\.projection",
            lambda m: f"pretrained.act_postprocess{int(m[1]) + 1}.3",
            name,
        )
        name = re.sub(
            r"neck\.reassemble_stage\.layers\.(\d)\.resize",
            lambda m: f"pretrained.act_postprocess{int(m[1]) + 1}.4",
            name,
        )
        name = re.sub(r"neck\.convs\.(\d)", lambda m: f"scratch.layer{int(m[1]) + 1}_rn", name)
        # It counts fusion blocks from coarse to fine.
        name = re.sub(
            r"neck\.fusion_stage\.layers\.(\d)\.projection",
            lambda m: f"scratch.refinenet{4 - int(m[1])}.out_conv",
            name,
        )
        name = re.sub(
            r"neck\.fusion_stage\.layers\.(\d)\.residual_layer(\d)\.convolution(\d)",
            lambda m: f"scratch.refinenet{4 - int(m[1])}.resConfUnit{m[2]}.conv{m[3]}",
            name,
        )
        name = name.replace("head.head.", "scratch.output_conv.")
        renamed[name] = value
    attention = [name for name in renamed if re.search(r"\.(?:query|q_proj)\.", name)]
    for name in attention:
        parts = [
            (re.sub("query|q_proj", other, name))
            for other in (("query", "key", "value") if "query" in name else ("q_proj", "k_proj", "v_proj"))
        ]
        target = re.sub(r"attention(?:\.attention)?\.(?:query|q_proj)", "attn.qkv", name)
        renamed[target] = torch.cat([renamed.pop(part) for part in parts])
    return renamed


def test_it_computes_what_another_implementation_computes() -> None:
    other = other_implementation()
    checkpoint = as_midas(other.state_dict())
    model = DPT(TINY).eval()
    model.load_state_dict(map_keys(checkpoint))
    images = torch.randn(2, 3, 64, 96).clamp(-1, 1)[:, :, :, :64]  # the other resamples positions with timm's kernel
    with torch.no_grad():
        expected = other(images).predicted_depth
        found = model(images)
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_every_tensor_of_the_published_checkpoint_has_a_place_and_no_place_stays_empty() -> None:
    with torch.device("meta"):
        model = DPT(LARGE)
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    named = {name: torch.empty(0) for name in midas_names(LARGE.depth)}
    assert set(map_keys(named)) == set(expected)
    # 343 million parameters, as published; the checkpoint also holds the transformer's classifier.
    assert sum(int(np.prod(shape)) for shape in expected.values()) == pytest.approx(342.3e6, rel=0.005)
    assert Shape.of({key: torch.empty(shape, device="meta") for key, shape in expected.items()}) == LARGE


def test_a_tensor_that_belongs_nowhere_is_refused() -> None:
    with pytest.raises(KeyError, match="auxlayer"):
        map_keys({"auxlayer.0.weight": torch.zeros(1)})


@pytest.mark.parametrize(
    ("size", "side", "multiple", "expected"),
    [
        ((384, 384), 384, 32, (384, 384)),
        ((720, 1280), 384, 32, (384, 672)),  # the scale nearest to 1 of 0.53 and 0.3
        ((144, 256), 384, 32, (224, 384)),  # of 2.67 and 1.5
        ((144, 256), 64, 16, (64, 112)),
    ],
)
def test_frames_are_scaled_as_little_as_possible(size, side, multiple, expected) -> None:
    assert network_size(*size, side, multiple) == expected


def test_position_embeddings_of_another_grid_keep_the_class_token() -> None:
    model = DPT(TINY).eval()
    wide = model._positions((4, 6))
    assert wide.shape == (1, 25, TINY.width)
    assert torch.equal(wide[:, 0], model.backbone.pos_embed[:, 0])


def stored(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> Resolved:
    path = tmp_path / "model.safetensors"
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    sha = sha256_of(path)
    return Resolved("midas-dpt-large", "depth", "tiny DPT", "tiny DPT", sha, False, {"model": (path, sha)})


def test_a_clip_of_any_size_gets_depth_of_its_own_size_whatever_the_chunks(tmp_path: Path) -> None:
    weights = stored(tmp_path, as_midas(other_implementation().state_dict()))
    frames = np.random.default_rng(0).integers(0, 256, (5, 50, 90, 3), np.uint8)
    whole = DepthEstimator(weights).estimate(frames)
    assert whole.shape == (5, 50, 90)
    assert whole.dtype == np.float32
    assert whole.min() >= 0
    np.testing.assert_allclose(DepthEstimator(weights, chunk=1).estimate(frames), whole, atol=1e-3)


def test_weights_of_something_else_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no DPT"):
        DepthEstimator(stored(tmp_path, {"conv1.weight": torch.zeros(3)}))


def test_one_scale_for_the_whole_clip() -> None:
    depth = np.array([[[1.0, 2.0]], [[3.0, 5.0]]], np.float32)
    np.testing.assert_allclose(normalised(depth), [[[0, 0.25]], [[0.5, 1]]])
    assert not normalised(np.full((2, 3, 3), 7, np.float32)).any()
