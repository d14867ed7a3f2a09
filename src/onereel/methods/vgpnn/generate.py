"""Random generation, coarse to fine (VGPNN, Figs. 3 and 4). Level 0 is the coarsest; the paper counts from the finest.

A level: search every patch of Q in K, take the patches of V in their place, vote, repeat with Q = the result and K = V.
"""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from onereel.errors import MethodError
from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.nnf import Field, SearchConfig, completeness_weights, grid_size, search
from onereel.patches import vote
from onereel.progress import Progress
from onereel.pyramid import Pyramid, Size, resize, size_of


def generate(pyramid: Pyramid, config: VGPNNConfig, *, generator: torch.Generator, progress: Progress) -> Tensor:
    """A random video with the space-time patches of the pyramid's.

    Args:
        pyramid: of the input; its device is where the work happens.
        config: settings.
        generator: on the CPU, so that noise and seeds do not depend on the device.
        progress: watches the passes of every level.

    Returns: (3, T, H, W) float32 in [-1, 1], every value one of the input's when the vote is a median.
    Raises: MethodError if a level has no room for a patch.
    """
    sizes = output_sizes(pyramid.sizes, config)
    video = first_guess(pyramid.levels[0], sizes[0], config, generator)
    field: Field | None = None
    for number, (values, size) in enumerate(zip(pyramid.levels, sizes, strict=True)):
        keys = values
        if number > 0:
            video = resize(video, size)
            if config.first_key == "upscaled":
                keys = resize(pyramid.levels[number - 1], size_of(values))
        count = passes_of(number, size, config)
        passes = progress(range(count), total=count, label=f"level {number + 1}/{len(sizes)} ({_times(size)})")
        below = field if config.field_start == "inherited" else None
        settings = config if number > 0 else _exact(config)  # noise leaves the range that bytes have
        video, field = run_level(video, keys, values, below, passes, settings, generator)
    return video


def output_sizes(sizes: Sequence[Size], config: VGPNNConfig) -> list[Size]:
    """(T, H, W) of the output on every level: the level's own size times `output_scale`, but at least a patch.

    Raises: MethodError if a patch does not fit into a level of the input, or into the output itself.
    """
    outputs = []
    for number, size in enumerate(sizes):
        # A short output stops shrinking on the coarse levels, as a ladder does; its final size is as asked.
        least = config.patch if number + 1 < len(sizes) else (1, 1, 1)
        scaled = zip(size, config.output_scale, least, strict=True)
        frames, height, width = (max(extent, round(length * scale)) for length, scale, extent in scaled)
        output = (frames, height, width)
        outputs.append(output)
        for role, level in (("input", size), ("output", output)):
            _check_room(role, level, patch_of(output, config))
    return outputs


def patch_of(size: Size, config: VGPNNConfig) -> Size:
    """The patch of a level whose output has that size: smaller where the authors save memory."""
    return config.large_patch if math.prod(size) > config.large_patch_voxels else config.patch


def passes_of(number: int, size: Size, config: VGPNNConfig) -> int:
    """How often level `number`, whose output has that size, is iterated."""
    if math.prod(size) > config.large_em_voxels:
        return 1
    return config.em_iterations_coarsest if number == 0 else config.em_iterations


def first_guess(coarsest: Tensor, size: Size, config: VGPNNConfig, generator: torch.Generator) -> Tensor:
    """Q_N = x_N + z_N, x_N resampled to the output's size: (3, T, H, W)."""
    guess = resize(coarsest, size)
    shape = (guess.shape[0], 1 if config.noise == "position" else size[0], *size[1:])
    noise = torch.randn(shape, generator=generator) * config.noise_amplitude
    return guess + noise.to(guess.device)  # one frame of noise spreads over time


def run_level(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    below: Field | None,
    passes: Iterable[int],
    config: VGPNNConfig,
    generator: torch.Generator,
) -> tuple[Tensor, Field]:
    """All passes of one VPNN layer (Fig. 4).

    Args:
        queries: (3, T, H, W) first guess of the level's output.
        keys: (3, T', H', W') what the first pass compares with; later passes compare with `values`.
        values: (3, T', H', W') the input on this level.
        below: field of the level below, for a start that is inherited; None for a random one.
        passes: one item per pass.
        config: settings.
        generator: draws the seeds of the searches.

    Returns: the level's output, of the size of `queries`, and its last field.
    """
    size, patch = size_of(queries), patch_of(size_of(queries), config)
    field = None if below is None else below.resized(grid_size(size, patch), grid_size(size_of(values), patch))
    for number in passes:
        settings = search_of(number, config)
        weights = None
        if config.alpha is not None:
            weights = completeness_weights(
                queries, keys, config.alpha, patch=patch, method=settings, generator=generator
            )
        field = search(
            queries, keys, patch=patch, method=settings, key_weights=weights, initial=field, generator=generator
        )
        queries = vote(values, field, patch, size, kind=config.vote, precision=settings.precision)
        keys = values
    if field is None:
        raise ValueError("a level needs at least one pass")
    return queries, field


def _exact(config: VGPNNConfig) -> VGPNNConfig:
    return config.model_copy(update={"search": config.search.model_copy(update={"precision": "float32"})})


def search_of(number: int, config: VGPNNConfig) -> SearchConfig:
    """Search settings of a level's pass `number`, counted from 0."""
    if number == 0 or config.later_sweeps is None:
        return config.search
    return config.search.model_copy(update={"sweeps": config.later_sweeps})


def _check_room(role: str, size: Size, patch: Size) -> None:
    if any(length < extent for length, extent in zip(size, patch, strict=True)):
        raise MethodError(
            f"vgpnn, level of {_times(size)} of the {role}",
            f"too small for one patch of {_times(patch)} (frames x rows x columns)",
            "raise ladder.min_frames, ladder.min_side or output_scale, or lower patch",
        )


def _times(size: Size) -> str:
    return "x".join(str(length) for length in size)
