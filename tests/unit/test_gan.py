"""What the GANs share: blocks, critics, WGAN-GP, statistics, levels that survive a kill, guards."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize

from onereel.base.errors import MethodError
from onereel.base.progress import no_progress
from onereel.gan import growth, guards
from onereel.gan.networks import Critic, block, convolution, inherit, initialise, stack
from onereel.gan.settings import AdversarialConfig, ScaleLadder
from onereel.gan.statistics import DRIFT, colour_drift, colour_statistics_loss, noise_amplitude
from onereel.gan.wgan import critic_loss, gradient_penalty, mixtures
from onereel.methods.singan.config import PyramidConfig


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# Sizes


def test_the_ladder_lands_on_both_ends():
    sizes = ScaleLadder().sizes(144, 256)
    assert sizes[0] == (25, 45)
    assert sizes[-1] == (144, 256)
    ratios = [after[0] / before[0] for before, after in pairwise(sizes)]
    assert len(sizes) == 1 + math.ceil(math.log(144 / 25, 4 / 3))
    assert max(ratios) <= 4 / 3 + 0.05
    assert ScaleLadder().sizes(25, 40) == [(25, 40)]
    assert ScaleLadder().sizes(64, 114) == [(25, 45), (32, 57), (40, 72), (51, 91), (64, 114)]


def test_an_exact_ladder_keeps_its_ratio():
    assert ScaleLadder(factor=2**0.5, exact=True).sizes(64, 64) == [(32, 32), (46, 46), (64, 64)]


def test_too_small_pictures_are_refused():
    with pytest.raises(MethodError, match="the shorter side has 24 pixels, the coarsest level of the pyramid needs 25"):
        ScaleLadder().sizes(24, 100)


def test_learning_rate_falls_at_its_share():
    config = AdversarialConfig(drop_share=0.8)
    assert [config.rate(step, 10) for step in (0, 7, 8, 9)] == pytest.approx([5e-4, 5e-4, 5e-5, 5e-5])
    assert AdversarialConfig().rate(9, 10) == 5e-4


# Blocks


def test_a_separable_kernel_is_the_outer_product_in_3d():
    separable, full = convolution("separable", 2, 3, space=1), convolution("3d", 2, 3, space=1)
    spatial, temporal = separable
    with torch.no_grad():
        # (out, middle, 3, 1, 1) x (middle, in, 1, 3, 3) summed over the channels between
        full.weight.copy_(torch.einsum("omt,mihw->oithw", temporal.weight[..., 0, 0], spatial.weight[:, :, 0]))
        full.bias.copy_(temporal.bias)
    video = drawn(1, 2, 5, 7, 8)
    assert torch.allclose(separable(video), full(video), atol=1e-5)
    assert not any(isinstance(module, nn.LeakyReLU) for module in separable.modules())


@pytest.mark.parametrize(("kind", "shape"), [("2d", (21, 23)), ("3d", (13, 21, 23)), ("separable", (13, 21, 23))])
@pytest.mark.parametrize("space", [0, 1])
def test_five_layers_see_eleven_pixels_and_eleven_frames(kind, shape, space):
    torch.manual_seed(0)
    network = stack(kind, 3, 4, 3, depth=5, space=space, norm="none")
    video = drawn(1, 3, *shape)
    dotted = video.clone()
    middle = tuple(extent // 2 for extent in shape)
    dotted[(0, slice(None), *middle)] += 10
    with torch.no_grad():
        plain, changed = network(video), network(dotted)
    assert plain.shape[2:] == (*shape[:-2], *(extent - (0 if space else 10) for extent in shape[-2:]))
    places = torch.nonzero((plain - changed)[0].abs().amax(0) > 1e-7)
    assert (places.amax(0) - places.amin(0) + 1).tolist() == [11] * len(shape)


def test_blocks_are_convolution_norm_slope():
    parts = [type(module).__name__ for module in block("3d", 3, 8, space=1, norm="batch")]
    assert parts == ["Conv3d", "BatchNorm3d", "LeakyReLU"]


def test_initial_weights_and_inheritance():
    torch.manual_seed(0)
    first, second = (stack("2d", 3, 32, 3, depth=5, space=1, norm="batch") for _ in range(2))
    initialise(first)
    values = torch.cat([module.weight.flatten() for module in first.modules() if isinstance(module, nn.Conv2d)])
    assert float(values.detach().std()) == pytest.approx(0.02, rel=0.05)
    norms = [module for module in first.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(abs(float(norm.weight.detach().mean()) - 1) < 0.02 and not norm.bias.any() for norm in norms)
    assert inherit(second, first)
    assert all(torch.equal(value, first.state_dict()[name]) for name, value in second.state_dict().items())
    other = stack("2d", 3, 16, 3, depth=5, space=1, norm="batch")
    before = other.state_dict()["0.0.weight"].clone()
    assert not inherit(other, first), "shapes differ"
    assert torch.equal(other.state_dict()["0.0.weight"], before)
    assert not inherit(other, None)


# Critics and WGAN-GP


@pytest.mark.parametrize("norm", ["none", "spectral"])
@pytest.mark.parametrize("kind", ["2d", "3d"])
@pytest.mark.parametrize("space", [0, 1])
def test_the_input_gradient_and_its_derivative_are_autograds(norm, kind, space):
    """Against autograd's double backward, for every weight."""
    torch.manual_seed(0)
    critic = Critic(kind, 6, depth=4, space=space, norm=norm).double().eval()
    points = drawn(2, 3, *((4, 11, 12) if kind == "3d" else (11, 12))).double()
    with parametrize.cached():
        ours = critic.input_gradient(points)
        theirs = critic._gradient_by_autograd(points)
        assert torch.allclose(ours, theirs, atol=1e-12)
        weights = [weight for weight in critic.parameters() if weight.ndim > 1]
        wanted = torch.autograd.grad(theirs.square().sum(), weights, retain_graph=True)
        found = torch.autograd.grad(ours.square().sum(), weights)
    assert all(torch.allclose(one, other, atol=1e-10) for one, other in zip(found, wanted, strict=True))


