"""SinGAN-GIF and SinGAN: noise, levels, training that survives a kill, and every task on known truth."""

import functools
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from onereel.base.errors import ConfigError, MethodError
from onereel.base.progress import no_progress
from onereel.gan import growth, guards
from onereel.gan.settings import ScaleLadder
from onereel.gan.statistics import noise_amplitude
from onereel.methods import Inputs, Job, Part, Task, configure, load_method
from onereel.methods.singan import cascade
from onereel.methods.singan import fit as pyramid
from onereel.methods.singan.cascade import Cascade, Generator, draw_noise, kind_of, to_side, with_neighbours
from onereel.methods.singan.config import PyramidConfig, SinGANConfig
from onereel.methods.singan.copies import pasted
from onereel.methods.singan.effects import motion_energy, motion_where, of_transfer, seam_gradient
from onereel.methods.singan.fit import PyramidLevel, estimate, fit
from onereel.methods.singan.parts import PyramidPart, pyramid_of
from onereel.methods.singan.requests import PyramidRequest, outline
from onereel.video.clip import Clip, to_frames, to_video
from onereel.video.pyramid import resize

CPU = torch.device("cpu")
METHOD = load_method("singan_gif")
TINY = {
    "ladder": ScaleLadder(min_side=12, factor=1.5),
    "levels_3d": 2,
    "channels": 4,
    "depth": 3,
    "steps": (2,),
    "window": (4, 4),
}


def tiny(**settings) -> PyramidConfig:
    """Settings of a pyramid that trains in a second."""
    return PyramidConfig(**{**TINY, **settings})


@pytest.fixture(scope="module")
def clip() -> Clip:
    """Five frames of 24x30: a bright square that moves over a gradient."""
    rows, columns = np.mgrid[:24, :30]
    frames = np.stack([np.stack([rows * 5, columns * 4, 200 - rows * 5], axis=-1)] * 5).astype(np.uint8)
    for number in range(5):
        frames[number, 8:14, 4 + 4 * number : 10 + 4 * number] = 250
    return Clip(frames, Fraction(10))


def trained(clip, folder, part="pyramid", *, config=None, seed=0):
    """Weights of a part as the workflow stores them."""
    state = METHOD.fit(part, Inputs(clip), config or tiny(), Job(CPU, seed=seed, workdir=folder / part))
    path = folder / f"{part}.safetensors"
    save_file({name: value.contiguous().clone() for name, value in state.items()}, path)
    return path


@pytest.fixture(scope="module")
def weights(clip, tmp_path_factory):
    """Hardly trained pyramids: enough for shapes, seeds and plumbing. Louder, or initial weights would say nothing."""
    folder = tmp_path_factory.mktemp("weights")
    files = {part: trained(clip, folder, part) for part in ("pyramid", "slow_x2", "super_x2")}
    for path in files.values():
        louder = {
            name: value * 5 if value.ndim > 3 and "layers" in name else value for name, value in load_file(path).items()
        }
        save_file(louder, path)
    return files


@pytest.fixture
def refined(monkeypatch):
    """Calls of generators: (level, size of the output), in order."""
    calls = []
    refine = Cascade.refine

    def spied(self, level, up, noise):
        calls.append((level, tuple(up.shape[2:])))
        return refine(self, level, up, noise)

    monkeypatch.setattr(Cascade, "refine", spied)
    return calls


def sample(task, clip, weights, *, config=None, seed=0, **clips) -> Clip:
    return METHOD.sample(task, Inputs(clip, clips=clips), config or tiny(), seed, Job(CPU, models=weights))


# Noise and generators


def test_paper_preset_writes_out_the_defaults():
    assert configure(METHOD, "paper") == PyramidConfig()
    assert configure(load_method("singan"), "paper") == SinGANConfig()


def test_the_coarsest_four_levels_are_separable_3d_then_2d_with_neighbours():
    config = PyramidConfig()
    assert [kind_of(config, level) for level in range(6)] == ["separable"] * 4 + ["2d"] * 2
    assert kind_of(PyramidConfig(separable=False), 0) == "3d"
    three, two = Generator(config, 0), Generator(config, 4)
    assert three.layers[0][0][0].weight.shape == (32, 3, 1, 3, 3)
    assert two.layers[0][0].weight.shape == (64, 9, 3, 3), "three frames of three colours, channels doubled"
    single = Generator(SinGANConfig(), 0)
    assert single.layers[0][0].weight.shape == (32, 3, 3, 3), "SinGAN: a frame alone"


def test_neighbours_are_the_frames_before_and_after():
    video = torch.arange(4.0).reshape(1, 1, 4, 1, 1).expand(1, 3, 4, 2, 2)
    stacked = with_neighbours(video, 1)
    assert stacked.shape == (4, 9, 2, 2)
    assert stacked[:, ::3, 0, 0].tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]]


