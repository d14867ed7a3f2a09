"""Answers as pages write them, in JSON and CSV, and how they are told from what somebody changed afterwards.

A *session* is what one rater answered in one go. All numbers are whole (milliseconds), so that no spreadsheet rewrites
them. The checksum is no signature: it finds what was changed by accident, or by somebody who did not look it up.
"""

import csv
import io
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from onereel.studies.key import FORMAT

NUMBERS = ("slot", "started", "finished", "preview", "reloads")
SESSION = ("study", "rater", *NUMBERS)
ANSWER = ("item", "shown", "answer", "ms", "plays", "ended")
COLUMNS = (*SESSION, *ANSWER, "checksum")
"""Of the CSV: one row an answer; `shown`: the films from left to right; `ended`: played to the end."""
_RATER = re.compile(r"[A-Za-z0-9_.:@-]{1,64}")
_LARGEST = 2**53


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        item: name of the item.
        shown: names of its films, from left to right.
        answer: a film, not_sure, none, real, fake, or ``scale=points`` joined by semicolons.
        ms: milliseconds from the first frame to the answer.
        plays: how often the item was played, the last one perhaps not to its end.
        ended: whether it was played to the end at least once.
    """

    item: str
    shown: tuple[str, ...]
    answer: str
    ms: int
    plays: int
    ended: bool

    def cells(self) -> tuple[str, ...]:
        """As the CSV has it."""
        return self.item, "+".join(self.shown), self.answer, str(self.ms), str(self.plays), str(int(self.ended))


@dataclass(frozen=True)
class Session:
    """What one rater answered.

    Attributes:
        study: id of the study.
        rater: name that the platform or the page gave them.
        slot: which order of the study they saw.
        started: milliseconds since 1970.
        finished: the same; 0 for a session that was not finished.
        preview: whether somebody only looked at the study.
        reloads: how often the page was loaded again meanwhile.
        answers: in the order in which they were given.
        checksum: as the page wrote it.
        note: why a platform says that this must not count; "" for nothing.
    """

    study: str
    rater: str
    slot: int
    started: int
    finished: int
    preview: bool
    reloads: int
    answers: tuple[Answer, ...]
    checksum: str = ""
    note: str = field(default="", compare=False)

    def head(self) -> tuple[str, ...]:
        """As the CSV has it."""
        numbers = (self.slot, self.started, self.finished, int(self.preview), self.reloads)
        return self.study, self.rater, *map(str, numbers)

    @property
    def expected(self) -> str:
        """The checksum that fits: CRC-32 of the cells, in hexadecimal digits."""
        lines = ["|".join(self.head()), *("|".join(answer.cells()) for answer in self.answers)]
        return f"{zlib.crc32(chr(10).join(lines).encode()):08x}"

    def signed(self) -> "Session":
        """The same with its checksum."""
        return replace(self, checksum=self.expected)


class BadAnswersError(ValueError):
    """What cannot be read as answers; the message is for people."""


def read_sessions(text: str) -> list[Session]:
    """The sessions of a file of ours, JSON (one, or a list) or CSV.

    Raises: BadAnswersError for what is neither.
    """
    text = text.lstrip("\ufeff")
    if text.lstrip()[:1] in ("{", "["):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            raise BadAnswersError("is damaged JSON") from None
        return [session_of(one) for one in (content if isinstance(content, list) else [content])]
    rows = read_table(text)
    if not rows or not set(SESSION) | set(ANSWER) <= rows[0].keys():
        raise BadAnswersError("has no columns of answers")
    return _sessions_of_rows(rows)


def session_of(content: Any) -> Session:
    """A session as the page's JSON has it.

    Raises: BadAnswersError for anything else.
    """
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise BadAnswersError("holds no answers of a study")
    answers = content.get("answers")
    if not isinstance(answers, list) or not all(isinstance(one, Mapping) for one in answers):
        raise BadAnswersError("holds no list of answers")
    rows = [{**one, "shown": "+".join(map(str, one.get("shown") or ()))} for one in answers]
    return _session(content, rows)


def read_table(text: str) -> list[dict[str, str]]:
    """Rows of comma-separated, semicolon-separated or tab-separated text, by column.

    Raises: BadAnswersError for what is no table.
    """
    header = text.partition("\n")[0]
    mark = max(",;\t", key=header.count)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark)
        rows = list(reader)
    except csv.Error as error:
        raise BadAnswersError(f"is no table ({error})") from None
    return [
        {name.strip(): (value or "").strip() for name, value in row.items() if isinstance(name, str)}
        for row in rows
        if any(isinstance(value, str) and value.strip() for value in row.values())
    ]


def to_csv(sessions: Iterable[Session]) -> str:
    """Sessions as one table, a row an answer; cells that a spreadsheet would take for a formula cannot occur."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for session in sessions:
        writer.writerows([*session.head(), *answer.cells(), session.checksum] for answer in session.answers)
    return stream.getvalue()


def to_json(session: Session) -> dict[str, Any]:
    """A session as the page writes it."""
    head = dict(zip(SESSION, session.head(), strict=True))
    numbers = {name: int(head[name]) for name in NUMBERS}
    answers = [
        {"item": one.item, "shown": list(one.shown), "answer": one.answer, "ms": one.ms, "plays": one.plays}
        | {"ended": int(one.ended)}
        for one in session.answers
    ]
    return {"format": FORMAT, **head, **numbers, "answers": answers, "checksum": session.checksum}


def _sessions_of_rows(rows: Sequence[Mapping[str, str]]) -> list[Session]:
    found: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
    for row in rows:
        of_session = found.setdefault(tuple(row.get(name, "") for name in (*SESSION, "checksum")), [])
        if row not in of_session:  # a row that was pasted twice says nothing new
            of_session.append(row)
    return [_session(of_session[0], of_session) for of_session in found.values()]


def _session(head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Session:
    rater = str(head.get("rater", ""))
    if not _RATER.fullmatch(rater):
        raise BadAnswersError(f"holds a rater called '{rater[:40]}'")
    slot, started, finished, preview, reloads = (_whole(head, name) for name in NUMBERS)
    return Session(
        study=str(head.get("study", "")),
        rater=rater,
        slot=slot,
        started=started,
        finished=finished,
        preview=bool(preview),
        reloads=reloads,
        answers=tuple(_answer(row) for row in rows),
        checksum=str(head.get("checksum", "")),
    )


def _answer(row: Mapping[str, Any]) -> Answer:
    return Answer(
        item=str(row.get("item", "")),
        shown=tuple(str(row.get("shown", "")).split("+")),
        answer=str(row.get("answer", "")),
        ms=_whole(row, "ms"),
        plays=_whole(row, "plays"),
        ended=bool(_whole(row, "ended")),
    )


def _whole(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    text = str(int(value) if isinstance(value, bool) else value)
    if not re.fullmatch("[0-9]{1,16}", text) or int(text) > _LARGEST:
        raise BadAnswersError(f"says '{str(value)[:40]}' for {name}, which is no whole number")
    return int(text)