def test_penalty_of_a_linear_critic_by_hand():
    """A critic that adds up a tenth of red: its gradient is 0.1 everywhere, its penalty (0.1 - 1)^2."""
    critic = Critic("2d", 1, depth=2, space=1)
    with torch.no_grad():
        for layer in critic.layers:
            layer.weight.zero_()
            layer.bias.zero_()
        critic.layers[0].weight[0, 0, 1, 1] = 0.1
        critic.layers[0].bias[0] = 100.0  # far on the positive side: no slope
        critic.layers[1].weight[0, 0, 1, 1] = 1.0
    assert float(gradient_penalty(critic, drawn(3, 3, 6, 5))) == pytest.approx(0.81, abs=1e-5)
    with torch.no_grad():
        critic.layers[0].weight[0, 1, 1, 1] = math.sqrt(1 - 0.01)  # red and green: norm 1
    assert float(gradient_penalty(critic, drawn(3, 3, 6, 5))) == pytest.approx(0.0, abs=1e-5)


def test_penalty_does_not_depend_on_the_size_of_the_picture():
    torch.manual_seed(0)
    critic = Critic("2d", 8, depth=3, space=0)
    small, large = (float(gradient_penalty(critic, drawn(1, 3, side, side))) for side in (40, 160))
    assert small == pytest.approx(large, rel=0.05)


def test_critic_loss_is_the_distance_and_the_penalty():
    torch.manual_seed(0)
    critic, real, fake = Critic("2d", 4, depth=3, space=1), drawn(2, 3, 9, 9), drawn(2, 3, 9, 9, seed=1)
    arguments = {"at": "fake", "generator": torch.Generator()}
    bare, distance = critic_loss(critic, real, fake, penalty=0.0, **arguments)
    assert float(distance) == pytest.approx(float(critic(real).mean() - critic(fake).mean()), abs=1e-6)
    assert float(bare) == pytest.approx(-float(distance))
    whole, _ = critic_loss(critic, real, fake, penalty=0.1, **arguments)
    assert float(whole - bare) == pytest.approx(0.1 * float(gradient_penalty(critic, fake)), rel=1e-5)


