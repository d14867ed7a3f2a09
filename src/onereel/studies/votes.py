"""Answers with the key put to them: one row a vote, in a data frame."""

from collections.abc import Iterable

import pandas as pd

from onereel.studies.answers import Session
from onereel.studies.design import Form
from onereel.studies.key import Key, KeyItem, parse_points
from onereel.studies.raters import counted

COLUMNS = ("rater", "item", "subject", "kind", "methods", "choice", "said", "scale", "points", "ms")


def votes_of(sessions: Iterable[Session], key: Key) -> pd.DataFrame:
    """The answers that count, training and checks left out.

    Columns: ``rater``, ``item``, ``subject``, ``kind`` (of an edit), ``methods`` (those shown, in the order of the
    sheet), ``choice`` (a method, not_sure, none, real, fake; "" for ratings), ``said`` (for agreement: of a film its
    place among those of the item, in an order that says nothing of methods), ``scale`` and ``points`` (of ratings, a
    row for each scale; else "" and NaN), ``ms``.
    """
    rows = []
    for session in sessions:
        for answer in counted(session, key):
            item = key.by_id[answer.item]
            told = (session.rater, item.id, item.item.subject, item.item.kind, item.item.methods)
            if key.design.form is Form.RATING:
                points = parse_points(answer.answer)
                rows += [(*told, "", "", scale, float(points[scale]), answer.ms) for scale in key.design.rated]
            else:
                rows.append(
                    (*told, _choice(item, answer.answer), _said(item, answer.answer), "", float("nan"), answer.ms)
                )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _choice(item: KeyItem, answer: str) -> str:
    return item.method_of(answer) if answer in item.films else answer


def _said(item: KeyItem, answer: str) -> str:
    return str(sorted(item.films).index(answer)) if answer in item.films else answer
