"""The reverse process: from noise to samples, and back again. A sampler knows no network and no guidance.

`predict` is all that a sampler sees of a model: it gives what the process's prediction type says, for a batch at one
timestep. Guidance (`onereel.diffusion.guidance`) is wrapped around it before.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor

from onereel.base.progress import Progress, no_progress
from onereel.diffusion.process import Process, noise_like

Predict: TypeAlias = Callable[[Tensor, int], Tensor]
"""``predict(noisy, timestep)``: what the network says of a batch (B, ...) at one step."""


def timesteps_of(process: Process, num_inference_steps: int | None = None, *, strength: float = 1.0) -> list[int]:
    """Timesteps of the reverse process, most noise first.

    Args:
        process: with T steps.
        num_inference_steps: how many, evenly spread and ending at pure noise (Lin et al. 2024: "trailing"); None: T.
        strength: share of them that is run, the last ones, in (0, 1]: edits start from a sample that was noised so far.
    """
    total = process.config.num_train_timesteps
    count = min(num_inference_steps or total, total)
    spread = [round(total - index * total / count) - 1 for index in range(count)]
    return spread[count - max(1, round(count * strength)) :]


def ddpm(
    process: Process,
    predict: Predict,
    start: Tensor,
    generators: Sequence[torch.Generator],
    *,
    begin: int | None = None,
    num_inference_steps: int | None = None,
    progress: Progress = no_progress,
    label: str = "denoising",
) -> Tensor:
    """Ancestral sampling: posterior mean and variance, no noise at the last step (Ho et al. 2020, Algorithm 2).

    Args:
        process: the process.
        predict: the network.
        start: (B, ...), noise, or samples that were noised by `begin` steps (see `Process.noised`).
        generators: one for each sample of the batch, on the CPU: a sample is the same alone and in a batch.
        begin: how many steps lie before the clean sample; None: all of them.
        num_inference_steps: with None for `begin`: take only so many steps, evenly spread; None: every one.
        progress: watches the steps.
        label: names them.

    Returns: (B, ...), in [-1, 1] where the process clips.
    """
    total = process.config.num_train_timesteps
    scheduler = process.scheduler
    scheduler.set_timesteps(total if begin is not None else min(num_inference_steps or total, total))
    times = [int(time) for time in scheduler.timesteps] if begin is None else list(range(begin))[::-1]
    current = start
    for time in progress(times, total=len(times), label=label):
        output = predict(current, time).float()
        current = scheduler.step(output, time, current, generator=list(generators)).prev_sample
    return current.clamp(-1, 1) if process.config.clip_sample else current


def ddim(
    process: Process,
    predict: Predict,
    start: Tensor,
    timesteps: Sequence[int],
    *,
    eta: float = 0.0,
    generators: Sequence[torch.Generator] = (),
    progress: Progress = no_progress,
    label: str = "denoising",
) -> Tensor:
    """DDIM (Song et al. 2021, Eq. 12): any timesteps, each as far from the next as one likes.

    Args:
        process: the process.
        predict: the network.
        start: (B, ...) at the noise of the first timestep.
        timesteps: falling, as `timesteps_of` gives them; after the last one comes the clean sample.
        eta: 0 draws nothing, 1 is ancestral sampling (Eq. 16).
        generators: one for each sample where `eta` > 0.
        progress: watches the steps.
        label: names them.

    Returns: (B, ...).
    """
    current = start
    moves = list(pairwise([*timesteps, -1]))
    for time, later in progress(moves, total=len(moves), label=label):
        now, then = process.level_of(time) ** 2, process.level_of(later) ** 2
        level = process.levels[time + 1].expand(len(current))
        output = predict(current, time).float()
        sample, epsilon = process.to_sample(output, current, level), process.to_epsilon(output, current, level)
        spread = eta * ((1 - then) / (1 - now) * (1 - now / then)) ** 0.5
        current = then**0.5 * sample + max(1 - then - spread**2, 0.0) ** 0.5 * epsilon
        if spread > 0:
            current = current + spread * noise_like(current, generators)
    return current


def stochastic_ddim(
    process: Process,
    predict: Predict,
    start: Tensor,
    timesteps: Sequence[int],
    *,
    generators: Sequence[torch.Generator],
    progress: Progress = no_progress,
    label: str = "denoising",
) -> Tensor:
    """DDIM with stochastic correction: of the noise that a step takes away, half is put back as fresh noise.

    A step goes twice as far as the next timestep by DDIM, and back to it by the forward process (Ho et al. 2022,
    "Imagen Video", on sampling, after Karras et al. 2022, Algorithm 2; Dreamix, section 3, says it in words). What the
    forward process adds is known exactly, so the noise in the sample is that of its timestep after every step; `ddim`
    with an `eta` adds noise without going further first, and is something else.

    Args:
        process: the process.
        predict: the network.
        start: (B, ...) at the noise of the first timestep.
        timesteps: falling, as `timesteps_of` gives them; after the last one comes the clean sample.
        generators: one for each sample of the batch, on the CPU.
        progress: watches the steps.
        label: names them.

    Returns: (B, ...).
    """
    current = start
    ahead = [*timesteps, -1, -1]
    moves = list(zip(timesteps, ahead[1:], ahead[2:], strict=False))
    for time, later, beyond in progress(moves, total=len(moves), label=label):
        level = process.levels[time + 1].expand(len(current))
        output = predict(current, time).float()
        sample, epsilon = process.to_sample(output, current, level), process.to_epsilon(output, current, level)
        kept, wanted = process.level_of(beyond), process.level_of(later)
        current = kept * sample + (1 - kept**2) ** 0.5 * epsilon
        if beyond != later:
            share = wanted / kept
            current = share * current + (1 - share**2) ** 0.5 * noise_like(current, generators)
    return current


def sdedit(
    process: Process,
    predict: Predict,
    sample: Tensor,
    strength: float,
    num_inference_steps: int,
    generators: Sequence[torch.Generator],
    *,
    stochastic: bool = True,
    progress: Progress = no_progress,
    label: str = "denoising",
) -> Tensor:
    """Samples that were noised, denoised again (Meng et al. 2022, SDEdit; Dreamix, section 4.1).

    Args:
        process: the process.
        predict: the network.
        sample: (B, ...), clean.
        strength: s in [0, 1], time in the process: at 0 nothing is changed, at 1 noise takes the sample's place.
        num_inference_steps: steps of the whole process; the share `strength` of them is taken.
        generators: one for each sample of the batch, on the CPU.
        stochastic: denoise by `stochastic_ddim`; else by `ddim`.
        progress: watches the steps.
        label: names them.

    Returns: (B, ...).
    """
    total = process.config.num_train_timesteps
    begin = round(strength * total)
    if begin == 0:
        return sample
    count = max(1, round(strength * min(num_inference_steps, total)))
    timesteps = [round(begin - index * begin / count) - 1 for index in range(count)]
    # A schedule that does not end in pure noise would show a little of the sample even at full strength.
    start = noise_like(sample, generators) if begin == total else process.noised(sample, begin, generators)
    if stochastic:
        return stochastic_ddim(
            process, predict, start, timesteps, generators=generators, progress=progress, label=label
        )
    return ddim(process, predict, start, timesteps, progress=progress, label=label)


def ddim_inversion(
    process: Process,
    predict: Predict,
    sample: Tensor,
    timesteps: Sequence[int],
    *,
    refinements: int = 0,
    progress: Progress = no_progress,
    label: str = "inverting",
) -> list[Tensor]:
    """The noise from which `ddim` with these timesteps comes back to `sample`.

    A step back needs the noise that the network sees in its own result. The usual answer takes what it sees in the
    start of the step (Dhariwal and Nichol 2021, appendix F), an error that grows with the step's size; looking again at
    the result converges to the exact one (Pan et al. 2023, "Effective Real Image Editing", section 3.2).

    Args:
        process: the process.
        predict: the network.
        sample: (B, ...), clean.
        timesteps: falling, those of the sampling to come.
        refinements: how often each step looks again.
        progress: watches the steps.
        label: names them.

    Returns: what `ddim` would start each of its timesteps with, in the order of `timesteps`.
    """
    current, found = sample, []
    moves = list(pairwise([-1, *reversed(timesteps)]))
    for before, time in progress(moves, total=len(moves), label=label):
        kept, level = process.level_of(before), process.level_of(time)
        known = process.levels[time + 1].expand(len(sample))
        later = current
        for _ in range(1 + refinements):
            said = predict(later, time).float()
            if level:
                epsilon = process.to_epsilon(said, later, known)
                clean = (current - (1 - kept**2) ** 0.5 * epsilon) / kept
                later = level * clean + (1 - level**2) ** 0.5 * epsilon
            else:  # of pure noise a network says the picture alone: any noise would be its own
                later = (current - kept * process.to_sample(said, later, known)) / max(1 - kept**2, 1e-12) ** 0.5
        current = later
        found.append(current)
    return found[::-1]
