"""Values of samples, and methods beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onereel.api.sampling import load
from onereel.base.devices import resolve_device
from onereel.base.progress import no_progress, terminal_progress
from onereel.metrics.evaluation import evaluate as measure
from onereel.metrics.evaluation import format_summary
from onereel.video.clip import Clip
from onereel.weights.entries import Mode

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Evaluation:
    """What metrics say of samples.

    Attributes:
        result: as `onereel.metrics.evaluation.evaluate` returns it: ``records``, ``summary``, ``left_out``, ...
    """

    result: Mapping[str, Any]

    def __getitem__(self, metric: str) -> float:
        """The mean of a metric. Raises: KeyError where it was not measured."""
        return float(self.result["summary"][metric]["mean"])

    def table(self) -> pd.DataFrame:
        """Mean and 95 % interval by metric: columns mean, low, high, n, better, unit, stand_in."""
        import pandas as pd

        summary = self.result["summary"]
        rows = {entry["column"]: {key: entry[key] for key in _SHOWN} for entry in summary.values()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=_SHOWN)

    def records(self) -> pd.DataFrame:
        """Every value: columns metric, sample, value, weights, stand_in, note, ..."""
        import pandas as pd

        return pd.DataFrame(self.result["records"])

    def __str__(self) -> str:
        return format_summary(self.result)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        left = "".join(f"<li>{name}: {why}</li>" for name, why in self.result["left_out"].items())
        note = f"<p>Left out:</p><ul>{left}</ul>" if left else ""
        return self.table().to_html(float_format=_number, na_rep="–") + note


_SHOWN = ["mean", "low", "high", "n", "better", "unit", "stand_in"]


@dataclass(frozen=True)
class Comparison:
    """What metrics say of several methods.

    Attributes:
        evaluations: by name.
    """

    evaluations: Mapping[str, Evaluation]

    def table(self) -> pd.DataFrame:
        """Means: a row for each name, a column for each metric."""
        import pandas as pd

        rows = {
            name: {entry["column"]: entry["mean"] for entry in one.result["summary"].values()}
            for name, one in self.evaluations.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index")

    def __str__(self) -> str:
        return self.table().to_string(float_format=_number, na_rep="–")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table().to_html(float_format=_number, na_rep="–")


def evaluate(
    clip: Clip | Path | str | None,
    samples: Sequence[Clip] | Mapping[str, Clip],
    *,
    metrics: Sequence[str] | None = None,
    prompt: str = "",
    align: str = "",
    weights: Mode = "auto",
    device: str = "auto",
    progress: bool = True,
) -> Evaluation:
    """Measure samples against the clip that they were made from.

    Args:
        clip: what they were made from, or whatever `load` takes; None for samples that were made of none.
        samples: clips, by name or in their order.
        metrics: names; None: all that can be computed here.
        prompt: what samples should show, for prompt consistency; "": what their records say, if all say the same.
        align: ``crop``, ``resize`` or ``crop+resize`` for samples of another length or size.
        weights: of extractors: real where fetched (``auto``), or only ``real`` or ``stand-in`` ones.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: draw bars.

    Raises: OnereelError in one line for a metric that does not exist, no sample, clips that do not compare.
    """
    named = samples if isinstance(samples, Mapping) else {str(index): one for index, one in enumerate(samples)}
    reference = clip if clip is None or isinstance(clip, Clip) else load(clip)
    said = {str(getattr(one, "record", {}).get("prompt", "")) for one in named.values()}
    result = measure(
        reference,
        named,
        metrics=metrics,
        weights=weights,
        align=align,
        prompt=prompt or (said.pop() if len(said) == 1 else ""),
        device=resolve_device(device),
        progress=terminal_progress if progress else no_progress,
    )
    return Evaluation(result)


def compare(
    clip: Clip | Path | str | None, samples: Mapping[str, Sequence[Clip] | Mapping[str, Clip]], **further: Any
) -> Comparison:
    """Measure samples of several methods against one clip.

    Args:
        clip: what they were made from.
        samples: those of a method, by the name that the table shall have for it.
        further: as for `evaluate`.

    Raises: as `evaluate`.
    """
    reference = clip if clip is None or isinstance(clip, Clip) else load(clip)
    return Comparison({name: evaluate(reference, drawn, **further) for name, drawn in samples.items()})


def _number(value: float) -> str:
    return f"{value:.3g}"
