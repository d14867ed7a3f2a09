"""Which raters do not count, by the rules that the study's file gave before it ran."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from onereel.studies.answers import Answer, Session
from onereel.studies.design import INPUT, Form
from onereel.studies.items import REGULAR, TRAINING
from onereel.studies.key import Key

_FEWEST_SIDES = 8


def counted(session: Session, key: Key) -> list[Answer]:
    """The answers that are neither training nor checks."""
    return [answer for answer in session.answers if key.by_id[answer.item].item.role == REGULAR]


def exclusions(session: Session, key: Key) -> tuple[str, ...]:
    """Why a rater does not count, a reason each; nothing for one who does."""
    rules, reasons = key.design.exclude, []
    if session.note:
        reasons.append(session.note)
    if len(session.answers) < len(key.slots[session.slot]):
        reasons.append("not finished")
    failed = failed_checks(session, key)
    if rules.failed_checks is not None and failed > rules.failed_checks:
        reasons.append("failed checks")
    answers = counted(session, key)
    if not answers:
        return tuple(reasons)
    unplayed = sum(not answer.ended for answer in answers) / len(answers)
    if rules.unplayed is not None and unplayed > rules.unplayed:
        reasons.append("not played to the end")
    if rules.seconds is not None and median(answer.ms for answer in answers) < rules.seconds * 1000:
        reasons.append("too fast")
    if rules.one_side is not None and _one_side(answers, key) > rules.one_side:
        reasons.append("one side only")
    return tuple(reasons)


def failed_checks(session: Session, key: Key) -> int:
    """How many attention checks were answered wrong."""
    checks = [(key.by_id[answer.item], answer.answer) for answer in session.answers]
    return sum(item.item.role not in (REGULAR, TRAINING) and not key.passes(item, answer) for item, answer in checks)


def _one_side(answers: Sequence[Answer], key: Key) -> float:
    """The largest share of choices at one place; of real or fake and of ratings, of one and the same answer.

    Where no real clip is among the films, all of them may well look generated: that tells nothing.
    """
    if key.design.form is Form.REAL and INPUT not in key.design.methods:
        return 0.0
    if key.design.form in (Form.PAIR, Form.BEST):
        places = [str(one.shown.index(one.answer)) for one in answers if one.answer in one.shown]
    else:
        places = [one.answer for one in answers]
    if len(places) < _FEWEST_SIDES:
        return 0.0
    return max(Counter(places).values()) / len(places)
