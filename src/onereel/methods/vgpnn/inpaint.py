"""Task `inpaint`: fill a hole, steered by crude colours in it (VGPNN, section 5, "Video conditional inpainting").

The clip with its cues is the first guess, shrunk until the hole is about one patch; there patches adhere to the cue, on
finer levels details and motion come in. What is outside the hole is put back after every pass and comes out bit by bit
as it went in. Patches that touch the hole are never copied: they would bring the cue itself.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import adaptive_max_pool3d, max_pool3d

from onereel.base.errors import MethodError
from onereel.methods.vgpnn.config import VGPNNConfig
from onereel.methods.vgpnn.holes import Hole
from onereel.methods.vgpnn.synthesis import Known, Level, first_keys, patch_of, times
from onereel.video.pyramid import Ladder, Pyramid, Size


def ladder_of(hole: Hole, config: VGPNNConfig) -> Ladder:
    """The ladder whose coarsest level shows the hole about as large as a patch, and which is no longer than that."""
    extent = min(config.patch[1:])
    steps = round(math.log(max(hole.width() / extent, 1)) / math.log(config.ladder.factor_space))
    levels = max(steps, 1) + 1
    most = config.ladder.levels
    return config.ladder.model_copy(update={"levels": levels if most is None else min(levels, most)})


def levels_of(pyramid: Pyramid, hole: Hole, config: VGPNNConfig) -> list[Level]:
    """The levels of an inpainting; its first guess is the pyramid's coarsest level.

    Args:
        pyramid: of the clip with the cues in it.
        hole: what is missing.
        config: settings.

    Raises: MethodError where no patch of a level lies outside the hole.
    """
    free = torch.from_numpy(hole.free).to(pyramid.levels[0].device)
    return [_level(pyramid, number, _shrunk(free, size), config) for number, size in enumerate(pyramid.sizes)]


def _level(pyramid: Pyramid, number: int, free: Tensor, config: VGPNNConfig) -> Level:
    size, values = pyramid.sizes[number], pyramid.levels[number]
    mask = ~_touched(free, patch_of(size, config))
    if not bool(mask.any()):
        raise MethodError(
            f"vgpnn, task 'inpaint', level of {times(size)}",
            "every patch touches the hole, so there is nothing to fill it with",
            "make the hole smaller, or lower ladder.levels",
        )
    return Level(size, values, first_keys(pyramid.levels, number, config), key_mask=mask, known=Known(free, values))


def _shrunk(free: Tensor, size: Size) -> Tensor:
    """The hole on a level: every voxel that a missing one falls into."""
    if tuple(free.shape) == size:
        return free
    return adaptive_max_pool3d(free[None].float(), size)[0] > 0


def _touched(free: Tensor, patch: Size) -> Tensor:
    """Grid of patches that hold a missing voxel."""
    return max_pool3d(free[None].float(), patch, stride=1)[0] > 0
