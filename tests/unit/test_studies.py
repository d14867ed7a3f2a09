"""What raters are shown, in which order, and what their answers say."""

from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import binomtest, norm

from onereel.studies.agreement import alpha
from onereel.studies.analysis import analyse, preference
from onereel.studies.design import Form
from onereel.studies.intervals import clustered, wilson
from onereel.studies.items import IDENTICAL, OBVIOUS, TRAINING, make_items
from onereel.studies.power import exact_power, need, needed_votes, plan_text
from onereel.studies.raters import exclusions
from onereel.studies.schedule import draw_schedule
from onereel.studies.simulate import Crowd, simulate
from onereel.studies.strengths import bradley_terry
from onereel.studies.votes import votes_of
from tests.unit.studies import METHODS, design, key_of, subjects

PAIR = ("vgpnn", "singan_gif")
SEEDS = range(100)


# ---------------------------------------------------------------------------------------------------------- items


def test_every_pair_of_methods_is_compared_sample_by_sample():
    items = [item for item in make_items(design(), subjects()) if not item.role]
    assert len(items) == 4 * 3 * 2, "clips, pairs, samples"
    assert Counter(item.methods for item in items) == dict.fromkeys(combinations(METHODS, 2), 8)
    for item in items:
        (one, other), (film, other_film) = item.methods, item.films
        assert (film.split("/")[0], other_film.split("/")[0]) == (one, other)
        assert film.split("/")[1:] == other_film.split("/")[1:], "the same clip, and the sample of the same number"


def test_fewer_items_keep_equal_shares():
    chosen = [item for item in make_items(design(items=9), subjects()) if not item.role]
    assert len(set(chosen)) == 9
    assert max(Counter(item.methods for item in chosen).values()) <= 4
    assert max(Counter(item.subject for item in chosen).values()) <= 3


@pytest.mark.parametrize(
    ("form", "allow", "roles"),
    [
        (Form.PAIR, ("not_sure",), [TRAINING, IDENTICAL, OBVIOUS]),
        (Form.PAIR, (), [TRAINING, OBVIOUS]),
        (Form.REAL, (), [TRAINING, OBVIOUS]),
        (Form.RATING, (), [TRAINING, IDENTICAL, OBVIOUS]),
        (Form.BEST, ("none", "not_sure"), [TRAINING, IDENTICAL, OBVIOUS]),
    ],
)
def test_checks_have_a_right_answer_that_careful_raters_give(form, allow, roles):
    key = key_of(design(form=form, allow=allow))
    assert [item.item.role for item in key.items if item.item.role] == roles
    careful = simulate(key, Crowd({}, ties=0.2), 40)
    assert {exclusions(session, key) for session in careful} == {()}
    careless = Counter(reason for one in simulate(key, Crowd({}, careless=1), 40) for reason in exclusions(one, key))
    assert careless["failed checks"] > 8, "who presses anything fails one in two checks at least"
    identical = [item for item in key.items if item.item.role == IDENTICAL]
    assert all(len(set(item.item.films)) == 1 for item in identical)
    assert all(len(set(item.films)) == len(item.films) for item in identical), "equal names would tell"


def test_of_a_rating_the_source_stands_beside_and_is_its_own_check():
    items = make_items(design(form="rating", allow=()), subjects())
    assert all(item.source == f"clips/{item.subject}" for item in items)
    (identical,) = [item for item in items if item.role == IDENTICAL]
    assert identical.films == (identical.source,)


# -------------------------------------------------------------------------------------------------------- schedule


@pytest.mark.parametrize("form", [Form.PAIR, Form.BEST])
def test_every_film_is_seen_equally_often_on_every_side(form):
    asked = design(form=form, raters=36, per_rater=8)
    items = make_items(asked, subjects())
    slots = draw_schedule(asked, items)
    seen = Counter(number for slot in slots for number, _ in slot)
    regular = [number for number, item in enumerate(items) if not item.role]
    assert max(seen[number] for number in regular) - min(seen[number] for number in regular) <= 1
    for number in regular:
        places = Counter(order for slot in slots for of, order in slot if of == number)
        first = Counter(order[0] for order in places.elements())
        assert max(first.values()) - min(first.values()) <= 1
    for slot in slots:
        assert len({number for number, _ in slot}) == len(slot) == 8 + 3
        assert items[slot[0][0]].role == TRAINING
        assert not items[slot[1][0]].role, "no check comes first"
    assert len({tuple(slot) for slot in slots}) == len(slots)
    assert slots == draw_schedule(asked, items)
    assert slots != draw_schedule(asked.model_copy(update={"seed": 1}), items)