def test_noise_of_each_kind_of_level():
    config, part, generator = PyramidConfig(), PyramidPart(), torch.Generator().manual_seed(0)
    coarsest = draw_noise(config, part, 0, (5, 30, 40), generator)
    assert coarsest.shape == (1, 3, 5, 30, 40)
    assert torch.equal(coarsest[:, 0], coarsest[:, 2]), "one channel stands for three"
    assert not torch.equal(coarsest[:, :, 0], coarsest[:, :, 1])
    second = draw_noise(config, part, 1, (5, 30, 40), generator)
    assert not torch.equal(second[:, 0], second[:, 2])
    assert draw_noise(config, part, 4, (5, 30, 40), generator).shape == (1, 3, 1, 30, 40), "one map for all frames"
    assert draw_noise(SinGANConfig(), part, 4, (5, 30, 40), generator).shape == (1, 3, 5, 30, 40)
    for noise in (coarsest, second):
        assert abs(float(noise.mean())) < 0.05
        assert float(noise.std()) == pytest.approx(1, abs=0.05)


def test_slow_motion_draws_a_path_from_minus_one_to_plus_one():
    config, part = PyramidConfig(), PyramidPart("slow", 2)
    whole = draw_noise(config, part, 0, (9, 60, 60), torch.Generator().manual_seed(3))
    means = whole.mean(dim=(0, 1, 3, 4))
    assert torch.allclose(means, torch.linspace(-1, 1, 9), atol=0.06)
    straight = whole[:, :, 1:-1] - 0.5 * (whole[:, :, :-2] + whole[:, :, 2:])
    assert straight.abs().max() < 1e-5, "frames between lie on the line"
    cut = draw_noise(config, part, 0, (4, 60, 60), torch.Generator().manual_seed(3), start=2, total=9)
    assert torch.allclose(cut, whole[:, :, 2:6]), "a window is a piece of the clip's path"
    finer = draw_noise(config, part, 1, (9, 60, 60), torch.Generator().manual_seed(3))
    assert finer.mean(dim=(0, 1, 3, 4)).abs().max() < 0.06, "finer noise has no centre but zero"


def test_parts_and_their_names():
    assert [PyramidPart.parse(name) for name in ("pyramid", "slow_x2", "super_x3")] == [
        PyramidPart(), PyramidPart("slow", 2), PyramidPart("super", 3),
    ]  # fmt: skip
    assert PyramidPart("super", 3).name == "super_x3"
    assert PyramidPart("slow", 2).frames(8) == 15
    assert METHOD.parts(Task.SUPER_RESOLVE, tiny(super_factor=3)) == {"super_x3": Part()}
    assert METHOD.parts(Task.LENGTHEN, tiny()) == {"pyramid": Part()}
    ladder = PyramidPart("super", 3).ladder(tiny())
    assert ladder.factor == pytest.approx(3 ** (1 / 3))
    assert tiny(super_factor=3).trained_with() == tiny().trained_with(), "the part's name says the factor"


# Training


def level(clip, config=None, below=(), part=None, seed=0) -> PyramidLevel:
    config, part = config or tiny(), part or PyramidPart()
    sides = part.ladder(config).sizes(*clip.size[1:])
    video = resize(to_video(clip.frames), (clip.size[0], *sides[len(below)]))
    return PyramidLevel(config, part, video, len(sides), below, seed=seed, device=CPU)


def louder(generator):
    """The same with weights that answer to what they see: new ones say 0 to everything."""
    with torch.no_grad():
        for value in generator.parameters():
            if value.ndim > 1:
                value.mul_(0.7 / value.flatten(1).norm(dim=1).mean())
    return generator


def test_sigma_is_a_tenth_of_the_rmse_of_the_reconstruction(clip):
    first = level(clip)
    assert first.sigma == 1
    second = level(clip, below=[first.finished()])
    rebuilt = Cascade.of([first.finished()], tiny(), PyramidPart(), CPU).reconstruct()
    expected = noise_amplitude(to_side(rebuilt, second.side)[0], second.real[0], 0.1)
    assert second.sigma == pytest.approx(expected)
    assert second.sigma > 0


def test_the_reconstruction_is_what_training_calls_so(clip):
    """Zero noise at finer levels, z_opt at the coarsest: sampling rebuilds what the loss compares."""
    config = tiny(window=(5, 5), adversarial={"precision": "float32"})
    first = level(clip, config)
    first.update(0)
    louder(first.generator)
    up, noisy = first._draw(0, torch.Generator().manual_seed(0))
    first.generator.eval()
    with torch.no_grad():
        made = first._make(up, noisy)[1]
        other = first._make(up[1:], noisy[1:].flip(2))[0]
    rebuilt = Cascade.of([first.finished()], config, PyramidPart(), CPU).reconstruct()[0]
    assert torch.allclose(made, rebuilt, atol=1e-4)
    assert float((made - other).abs().mean()) > 0.05, "other noise, another video"
    assert torch.equal(noisy[1], first.optimal[0]), "no noise but z_opt"


def test_windows_are_cut_from_clip_wide_maps(clip):
    """Anywhere in the clip, a window of 3 frames sees the noise and the reconstruction of those frames."""
    first = level(clip, tiny(window=(3, 3)))
    second = level(clip, tiny(window=(3, 3)), below=[first.finished()])
    whole = to_side(Cascade.of([first.finished()], tiny(), PyramidPart(), CPU).reconstruct(), second.side)
    for start in range(3):
        _, noisy = first._draw(start, torch.Generator().manual_seed(start))
        assert torch.equal(noisy[1], first.optimal[0, :, start : start + 3])
        up, noisy = second._draw(start, torch.Generator().manual_seed(start))
        assert torch.equal(noisy[1], whole[0, :, start : start + 3])
        assert torch.equal(up[1], noisy[1]), "finer levels rebuild without noise"


