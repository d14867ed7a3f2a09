"""The model card of a stand-in: data, steps, scores, limits."""

from collections.abc import Mapping
from typing import Any

from onereel.standins.base import StandIn


def card_of(stand_in: StandIn, sha256: str, scores: Mapping[str, float], facts: Mapping[str, Any]) -> str:
    """Markdown.

    Args:
        stand_in: what it is.
        sha256: of the file of its weights.
        scores: on worlds that it never saw.
        facts: of the training: steps, seed, seconds, device, versions, commit.
    """
    training = stand_in.training
    lines = [
        f"# {stand_in.name}: {stand_in.title}",
        "",
        f"Stands in for real weights of role `{stand_in.role}` where nothing can be downloaded. Values made with it do "
        "not compare with papers.",
        "",
        *(f"- **{name.capitalize()}:** {text}" for name, text in stand_in.about.items()),
        f"- **Training:** {facts['steps']} steps of {training.batch}, Adam at {training.learning_rate}, "
        f"seed {facts['seed']}, {_minutes(facts)} on {facts.get('machine', 'an unknown machine')}.",
        f"- **Stored as:** {'float16' if stand_in.half else 'float32'}, sha256 `{sha256}`.",
        "- **Licence:** MIT; trained on this project's own scenes alone.",
        "",
        "| score, on unseen worlds | value | asked |",
        "| --- | --- | --- |",
        *(f"| {name} | {value:.4g} | {_bound(stand_in, name)} |" for name, value in scores.items()),
        "",
        f"Made again with `snakemake results/stand_ins/{stand_in.name}/card.md`; what the scores mean: "
        f"`{type(stand_in).__module__}`.",
        "",
    ]
    return "\n".join(lines)


def _bound(stand_in: StandIn, name: str) -> str:
    if name in stand_in.at_least:
        return f">= {stand_in.at_least[name]:g}"
    return f"<= {stand_in.at_most[name]:g}" if name in stand_in.at_most else ""


def _minutes(facts: Mapping[str, Any]) -> str:
    seconds = facts.get("seconds")
    return f"{seconds / 60:.0f} minutes" if isinstance(seconds, int | float) else "an unknown time"
