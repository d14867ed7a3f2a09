"""SinFusion: the network, what each model is trained on, and every task on known truth."""

import functools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from onereel.base.errors import ConfigError, MethodError
from onereel.base.progress import no_progress
from onereel.diffusion.process import Process
from onereel.diffusion.settings import ProcessConfig
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.sinfusion import fit as fitting
from onereel.methods.sinfusion import prior
from onereel.methods.sinfusion.config import NetworkConfig, PartConfig, SinFusionConfig
from onereel.methods.sinfusion.models import CONDITIONS, Denoiser, Model
from onereel.methods.sinfusion.network import Network
from onereel.methods.sinfusion.video import continued, upsampled
from onereel.networks.depthwise import depthwise, weight_gradient
from onereel.training import loop
from onereel.training.loop import generator_of
from onereel.video.clip import Clip, to_video

CPU = torch.device("cpu")
TINY = NetworkConfig(channels=8, blocks=2, embedding=8)
METHOD = load_method("sinfusion")


def tiny(**settings) -> SinFusionConfig:
    """Settings of a network that trains in a second."""
    few = {part: PartConfig(steps=3) for part in ("image", "projector", "interpolator")}
    few["predictor"] = SinFusionConfig().predictor.model_copy(update={"steps": 3})
    return SinFusionConfig(**{"network": TINY, "sampling_steps": 3, **few, **settings})


