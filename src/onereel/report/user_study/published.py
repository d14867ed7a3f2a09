"""What papers found in studies with people (``config/published_studies.yaml``), to stand in grey beside ours."""

from pathlib import Path

from pydantic import TypeAdapter

from onereel.base.paths import config_folder
from onereel.base.readers import read_checked
from onereel.base.settings import Settings
from onereel.studies.design import Form

_FILE = "published_studies.yaml"


class PublishedStudy(Settings):
    """One value of one paper."""

    form: Form
    """Of the studies that it stands beside."""
    label: str
    """What was compared."""
    measure: str
    """Of ours, the one that it is."""
    value: float
    """In the measure's unit."""
    spread: float | None = None
    """What the paper prints after a plus-minus sign."""
    source: str
    """Paper, table or section, and how it was asked."""


class _File(Settings):
    published: tuple[PublishedStudy, ...]


def read_published(path: Path | None = None) -> tuple[PublishedStudy, ...]:
    """The values of a YAML file; without one, of the project's.

    Raises: ConfigError naming the file and line for what does not fit.
    """
    path = path or config_folder(_FILE) / _FILE
    known = ["published", *PublishedStudy.model_fields]
    return read_checked(path, "list of published studies", TypeAdapter(_File), known).published
