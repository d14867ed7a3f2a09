"""What a study says: the numbers of the papers, each with an interval, with and without excluded raters."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd

from onereel.studies.agreement import alpha
from onereel.studies.answers import Session
from onereel.studies.design import INPUT, NONE, NOT_SURE, REAL, TRUTH, Form
from onereel.studies.intervals import Estimate, clustered, wilson
from onereel.studies.key import Key
from onereel.studies.raters import exclusions
from onereel.studies.strengths import bradley_terry
from onereel.studies.votes import votes_of

SUCCESS_ABOVE = 2.0
"""An edit succeeds if its mean on every scale is larger (Dreamix, section 6.2)."""
_PERCENT = 100.0


@dataclass(frozen=True)
class Measure:
    """A column: its title, its unit, which values are better."""

    title: str
    unit: str = "%"
    better: str = ""


@dataclass(frozen=True)
class Line:
    """A row: a method, a pair or a kind of edit, with its values by measure; whether it only tells what they mean."""

    label: str
    values: Mapping[str, Estimate | None]
    calibration: bool = False


@dataclass(frozen=True)
class Section:
    """Rows of one kind with their measures."""

    name: str
    title: str
    caption: str
    measures: Mapping[str, Measure]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Findings:
    """What some raters said.

    Attributes:
        raters: how many.
        answers: how many that count.
        sections: the numbers.
        agreement: Krippendorff's alpha by what it is of, and by what its interval draws: items, raters.
    """

    raters: int
    answers: int
    sections: tuple[Section, ...]
    agreement: Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True)
class Analysis:
    """Both sides of the exclusions.

    Attributes:
        counted: without the raters that the study's rules exclude: what is reported.
        everybody: with them.
        excluded: how many raters each reason excludes; a rater may have several.
    """

    counted: Findings
    everybody: Findings
    excluded: Mapping[str, int] = field(default_factory=dict)


def analyse(sessions: Sequence[Session], key: Key) -> Analysis:
    """The numbers of a study, with and without exclusions.

    Args:
        sessions: one for each rater.
        key: of the study.
    """
    reasons = {session.rater: exclusions(session, key) for session in sessions}
    kept = [session for session in sessions if not reasons[session.rater]]
    excluded = Counter(reason for found in reasons.values() for reason in found)
    return Analysis(findings(kept, key), findings(sessions, key), dict(excluded))


def findings(sessions: Sequence[Session], key: Key) -> Findings:
    """The numbers of these raters."""
    votes = votes_of(sessions, key)
    of_form: Mapping[Form, Callable[[pd.DataFrame, Key], list[Section]]] = {
        Form.PAIR: _pairs,
        Form.REAL: _real,
        Form.RATING: _ratings,
        Form.BEST: _best,
    }
    answers = len(votes) // max(len(key.design.rated), 1)
    if votes.empty:
        return Findings(len(sessions), 0, (), {})
    return Findings(len(sessions), answers, tuple(of_form[key.design.form](votes, key)), _agreement(votes, key))


def _agreement(votes: pd.DataFrame, key: Key) -> dict[str, dict[str, Estimate]]:
    seed = key.design.seed
    if key.design.form is Form.RATING:
        scales = key.design.rated
        return {scale: alpha(votes[votes["scale"] == scale], "points", ordinal=True, seed=seed) for scale in scales}
    return {"answers": alpha(votes, "said", seed=seed)}


# ------------------------------------------------------------------------------------------------------------- 2AFC

_PAIR_MEASURES = {
    "preferred": Measure("Preferred"),
    "shared": Measure("Preferred (ties halved; other raters and clips)"),
    "majority": Measure("Majority vote"),
    "not_sure": Measure("Not sure"),
}


def _pairs(votes: pd.DataFrame, key: Key) -> list[Section]:
    lines = []
    for one, other in combinations(key.design.methods, 2):
        of_pair = votes[[set(pair) == {one, other} for pair in votes["methods"]]]
        if not of_pair.empty:
            lines.append(Line(f"{one} over {other}", preference(of_pair, one, key)))
    pairs = Section(
        "pairs",
        "Which is better",
        "Share of the votes for the first of two methods among those for either, with Wilson's interval, as the papers "
        "print it; the same with votes that are not sure as halves and an interval for other raters and clips; share "
        "of the items that most raters give to it.",
        _PAIR_MEASURES,
        tuple(lines),
    )
    strengths = bradley_terry(votes, seed=key.design.seed) if len(key.design.methods) > 2 else {}
    ranked = sorted(strengths.items(), key=lambda item: -item[1].value)
    scale = Section(
        "strengths",
        "One scale for all",
        "Bradley-Terry with ties, around the mean: 400 points are odds of ten to one.",
        {"points": Measure("Strength", "Elo points", "higher")},
        tuple(Line(name, {"points": points}, _calibrates(name)) for name, points in ranked),
    )
    return [pairs, scale] if ranked else [pairs]


def preference(votes: pd.DataFrame, one: str, key: Key) -> dict[str, Estimate | None]:
    """How one of two methods fares, in per cent, by the measures of the table.

    Args:
        votes: of `votes_of`, of these two methods alone.
        one: the method.
        key: of the study.
    """
    choice = votes["choice"]
    hits, ties = int((choice == one).sum()), int((choice == NOT_SURE).sum())
    halves = np.where(choice == one, 1.0, np.where(choice == NOT_SURE, 0.5, 0.0))
    winners = [_majority(chosen) for _, chosen in votes.groupby("item")["choice"]]
    decided = [winner for winner in winners if winner not in ("", NOT_SURE)]
    values = {
        "preferred": wilson(hits, len(votes) - ties),
        "shared": clustered(halves, _of(votes, "rater"), _of(votes, "item"), seed=key.design.seed),
        "majority": wilson(sum(winner == one for winner in decided), len(decided)),
        "not_sure": wilson(ties, len(votes)) if NOT_SURE in key.design.allow else None,
    }
    return _scaled(values)


def _majority(choices: Iterable[str]) -> str:
    """What was said most often; "" where two were equally often."""
    (first, most), *rest = Counter(choices).most_common(2)
    return "" if rest and rest[0][1] == most else first


# ---------------------------------------------------------------------------------------------------- real or fake

_REAL_MEASURES = {
    "majority": Measure("Judged real (majority)", "%", "higher"),
    "votes": Measure("Judged real (votes)", "%", "higher"),
    "shared": Measure("Votes (other raters and clips)", "%", "higher"),
}


def _real(votes: pd.DataFrame, key: Key) -> list[Section]:
    lines = []
    for method in key.design.methods:
        of_method = votes[[shown == (method,) for shown in votes["methods"]]]
        if of_method.empty:
            continue
        real = (of_method["choice"] == REAL).to_numpy()
        winners = [_majority(chosen) for _, chosen in of_method.groupby("item")["choice"]]
        decided = [winner for winner in winners if winner]
        values = {
            "majority": wilson(decided.count(REAL), len(decided)),
            "votes": wilson(int(real.sum()), len(real)),
            "shared": clustered(
                real.astype(float), _of(of_method, "rater"), _of(of_method, "item"), seed=key.design.seed
            ),
        }
        lines.append(Line(method, _scaled(values), _calibrates(method)))
    caption = (
        "Share of the videos that most of their raters judge real (n: videos), and of all votes (n: votes), with "
        "Wilson's interval; and an interval for other raters and videos."
    )
    return [Section("real", "Real or generated", caption, _REAL_MEASURES, tuple(lines))]


# --------------------------------------------------------------------------------------------------------- ratings


def _ratings(votes: pd.DataFrame, key: Key) -> list[Section]:
    scales = list(key.design.rated)
    measures = {scale: Measure(scale.replace("_", " ").capitalize(), "1 to 5", "higher") for scale in scales}
    measures["success"] = Measure("Success", "%", "higher")
    lines = []
    for method in key.design.methods:
        of_method = votes[[shown == (method,) for shown in votes["methods"]]]
        if of_method.empty:
            continue
        values: dict[str, Estimate | None] = {}
        for scale in scales:
            rated = of_method[of_method["scale"] == scale]
            values[scale] = clustered(
                rated["points"].to_numpy(), _of(rated, "rater"), _of(rated, "item"), seed=key.design.seed
            )
        means = of_method.groupby(["item", "scale"])["points"].mean().unstack()
        succeeded = (means > SUCCESS_ABOVE).all(axis=1)
        values |= _scaled({"success": wilson(int(succeeded.sum()), len(succeeded))})
        lines.append(Line(method, values, _calibrates(method)))
    caption = (
        "Mean points, with an interval for other raters and edits; an edit succeeds if its mean is larger than "
        f"{SUCCESS_ABOVE:g} on every scale (Molad et al. 2023), with Wilson's interval (n: edits)."
    )
    return [Section("ratings", "Ratings", caption, measures, tuple(lines))]


# ----------------------------------------------------------------------------------------------------- best of several


def _best(votes: pd.DataFrame, key: Key) -> list[Section]:
    columns = [*key.design.methods, *key.design.allow]
    names = {NONE: "None", NOT_SURE: "Not sure"}
    measures = {name: Measure(names.get(name, name)) for name in columns}
    kinds = list(dict.fromkeys(kind for kind in votes["kind"] if kind))
    groups = [(kind, votes[votes["kind"] == kind]) for kind in kinds]
    everything = [("all", votes)] if len(groups) != 1 else []
    lines = tuple(
        Line(name, _scaled({column: wilson(int((of["choice"] == column).sum()), len(of)) for column in columns}))
        for name, of in [*groups, *everything]
    )
    caption = "Share of the votes for each method by kind of edit, as Dreamix's Table 1, with Wilson's interval."
    shared = Section("best", "The best of several", caption, measures, lines)
    methods = []
    for method in key.design.methods:
        shown = votes[[method in of for of in votes["methods"]]]
        chosen = (shown["choice"] == method).to_numpy().astype(float)
        winners = [_majority(found) for _, found in shown.groupby("item")["choice"]]
        decided = [winner for winner in winners if winner]
        values = {
            "chosen": clustered(chosen, _of(shown, "rater"), _of(shown, "item"), seed=key.design.seed),
            "majority": wilson(decided.count(method), len(decided)),
        }
        methods.append(Line(method, _scaled(values), _calibrates(method)))
    by_method = Section(
        "chosen",
        "By method",
        "Share of the votes, with an interval for other raters and items; share of the items that most give to it.",
        {"chosen": Measure("Chosen", "%", "higher"), "majority": Measure("Majority vote", "%", "higher")},
        tuple(methods),
    )
    return [shared, by_method]


def _calibrates(method: str) -> bool:
    return method in (INPUT, TRUTH)


def _scaled(values: Mapping[str, Estimate | None]) -> dict[str, Estimate | None]:
    return {name: found and found.scaled(_PERCENT) for name, found in values.items()}


def _of(votes: pd.DataFrame, column: str) -> np.ndarray:
    return votes[column].to_numpy().astype(str)