def test_a_study_is_called_by_what_it_shows():
    key = key_of(design())
    assert key_of(design()).id == key.id
    assert key_of(design(seed=1)).id != key.id
    assert key_of(design(question="Which is best?")).id != key.id
    assert key_of(design(), subjects(methods=("vgpnn", "sinfusion", "gpnn"))).id != key.id


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"form": "rating", "allow": ("not_sure",)}, "form rating has no answer 'not_sure'"),
        ({"allow": ("notsure",)}, "did you mean 'not_sure'"),
        ({"methods": ("vgpnn",)}, "name two or more"),
        ({"methods": ("vgpnn", "vgpnn")}, "a method stands twice"),
        ({"scales": {"quality": "?"}}, "form 2afc has no scales"),
        ({"form": "rating", "allow": (), "scales": {"my quality": "?"}}, "is no short name"),
        ({"post": "answers.example.org"}, "is no address"),
        ({"plays": 0}, "greater than or equal to 1"),
        ({"exclude": {"failed_cheks": 1}}, "Extra inputs"),
    ],
)
def test_what_does_not_fit_together_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        design(**wrong)


# -------------------------------------------------------------------------------------------------------- analysis


def shared(mean: float, spread: float, link) -> float:
    """What raters and items that differ from each other say on average."""
    if not spread:
        return float(link(mean))
    return quad(lambda x: link(mean + spread * x) * norm.pdf(x), -8, 8)[0]


@pytest.mark.parametrize("spread", [0.0, 0.7])
def test_intervals_hold_the_known_preference(spread):
    key = key_of(design(methods=PAIR, per_rater=12, identical=0, obvious=0, training=0), subjects(6, methods=PAIR))
    crowd = Crowd({PAIR[0]: 0.6, PAIR[1]: 0.0}, ties=0.15, rater_spread=spread, item_spread=spread)
    # Of both methods raters and items have opinions: the difference spreads twice as far as one of the four.
    truth = shared(0.6, 2 * spread, lambda x: halves(x, crowd.ties))
    one, other = (shared(sign * 0.6, 2 * spread, lambda x: first(x, crowd.ties)) for sign in (1, -1))
    decided = one / (one + other)
    held = Counter()
    for seed in SEEDS:
        found = preference(votes_of(simulate(key, crowd, 30, seed=seed), key), PAIR[0], key)
        held["shared"] += found["shared"].low <= 100 * truth <= found["shared"].high
        held["preferred"] += found["preferred"].low <= 100 * decided <= found["preferred"].high
    assert held["shared"] >= 90
    if spread:
        assert held["preferred"] < 80, "Wilson's interval takes all votes for independent"
    else:
        assert held["preferred"] >= 90


def first(x: float, ties: float) -> float:
    """Chance of a vote for the first (Davidson)."""
    return float(np.exp(x / 2) / (np.exp(x / 2) + np.exp(-x / 2) + 2 * ties))


def halves(x: float, ties: float) -> float:
    """Chance of a vote for the first, votes that are not sure as halves (Davidson)."""
    return (1 + first(x, ties) - first(-x, ties)) / 2


def test_intervals_hold_the_share_judged_real_and_mean_points():
    rng = np.random.default_rng(0)
    held = Counter()
    for seed in SEEDS:
        raters, items = np.repeat(np.arange(20), 15), np.tile(np.arange(15), 20)
        real = rng.random(300) < 0.4
        found = wilson(int(real.sum()), 300)
        held["real"] += found.low <= 0.4 <= found.high
        points = 3 + rng.normal(0, 0.5, 20)[raters] + rng.normal(0, 0.5, 15)[items] + rng.normal(0, 1, 300)
        found = clustered(points, raters, items, seed=seed)
        held["points"] += found.low <= 3 <= found.high
    assert held["real"] >= 90
    assert held["points"] >= 90
    # The best known interval by hand: 44 of 90 (SinGAN-GIF), Wilson 1927.
    z, p, n = norm.ppf(0.975), 44 / 90, 90
    middle, reach = (
        (p + z * z / 2 / n) / (1 + z * z / n),
        z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + (z / 2 / n) ** 2),
    )
    found = wilson(44, 90)
    assert (found.low, found.high) == pytest.approx((middle - reach, middle + reach))
    assert wilson(0, 0) is None


