"""Memory and time before a run: against sums by hand, against what PyTorch's profiler measures, against what people
published."""

import json

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from onereel.backbones import costs
from onereel.backbones.costs import check_sampling, lora_cost, sampling_cost
from onereel.backbones.families import FAMILIES
from onereel.backbones.loading import build_meta, load_process
from onereel.backbones.text_to_video import LatentTextToVideo, load, native_of
from onereel.base.errors import MethodError, WeightsError
from onereel.training import estimates
from onereel.training.adapters import add_lora
from onereel.training.estimates import OVERHEAD, Cost, check_memory, cost_of, speed_of, tuning_cost
from onereel.weights.store import Resolved, Weights
from tests.unit.test_backbones import PUBLISHED
from tests.unit.tiny_backbones import SCHEDULERS, SIZES, tiny

META = torch.device("meta")
ATTENTION = ("*to_q", "*to_k", "*to_v", "*to_out.0")


pytestmark = pytest.mark.usefixtures("one_thread")


def test_two_layers_by_hand():
    with META:
        network = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64))
        batch = torch.empty(100, 64)
    cost = cost_of(lambda: network(batch), [network])
    assert cost.weights == 4 * (64 * 256 + 256 + 256 * 64 + 64)
    assert cost.activations == 4 * 100 * (256 + 256), "the hidden layer before and after its ReLU"
    assert cost.flops == 2 * 100 * (64 * 256 + 256 * 64)
    assert cost.memory == round((cost.weights + cost.activations) * OVERHEAD)
    assert cost.times(3).flops == 3 * cost.flops
    assert cost.seconds(1e6) == cost.flops / 1e6


def test_attention_keeps_no_matrix_of_all_pairs_and_pytorch_s_own_is_back():
    theirs = nn.functional.scaled_dot_product_attention
    with META:
        query = torch.empty(1, 2, 8192, 16)
    cost = cost_of(lambda: nn.functional.scaled_dot_product_attention(query, query, query), [])
    assert nn.functional.scaled_dot_product_attention is theirs
    assert cost.activations == 4 * query.numel()
    assert cost.flops == 2 * 2 * 2 * 8192 * 8192 * 16


def test_a_training_step_counts_gradients_and_what_the_optimiser_keeps():
    with META:
        network, batch = nn.Linear(64, 64, bias=False), torch.empty(8, 64)
    cost = tuning_cost(lambda: network(batch).sum(), [network], states=2, copies=1)
    assert cost.weights == 4 * 64 * 64 * (1 + 2 + 1)
    assert 4 * 64 * 64 <= cost.activations <= 4 * (64 * 64 + 3 * 8 * 64)
    assert cost.flops == 2 * 2 * 8 * 64 * 64, "forwards, and the weights' gradient; the batch needs none"
    assert network.weight.grad is None


def test_checkpoints_take_less_memory_and_more_time():
    with META:
        blocks = nn.ModuleList(nn.Sequential(nn.Linear(64, 1024), nn.GELU(), nn.Linear(1024, 64)) for _ in range(8))
        batch = torch.empty(4096, 64)

    def loss(kept: bool) -> torch.Tensor:
        values = batch
        for block in blocks:
            values = block(values) if kept else checkpoint(block, values, use_reentrant=False)
        return values.sum()

    whole, again = (tuning_cost(lambda kept=kept: loss(kept), [blocks]) for kept in (True, False))
    assert again.activations < whole.activations / 3
    assert 1.1 * whole.flops < again.flops < 1.5 * whole.flops


def test_networks_together_and_in_turn():
    small, large = Cost(100, 10, 1), Cost(1000, 500, 2)
    assert small.together(large) == Cost(1100, 500, 3)
    assert small.in_turn(large) == large.in_turn(small) == Cost(1000, 500, 3)


def test_what_does_not_fit_is_refused_with_what_would(monkeypatch):
    monkeypatch.setattr(estimates, "available_memory", lambda device: 10_000_000_000)
    asked = []

    def takes(size: int) -> int:
        asked.append(size)
        return size

    ways = {"8 frames": lambda: takes(9_000_000_000), "128x128 pixels": lambda: takes(11_000_000_000)}
    check_memory("backbone 'x'", 9_900_000_000, torch.device("cpu"), ways)
    assert not asked
    with pytest.raises(MethodError) as caught:
        check_memory("backbone 'x'", 23_400_000_000, torch.device("cpu"), ways)
    assert str(caught.value) == "backbone 'x': needs about 23.4 GB, cpu has 10.0 GB; these fit: 8 frames"
    with pytest.raises(MethodError, match="a larger device is needed"):
        check_memory("backbone 'x'", 23_400_000_000, torch.device("cpu"), {})