def test_mixtures_lie_between():
    real, fake = torch.ones(4, 3, 2, 2), -torch.ones(4, 3, 2, 2)
    mixed = mixtures(real, fake, torch.Generator().manual_seed(0))
    flat = mixed.flatten(1)
    assert (flat.amax(1) == flat.amin(1)).all(), "one weight for each"
    assert len(flat[:, 0].unique()) == 4
    assert flat.abs().max() < 1


def test_a_critic_learns_to_tell_two_colours_and_stays_lipschitz():
    torch.manual_seed(0)
    critic = Critic("2d", 8, depth=3, space=1)
    adam = torch.optim.Adam(critic.parameters(), lr=0.01, betas=(0.5, 0.999))
    for step in range(60):
        real, fake = 0.5 + 0.1 * drawn(2, 3, 8, 8, seed=step), -0.5 + 0.1 * drawn(2, 3, 8, 8, seed=1000 + step)
        generator = torch.Generator().manual_seed(step)
        loss, distance = critic_loss(critic, real, fake, penalty=10.0, at="mixture", generator=generator)
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert distance > 0.5
    assert distance < 1.3 * math.sqrt(3), "no farther than the two colours are"


# Statistics


def test_colour_statistics_by_hand_and_their_gradient():
    real = drawn(1, 3, 4, 30, 30)
    assert float(colour_statistics_loss(real, real)) < 1e-5
    assert float(colour_statistics_loss(real + 0.25, real)) == pytest.approx(0.25, abs=1e-4)
    centred = real - real.mean(dim=(3, 4), keepdim=True)
    spread = colour_statistics_loss(2 * centred, centred)  # variance 4 v - v
    variance = centred.var(dim=(3, 4), correction=0)
    assert float(spread) == pytest.approx(float((3 * variance).square().mean(2).sqrt().mean()), rel=1e-4)
    shifted = (real + 0.25).requires_grad_()
    colour_statistics_loss(shifted, real).backward()
    assert (shifted.grad.mean(dim=(3, 4)) > 0).all(), "every channel of every frame is pushed back"
    single = real.clone()
    single[:, 0] += 0.3
    assert float(colour_statistics_loss(single, real)) == pytest.approx(0.1, abs=1e-3), "a mean over channels"


def test_colour_statistics_see_single_frames():
    """Frames that are too bright and too dark in turn have the right mean together."""
    real = torch.zeros(1, 3, 4, 5, 5)
    flicker = real + torch.tensor([0.5, -0.5, 0.5, -0.5])[:, None, None]
    assert float(colour_statistics_loss(flicker, real)) == pytest.approx(0.5, abs=1e-4)


def test_noise_amplitude_averages_the_rmse_of_frames():
    real = torch.zeros(3, 2, 4, 4)
    rebuilt = real.clone()
    rebuilt[:, 0] = 0.2
    rebuilt[:, 1] = 0.4
    assert noise_amplitude(rebuilt, real, 0.1) == pytest.approx(0.1 * 0.3)
    assert noise_amplitude(real, real, 0.1) == 0


def test_colour_drift_sees_black_white_and_flat_videos():
    video = drawn(3, 4, 20, 20).clamp(-1, 1)
    assert colour_drift(video, video) == 0
    assert colour_drift(torch.full_like(video, -1.0), video) > 0.6
    assert colour_drift(torch.full_like(video, float(video.mean())), video) > 0.5, "flat"
    assert math.isnan(colour_drift(video * math.nan, video))


# Levels


class Counter:
    """A level whose state counts its steps, and says what it was told to."""

    def __init__(self, index, log, *, die_at=None, drift=0.0, loss=0.0):
        self.index, self.log, self.die_at, self.drift, self.loss = index, log, die_at, drift, loss
        self.steps = torch.zeros(1)

    def update(self, step):
        if step == self.die_at:
            raise KeyboardInterrupt
        self.log.append((self.index, step))
        self.steps += 1
        return {"loss": self.loss}

    def measure(self):
        return {DRIFT: self.drift}

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]

    def finished(self):
        return {"steps": self.steps}


