"""The configuration: what the workflow is to compute (``config/config.yaml``)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from onereel.base.errors import ConfigError
from onereel.base.readers import complaint, read_checked
from onereel.methods.base import LARGEST_SEED

DEMO_CONFIG = Path("config/demo/config.yaml")
"""What the demo computes, relative to the repository's root."""


class Config(BaseModel):
    """What to compute; how and where to run it is a profile's matter. Paths are relative to the repository's root."""

    # Strict: "1" or true for a seed is a mistake, not a number.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    clips: str = "config/clips.tsv"
    """The clip sheet."""
    runs: str = "config/runs.tsv"
    """The run sheet."""
    heldout: Annotated[str, BeforeValidator(lambda value: "" if value is None else value)] = ""
    """The held-out sheet; empty for no tests."""
    edits: Annotated[str, BeforeValidator(lambda value: "" if value is None else value)] = ""
    """The sheet of known edits; empty for none."""
    studies: Annotated[str, BeforeValidator(lambda value: "" if value is None else value)] = ""
    """The sheet of studies with people; empty for none."""
    tables: list[str] = ["config/tables/comparison.yaml"]
    """Table descriptions."""
    metrics: list[str] = Field(
        default=["svfid", "sgfid", "diversity", "coherence", "completeness", "detail", "nnfdiv", "nnfdist"],
        min_length=1,
    )
    """Metrics by name, in the order of the tables."""
    edit_metrics: list[str] = ["frame_consistency", "prompt_consistency", "warp_error"]
    """Metrics that only edits have besides, and the calibration of clips that are edited."""
    which_measure: list[str] = []
    """Sets of known edits whose page shows which automatic measure agrees with truth; takes minutes a dozen outputs."""
    comparisons: list[str] = []
    """Descriptions of comparisons beyond one set of known edits (docs/dreamix.md): made by their own target alone."""
    which_measure_edits: int = Field(default=4, ge=3, le=1000)
    """Edits of every kind for which nine outputs made from the truth are measured then; at least 3."""
    weights: Literal["auto", "real", "stand-in"] = "auto"
    """Extractor weights: the real ones where they were fetched, only the real ones, or never those."""
    previews: list[str] = []
    """Clips whose depth, motion and CLIP embeddings the report shows beside the input; ``*`` for all."""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """Seed of every training."""


def project_config(root: Path) -> list[Path]:
    """The file that says what a project computes: its own, or the demo's while there is no project; none where only
    its sheets are there, which then count with all defaults.

    Args:
        root: the repository's root.
    """
    own = root / "config/config.yaml"
    if own.is_file():
        return [own]
    return [] if any((root / sheet).is_file() for sheet in (Config().clips, Config().runs)) else [root / DEMO_CONFIG]


def read_config(files: Sequence[Path], given: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration that files and a command line give together, with the defaults of what none of them names.

    Args:
        files: later ones win.
        given: single values of the command line; they win over all files.

    Raises: ConfigError in one line that names the file and its line, or the command line.
    """
    known = tuple(Config.model_fields)
    schema = TypeAdapter(Config)
    values: dict[str, Any] = {}
    for path in files:
        values |= read_checked(path, "configuration", schema, known).model_dump(exclude_unset=True)
    try:
        return Config.model_validate(values | dict(given)).model_dump()
    except ValidationError as error:
        _, problem, remedy = complaint(error, known)
        raise ConfigError("--config", problem, remedy) from None
