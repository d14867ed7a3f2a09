"""What the applications of SinGAN-GIF are to achieve, as numbers of frames: seams that vanish, motion that arrives."""

import numpy as np

from onereel.methods.base import Inputs
from onereel.methods.singan.copies import pasted
from onereel.video.clip import Clip, Frames, to_frames, to_video
from onereel.video.pyramid import resize

_STRONG = 0.75  # share of the picture that moves less than what counts as moving


def of_composition(inputs: Inputs, sample: Clip) -> dict[str, float]:
    """The seam of what the file ``copies`` pasted, in the sample and as pasted, both as `seam_gradient` has it.

    Args:
        inputs: the clip, and the file ``copies`` (`onereel.methods.singan.copies`).
        sample: (T, H, W); of another size it is resized to the clip's.

    Returns: numbers by what they are; none where everything was pasted, so that there is no border.
    """
    edited, where = pasted(inputs.clip, inputs.files["copies"])
    if where.all():
        return {}
    made = _as_large_as(edited, sample)
    return {
        "gradient at the seam, of that elsewhere": seam_gradient(made, where),
        "as pasted": seam_gradient(edited.frames, where),
    }


def of_transfer(source: Clip, sample: Clip) -> dict[str, float]:
    """Where a sample moves, as `motion_where` has it, by what the numbers are; none where either is a single frame,
    or where the clip moves no more in one place than in another.

    Args:
        source: the clip whose motion it is to have.
        sample: of another size it is resized to the clip's.
    """
    if source.size[0] < 2 or sample.size[0] < 2:
        return {}
    energy = motion_energy(source.frames)
    if energy.max() <= np.quantile(energy, _STRONG):
        return {}
    strong, rest = motion_where(_as_large_as(source, sample), source.frames)
    return {"motion where the clip moves most, of the range": strong, "elsewhere": rest}


def _as_large_as(reference: Clip, sample: Clip) -> Frames:
    size = (sample.size[0], *reference.size[1:])
    return sample.frames if sample.size == size else to_frames(resize(to_video(sample.frames), size))


def seam_gradient(frames: Frames, pasted: np.ndarray) -> float:
    """Mean difference of neighbouring pixels across the border of what was pasted, in units of that elsewhere.

    1: the border is no different from the rest; larger: it shows.

    Args:
        frames: (T, H, W, 3) uint8.
        pasted: (T, H, W) bool.

    Raises: ValueError if nothing, or everything, is marked.
    """
    across, elsewhere = [], []
    for axis in (1, 2):
        steps = np.abs(np.diff(frames.astype(np.float32), axis=axis)).mean(axis=-1)
        border = np.diff(pasted, axis=axis)
        across.append(steps[border])
        elsewhere.append(steps[~border])
    seam = np.concatenate(across)
    if not len(seam):
        raise ValueError("there is no border: nothing or everything is marked as pasted")
    return float(seam.mean() / max(np.concatenate(elsewhere).mean(), 1e-9))


def motion_energy(frames: Frames) -> np.ndarray:
    """Mean absolute difference between neighbouring frames at every pixel, (H, W), in units of the range 0..1.

    Args:
        frames: (T, H, W, 3) uint8, T >= 2.
    """
    return np.abs(np.diff(frames.astype(np.float64), axis=0)).mean(axis=(0, 3)) / 255


def motion_where(moved: Frames, source: Frames) -> tuple[float, float]:
    """Motion energy of a clip in the quarter of the picture in which its source moves most, and in the rest.

    Args:
        moved: (T, H, W, 3) uint8, what got the motion.
        source: (S, H, W, 3) uint8, what it came from.
    """
    energy, reference = motion_energy(moved), motion_energy(source)
    strong = reference > np.quantile(reference, _STRONG)
    return float(energy[strong].mean()), float(energy[~strong].mean())