def numbered_clip(count=9, height=16, width=24) -> Clip:
    """Frames whose grey level names them: frame i is 20 i."""
    frames = np.repeat(np.arange(count, dtype=np.uint8) * 20, height * width * 3)
    return Clip(frames.reshape(count, height, width, 3), Fraction(10))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Untrained weights of every part: enough for shapes, seeds and plumbing."""
    folder = tmp_path_factory.mktemp("weights")
    files = {}
    for part in ("image", "projector", "predictor", "interpolator"):
        torch.manual_seed(1)
        files[part] = folder / f"{part}.safetensors"
        save_file(
            {name: value.contiguous() for name, value in Denoiser(tiny(), part).state_dict().items()}, files[part]
        )
    return files


# The network


@pytest.mark.parametrize(("part", "count"), [("image", 4_594_524), ("projector", 4_594_524), ("predictor", 4_727_925)])
def test_parameter_counts_are_the_authors(part, count):
    network = Denoiser(SinFusionConfig(), part)
    assert sum(value.numel() for value in network.parameters()) == count


def test_the_interpolator_differs_from_the_projector_in_its_first_block_alone():
    sizes = [
        {name: tuple(value.shape) for name, value in Denoiser(SinFusionConfig(), part).state_dict().items()}
        for part in ("projector", "interpolator")
    ]
    assert {name for name in sizes[0] if sizes[0][name] != sizes[1][name]} == {
        "network.down.0.spread.weight",
        "network.down.0.spread.bias",
        "network.down.0.embed.weight",
        "network.down.0.embed.bias",
        "network.down.0.expand.weight",
        "network.down.0.shortcut.weight",
    }
    assert sizes[1]["network.down.0.expand.weight"][1] == 9


def test_output_depends_on_every_input_and_no_farther_than_the_receptive_field():
    torch.manual_seed(0)
    network = Network(TINY, conditions=1, shifted=True).eval()
    noisy, given = torch.randn(1, 3, 40, 40), torch.randn(1, 3, 40, 40)
    level, shift = torch.tensor([0.5]), torch.tensor([1.0])

    def ask(**changed):
        inputs = {"noisy": noisy, "level": level, "given": given, "shift": shift, **changed}
        with torch.no_grad():
            return network(inputs["noisy"], inputs["level"], given=inputs["given"], shift=inputs["shift"])

    plain = ask()
    for name, value in (("level", level + 0.1), ("shift", -shift), ("given", given + 0.1), ("noisy", noisy + 0.1)):
        assert not torch.allclose(ask(**{name: value}), plain), name
    dotted = noisy.clone()
    dotted[..., 20, 20] += 10
    changed = (ask(noisy=dotted) - plain).abs().amax(dim=(0, 1)) > 0
    rows, columns = torch.nonzero(changed, as_tuple=True)
    reach = TINY.blocks * (3 + 1 + 1)  # 7x7 and two 3x3 in each block
    assert rows.min() == 20 - reach
    assert columns.max() == 20 + reach


def test_blocks_of_the_second_half_read_the_first_half_last_block_first():
    """With every block's own work switched off, the last block still brings the first one's output along."""
    network = Network(NetworkConfig(channels=8, blocks=4, embedding=8))
    seen = []
    for block in network.up:
        block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    firsts = []
    for block in network.down:
        block.register_forward_hook(lambda _, __, output: firsts.append(output))
    network(torch.randn(1, 3, 12, 12), torch.tensor([0.0]))
    assert torch.equal(seen[0][:, 8:], firsts[1])
    assert torch.equal(seen[1][:, 8:], firsts[0])
    assert torch.equal(seen[0][:, :8], firsts[1])


@pytest.mark.parametrize("shape", [(1, 8, 20, 31), (2, 3, 9, 5), (3, 16, 2, 40)])
def test_depthwise_gradients_are_autograds(shape):
    torch.manual_seed(0)
    convolution = nn.Conv2d(shape[1], shape[1], 7, padding=3, groups=shape[1])
    plain = torch.randn(shape, requires_grad=True)
    ours = plain.detach().clone().requires_grad_()
    slope = torch.randn(shape)
    functional.conv2d(plain, convolution.weight, convolution.bias, padding=3, groups=shape[1]).backward(slope)
    expected = convolution.weight.grad.clone(), convolution.bias.grad.clone(), plain.grad
    convolution.zero_grad()
    depthwise(ours, convolution).backward(slope)
    for got, wanted in zip((convolution.weight.grad, convolution.bias.grad, ours.grad), expected, strict=True):
        assert torch.allclose(got, wanted, atol=1e-4, rtol=1e-4)


def test_depthwise_weight_gradient_does_not_depend_on_threads():
    import numba

    torch.manual_seed(0)
    pictures, slope = torch.randn(2, 8, 33, 20), torch.randn(2, 8, 33, 20)
    many = weight_gradient(pictures, slope, 7)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert torch.equal(weight_gradient(pictures, slope, 7), many)
    finally:
        numba.set_num_threads(before)


# What the models are trained on


def _names(pictures: torch.Tensor) -> list[int]:
    """Numbers of the frames of `numbered_clip` in a batch (B, 3, h, w)."""
    return [round((float(picture.mean()) + 1) * 127.5 / 20) for picture in pictures]


def _video(clip: Clip) -> torch.Tensor:
    return to_video(clip.frames).movedim(1, 0)


def test_the_predictor_sees_pairs_k_apart_in_both_directions():
    video, config = _video(numbered_clip()), tiny()
    for largest in (1, 2, 3):
        seen = set()
        for step in range(400):
            shown = fitting.draw("predictor", video, config, generator_of(0, step), largest)
            (new,), (known,) = _names(shown.clean), _names(shown.given)
            assert float(shown.shift) == new - known
            seen.add(new - known)
        assert seen == {k for k in range(-largest, largest + 1) if k}


def test_the_curriculum_follows_the_training_step():
    config = SinFusionConfig()
    steps = (0, 74_999, 75_000, 149_999, 150_000, 199_999)
    assert [fitting.largest_shift(config, step) for step in steps] == [1, 1, 2, 2, 3, 3]
    assert fitting.largest_shift(SinFusionConfig(max_shift=1), 199_999) == 1


def test_the_curriculum_is_what_training_draws(monkeypatch, tmp_path):
    """Through the training itself, where the authors' code loses count."""
    shifts = []

    def remember(part, video, config, generator, shift):
        shifts.append(shift)
        return draw(part, video, config, generator, shift)

    draw = fitting.draw
    monkeypatch.setattr(fitting, "draw", remember)
    monkeypatch.setattr(fitting, "denoising_psnr", lambda *_: {})
    config = tiny(predictor=SinFusionConfig().predictor.model_copy(update={"steps": 8}))
    fitting.fit("predictor", numbered_clip().frames, config, workdir=tmp_path, device=CPU, seed=0, progress=no_progress)
    assert shifts == [1, 1, 1, 2, 2, 2, 3, 3]