def test_a_window_rebuilds_like_the_whole_away_from_its_edges(clip):
    """A generator of 3 layers in time sees 3 frames to either side."""
    long = Clip(np.concatenate([clip.frames] * 4)[:18], clip.fps)
    first = level(long, tiny(window=(18, 18), adversarial={"precision": "float32"}))
    louder(first.generator).eval()
    with torch.no_grad():
        optimal = first.optimal
        whole = first._make(torch.zeros_like(optimal), optimal)
        window = first._make(torch.zeros_like(optimal[:, :, 4:16]), optimal[:, :, 4:16])
    assert torch.allclose(window[:, :, 3:-3], whole[:, :, 7:13], atol=1e-4)
    assert float((window[:, :, 3:-3] - whole[:, :, 6:12]).abs().mean()) > 0.05, "another frame is not like it"
    assert float((window[:, :, 0] - whole[:, :, 4]).abs().mean()) > 1e-3, "and not at them"


def test_weights_come_from_the_level_below_where_shapes_match(clip):
    first = level(clip)
    first.update(0)
    kept = first.finished()
    second = level(clip, below=[kept])
    assert all(torch.equal(value, kept[f"generator.{name}"]) for name, value in second.generator.state_dict().items())
    flat = tiny(levels_3d=1)
    other = level(clip, flat, below=[level(clip, flat).finished()])
    assert other.generator.kind == "2d", "3D to 2D: starts anew"
    assert all(torch.equal(v, kept[f"video.{n}"]) for n, v in second.critics["video"].state_dict().items())


def test_ablations_leave_out_what_they_say(clip):
    assert set(level(clip).critics) == {"image", "video"}
    assert set(level(clip, tiny(image_weight=0)).critics) == {"video"}
    assert "colour" in level(clip).update(0)
    assert "colour" not in level(clip, tiny(colour_weight=0)).update(0)
    assert set(level(clip, SinGANConfig(**{**TINY, "levels_3d": 0, "window": (1, 1)})).critics) == {"image"}
    with pytest.raises(ConfigError, match="one critic must be left"):
        configure(METHOD, "demo", {"image_weight": 0, "video_weight": 0})


def test_critics_and_generator_have_largest_gradients_of_their_own(clip):
    one = level(
        clip, tiny(adversarial={"clip_norm": 1e-4, "critic_clip_norm": 1e-3, "critic_steps": 1, "generator_steps": 1})
    )
    one.update(0)
    for side, adam in one._adam.items():
        moment = sum(state["exp_avg_sq"].sum() for state in adam.state.values())  # (1 - 0.999) times the square
        assert float(moment / 0.001) ** 0.5 == pytest.approx(1e-4 if side == "generator" else 1e-3, rel=0.01)


def test_weights_of_the_losses(clip):
    """Eq. 3 on a given pair: alpha, beta and gamma by hand."""
    own = level(clip, tiny(window=(5, 5)))
    made = torch.cat([own.real + 0.1, own.real + 0.2])
    loss, _ = own._generator_loss(made, own.real)
    with torch.no_grad(), own.precision.context():
        scores = {name: float(critic(own._view(name, made[:1])).float().mean()) for name, critic in own.critics.items()}
    expected = -scores["image"] - 5 * scores["video"] + 50 * 0.2 + 2 * 0.1
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-3)


def test_slow_motion_shows_the_video_critic_every_second_frame(clip):
    own = level(clip, part=PyramidPart("slow", 2), config=tiny(window=(4, 4)))
    up, noisy = own._draw(0, torch.Generator().manual_seed(0))
    assert up.shape[2] == 7
    made = own._make(up, noisy)
    assert torch.equal(own._view("video", made), made[:, :, ::2].contiguous())
    assert own._view("image", made[:1]).shape[0] == 7, "the image critic sees them all"
    assert own._view("video", own.real[:, :, :4]).shape[2] == 4


@pytest.mark.parametrize("name", ["singan_gif", "singan"])
def test_a_stopped_training_ends_in_the_same_weights(name, clip, monkeypatch, tmp_path):
    """Killed in the middle of the second level, run again: the bytes of an undisturbed training."""
    monkeypatch.setattr(growth, "grow", functools.partial(growth.grow, checkpoint_seconds=0.0))
    config = {
        "singan_gif": tiny(steps=(4,)),
        "singan": SinGANConfig(**{**TINY, "levels_3d": 0, "steps": (4,), "window": (1, 1)}),
    }[name]
    update = PyramidLevel.update

    def run(folder, stop_at=None):
        calls = iter(range(1000))

        def counted(self, step):
            if self._stoppable and next(calls) == stop_at:
                raise KeyboardInterrupt
            return update(self, step)

        monkeypatch.setattr(PyramidLevel, "update", counted)
        monkeypatch.setattr(PyramidLevel, "_stoppable", True, raising=False)
        return fit(
            PyramidPart(), clip.frames, config, label="t", workdir=folder, device=CPU, seed=3, progress=no_progress
        )  # fmt: skip

    monkeypatch.setattr(guards, "seconds_of_step", lambda *_: 0.0)
    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", stop_at=6)
    assert growth.finished_levels(tmp_path / "cut") == 1
    assert torch.load(tmp_path / "cut" / "level_01" / "checkpoint.pt", weights_only=True)["step"] == 2
    resumed = run(tmp_path / "cut")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_training_rebuilds_the_clip_and_finds_its_colours(clip, tmp_path):
    """A hundred steps of a tiny coarsest level: the reconstruction gets better, the colours come near."""
    config = tiny(ladder=ScaleLadder(min_side=24), steps=(100,), channels=8, window=(5, 5)).model_copy(
        update={"adversarial": configure(METHOD, "demo").adversarial}
    )
    fit(PyramidPart(), clip.frames, config, label="t", workdir=tmp_path, device=CPU, seed=0, progress=no_progress)
    header, *lines = [line.split("\t") for line in (tmp_path / "curves.tsv").read_text().splitlines()]
    rebuilt = [float(line[header.index("reconstruction")]) for line in lines]
    psnr = [float(line[header.index("psnr")]) for line in lines if line[header.index("psnr")]]
    assert np.mean(rebuilt[-10:]) < 0.7 * np.mean(rebuilt[:3])
    assert psnr[-1] > psnr[0] + 1
    drift = [float(line[header.index("drift")]) for line in lines if line[header.index("drift")]]
    assert drift[-1] < drift[0]


