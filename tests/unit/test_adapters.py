"""Parts of pretrained networks and adapters beside their layers, on tiny networks of diffusers' classes."""

import re

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.unets.unet_3d_condition import UNet3DConditionModel
from torch import nn

from onereel.base import tensorfiles
from onereel.training.adapters import adapter_state, add_lora, load_adapter_state, merge, trainable
from onereel.training.settings import TrainingConfig
from onereel.training.trainer import Trainer

CPU = torch.device("cpu")
ATTENTION = ("*attn2.to_q", "*attn2.to_v")


def seeded(build):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build()


def unet():
    """A UNet with one attention block on each side."""
    return seeded(
        lambda: UNet2DConditionModel(
            sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, attention_head_dim=4,
            cross_attention_dim=8, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        )
    )  # fmt: skip


def said(model):
    generator = torch.Generator().manual_seed(1)
    noisy, text = torch.randn(1, 4, 8, 8, generator=generator), torch.randn(1, 3, 8, generator=generator)
    dtype = next(model.parameters()).dtype
    with torch.no_grad():
        return model.eval()(noisy.to(dtype), 5, encoder_hidden_states=text.to(dtype)).sample


def tuned(model):
    """A few steps of a trainer, with averages; then the averages are the model's."""

    def loss(module, generator, step):
        noisy, text = torch.randn(2, 4, 8, 8, generator=generator), torch.randn(2, 3, 8, generator=generator)
        return (module(noisy, 5, encoder_hidden_states=text).sample - 1).square().mean()

    config = TrainingConfig(learning_rate=0.05, average=0.5, precision="float32")
    trainer = Trainer(model, loss, config, steps=4, device=CPU, seed=0)
    for step in range(4):
        trainer.update(step)
    trainer.ema.copy_to()
    return trainer


@pytest.fixture(scope="module")
def adapted():
    """A UNet with trained adapters of alpha / rank = 3 / 2, and their state."""
    model = unet()
    add_lora(model, ATTENTION, rank=2, alpha=3, seed=0)
    tuned(model)
    return model, adapter_state(model)


def test_parameters_are_chosen_by_glob_expression_and_function():
    model = nn.ModuleDict({"space": nn.Linear(2, 2), "time": nn.Linear(2, 2), "time_out": nn.Linear(2, 2)})
    for patterns in (["time.*"], [re.compile(r"time\..+")], lambda name: name.startswith("time.")):
        assert trainable(model, patterns) == ["time.weight", "time.bias"]
        assert {name for name, value in model.named_parameters() if value.requires_grad} == {"time.weight", "time.bias"}
    assert trainable(model, ["space.bias", re.compile("time_out.*")]) == [
        "space.bias",
        "time_out.weight",
        "time_out.bias",
    ]
    for patterns in (["time.*", "temporal*"], [re.compile("tim")], lambda name: False):
        with pytest.raises(ValueError, match="no parameter fits"):
            trainable(model, patterns)


def test_temporal_layers_alone_are_trained_and_kept():
    model = seeded(
        lambda: UNet3DConditionModel(
            sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, attention_head_dim=4,
            cross_attention_dim=8, down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
            up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        )
    )  # fmt: skip
    names = trainable(model, ["*temp_convs*", "*temp_attentions*", "transformer_in*"])
    before = {name: value.detach().clone() for name, value in model.named_parameters()}

    def loss(module, generator, step):
        noisy, text = torch.randn(1, 4, 3, 8, 8, generator=generator), torch.randn(1, 3, 8, generator=generator)
        return (module(noisy, 5, encoder_hidden_states=text).sample - 1).square().mean()

    trainer = Trainer(model, loss, TrainingConfig(precision="float32"), steps=2, device=CPU, seed=0)
    for step in range(2):
        trainer.update(step)
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert changed
    assert changed <= set(names)
    assert trainer.result().keys() == set(names)
    assert 0 < len(names) < len(before)


