"""Tiny random models of the published classes that make no videos by themselves: every one is saved, loaded with an
account of its keys, run, sampled and tuned. They exist for tests alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from onereel.backbones.families import FAMILIES, Component
from onereel.backbones.loading import load_folder, placed
from onereel.diffusion.process import Process, noise_like
from onereel.diffusion.samplers import ddim, timesteps_of
from onereel.diffusion.settings import ProcessConfig
from onereel.training.adapters import add_lora

_UNET = {
    "sample_size": 4, "block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4,
    "cross_attention_dim": 16, "attention_head_dim": 2, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}  # fmt: skip
_CONTROL = {key: value for key, value in _UNET.items() if key not in ("sample_size", "up_block_types")}
_MOTION = {
    "block_out_channels": (8, 16), "motion_layers_per_block": 1, "motion_num_attention_heads": 2,
    "motion_norm_num_groups": 4, "use_motion_mid_block": False, "motion_max_seq_length": 8,
}  # fmt: skip
_PRIOR = {
    "num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 2, "embedding_dim": 16, "num_embeddings": 7,
    "additional_embeddings": 4,
}  # fmt: skip
_VACE = {
    "patch_size": (1, 2, 2), "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4,
    "text_dim": 16, "freq_dim": 16, "ffn_dim": 32, "num_layers": 2, "cross_attn_norm": True,
    "qk_norm": "rms_norm_across_heads", "vace_layers": [0, 1], "vace_in_channels": 6,
}  # fmt: skip


pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass(frozen=True)
class Case:
    """A class and how it is called.

    Attributes:
        family, folder: whose component it is.
        config: of a tiny random one.
        shape: of a sample without its batch.
        call: what it says of noisy samples, timesteps, and as many conditions (B, L, 16).
        words: L.
        frozen: a network that helps it, made of the class of another component and a configuration.
        prediction_type: as it was trained.
    """

    family: str
    folder: str
    config: dict[str, Any]
    shape: tuple[int, ...]
    call: Callable[[Any, Any, Tensor, Tensor, Tensor], Tensor]
    words: int = 7
    frozen: tuple[str, str, dict[str, Any]] | None = None
    prediction_type: str = "epsilon"

    @property
    def component(self) -> Component:
        return FAMILIES[self.family].components[self.folder]


def _controlled(control: Any, unet: Any, noisy: Tensor, steps: Tensor, states: Tensor) -> Tensor:
    depth = torch.ones(len(noisy), 3, 8 * noisy.shape[2], 8 * noisy.shape[3])
    down, middle = control(noisy, steps, states, controlnet_cond=depth, return_dict=False)
    given = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
    return unet(noisy, steps, states, **given).sample


def _moving(unet: Any, _: Any, noisy: Tensor, steps: Tensor, states: Tensor) -> Tensor:
    return unet(noisy, steps, states.repeat_interleave(noisy.shape[2], 0)).sample


def _vace(network: Any, _: Any, noisy: Tensor, steps: Tensor, states: Tensor) -> Tensor:
    control = torch.ones(len(noisy), 6, *noisy.shape[2:])
    given = {"control_hidden_states": control, "control_hidden_states_scale": torch.ones(2)}
    return network(noisy, steps, states, **given).sample


def _plain(unet: Any, _: Any, noisy: Tensor, steps: Tensor, states: Tensor) -> Tensor:
    return unet(noisy, steps, states).sample


def _deep(unet: Any, _: Any, noisy: Tensor, steps: Tensor, states: Tensor) -> Tensor:
    return unet(torch.cat([noisy, noisy[:, :1] * 0], 1), steps, states).sample


def _prior(prior: Any, _: Any, noisy: Tensor, steps: Tensor, states: Tensor) -> Tensor:
    return prior(noisy, steps, states[:, 0], states).predicted_image_embedding


CASES = {
    "text": Case("stable-diffusion", "unet", _UNET, (4, 4, 4), _plain),
    "depth": Case("stable-diffusion", "unet", {**_UNET, "in_channels": 5}, (4, 4, 4), _deep),
    "image": Case("image-variations", "unet", _UNET, (4, 4, 4), _plain, words=1),
    "prior": Case("prior", "prior", _PRIOR, (16,), _prior, prediction_type="sample"),
    "control": Case(
        "controlnet", "", {**_CONTROL, "conditioning_embedding_out_channels": (4, 4, 8, 8)}, (4, 4, 4), _controlled,
        frozen=("stable-diffusion", "unet", _UNET),
    ),
    "motion": Case("motion-adapter", "", _MOTION, (4, 3, 4, 4), _moving, frozen=("stable-diffusion", "unet", _UNET)),
    "vace": Case("wan-vace", "transformer", _VACE, (4, 2, 4, 4), _vace),
}  # fmt: skip


@pytest.fixture(params=CASES, scope="module")
def case(request) -> Case:
    return CASES[request.param]


def at_work(case: Case, network: nn.Module, helper: nn.Module | None) -> nn.Module:
    """The network that denoises: of a motion adapter the one that it was put into."""
    if case.family != "motion-adapter":
        return network
    from diffusers import UNetMotionModel

    return UNetMotionModel.from_unet2d(helper, network).eval().requires_grad_(False)


def loaded(case: Case, folder) -> tuple[nn.Module, nn.Module | None, nn.Module]:
    """A tiny random model as it was made and as it was loaded, with what helps it between."""
    torch.manual_seed(0)
    made = case.component.load_class()(**case.config)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape))  # layers that start at zero say something
    made.save_pretrained(folder)
    helper = None
    if case.frozen:
        family, part, config = case.frozen
        helper = FAMILIES[family].components[part].load_class()(**config).eval().requires_grad_(False)
    return made.eval(), helper, load_folder("weights 'tiny random'", folder, case.component, torch.float32)


def test_a_class_is_saved_loaded_run_and_sampled(case, tmp_path):
    made, helper, network = loaded(case, tmp_path)
    assert made.state_dict().keys() == network.state_dict().keys()
    for key, value in made.state_dict().items():
        assert torch.equal(network.state_dict()[key], value), key
    states = torch.randn(2, case.words, 16, generator=torch.Generator().manual_seed(5))
    process = Process(ProcessConfig(num_train_timesteps=1000, prediction_type=case.prediction_type, clip_sample=False))

    def sampled(which: nn.Module, seeds: list[int], states: Tensor) -> Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        working = at_work(case, which, helper)
        start = noise_like(torch.empty(len(seeds), *case.shape), generators)
        with torch.no_grad():
            return ddim(
                process,
                lambda noisy, step: case.call(working, helper, noisy, torch.full((len(noisy),), step), states),
                start,
                timesteps_of(process, 2),
            )

    found = sampled(network, [1, 2], states)
    assert found.shape == (2, *case.shape)
    assert found.isfinite().all()
    assert torch.equal(sampled(made, [1, 2], states), found)
    assert torch.allclose(sampled(network, [2], states[1:])[0], found[1], rtol=1e-3, atol=1e-3)
    assert not torch.allclose(sampled(network, [1, 2], states.flip(0)), found, atol=1e-4), "the condition is read"


def test_a_class_is_tuned(case, tmp_path):
    _, helper, network = loaded(case, tmp_path)
    network = at_work(case, network, helper)
    states = torch.randn(2, case.words, 16, generator=torch.Generator().manual_seed(5))
    sample = torch.randn(2, *case.shape, generator=torch.Generator().manual_seed(6))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    add_lora(network, ["*to_q", "*to_v"], rank=2, alpha=2, seed=0)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser, losses = torch.optim.Adam(parameters, lr=0.01), []
    for _ in range(3):
        loss = (case.call(network, helper, sample, torch.tensor([500, 500]), states) - sample).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[2] < losses[0]
    frozen = {
        key.replace(".base_layer", ""): value for key, value in network.state_dict().items() if "lora_" not in key
    }
    assert frozen.keys() == before.keys()
    assert all(torch.equal(value, before[key]) for key, value in frozen.items())


@pytest.mark.parametrize(
    ("family", "folder"), [("prior", "text_encoder"), ("image-variations", "image_encoder")], ids=["text", "image"]
)
def test_encoders_of_embeddings_are_saved_loaded_and_run(family, folder, tmp_path):
    component = FAMILIES[family].components[folder]
    kind = component.load_class()
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    own = {"vocab_size": 64, "eos_token_id": 63} if folder == "text_encoder" else {"image_size": 16, "patch_size": 8}
    made = kind(kind.config_class(**small, **own, projection_dim=12)).eval()
    made.save_pretrained(tmp_path)
    network = load_folder("weights 'tiny random'", tmp_path, component, torch.float32)
    given = torch.tensor([[5, 6, 63]]) if folder == "text_encoder" else torch.randn(1, 3, 16, 16)
    embedding = network(given)[0]
    assert embedding.shape == (1, 12)
    assert torch.equal(embedding, made(given)[0])


def test_of_a_whole_clip_the_half_that_sees_is_read(tmp_path):
    """Older files of the image encoder hold both halves."""
    from transformers import CLIPConfig, CLIPModel

    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    text, sight = {**small, "vocab_size": 64}, {**small, "image_size": 16, "patch_size": 8, "projection_dim": 12}
    whole = CLIPModel(CLIPConfig(text_config=text, vision_config=sight, projection_dim=12)).eval()
    whole.save_pretrained(tmp_path)
    whole.config.vision_config.save_pretrained(tmp_path)
    network = load_folder("x", tmp_path, FAMILIES["image-variations"].components["image_encoder"], torch.float32)
    pictures = torch.randn(1, 3, 16, 16)
    seen = whole.visual_projection(whole.vision_model(pictures).pooler_output)
    assert torch.allclose(network(pictures).image_embeds, seen, atol=1e-6)


def test_offloaded_networks_leave_the_device_again(monkeypatch):
    class Recorded(nn.Linear):
        def to(self, device):
            places.append(str(device))
            return self

    places: list[str] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: places.append("emptied"))
    with placed(Recorded(1, 1), "cuda", offload=True):
        assert places == ["cuda"]
    assert places == ["cuda", "cpu", "emptied"]
    places.clear()
    with placed(Recorded(1, 1), "cuda", offload=False):
        pass
    assert places == ["cuda"]
