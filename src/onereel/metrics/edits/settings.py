"""``config/edits.yaml``: the benchmark of known edits, and above what an edit succeeds."""

from pathlib import Path

from pydantic import Field, TypeAdapter

from onereel.base.paths import config_folder
from onereel.base.readers import read_checked
from onereel.base.settings import Settings
from onereel.scenes.world import EditSet

_FILE = "edits.yaml"


class EditThresholds(Settings):
    """Above what an edit succeeds; chosen by `choose_thresholds` on seeds below `FIRST_UNSEEN`."""

    others_kept: float = Field(default=0.8, ge=0, le=1)
    """Share of the other attributes that must be kept."""
    psnr_outside: float = Field(default=20.0, ge=0)
    """dB to the source outside the mask, where there is an outside."""
    psnr_truth: float = Field(default=20.0, ge=0)
    """dB to the true edit, where the mask is everything."""
    ssim_truth: float = Field(default=0.5, ge=-1, le=1)
    """To the true edit, where the mask is everything and the source is a pencil sketch."""


class EditsConfig(Settings):
    """The whole file."""

    benchmark: EditSet = EditSet()
    """What is exported and reported where no other set is named."""
    thresholds: EditThresholds = EditThresholds()
    """Of success."""


def read_edits_config(path: Path | None = None) -> EditsConfig:
    """The settings of a YAML file; without one, of the project's ``config/edits.yaml``.

    Raises: ConfigError naming the file and line for what does not fit.
    """
    path = path or config_folder(_FILE) / _FILE
    models: dict[str, type[Settings]] = {"benchmark": EditSet, "thresholds": EditThresholds}
    known = [f"{part}.{name}" for part, model in models.items() for name in model.model_fields]
    return read_checked(path, "settings of edits", TypeAdapter(EditsConfig), [*models, *known])
