"""The report's tools as people use them: sorting, filters, pairs, comparisons, commands, links, one file, 200 runs."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from onereel.report.page.pack import pack
from onereel.report.page.write import write_report
from onereel.report.tables.build import write_table
from tests.browser.conftest import TABLES, Open
from tests.many_runs import build_many

COMPARED = """
const group = window.onereel.groups.at(-1);
return {clip: group.clip, tick: group.tick, playing: group.playing,
        players: group.players.map((p) => ({id: p.id, frame: p.frame, count: p.count}))};
"""


def becomes(page: WebDriver, condition: Callable[[], object]) -> None:
    WebDriverWait(page, 15, poll_frequency=0.05).until(lambda _: condition())


def labels(page: WebDriver, table: str = "#table-comparison", body: str = "methods") -> list[str]:
    return page.execute_script(
        "return [...document.querySelectorAll(arguments[0])].filter((row) => row.checkVisibility())"
        ".map((row) => row.cells[0].querySelector('.label').textContent)",
        f"{table} tbody.{body} tr:not(.heading)",
    )


def click(page: WebDriver, selector: str) -> None:
    page.execute_script("document.querySelector(arguments[0]).click()", selector)


def choose(page: WebDriver, selector: str, value: str) -> None:
    page.execute_script(
        "const field = document.querySelector(arguments[0]); field.value = arguments[1];"
        "field.dispatchEvent(new Event('change', {bubbles: true}))",
        selector,
        value,
    )


def test_a_column_sorts_rows_of_each_block_and_back(open_page: Open, served: str) -> None:
    page = open_page(served, still=True)
    calibration = labels(page, body="calibration")
    click(page, "#table-comparison th[data-metric=svfid] .sort")
    assert labels(page) == ["other_code (external)", "patches", "trained"]  # 0.0066, 0.0079, 0.0141
    assert labels(page, body="calibration") == calibration  # 0, 0.0231, 0.103
    click(page, "#table-comparison th[data-metric=svfid] .sort")
    assert labels(page) == ["trained", "patches", "other_code (external)"]
    assert labels(page, body="calibration") == calibration[::-1]
    click(page, "#table-comparison th[data-metric=runtime] .sort")
    assert labels(page)[-1] == "other_code (external)"  # nobody knows: last, whichever way
    click(page, "#table-comparison th[data-metric=runtime] .sort")
    assert labels(page)[-1] == "other_code (external)"


def test_intervals_come_on_demand_and_a_number_tells_what_it_means(open_page: Open, served: str) -> None:
    page = open_page(served, still=True)
    spread = page.find_element(By.CSS_SELECTOR, "#table-comparison td.value .spread")
    assert not spread.is_displayed()
    page.find_element(By.CSS_SELECTOR, "#table-comparison .intervals").click()
    assert spread.is_displayed()
    page.find_element(By.CSS_SELECTOR, "#table-comparison td.value .mean").click()
    card = page.find_element(By.CSS_SELECTOR, ".card")
    assert card.is_displayed()
    assert "n = 6" in card.text
    assert "frames shuffled 0.0231" in card.text
    card.find_element(By.TAG_NAME, "a").click()
    becomes(page, lambda: page.find_element(By.ID, "metric-svfid").get_attribute("open"))
    assert not card.is_displayed()


def test_filters_reach_every_part_and_the_address_keeps_them(open_page: Open, served: str) -> None:
    page = open_page(served, still=True)
    assert labels(page) == ["patches", "trained", "other_code (external)"]
    page.execute_script("document.querySelector('[name=method][value=patches]').click()")
    choose(page, "[name=clip]", "birds")
    address = page.execute_script("return location.href")
    for visit in (lambda: None, lambda: open_page(address, still=True)):
        visit()
        assert labels(page) == []  # the clip's own table stands in its place
        assert labels(page, "#table-clip-birds") == ["patches"]
        assert labels(page, "#table-clip-birds", "calibration")
        shown = page.execute_script(
            "return [...document.querySelectorAll('#clips .take[data-method], #clips > .clip, .runs-table tbody tr')]"
            ".filter((p) => p.checkVisibility()).map((p) => p.dataset.run || p.dataset.method || p.id)"
        )
        assert shown == ["clip-birds", "patches", "birds-patches", "birds-itself", "birds-shuffled", "birds-noisy"]
        points = page.execute_script(
            "return [...document.querySelectorAll('#chart-svfid-diversity .point')].filter((p) => p.checkVisibility())"
            ".map((p) => p.getAttribute('href'))"
        )
        assert points == ["#run-birds-patches"]
    click(page, "[name=all]")
    assert labels(page) == ["patches", "trained", "other_code (external)"]
    assert "birds" not in page.execute_script("return location.href")


def test_a_column_that_no_shown_row_fills_takes_no_place(open_page: Open, served: str) -> None:
    page = open_page(f"{served}#comparison?clip=balloons&method=external%3Aother_code", still=True)
    heads = page.execute_script(
        "return [...document.querySelectorAll('#table-clip-balloons thead th')].filter((th) => th.checkVisibility())"
        ".map((th) => th.dataset.metric)"
    )
    assert "svfid" in heads
    assert "runtime" not in heads


def test_two_methods_on_the_clips_that_both_have(open_page: Open, served: str) -> None:
    page = open_page(served, still=True)
    choose(page, ".duel [name=first]", "0")
    choose(page, ".duel [name=second]", "1")
    row = page.find_element(By.XPATH, "//*[@class='duel-out']//tr[contains(., 'SVFID')]")
    cells = [cell.text for cell in row.find_elements(By.TAG_NAME, "td")]
    assert (cells[1], cells[3]) == ("−0.0069", "1")  # 0.0072 less the mean of 0.0132 and 0.0150
    assert cells[-1] == "one clip"
    address = page.execute_script("return location.href")
    page.execute_script("document.querySelector('.duel [name=first]').value = 2")
    open_page(address, still=True)
    assert page.execute_script("return document.querySelector('.duel [name=second]').value") == "1"


@pytest.mark.parametrize("width", [1280, 390])
def test_a_sample_is_held_against_the_input_large(open_page: Open, served: str, width: int) -> None:
    page = open_page(served, width=width, height=844, still=True)
    count = page.execute_script("return window.onereel.groups.length")
    click(page, "#player-balloons-patches-1 .act.compare")
    becomes(page, lambda: [p["frame"] for p in page.execute_script(COMPARED)["players"]] == [0, 0])
    dialog = page.find_element(By.CSS_SELECTOR, "dialog.large")
    assert "A: input" in dialog.text
    assert "B: patches, seed 1" in dialog.text
    ActionChains(page).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).perform()
    becomes(page, lambda: [p["frame"] for p in page.execute_script(COMPARED)["players"]] == [2, 2])
    boxes = page.execute_script(
        "return [...document.querySelectorAll('dialog.large canvas')].map((c) => c.getBoundingClientRect().toJSON())"
    )
    assert all(box["left"] >= 0 and box["right"] <= width and box["bottom"] <= 844 for box in boxes)
    assert min(box["width"] for box in boxes) > width * 0.4
    assert page.execute_script("return document.querySelector('dialog.large').scrollWidth") <= width
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    becomes(page, lambda: page.execute_script("return window.onereel.groups.length") == count)
    assert "compare" not in page.execute_script("return location.hash")


def test_a_wipe_follows_the_pointer_and_its_address(open_page: Open, served: str) -> None:
    address = f"{served}#compare?a=player-balloons-patches-0&b=player-balloons-other-2&how=wipe&frame=3"
    page = open_page(address, still=True)
    becomes(page, lambda: [p["frame"] for p in page.execute_script(COMPARED)["players"]] == [3, 3])
    views = page.find_element(By.CSS_SELECTOR, ".large .views")
    a, b = page.find_elements(By.CSS_SELECTOR, ".large canvas")
    assert (a.rect["x"], a.rect["y"]) == (b.rect["x"], b.rect["y"])
    cut = "return getComputedStyle(document.querySelector('#large-b canvas')).clipPath"
    ActionChains(page).move_to_element_with_offset(views, 0, -60).click_and_hold().move_by_offset(
        -a.size["width"] // 4, 0
    ).release().perform()
    share = float(page.execute_script(cut).split()[-1].rstrip("%)"))
    assert share == pytest.approx(25, abs=1)
    assert page.execute_script(COMPARED)["tick"] == 3, "the film stands still while the wipe moves"
    click(page, "[data-mode=side]")
    assert page.execute_script(cut) == "none"
    choose(page, "dialog.large [name=a]", "player-birds")
    becomes(page, lambda: "a=player-birds&" in page.execute_script("return location.hash"))
    click(page, "dialog.large [name=swap]")
    assert "A: other_code" in page.find_element(By.ID, "large-a").text


def test_a_sample_has_its_command_link_and_files(open_page: Open, served: str) -> None:
    page = open_page(served, still=True)
    click(page, "#player-balloons-patches-1 .act.more")
    dialog = page.find_element(By.CSS_SELECTOR, "dialog.sample")
    assert "onereel generate data/clips/balloons.mkv --method patches" in dialog.text
    assert "--seed 1 --set alpha=0.1" in dialog.text
    assert [link.text for link in dialog.find_elements(By.TAG_NAME, "a")] == ["Download mp4", "Download mkv"]
    page.execute_script(
        "window.copied = [];"
        "navigator.clipboard.writeText = (text) => { window.copied.push(text); return Promise.resolve(); }"
    )
    for name in ("command", "link"):
        dialog.find_element(By.NAME, name).click()
    becomes(page, lambda: len(page.execute_script("return window.copied")) == 2)
    command, link = page.execute_script("return window.copied")
    assert command == page.execute_script("return document.getElementById('player-balloons-patches-1').dataset.command")
    assert link == f"{served}#player-balloons-patches-1"
    open_page(link, still=True)
    assert (
        0
        <= page.find_element(By.ID, "player-balloons-patches-1").rect["y"] - page.execute_script("return scrollY")
        < 900
    )


def test_a_run_opens_below_its_table(open_page: Open, served: str) -> None:
    page = open_page(served, still=True)
    details = page.find_element(By.ID, "run-balloons-trained")
    assert not details.is_displayed()
    click(page, ".runs-table a[href='#run-balloons-trained']")
    becomes(page, details.is_displayed)
    assert "generator" in details.text


def test_one_file_plays_alone(open_page: Open, report: Path, tmp_path: Path) -> None:
    pack(report, tmp_path / "alone.html")
    page = open_page((tmp_path / "alone.html").as_uri())
    page.execute_script("document.querySelector('.clip').scrollIntoView()")
    state = (
        "const g = window.onereel.groups[0]; return g.tick > 2 && g.players.filter((p) => p.frame !== null).length >= 9"
    )
    becomes(page, lambda: page.execute_script(state))
    click(page, "#player-balloons-patches-1 .act.compare")
    becomes(page, lambda: all(p["frame"] is not None for p in page.execute_script(COMPARED)["players"]))
    assert page.get_log("browser") == []


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of 200 runs."""
    root = tmp_path_factory.mktemp("many")
    project = build_many(root)
    assert len(project.runs) == 200
    stem = root / "results/tables/comparison"
    write_table(project, TABLES / "comparison.yaml", stem)
    write_report(project, root / "report", tables={"comparison": stem}, visuals=root / "results/visuals")
    shutil.rmtree(root / "results")
    return root / "report/index.html"


