"""The one loop behind every task: coarse to fine, and within a level search, replace, vote (VGPNN, Figs. 3 and 4).

A task is a first guess and a list of levels: which keys are compared with, which values are copied, how large the
result is, and what of it is known already. Level 0 is the coarsest; the paper counts from the finest.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from onereel.base.errors import MethodError
from onereel.base.progress import Progress
from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.nnf import Field, SearchConfig, completeness_weights, grid_size, search
from onereel.nnf.votes import vote
from onereel.video.pyramid import Pyramid, Size, resize, size_of


@dataclass(frozen=True)
class Known:
    """Voxels that a task must not change.

    Attributes:
        hole: (T, H, W) bool, True where the result is free.
        video: (3, T, H, W), what stands elsewhere.
    """

    hole: Tensor
    video: Tensor

    def restored(self, video: Tensor) -> Tensor:
        """`video` with everything outside the hole put back."""
        return torch.where(self.hole, video, self.video)


@dataclass(frozen=True)
class Level:
    """What one VPNN layer works with.

    Attributes:
        size: (T, H, W) of its result.
        values: (3, T', H', W'), whose patches make up the result; also the keys of all passes but the first.
        first_keys: (3, T', H', W'), keys of the first pass.
        key_mask: bool grid of the patches that may be copied; None: all.
        query_channels: (C, T, H, W) further channels that a search compares, in [-1, 1]; None: none.
        key_channels: (C, T', H', W'), the same of the keys.
        known: what of the result is fixed; None: nothing.
    """

    size: Size
    values: Tensor
    first_keys: Tensor
    key_mask: Tensor | None = None
    query_channels: Tensor | None = None
    key_channels: Tensor | None = None
    known: Known | None = None


def synthesise(
    levels: Sequence[Level], guess: Tensor, config: VGPNNConfig, *, generator: torch.Generator, progress: Progress
) -> Tensor:
    """Turn a first guess into a video that is made of the values' patches.

    Args:
        levels: coarsest first; their device is where the work happens.
        guess: (3, T, H, W) of the first level's size; may leave [-1, 1].
        config: settings.
        generator: on the CPU, so that seeds do not depend on the device.
        progress: watches the passes of every level.

    Returns: (3, T, H, W) float32 in [-1, 1]; when the vote is a median, every value is one of the values'.
    Raises: MethodError if a level has no room for a patch.
    """
    for level in levels:
        _check_room("input", size_of(level.values), patch_of(level.size, config))
        _check_room("output", level.size, patch_of(level.size, config))
    video = guess
    field: Field | None = None
    for number, level in enumerate(levels):
        if number > 0:
            video = resize(video, level.size)
        count = passes_of(number, level.size, config)
        passes = progress(range(count), total=count, label=f"level {number + 1}/{len(levels)} ({times(level.size)})")
        below = field if config.field_start == "inherited" else None
        settings = _exact(config) if number == 0 and bool((guess.abs() > 1).any()) else config
        video, field = run_level(level, video, below, passes, settings, generator)
    return video


def run_level(
    level: Level,
    queries: Tensor,
    below: Field | None,
    passes: Iterable[int],
    config: VGPNNConfig,
    generator: torch.Generator,
) -> tuple[Tensor, Field]:
    """All passes of one VPNN layer (Fig. 4).

    Args:
        level: what it works with.
        queries: (3, T, H, W) first guess of the level's result.
        below: field of the level below, for a start that is inherited; None for a random one.
        passes: one item per pass.
        config: settings.
        generator: draws the seeds of the searches.

    Returns: the level's result, of the size of `queries`, and its last field.
    """
    size, patch = level.size, patch_of(level.size, config)
    field = None if below is None else below.resized(grid_size(size, patch), grid_size(size_of(level.values), patch))
    keys = level.first_keys
    for number in passes:
        if level.known is not None:
            queries = level.known.restored(queries)
        field = _search(level, queries, keys, field, patch, search_of(number, config), config.alpha, generator)
        queries = vote(level.values, field, patch, size, kind=config.vote, precision=config.search.precision)
        keys = level.values
    if field is None:
        raise ValueError("a level needs at least one pass")
    return (queries if level.known is None else level.known.restored(queries)), field


def _search(
    level: Level,
    queries: Tensor,
    keys: Tensor,
    start: Field | None,
    patch: Size,
    settings: SearchConfig,
    alpha: float | None,
    generator: torch.Generator,
) -> Field:
    if level.query_channels is not None and level.key_channels is not None:
        queries, keys = torch.cat([queries, level.query_channels]), torch.cat([keys, level.key_channels])
    weights = None
    if alpha is not None:
        weights = completeness_weights(queries, keys, alpha, patch=patch, method=settings, generator=generator)
    return search(
        queries,
        keys,
        patch=patch,
        method=settings,
        key_weights=weights,
        key_mask=level.key_mask,
        initial=start,
        generator=generator,
    )


def levels_of(pyramid: Pyramid, sizes: Sequence[Size], config: VGPNNConfig) -> list[Level]:
    """Levels whose results have these sizes and are made of the pyramid's patches, nothing known, nothing forbidden."""
    return [
        Level(size, values, first_keys(pyramid.levels, number, config))
        for number, (values, size) in enumerate(zip(pyramid.levels, sizes, strict=True))
    ]


def first_keys(levels: Sequence[Tensor], number: int, config: VGPNNConfig) -> Tensor:
    """Keys of a level's first pass: the level below, upscaled, so that they are as blurred as the queries."""
    if number == 0 or config.first_key == "level":
        return levels[number]
    return resize(levels[number - 1], size_of(levels[number]))


def patch_of(size: Size, config: VGPNNConfig) -> Size:
    """The patch of a level whose output has that size: smaller where the authors save memory."""
    return config.large_patch if math.prod(size) > config.large_patch_voxels else config.patch


def passes_of(number: int, size: Size, config: VGPNNConfig) -> int:
    """How often level `number`, whose output has that size, is iterated."""
    if math.prod(size) > config.large_em_voxels:
        return 1
    return config.em_iterations_coarsest if number == 0 else config.em_iterations


def search_of(number: int, config: VGPNNConfig) -> SearchConfig:
    """Search settings of a level's pass `number`, counted from 0."""
    if number == 0 or config.later_sweeps is None:
        return config.search
    return config.search.model_copy(update={"sweeps": config.later_sweeps})


def times(size: Size) -> str:
    """``13x144x256``."""
    return "x".join(str(length) for length in size)


def _exact(config: VGPNNConfig) -> VGPNNConfig:
    """The settings for queries that leave the range of bytes, as noise does."""
    return config.model_copy(update={"search": config.search.model_copy(update={"precision": "float32"})})


def _check_room(role: str, size: Size, patch: Size) -> None:
    if any(length < extent for length, extent in zip(size, patch, strict=True)):
        raise MethodError(
            f"vgpnn, level of {times(size)} of the {role}",
            f"too small for one patch of {times(patch)} (frames x rows x columns)",
            "raise ladder.min_frames, ladder.min_side or output_scale, or lower patch",
        )
