"""The diffusion process: schedules in closed form, and the reverse process against a case whose answer is known."""

import math

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddim_inverse import DDIMInverseScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.training_utils import compute_snr

from onereel.diffusion.guidance import Branch, classifier_free_weights, combined, rescaled, temporal_weights
from onereel.diffusion.latents import LatentScale
from onereel.diffusion.process import Process, noise_like
from onereel.diffusion.samplers import ddim, ddim_inversion, ddpm, stochastic_ddim, timesteps_of
from onereel.diffusion.settings import ProcessConfig
from onereel.training.loop import generator_of

KINDS = ["sample", "epsilon", "v_prediction"]


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_linear_schedule_is_scaled_to_fifty_steps():
    process = Process(ProcessConfig(beta_schedule="linear"))
    betas = torch.linspace(1e-4 * 20, 0.02 * 20, 50, dtype=torch.float64)
    expected = torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - betas, 0)]).sqrt()
    assert torch.allclose(process.levels, expected, atol=1e-6)


def test_cosine_schedule():
    process = Process(ProcessConfig(beta_schedule="cosine"))

    def kept(time):
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    betas = [min(1 - kept((step + 1) / 50) / kept(step / 50), 0.999) for step in range(50)]
    expected = torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), 0).sqrt()
    assert torch.allclose(process.levels[1:], expected, atol=1e-6)
    assert process.levels[0] == 1