def test_too_short_and_too_small_clips_are_refused(clip):
    with pytest.raises(MethodError, match="1 frame to train on, a video needs 2; take a longer clip"):
        pyramid.check_clip(PyramidPart(), clip.frames[:1], tiny(), "singan_gif pyramid")
    with pytest.raises(MethodError, match="a video needs 2; raise train_frames"):
        pyramid.check_clip(PyramidPart(), clip.frames[:1], tiny(train_frames=1), "singan_gif pyramid")
    assert pyramid.check_clip(PyramidPart(), clip.frames[:1], SinGANConfig(ladder=TINY["ladder"], depth=3), "singan")
    with pytest.raises(MethodError, match="the shorter side has 24 pixels, the coarsest level of the pyramid needs 25"):
        pyramid.check_clip(PyramidPart(), clip.frames, PyramidConfig(), "singan_gif")
    with pytest.raises(MethodError, match=r"8x10.*is smaller than 11 pixels, what a critic of 5 layers sees"):
        pyramid.check_clip(PyramidPart(), clip.frames, PyramidConfig(ladder=ScaleLadder(min_side=8)), "singan_gif")


def test_super_resolution_needs_two_levels(clip):
    with pytest.raises(MethodError, match="the pyramid has one level, which adds nothing to a picture"):
        pyramid.check_clip(
            PyramidPart("super", 2), clip.frames, tiny(ladder=ScaleLadder(min_side=20)), "singan_gif super_x2"
        )


def test_estimate_grows_with_the_clip_and_counts_updates():
    config = PyramidConfig()
    sides = config.ladder.sizes(64, 114)
    needed, units = estimate(PyramidPart(), 13, sides, config)
    assert units[0] == 8000
    assert 1 * 2**30 < guards.peak_memory(needed, "bfloat16", CPU) < 3 * 2**30
    larger, more = estimate(PyramidPart(), 13, config.ladder.sizes(144, 256), config)
    assert larger > 3 * needed
    assert sum(more) > 3 * sum(units)


def test_parts_of_a_long_video_add_up_to_the_whole(clip, monkeypatch):
    for levels_3d in (tiny().levels_3d, 0):
        config = tiny(levels_3d=levels_3d, adversarial={"precision": "float32"})
        first = level(clip, config)
        louder(first.generator)
        built = Cascade.of([first.finished()], config, PyramidPart(), CPU)
        noisy = torch.rand(1, 3, 23, 12, 15, generator=torch.Generator().manual_seed(1)) * 2 - 1
        whole = built.refine(0, torch.zeros_like(noisy), noisy)
        with monkeypatch.context() as patch:
            patch.setattr(cascade, "_FRAMES_AT_ONCE", 5)
            assert torch.allclose(built.refine(0, torch.zeros_like(noisy), noisy), whole, atol=1e-4)
        assert float(whole.std()) > 0.05


def test_a_training_is_announced_and_too_large_ones_are_refused(clip, monkeypatch, caplog, tmp_path):
    def run():
        fit(PyramidPart(), clip.frames, tiny(), label="t", workdir=tmp_path, device=CPU, seed=0, progress=no_progress)

    monkeypatch.setattr(guards, "available_memory", lambda _: 2**20)
    with pytest.raises(MethodError, match=r"t: needs about .* GiB, cpu has 0\.0"):
        run()
    assert not list(tmp_path.iterdir()), "nothing is begun"
    monkeypatch.undo()
    with caplog.at_level("INFO", "onereel.estimates"):
        run()
        (tmp_path / "level_02" / growth.FINISHED).unlink()
        run()
        run()
    said = [record.message for record in caplog.records if record.name == "onereel.estimates"]
    assert [line.split(",")[0] for line in said] == ["t: 3 levels", "t: 3 levels"], "nothing is left to announce"
    assert "2 of them trained, 5x12x15 to 5x24x30, about 0.6 GiB, about" in said[1]


# Tasks


