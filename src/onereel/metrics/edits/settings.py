"""Above what an edit succeeds; ``config/edits.yaml`` holds the values."""

from pathlib import Path

from pydantic import Field, TypeAdapter

from onereel.base.readers import read_checked
from onereel.base.settings import Settings


class EditThresholds(Settings):
    """Chosen by `choose_thresholds` on pairs below `FIRST_UNSEEN`."""

    others_kept: float = Field(default=0.8, ge=0, le=1)
    """Share of the other attributes that must be kept."""
    psnr_outside: float = Field(default=20.0, ge=0)
    """dB to the source outside the mask, where there is an outside."""
    psnr_truth: float = Field(default=20.0, ge=0)
    """dB to the true edit, where the mask is everything."""
    ssim_truth: float = Field(default=0.5, ge=-1, le=1)
    """To the true edit, where the mask is everything and the source is a pencil sketch."""


def read_thresholds(path: Path) -> EditThresholds:
    """The thresholds of a YAML file.

    Raises: ConfigError naming the file and line for what does not fit.
    """
    return read_checked(path, "thresholds", TypeAdapter(EditThresholds), tuple(EditThresholds.model_fields))
