"""Methods compared in pairs, over the clips that both have: who got the easier clips then makes no difference."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from onereel.metrics.aggregate import mean_interval
from onereel.report.load.project import DONE, MetricRecord, Project, RunEntry

MOST_METHODS = 40
"""Of one task: their pairs are so many that nobody reads more, and they take seconds."""
_Key = tuple[str, str]


@dataclass(frozen=True)
class Pair:
    """Two methods by one metric.

    Attributes:
        task: what both were asked for.
        first, second: titles of the methods.
        metric: its name.
        column: title of its column; values of two columns are never subtracted.
        unit: its unit.
        better: ``"lower"``, ``"higher"`` or empty.
        clips: on how many clips both have a value.
        mean: mean over these clips of first less second, each a mean over the samples on the clip.
        low, high: bounds of the 95 % bootstrap interval over clips; None for one clip.
        wins, losses: on how many clips the first is better, worse; 0 where there is no better.
    """

    task: str
    first: str
    second: str
    metric: str
    column: str
    unit: str
    better: str
    clips: int
    mean: float
    low: float | None
    high: float | None
    wins: int
    losses: int

    @property
    def apart(self) -> bool:
        """Whether the interval leaves 0 out: the two differ by more than clips do."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def paired(project: Project) -> tuple[Pair, ...]:
    """Every two methods of one task that share a clip, by every metric that both have, measured alike."""
    runs = _rivals(project)
    tasks = dict.fromkeys(str(run.row.task) for run in runs)
    return tuple(pair for task in tasks for pair in _of_task(task, [run for run in runs if str(run.row.task) == task]))


def left_out(project: Project) -> int:
    """How many methods have no pairs, since there are more than `MOST_METHODS` of their task."""
    runs = _rivals(project)
    methods = {(str(run.row.task), run.title) for run in runs}
    counts = [sum(1 for task, _ in methods if task == one) for one in {task for task, _ in methods}]
    return sum(max(count - MOST_METHODS, 0) for count in counts)


def to_csv(pairs: Sequence[Pair]) -> str:
    """All pairs, one a row."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = ["task", "first", "second", "metric", "column", "unit", "better", "clips", "mean", "low", "high"]
    writer.writerow([*names, "wins", "losses"])
    for pair in pairs:
        values = [getattr(pair, name) for name in [*names, "wins", "losses"]]
        writer.writerow(["" if value is None else value for value in values])
    return stream.getvalue()


def _rivals(project: Project) -> list[RunEntry]:
    """Runs that compare: samples that only show that everything works are held against nothing."""
    runs = [run for run in project.runs if run.status == DONE and run.row.clip]
    return [run for run in runs if not run.calibration and not run.demo]


def _of_task(task: str, runs: Sequence[RunEntry]) -> Iterator[Pair]:
    titles = list(dict.fromkeys(run.title for run in runs))[:MOST_METHODS]
    found = {title: _means([run for run in runs if run.title == title]) for title in titles}
    heads: dict[_Key, MetricRecord] = {}
    for run in runs:
        for record in run.records:
            heads.setdefault((record.metric, record.column), record)
    for first, second in combinations(titles, 2):
        for key, head in heads.items():
            pair = _pair(task, first, second, head, found[first].get(key, {}), found[second].get(key, {}))
            if pair:
                yield pair


def _means(runs: Sequence[RunEntry]) -> dict[_Key, dict[tuple[str, str], float]]:
    """Means over samples by metric and column, then by clip and protocol."""
    values: dict[_Key, dict[tuple[str, str], list[float]]] = {}
    for run in runs:
        for record in run.records:
            if record.value is not None:
                of_metric = values.setdefault((record.metric, record.column), {})
                of_metric.setdefault((run.row.clip, record.protocol), []).append(record.value)
    return {
        key: {place: math.fsum(found) / len(found) for place, found in of_metric.items()}
        for key, of_metric in values.items()
    }


def _pair(
    task: str,
    first: str,
    second: str,
    head: MetricRecord,
    mine: Mapping[tuple[str, str], float],
    theirs: Mapping[tuple[str, str], float],
) -> Pair | None:
    """None where they share no clip, or a difference has no bound."""
    shared = [place for place in mine if place in theirs]
    # Two infinite values are equal; their difference would be no number.
    differences = [0.0 if mine[place] == theirs[place] else mine[place] - theirs[place] for place in shared]
    if not differences or not all(map(math.isfinite, differences)):
        return None
    interval = mean_interval(differences)
    sign = {"lower": -1, "higher": 1}.get(head.better, 0)
    return Pair(
        task=task,
        first=first,
        second=second,
        metric=head.metric,
        column=head.column,
        unit=head.unit,
        better=head.better,
        clips=len(differences),
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        wins=sum(sign * difference > 0 for difference in differences),
        losses=sum(sign * difference < 0 for difference in differences),
    )