def test_generate_at_any_size_and_length(clip, weights, refined):
    """More of the same at every level, not the same stretched."""
    assert sample(Task.GENERATE, clip, weights).size == clip.size
    assert refined == [(0, (5, 12, 15)), (1, (5, 17, 22)), (2, (5, 24, 30))]
    refined.clear()
    wide = sample(Task.GENERATE, clip, weights, config=tiny(output_scale=(2.0, 1.0, 1.5)))
    assert wide.size == (10, 24, 45)
    assert refined == [(0, (10, 12, 22)), (1, (10, 17, 33)), (2, (10, 24, 45))]
    with pytest.raises(MethodError, match=r"output of 1000000000x24x30.*ask for fewer frames"):
        sample(Task.GENERATE, clip, weights, config=tiny(frames=10**9))
    assert sample(Task.GENERATE, clip, weights, config=tiny(frames=3)).size[0] == 3
    with pytest.raises(MethodError, match=r"output of 7x30.*is smaller than 8 pixels"):
        sample(Task.GENERATE, clip, weights, config=tiny(output_scale=(1, 0.3, 1)))


def test_same_seed_same_bytes_whatever_is_drawn_together(clip, weights):
    many = METHOD.sample_many(Task.GENERATE, Inputs(clip), tiny(), [4, 5], Job(CPU, models=weights))
    alone = sample(Task.GENERATE, clip, weights, seed=5)
    assert np.array_equal(many[1].frames, alone.frames)
    assert not np.array_equal(many[0].frames, alone.frames)


def test_kept_levels_keep_the_layout(clip, weights, monkeypatch):
    drawn = []
    refine = Cascade.refine

    def spied(self, level, up, noise):
        made = refine(self, level, up, noise)
        drawn.append(made.clone())
        return made

    monkeypatch.setattr(Cascade, "refine", spied)
    Cascade.load(weights["pyramid"], tiny(), PyramidPart(), CPU).reconstruct()
    sample(Task.GENERATE, clip, weights, config=tiny(start_level=2))
    rebuilt, made = drawn[:3], drawn[3:]
    assert [torch.equal(*pair) for pair in zip(rebuilt, made, strict=True)] == [True, True, False]
    with pytest.raises(MethodError, match="start_level 3: the pyramid has 3 levels, none is left to draw"):
        sample(Task.GENERATE, clip, weights, config=tiny(start_level=3))
    with pytest.raises(MethodError, match=r"the layout that it keeps is 5x24x30 .*; set frames=5"):
        sample(Task.GENERATE, clip, weights, config=tiny(start_level=1, frames=9))


def test_lengthen_and_slow_motion(clip, weights):
    long = sample(Task.LENGTHEN, clip, weights)
    assert long.size == (32, 24, 30)
    assert len(np.unique(long.frames.reshape(32, -1), axis=0)) == 32, "no frame comes twice"
    with pytest.raises(MethodError, match="lengthen_frames 5: the pyramid is trained on 5 frames: this is no longer"):
        sample(Task.LENGTHEN, clip, weights, config=tiny(lengthen_frames=5))
    slow = sample(Task.SLOW_MOTION, clip, weights)
    assert slow.size == (9, 24, 30)
    assert slow.fps == clip.fps, "more frames at the same rate: slower"
    assert len(np.unique(slow.frames.reshape(9, -1), axis=0)) == 9, "frames between are new ones"
    still = sample(Task.SLOW_MOTION, clip, weights, config=tiny(slow_start="clip"))
    assert np.array_equal(
        still.frames, sample(Task.SLOW_MOTION, clip, weights, config=tiny(slow_start="clip"), seed=7).frames
    )


def test_training_on_the_first_frames_only(clip, tmp_path):
    """Section 5.3: trained on few frames, asked for many."""
    config = tiny(train_frames=3, lengthen_frames=12)
    path = trained(clip, tmp_path, config=config)
    assert Cascade.load(path, config, PyramidPart(), CPU).frames == 3
    assert sample(Task.LENGTHEN, clip, {"pyramid": path}, config=config).size[0] == 12


def test_compose_puts_the_edit_in_the_place_of_a_level_several_times(clip, weights, refined):
    sample(Task.COMPOSE, clip, weights, config=tiny(compose_level=1, compose_passes=2), edited=clip)
    assert refined == [(1, (5, 17, 22)), (2, (5, 24, 30))] * 2
    refined.clear()
    made = sample(Task.COMPOSE, clip, weights, config=tiny(compose_level=2, compose_passes=1), edited=clip)
    assert refined == [(2, (5, 24, 30))]
    small = to_side(to_video(clip.frames)[None], (17, 22)).clamp(-1, 1)
    cascade = Cascade.load(weights["pyramid"], tiny(), PyramidPart(), CPU)
    expected = cascade.run(small, 2, cascade.sides, torch.Generator().manual_seed(0))
    assert np.array_equal(made.frames, to_frames(expected[0].clamp(-1, 1)))