def grown(folder, log, steps=(3, 4, 5), **options):
    def begin(index, below):
        assert [int(state["steps"]) for state in below] == list(steps[:index])
        return Counter(index, log, **(options if index == 1 else {}))

    return growth.grow(
        steps, begin, workdir=folder, progress=no_progress, label="test", max_drift=0.5, checkpoint_seconds=0.0
    )


def test_finished_levels_never_train_again(tmp_path):
    log = []
    with pytest.raises(KeyboardInterrupt):
        grown(tmp_path, log, die_at=2)
    assert log == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert growth.finished_levels(tmp_path) == 1
    states = grown(tmp_path, log)
    assert log[5:] == [(1, 2), (1, 3), *((2, step) for step in range(5))], "goes on where it was"
    assert [int(state["steps"]) for state in states] == [3, 4, 5]
    assert not list(tmp_path.glob("*/checkpoint.pt"))
    grown(tmp_path, log)
    assert len(log) == 12, "nothing is left to do"


@pytest.mark.parametrize("damage", [lambda data: b"half", lambda data: data[:-1] + bytes([data[-1] ^ 1])])
def test_a_damaged_level_trains_anew(tmp_path, damage):
    log = []
    grown(tmp_path, log)
    path = tmp_path / "level_02" / growth.FINISHED
    path.write_bytes(damage(path.read_bytes()))
    (tmp_path / "level_01/curves.tsv").write_bytes(b"step\tloss\n\xff\x00")  # curves are for show
    grown(tmp_path, log)
    assert log[12:] == [(2, step) for step in range(5)]


def test_curves_of_levels_are_joined(tmp_path):
    grown(tmp_path, [])
    header, *rows = [line.split("\t") for line in (tmp_path / "curves.tsv").read_text().splitlines()]
    assert header[:3] == ["step", "seconds", "level"]
    assert [row[0] for row in rows] == [str(step) for step in range(1, 13)]
    assert [row[2] for row in rows] == ["0"] * 3 + ["1"] * 4 + ["2"] * 5


def test_colours_that_run_away_stop_the_training(tmp_path):
    for attempt in range(2):
        log = []
        with pytest.raises(MethodError, match=r"level 2 of 3, step 220: the colours of samples are 0.90 away from the"):
            grown(tmp_path, log, steps=(3, 400, 5), drift=0.9)
        assert len(log) == (223, 1)[attempt], "going on does not disarm the guard"
    grown(tmp_path / "early", [], steps=(3, 100, 5), drift=0.9)  # a short training has not settled
    with pytest.raises(MethodError, match=r"step 20: samples are not numbers; lower adversarial\.learning_rate"):
        grown(tmp_path / "nan", [], steps=(3, 400, 5), drift=math.nan)


def test_colours_on_their_way_back_go_on(tmp_path):
    log = []

    class Returning(Counter):
        """Drifts by 3 at first, and by this share of it at every evaluation."""

        share = 0.9

        def measure(self):
            return {DRIFT: 3.0 * self.share ** (float(self.steps) / 20)}

    def train(share):
        level = Returning(0, log)
        level.share = share
        folder = tmp_path / str(share)
        growth.grow((400,), lambda *_: level, workdir=folder, progress=no_progress, label="test", max_drift=0.5)

    train(0.9)
    assert len(log) == 400
    with pytest.raises(MethodError, match="step 220"):
        train(0.99)  # hardly on its way
    with pytest.raises(MethodError, match="step 400"):
        train(0.94)  # not back in time


def test_values_that_are_not_finite_stop_the_training(tmp_path):
    with pytest.raises(MethodError, match=r"level 2 of 3, step 1: loss is nan; lower adversarial\.learning_rate"):
        grown(tmp_path, [], loss=math.nan)


# Guards