@pytest.mark.parametrize(("width", "height", "screens"), [(1280, 900, 11), (390, 844, 20)])
def test_two_hundred_runs_stay_a_page(open_page: Open, many: Path, width: int, height: int, screens: int) -> None:
    page = open_page(many.as_uri(), width=width, height=height, still=True)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.execute_script("return document.documentElement.scrollHeight") < screens * height
    shown = (
        "return [...document.querySelectorAll('#clips > .clip')].filter((c) => c.checkVisibility()).map((c) => c.id)"
    )
    assert page.execute_script(shown) == ["clip-balloons"]
    assert page.execute_script("return window.onereel.groups.flatMap((g) => g.players).every((p) => p.frame === null)")
    click(page, ".tabs [data-clip=waves]")
    assert page.execute_script(shown) == ["clip-waves"]
    page.execute_script("location.hash = '#player-fish-03-1'")
    becomes(page, lambda: page.execute_script(shown) == ["clip-fish"])
    becomes(page, page.find_element(By.ID, "player-fish-03-1").is_displayed)
    first = page.execute_script(
        "const n = document.querySelector('#table-comparison tbody .name'), s = n.closest('.scroll');"
        "s.scrollLeft = 200;"
        "return n.getBoundingClientRect().left - s.getBoundingClientRect().left"
    )
    assert 0 <= first <= 2  # the names stay while the numbers move
