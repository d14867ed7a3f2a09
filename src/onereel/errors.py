"""Errors that a user can act on: one line that says where, what is wrong and what to do."""

from onereel.masking import masked
from onereel.naming import readable


class OnereelError(Exception):
    """Base of every error caused by input, settings or a missing file, never by a bug.

    Args:
        where: the thing at fault as the user named it, e.g. ``"clip 'birds'"`` or ``"config/runs.tsv, row 3"``.
        problem: what is wrong with it.
        remedy: what the user can do about it.
    """

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        self.where, self.problem, self.remedy = where, problem, remedy
        super().__init__(where, problem, remedy)

    def __str__(self) -> str:
        # One line whatever a library's message holds, so that logs and tables stay readable.
        return masked(readable(" ".join(f"{self.where}: {self.problem}; {self.remedy}".split())))


class ClipError(OnereelError):
    """A video that cannot be read, or is not usable as a clip."""


class ConfigError(OnereelError):
    """A sheet, a YAML file or a setting that does not fit its schema."""


class MethodError(OnereelError):
    """A method that cannot do what was asked with this clip and these settings."""


class MetricError(OnereelError):
    """Clips that a metric cannot compare."""


class WeightsError(OnereelError):
    """Weights that are missing, damaged or not what config/weights.yaml says."""