def test_a_trained_pyramid_mends_more_than_scaling_does(tmp_path):
    """Section 5.4: of a clip with a sky above a sea, pieces pasted elsewhere; the seam falls below what blur leaves."""
    rows, columns = np.mgrid[:32, :40]
    texture = 25 * np.sin(columns * 1.3 + rows * 0.7)
    frames = [np.stack([rows * 4 + 60 + texture, columns * 2 + 90 + texture, 190 - rows * 3], axis=-1)] * 6
    clip = Clip(np.stack(frames).clip(0, 255).astype(np.uint8), Fraction(8))
    ladder = {"ladder.min_side": 14, "ladder.factor": 1.6}
    config = configure(METHOD, "demo", {**ladder, "steps": [80, 80, 160], "compose_level": 1, "compose_passes": 2})
    files = {"pyramid": trained(clip, tmp_path, config=config)}
    edited = clip.frames.copy()
    edited[:, 4:14, 4:20] = clip.frames[:, 20:30, 22:38]
    where = np.zeros(clip.size, bool)
    where[:, 4:14, 4:20] = True
    made = sample(Task.COMPOSE, clip, files, config=config, edited=Clip(edited, clip.fps)).frames
    blurred = to_frames(resize(resize(to_video(edited), (6, 14, 18)), clip.size))
    pasted_seam, blurred_seam, made_seam = (seam_gradient(frames, where) for frames in (edited, blurred, made))
    assert blurred_seam < pasted_seam
    assert made_seam < 0.6 * blurred_seam  # 0.2 after this training, with one thread and with two


def test_compose_takes_the_edited_clip_and_runs_the_finer_levels(clip, weights):
    edited = Clip(np.roll(clip.frames, 9, axis=2), clip.fps)
    made = sample(Task.COMPOSE, clip, weights, config=tiny(compose_level=1, compose_passes=2), edited=edited)
    assert made.size == clip.size
    moved = np.broadcast_to(np.arange(30) < 9, clip.size)
    assert seam_gradient(made.frames, moved) < seam_gradient(edited.frames, moved), "the seam falls"
    wide = Clip(np.concatenate([clip.frames, clip.frames], axis=2), clip.fps)
    assert sample(Task.COMPOSE, clip, weights, config=tiny(compose_level=1), edited=wide).size == (5, 24, 60)
    with pytest.raises(MethodError, match="needs one of the inputs 'copies' and 'edited'; give copies=FILE or"):
        sample(Task.COMPOSE, clip, weights, config=tiny(compose_level=1))
    with pytest.raises(MethodError, match="compose_level 3: the pyramid has 3 levels, none is left to mend the seams"):
        sample(Task.COMPOSE, clip, weights, edited=edited)


def test_compose_copies_boxes_itself(clip, weights, tmp_path):
    table = tmp_path / "copies.tsv"
    table.write_text("frame\ttop\tleft\tbottom\tright\tto_top\tto_left\n1-2\t8\t4\t14\t20\t0\t10\n", "utf-8")
    edited, where = pasted(clip, table)
    assert np.array_equal(edited.frames[1:3, 0:6, 10:26], clip.frames[1:3, 8:14, 4:20])
    assert where[1:3, 0:6, 10:26].all()
    assert where.sum() == 2 * 6 * 16
    assert np.array_equal(edited.frames[~where], clip.frames[~where])
    config = tiny(compose_level=1)
    inputs, job = Inputs(clip, files={"copies": table}), Job(CPU, models=weights)
    made = METHOD.sample(Task.COMPOSE, inputs, config, 0, job)
    assert np.array_equal(made.frames, sample(Task.COMPOSE, clip, weights, config=config, edited=edited).frames)
    with pytest.raises(MethodError, match="got both; give copies=FILE or edited=clip:NAME or edited=FILE"):
        METHOD.sample(Task.COMPOSE, Inputs(clip, clips={"edited": clip}, files={"copies": table}), config, 0, job)


def test_what_a_task_started_from_and_whether_it_achieved_it(clip, tmp_path):
    """The report plays the pasted clip; records say how much of the seam is left, and where a picture moves."""
    table, config = tmp_path / "copies.tsv", tiny()
    table.write_text("frame\ttop\tleft\tbottom\tright\tto_top\tto_left\n*\t8\t4\t14\t20\t0\t10\n", "utf-8")
    inputs = Inputs(clip, files={"copies": table})
    edited, where = pasted(clip, table)
    guides = METHOD.guides(Task.COMPOSE, inputs, config)
    assert list(guides) == ["pasted"]
    assert np.array_equal(guides["pasted"].frames, edited.frames)
    seam = "gradient at the seam, of that elsewhere"
    unchanged = METHOD.effects(Task.COMPOSE, inputs, config, edited)
    assert unchanged == {seam: seam_gradient(edited.frames, where), "as pasted": unchanged[seam]}
    assert METHOD.effects(Task.COMPOSE, inputs, config, clip)[seam] < unchanged[seam]
    smaller = Clip(to_frames(resize(to_video(edited.frames), (5, 12, 15))), clip.fps)
    assert 0 < METHOD.effects(Task.COMPOSE, inputs, config, smaller)[seam] < unchanged[seam]
    given = Inputs(clip, clips={"edited": edited})
    assert list(METHOD.guides(Task.COMPOSE, given, config)) == ["edited"]
    assert METHOD.effects(Task.COMPOSE, given, config, edited) == {}, "nobody said where the border is"
    moved = METHOD.effects(Task.MOTION_TRANSFER, Inputs(clip), config, clip)
    assert tuple(moved.values()) == motion_where(clip.frames, clip.frames)
    assert METHOD.effects(Task.MOTION_TRANSFER, Inputs(clip), config, Clip(clip.frames[:1], clip.fps)) == {}
    assert METHOD.effects(Task.GENERATE, Inputs(clip), config, clip) == {}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("*,8,4,14,20,0,x", "does not say where the box goes; write to_top, to_left"),
        ("*,8,4,14,20,20,0", r"its copy would reach from 20, 0 to 26, 16 \(rows, columns\); keep it within .* 24 rows"),
        ("*,8,4,14,20,-5,0", "its copy would reach from -5, 0 to 1, 16"),
        ("*,8,4,14,20,0,0,7", "has 8 cells, the header 7; separate cells by one comma"),
        ("*,8,4,14,40,0,0", "leaves the clip or is empty; the clip is 5x24x30"),
        ("", "copies nothing"),
    ],
)
def test_bad_copies_are_refused_in_one_line(clip, row, problem, tmp_path):
    table = tmp_path / "copies.csv"
    table.write_text(f"frame,top,left,bottom,right,to_top,to_left\n{row}\n", "utf-8")
    with pytest.raises(MethodError, match=problem):
        pasted(clip, table)


