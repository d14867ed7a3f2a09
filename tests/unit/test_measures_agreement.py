"""Rank correlations of measures with truth: made-up outputs whose answer is known, and known edits end to end."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import spearmanr

from onereel.base.progress import no_progress
from onereel.features.flow import optical_flow
from onereel.jobs import measures
from onereel.jobs.edits import read_scores, write_scores
from onereel.jobs.measures import agree, as_edit, read_agreements, read_measured, write_measured
from onereel.metrics.edits import Judgement
from onereel.metrics.edits.fidelity import masked_psnr
from onereel.metrics.measures import Measured
from onereel.metrics.measures.agreement import ALL, Agreement, Pair, agreement, agreements, pairs_of
from onereel.report.page.agreement import agreement_tables, draw_agreement, write_agreement
from onereel.scenes.world import EditSet, known_edit
from onereel.video import clip as clips
from onereel.video.clip import Clip
from tests.unit.test_measures import Shifts, context


def pairs(measure, truth, edits, kind="colour") -> list[Pair]:
    return [
        Pair(str(edit), kind, str(index), float(x), float(y))
        for index, (x, y, edit) in enumerate(zip(measure, truth, edits, strict=True))
    ]


def drawn(rng, edits=30, editors=6, link=0.0, shared=0.0):
    """Truth and a measure that follows it by `link`; outputs for one edit share `shared` of both."""
    truth = rng.normal(size=(edits, editors)) + shared * rng.normal(size=(edits, 1))
    measure = link * truth + (1 - link) * rng.normal(size=(edits, editors)) + shared * rng.normal(size=(edits, 1))
    return measure.ravel(), truth.ravel(), np.repeat(np.arange(edits), editors)


def test_rho_is_spearmans():
    measure, truth, edits = drawn(np.random.default_rng(0), link=0.5)
    truth = truth.round()  # ties
    found = agreement(pairs(measure, truth, edits))
    assert found.rho == pytest.approx(spearmanr(measure, truth).statistic, abs=1e-12)
    assert found.low < found.rho < found.high
    assert (found.edits, found.outputs) == (30, 180)
    assert agreement(pairs(np.exp(measure), truth, edits)).rho == pytest.approx(found.rho), "ranks alone count"
    assert agreement(pairs(-measure, truth, edits)).rho == pytest.approx(-found.rho)
    assert agreement(pairs(truth, truth, edits)).rho == pytest.approx(1)


def test_intervals_hold_what_they_promise_where_outputs_for_an_edit_resemble_each_other():
    inside, naive = 0, 0
    for seed in range(100):
        measure, truth, edits = drawn(np.random.default_rng(seed), shared=2.0)
        found = agreement(pairs(measure, truth, edits), draws=400)
        inside += found.low <= 0 <= found.high
        alone = agreement(pairs(measure, truth, np.arange(len(truth))), draws=400)
        naive += alone.low <= 0 <= alone.high
    assert inside >= 88
    assert naive < 75, "outputs taken for independent samples promise too much"


def test_within_edits_hard_edits_do_not_count():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(20, 5))
    measure = truth - 10 * np.arange(20)[:, None]  # right about every choice, wrong about which edit went well
    edits = np.repeat(np.arange(20), 5)
    hard = (truth + np.arange(20)[:, None]).ravel()
    assert agreement(pairs(measure.ravel(), hard, edits), way="within").rho == pytest.approx(1)
    assert agreement(pairs(measure.ravel(), hard, edits), way="pooled").rho < -0.8


def test_what_has_no_rho_says_why():
    edits = np.repeat(np.arange(4), 2)
    same = agreement(pairs(np.ones(8), np.arange(8), edits))
    assert (same.rho, same.low, same.note) == (None, None, "the measure is the same for all outputs")
    assert agreement(pairs(np.arange(8), np.zeros(8), edits)).note == "truth is the same for all outputs"
    assert agreement(pairs(np.arange(4), np.arange(4), edits[:4])).note == "fewer than 3 edits"
    assert agreement([]).rho is None


def judgement(name, kind, success) -> Judgement:
    about = {"attribute": "a", "before": 0, "after": 1, "attribute_right": success > 0.5, "reader_right": True}
    none = dict.fromkeys(
        ("others_kept", "named_kept", "psnr_outside", "ssim_outside", "psnr_truth", "motion", "moves", "true_moves")
    )
    return Judgement(
        name=name, kind=kind, others={}, ssim_truth=success, frame_consistency=1.0, prompt_consistency=0.1,
        success=success > 0.5, **about, **none,
    )  # fmt: skip


def record(name, kind, metric, value):
    return {"edit": name, "kind": kind, "metric": metric, "value": value}


def both(seed=0):
    """Two measures of five editors: one that falls as truth rises and is better low, and one of noise."""
    rng = np.random.default_rng(seed)
    judged, measured = {}, {}
    for editor in "abcde":
        truth = {f"{kind}-{index}": rng.uniform() for kind in ("colour", "size") for index in range(8)}
        judged[editor] = [judgement(name, name.split("-")[0], value) for name, value in truth.items()]
        measured[editor] = Measured(
            records=[
                row
                for name, value in truth.items()
                for row in (
                    record(name, name.split("-")[0], "background_mse", 1 - value),
                    record(name, name.split("-")[0], "text_alignment", rng.uniform()),
                    record(name, name.split("-")[0], "directional_similarity", None),
                )
            ]
        )
    return measured, judged


def test_every_measure_with_values_is_held_against_every_truth_for_every_kind():
    measured, judged = both()
    found = {
        (one.measure, one.truth, one.kind, one.way): one
        for one in agreements(measured, judged, truths=("ssim_truth", "success"), draws=200)
    }
    assert {key[0] for key in found} == {"background_mse", "text_alignment"}
    assert {key[2] for key in found} == {"colour", "size", "all"}
    for way in ("pooled", "within"):
        best = found["background_mse", "ssim_truth", "all", way]
        assert best.rho == pytest.approx(1), "lower is better for an error: agreement is 1"
        assert "mean over 2 of 2 kinds" in best.note
        noise = found["text_alignment", "ssim_truth", "all", way]
        assert noise.low < 0 < noise.high
        kinds = [found["text_alignment", "ssim_truth", kind, way].rho for kind in ("colour", "size")]
        assert noise.rho == pytest.approx(np.mean(kinds))
    assert found["background_mse", "success", "all", "pooled"].rho > 0.8


def test_outputs_without_a_value_or_a_judgement_are_no_pairs():
    measured, judged = both()
    measured["a"].records[:] = measured["a"].records[3:]
    judged["b"] = judged["b"][:2]
    del measured["c"]
    found = pairs_of(measured, judged, "background_mse", "ssim_truth")
    assert {editor: sum(pair.editor == editor for pair in found) for editor in "abcde"} == {
        "a": 15, "b": 2, "c": 0, "d": 16, "e": 16,
    }  # fmt: skip
    assert pairs_of(measured, judged, "background_mse", "psnr_truth") == []


def test_files_hold_all_of_it(tmp_path):
    from onereel.metrics.edits.scoring import EditorScores, Scores

    measured, judged = both()
    # An editor's outputs may be spread over files, kind by kind.
    first, rest = (Measured(records=part) for part in (measured["a"].records[:9], measured["a"].records[9:]))
    write_measured({"a": first, "b": measured["b"]}, tmp_path / "ab.json")
    write_measured({"c": measured["c"], "a": rest}, tmp_path / "c.json")
    halves = []
    for number, part in enumerate((slice(0, 6), slice(6, None))):
        halves.append(tmp_path / f"scores-{number}.json")
        write_scores(Scores({name: EditorScores(list(one[part])) for name, one in judged.items()}, {}, ()), halves[-1])
    paths = [tmp_path / "ab.json", tmp_path / "c.json"]
    assert read_measured(paths) == {name: measured[name] for name in "abc"}
    found = agree(paths, halves, tmp_path / "agreement.json")
    assert found == agreements({name: measured[name] for name in "abc"}, judged)
    assert read_agreements(tmp_path / "agreement.json") == found
    assert isinstance(found[0], Agreement)


def test_known_edits_are_edits():
    known = known_edit(10_000_000, "direction")
    edit = as_edit(known, known.source)
    assert edit.moves, "an edit of direction is to change the motion"
    assert (edit.truth is known.answer, edit.prompt, known.fps) == (True, known.prompt, Fraction(8))


def found_of(seed=0) -> list[Agreement]:
    measured, judged = both(seed)
    return agreements(measured, judged, truths=("success", "ssim_truth"), draws=50)


def test_tables_have_a_row_a_measure_and_a_column_a_kind():
    tables = agreement_tables(found_of())
    assert [table.name for table in tables] == [
        f"which-measure-{truth}-{way}" for truth in ("success", "ssim_truth") for way in ("within", "pooled")
    ]
    table = tables[2]
    assert [column.title for column in table.columns] == ["All kinds", "Colour", "Size"]
    (block,) = table.blocks
    best = {row.label: [cell.best for cell in row.cells] for row in block.rows}
    assert best == {"MSE (outside the mask)": [True] * 3, "Text alignment": [False] * 3}
    assert "over all outputs" in tables[3].caption


def test_the_figure_has_every_measure_best_on_top_and_the_page_shows_it(tmp_path):
    from pydantic import TypeAdapter

    from onereel.base.files import write_json
    from onereel.metrics.edits.scoring import Scores
    from onereel.report.page.edits import write_edits_page

    found = found_of()
    left, right = draw_agreement(found).axes
    titles = [label.get_text() for label in left.get_yticklabels()]
    assert titles == ["MSE (outside the mask)", "Text alignment"]
    assert [label.get_text() for label in right.get_xticklabels()] == ["colour", "size"]
    flat = [Agreement("text_alignment", "success", ALL, "within", None, None, None, 0, 0, "no kind has one")]
    assert draw_agreement(flat).axes[0].texts[0].get_text() == "no kind has one"

    write_agreement(found, tmp_path / "agreement")
    write_json(tmp_path / "agreement/which-measure.json", {"agreements": [vars(one) for one in found]})
    write_json(tmp_path / "scores.json", TypeAdapter(Scores).dump_python(Scores({}, {}, ()), mode="json"))
    write_json(tmp_path / "truth/asked.json", {})
    about = {"calibration": tmp_path / "scores.json", "truth": tmp_path / "truth", "editors": {}}
    write_edits_page("tiny", **about, agreement=tmp_path / "agreement", out_dir=tmp_path / "page")
    text = (tmp_path / "page/index.html").read_text(encoding="utf-8")
    for file in ("which-measure.svg", "which-measure-success-within.csv"):
        assert f"agreement/{file}" in text
        assert (tmp_path / "page/agreement" / file).stat().st_size > 100
    write_edits_page("tiny", **about, out_dir=tmp_path / "without")
    assert "which-measure" not in (tmp_path / "without/index.html").read_text(encoding="utf-8")


def test_editors_and_the_truth_are_measured_on_the_same_edits(tmp_path, monkeypatch):
    asked = EditSet(kinds=("colour",), number=2, frames=9, height=32, width=32)
    one, two = asked.edits()
    monkeypatch.setattr(measures, "_context", lambda weights: context())
    clips.write(tmp_path / "one.mkv", Clip(one.answer, one.fps))
    about = {"weights": "stand-in", "progress": no_progress}
    measures.measure_editor("mine", {one.name: str(tmp_path / "one.mkv")}, asked, "", out=tmp_path / "m.json", **about)
    names = ["true edit", "another's true edit"]
    paths = {"measured": tmp_path / "c.json", "scores": tmp_path / "s.json"}
    measures.measure_calibration(asked, names, **paths, most=1, **about)
    found = read_measured([tmp_path / "m.json", tmp_path / "c.json"])
    assert set(found) == {"mine", *names}
    assert found["mine"].missing == {two.name: "no output"}
    assert {record["edit"] for record in found["true edit"].records} == {one.name}, "the first edits alone"
    for metric in ("text_alignment", "background_psnr"):
        assert found["mine"].values(metric) == found["true edit"].values(metric)
    other = masked_psnr(two.answer, one.source, ~one.mask)
    assert found["another's true edit"].values("background_psnr")[one.name] == pytest.approx(other)
    scores = read_scores(tmp_path / "s.json").editors
    assert all([said.name for said in scores[name].judgements] == [one.name] for name in names)
    (right,), (wrong,) = (scores[name].judgements for name in names)
    assert right.psnr_truth > 40 > wrong.psnr_truth
    flow = optical_flow(one.answer, estimator=Shifts())
    assert right.moves == pytest.approx(float(np.linalg.norm(flow, axis=-1)[~one.occluded].mean())), (
        "the measures' flow"
    )
