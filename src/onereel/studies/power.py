"""How many raters and items a study needs before it runs."""

import math
from dataclasses import dataclass
from statistics import NormalDist

from scipy.stats import binom

from onereel.studies.design import Design, Form

LEVEL = 0.05
"""Chance of a difference that is none."""
POWER = 0.8
"""Chance to see one that is there."""
DIFFERENCE = 10.0
"""Points of a hundred."""
RATER_SHARE, ITEM_SHARE = 0.02, 0.05
"""Assumed correlation of two votes of one rater, and of two votes on one item."""
SPREAD = 1.1
"""Assumed standard deviation of points from 1 to 5."""


@dataclass(frozen=True)
class Need:
    """What a difference needs.

    Attributes:
        votes: independent votes on every comparison: a pair, a method.
        planned: votes that the design plans for each.
        effect: how many times as many are needed because raters and items share votes.
        raters: raters that are needed with the design's items for each.
        power: chance to see the difference with what is planned.
    """

    votes: int
    planned: float
    effect: float
    raters: int
    power: float


def needed_votes(before: float, after: float, *, power: float = POWER) -> int:
    """Independent votes with which an exact two-sided binomial test tells `after` from `before` with that chance.

    Args:
        before: share, of no difference, in (0, 1).
        after: share that is to be told from it.
        power: chance to do so.

    Returns: the smallest number from which on none has less; the chance is no smooth function of it.
    """
    least, number = 1, 1
    while number < least * 1.2 + 20:
        if exact_power(before, after, number) < power:
            least = number + 1
        number += 1
    return least


def exact_power(before: float, after: float, n: int) -> float:
    """Chance that so many votes for a share `after` are too few or too many for `before`: 2.5 % on each side."""
    if n < 1:
        return 0.0
    low, high = binom.ppf(LEVEL / 2, n, before), binom.isf(LEVEL / 2, n, before)
    return float(binom.cdf(low - 1, n, after) + binom.sf(high, n, after))


def need(design: Design, items: int, comparisons: int, difference: float = DIFFERENCE) -> Need:
    """What a study needs to tell a difference.

    Args:
        design: of the study.
        items: how many items it has that count.
        comparisons: among how many pairs or methods they are shared.
        difference: points of 100; of ratings, of the way from 1 to 5.
    """
    shown = min(design.per_rater or items, items)
    planned = design.raters * shown / comparisons
    per_rater, per_item = shown / comparisons, design.raters * shown / items
    effect = 1 + max(per_rater - 1, 0) * RATER_SHARE + max(per_item - 1, 0) * ITEM_SHARE
    if design.form is Form.RATING:
        gap = difference / 100 * 4
        reach = NormalDist().inv_cdf(1 - LEVEL / 2) + NormalDist().inv_cdf(POWER)
        votes = math.ceil(2 * (reach * SPREAD / gap) ** 2)
        shift = gap / (SPREAD * math.sqrt(2 / max(planned / effect, 1)))
        power = NormalDist().cdf(shift - NormalDist().inv_cdf(1 - LEVEL / 2))
    else:
        before = 1 / len(design.methods) if design.form is Form.BEST else 0.5
        after = before + difference / 100
        votes = needed_votes(before, after)
        power = exact_power(before, after, int(planned / effect))
    return Need(votes, planned, effect, _raters(design, items, comparisons, votes), power)


def _raters(design: Design, items: int, comparisons: int, votes: int) -> int:
    """Raters with whom the votes that count suffice; 0 where more raters never do, for want of items."""
    shown = min(design.per_rater or items, items)
    per_rater = shown / comparisons
    raters = 1
    while raters <= 100_000:
        per_item = raters * shown / items
        effect = 1 + max(per_rater - 1, 0) * RATER_SHARE + max(per_item - 1, 0) * ITEM_SHARE
        if raters * per_rater / effect >= votes:
            return raters
        raters += max(1, raters // 50)
    return 0


def needed_items(design: Design, comparisons: int, votes: int) -> int:
    """Items for each comparison with which the planned raters suffice: each sees all of them."""
    for number in range(1, 10_000):
        effect = 1 + (number - 1) * RATER_SHARE + (design.raters - 1) * ITEM_SHARE
        if design.raters * number / effect >= votes:
            return number
    return 0


def plan_text(design: Design, items: int, comparisons: int, difference: float = DIFFERENCE) -> list[str]:
    """The same in words, a line each."""
    found = need(design, items, comparisons, difference)
    what = {Form.PAIR: "pair of methods", Form.BEST: "set of methods"}.get(design.form, "method")
    scale = " of the scale" if design.form is Form.RATING else ""
    more = (
        f"{found.raters} raters are needed with these items"
        if found.raters
        else "with these items no number of raters is enough: add clips or samples"
    )
    wanted = needed_items(design, comparisons, found.votes)
    items_told = f", or {wanted} items for every {what} with these raters, who see all" if wanted else ""
    return [
        f"{design.raters} raters and {items} items give {found.planned:.0f} votes for every {what} ({comparisons})",
        f"a difference of {difference:g} points{scale} needs {found.votes} independent votes for each (two-sided, 5 %, "
        f"power {POWER:.0%})",
        f"raters and items share votes: {found.effect:.2f} times as many (correlation {RATER_SHARE:g} within a rater, "
        f"{ITEM_SHARE:g} within an item); what is planned sees the difference with a chance of {found.power:.0%}",
        f"{more}{items_told}",
    ]