def test_motion_transfer_animates_a_picture(clip, weights, tmp_path):
    picture = Clip(clip.frames[2:3], clip.fps)
    made = sample(Task.MOTION_TRANSFER, clip, weights, picture=picture)
    assert made.size == (8, 24, 30)
    assert motion_energy(made.frames).max() > 0, "a still picture moves"
    other = sample(Task.MOTION_TRANSFER, clip, weights, picture=Clip(255 - picture.frames, clip.fps))
    assert np.abs(made.frames.astype(float) - other.frames).mean() > 30, "it is that picture"
    flat = tiny(levels_3d=1)
    with pytest.raises(MethodError, match="levels_3d 1: no level above the coarsest sees time"):
        sample(
            Task.MOTION_TRANSFER, clip, {"pyramid": trained(clip, tmp_path, config=flat)}, config=flat, picture=picture
        )
    tall = Clip(np.rot90(clip.frames[:1], axes=(1, 2)).copy(), clip.fps)
    assert sample(Task.MOTION_TRANSFER, clip, weights, picture=tall).size == (8, 30, 24)


def test_transferred_motion_is_where_the_source_moves(tmp_path):
    """Waves on the left of a still slope: after some seconds of training they start on a picture, and only there."""
    rows, columns = np.mgrid[:24, :32]
    waves = [np.where(columns < 12, 110 * np.sin(columns * 1.05 + time * np.pi / 2), 0) for time in range(8)]
    frames = [np.stack([rows * 5 + 60 + wave, columns * 3 + 80 + wave, 200 - rows * 4], axis=-1) for wave in waves]
    clip = Clip(np.stack(frames).clip(0, 255).astype(np.uint8), Fraction(8))
    ladder = {"ladder.min_side": 14, "ladder.factor": 1.7}
    config = configure(METHOD, "demo", {**ladder, "steps": [100, 60], "levels_3d": 3, "noise_in_common": 0})
    files = {"pyramid": trained(clip, tmp_path, config=config)}
    made = sample(Task.MOTION_TRANSFER, clip, files, config=config, picture=Clip(clip.frames[:1], clip.fps))
    there, elsewhere = motion_where(made.frames, clip.frames)
    assert there > 0.03
    assert there > 1.7 * elsewhere


def test_super_resolution_enlarges_in_equal_steps(clip, weights, refined, tmp_path):
    made = sample(Task.SUPER_RESOLVE, clip, weights)
    assert made.size == (5, 48, 60)
    assert refined == [(2, (5, 34, 42)), (2, (5, 48, 60))], "the finest generator, by the root of two each time"
    bicubic = to_frames(resize(to_video(clip.frames), (5, 48, 60)).clamp(-1, 1))
    assert not np.array_equal(made.frames, bicubic)
    config = tiny(super_factor=3)
    tripled = {"super_x3": trained(clip, tmp_path, "super_x3", config=config)}
    refined.clear()
    assert sample(Task.SUPER_RESOLVE, clip, tripled, config=config).size == (5, 72, 90)
    assert [size[1] for _, size in refined] == [35, 50, 72], "three times the cube root of three"
    assert np.array_equal(made.frames, sample(Task.SUPER_RESOLVE, clip, weights, seed=3).frames), "no noise"
    noisy = tiny(super_noise=1.0)
    other = sample(Task.SUPER_RESOLVE, clip, weights, config=noisy, seed=3)
    assert not np.array_equal(made.frames, other.frames)


def test_super_resolution_weighs_the_reconstruction_more(clip):
    own = level(clip, part=PyramidPart("super", 2), config=tiny(window=(5, 5)))
    made = torch.cat([own.real, own.real + 0.2])
    plain = level(clip, config=tiny(window=(5, 5), ladder=own.part.ladder(tiny())))
    with torch.no_grad():
        difference = float(own._generator_loss(made, own.real)[0] - plain._generator_loss(made, own.real)[0])
    assert difference == pytest.approx((125 - 50) * 0.2, rel=1e-3)


def test_frames_may_have_noise_in_common():
    shape = (6, 40, 40)
    apart, shared = (
        draw_noise(tiny(noise_in_common=share), PyramidPart(), 0, shape, torch.Generator().manual_seed(0))[0, 0]
        for share in (0.0, 0.8)
    )
    for noise, expected in ((apart, 0.0), (shared, 0.8)):
        together = torch.corrcoef(noise.flatten(1))
        assert float(together[~torch.eye(6, dtype=torch.bool)].mean()) == pytest.approx(expected, abs=0.05)
        assert float(noise.std()) == pytest.approx(1, abs=0.05)
    finer = (
        draw_noise(tiny(noise_in_common=s), PyramidPart(), 1, shape, torch.Generator().manual_seed(0))
        for s in (0.0, 0.8)
    )
    assert torch.equal(*finer), "the coarsest level alone"


