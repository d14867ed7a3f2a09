"""VGPNN, random generation: what spec and paper promise, on real clips where there are some and on a texture else."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pytest
import torch
from PIL import Image

from onereel.base.errors import ConfigError, MethodError
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.vgpnn import VGPNNConfig, generate, synthesis
from onereel.nnf import SearchConfig, grid_size, unravel
from onereel.nnf.exhaustive_torch import nearest_patches
from onereel.nnf.patches import patch_matrix
from onereel.video.clip import Clip, Frames, to_frames, to_video
from onereel.video.pyramid import Ladder, build, resize, save

PATCH = (3, 7, 7)
METHOD = load_method("vgpnn")
JOB = Job(torch.device("cpu"))
QUICK = VGPNNConfig(search=SearchConfig(sweeps=4), em_iterations=2, field_start="inherited")


def texture(frames: int = 6, height: int = 30, width: int = 36, seed: int = 0) -> Clip:
    """A drifting random texture with some structure at every scale."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(3, 2, 6, 10, generator=generator)
    fine = torch.randn(3, 2, height, width, generator=generator)
    video = resize(coarse, (frames, height, width)) + 0.2 * resize(fine, (frames, height, width))
    return Clip(to_frames(video.mul(0.5)))


def read_pictures(folder: Path, numbers: range, height: int | None = None) -> Frames:
    frames = np.stack([np.asarray(Image.open(folder / f"{number}.png").convert("RGB")) for number in numbers])
    if height is None:
        return frames
    return to_frames(resize(to_video(frames), (len(frames), height, round(frames.shape[2] * height / frames.shape[1]))))


def sample(clip: Clip, config: VGPNNConfig, seed: int = 0, **inputs) -> Frames:
    return METHOD.sample(Task.GENERATE, Inputs(clip, **inputs), config, seed, JOB)


def patch_distance(source: Frames, target: Frames, count: int = 1000) -> float:
    """Mean of the exact squared difference from seeded patches of `source` to their nearest in `target`."""
    queries, keys = to_video(source), to_video(target)
    size = grid_size(tuple(queries.shape[1:]), PATCH)
    total = int(np.prod(size))
    chosen = torch.randperm(total, generator=torch.Generator().manual_seed(0))[:count]
    patches = patch_matrix(queries, unravel(chosen, size), PATCH)
    _, squared = nearest_patches(patches, keys, PATCH, grid_size(tuple(keys.shape[1:]), PATCH), None)
    return float(squared.mean()) / patches.shape[1]


# Settings


def test_the_paper_preset_is_what_the_paper_says():
    config = configure(METHOD, "paper")
    assert config == VGPNNConfig()
    assert config.ladder == Ladder(factor_time=1.2, factor_space=1.2)
    assert config.patch == (3, 7, 7)
    assert (config.noise, config.first_key, config.vote, config.alpha) == ("position", "upscaled", "median", None)
    assert (config.search.method, config.output_scale) == ("patchmatch", (1, 1, 1))
    assert METHOD.requires(Task.GENERATE, config) == {("clip", "pyramid"): "t1.2-s1.2-min3x15"}
    assert not METHOD.parts(Task.GENERATE, config)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 0}, "alpha"),
        ({"alpha": "much"}, "'alpha' is 'much'"),
        ({"noise_amplitude": float("nan")}, "noise_amplitude"),
        ({"patch": [3, 7]}, "patch"),
        ({"search.sweep": 3}, r"did you mean 'search\.sweeps'"),
        ({"em_iteration": 3}, "did you mean 'em_iterations'"),
        ({"output_scale": [0, 1, 1]}, "output_scale"),
    ],
)
def test_wrong_settings_are_one_clear_line(settings, message):
    with pytest.raises(ConfigError, match=message):
        configure(METHOD, "demo", settings)


def test_settings_load_without_torch():
    code = "import sys, onereel.methods.vgpnn as m; m.METHOD.Config(); print({'torch', 'numba'} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"


# What goes where


def record_searches(monkeypatch, config: VGPNNConfig, clip: Clip) -> list[dict]:
    """Generate once and keep what every search was asked."""
    calls = []
    plain = synthesis.search

    def watched(queries, keys, **arguments):
        calls.append({"queries": queries.clone(), "keys": keys, **arguments})
        return plain(queries, keys, **arguments)

    monkeypatch.setattr(synthesis, "search", watched)
    sample(clip, config)
    return calls