def test_the_speed_of_a_device_is_measured():
    assert 1e8 < speed_of(torch.device("cpu"), torch.float32) < 1e14


# ------------------------------------------------------------------------------------------- against what was measured


def measured_peak(run) -> int:
    """Bytes at the peak beside what was there before, as PyTorch's profiler saw its allocator."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    living = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        living += event.nbytes()
        peak = max(peak, living)
    return peak


@pytest.mark.parametrize("family", ["unet3d", "latte", "wan"])
def test_tiny_random_models_take_what_was_counted(family, tmp_path):
    weights = tiny(family, tmp_path)
    frames, height, width = SIZES[family][0], 64, 64
    model, skeleton = load(weights), FAMILIES[family].text_to_video().skeleton(weights, dtype=torch.float32)
    assert isinstance(model, LatentTextToVideo)
    shape = (2, model.channels, model.latent_frames(frames), height // 8, width // 8)
    noisy, text = torch.randn(shape), model.encode_prompt(["a cat", "two dogs"])
    counted = cost_of(
        lambda: skeleton.predict(noisy.to("meta"), 1, text.to("meta")), [skeleton.network]
    )  # the inputs' copies are hardly any bytes
    with torch.no_grad():
        model.predict(noisy, 1, text)  # kernels are chosen
        measured = measured_peak(lambda: model.predict(noisy, 1, text))
    assert counted.weights == sum(
        tensor.numel() * tensor.element_size() for tensor in (*model.network.parameters(), *model.network.buffers())
    )
    assert counted.activations / 1.5 < measured < counted.activations * 1.5


@pytest.mark.parametrize("tuned", [False, True], ids=["sampled", "tuned"])
@pytest.mark.parametrize("family", ["unet3d", "latte", "wan"])
def test_what_is_counted_grows_as_what_is_measured(family, tuned, tmp_path):
    """From small to four times as many pixels: what holds for both holds for published sizes, where nobody can look."""
    weights = tiny(family, tmp_path)
    model, kind = load(weights), FAMILIES[family].text_to_video()
    text, frames = model.encode_prompt(["a cat"]), SIZES[family][0]
    if tuned:
        add_lora(model.network, ATTENTION, rank=4, alpha=4, seed=0)
        model.save_memory()

    def pair(side: int) -> tuple[int, int]:
        """Bytes beside the weights: counted, measured."""
        noisy = torch.randn(1, model.channels, model.latent_frames(frames), side // 8, side // 8)

        def step() -> None:
            if tuned:
                (model.predict(noisy, 1, text) - noisy).square().mean().backward()
            else:
                with torch.no_grad():
                    model.predict(noisy, 1, text)

        step()  # kernels are chosen, gradients there
        skeleton = kind.skeleton(weights, dtype=torch.float32)
        if tuned:
            counted = lora_cost(skeleton, frames, side, side, targets=ATTENTION, rank=4)
        else:
            counted = cost_of(lambda: skeleton.predict(noisy.to("meta"), 1, text.to("meta")), [skeleton.network])
        return counted.activations, measured_peak(step)

    small, large = pair(128), pair(256)
    for counted, measured in (small, large):
        assert counted / 1.5 < measured < counted * 1.5
    assert large[0] / small[0] == pytest.approx(large[1] / small[1], rel=0.15)


# ------------------------------------------------------------------------------------------ against what was published


def skeleton_of(name: str, tmp_path) -> LatentTextToVideo:
    """A listed model as its published configurations make it, in bfloat16."""
    entry = Weights().entries[name]
    kind = FAMILIES[entry.family].text_to_video()
    networks = [
        build_meta(name, FAMILIES[entry.family].components[folder], PUBLISHED[name][folder]["config"], dtype)
        for folder, dtype in ((kind.network_folder, torch.bfloat16), ("vae", torch.float32))
    ]
    component = FAMILIES[entry.family].components["text_encoder"]
    text = build_meta(name, component, PUBLISHED[name]["text_encoder"]["config"], torch.bfloat16)
    path = tmp_path / "scheduler_config.json"
    path.write_text(json.dumps(SCHEDULERS[entry.family]))
    if entry.family == "wan":
        from diffusers import UniPCMultistepScheduler

        further = {"scheduler": UniPCMultistepScheduler.from_config(SCHEDULERS["wan"])}
    else:
        further = {"process": load_process(name, path)}
    resolved = Resolved(name, entry.role, entry.title, entry.title, "", False, {}, entry=entry)
    return kind(name, *networks, kind.encoder_of(None, text), native_of(resolved), device="meta", **further)


def size_of(name: str) -> tuple[int, int, int]:
    entry = Weights().entries[name]
    return entry.frames, entry.height, entry.width


@pytest.mark.parametrize(
    ("name", "offload", "published"), [("zeroscope-576w", False, 7.9), ("wan2.1-t2v-1.3b", True, 8.2)]
)
def test_sampling_takes_what_was_published(name, offload, published, tmp_path):
    """Within a quarter: Zeroscope's card (of a few more frames), Wan's with the text encoder elsewhere."""
    parts = sampling_cost(skeleton_of(name, tmp_path), *size_of(name))
    cost = parts.whole(offload=offload)
    assert published / 1.25 < cost.memory / 1e9 < published * 1.25
    assert parts.whole(offload=True).memory < 0.9 * parts.whole().memory
    assert parts.whole(num_inference_steps=50).flops > 40 * parts.denoising.flops


def test_tuning_takes_what_was_published(tmp_path):
    """Within a quarter: LoRA on a device of 12 GB."""
    name = "wan2.1-t2v-1.3b"
    cost = lora_cost(skeleton_of(name, tmp_path), *size_of(name))
    published = Weights().entries[name].tuning_gb
    assert published / 1.25 < cost.memory / 1e9 < published * 1.25


def test_counting_reads_configurations_alone(tmp_path):
    weights = tiny("wan", tmp_path)
    for path, _ in weights.parts.values():
        if path.suffix == ".safetensors":
            path.unlink()
    model = FAMILIES["wan"].text_to_video().skeleton(weights, dtype=torch.float32)
    assert {parameter.device.type for parameter in model.network.parameters()} == {"meta"}
    with pytest.raises(WeightsError, match="is missing or has changed"):
        load(weights)


def test_decoding_picture_by_picture_is_counted_by_one(tmp_path):
    model = FAMILIES["latte"].text_to_video().skeleton(tiny("latte", tmp_path), dtype=torch.float32)
    counted = sampling_cost(model, 4, 128, 64).decoding
    whole = cost_of(lambda: model.to_video(torch.empty(1, 4, 4, 16, 8, device="meta")), [model.vae])
    assert counted.flops == whole.flops
    assert counted.activations / 1.5 < whole.activations < counted.activations * 1.5


def test_decoding_in_slices_takes_less(tmp_path):
    model = FAMILIES["wan"].text_to_video().skeleton(tiny("wan", tmp_path), dtype=torch.float32)
    large, small = sampling_cost(model, 5, 512, 1024), sampling_cost(model, 5, 256, 256)
    assert large.slicing.activations < large.decoding.activations / 2
    assert large.slicing.flops == pytest.approx(large.decoding.flops, rel=0.2)
    assert small.slicing == small.decoding
    model.slice_decoding(True)
    whole = cost_of(lambda: model.to_video(torch.empty(1, 4, 2, 64, 128, device="meta")), [model.vae])
    assert large.slicing.activations / 1.5 < whole.activations < large.slicing.activations * 1.5


def test_a_device_that_is_too_small_is_refused_before_any_weight_is_read(tmp_path, monkeypatch):
    model = FAMILIES["unet3d"].text_to_video().skeleton(tiny("unet3d", tmp_path), dtype=torch.float32)
    size, cuda = (4, 256, 128), torch.device("cuda")
    parts = sampling_cost(model, *size)
    whole, offloaded = (parts.whole(offload=offload).memory for offload in (False, True))
    assert offloaded < whole

    def has(present: int) -> None:
        for module in (estimates, costs):
            monkeypatch.setattr(module, "available_memory", lambda device: present)

    has(whole)
    assert check_sampling(model, parts, size, cuda) is False
    has(whole - 1)
    assert check_sampling(model, parts, size, cuda) is True
    with pytest.raises(MethodError, match="needs about"):  # its memory is where offloaded networks would go
        check_sampling(model, parts, size, torch.device("cpu"))
    has(round(offloaded * 0.6))
    with pytest.raises(MethodError) as refused:
        check_sampling(model, parts, size, cuda)
    assert str(refused.value).startswith("backbone 'tiny-random-unet3d': needs about ")
    assert str(refused.value).endswith("these fit: 1 frame, or 128x64 pixels, or 64x32 pixels")
