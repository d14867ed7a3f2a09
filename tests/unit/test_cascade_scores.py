"""Scores of the cascade: what counts, and how."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from onereel.scenes.world import CLASSES, FIRST_UNSEEN, describe
from onereel.scenes.world.rendering import labels_of, render_specs
from onereel.standins.classes import asked_of, balanced_accuracies, one_group
from onereel.standins.t2v import scoring
from onereel.standins.worlds import specs_from
from onereel.video.clip import to_video


def test_a_caption_is_held_to_what_it_names_and_a_rare_value_counts_as_much() -> None:
    specs = specs_from(0, 8, one_group)
    named = [{"kind"}] * 6 + [set[str]()] * 2
    specs = tuple(
        replace(spec, groups=(replace(spec.groups[0], kind="bird" if index else "house"),))
        for index, spec in enumerate(specs)
    )
    read = {name: values.copy() for name, values in labels_of(specs).items()}
    assert balanced_accuracies(read, asked_of(specs, named)) == {"kind": 1.0}
    read["kind"][6:] = CLASSES["kind"].index("car")
    assert balanced_accuracies(read, asked_of(specs, named)) == {"kind": 1.0}, "nobody asked"
    read["kind"][0] = CLASSES["kind"].index("car")
    assert balanced_accuracies(read, asked_of(specs, named)) == {"kind": 0.5}
    read["kind"][1] = CLASSES["kind"].index("car")
    assert balanced_accuracies(read, asked_of(specs, named)) == {"kind": pytest.approx(0.4)}


def test_true_videos_score_what_the_classifiers_reach() -> None:
    specs = specs_from(FIRST_UNSEEN, 12, one_group)
    truth = torch.stack([to_video(frames) for frames in render_specs(specs).frames])
    asked: list[float] = []

    class Knowing:
        native = scoring.Cascade.native
        device = torch.device("cpu")

        def generate(self, prompts: list[str], *_: object, guidance_scale: float, **settings: object) -> Tensor:
            assert prompts == [describe(spec).text for spec in specs]
            asked.append(guidance_scale)
            return truth if guidance_scale > 1 else torch.zeros_like(truth)

    scores = scoring.cascade_scores(Knowing(), 12)  # type: ignore[arg-type]
    assert asked == [1.0, 3.0]
    for name in ("setting", "time", "kind", "colour"):
        best = scores[f"{name} of true videos"]
        assert best > 0.6
        assert scores[f"{name} at guidance 3"] == scores[name] == best
        assert scores[f"{name} at guidance 1"] < best
    assert all(0 <= value <= 1 for value in scores.values())
    assert np.isfinite(list(scores.values())).all()