@pytest.mark.parametrize("first_key", ["upscaled", "level"])
def test_the_first_pass_of_a_level_compares_with_equally_blurred_keys(monkeypatch, first_key):
    clip = texture()
    config = QUICK.model_copy(update={"first_key": first_key, "em_iterations": 3, "later_sweeps": 2})
    calls = record_searches(monkeypatch, config, clip)
    levels = build(to_video(clip.frames), config.ladder).levels
    assert len(calls) == 1 + 3 * (len(levels) - 1)
    assert torch.equal(calls[0]["keys"], levels[0])
    for number in range(1, len(levels)):
        first, *later = calls[3 * number - 2 : 3 * number + 1]
        blurred = resize(levels[number - 1], tuple(levels[number].shape[1:]))
        assert torch.equal(first["keys"], blurred if first_key == "upscaled" else levels[number])
        assert first["method"].sweeps == 4
        for call in later:
            assert torch.equal(call["keys"], levels[number])
            assert call["method"].sweeps == 2


@pytest.mark.parametrize("start", ["inherited", "random"])
def test_searches_start_where_the_settings_say(monkeypatch, start):
    calls = record_searches(monkeypatch, QUICK.model_copy(update={"field_start": start}), texture())
    assert calls[0]["initial"] is None
    for first, second in zip(calls[1::2], calls[2::2], strict=True):
        assert (first["initial"] is None) == (start == "random")
        assert second["initial"].distance.isfinite().all(), "the field of the pass before"


def test_the_first_guess_is_the_coarsest_level_plus_noise():
    coarsest = torch.linspace(-1, 1, 3 * 4 * 15 * 20).reshape(3, 4, 15, 20)
    guesses = {}
    for noise in ("position", "voxel"):
        config = VGPNNConfig(noise=noise, noise_amplitude=5)
        generator = torch.Generator().manual_seed(0)
        guesses[noise] = generate.first_guess(coarsest, (4, 15, 20), config, generator) - coarsest
        assert guesses[noise].std() == pytest.approx(5, rel=0.1)
        assert abs(guesses[noise].mean()) < 0.5
    torch.testing.assert_close(guesses["position"], guesses["position"][:, :1].expand(3, 4, 15, 20))
    assert (guesses["voxel"][:, 0] - guesses["voxel"][:, 1]).std() == pytest.approx(5 * 2**0.5, rel=0.1)
    assert (guesses["position"][0] - guesses["position"][1]).abs().max() > 1, "channels are drawn one by one"
    silent = VGPNNConfig(noise_amplitude=0)
    assert torch.equal(generate.first_guess(coarsest, (4, 15, 20), silent, torch.Generator()), coarsest)


def test_large_levels_get_the_small_patch_and_one_pass():
    config = VGPNNConfig()
    assert synthesis.patch_of((13, 144, 256), config) == (3, 7, 7)
    assert synthesis.patch_of((13, 720, 1280), config) == (3, 5, 5)
    assert synthesis.passes_of(0, (3, 15, 26), config) == 1
    assert synthesis.passes_of(5, (13, 144, 256), config) == 5
    assert synthesis.passes_of(9, (13, 400, 700), config) == 1
    small = QUICK.model_copy(update={"large_patch_voxels": 2500, "large_em_voxels": 3000})
    assert sample(texture(), small).shape == (6, 30, 36, 3)


# What must hold of a sample


def test_same_seed_same_bytes_whatever_the_threads():
    clip = texture()
    samples = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        torch.set_num_threads(threads)
        samples.append(sample(clip, QUICK, seed=3))
    assert np.array_equal(*samples)
    assert not np.array_equal(samples[0], sample(clip, QUICK, seed=4))


def test_a_stored_pyramid_changes_nothing_and_a_wrong_one_is_refused(monkeypatch, tmp_path):
    clip = texture()
    plain, stored = sample(clip, QUICK), {}
    for name, ladder in (("own", QUICK.ladder), ("other", Ladder(factor_space=2))):
        stored[name] = {("clip", "pyramid"): tmp_path / f"{name}.safetensors"}
        save(stored[name]["clip", "pyramid"], build(to_video(clip.frames), ladder))
    with pytest.raises(MethodError, match="other levels"):
        sample(clip, QUICK, artefacts=stored["other"])
    monkeypatch.setattr("onereel.methods.vgpnn.tasks.build", None)  # the stored one is read, none is built
    assert np.array_equal(plain, sample(clip, QUICK, artefacts=stored["own"]))


@pytest.mark.parametrize("preset", ["paper", "fast", "demo"])
def test_every_value_of_a_sample_is_one_of_the_input(preset):
    clip = texture()
    frames = sample(clip, configure(METHOD, preset), seed=1)
    assert frames.shape == clip.frames.shape
    assert frames.dtype == np.uint8
    for channel in range(3):
        assert set(np.unique(frames[..., channel])) <= set(np.unique(clip.frames[..., channel]))
    noise = np.random.default_rng(0).permutation(clip.frames.reshape(-1, 3)).reshape(clip.frames.shape)
    assert patch_distance(frames, clip.frames) < 0.1 * patch_distance(noise, clip.frames)


