"""What raters are told, by form: instructions and keys."""

from onereel.studies.design import NONE, NOT_SURE, SOURCE, Design, Form

_SECONDS_EACH = 12  # of a question, as people take for short films


def steps(design: Design) -> list[str]:
    """The instructions, a step each."""
    what = {
        Form.PAIR: "You see two videos, A and B, which play together.",
        Form.REAL: "You see one video.",
        Form.RATING: "You see a video, and beside it the original that it was made from.",
        Form.BEST: "You see several videos, A, B, C and so on, which play together.",
    }[design.form]
    if design.form in (Form.PAIR, Form.BEST) and SOURCE in design.show:
        what += " Beside them is the original."
    how = {
        Form.PAIR: "Choose the one that is better.",
        Form.REAL: "Say whether it is real or was generated.",
        Form.RATING: "Rate it from 1 (very bad) to 5 (very good) on every scale.",
        Form.BEST: "Choose the best one.",
    }[design.form]
    further = {NOT_SURE: "not sure", NONE: "none of them"}
    if design.allow:
        how += f" You may also answer “{'” or “'.join(further[answer] for answer in design.allow)}”."
    told = [what, _limits(design), how]
    if design.training:
        come = "comes" if design.training == 1 else "come"
        told.append(f"First {come} {_count(design.training, 'question')} to practise on.")
    told.append("Please look closely: some questions only check that you do.")
    return [step for step in told if step]


def _limits(design: Design) -> str:
    watch = "Watch to the end before you answer."
    if design.plays is None:
        return f"{watch} You may watch as often as you like."
    seconds = f", for {design.seconds:g} seconds each time" if design.seconds else ""
    times = {1: "once", 2: "twice"}.get(design.plays, f"{design.plays} times")
    return f"{watch} You can play each question {times}{seconds}; press play when you are ready."


def hints(design: Design) -> list[tuple[tuple[str, ...], str]]:
    """Keys, and what they do."""
    answer = {
        Form.PAIR: ((("←", "→"), "choose A or B"), (("↓",), "not sure")),
        Form.REAL: ((("R", "G"), "real or generated"),),
        Form.RATING: ((("1", "5"), "rate, scale after scale"),),
        Form.BEST: ((("A", "B", "…"), "choose"),),
    }[design.form]
    kept = [hint for hint in answer if hint[1] != "not sure" or NOT_SURE in design.allow]
    return [(("Space",), "play and pause"), *kept, (("Enter",), "next")]


def length(questions: int, training: int) -> str:
    """How long it takes, in words."""
    minutes = max(1, round(questions * _SECONDS_EACH / 60))
    return f"There are {questions - training} questions; they take about {_count(minutes, 'minute')}."


def _count(number: int, noun: str) -> str:
    return f"{'one' if number == 1 else number} {noun}{'s' * (number != 1)}"