def test_drawn_levels_fill_the_gaps_between_steps():
    process = Process(ProcessConfig(beta_schedule="cosine"))
    generator = generator_of(0, 0)
    levels = process.draw_levels(process.draw_timesteps(20_000, generator), generator)
    assert levels.min() >= process.levels[-1]
    assert levels.max() <= 1
    share = ((levels < process.levels[24]) & (levels >= process.levels[25])).float().mean()
    assert share == pytest.approx(1 / 50, abs=0.005), "every step is as likely"
    on_steps = (levels[:, None].double() - process.levels).abs().min(1).values < 1e-7
    assert on_steps.float().mean() < 0.01, "levels lie between steps, not on them"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_clean_picture_comes_back_from_a_right_answer(kind, schedule):
    process = Process(ProcessConfig(beta_schedule=schedule, prediction_type=kind))
    clean = torch.rand(2, 3, 4, 5, generator=generator_of(0, 1)) * 2 - 1
    noise = torch.randn(clean.shape, generator=generator_of(0, 2))
    level = torch.tensor([process.level_of(3), process.level_of(30)])
    noisy = process.add_noise(clean, noise, level)
    assert torch.allclose(process.to_sample(process.target(clean, noise, level), noisy, level), clean, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_reverse_process_draws_from_a_known_distribution(kind):
    """For pixels from N(m, s) the best answer is known, and with it mean and spread after every step (Ho et al. 2020,
    Eq. 7; the posterior variance makes samples of 50 steps a little too narrow)."""
    mean, spread = 0.2, 0.15
    process = Process(ProcessConfig(beta_schedule="cosine", prediction_type=kind))

    predict = best_answer(process, kind, mean, spread)
    start = noise_like(torch.empty(4, 1, 60, 60), generators(0, 1, 2, 3))
    made = ddpm(process, predict, start, generators(4, 5, 6, 7))
    assert made.mean() == pytest.approx(mean, abs=0.01)
    assert made.std() == pytest.approx(_spread_after(process.levels**2, spread), rel=0.02)
    fewer = ddpm(process, predict, start, generators(4, 5, 6, 7), num_inference_steps=25)
    assert fewer.mean() == pytest.approx(mean, abs=0.015)


def test_a_truncated_process_takes_back_as_many_steps_as_were_added():
    process = Process(ProcessConfig(beta_schedule="cosine"))
    asked = []
    clean = torch.zeros(1, 3, 8, 8)

    def predict(noisy, step):
        asked.append(step)
        return clean

    noised = process.noised(clean, 3, generators(0))
    assert noised.std() == pytest.approx(math.sqrt(1 - process.level_of(2) ** 2), rel=0.15)
    assert torch.equal(ddpm(process, predict, noised, generators(1), begin=3), clean), "no noise at the last step"
    assert asked == [2, 1, 0]


def test_a_sample_is_the_same_alone_and_in_a_batch():
    process = Process(ProcessConfig())
    alone = [
        ddpm(process, lambda x, _: x * 0.9, noise_like(torch.empty(1, 3, 6, 6), generators(s)), generators(s + 9))
        for s in (1, 2)
    ]
    both = ddpm(
        process, lambda x, _: x * 0.9, noise_like(torch.empty(2, 3, 6, 6), generators(1, 2)), generators(10, 11)
    )
    assert torch.equal(torch.cat(alone), both)


def best_answer(process, kind, mean, spread):
    """What a perfect network says of numbers from N(mean, spread)."""

    def predict(noisy, step):
        level = process.level_of(step)
        gain = level * spread**2 / (level**2 * spread**2 + 1 - level**2)
        clean = mean + gain * (noisy - level * mean)
        noise = (noisy - level * clean) / math.sqrt(1 - level**2)
        return {"sample": clean, "epsilon": noise, "v_prediction": level * noise - math.sqrt(1 - level**2) * clean}[
            kind
        ]

    return predict


@pytest.mark.parametrize("schedule", ["linear", "scaled_linear", "cosine"])
@pytest.mark.parametrize("kind", ["sample", "v_prediction"])
def test_zero_terminal_snr_leaves_the_first_step_and_ends_in_pure_noise(schedule, kind):
    plain, shifted = (
        Process(ProcessConfig(beta_schedule=schedule, prediction_type=kind, rescale_betas_zero_snr=zero))
        for zero in (False, True)
    )
    assert plain.levels[-1] > 0
    assert shifted.levels[-1] == pytest.approx(0, abs=1e-6)
    assert shifted.levels[1] == pytest.approx(float(plain.levels[1]), abs=1e-6)
    clean = torch.rand(1, 4, 2, 3, 3, generator=generator_of(0, 1)) * 2 - 1
    noise = torch.randn(clean.shape, generator=generator_of(0, 2))
    level = torch.tensor([shifted.level_of(49)])
    noisy = shifted.add_noise(clean, noise, level)
    assert torch.allclose(noisy, noise, atol=1e-5)
    assert torch.allclose(shifted.to_sample(shifted.target(clean, noise, level), noisy, level), clean, atol=1e-4)
    with pytest.raises(ValueError, match="cannot say epsilon"):
        ProcessConfig(rescale_betas_zero_snr=True, prediction_type="epsilon")


def test_scaled_linear_is_latent_diffusion_s():
    process = Process(
        ProcessConfig(num_train_timesteps=1000, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    )
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    assert torch.allclose(process.levels[1:] ** 2, torch.cumprod(1 - betas, 0), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(2, 5), (2, 4, 6, 6), (2, 4, 3, 6, 6)])
def test_any_rank_and_nothing_is_clamped_unless_asked(kind, shape):
    process = Process(ProcessConfig(prediction_type=kind, clip_sample=False))
    clean = 7 * torch.randn(shape, generator=generator_of(0, 1))
    noise = torch.randn(shape, generator=generator_of(0, 2))
    level = torch.tensor([process.level_of(3), process.level_of(30)])
    noisy = process.add_noise(clean, noise, level)
    said = process.target(clean, noise, level)
    assert torch.allclose(process.to_sample(said, noisy, level), clean, atol=2e-3)
    assert torch.allclose(process.to_epsilon(said, noisy, level), noise, atol=2e-3)
    made = ddpm(process, best_answer(process, kind, 5.0, 0.5), noise, generators(3, 4))
    assert made.mean() == pytest.approx(5, abs=0.6)


SCHEDULES = {"linear": "linear", "scaled_linear": "scaled_linear", "cosine": "squaredcos_cap_v2"}
AS_IN_DIFFUSERS = [
    (kind, schedule, zero)
    for kind in KINDS
    for schedule in SCHEDULES
    for zero in (False, True)
    if not (zero and kind == "epsilon")
]


def ours_and_theirs(theirs, kind, schedule, zero, **settings):
    """A process of 1000 steps, and the scheduler of diffusers that its settings mean, built without ours."""
    betas = {} if schedule == "cosine" else {"beta_start": 0.00085, "beta_end": 0.012}
    common = {"num_train_timesteps": 1000, "prediction_type": kind, "rescale_betas_zero_snr": zero, **betas}
    process = Process(ProcessConfig(beta_schedule=schedule, clip_sample=False, **common))
    common |= {"beta_schedule": SCHEDULES[schedule], "timestep_spacing": "trailing", "clip_sample": False}
    return process, theirs(**common, **settings)


@pytest.mark.parametrize(("kind", "schedule", "zero"), AS_IN_DIFFUSERS)
@pytest.mark.parametrize("shape", [(5, 4, 6, 6), (5, 4, 3, 6, 6)], ids=["image", "video"])
def test_the_forward_process_is_that_of_diffusers(kind, schedule, zero, shape):
    process, theirs = ours_and_theirs(DDPMScheduler, kind, schedule, zero)
    clean, noise = (torch.randn(shape, generator=generator_of(0, index)) for index in range(2))
    times = torch.tensor([0, 1, 500, 998, 999])
    level = process.levels[times + 1]
    assert torch.allclose(process.add_noise(clean, noise, level), theirs.add_noise(clean, noise, times), atol=1e-6)
    if kind == "v_prediction":
        assert torch.allclose(process.target(clean, noise, level), theirs.get_velocity(clean, noise, times), atol=1e-6)
    snr = compute_snr(theirs, times).double()
    weights = {"epsilon": (snr.clamp(max=5) / snr), "v_prediction": snr.clamp(max=5) / (snr + 1)}
    assert torch.allclose(process.min_snr_weight(level), weights.get(kind, snr.clamp(max=5)), rtol=1e-4)
    noised = process.noised(clean[:1], 501, generators(7))
    same = theirs.add_noise(clean[:1], noise_like(clean[:1], generators(7)), times[2:3])
    assert torch.allclose(noised, same, atol=1e-6)


@pytest.mark.parametrize(("kind", "schedule", "zero"), AS_IN_DIFFUSERS)
def test_ddpm_is_that_of_diffusers(kind, schedule, zero):
    process, theirs = ours_and_theirs(DDPMScheduler, kind, schedule, zero, variance_type="fixed_small")
    theirs.set_timesteps(20)
    predict = best_answer(process, kind, 0.3, 0.4)
    start = noise_like(torch.empty(2, 3, 2, 4, 4), generators(0, 1))
    expected, draws = start, generators(5, 6)
    for time in theirs.timesteps:
        expected = theirs.step(predict(expected, int(time)), time, expected, generator=draws).prev_sample
    made = ddpm(process, predict, start, generators(5, 6), num_inference_steps=20)
    assert torch.equal(made, expected)


@pytest.mark.parametrize(
    ("kind", "schedule", "zero", "eta"),
    # With eta 1 rounding makes theirs the root of a negative number where there is more noise: not a number.
    [(*case, eta) for case in AS_IN_DIFFUSERS for eta in (0, 0.5, 0.9, 1) if eta < 1 or case[1:] == ("linear", False)],
)
def test_every_step_of_ddim_is_that_of_diffusers(kind, schedule, zero, eta):
    process, theirs = ours_and_theirs(DDIMScheduler, kind, schedule, zero)
    theirs.set_timesteps(20)  # divides 1000: elsewhere its steps and its noise levels disagree
    times = timesteps_of(process, 20)
    assert times == theirs.timesteps.tolist()
    predict, states = best_answer(process, kind, 0.3, 0.4), []

    def spied(noisy, time):
        states.append(noisy)
        return predict(noisy, time)

    start = noise_like(torch.empty(2, 3, 2, 4, 4), generators(0, 1))
    states.append(ddim(process, spied, start, times, eta=eta, generators=generators(5, 6)))
    draws = generators(5, 6)
    for time, now, then in zip(times, states, states[1:], strict=False):
        noise = noise_like(now, draws) if eta and time != times[-1] else None
        eta_here = eta if noise is not None else 0.0  # theirs would add noise of variance 0
        step = theirs.step(predict(now, time), time, now, eta=eta_here, variance_noise=noise)
        # What the least noisy level of epsilon loses to rounding is divided by it, in both.
        lost = 2e-7 / process.level_of(time) if kind == "epsilon" else 0
        assert torch.allclose(then, step.prev_sample, rtol=1e-6, atol=1e-6 + lost)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_inversion_is_that_of_diffusers(schedule):
    process, theirs = ours_and_theirs(DDIMInverseScheduler, "epsilon", schedule, False)
    theirs.set_timesteps(20)
    predict = best_answer(process, "epsilon", 0.1, 0.5)
    sample = torch.randn(2, 3, 2, 4, 4, generator=generator_of(0, 1))
    expected, found = sample, []
    for time in theirs.timesteps:
        expected = theirs.step(predict(expected, int(time)), int(time), expected).prev_sample
        found.append(expected)
    ours = ddim_inversion(process, predict, sample, timesteps_of(process, 20))
    assert all(torch.allclose(one, other, atol=2e-5) for one, other in zip(ours, found[::-1], strict=True))


def test_an_edit_starts_where_its_strength_says():
    """Noised so far that the first timestep takes back what was added; the more, the less of the source is left."""
    process = Process(ProcessConfig(num_train_timesteps=1000, prediction_type="v_prediction", clip_sample=False))
    source = 0.1 + 0.5 * torch.randn(2, 4, 2, 8, 8, generator=generator_of(0, 1))
    predict = best_answer(process, "v_prediction", 0.1, 0.5)
    kept = []
    for strength in (0.2, 0.6, 1.0):
        times = timesteps_of(process, 50, strength=strength)
        assert len(times) == round(50 * strength)
        start = process.noised(source, times[0] + 1, generators(5, 6))
        level = process.level_of(times[0])
        assert torch.allclose(
            start, level * source + math.sqrt(1 - level**2) * noise_like(source, generators(5, 6)), atol=1e-6
        )
        edited = ddim(process, predict, start, times)
        kept.append(float(torch.corrcoef(torch.stack([edited.flatten(), source.flatten()]))[0, 1]))
    assert kept[0] > 0.8 > kept[1] > 0.3 > kept[2]


def test_ddim_maps_noise_to_the_distribution_that_the_network_knows():
    process = Process(ProcessConfig(num_train_timesteps=1000, prediction_type="v_prediction", clip_sample=False))
    start = noise_like(torch.empty(4, 1, 50, 50), generators(0, 1, 2, 3))
    made = ddim(process, best_answer(process, "v_prediction", -0.4, 0.2), start, timesteps_of(process, 200))
    assert made.mean() == pytest.approx(-0.4, abs=0.01)
    assert made.std() == pytest.approx(0.2, rel=0.03)
    assert float(torch.corrcoef(torch.stack([made.flatten(), start.flatten()]))[0, 1]) > 0.99, "nothing is drawn"


@pytest.mark.parametrize("kind", KINDS)
def test_inversion_leads_back_and_refining_makes_it_exact(kind):
    process = Process(ProcessConfig(num_train_timesteps=100, prediction_type=kind, clip_sample=False))
    predict = best_answer(process, kind, 0.1, 0.5)
    sample = torch.rand(2, 3, 4, 4, 4, generator=generator_of(0, 1)) - 0.5
    times = timesteps_of(process, 10, strength=0.6)
    assert len(times) == 6

    def error(refinements):
        found = ddim_inversion(process, predict, sample, times, refinements=refinements)
        assert len(found) == len(times)
        return float((ddim(process, predict, found[0], times) - sample).abs().max())

    assert error(0) < 0.2
    assert error(30) < min(1e-3, error(0) / 10)


@pytest.mark.parametrize("kind", ["sample", "v_prediction"])
def test_inversion_leads_back_from_pure_noise_too(kind):
    settings = {"rescale_betas_zero_snr": True, "clip_sample": False}
    process = Process(ProcessConfig(num_train_timesteps=100, prediction_type=kind, **settings))
    assert process.level_of(99) == 0
    predict = best_answer(process, kind, 0.1, 0.5)
    sample = torch.rand(2, 3, 4, 4, 4, generator=generator_of(0, 1)) - 0.5
    times = timesteps_of(process, 10)
    found = ddim_inversion(process, predict, sample, times, refinements=30)
    assert float((ddim(process, predict, found[0], times) - sample).abs().max()) < 1e-3


def test_min_snr_weights_make_every_kind_the_same_loss_of_the_clean_sample():
    levels = torch.tensor([0.999, 0.9, 0.6, 0.2, 0.01], dtype=torch.float64)
    snr = levels**2 / (1 - levels**2)
    wanted = snr.clamp(max=5)
    of_sample_error = {"sample": torch.ones(5), "epsilon": snr, "v_prediction": snr + 1}
    for kind in KINDS:
        weight = Process(ProcessConfig(prediction_type=kind)).min_snr_weight(levels)
        assert torch.allclose(weight * of_sample_error[kind], wanted)


def scaling(passes):
    """A network that multiplies by its condition, and writes down how it was run."""

    def network(noisy, timestep, conditions):
        passes.append((len(noisy), list(conditions)))
        return torch.cat(
            [part * condition for part, condition in zip(noisy.chunk(len(conditions)), conditions, strict=True)]
        )

    return network


def test_guidance_is_one_pass_of_each_network_and_a_weighted_sum():
    passes = []
    network = scaling(passes)
    noisy = torch.randn(2, 3, 4, generator=generator_of(0, 1))
    two = {"unconditional": Branch(network, 1.0), "conditional": Branch(network, 3.0)}
    guided = combined(two, classifier_free_weights(7.5))
    assert torch.allclose(guided(noisy, 5), noisy + 7.5 * (3 - 1) * noisy, atol=1e-5)
    free = {name: Branch(network, condition) for name, condition in {"far": 1.0, "text": 2.0, "style": 4.0}.items()}
    three = combined(free, {"far": -1.0, "text": 0.5, "style": 1.5})
    assert torch.allclose(three(noisy, 5), noisy * (-1 + 1 + 6), atol=1e-5)
    assert torch.allclose(combined(two, classifier_free_weights(1))(noisy, 5), 3 * noisy)
    assert passes == [(4, [1.0, 3.0]), (6, [1.0, 2.0, 4.0]), (2, [3.0])], "a branch of weight 0 costs nothing"
    with pytest.raises(ValueError, match="add up to 1"):
        combined(two, {"unconditional": 1.0, "conditional": 1.0})
    with pytest.raises(ValueError, match="weights of"):
        combined(two, {"conditional": 1.0})
    with pytest.raises(ValueError, match="nothing to rescale to"):
        combined(two, {"unconditional": 1.0, "conditional": 0.0}, rescale=0.7)


@pytest.mark.parametrize("temporal", [0.0, 0.5, 1.0, 1.5])
@pytest.mark.parametrize("guidance", [1.0, 7.5])
def test_temporal_guidance_is_gen_1_s_equation_8(temporal, guidance):
    frames, video = [], []
    image, moving = scaling(frames), scaling(video)
    branches = {
        "image": Branch(image, 5.0),
        "unconditional": Branch(moving, 2.0),
        "conditional": Branch(moving, 3.0),
    }
    noisy = torch.randn(2, 3, 4, generator=generator_of(0, 1))
    guided = combined(branches, temporal_weights(temporal, guidance))(noisy, 5)
    of_image, without, given = 5 * noisy, 2 * noisy, 3 * noisy
    assert torch.allclose(guided, of_image + temporal * (without - of_image) + guidance * (given - without), atol=1e-5)
    assert len(frames) == (temporal != 1), "without temporal guidance the image model does not run"
    assert len(video) == 1


def test_guidance_may_be_rescaled_to_the_condition_s_spread():
    network = scaling([])
    branches = {"unconditional": Branch(network, 1.0), "conditional": Branch(network, 3.0)}
    noisy = torch.randn(2, 3, 8, 8, generator=generator_of(0, 1))
    guided = combined(branches, classifier_free_weights(5.0), rescale=1.0)(noisy, 5)
    assert torch.allclose(guided, 3 * noisy, atol=1e-4)


@pytest.mark.parametrize("shape", [(2, 4, 6, 6), (2, 4, 3, 6, 6)])
def test_latents_are_scaled_to_the_noise_s_spread_and_back(shape):
    latents = 5 + 7 * torch.randn(shape, generator=generator_of(0, 1))
    scale = LatentScale.of(latents)
    scaled = scale.to_model(latents)
    assert float(scaled.mean()) == pytest.approx(0, abs=1e-5)
    assert float(scaled.std()) == pytest.approx(1, abs=1e-5)
    assert torch.allclose(scale.to_autoencoder(scaled), latents, atol=1e-5)
    published = LatentScale(factor=0.18215)
    assert torch.allclose(published.to_model(latents), 0.18215 * latents), "Stable Diffusion's has no shift"


def test_rescaled_guidance_has_the_spread_of_the_conditional_prediction():
    one = torch.randn(2, 3, 8, 8, generator=generator_of(0, 1))
    guided = 4 * one
    assert torch.equal(rescaled(guided, one, 0.0), guided)
    assert torch.allclose(rescaled(guided, one, 1.0).std(dim=(1, 2, 3)), one.std(dim=(1, 2, 3)))


def _spread_after(kept, spread):
    """Standard deviation at the end of the reverse process, from its recursion; kept: alpha-bar, 1 first."""
    variance = 1.0
    for after in range(len(kept) - 1, 0, -1):
        now, before = float(kept[after]), float(kept[after - 1])
        beta = 1 - now / before
        gain = math.sqrt(now) * spread**2 / (now * spread**2 + 1 - now)  # of the best answer
        from_clean = math.sqrt(before) * beta / (1 - now)
        from_noisy = math.sqrt(1 - beta) * (1 - before) / (1 - now)
        variance = (from_clean * gain + from_noisy) ** 2 * variance + (1 - before) / (1 - now) * beta
    return math.sqrt(variance)


@pytest.mark.parametrize("kind", ["sample", "epsilon", "v_prediction"])
@pytest.mark.parametrize("count", [1, 2, 7, 50])
def test_with_stochastic_correction_the_noise_is_that_of_the_timestep_at_every_step(kind, count):
    """Of one picture the best answer is that picture: what is left is noise alone, and can be measured."""
    process = Process(ProcessConfig(num_train_timesteps=1000, prediction_type=kind))
    mean, seen = 0.3, []
    right = best_answer(process, kind, mean, 0.0)

    def predict(noisy, step):
        level = process.level_of(step)
        noise = (noisy - level * mean) / math.sqrt(1 - level**2)
        seen.append((step, float(noise.mean()), float(noise.std())))
        return right(noisy, step)

    timesteps = timesteps_of(process, count)
    start = process.noised(torch.full((1, 1, 100, 100), mean), timesteps[0] + 1, generators(0))
    made = stochastic_ddim(process, predict, start, timesteps, generators=generators(1))
    assert [step for step, _, _ in seen] == timesteps
    for _, average, spread in seen:
        assert average == pytest.approx(0, abs=0.04)
        assert spread == pytest.approx(1, rel=0.03)
    assert made == pytest.approx(torch.full_like(made, mean), abs=1e-3)


def test_stochastic_correction_puts_half_of_the_removed_noise_back():
    """What a step leaves of the noise before it is what two steps of DDIM leave, brought to the next level."""
    process = Process(ProcessConfig(num_train_timesteps=1000, prediction_type="sample"))
    timesteps, seen = timesteps_of(process, 10), []

    def predict(noisy, step):
        seen.append(noisy)
        return torch.zeros_like(noisy)

    start = noise_like(torch.empty(1, 1, 200, 200), generators(0))
    stochastic_ddim(process, predict, start, timesteps, generators=generators(1))
    for index in range(3, 6):
        one, two, three = (process.level_of(each) for each in timesteps[index : index + 3])
        kept = math.sqrt((1 - three**2) / (1 - one**2)) * two / three
        found = (seen[index] * seen[index + 1]).mean() / seen[index].square().mean()
        assert found == pytest.approx(kept, abs=0.01)


def test_with_stochastic_correction_samples_follow_a_known_distribution():
    mean, spread = 0.2, 0.3
    process = Process(ProcessConfig(num_train_timesteps=1000, prediction_type="v_prediction", clip_sample=False))
    predict = best_answer(process, "v_prediction", mean, spread)
    start = noise_like(torch.empty(2, 1, 80, 80), generators(0, 1))
    made = stochastic_ddim(process, predict, start, timesteps_of(process, 400), generators=generators(2, 3))
    assert made.mean() == pytest.approx(mean, abs=0.01)
    assert made.std() == pytest.approx(spread, rel=0.03)
    alone = stochastic_ddim(process, predict, start[1:], timesteps_of(process, 400), generators=generators(3))
    assert torch.equal(made[1:], alone)