def test_forward_cost_counts_by_hand():
    cost = guards.forward_cost(lambda: convolution("3d", 3, 8, space=1), (1, 3, 4, 5, 6))
    assert cost == guards.Cost(operations=27 * 3 * 8 * 120, values=8 * 120)
    cost = guards.forward_cost(lambda: convolution("separable", 3, 8, space=0), (1, 3, 4, 5, 6))
    assert cost.operations == (9 * 3 + 3 * 8) * 8 * 4 * 3 * 4
    assert guards.forward_cost(lambda: Critic("2d", 4, depth=2), (2, 3, 5, 5)).operations == 2 * (9 * 9 * 12 + 9 * 4)


def test_too_much_memory_is_refused_before_training():
    with pytest.raises(MethodError, match=r"needs about 1024\.0 GiB, cpu has .*; lower the clip's height"):
        guards.check_memory(2**40, torch.device("cpu"), "test")


def test_too_large_a_sample_is_refused():
    with pytest.raises(MethodError, match=r"x, output of 1000000000x64x64 .* GiB, cpu has .*; ask for fewer"):
        guards.check_output("x", (10**9, 64, 64), 32, 74, torch.device("cpu"))
    guards.check_output("x", (100, 64, 64), 32, 74, torch.device("cpu"))


def test_windows_shrink_evenly():
    config = PyramidConfig()
    assert [config.window_of(level, 5, 100) for level in range(5)] == [16, 14, 12, 10, 8]
    assert config.window_of(0, 5, 7) == 7
    assert config.window_of(0, 1, 100) == 16
    assert [PyramidConfig(steps=(9, 5)).steps_of(level) for level in range(3)] == [9, 5, 5]
    assert [config.channels_of(level) for level in (0, 3, 4, 8, 12)] == [32, 32, 64, 128, 128]


def test_functional_is_what_a_critic_runs():
    """The written-out forward pass of the gradient is the critic's own."""
    torch.manual_seed(0)
    critic = Critic("2d", 4, depth=2, space=0)
    pictures = drawn(1, 3, 7, 7)
    hidden = functional.leaky_relu(functional.conv2d(pictures, critic.layers[0].weight, critic.layers[0].bias), 0.2)
    assert torch.allclose(critic(pictures), functional.conv2d(hidden, critic.layers[1].weight, critic.layers[1].bias))


@pytest.mark.parametrize(("seconds", "words"), [(40, "40 s"), (600, "10 min"), (9000, "2.5 h"), (864_000, "10.0 days")])
def test_durations_in_words(seconds, words):
    assert guards.duration(seconds) == words


# Estimates


def test_a_training_s_time_is_that_of_its_steps_not_of_their_work_alone(monkeypatch):
    """Levels whose step takes a second for its calls and one for each unit of work, a penalty of four at every other
    step, and a warm-up of 50 at the first: the estimate is exact."""
    clock, steps, work = [0.0], (100, 50, 20), (0.25, 4.0, 16.0)

    def level(units: float):
        warm = iter([50.0 if units < 1 else 0.0])

        def update(step: int) -> None:
            clock[0] += 1 + units + (4 if step % 2 == 0 else 0) + next(warm, 0.0)

        return update

    monkeypatch.setattr(guards.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(guards, "_LONG", 1000.0)
    timed = {index: guards.seconds_of_step(level(work[index]), 2, torch.device("cpu")) for index in (0, 2)}
    assert timed == {0: 1 + 0.25 + 2, 2: 1 + 16 + 2}
    seconds = guards.seconds_of_levels(timed, steps, [units * count for units, count in zip(work, steps, strict=True)])
    assert seconds == pytest.approx([count * (3 + units) for units, count in zip(work, steps, strict=True)])
    alone = guards.seconds_of_levels(
        {2: timed[2]}, steps, [units * count for units, count in zip(work, steps, strict=True)]
    )
    assert alone[2] == pytest.approx(20 * 19), "one level that is left is timed itself"


def test_a_long_step_is_timed_once(monkeypatch):
    clock, calls = [0.0], []

    def update(step: int) -> None:
        calls.append(step)
        clock[0] += 30

    monkeypatch.setattr(guards.time, "perf_counter", lambda: clock[0])
    assert guards.seconds_of_step(update, 2, torch.device("cpu")) == 30
    assert calls == [0]
