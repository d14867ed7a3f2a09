"""The page of known edits in a browser: filtered, sorted, failures first, films in step."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import Select, WebDriverWait

from onereel.base.files import write_json
from onereel.jobs.edits import SOURCE, TRUTH, film_folder
from onereel.metrics.edits.judge import Judgement, Unanswered
from onereel.metrics.edits.scoring import EditorScores, Scores
from onereel.report.page.edits import write_edits_page
from onereel.video.clip import Clip, write_preview

EDITS = {"time-0": True, "time-1": False, "colour-0": True, "colour-1": True}
"""By name, whether the editor succeeds; of colour-1 it has no output."""


def judged(name: str, place: int, *, success: bool) -> Judgement:
    return Judgement(
        name=name, kind=name.split("-")[0], attribute="time", before="day", after="night", attribute_right=success,
        reader_right=True, others={"style": True, "setting": False}, others_kept=0.5, named_kept=None,
        psnr_outside=None, ssim_outside=None, psnr_truth=20.0 + place, ssim_truth=0.5, motion=0.1, moves=1.0,
        true_moves=1.0, frame_consistency=0.9, prompt_consistency=0.7, success=success,
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("edits")
    film = Clip(np.arange(16, dtype=np.uint8)[:, None, None, None].repeat(32, 1).repeat(32, 2).repeat(3, 3) * 15, 8)
    asked = {}
    for name in EDITS:
        for folder in (film_folder(root / "truth", SOURCE), film_folder(root / "truth", TRUTH), root / "films"):
            if folder.name != "films" or name != "colour-1":
                folder.mkdir(parents=True, exist_ok=True)
                write_preview(folder / f"{name}.mp4", film)
        asked[name] = {"kind": name.split("-")[0], "prompt": "by <night>", "source_prompt": "by day"}
    write_json(root / "truth/asked.json", asked)
    names = [name for name in EDITS if name != "colour-1"]
    found = [judged(name, place, success=EDITS[name]) for place, name in enumerate(names)]
    missing = [Unanswered("colour-1", "colour", "groups.0.colour", "red", "blue", reader_right=True)]
    for stem, scores in (
        ("mine", Scores({"mine": EditorScores(found, missing)}, {"time": 1.0}, ("a network",))),
        ("truth", Scores({"true edit": EditorScores(found, calibration=True)}, {"time": 1.0}, ("a network",))),
    ):
        write_json(root / f"{stem}.json", TypeAdapter(Scores).dump_python(scores, mode="json"))
    write_edits_page(
        "some",
        calibration=root / "truth.json",
        truth=root / "truth",
        editors={root / "mine.json": root / "films"},
        out_dir=root / "page",
    )
    return root / "page"


def rows(driver: WebDriver) -> list[str]:
    return [row.get_attribute("id") for row in driver.find_elements(By.CSS_SELECTOR, ".films tbody tr:not([hidden])")]


def test_rows_are_filtered_sorted_and_failures_come_first(open_page, page):
    driver = open_page(f"file://{page}/index.html")
    assert rows(driver) == list(EDITS)
    Select(driver.find_element(By.NAME, "kind")).select_by_visible_text("time")
    assert rows(driver) == ["time-0", "time-1"]
    Select(driver.find_element(By.NAME, "kind")).select_by_visible_text("all")
    Select(driver.find_element(By.NAME, "measure")).select_by_visible_text("PSNR to truth")
    driver.find_element(By.NAME, "descending").click()
    assert rows(driver) == ["colour-0", "time-1", "time-0", "colour-1"], "what is missing has no value: last"
    driver.find_element(By.NAME, "failures").click()
    assert rows(driver) == ["time-1", "colour-1", "colour-0", "time-0"]
    assert "no night time; changed setting" in driver.find_element(By.ID, "time-1").text
    assert "by <night>" in driver.find_element(By.ID, "time-1").text


def test_films_of_a_row_play_in_step(open_page, page):
    driver = open_page(f"file://{page}/index.html")
    driver.execute_script("document.getElementById('time-0').scrollIntoView()")
    times = "return [...document.querySelectorAll('#time-0 video')].map((film) => film.paused ? -1 : film.currentTime)"
    WebDriverWait(driver, 20).until(lambda d: min(d.execute_script(times)) > 0.1)
    found = driver.execute_script(times)
    assert len(found) == 3
    assert max(found) - min(found) < 0.125, "within a frame"
    driver.find_element(By.NAME, "play").click()
    assert driver.execute_script(times) == [-1] * 3


def test_reduced_motion_starts_paused(open_page, page):
    driver = open_page(f"file://{page}/index.html", still=True)
    driver.execute_script("document.getElementById('time-0').scrollIntoView()")
    assert driver.find_element(By.NAME, "play").text == "Play"
    assert all(driver.execute_script("return [...document.querySelectorAll('video')].map((film) => film.paused)"))