def test_the_interpolator_sees_a_frame_between_its_neighbours():
    video, config = _video(numbered_clip()), tiny()
    middles = set()
    for step in range(200):
        shown = fitting.draw("interpolator", video, config, generator_of(0, step), 1)
        (middle,), (before,), (after,) = (_names(x) for x in (shown.clean, shown.given[:, :3], shown.given[:, 3:]))
        assert (before, after) == (middle - 1, middle + 1)
        middles.add(middle)
    assert middles == set(range(1, 8))


def test_crops_are_the_same_place_in_both_frames():
    still = torch.rand(3, 40, 60).expand(5, -1, -1, -1)
    corners = set()
    for step in range(60):
        shown = fitting.draw("predictor", still, tiny(), generator_of(0, step), 1)
        assert shown.clean.shape == (1, 3, 38, 57)
        assert torch.equal(shown.clean, shown.given)
        corners.add(float(shown.clean[0, 0, 0, 0]))
    assert len(corners) == 3 * 4, "every place is drawn"
    shown = fitting.draw("projector", still, tiny(), generator_of(0, 0), 1)
    assert shown.clean.shape == (1, 3, 38, 38)
    assert shown.given is None
    assert shown.shift is None


def test_targets_and_what_the_networks_read():
    """The paper's losses (section 5): projector and interpolator predict x0, the predictor noise."""
    config = configure(METHOD, "paper")
    said = {part: getattr(config, part).process.prediction_type for part in CONDITIONS}
    assert said == {"image": "sample", "projector": "sample", "interpolator": "sample", "predictor": "epsilon"}
    assert config == SinFusionConfig(), "the paper preset writes out the defaults"


def test_too_short_and_too_small_clips_are_refused():
    with pytest.raises(
        MethodError, match=r"part 'interpolator': the clip has 2 frames, it needs 3; take a longer clip"
    ):
        fitting.check_frames("interpolator", numbered_clip(2).frames, tiny())
    with pytest.raises(MethodError, match=r"crops of 95% of 8x40 are smaller than 8 pixels"):
        fitting.check_frames("projector", numbered_clip(3, 8, 40).frames, tiny())
    with pytest.raises(MethodError, match=r"image_frame 9: the clip has 9 frames; choose -9 to 8"):
        fitting.frames_of("image", numbered_clip().frames, tiny(image_frame=9))
    assert fitting.frames_of("image", numbered_clip().frames, tiny(image_frame=-1))[0, 0, 0, 0] == 160


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"shift": 0}, r"demo'\): shift must be between 1 and max_shift = 1, either way, not 0; see config"),
        ({"shift": -4, "max_shift": 3}, "shift must be between 1 and max_shift = 3, either way, not -4"),
        ({"curriculum": [0.8, 0.2]}, "curriculum must rise"),
        ({"network.channel": 8}, "did you mean 'network.channels'"),
        ({"upsample_factor": 3}, "upsample_factor"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, problem):
    with pytest.raises(ConfigError, match=problem):
        configure(METHOD, "demo", settings)


