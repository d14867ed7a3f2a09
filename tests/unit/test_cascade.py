"""The text-to-video cascade: layers against oracles, what may mix and what may not, the pipeline's promises."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.backbones.cascade.layers import TemporalConvolution, attention
from onereel.backbones.cascade.network import NetworkConfig, StageNetwork
from onereel.backbones.cascade.pipeline import Cascade
from onereel.backbones.cascade.stages import BASE, LATER, NOISIEST, BaseStage, LaterStage, brought_to, reduced
from onereel.backbones.cascade.text import Text, TextEncoder, tokens_of
from onereel.base.errors import MethodError, WeightsError
from onereel.base.files import sha256_of
from onereel.base.progress import no_progress
from onereel.standins.captioned import captions_of, drawn_specs, evened
from onereel.standins.registry import find
from onereel.standins.t2v.worlds import NOISING, Captioned, batch_of, rendered, weighted_error
from onereel.weights.checkpoints import write_tensors
from onereel.weights.store import Resolved

TINY = NetworkConfig((8, 16), (1, 1), heads=2, joint_attention=True, text=8, embedding=16)
CONDITIONED = replace(TINY, attention=False, joint_attention=False, conditioned=True, patch=2)
PROMPT = "A red kite rising in the hills."


def speaking(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network with every layer that starts at zero drawn."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        if not parameter.any():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    return network.eval()


def text_of(count: int, width: int = 8, length: int = 5) -> Text:
    return Text(torch.randn(count, length, width), torch.zeros(count, length), torch.randn(count, width))


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_attention_is_that_of_the_textbook() -> None:
    query, key, value = torch.randn(6, 5, 4), torch.randn(6, 7, 4), torch.randn(6, 7, 4)
    torch.testing.assert_close(attention(query, key, value), functional.scaled_dot_product_attention(query, key, value))
    padding = torch.zeros(2, 7).masked_fill(torch.arange(7) > 3, -torch.inf)
    expected = functional.scaled_dot_product_attention(query, key[:, :4], value[:, :4])
    torch.testing.assert_close(attention(query, key, value, padding), expected)


def test_a_temporal_convolution_is_one_over_frames_alone() -> None:
    layer = speaking(TemporalConvolution(4))
    values = torch.randn(2, 5, 3, 6, 4)
    rows = functional.silu(layer.norm(values)).permute(0, 4, 1, 2, 3)
    hidden = functional.conv3d(rows, layer.conv.weight[..., None], layer.conv.bias, padding=(1, 0, 0))
    expected = values + layer.out(functional.silu(hidden).permute(0, 2, 3, 4, 1))
    torch.testing.assert_close(layer(values), expected)


@pytest.mark.parametrize("config", [TINY, CONDITIONED])
def test_as_pictures_frames_know_nothing_of_each_other(config: NetworkConfig) -> None:
    network, text = speaking(StageNetwork(config)), text_of(2)
    sample, low = torch.randn(2, 3, 4, 8, 8), torch.randn(2, 3, 4, 8, 8)
    times, noise = torch.tensor([10, 700]), torch.tensor([5, 300])
    given: dict[str, Any] = {"augmentation": noise} if config.conditioned else {}
    both = {"low": low} if config.conditioned else {}
    together = network(sample, times, text, video=False, **given, **both)
    for frame in range(4):
        one = {"low": low[:, :, frame : frame + 1]} if config.conditioned else {}
        alone = network(sample[:, :, frame : frame + 1], times, text, video=False, **given, **one)
        torch.testing.assert_close(together[:, :, frame], alone[:, :, 0], rtol=1e-4, atol=1e-4)
    moving = network(sample, times, text, **given, **both)
    assert (moving - together).abs().max() > 0.01, "and as a video they do"


@pytest.mark.parametrize("config", [TINY, CONDITIONED])
def test_temporal_layers_start_as_the_identity(config: NetworkConfig) -> None:
    network = StageNetwork(config)
    nn.init.normal_(network.leave.weight)
    given = {"low": torch.randn(1, 3, 4, 8, 8), "augmentation": torch.tensor([9])} if config.conditioned else {}
    sample, text = torch.randn(1, 3, 4, 8, 8), text_of(1)
    said = network(sample, 500, text, **given)
    assert said.std() > 0.01
    torch.testing.assert_close(said, network(sample, 500, text, video=False, **given))


def test_a_conditioned_stage_reads_the_stage_before_and_how_noisy_it_is() -> None:
    network, text = speaking(StageNetwork(CONDITIONED)), text_of(1)
    sample, low = torch.randn(1, 3, 2, 8, 8), torch.randn(1, 3, 2, 8, 8)
    said = network(sample, 500, text, low=low, augmentation=torch.tensor([10]))
    for changed in (
        {"low": -low, "augmentation": torch.tensor([10])},
        {"low": low, "augmentation": torch.tensor([300])},
    ):
        assert (network(sample, 500, text, **changed) - said).abs().max() > 0.01
    with pytest.raises(ValueError, match="needs the video of the stage before"):
        network(sample, 500, text)


def test_a_network_without_attention_reads_the_prompt_and_takes_any_size() -> None:
    network, sample = speaking(StageNetwork(CONDITIONED)), torch.randn(2, 3, 3, 12, 20)
    given = {"low": sample, "augmentation": torch.tensor([10, 10])}
    one, other = (network(sample, 500, text_of(2), **given) for _ in range(2))
    assert one.shape == sample.shape
    assert (one - other).abs().max() > 0.01


def test_what_stands_after_a_prompts_end_is_not_read() -> None:
    encoder, network = TextEncoder(8, layers=2, heads=2).eval(), speaking(StageNetwork(TINY))
    tokens, sample = tokens_of([PROMPT]), torch.randn(1, 3, 2, 8, 8)
    longer = functional.pad(tokens, (0, 6))
    short, long = (network(sample, 500, encoder(each)) for each in (tokens, longer))
    torch.testing.assert_close(short, long, rtol=1e-4, atol=1e-4)


def test_twice_the_frames_are_means_and_every_second_is_given() -> None:
    stage, video = LATER["temporal"], torch.randn(2, 3, 4, 6, 6)
    low = brought_to(video, 8, 6, 6)
    torch.testing.assert_close(reduced(low, stage.before, stage.made), video)
    torch.testing.assert_close(low[:, :, 3], (video[:, :, 1] + video[:, :, 2]) / 2)
    torch.testing.assert_close(low[:, :, 7], video[:, :, 3])


def test_twice_the_side_keeps_what_is_even_and_averages_back() -> None:
    stage = LATER["spatial1"]
    ramp = torch.arange(8.0).expand(1, 3, 2, 8, 8)
    low = brought_to(ramp, 2, 16, 16)
    torch.testing.assert_close(low[..., 1:-1], (torch.arange(14.0) / 2 + 0.25).expand(1, 3, 2, 16, 14))
    torch.testing.assert_close(reduced(low, stage.before, stage.made)[..., 1:-1], ramp[..., 1:-1])


@pytest.fixture(scope="module")
def worlds() -> Captioned:
    specs = drawn_specs(6)
    return Captioned(rendered(specs, BASE, no_progress), captions_of(specs), captions_of(specs), evened(specs))


def test_the_base_sees_what_a_later_stage_is_given_in_training(worlds: Captioned) -> None:
    stage = LATER["temporal"]
    finer = rendered(drawn_specs(6), stage.made, no_progress)
    video = torch.from_numpy(finer).permute(0, 4, 1, 2, 3).float()
    given = reduced(video, stage.before, stage.made).permute(0, 2, 3, 4, 1)
    np.testing.assert_array_equal(given.numpy(), worlds.frames)


def test_rare_values_are_drawn_more_often() -> None:
    specs = drawn_specs(400)
    weights = evened(specs).numpy()
    sketched = np.array([spec.weather == "snow" for spec in specs])
    rare, often = weights[sketched].mean(), weights[[spec.weather == "clear" for spec in specs]].mean()
    assert rare > often
    assert weights.max() <= 8


def test_batches_hold_windows_of_clips_and_pictures(worlds: Captioned) -> None:
    only = replace(worlds, weight=torch.tensor([0.0, 1, 0, 0, 0, 0], dtype=torch.float64))
    kinds, firsts = [], set()
    for seed in range(24):
        (generator,) = generators(seed)
        batch = batch_of(only, generator, videos=2, pictures=5, window=4, every=2)
        kinds.append(batch.video)
        assert batch.clean.shape[:3] == ((2, 3, 4) if batch.video else (5, 3, 1))
        shown = ((batch.clean + 1) * 127.5).round().permute(0, 2, 3, 4, 1).numpy()
        for clip in shown if batch.video else ():
            found = [at for at in range(5) if (worlds.frames[1, at : at + 4] == clip).all()]
            firsts.update(found)
    assert firsts == {0, 2, 4}
    assert 0 < sum(kinds) < 24
    (generator,) = generators(0)
    assert all(batch_of(only, generator, videos=1, pictures=0).video for _ in range(12))


@pytest.mark.parametrize("part", LATER)
def test_later_stages_are_trained_with_noise_as_told(worlds: Captioned, part: str) -> None:
    stand_in, stage, seen = find(f"t2v-world-{part}"), LATER[part], []

    class Listening(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dummy = nn.Parameter(torch.zeros(()))

        def forward(
            self, noisy: Tensor, timestep: Tensor, tokens: Tensor, low: Tensor, told: Tensor, *, video: bool
        ) -> Tensor:
            seen.append((low, told, video))
            return noisy * self.dummy

    grey = np.full((6, stage.made.frames, stage.made.height, stage.made.width, 3), 255, np.uint8)
    for seed in range(6):
        (generator,) = generators(seed)
        loss = stand_in.loss(Listening(), replace(worlds, frames=grey), generator, 0.0)
        assert torch.isfinite(loss)
        low, told, video = seen[-1]
        assert int(told.max()) < NOISIEST
        assert low.shape[2] == (stand_in.window if video else 1)
        given = reduced(low, stage.before, stage.made)
        for one, level in zip(given, NOISING.levels[told + 1].tolist(), strict=True):
            assert float(one.mean()) == pytest.approx(level, abs=0.12)  # of white, 1
        residual = given - NOISING.levels[told + 1].float().view(-1, 1, 1, 1, 1)
        spread, expected = residual.std((1, 2, 3, 4)), (1 - NOISING.levels[told + 1] ** 2).sqrt()
        blur = 1.0 if part == "temporal" else float((spread / expected).median())
        torch.testing.assert_close(spread.double() / blur, expected, rtol=0.35, atol=0.02)


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    torch.manual_seed(0)
    base = speaking(BaseStage())
    later = {
        part: speaking(LaterStage(replace(stage.network, widths=(16, 32), blocks=(1, 1))))
        for part, stage in LATER.items()
    }
    return Cascade(base, later, dtype=torch.float32, later_steps=2)  # type: ignore[arg-type]


SETTINGS: dict[str, Any] = {"frames": 4, "height": 32, "width": 48, "num_inference_steps": 2, "guidance_scale": 3.0}


def test_a_video_is_the_same_alone_and_among_others(cascade: Cascade) -> None:
    prompts = [PROMPT, "A pencil sketch of two small balls."]
    both = cascade.generate(prompts, generators(1, 2), **SETTINGS)
    assert both.shape == (2, 3, 4, 32, 48)
    assert both.abs().max() <= 1
    for index in range(2):
        alone = cascade.generate([prompts[index]], generators(index + 1), **SETTINGS)
        assert torch.equal(both[index], alone[0])
    assert not torch.equal(both[0], cascade.generate([PROMPT], generators(2), **SETTINGS)[0]), "seeds matter"


def test_the_prompt_counts_and_the_negative_one_with_guidance_only(cascade: Cascade) -> None:
    def made(prompt: str, negative: str, scale: float) -> Tensor:
        settings = SETTINGS | {"guidance_scale": scale}
        return cascade.generate([prompt], generators(1), negative_prompt=negative, **settings)

    plain = made(PROMPT, "", 1.0)
    assert not torch.equal(plain, made("A pencil sketch of a ball.", "", 1.0))
    torch.testing.assert_close(plain, made(PROMPT, "A pencil sketch of a ball.", 1.0))
    assert not torch.equal(made(PROMPT, "", 3.0), made(PROMPT, "A pencil sketch of a ball.", 3.0))


@pytest.mark.parametrize(
    ("size", "told"),
    [((5, 64, 64), "ask for 6"), ((16, 60, 64), "ask for 64x64"), ((16, 64, 8), "ask for 64x16")],
)
def test_sizes_that_it_cannot_make_are_refused(cascade: Cascade, size: tuple[int, int, int], told: str) -> None:
    with pytest.raises(MethodError, match=told):
        cascade.generate(
            [PROMPT], generators(0), **SETTINGS | dict(zip(("frames", "height", "width"), size, strict=True))
        )


def test_it_is_loaded_from_the_parts_of_its_entry(tmp_path: Path) -> None:
    def saved(part: str, network: nn.Module) -> tuple[Path, str]:
        path = tmp_path / f"{part}.safetensors"
        write_tensors(path, {name: value.half() for name, value in network.state_dict().items()})
        return path, sha256_of(path)

    base = BaseStage()
    parts = {"base": saved("base", base)}
    parts |= {part: saved(part, LaterStage(stage.network)) for part, stage in LATER.items()}
    weights = Resolved("t2v-world", "text-to-video", "cascade", "cascade", "", True, parts)
    loaded = Cascade.load(weights)
    torch.testing.assert_close(loaded.base.unet.enter.weight, base.unet.enter.weight, rtol=1e-3, atol=1e-4)
    assert list(loaded.later) == ["temporal", "spatial1", "spatial2"]
    assert (loaded.native.frames, loaded.native.fps, loaded.native.height) == (16, 8.0, 64)
    del parts["spatial2"]
    with pytest.raises(WeightsError, match="no part 'spatial2'"):
        Cascade.load(weights)


@pytest.mark.parametrize("part", ["base", *LATER])
def test_the_loss_of_tuning_is_that_of_the_stages_own_training(cascade: Cascade, part: str) -> None:
    made = BASE if part == "base" else LATER[part].made
    clean = torch.rand(3, 3, 4, made.height, made.width) * 2 - 1
    text, seen = cascade.read(part, [PROMPT]).repeated(3), []

    def network(noisy: Tensor, timestep: Tensor, text: Text, *, video: bool, **given: Tensor) -> Tensor:
        seen.append((noisy, timestep, given))
        return torch.zeros_like(noisy)

    (generator,) = generators(0)
    loss = cascade.loss(part, network, clean, text, generator, video=True)  # type: ignore[arg-type]
    ((noisy, timestep, given),) = seen
    level = NOISING.levels[timestep + 1]
    kept = level.float().view(-1, 1, 1, 1, 1)
    noise = (noisy - kept * clean) / (1 - kept**2).sqrt()
    assert float(noise.std()) == pytest.approx(1, abs=0.05)
    torch.testing.assert_close(loss.mean(), weighted_error(torch.zeros_like(clean), clean, noise, level).float())
    assert set(given) == (set() if part == "base" else {"low", "augmentation"})
    if given:
        assert given["low"].shape == clean.shape
        assert int(given["augmentation"].max()) < NOISIEST