def test_super_resolution_may_learn_from_the_clip_itself_made_smaller(clip):
    part, config = PyramidPart("super", 2), tiny(window=(5, 5), super_input="clip")
    coarse = level(clip, part=part, config=config)
    below = [coarse.finished()]
    fine = level(clip, part=part, config=config, below=below)
    small = to_side(fine.real, coarse.side).clamp(-1, 1)
    torch.testing.assert_close(fine._rebuilt, to_side(small, fine.side))
    _, noisy = fine._draw(0, torch.Generator())
    torch.testing.assert_close(noisy[1], fine._rebuilt[0])
    other = level(clip, part=part, config=tiny(window=(5, 5)), below=below)
    assert float((other._rebuilt - fine._rebuilt).abs().mean()) > 0.01
    plain = level(clip, config=config, below=[level(clip, config=config).finished()])
    assert plain._rebuilt.allclose(to_side(plain._below.reconstruct(), plain.side)), "other tasks start from noise"


def test_a_file_of_other_settings_is_refused(clip, weights):
    with pytest.raises(MethodError, match="does not fit"):
        sample(Task.GENERATE, clip, weights, config=tiny(channels=8))


# Effects


def test_seam_gradient_sees_a_seam_and_its_absence():
    smooth = np.broadcast_to(np.arange(0, 120, 4, dtype=np.uint8)[None, None, :, None], (3, 8, 30, 3))
    right = np.broadcast_to(np.arange(30) >= 12, (3, 8, 30))
    only_across = seam_gradient(smooth, right)
    rolled = np.roll(smooth, 12, axis=2)
    assert seam_gradient(rolled, right) > 20 * only_across
    rows = smooth.swapaxes(1, 2)
    assert seam_gradient(rows, right.swapaxes(1, 2)) == pytest.approx(only_across), "either direction"
    with pytest.raises(ValueError, match="there is no border"):
        seam_gradient(smooth, np.zeros((3, 8, 30), bool))


def test_motion_energy_is_where_things_move(clip):
    energy = motion_energy(clip.frames)
    assert energy.shape == (24, 30)
    assert energy[8:14].mean() > 0.05
    assert energy[:8].max() == 0


def test_motion_where_the_source_moves(clip):
    there, elsewhere = motion_where(clip.frames, clip.frames)
    assert there > 10 * elsewhere
    still = np.broadcast_to(clip.frames[:1], clip.frames.shape)
    assert motion_where(still, clip.frames) == (0.0, 0.0)
    other = clip.frames[:, ::-1]
    assert motion_where(other, clip.frames)[0] < there, "motion in another place does not count"


def test_a_clip_that_moves_nowhere_more_than_elsewhere_says_nothing(clip):
    still = Clip(np.repeat(clip.frames[:1], 5, axis=0), clip.fps)
    assert of_transfer(still, clip) == {}
    assert set(of_transfer(clip, still).values()) == {0.0}


@pytest.mark.parametrize(
    ("task", "settings", "roles", "problem"),
    [
        (Task.COMPOSE, {"compose_level": 3}, ("edited",), "the pyramid has 3 levels, none is left to mend the seams"),
        (Task.LENGTHEN, {"lengthen_frames": 5}, (), "the pyramid is trained on 5 frames: this is no longer"),
        (Task.MOTION_TRANSFER, {"levels_3d": 1}, ("picture",), "no level above the coarsest sees time"),
        (Task.GENERATE, {"start_level": 3}, (), "the pyramid has 3 levels, none is left to draw"),
        (Task.GENERATE, {"start_level": 1, "frames": 9}, (), "the layout that it keeps is 5x24x30"),
        (Task.GENERATE, {"output_scale": (1, 0.1, 1)}, (), "output of 2x30 .* is smaller than 8 pixels"),
        (Task.SUPER_RESOLVE, {"ladder": ScaleLadder(min_side=20)}, (), "has one level, which adds nothing"),
    ],
)
def test_what_no_training_mends_is_said_before_it(clip, task, settings, roles, problem):
    with pytest.raises(MethodError, match=problem):
        METHOD.check(task, Inputs(clip, clips=dict.fromkeys(roles, clip)), tiny(**settings), Job(CPU))


@pytest.mark.parametrize(
    ("task", "roles"),
    [
        (Task.GENERATE, ()),
        (Task.LENGTHEN, ()),
        (Task.SLOW_MOTION, ()),
        (Task.SUPER_RESOLVE, ()),
        (Task.COMPOSE, ("edited",)),
        (Task.MOTION_TRANSFER, ("picture",)),
    ],
)
def test_what_is_planned_before_a_training_is_what_comes_out(clip, weights, task, roles):
    inputs = Inputs(clip, clips=dict.fromkeys(roles, clip))
    config = tiny(compose_level=1)
    METHOD.check(task, inputs, config, Job(CPU))
    part = pyramid_of(task, config)
    sides = pyramid.check_clip(part, clip.frames, config, "t")
    planned = outline(task, PyramidRequest("t", inputs, config, sides, part.frames(5), CPU))
    made = sample(task, clip, weights, config=config, **dict.fromkeys(roles, clip))
    assert made.size == (planned.frames, *planned.sides[-1])