def test_strengths_are_those_of_davidsons_model():
    key = key_of(design(raters=40), subjects(3))
    votes = votes_of(simulate(key, Crowd({"vgpnn": 1.0, "singan_gif": 0.0, "sinfusion": -0.5}, ties=0.3), 40), key)
    found = bradley_terry(votes, resamples=40)

    def loss(x: np.ndarray) -> float:
        worth = dict(zip(METHODS, [*x[:2], 0.0], strict=True))
        total = 0.0
        for pair, choice in zip(votes["methods"], votes["choice"], strict=True):
            one, other = (np.exp(worth[name]) for name in pair)
            tie = 2 * np.exp(x[2]) * np.sqrt(one * other)
            chosen = tie if choice == "not_sure" else np.exp(worth[choice])
            total -= np.log(chosen / (one + other + tie))
        return total

    best = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-4}).x
    points = 400 * np.log10(np.exp([*best[:2], 0.0]))
    for name, expected in zip(METHODS, points - points.mean(), strict=True):
        assert found[name].value == pytest.approx(expected, abs=1)
        assert found[name].low < found[name].value < found[name].high


def test_a_method_that_never_lost_has_no_strength():
    rows = [(f"r{n}", f"i{n}", pair, pair[0]) for n, pair in enumerate(list(combinations("abc", 2)) * 5)]
    assert bradley_terry(pd.DataFrame(rows, columns=["rater", "item", "methods", "choice"])) == {}


def test_alpha_is_krippendorffs():
    # His example of 4 observers and 12 units with gaps (Computing Krippendorff's Alpha-Reliability, 2011, section C).
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    votes = pd.DataFrame(
        [(r, i, float(x)) for r, row in enumerate(table) for i, x in enumerate(row) if x],
        columns=["rater", "item", "x"],
    )
    assert alpha(votes, "x")["items"].value == pytest.approx(0.743, abs=5e-4)
    ordinal = alpha(votes, "x", ordinal=True)
    assert ordinal["items"].value == pytest.approx(0.815, abs=5e-4)
    assert ordinal["items"].low < 0.815 < ordinal["items"].high
    assert ordinal["raters"].low < 0.815 < ordinal["raters"].high
    assert alpha(votes[votes["rater"] == 0], "x") == {}, "one rater agrees with nobody"


def test_ratings_succeed_as_dreamix_counts():
    key = key_of(design(form="rating", allow=(), methods=PAIR), subjects(methods=PAIR))
    analysis = analyse(simulate(key, Crowd({PAIR[0]: 1.0, PAIR[1]: -2.0}, careless=0.2), 20), key)
    assert 0 < analysis.excluded["failed checks"] == 20 - analysis.counted.raters
    assert analysis.everybody.raters == 20
    assert analysis.everybody.sections[0].lines[0].values["quality"].value < 4, "who presses anything is among them"
    (section,) = analysis.counted.sections
    good, bad = section.lines
    assert good.values["success"].value == 100
    assert bad.values["success"].value == 0
    assert good.values["quality"].value == pytest.approx(4, abs=0.15)
    assert set(analysis.counted.agreement) == {"quality", "alignment", "fidelity"}


def test_the_best_of_several_is_told_by_kind_of_edit():
    key = key_of(design(form="best_of", allow=("none",)))
    analysis = analyse(simulate(key, Crowd({"vgpnn": 2.0}, ties=0.5), 40), key)
    table, chosen = analysis.counted.sections
    assert [line.label for line in table.lines] == ["style", "motion", "all"]
    for line in table.lines:
        assert sum(found.value for found in line.values.values()) == pytest.approx(100)
    assert chosen.lines[0].label == "vgpnn"
    assert chosen.lines[0].values["majority"].value == 100


def test_a_study_of_generated_films_alone_knows_no_one_sided_rater():
    key = key_of(design(form="real_or_fake", allow=(), per_rater=10))
    sessions = simulate(key, Crowd(dict.fromkeys(METHODS, -30.0)), 20)
    assert {exclusions(session, key) for session in sessions} == {()}


# ----------------------------------------------------------------------------------------------------------- power


def test_votes_that_a_difference_needs():
    votes = needed_votes(0.5, 0.6)
    assert 194 <= votes <= 215, "the normal approximation says 194"
    assert exact_power(0.5, 0.6, votes) >= 0.8
    drawn = np.random.default_rng(0).binomial(votes, [0.5, 0.6], size=(1500, 2))
    rejected = [np.mean([binomtest(int(hits), votes).pvalue <= 0.05 for hits in column]) for column in drawn.T[:, :400]]
    assert rejected[0] <= 0.08
    assert rejected[1] == pytest.approx(exact_power(0.5, 0.6, votes), abs=0.06)
    assert needed_votes(0.5, 0.55) > 3.5 * votes


def test_shared_votes_need_more_raters():
    asked = design(raters=100, per_rater=1)
    few, many = (need(asked.model_copy(update={"per_rater": number}), 300, 3) for number in (3, 30))
    assert few.effect < many.effect
    assert many.planned == 100 * 30 / 3
    assert many.power > few.power
    assert few.raters * 3 >= few.votes
    assert any("add clips or samples" in line for line in plan_text(design(raters=10), 3, 3))
