"""Answers of all kinds: ours in JSON and CSV, MTurk's and Prolific's tables, and those that must not count."""

import csv
import io
import json
from dataclasses import replace

import pytest

from onereel.base.errors import ConfigError
from onereel.base.files import write_json
from onereel.studies.answers import COLUMNS, BadAnswersError, read_sessions, to_csv, to_json
from onereel.studies.collect import collect
from onereel.studies.key import read_key
from onereel.studies.raters import exclusions
from onereel.studies.simulate import Crowd, simulate
from tests.unit.studies import design, key_of

KEY = key_of(design(raters=6, per_rater=10))
SESSIONS = simulate(KEY, Crowd({"vgpnn": 1.0}, ties=0.2), 6)
FIRST = SESSIONS[0]


def told(tmp_path, *texts: str, key=KEY):
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.{'json' if text.startswith(('{', '[')) else 'csv'}").write_text(text, encoding="utf-8")
    return collect([tmp_path], key)


def as_json(*sessions) -> str:
    return json.dumps([to_json(session) for session in sessions])


def reason(collected) -> str:
    assert not collected.sessions
    ((_, why),) = collected.refused
    return why


def test_json_and_csv_hold_the_same(tmp_path):
    found = told(tmp_path, as_json(*SESSIONS[:3]), to_csv(SESSIONS[2:]))
    assert list(found.sessions) == SESSIONS
    assert found.duplicates == 1
    assert not found.refused
    assert "stood there more than once" in " ".join(found.summary())


@pytest.mark.parametrize(
    "habit",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
        lambda text: text + "\n\n,,,\n",
        lambda text: text + "".join(text.splitlines(keepends=True)[1:3]),  # rows pasted once more
    ],
)
def test_what_spreadsheets_make_of_a_csv_changes_nothing(tmp_path, habit):
    found = told(tmp_path, habit(to_csv(SESSIONS)))
    assert list(found.sessions) == SESSIONS, found.refused


def test_changed_answers_are_refused(tmp_path):
    answer = FIRST.answers[3]
    other = next(film for film in answer.shown if film != answer.answer)
    for number, changed in enumerate(
        [
            replace(FIRST, answers=(*FIRST.answers[:3], replace(answer, answer=other), *FIRST.answers[4:])),
            replace(FIRST, answers=FIRST.answers[:-1]),
            replace(FIRST, answers=FIRST.answers[::-1]),
            replace(FIRST, rater="somebody-else"),
            replace(FIRST, preview=True),
        ]
    ):
        (tmp_path / str(number)).mkdir()
        assert "was changed after it was written" in reason(told(tmp_path / str(number), as_json(changed)))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda s: replace(s, study="0123456789abcdef"), "answers another study"),
        (lambda s: replace(s, slot=99), "says order 99; there are 6"),
        (lambda s: replace(s, slot=1), "does not hold|showed other films"),
        (lambda s: replace(s, answers=(*s.answers[:-1], s.answers[0])), "twice"),
        (lambda s: replace(s, answers=(replace(s.answers[0], answer="f9999"), *s.answers[1:])), "which is no answer"),
        (lambda s: replace(s, answers=(replace(s.answers[0], answer="vgpnn"), *s.answers[1:])), "which is no answer"),
        (lambda s: replace(s, answers=(replace(s.answers[1], shown=("f1", "f2")), *s.answers[2:])), "other films"),
        (lambda s: replace(s, answers=s.answers[:4]), "finished, with 4 of 13"),
        (lambda s: replace(s, finished=s.started + 1), "took longer than all of it"),
    ],
)
def test_what_no_page_could_have_written_is_refused_even_with_a_fitting_checksum(tmp_path, change, why):
    found = reason(told(tmp_path, as_json(change(FIRST).signed())))
    assert any(part in found for part in why.split("|")), found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is damaged JSON"),
        ("[" * 100_000, "is damaged JSON"),
        ('{"format": "other"}', "holds no answers of a study"),
        ("[1, 2]", "holds no answers of a study"),
        ('{"format": "onereel-study-1", "answers": "none"}', "holds no list of answers"),
        ("name,age\nme,3\n", "has no columns of answers"),
        ("just words", "has no columns of answers"),
        ("", "has no columns of answers"),
        (to_csv([FIRST]).replace("simulated-0000", "=cmd|'/c calc'!A1"), "holds a rater called"),
        (to_csv([FIRST]).replace(str(FIRST.started), "1.76e12"), "says '1.76e12' for started"),
        (to_csv([FIRST]).replace(str(FIRST.started), "-5"), "says '-5' for started"),
        (to_csv([FIRST]).replace(str(FIRST.started), "9" * 16), "is no whole number"),
        (as_json(replace(FIRST, rater="<script>")), "holds a rater called"),
    ],
)
def test_files_that_are_none_are_refused_in_a_line(tmp_path, text, why):
    found = told(tmp_path, text or " ", to_csv(SESSIONS[1:2]))
    assert [session.rater for session in found.sessions] == ["simulated-0001"]
    assert why in found.refused[0][1]
    assert "\n" not in found.refused[0][1]