def test_adapters_change_nothing_at_first_and_are_all_that_is_trained():
    model = unet()
    plain, before = said(model), {name: value.detach().clone() for name, value in model.named_parameters()}
    layers = add_lora(model, ATTENTION, rank=2, alpha=3, seed=0)
    assert len(layers) == 8, "q and v of one block down, one in the middle and two up"
    assert torch.equal(said(model), plain)
    trainer = tuned(model)
    assert not torch.allclose(said(model), plain, atol=1e-3)
    names = {f"{layer}.lora_{side}.default.weight" for layer in layers for side in "AB"}
    assert trainer.result().keys() == names
    assert trainer.ema.weights.keys() == names
    kept = {name.replace(".base_layer", ""): value for name, value in model.named_parameters() if name not in names}
    assert all(torch.equal(value, before[name]) for name, value in kept.items())
    assert kept.keys() == before.keys()


def test_first_weights_follow_from_the_seed_alone():
    states = []
    for seed, noise in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(noise)
        model = unet()
        add_lora(model, ATTENTION, rank=2, alpha=2, seed=seed)
        states.append(adapter_state(model))
    name = next(name for name in states[0] if "lora_A" in name)
    assert torch.equal(states[0][name], states[1][name])
    assert not torch.equal(states[0][name], states[2][name])


def test_adapters_come_back_from_a_file(adapted, tmp_path):
    model, state = adapted
    assert all(re.fullmatch(r".+\.attn2\.to_[qv]\.lora_[AB]\.weight", name) for name in state)
    tensorfiles.save(tmp_path / "adapter.safetensors", state)
    again = unet()
    load_adapter_state(again, tensorfiles.load(tmp_path / "adapter.safetensors"))
    assert torch.allclose(said(again), said(model), atol=1e-5)


def test_diffusers_loads_them_without_being_told_alpha(adapted, tmp_path):
    model, state = adapted
    tensorfiles.save(tmp_path / "pytorch_lora_weights.safetensors", state)
    theirs = unet()
    theirs.load_lora_adapter(str(tmp_path), weight_name="pytorch_lora_weights.safetensors", prefix=None)
    assert torch.allclose(said(theirs), said(model), atol=1e-5)
    assert not torch.allclose(said(unet()), said(model), atol=1e-3)


def test_we_load_those_that_diffusers_wrote(adapted, tmp_path):
    _, state = adapted
    theirs = unet()
    theirs.load_lora_adapter(dict(state), prefix=None, adapter_name="mine")
    theirs.save_lora_adapter(tmp_path, adapter_name="mine")
    ours = unet()
    load_adapter_state(ours, tensorfiles.load(tmp_path / "pytorch_lora_weights.safetensors"))
    assert torch.allclose(said(ours), said(theirs), atol=1e-5)


def test_merged_adapters_are_in_the_weights_of_the_plain_class(adapted):
    model, state = adapted
    whole = unet()
    load_adapter_state(whole, state)
    merge(whole)
    assert torch.allclose(said(whole), said(model), atol=1e-5)
    plain = unet()
    plain.load_state_dict(whole.state_dict())
    assert torch.equal(said(plain), said(whole))
    add_lora(whole, ATTENTION, rank=1, alpha=1, seed=0)
    assert len(adapter_state(whole)) == len(state)


def test_adapters_of_a_half_precision_model_are_float32():
    model = unet().to(torch.bfloat16)
    add_lora(model, ATTENTION, rank=2, alpha=2, seed=0)
    assert {value.dtype for value in model.parameters() if value.requires_grad} == {torch.float32}
    assert {value.dtype for value in model.parameters() if not value.requires_grad} == {torch.bfloat16}
    assert said(model).dtype == torch.bfloat16


def test_what_is_no_layer_and_no_adapter_is_refused(adapted):
    _, state = adapted
    with pytest.raises(ValueError, match="no linear layer or 2D convolution fits 'attn9'"):
        add_lora(unet(), ["attn9"], rank=1, alpha=1, seed=0)
    name = next(iter(state))
    for wrong, problem in (
        ({"conv_in.weight": torch.zeros(1)}, "'conv_in.weight' is no weight of an adapter"),
        ({f"far.{name}": value for name, value in state.items()}, "the model has no layer 'far"),
        ({key: value for key, value in state.items() if key != name}, f"'{name}' is missing"),
        ({**state, **{key: torch.zeros(5, 5) for key in (name, name.replace("lora_B", "lora_A"))}}, "of ranks .2, 5."),
    ):
        with pytest.raises(ValueError, match=problem):
            load_adapter_state(unet(), wrong)
