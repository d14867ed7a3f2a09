"""Answers from files of all kinds, checked against the study's key: what is taken, what is refused, and why."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from onereel.base.errors import ConfigError
from onereel.base.readers import read_text
from onereel.studies.answers import BadAnswersError, Session, read_sessions, read_table, session_of
from onereel.studies.key import Key

_MTURK_ANSWER, _MTURK_STATUS = "Answer.", "AssignmentStatus"
_PROLIFIC = {"participant id": "rater", "participant_id": "rater", "status": "status"}
_PROLIFIC_COUNTS = ("APPROVED", "AWAITING REVIEW", "AWAITING_REVIEW", "ACTIVE")
_SUFFIXES = (".json", ".csv", ".tsv", ".txt")
_SLACK_MS = 5000


@dataclass(frozen=True)
class Collected:
    """What files held.

    Attributes:
        sessions: those that can be counted, one for each rater, in the order of their beginning.
        refused: (where, why) of everything else.
        duplicates: how often a session stood there once more, word for word.
        previews: sessions of people who only looked.
    """

    sessions: tuple[Session, ...]
    refused: tuple[tuple[str, str], ...]
    duplicates: int = 0
    previews: int = 0

    def summary(self) -> list[str]:
        """In words, a line each."""
        answers = sum(len(session.answers) for session in self.sessions)
        lines = [f"{len(self.sessions)} raters with {answers} answers"]
        if self.duplicates:
            lines.append(f"{self.duplicates} sessions stood there more than once: counted once")
        if self.previews:
            lines.append(f"{self.previews} previews are left out")
        return [*lines, *(f"refused: {where}: {why}" for where, why in self.refused)]


def collect(paths: Sequence[Path], key: Key) -> Collected:
    """Read answers: our JSON and CSV, MTurk's batch results, folders of any of them; and Prolific's export, which holds
    none, but says whose submissions were returned or rejected.

    Nothing is mended: a session that is damaged, was changed, or is another study's is refused, and said.

    Raises: ConfigError for a path that is not there, or cannot be read as text.
    """
    found: list[tuple[str, Session]] = []
    refused: list[tuple[str, str]] = []
    notes: dict[str, str] = {}
    for path in _files(paths):
        text = read_text(path, "file of answers")
        try:
            if (told := _prolific(text)) is not None:
                notes |= told
            else:
                found += [(path.name, session) for session in _read(text)]
        except BadAnswersError as error:
            refused.append((path.name, str(error)))
    return _sorted_out(found, refused, notes, key)


def _sorted_out(
    found: Iterable[tuple[str, Session]], refused: list[tuple[str, str]], notes: Mapping[str, str], key: Key
) -> Collected:
    unique: dict[Session, str] = {}
    duplicates = previews = 0
    for where, session in found:
        if session in unique:
            duplicates += 1
        elif why := fault(session, key):
            refused.append((f"{where}, rater {session.rater}", why))
        elif session.preview:
            previews += 1
        else:
            unique[session] = where
    kept: dict[str, Session] = {}
    # The finished one first, then the one that began first: who begins again has seen what comes.
    for session in sorted(unique, key=lambda one: (not one.finished, one.started)):
        if session.rater in kept:
            refused.append((f"{unique[session]}, rater {session.rater}", "answered once more; another session counts"))
        else:
            kept[session.rater] = replace(session, note=session.note or notes.get(session.rater, ""))
    ordered = sorted(kept.values(), key=lambda session: (session.started, session.rater))
    return Collected(tuple(ordered), tuple(refused), duplicates, previews)


def fault(session: Session, key: Key) -> str:
    """Why a session cannot be counted; "" for one that can."""
    if session.study != key.id:
        told = session.study[:20] or "none"
        return (
            f"answers another study, or another build of it ({told}; this is {key.id}): name its key, NAME.{told}.json"
        )
    if session.checksum != session.expected:
        return "was changed after it was written (its checksum does not fit)"
    if session.slot >= len(key.slots):
        return f"says order {session.slot}; there are {len(key.slots)}"
    shown = {item.id: films for item, films in key.shown(session.slot)}
    seen = set()
    for answer in session.answers:
        if answer.item not in shown:
            return f"answers item '{answer.item[:20]}', which its order does not hold"
        if answer.item in seen:
            return f"answers item '{answer.item}' twice"
        seen.add(answer.item)
        if answer.shown != shown[answer.item]:
            return f"says that item '{answer.item}' showed other films"
        if not key.is_answer(key.by_id[answer.item], answer.answer):
            return f"says '{answer.answer[:40]}' of item '{answer.item}', which is no answer to it"
    if session.finished and len(session.answers) < len(shown):
        return f"says that it is finished, with {len(session.answers)} of {len(shown)} answers"
    if session.finished and sum(one.ms for one in session.answers) > session.finished - session.started + _SLACK_MS:
        return "says that answers took longer than all of it"
    return ""


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(item for item in path.iterdir() if item.suffix.lower() in _SUFFIXES and item.is_file())
            if not inside:
                raise ConfigError(f"'{path}'", "holds no answers", "name .json or .csv files, or a folder of them")
            found += inside
        else:
            found.append(path)
    return found


def _read(text: str) -> list[Session]:
    header = text.partition("\n")[0]
    if _MTURK_ANSWER in header or _MTURK_STATUS in header:
        return _mturk(read_table(text))
    return read_sessions(text)


def _mturk(rows: Sequence[Mapping[str, str]]) -> list[Session]:
    """Of a batch's results, the column ``Answer.…`` that holds what the page returned."""
    sessions = []
    for row in rows:
        cells = [value for name, value in row.items() if name.startswith(_MTURK_ANSWER) and value.startswith("{")]
        if not cells:
            raise BadAnswersError("has no column Answer.… that holds answers")
        try:
            content = json.loads(cells[0])
        except (ValueError, RecursionError):
            raise BadAnswersError(f"holds damaged answers of worker {row.get('WorkerId', '')[:40]}") from None
        session = session_of(content)
        status = row.get(_MTURK_STATUS, "")
        sessions.append(replace(session, note=f"MTurk: {status}" if status == "Rejected" else ""))
    return sessions


def _prolific(text: str) -> dict[str, str] | None:
    """By participant, why a submission must not count; None for what is no export of Prolific."""
    header = [name.strip(' "\ufeff').lower() for name in text.partition("\n")[0].replace(";", ",").split(",")]
    if not {"participant id", "status"} <= set(header) and not {"participant_id", "status"} <= set(header):
        return None
    notes = {}
    for row in read_table(text):
        told = {_PROLIFIC.get(name.lower(), ""): value for name, value in row.items()}
        status = told.get("status", "").upper()
        if status and status not in _PROLIFIC_COUNTS:
            notes[told.get("rater", "")] = f"Prolific: {status}"
    return notes
