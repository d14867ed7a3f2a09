"""Errors that a user can act on: one line that says where, what is wrong and what to do."""

_LONGEST = 300  # characters of each part of an error


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
        # One line that is read to its end, whatever a library's message or a cell of a sheet holds.
        where, problem, remedy = map(_shortened, (self.where, self.problem, self.remedy))
        return f"{where}: {problem}; {remedy}"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 40]} … {text[-37:]}"


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
