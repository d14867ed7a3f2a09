"""Gen-1: the inflated network, guidance, structure, windows, masks; tiny random networks of the shipped classes."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from onereel.backbones import latent
from onereel.backbones.latent import Condition, plain_attention, predicted
from onereel.backbones.video_unet import VideoUNet, load_video_unet, widened
from onereel.base.errors import ConfigError, MethodError, WeightsError
from onereel.base.progress import no_progress
from onereel.diffusion.guidance import temporal_weights
from onereel.diffusion.samplers import ddim, timesteps_of
from onereel.features.artefacts import write_depth
from onereel.jobs.fitting import train_parts
from onereel.jobs.sampling import check_run
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.gen1 import customise, pools, training
from onereel.methods.gen1.config import Gen1Config
from onereel.methods.gen1.edit import guarded, keeping, working_size
from onereel.methods.gen1.masks import kept_latents, read_kept
from onereel.methods.gen1.model import Gen1Model, Guidance
from onereel.methods.gen1.structure import coarsened, edges_of, level_channels, signal_of
from onereel.methods.gen1.windows import blended, cover, windows_of
from onereel.standins import find
from onereel.standins.gen1 import stages
from onereel.training.trainer import Trainer
from onereel.video.clip import Clip
from onereel.weights.store import Weights
from tests.unit.gen1_models import UNET, autoencoder, moving, narrow, network_of, prior_tensors, stored

CPU = torch.device("cpu")
METHOD = load_method("gen1")


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    narrow(monkeypatch)
    monkeypatch.setattr(stages, "IMAGE_UNET", UNET)
    monkeypatch.setattr(stages, "_CLIPS", 2)
    monkeypatch.setattr(stages, "_FRAMES", 16)


def editor(*, frames: int = 16) -> Gen1Model:
    network = moving(network_of(frames=frames))
    return Gen1Model(network, autoencoder(), precision="float32")


# The network (section 3.2)


def test_before_training_the_inflated_network_is_the_image_model() -> None:
    torch.manual_seed(0)
    image = latent.new_unet(UNET).eval()
    sample, times, states = torch.randn(2, 4, 3, 16, 16), torch.tensor([3, 700]), torch.randn(2, 1, 256)
    with torch.no_grad():
        frames = [predicted(image, sample[:, :, index], times, Condition(states)) for index in range(3)]
        network = VideoUNet(image, 4)
        said = network(sample, times, states)
        torch.testing.assert_close(said, torch.stack(frames, 2), atol=1e-5, rtol=1e-4)
        assert not torch.allclose(moving(network)(sample, times, states), said, atol=1e-2)


def test_there_is_a_convolution_after_each_of_a_residual_blocks_and_a_transformer_after_each_spatial_one() -> None:
    network = network_of()
    names = {name.replace("-", ".") for name in network.temporal}
    modules = dict(network.unet.named_modules())
    kinds = {name: type(module).__name__ for name, module in modules.items()}
    blocks = [name for name, kind in kinds.items() if kind == "ResnetBlock2D"]
    transformers = {name for name, kind in kinds.items() if kind == "Transformer2DModel"}
    assert len(blocks) == 8
    assert len(transformers) == 4
    assert names == {f"{name}.conv{number}" for name in blocks for number in (1, 2)} | transformers


def test_frames_without_time_are_the_same_in_any_order_and_those_with_time_are_not() -> None:
    network = moving(network_of())
    sample, states = torch.randn(1, 12, 5, 16, 16), torch.randn(1, 1, 256)
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        for video in (False, True):
            plain, shuffled = (network(each, 500, states, video=video) for each in (sample, sample[:, :, order]))
            assert torch.allclose(shuffled, plain[:, :, order], atol=1e-4) == (not video)


def test_what_happens_in_one_frame_reaches_others_only_in_time() -> None:
    network = moving(network_of())
    sample, states = torch.randn(1, 12, 5, 16, 16), torch.randn(1, 1, 256)
    other = sample.clone()
    other[:, :, 2] += 1
    with torch.no_grad():
        for video in (False, True):
            change = (network(other, 500, states, video=video) - network(sample, 500, states, video=video)).abs()
            reached = change.amax((0, 1, 3, 4)) > 1e-5
            assert reached.tolist() == [video, video, True, video, video]


def test_pictures_and_videos_of_one_batch_are_what_they_are_alone() -> None:
    network = moving(network_of())
    sample, states = torch.randn(3, 12, 4, 16, 16), torch.randn(3, 1, 256)
    times = torch.tensor([5, 400, 999])
    with torch.no_grad():
        together = network(sample, times, states, video=[False, True, True])
        for index, video in enumerate((False, True, True)):
            alone = network(sample[[index]], times[[index]], states[[index]], video=video)
            torch.testing.assert_close(together[[index]], alone, atol=1e-4, rtol=1e-3)
    with pytest.raises(ValueError, match="come first"):
        network(sample, times, states, video=[True, False, True])
    with pytest.raises(ValueError, match="17 frames, the temporal layers tell 16 apart"):
        network(torch.randn(1, 12, 17, 16, 16), 1, states[:1])


def test_the_index_of_a_frame_is_learned() -> None:
    network = network_of(4)
    network.requires_grad_(True)
    with torch.no_grad():
        moving(network)
    network(torch.randn(1, 4, 3, 16, 16), 9, torch.randn(1, 1, 256)).square().sum().backward()
    for name, parameter in network.named_parameters():
        if name.endswith(".position"):
            assert (parameter.grad[:3] != 0).any(1).all()
            assert not parameter.grad[3:].any()


def test_new_input_channels_count_nothing_at_first() -> None:
    network = network_of(4)
    sample, states = torch.randn(1, 4, 3, 16, 16), torch.randn(1, 1, 256)
    with torch.no_grad():
        narrow = network(sample, 500, states)
        widened(network.unet, 12)
        wide = network(torch.cat([sample, torch.randn(1, 8, 3, 16, 16)], 1), 500, states)
    torch.testing.assert_close(wide, narrow, atol=1e-5, rtol=1e-4)
    assert network.in_channels == 12


def test_stable_diffusions_network_is_inflated_at_its_published_size() -> None:
    with torch.device("meta"):
        unet = latent.new_unet(
            {
                "sample_size": 64, "in_channels": 4, "out_channels": 4, "cross_attention_dim": 768,
                "attention_head_dim": 8, "block_out_channels": (320, 640, 1280, 1280), "layers_per_block": 2,
            }
        )  # fmt: skip
        own = set(unet.state_dict())
        network = VideoUNet(widened(unet, 12), 8)
        said = network(torch.randn(2, 12, 8, 32, 56), 10, torch.randn(2, 1, 768), video=[False, True])
    assert said.shape == (2, 4, 8, 32, 56)
    assert {name.removeprefix("unet.") for name in network.state_dict() if name.startswith("unet.")} == own
    assert len(network.temporal) == 2 * 22 + 16
    assert sum(each.numel() for each in unet.parameters()) == 859_520_964 + 8 * 9 * 320


def test_a_stored_network_says_itself_how_wide_its_input_is(tmp_path: Path) -> None:
    network = moving(network_of(12, frames=5))
    loaded = load_video_unet(stored(tmp_path, "gen1-world", {"structure": network.state_dict()}), "structure", UNET)
    assert (loaded.in_channels, loaded.frames) == (12, 5)
    sample, states = torch.randn(1, 12, 5, 16, 16), torch.randn(1, 1, 256)
    torch.testing.assert_close(loaded(sample, 3, states), network(sample, 3, states))
    with pytest.raises(WeightsError, match="no image model with time"):
        load_video_unet(stored(tmp_path, "gen1-world", {"video": network.unet.state_dict()}), "video", UNET)


# Guidance (Eq. 8)


def test_guidance_is_equation_8_of_three_separate_passes() -> None:
    model = editor()
    torch.manual_seed(2)
    noisy, structure = torch.randn(1, 4, 4, 16, 16), torch.randn(1, 8, 4, 16, 16)
    content, nothing = torch.randn(1, 256), torch.zeros(1, 256)

    def said(what: Tensor, video: bool) -> Tensor:
        with torch.no_grad():
            return model.unet(torch.cat([noisy, structure], 1), 500, what[:, None], video=video)

    omega, omega_t = 3.0, 1.5
    image, video = said(nothing, False), said(nothing, True)
    expected = image + omega_t * (video - image) + omega * (said(content, True) - video)
    sizes: list[int] = []
    model.unet.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    with torch.no_grad():
        found = model.guided(content, nothing, structure, Guidance(omega, omega_t))(noisy, 500)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
    assert sizes == [3], "one pass of the three predictions"
    swapped = image + omega * (video - image) + omega_t * (said(content, True) - video)
    assert not torch.allclose(found, swapped, atol=1e-2)


def test_a_prediction_that_counts_nothing_is_not_made() -> None:
    model = editor()
    sizes: list[int] = []
    model.unet.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    content, structure = torch.randn(1, 256), torch.randn(1, 8, 2, 16, 16)
    for guidance in (Guidance(3, 1), Guidance(1, 1), Guidance(0, 0)):
        with torch.no_grad():
            model.guided(content, torch.zeros(1, 256), structure, guidance)(torch.randn(1, 4, 2, 16, 16), 500)
    assert sizes == [2, 1, 1]
    assert sum(temporal_weights(0.7, 4).values()) == pytest.approx(1)


# Structure (section 3.3)


def test_depth_has_one_scale_for_a_clip() -> None:
    depth = np.zeros((2, 4, 4), np.float32)
    depth[0, 0, 0], depth[1, 0, 0] = 1, 0.5  # the second frame sees nothing near
    signal = signal_of("depth", np.zeros((2, 4, 4, 3), np.uint8), depth)
    assert signal[0].max() == 1
    assert signal[1].max() == 0.5


def test_every_round_of_blurring_leaves_less_and_none_leaves_all() -> None:
    signal = torch.from_numpy(np.random.default_rng(0).random((2, 64, 96), np.float32))
    assert torch.equal(coarsened(signal, 0), signal)
    rounds = [coarsened(signal, level) for level in range(8)]
    spreads = [float(each.std()) for each in rounds]
    assert spreads == sorted(spreads, reverse=True)
    assert len(set(spreads)) == 8
    # What is left in the end are 4 pixels of the shorter side: the discrete cosine transform has no more than those.
    last = rounds[7][0] - rounds[7][0].mean()
    spectrum = torch.fft.rfft2(last).abs()
    assert spectrum[:6, :8].square().sum() + spectrum[-5:, :8].square().sum() > 0.9 * spectrum.square().sum()
    assert coarsened(torch.full((1, 64, 64), 0.3), 7).sub(0.3).abs().max() < 1e-6
    alone = coarsened(signal[1:], 5)
    torch.testing.assert_close(alone[0], rounds[5][1])


def test_edges_show_textures_that_depth_does_not() -> None:
    frames = np.full((2, 32, 32, 3), 100, np.uint8)
    frames[:, :, 16:] = 200
    edges = edges_of(frames)
    assert edges.shape == (2, 32, 32)
    assert edges.max() == 1
    assert edges[:, :, 15:17].min() > 0.9
    assert edges[:, :, :10].max() < 0.01


def test_t_s_is_told_by_four_channels() -> None:
    said = level_channels(torch.arange(8), (3, 5, 6))
    assert said.shape == (8, 4, 3, 5, 6)
    assert (said == said[:, :, :1, :1, :1]).all()
    apart = torch.cdist(said[:, :, 0, 0, 0], said[:, :, 0, 0, 0]) + torch.eye(8)
    assert apart.min() > 0.2


def test_structure_is_read_frame_by_frame_with_its_t_s() -> None:
    model = editor()
    signal = torch.rand(20, 64, 64)
    whole = model.read_structure(signal, 2)
    assert whole.shape == (1, 8, 20, 16, 16)
    torch.testing.assert_close(model.read_structure(signal[7:8], 2)[:, :, 0], whole[:, :, 7], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(model.read_structure(signal, 3)[:, :4], whole[:, :4], atol=1e-3)
    grey = model.encode(signal[:1].expand(3, 1, -1, -1) * 2 - 1)
    torch.testing.assert_close(model.read_structure(signal[:1], 0)[:, :4], grey)


# Windows


@pytest.mark.parametrize(
    ("length", "window", "overlap"), [(16, 16, 0.25), (17, 16, 0.25), (40, 16, 0.5), (9, 8, 0.1), (3, 8, 0.25)]
)
def test_windows_cover_everything_and_overlap(length: int, window: int, overlap: float) -> None:
    found = cover(length, window, overlap)
    assert {place for each in found for place in each} == set(range(length))
    assert all(len(each) == min(length, window) for each in found)
    for one, other in pairwise(found):
        assert len(set(one) & set(other)) >= max(1, round(window * overlap)) - 1


def test_windows_with_a_stride_are_frames_so_far_apart() -> None:
    found = windows_of((30, 16, 16), (8, 16, 16), 0.25, 4)
    assert all(window.frames.step == 4 for window in found)
    assert {frame for window in found for frame in window.frames} == set(range(30))


@pytest.mark.parametrize("size", [(24, 16, 16), (8, 16, 40), (20, 24, 24)])
def test_windows_that_agree_give_back_what_they_are_parts_of(size: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    truth = torch.randn(1, 4, *size)
    windows = windows_of(size, (8, 16, 16), 0.25)
    assert len(windows) > 1
    parts = [window.cut(truth)[0] for window in windows]
    torch.testing.assert_close(blended(parts, windows, truth, match=True), truth, atol=1e-5, rtol=1e-4)


def test_colours_of_windows_are_matched_at_their_seams() -> None:
    torch.manual_seed(0)
    truth = torch.randn(1, 4, 32, 16, 16)
    windows = windows_of(truth.shape[2:], (8, 16, 16), 0.25)
    drifted = [
        window.cut(truth)[0] + 0.5 * index for index, window in enumerate(windows)
    ]  # each brighter than the last
    matched, plain = (blended(drifted, windows, truth, match=match) - truth for match in (True, False))
    assert matched.std() < 1e-4, "one shift for the whole clip"
    assert matched.mean() == pytest.approx(0.5 * (len(windows) - 1) / 2, abs=1e-3)
    assert plain.std() > 0.5


def test_a_clip_is_edited_at_the_trained_size() -> None:
    assert working_size((5, 720, 1280), 64, 8) == (5, 64, 112)
    assert working_size((5, 50, 70), None, 8) == (5, 48, 72)
    assert working_size((5, 30, 100), 64, 8) == (5, 64, 216)


# Masks (section 4.1)


def clip_of(size: tuple[int, int, int] = (4, 48, 64), seed: int = 0) -> Clip:
    return Clip(np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8))


def test_a_mask_says_by_its_name_what_white_is() -> None:
    clip, mask = clip_of(), np.zeros((1, 48, 64, 3), np.uint8)
    mask[:, :, :32] = 255
    kept = read_kept(Inputs(clip, clips={"keep": Clip(mask)}))
    assert kept[:, :, :32].all()
    assert not kept[:, :, 32:].any()
    assert np.array_equal(read_kept(Inputs(clip, clips={"edit": Clip(mask)})), ~kept)
    black, white = Clip(np.zeros_like(mask)), Clip(np.full_like(mask, 255))
    for role, everything in (("keep", white), ("edit", black)):
        with pytest.raises(
            MethodError, match=f"input '{role}': is all .*: nothing is to change; paint white what is to"
        ):
            read_kept(Inputs(clip, clips={role: everything}))
    assert not read_kept(Inputs(clip, clips={"edit": white})).any(), "as known edits of the weather are"
    with pytest.raises(MethodError, match="input 'edit': is 1x48x64, the clip 4x20x20"):
        read_kept(Inputs(clip_of((4, 20, 20)), clips={"edit": Clip(mask)}))


def test_a_latent_is_kept_where_all_of_its_pixels_are() -> None:
    kept = np.ones((1, 64, 64), bool)
    kept[0, 5, 5] = False
    found = kept_latents(kept, (1, 16, 16))
    assert int((~found).sum()) == 1
    assert not found[0, 0, 0, 1, 1]


def test_what_is_kept_stays_and_the_rest_sees_it_noised_to_every_step() -> None:
    model = editor()
    torch.manual_seed(3)
    source, noise = torch.randn(2, 1, 4, 2, 16, 16)
    kept = torch.zeros(1, 1, 2, 16, 16, dtype=torch.bool)
    kept[..., :8] = True
    seen = []

    def predict(noisy: Tensor, timestep: int) -> Tensor:
        seen.append((timestep, noisy))
        return torch.randn_like(noisy)

    steps = timesteps_of(model.process, 5)
    made = ddim(model.process, keeping(model.process, predict, source, noise, kept), noise, steps)
    torch.testing.assert_close(made[..., :8], source[..., :8], atol=1e-4, rtol=1e-4)
    assert (made[..., 8:] - source[..., 8:]).abs().mean() > 0.5
    for timestep, noisy in seen:
        level = model.process.levels[timestep + 1].expand(1)
        expected = model.process.add_noise(source, noise, level)
        torch.testing.assert_close(noisy[..., :8], expected[..., :8], atol=1e-4, rtol=1e-4)


def test_answers_that_are_no_numbers_stop_the_sampling() -> None:
    broken = guarded(lambda noisy, timestep: noisy * float("nan"))
    with pytest.raises(MethodError, match="100% of what the model says at timestep 7 are no numbers"):
        broken(torch.ones(1, 4, 2, 4, 4), 7)


# The method


@pytest.fixture
def job(tmp_path: Path) -> Job:
    torch.manual_seed(4)
    networks = {"structure": moving(network_of()).state_dict(), "edges": moving(network_of(seed=3)).state_dict()}
    image = {**autoencoder().state_dict(), latent.SCALING: torch.tensor(2.0, dtype=torch.float64)}
    return Job(
        CPU,
        backbones={
            "gen1-world": stored(tmp_path / "video", "gen1-world", networks),
            "latent-world": stored(tmp_path / "image", "latent-world", {"vae": image}),
            "clip-world": Weights().resolve("clip-world"),
            "prior-world": stored(tmp_path / "prior", "prior-world", {"model": prior_tensors()}),
            "depth": Weights().resolve("dpt-world"),
        },
    )


def with_depth(clip: Clip, folder: Path) -> Inputs:
    path = folder / f"depth{clip.size[0]}.safetensors"
    write_depth(path, clip.frames, weights="stand-in")
    return Inputs(clip, artefacts={("clip", "depth"): path})


def config_of(task: Task = Task.EDIT_STRUCTURE, **settings: Any) -> Gen1Config:
    config = configure(METHOD, "demo", {"num_inference_steps": 2, **settings}, task=task)
    assert isinstance(config, Gen1Config)
    return config


def test_a_clip_is_redrawn_at_its_own_size_by_text_and_by_picture(tmp_path: Path, job: Job) -> None:
    inputs = with_depth(clip_of(), tmp_path)
    by_text = replace(inputs, prompt="a red kite")
    first, second = METHOD.sample_many(Task.EDIT_STRUCTURE, by_text, config_of(), [0, 1], job)
    assert first.shape == (4, 48, 64, 3)
    assert not np.array_equal(first, second)
    (alone,) = METHOD.sample_many(Task.EDIT_STRUCTURE, by_text, config_of(), [1], job)
    assert np.array_equal(alone, second), "a seed decides, not what is drawn with it"
    by_picture = replace(inputs, clips={"content": clip_of(seed=9)})
    (third,) = METHOD.sample_many(Task.EDIT_STRUCTURE, by_picture, config_of(content_frame=1), [0], job)
    other = METHOD.sample_many(Task.EDIT_STRUCTURE, by_picture, config_of(content_frame=2), [0], job)[0]
    assert not np.array_equal(third, other)
    negative = METHOD.sample_many(Task.EDIT_STRUCTURE, by_picture, config_of(negative_prompt="fog"), [0], job)[0]
    plain = METHOD.sample_many(Task.EDIT_STRUCTURE, by_picture, config_of(), [0], job)[0]
    assert not np.array_equal(negative, plain)


def test_a_longer_and_wider_clip_is_covered_by_windows(tmp_path: Path, job: Job) -> None:
    inputs = replace(with_depth(clip_of((6, 32, 70)), tmp_path), clips={"content": clip_of(seed=9)})
    config = config_of(side=32, tile=32, window=4, batch=12)
    (frames,) = METHOD.sample_many(Task.EDIT_STRUCTURE, inputs, config, [0], job)
    assert frames.shape == (6, 32, 70, 3)
    at_once = config_of(side=32, tile=32, window=4, batch=1000)
    (same,) = METHOD.sample_many(Task.EDIT_STRUCTURE, inputs, at_once, [0], job)
    assert np.abs(same.astype(int) - frames).max() <= 3, "how many windows go together changes nothing"
    with pytest.raises(MethodError, match="'gen1-world' sees 16 frames at once; lower window"):
        METHOD.sample_many(Task.EDIT_STRUCTURE, inputs, config_of(window=17), [0], job)


def test_kept_pixels_come_out_as_they_went_in(tmp_path: Path, job: Job) -> None:
    inputs = replace(with_depth(clip_of(), tmp_path), clips={"content": clip_of(seed=9)})
    mask = np.zeros((1, 48, 64, 3), np.uint8)
    mask[:, :20] = 255
    for role, kept in (("keep", np.s_[:, :20]), ("edit", np.s_[:, 20:])):
        masked = replace(inputs, clips={**inputs.clips, role: Clip(mask)})
        config = config_of(Task.EDIT_MASKED)
        (frames,) = METHOD.sample_many(Task.EDIT_MASKED, masked, config, [0], job)
        same = (frames == inputs.clip.frames).all(-1)
        assert same[kept].all()
        assert same.mean() < 0.8
        guides = METHOD.guides(Task.EDIT_MASKED, masked, config)
        seen = (guides["kept (purple is made anew)"].frames == inputs.clip.frames).all(-1)
        assert seen[kept].all()
        assert seen.mean() < 0.8
        assert guides["depth, t_s = 0"].size == inputs.clip.size


@pytest.mark.parametrize(
    ("clips", "prompt", "message"),
    [
        ((), "", "nothing says what it is to show; give a prompt, or content=FILE"),
        (("content",), "a kite", "has a prompt and the input 'content'"),
    ],
)
def test_a_run_has_one_content(clips: tuple[str, ...], prompt: str, message: str) -> None:
    inputs = Inputs(clip_of(), clips=dict.fromkeys(clips, clip_of()), prompt=prompt)
    with pytest.raises(MethodError, match=message):
        METHOD.check(Task.EDIT_STRUCTURE, inputs, config_of(), Job(CPU))


def test_what_does_not_fit_is_refused() -> None:
    inputs = Inputs(clip_of(), clips={"content": clip_of()})
    with pytest.raises(MethodError, match="content_frame 4: the content has 4 frames; choose -4 to 3"):
        check_run(METHOD, Task.EDIT_STRUCTURE, inputs, config_of(content_frame=4), Job(CPU))
    with pytest.raises(ConfigError, match="knows edges at structure_level 0 only"):
        config_of(structure="edges", structure_level=2)
    with pytest.raises(ConfigError, match="less than or equal to 7"):
        config_of(structure_level=8)
    with pytest.raises(ConfigError, match="'edit_structure' does not read it"):
        config_of(**{"customise.steps": 3})


# Training (sections 3.3, 3.4 and 4.4)


def pool_of(clips: int = 3, frames: int = 16, side: int = 64) -> training.Pool:
    torch.manual_seed(8)
    return training.Pool(
        torch.randn(clips, frames, 4, side // 4, side // 4).half(),
        torch.arange(clips * frames * 256).float().view(clips, frames, 256) + 1,
        torch.randint(256, (clips, frames, side, side), dtype=torch.uint8),
        torch.ones(clips, dtype=torch.float64),
    )


def test_a_window_is_consecutive_and_its_content_is_one_of_its_frames() -> None:
    pool, generator = pool_of(), torch.Generator().manual_seed(0)
    batch = training.draw_batch(pool, generator, count=40, frames=4, dropped=0.25)
    assert batch.clean.shape == (40, 4, 4, 16, 16)
    flat = pool.latents.float().flatten(2)
    gone = 0
    for clean, content in zip(batch.clean, batch.content, strict=True):
        clip, first = divmod(int((flat.flatten(0, 1) - clean[:, 0].flatten()).abs().sum(1).argmin()), 16)
        assert torch.equal(clean.transpose(0, 1).flatten(1), flat[clip, first : first + 4])
        if not content.any():
            gone += 1
        else:
            assert any(torch.equal(content[0], pool.embeddings[clip, first + index]) for index in range(4))
    assert 3 <= gone <= 20
    assert set(batch.levels.tolist()) == set(range(8))
    fixed = training.draw_batch(pool, generator, count=8, frames=4, dropped=0, level=0)
    assert not fixed.levels.any()


def test_every_window_is_blurred_by_its_own_t_s() -> None:
    pool = pool_of()
    batch = training.draw_batch(pool, torch.Generator().manual_seed(0), count=4, frames=2, dropped=0)
    batch = batch._replace(levels=torch.tensor([3, 0, 3, 7]))
    assert batch.signals is not None
    found = training.structure_of(autoencoder(), batch)
    assert found is not None
    model = editor()
    for index, level in enumerate((3, 0, 3, 7)):
        expected = model.read_structure(batch.signals[index], level)
        torch.testing.assert_close(found[[index]], expected, atol=1e-4, rtol=1e-3)


def test_pictures_teach_temporal_layers_nothing() -> None:
    network = moving(network_of()).requires_grad_(True)
    plain_attention(network)
    process = editor().process
    batch = training.draw_batch(pool_of(), torch.Generator().manual_seed(0), count=2, frames=2, dropped=0)
    structure = training.structure_of(autoencoder(), batch)
    for video in (False, True):
        network.zero_grad()
        training.denoising_loss(
            network, batch, structure, process, torch.Generator().manual_seed(1), video=video
        ).backward()
        assert all((each.grad is not None) == video for each in network.temporal.parameters())
        assert all(each.grad is not None for each in network.unet.parameters())


def test_the_stages_are_chained_and_each_learns(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vae = {**autoencoder().state_dict(), latent.SCALING: torch.tensor(2.0, dtype=torch.float64)}
    image = latent.new_unet(UNET)
    needed = {
        "latent-world-autoencoder": stored(tmp_path, "latent-world", {"vae": vae}),
        "latent-world-image": stored(tmp_path, "latent-world", {"image": image.state_dict()}),
    }
    steps = []
    for name in ("gen1-world-video", "gen1-world-depth", "gen1-world-structure"):
        stand_in = find(name)
        assert set(stand_in.needs) <= needed.keys()
        network: Any = stand_in.network()
        stand_in.begin(network, needed)
        before = needed[stand_in.needs[0]]
        (part,) = before.parts
        own = {name.removeprefix("unet."): value for name, value in before.tensors(part).items()}
        folded = stand_in.finished({name: value.clone() for name, value in network.state_dict().items()})
        for key, value in own.items():
            found = folded.get(f"unet.{key}", folded.get(key))
            assert found is not None
            torch.testing.assert_close(found[:, : value.shape[1]] if key == "conv_in.weight" else found, value.float())
        data = stand_in.data(no_progress, needed)
        assert data.pool.latents.shape == (2, 16, 4, 16, 16)
        assert (data.pool.signals is None) == (name == "gen1-world-video")
        quick = stand_in.training.model_copy(update={"warm_up": 0, "precision": "float32", "learning_rate": 2e-3})
        trainer = Trainer(
            network,
            lambda running, generator, step, of=stand_in, seen=data: of.loss(
                running, seen, torch.Generator().manual_seed(0), 0.0
            ),
            quick, steps=4, device=CPU, seed=0,
        )  # fmt: skip
        losses = [float(trainer.update(step)["loss"]) for step in range(4)]
        assert losses[-1] < losses[0]
        needed[name] = stored(tmp_path / name, "gen1-world", {stand_in.part: stand_in.finished(trainer.result())})
        steps.append(stand_in.steps)
    assert [round(75 * each / steps[0]) for each in steps] == [75, 25, 10]


def test_customising_sees_as_much_of_the_subject_as_of_the_originals_and_changes_the_model(
    tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "subject"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(clip_of((1, 40, 60), number).frames[0]).save(folder / f"{number}.png")
    settings = {"customise.steps": 2, "customise.batch": 4, "customise.originals": 2, "side": 64}
    config = config_of(Task.CUSTOMISE, **settings)
    inputs = replace(with_depth(clip_of(), tmp_path), files={"images": folder})
    batches = []
    original = customise.halves
    monkeypatch.setattr(customise, "halves", lambda *given: batches.append(original(*given)) or batches[-1])
    models_of = train_parts(METHOD, Task.CUSTOMISE, inputs, config, job, tmp_path / "models")
    for pictures, videos in batches:
        assert pictures[1] is False
        assert videos[1] is True
        assert pictures[0].clean.shape[0] * pictures[0].clean.shape[2] == 4
        assert videos[0].clean.shape[0] * videos[0].clean.shape[2] == 4
    assert len(batches) == 2
    tuned = replace(job, models=models_of)
    (with_it,) = METHOD.sample_many(Task.CUSTOMISE, inputs, config, [0], tuned)
    (without,) = METHOD.sample_many(Task.CUSTOMISE, inputs, config, [0], job)
    assert with_it.shape == inputs.clip.frames.shape
    assert not np.array_equal(with_it, without)


def test_a_subject_is_more_like_its_own_pictures() -> None:
    from onereel.features.text_image import ClipEmbedder
    from onereel.scenes.world import render_specs, sample_world

    embedder = ClipEmbedder(Weights().resolve("clip-world"))
    one, other = render_specs([sample_world(3), sample_world(8)], frames=6).frames
    own, foreign = (customise.likeness(one[:3], [each[[5]] for each in (picked,)], embedder) for picked in (one, other))
    assert own > foreign
    assert own == pytest.approx(1, abs=0.1)


def test_a_pool_holds_what_the_editor_will_read(job: Job) -> None:
    from onereel.features.depth import DepthEstimator
    from onereel.features.text_image import ClipEmbedder

    model = editor()
    readers = pools.Readers(
        model.autoencoder, ClipEmbedder(job.backbone("clip-world")), DepthEstimator(job.backbone("depth")), "depth"
    )
    clips = [clip_of((3, 64, 64), seed).frames for seed in (1, 2)]
    pool = readers.pool(clips)
    assert pool.signals is not None
    for index, frames in enumerate(clips):
        latents = model.encode(torch.from_numpy(frames).permute(3, 0, 1, 2) / 127.5 - 1)[0].transpose(0, 1)
        torch.testing.assert_close(pool.latents[index].float(), latents, atol=2e-2, rtol=1e-2)
        assert int(pool.signals[index].max()) == 255
        assert int(pool.signals[index].min()) == 0