@pytest.mark.parametrize("part", ["projector", "predictor", "interpolator"])
def test_a_stopped_training_ends_in_the_same_weights(part, monkeypatch, tmp_path):
    """Killed after a checkpoint in the middle, run again: the bytes of an undisturbed training."""
    monkeypatch.setattr(fitting, "train", functools.partial(loop.train, checkpoint_seconds=0.0))
    config = tiny(prior=True, **{name: PartConfig(steps=7) for name in ("projector", "predictor", "interpolator")})
    drawn = fitting.draw

    def run(folder, stop_at=None):
        calls = iter(range(1000))

        def counted(*arguments):
            if next(calls) == stop_at:
                raise KeyboardInterrupt
            return drawn(*arguments)

        monkeypatch.setattr(fitting, "draw", counted)
        monkeypatch.setattr(fitting, "denoising_psnr", lambda *_: {})
        frames = numbered_clip().frames
        return fitting.fit(part, frames, config, workdir=folder, device=CPU, seed=3, progress=no_progress)

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", stop_at=4)
    assert torch.load(tmp_path / "cut" / loop.CHECKPOINT, weights_only=True)["step"] == 4
    resumed = run(tmp_path / "cut")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_training_learns_a_still_picture(tmp_path):
    """Two hundred steps of a tiny network on one picture: the noise goes, by far more than at the start."""
    rows, columns = np.mgrid[:24, :32]
    picture = np.stack([rows * 10, columns * 7, 255 - rows * 5], axis=-1).astype(np.uint8)[None]
    config = tiny(
        image=PartConfig(steps=200),
        training={"learning_rate": 3e-3, "decay": "cosine", "average": 0.95},
        network=NetworkConfig(channels=16, blocks=4),
    )
    state = fitting.fit("image", picture, config, workdir=tmp_path, device=CPU, seed=0, progress=no_progress)
    header, *lines = [line.split("\t") for line in (tmp_path / "curves.tsv").read_text().splitlines()]
    psnr = [float(line[header.index("psnr")]) for line in lines if line[header.index("psnr")]]
    assert psnr[-1] > psnr[0] + 5
    assert psnr[-1] > 17
    assert all(torch.isfinite(value).all() for value in state.values())
    save_file({name: value.contiguous() for name, value in state.items()}, tmp_path / "image.safetensors")
    job = Job(CPU, models={"image": tmp_path / "image.safetensors"})
    sample = METHOD.sample(
        Task.IMAGE, Inputs(Clip(picture)), config.model_copy(update={"sampling_steps": None}), 3, job
    )
    assert sample.size == (1, 24, 32)
    error = np.abs(sample.frames.astype(float) - picture.astype(float)).mean()
    assert error < 40, "a sample looks like the picture (grey is 70 away, noise more)"


# The prior of short trainings


def test_the_estimate_is_the_best_linear_one():
    """Against a regression on drawn numbers, at little, middling and much noise."""
    generator = generator_of(0, 0)
    for level in (0.99, 0.6, 0.05):
        mean, spread = 0.3, 0.2
        clean = mean + spread * torch.randn(200_000, generator=generator)
        noisy = level * clean + math.sqrt(1 - level**2) * torch.randn(200_000, generator=generator)
        slope = ((noisy - noisy.mean()) * clean).mean() / noisy.var()
        found = prior.estimate(
            noisy.reshape(1, 1, 1, -1), torch.tensor([level]), torch.tensor(mean), torch.tensor([spread])
        )
        regression = clean.mean() + slope * (noisy - noisy.mean())
        assert torch.allclose(found.clean.flatten(), regression, atol=0.01)
        assert float(found.error) == pytest.approx(float((clean - regression).std()), rel=0.02)


def test_spreads_are_measured_on_the_clip():
    clip = numbered_clip()
    step = 20 / 127.5
    assert torch.allclose(prior.spreads("predictor", _video(clip), 3), torch.tensor([1.0, 2.0, 3.0]) * step)
    assert prior.spreads("interpolator", _video(clip), 1).item() == pytest.approx(1 / 255), "linear motion leaves none"
    assert torch.allclose(prior.spreads("predictor", _video(numbered_clip(2)), 3), torch.ones(3) * step)