def test_of_a_rater_who_answers_again_the_first_whole_session_counts(tmp_path):
    half = replace(FIRST, finished=0, started=FIRST.started - 9000, answers=FIRST.answers[:5]).signed()
    again = replace(FIRST, started=FIRST.started + 60_000, finished=FIRST.finished + 60_000).signed()
    found = told(tmp_path, as_json(again, half, FIRST))
    assert found.sessions == (FIRST,)
    assert [why for _, why in found.refused] == ["answered once more; another session counts"] * 2
    assert exclusions(half, KEY) == ("not finished",)


def test_previews_are_left_out_and_said(tmp_path):
    found = told(tmp_path, as_json(replace(FIRST, preview=True).signed()))
    assert found.previews == 1
    assert not found.sessions
    assert not found.refused


def test_batch_results_of_mturk_are_read(tmp_path):
    rows = [
        {"HITId": "3X", "WorkerId": session.rater, "AssignmentStatus": status, "Answer.study": KEY.id,
         "Answer.answers": json.dumps(to_json(session))}
        for session, status in zip(SESSIONS, ["Approved", "Submitted", "Rejected"], strict=False)
    ]  # fmt: skip
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    found = told(tmp_path, stream.getvalue())
    assert [session.rater for session in found.sessions] == [f"simulated-000{n}" for n in range(3)]
    assert [exclusions(session, KEY) for session in found.sessions] == [(), (), ("MTurk: Rejected",)]
    assert found.sessions == tuple(SESSIONS[:3])


def test_prolifics_export_says_whose_submissions_do_not_count(tmp_path):
    export = "Submission id,Participant id,Status,Time taken\n" + "".join(
        f"s{number},simulated-000{number},{status},300\n"
        for number, status in enumerate(["APPROVED", "AWAITING REVIEW", "RETURNED", "TIMED-OUT"])
    )
    found = told(tmp_path, to_csv(SESSIONS), export)
    said = [exclusions(session, KEY) for session in found.sessions]
    assert said == [(), (), ("Prolific: RETURNED",), ("Prolific: TIMED-OUT",), (), ()]


def test_rules_of_the_study_say_who_does_not_count():
    def with_answers(**change):
        return replace(FIRST, answers=tuple(replace(answer, **change) for answer in FIRST.answers))

    def on_one_side(place):
        return replace(FIRST, answers=tuple(replace(one, answer=one.shown[place]) for one in FIRST.answers))

    assert exclusions(FIRST, KEY) == ()
    assert exclusions(with_answers(ms=400), KEY) == ("too fast",)
    assert exclusions(with_answers(ended=False), KEY) == ("not played to the end",)
    assert "one side only" in exclusions(on_one_side(0), KEY)
    assert "one side only" in exclusions(on_one_side(1), KEY)
    assert "failed checks" in exclusions(on_one_side(0), KEY), "an identical pair has no better side"
    everybody = replace(KEY, design=design(exclude=dict.fromkeys(("failed_checks", "unplayed", "seconds", "one_side"))))
    assert exclusions(on_one_side(0), everybody) == ()


def test_keys_come_back_and_other_files_are_refused(tmp_path):
    write_json(tmp_path / "key.json", KEY.plain())
    assert read_key(tmp_path / "key.json") == KEY
    for content, message in ((as_json(FIRST), "is no key"), ("no json", "is no key"), (None, "there is no such key")):
        path = tmp_path / "other.json"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
        with pytest.raises(ConfigError, match=message):
            read_key(path)
    write_json(tmp_path / "damaged.json", {**KEY.plain(), "items": [1]})
    with pytest.raises(ConfigError, match="is a damaged key"):
        read_key(tmp_path / "damaged.json")


def test_no_cell_of_a_csv_is_a_formula():
    rows = list(csv.DictReader(io.StringIO(to_csv(SESSIONS))))
    assert list(rows[0]) == list(COLUMNS)
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@"]
    with pytest.raises(BadAnswersError, match="no columns"):
        read_sessions("a\tb\n")
