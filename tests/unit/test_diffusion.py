"""The diffusion process: schedules in closed form, and the reverse process against a case whose answer is known."""

import math

import pytest
import torch

from onereel.diffusion.process import Process, noise_like
from onereel.diffusion.settings import ProcessConfig
from onereel.training.loop import generator_of


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_linear_schedule_is_scaled_to_fifty_steps():
    process = Process(ProcessConfig(schedule="linear"))
    betas = torch.linspace(1e-4 * 20, 0.02 * 20, 50, dtype=torch.float64)
    expected = torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - betas, 0)]).sqrt()
    assert torch.allclose(process.levels, expected, atol=1e-6)


def test_cosine_schedule():
    process = Process(ProcessConfig(schedule="cosine"))

    def kept(time):
        return math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2

    betas = [min(1 - kept((step + 1) / 50) / kept(step / 50), 0.999) for step in range(50)]
    expected = torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), 0).sqrt()
    assert torch.allclose(process.levels[1:], expected, atol=1e-6)
    assert process.levels[0] == 1


def test_drawn_levels_fill_the_gaps_between_steps():
    process = Process(ProcessConfig(schedule="cosine"))
    generator = generator_of(0, 0)
    levels = process.draw_levels(process.draw_steps(20_000, generator), generator)
    assert levels.min() >= process.levels[-1]
    assert levels.max() <= 1
    share = ((levels < process.levels[24]) & (levels >= process.levels[25])).float().mean()
    assert share == pytest.approx(1 / 50, abs=0.005), "every step is as likely"
    on_steps = (levels[:, None].double() - process.levels).abs().min(1).values < 1e-7
    assert on_steps.float().mean() < 0.01, "levels lie between steps, not on them"


@pytest.mark.parametrize("target", ["x0", "noise", "velocity"])
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_clean_picture_comes_back_from_a_right_answer(target, schedule):
    process = Process(ProcessConfig(schedule=schedule, target=target))
    clean = torch.rand(2, 3, 4, 5, generator=generator_of(0, 1)) * 2 - 1
    noise = torch.randn(clean.shape, generator=generator_of(0, 2))
    level = torch.tensor([process.level_of(3), process.level_of(30)])
    noisy = process.noisy(clean, noise, level)
    assert torch.allclose(process.clean(process.wanted(clean, noise, level), noisy, level), clean, atol=1e-4)


@pytest.mark.parametrize("target", ["x0", "noise", "velocity"])
def test_the_reverse_process_draws_from_a_known_distribution(target):
    """For pixels from N(m, s) the best answer is known, and with it mean and spread after every step (Ho et al. 2020,
    Eq. 7; the posterior variance makes samples of 50 steps a little too narrow)."""
    mean, spread = 0.2, 0.15
    process = Process(ProcessConfig(schedule="cosine", target=target))

    def predict(noisy, step):
        level = process.level_of(step)
        gain = level * spread**2 / (level**2 * spread**2 + 1 - level**2)
        clean = mean + gain * (noisy - level * mean)
        noise = (noisy - level * clean) / math.sqrt(1 - level**2)
        return {"x0": clean, "noise": noise, "velocity": level * noise - math.sqrt(1 - level**2) * clean}[target]

    start = noise_like(torch.empty(4, 1, 60, 60), generators(0, 1, 2, 3))
    made = process.denoise(predict, start, generators(4, 5, 6, 7))
    assert made.mean() == pytest.approx(mean, abs=0.01)
    assert made.std() == pytest.approx(_spread_after(process.levels**2, spread), rel=0.02)
    fewer = process.denoise(predict, start, generators(4, 5, 6, 7), steps=25)
    assert fewer.mean() == pytest.approx(mean, abs=0.015)


def test_a_truncated_process_takes_back_as_many_steps_as_were_added():
    process = Process(ProcessConfig(schedule="cosine"))
    asked = []
    clean = torch.zeros(1, 3, 8, 8)

    def predict(noisy, step):
        asked.append(step)
        return clean

    noised = process.noised(clean, 3, generators(0))
    assert noised.std() == pytest.approx(math.sqrt(1 - process.level_of(2) ** 2), rel=0.15)
    assert torch.equal(process.denoise(predict, noised, generators(1), begin=3), clean), "no noise at the last step"
    assert asked == [2, 1, 0]


def test_a_sample_is_the_same_alone_and_in_a_batch():
    process = Process(ProcessConfig())
    alone = [
        process.denoise(lambda x, _: x * 0.9, noise_like(torch.empty(1, 3, 6, 6), generators(s)), generators(s + 9))
        for s in (1, 2)
    ]
    both = process.denoise(
        lambda x, _: x * 0.9, noise_like(torch.empty(2, 3, 6, 6), generators(1, 2)), generators(10, 11)
    )
    assert torch.equal(torch.cat(alone), both)


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