@pytest.mark.parametrize("settings", [{"search": SearchConfig(method="exhaustive")}, {"alpha": 0.01}, {"vote": "mean"}])
def test_variants_run(settings):
    clip = texture()
    frames = sample(clip, QUICK.model_copy(update=settings), seed=1)
    assert patch_distance(frames, clip.frames) < 0.02
    assert not np.array_equal(frames, sample(clip, QUICK, seed=1))


@pytest.mark.parametrize(
    ("scale", "size"),
    [((0.5, 1, 1), (3, 30, 36)), ((2, 1, 1), (12, 30, 36)), ((1, 1.5, 0.5), (6, 45, 18))],
)
def test_output_size_follows_the_scale(scale, size):
    frames = sample(texture(), QUICK.model_copy(update={"output_scale": scale}))
    assert frames.shape[:3] == size


def test_progress_sees_every_pass():
    stages = []

    def watch(items, *, total, label):
        stages.append((label, total, len(list(items))))
        yield from range(total)

    clip = texture()
    METHOD.sample(Task.GENERATE, Inputs(clip), QUICK, 0, replace(JOB, progress=watch))
    sizes = QUICK.ladder.sizes(clip.size)
    assert [total for _, total, _ in stages] == [1] + [2] * (len(sizes) - 1)
    assert all(total == seen for _, total, seen in stages)
    assert stages[-1][0] == f"level {len(sizes)}/{len(sizes)} (6x30x36)"


def test_what_cannot_be_done_is_one_clear_line(monkeypatch):
    with pytest.raises(MethodError, match=r"has 2 frames.*ladder\.min_frames"):
        sample(texture(frames=2), QUICK)
    with pytest.raises(MethodError, match=r"ladder\.min_side"):
        sample(texture(height=12), QUICK)
    with pytest.raises(MethodError, match=r"input: too small for one patch of 9x7x7.*lower patch"):
        sample(texture(), QUICK.model_copy(update={"patch": (9, 7, 7)}))
    with pytest.raises(MethodError, match=r"output: too small.*output_scale"):
        sample(texture(), QUICK.model_copy(update={"output_scale": (1, 0.1, 1)}))
    with pytest.raises(MethodError, match="does not do 'extrapolate'"):
        METHOD.sample(Task.EXTRAPOLATE, Inputs(texture()), QUICK, 0, JOB)
    monkeypatch.setattr("onereel.methods.vgpnn.tasks.available_memory", lambda device: 1 << 20)
    with pytest.raises(MethodError, match="GiB"):
        sample(texture(), QUICK)


# The same on real clips


@pytest.mark.peer
def test_without_noise_the_input_comes_back(shared: Path):
    clip = Clip(read_pictures(shared / "data/clips/airballoons", range(1, 14), 72))
    for preset in ("paper", "fast"):
        frames = sample(clip, configure(METHOD, preset, {"noise_amplitude": 0}))
        error = np.square(frames.astype(float) - clip.frames).mean()
        assert error < 255**2 / 10**3, f"{preset}: below 30 dB"


@pytest.mark.peer
@pytest.mark.scores
def test_output_is_as_coherent_as_that_of_the_authors(shared: Path):
    """`fish` at 48 rows: its first 20 frames against the whole clip, their samples (30 frames) scaled alike.

    At 144 rows: benchmarks/vgpnn.py.
    """
    reference = read_pictures(shared / "data/clips/fish", range(1, 46), 48)
    theirs = [read_pictures(shared / f"data/peer_outputs/fish/vgpnn_official/{n}", range(30), 48) for n in (1, 2)]
    ours = [sample(Clip(reference[:20]), configure(METHOD, "paper"), seed=seed) for seed in (0, 1)]
    assert max(patch_distance(frames, reference) for frames in ours) <= min(
        patch_distance(frames, reference) for frames in theirs
    )


@pytest.mark.peer
def test_small_alpha_raises_completeness(shared: Path):
    clip = Clip(read_pictures(shared / "data/clips/airballoons", range(1, 7), 36))
    completeness = []
    for alpha in (1.0, 0.03, 0.001):
        config = QUICK.model_copy(update={"alpha": alpha, "em_iterations": 3})
        samples = [sample(clip, config, seed) for seed in range(3)]
        completeness.append(np.mean([patch_distance(clip.frames, frames) for frames in samples]))
    assert completeness[0] > 1.1 * completeness[1] > 1.5 * completeness[2]