def test_with_the_prior_an_untrained_predictor_repeats_the_frame():
    """What the paper's network would have to learn first."""
    config = tiny(prior=True, predictor=PartConfig(steps=3), correction_steps=0)
    torch.manual_seed(0)
    denoiser = Denoiser(config, "predictor")
    nn.init.zeros_(denoiser.network.rgb.weight)
    nn.init.zeros_(denoiser.network.rgb.bias)
    clip = numbered_clip(6, 16, 16)
    denoiser.measure(_video(clip) / 20)  # steps of one grey level
    model = Model(denoiser, Process(config.predictor.process), config)
    first = _video(clip)[3:4]
    made = model.sample(first, [generator_of(0, 0)], given=first, shift=1)
    assert (made - first).abs().mean() < 0.02
    with pytest.raises(ValueError, match="with prior the predictor must predict the sample, not epsilon"):
        tiny(prior=True)


# Sampling


class Adding(nn.Module):
    """A model whose answer is known: x0 is the given frame plus `step` times k; of a pair, its mean; else grey."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step = step

    def forward(self, noisy):
        if noisy.given is None:
            return noisy.frames * 0.0, 1.0
        if noisy.given.shape[1] == 6:
            return (noisy.given[:, :3] + noisy.given[:, 3:]) / 2, 1.0
        return noisy.given + self.step * noisy.shift[:, None, None, None], 1.0


def known_model(config, step=0.05) -> Model:
    return Model(Adding(step), Process(SinFusionConfig().projector.process), config)


@pytest.mark.parametrize("shift", [1, 2, -1])
def test_frames_follow_one_another_by_k(shift):
    config = tiny(shift=shift)
    first = torch.full((2, 3, 8, 8), -0.1)
    made = continued(known_model(config), None, first, 4, config, [generator_of(0, i) for i in range(2)])
    assert made.shape == (2, 3, 4, 8, 8)
    expected = -0.1 + 0.05 * shift * torch.arange(1, 5)
    assert torch.allclose(made.mean(dim=(0, 1, 3, 4)), expected, atol=1e-5)


def test_the_projector_corrects_every_frame():
    """A projector that knows only grey pulls frames back: what the predictor adds does not pile up."""
    config = tiny(correction_steps=50)
    projector = known_model(config)
    first = torch.zeros(1, 3, 8, 8)
    generators = [generator_of(0, 0)]
    corrected = continued(known_model(config, 0.2), projector, first, 4, config, generators)
    assert corrected.abs().max() == 0
    drifting = continued(known_model(config, 0.2), None, first, 4, config, [generator_of(0, 0)])
    assert drifting[0, 0, -1].mean() == pytest.approx(0.8, abs=1e-5)


def test_frames_with_a_neighbour_take_steps_of_their_own(weights, monkeypatch):
    taken = []

    def take(*_, begin=None, num_inference_steps=None):
        taken.append((begin, num_inference_steps))

    monkeypatch.setattr("onereel.methods.sinfusion.models.ddpm", take)
    config, picture = tiny(sampling_steps=7, given_steps=2), torch.zeros(1, 3, 16, 16)
    for part, given in (("projector", None), ("predictor", picture), ("interpolator", picture.repeat(1, 2, 1, 1))):
        Model.load(part, weights[part], config, CPU).sample(picture, [torch.Generator()], given=given, shift=None)
    assert taken == [(None, 7), (None, 2), (None, 2)]
    same = tiny(sampling_steps=7)
    Model.load("predictor", weights["predictor"], same, CPU).sample(
        picture, [torch.Generator()], given=picture, shift=1
    )
    assert taken[-1] == (None, 7)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_upsampling_inserts_frames_and_keeps_the_others(factor):
    config = tiny(upsample_factor=factor, batch=3)
    video = torch.linspace(-0.8, 0.8, 5)[None, :, None, None].expand(3, 5, 8, 8)
    longer = upsampled(known_model(config), None, video, config, seed=0)
    assert longer.shape == (3, 4 * factor + 1, 8, 8)
    assert torch.equal(longer[:, ::factor], video)
    expected = torch.linspace(-0.8, 0.8, 4 * factor + 1)  # the known network interpolates linearly
    assert torch.allclose(longer.mean(dim=(0, 2, 3)), expected, atol=1e-5)


def draw(task, weights, seeds=(0,), clip=None, clips=None, **settings):
    inputs = Inputs(clip or numbered_clip(), clips=clips or {})
    return METHOD.sample_many(task, inputs, tiny(**settings), list(seeds), Job(CPU, models=weights))


ALL_TASKS = {
    Task.GENERATE: {"frames": 3},
    Task.RETARGET: {"frames": 3, "output_scale": (1, 1, 1.5)},
    Task.EXTRAPOLATE: {"extrapolate_frames": 2},
    Task.UPSAMPLE_TIME: {"upsample_factor": 2},
    Task.IMAGE: {},
}


@pytest.mark.parametrize("task", ALL_TASKS)
def test_every_task_draws_the_same_bytes_alone_and_together(task, weights):
    together = draw(task, weights, seeds=(4, 5), **ALL_TASKS[task])
    alone = [draw(task, weights, seeds=(seed,), **ALL_TASKS[task])[0] for seed in (4, 5)]
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.frames, other.frames)
        assert one.fps == other.fps
    assert not np.array_equal(together[0].frames, together[1].frames), "another seed, another sample"


@pytest.mark.parametrize("task", ALL_TASKS)
def test_every_task_names_the_parts_that_it_reads(task, weights):
    config = tiny(**ALL_TASKS[task])
    needed = METHOD.parts(task, config)
    draw(task, {part: weights[part] for part in needed}, **ALL_TASKS[task])
    for left_out in needed:
        with pytest.raises(KeyError):
            draw(task, {part: weights[part] for part in needed if part != left_out}, **ALL_TASKS[task])


def test_without_correction_no_projector_is_trained_where_none_is_needed():
    assert set(METHOD.parts(Task.EXTRAPOLATE, tiny(correction_steps=0))) == {"predictor"}
    assert set(METHOD.parts(Task.UPSAMPLE_TIME, tiny(correction_steps=0))) == {"interpolator"}
    assert set(METHOD.parts(Task.GENERATE, tiny(correction_steps=0, first="frame"))) == {"predictor"}
    assert set(METHOD.parts(Task.GENERATE, tiny(correction_steps=0))) == {"predictor", "projector"}


def test_generate_has_the_size_and_length_that_were_asked_for(weights):
    (plain,) = draw(Task.GENERATE, weights)
    assert plain.size == (9, 16, 24)
    assert plain.fps == 10
    (scaled,) = draw(Task.GENERATE, weights, output_scale=(0.5, 2, 1))
    assert scaled.size == (4, 32, 24)
    (long,) = draw(Task.GENERATE, weights, frames=12)
    assert long.size[0] == 12


def test_generate_starts_with_a_frame_of_the_clip(weights):
    clip = numbered_clip()
    (sample,) = draw(Task.GENERATE, weights, first="frame", first_frame=4, frames=3)
    assert np.array_equal(sample.frames[0], clip.frames[4])
    (backward,) = draw(Task.GENERATE, weights, first="frame", first_frame=-1, frames=3, shift=-1)
    assert np.array_equal(backward.frames[-1], clip.frames[-1]), "made backward, shown forward"
    starts = {
        int(draw(Task.GENERATE, weights, (seed,), first="frame", frames=1)[0].frames[0, 0, 0, 0]) for seed in range(12)
    }
    assert len(starts) > 3
    assert starts <= {20 * i for i in range(9)}


def test_extrapolation_keeps_the_clip_and_adds_to_its_ends(weights):
    clip = numbered_clip()
    (forward,) = draw(Task.EXTRAPOLATE, weights, extrapolate_frames=4)
    assert forward.size[0] == 13
    assert np.array_equal(forward.frames[:9], clip.frames)
    (early,) = draw(Task.EXTRAPOLATE, weights, extrapolate_frames=4, start_frame=2)
    assert early.size[0] == 7
    assert np.array_equal(early.frames[:3], clip.frames[:3])
    (backward,) = draw(Task.EXTRAPOLATE, weights, extrapolate_frames=4, shift=-1)
    assert backward.size[0] == 13
    assert np.array_equal(backward.frames[4:], clip.frames)
    (inside,) = draw(Task.EXTRAPOLATE, weights, extrapolate_frames=4, shift=-2, start_frame=-3)
    assert inside.size[0] == 7
    assert np.array_equal(inside.frames[4:], clip.frames[6:])
    with pytest.raises(MethodError, match="frame 9: the clip has 9 frames; choose -9 to 8"):
        draw(Task.EXTRAPOLATE, weights, start_frame=9)


def test_upsampling_plays_as_long_as_the_clip(weights):
    clip = numbered_clip()
    (sample,) = draw(Task.UPSAMPLE_TIME, weights, upsample_factor=4)
    assert sample.size == (33, 16, 24)
    assert sample.fps == 40
    (slow,) = draw(Task.UPSAMPLE_TIME, weights, upsample_factor=4, slow=True)
    assert slow.fps == 10, "the clip's own rate: four times as slow"
    assert np.array_equal(slow.frames, sample.frames)
    assert np.array_equal(sample.frames[::4], clip.frames)
    with pytest.raises(MethodError, match="the clip has one frame"):
        draw(Task.UPSAMPLE_TIME, weights, clip=numbered_clip(1))


def test_image_starts_from_noise_a_sketch_an_edit_or_the_picture(weights):
    clip, guide = numbered_clip(), Clip(np.full((1, 32, 48, 3), 250, np.uint8))
    (noise,) = draw(Task.IMAGE, weights)
    (picture,) = draw(Task.IMAGE, weights, image_start="picture")
    assert noise.size == picture.size == (1, 16, 24)
    assert not np.array_equal(noise.frames, picture.frames)
    (wide,) = draw(Task.IMAGE, weights, image_start="picture", output_scale=(1, 1, 2))
    assert wide.size == (1, 16, 48)
    by_role = [draw(Task.IMAGE, weights, clips={role: guide})[0] for role in ("sketch", "edited")]
    assert np.array_equal(by_role[0].frames, by_role[1].frames), "both are pictures to start from"
    assert not np.array_equal(by_role[0].frames, noise.frames)
    with pytest.raises(MethodError, match="takes one of the inputs 'edited' and 'sketch', got both"):
        draw(Task.IMAGE, weights, clips={"sketch": guide, "edited": guide}, clip=clip)


class Quiet(nn.Module):
    """A model whose velocity is zero: it keeps what it sees."""

    def forward(self, noisy):
        return torch.zeros_like(noisy.frames), 1.0


def test_less_noise_keeps_more_of_the_start():
    model = Model(Quiet(), Process(ProcessConfig(prediction_type="v_prediction")), tiny())
    start = torch.rand(1, 3, 16, 16, generator=generator_of(0, 0)) * 2 - 1
    distances = [(model.renew(start, begin, [generator_of(0, 1)]) - start).square().mean() for begin in (0, 1, 10, 40)]
    assert distances[0] == 0
    assert distances == sorted(distances)


def test_refusals_say_what_to_do(weights):
    with pytest.raises(MethodError, match=r"output_scale keeps the size; say the new one"):
        draw(Task.RETARGET, weights)
    with pytest.raises(MethodError, match=r"output of 2x24 \(height, width\): is smaller than 8 pixels"):
        draw(Task.GENERATE, weights, output_scale=(1, 0.1, 1))
    with pytest.raises(MethodError, match=r"part 'predictor', .*: does not fit .*train again"):
        draw(Task.GENERATE, {**weights, "predictor": weights["projector"]})


def test_what_only_sampling_reads_leaves_trained_parts_alone():
    plain, faster = tiny(), tiny(shift=2, frames=100, upsample_factor=4, correction_steps=0, first="frame")
    assert plain.trained_with() == faster.trained_with()
    assert plain.trained_with() != tiny(crop=0.9).trained_with()
    assert SinFusionConfig.sampling_only <= set(SinFusionConfig.model_fields)
    assert SinFusionConfig.model_validate(faster.trained_with()).network == faster.network
