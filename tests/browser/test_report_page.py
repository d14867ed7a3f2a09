"""The report as people use it: players in step, keys, switches, phones, no network."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser.conftest import Open

FRAMES, OTHER_FRAMES = 10, 7

STATE = """
const group = window.onereel.groups[0];
return {tick: group.tick, playing: group.playing, length: group.length, slices: group.slices, overlay: group.overlay,
        players: group.players.filter((p) => p.visible && p.frame !== null)
                              .map((p) => ({id: p.id, frame: p.frame, count: p.count}))};
"""
# Looks at the state right after every turn of the clock, in the same frame of the browser.
WATCH = """
const done = arguments[arguments.length - 1], group = window.onereel.groups[0], seen = [];
const before = group.onchange;
group.onchange = () => {
  before();
  seen.push({tick: group.tick, frames: group.players.filter((p) => p.visible).map((p) => [p.count, p.frame])});
  if (seen.length === 25) { group.onchange = before; done(seen); }
};
"""


def wait(page: WebDriver, condition: Callable[[dict], bool]) -> dict:
    """The state of the first clip's players, once `condition` holds of it."""
    WebDriverWait(page, 10, poll_frequency=0.03).until(lambda _: condition(page.execute_script(STATE)))
    return page.execute_script(STATE)


def ready(page: WebDriver) -> dict:
    """Scroll to the first clip; wait until its input and eight samples are drawn."""
    page.execute_script("document.querySelector('.clip').scrollIntoView()")
    return wait(page, lambda state: len(state["players"]) >= 9)


def becomes(page: WebDriver, condition: Callable[[], bool]) -> None:
    """Wait for what the page shows, which follows the state at the next turn of the clock."""
    WebDriverWait(page, 10, poll_frequency=0.03).until(lambda _: condition())


def press(page: WebDriver, *keys: str) -> None:
    page.execute_script("document.querySelector('.stage').focus({preventScroll: true})")
    ActionChains(page).send_keys(*keys).perform()


def pixels(page: WebDriver, which: int) -> str:
    """A digest of what a player shows."""
    canvas = page.find_elements(By.CSS_SELECTOR, ".clip canvas")[which]
    return hashlib.sha256(base64.b64decode(canvas.screenshot_as_base64)).hexdigest()


def test_players_play_in_step(open_page: Open, served: str) -> None:
    page = open_page(served)
    ready(page)
    seen = page.execute_async_script(WATCH)
    assert len({turn["tick"] for turn in seen}) > 15  # it plays
    for turn in seen:
        assert len(turn["frames"]) >= 9
        assert {count for count, _ in turn["frames"]} == {FRAMES, OTHER_FRAMES}
        for count, frame in turn["frames"]:
            assert frame == turn["tick"] % count


def test_keys_play_step_and_jump(open_page: Open, served: str) -> None:
    page = open_page(served)
    assert ready(page)["playing"]
    press(page, Keys.SPACE)
    assert not wait(page, lambda state: not state["playing"])["playing"]
    press(page, Keys.HOME)
    wait(page, lambda state: state["tick"] == 0)
    press(page, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    state = wait(page, lambda state: all(p["frame"] == 3 for p in state["players"]))
    assert len(state["players"]) >= 9
    press(page, Keys.ARROW_LEFT)
    wait(page, lambda state: all(p["frame"] == 2 for p in state["players"]))
    press(page, Keys.HOME, Keys.ARROW_LEFT)
    wait(page, lambda state: all(p["frame"] == (FRAMES - 1) % p["count"] for p in state["players"]))
    press(page, Keys.HOME, Keys.END)
    wait(page, lambda state: state["tick"] == FRAMES - 1)
    press(page, Keys.SPACE)
    assert wait(page, lambda state: state["playing"] and state["tick"] > FRAMES)


def test_buttons_slider_and_speed(open_page: Open, served: str) -> None:
    page = open_page(served, still=True)
    ready(page)
    page.find_element(By.CSS_SELECTOR, ".forward").click()
    wait(page, lambda state: state["tick"] == 1)
    becomes(page, lambda: page.find_element(By.CSS_SELECTOR, ".counter").text == f"2 / {FRAMES}")
    page.find_element(By.CSS_SELECTOR, ".back").click()
    wait(page, lambda state: state["tick"] == 0)
    slider = page.find_element(By.CSS_SELECTOR, ".scrub")
    slider.send_keys(Keys.END)
    wait(page, lambda state: state["tick"] == FRAMES - 1)
    becomes(page, lambda: slider.get_attribute("aria-valuetext") == f"frame {FRAMES} / {FRAMES}")
    slider.send_keys(Keys.ARROW_LEFT)
    wait(page, lambda state: state["tick"] == FRAMES - 2)
    ActionChains(page).click(slider).perform()  # its middle
    wait(page, lambda state: 3 <= state["tick"] <= 6)
    play = page.find_element(By.CSS_SELECTOR, ".play")
    becomes(page, lambda: play.get_attribute("aria-label") == "Play")
    play.click()
    wait(page, lambda state: state["playing"])
    becomes(page, lambda: play.get_attribute("aria-label") == "Pause")
    page.execute_script(
        "const s = document.querySelector('.speed select'); s.value = '0.25'; s.dispatchEvent(new Event('change'))"
    )
    assert page.execute_script("return window.onereel.groups[0].speed") == 0.25


def test_dragging_on_a_picture_scrubs_and_a_click_plays(open_page: Open, served: str) -> None:
    page = open_page(served, still=True)
    ready(page)
    canvas = page.find_element(By.CSS_SELECTOR, ".clip canvas")
    drag = ActionChains(page).move_to_element(canvas).click_and_hold()
    drag.move_by_offset(canvas.size["width"] * 4 // FRAMES, 0).release().perform()
    state = wait(page, lambda state: state["tick"] == 4)
    assert not state["playing"]
    ActionChains(page).click(canvas).perform()
    wait(page, lambda state: state["playing"])


def test_a_finger_scrubs(open_page: Open, served: str) -> None:
    page = open_page(served, width=390, height=844, still=True)
    page.execute_script("document.querySelector('.clip').scrollIntoView()")
    wait(page, lambda state: len(state["players"]) >= 2)
    box = page.execute_script(
        "const b = document.querySelector('.scrub').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]"
    )
    x, y = box[0] + 12, box[1] + box[3] / 2
    assert 0 < y < 844  # the controls stay on the screen
    for kind, at in (
        ("touchStart", x),
        ("touchMove", x + box[2] / 2),
        ("touchMove", box[0] + box[2] - 9),
        ("touchEnd", None),
    ):
        points = [] if at is None else [{"x": at, "y": y}]
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    wait(page, lambda state: state["tick"] == FRAMES - 1)


@pytest.mark.parametrize("switch", ["origins", "slices"])
def test_a_switch_changes_what_samples_show_and_back(open_page: Open, served: str, switch: str) -> None:
    page = open_page(served, still=True)
    ready(page)
    button = page.find_element(By.CSS_SELECTOR, f".switch.{switch}")
    legend = page.find_element(By.CSS_SELECTOR, f".legend.{switch}")
    before = pixels(page, 1)
    assert not legend.is_displayed()
    button.click()
    becomes(page, lambda: pixels(page, 1) != before)
    assert legend.is_displayed()
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    becomes(page, lambda: pixels(page, 1) == before)


def test_reduced_motion_starts_paused(open_page: Open, served: str) -> None:
    page = open_page(served, still=True)
    state = ready(page)
    assert not state["playing"]
    assert state["tick"] == 0
    assert all(player["frame"] == 0 for player in state["players"])


def test_sheets_load_when_they_come_into_view(open_page: Open, served: str, requests: list[str]) -> None:
    page = open_page(served, height=400)
    requests.clear()
    page.execute_script("document.querySelector('.clip').scrollIntoView()")
    wait(page, lambda state: len(state["players"]) >= 1)
    last = page.execute_script("return window.onereel.groups.at(-1).players.at(-1).frame")
    assert last is None
    assert not any("balloons-noisy" in path for path in requests)  # folded away
    page.execute_script("document.querySelector('.takes details').open = true")
    page.execute_script("document.querySelector('.takes details').scrollIntoView()")
    becomes(page, lambda: any("balloons-noisy" in path for path in requests))


def test_nothing_is_requested_from_elsewhere_and_no_error_is_logged(open_page: Open, served: str, report: Path) -> None:
    for address in (served, (report / "index.html").as_uri()):
        page = open_page(address)
        ready(page)
        for button in page.find_elements(By.CSS_SELECTOR, ".clip:first-of-type .switch"):
            button.click()
        page.execute_script("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        page.execute_script("window.scrollTo(0, document.body.scrollHeight)")
        wait(page, lambda state: state["length"] == FRAMES)
        for url in _requested(page):
            part = urlsplit(url)
            if part.scheme == "file":
                assert report in Path(unquote(part.path)).parents, url
            elif part.scheme != "data":
                assert part.netloc == urlsplit(served).netloc, url
        assert page.get_log("browser") == []


def _requested(page: WebDriver) -> list[str]:
    messages = (json.loads(entry["message"])["message"] for entry in page.get_log("performance"))
    urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert len(urls) > 10
    return [url for url in urls if url != "about:blank"]


def test_it_plays_from_disk(open_page: Open, report: Path) -> None:
    page = open_page((report / "index.html").as_uri())
    ready(page)
    assert len({turn["tick"] for turn in page.execute_async_script(WATCH)}) > 15


@pytest.mark.parametrize("width", [1280, 768, 390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_text_is_readable(open_page: Open, served: str, width: int, scheme: str) -> None:
    page = open_page(served, width=width, scheme=scheme, still=True)
    page.execute_script("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    small, faint = page.execute_script(READABLE)
    assert small == []
    assert faint == []


# Every element with text of its own: smaller than 10.5 px, or contrast to its background under 4.5 (WCAG AA).
READABLE = """
const probe = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgba = (css) => {
  probe.clearRect(0, 0, 1, 1); probe.fillStyle = css; probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data];
};
const light = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
const behind = (e) => {
  const layers = [];
  for (; e; e = e.parentElement) {
    const c = rgba(getComputedStyle(e).backgroundColor);
    if (c[3]) layers.push(c);
    if (c[3] === 255) break;
  }
  return layers.reverse().reduce((below, c) => below.map((v, i) => (v * (255 - c[3]) + c[i] * c[3]) / 255));
};
const small = [], faint = [];
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || e.closest('svg, .hidden, .skip, [hidden], noscript, option, title') || !e.checkVisibility()) continue;
  const style = getComputedStyle(e);
  const name = `${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 30)}`;
  if (parseFloat(style.fontSize) < 10.5 && !e.closest('sup')) small.push(name);
  const [a, b] = [luminance(rgba(style.color)), luminance(behind(e))];
  if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) faint.push(name);
}
return [small, faint];
"""


def test_points_name_their_run_on_hover_and_focus_and_lead_to_it(open_page: Open, served: str) -> None:
    page = open_page(served, still=True)
    page.execute_script("document.querySelector('#tradeoffs').scrollIntoView()")
    point = page.find_element(By.CSS_SELECTOR, "#chart-svfid-diversity .point")
    tip = page.find_element(By.CSS_SELECTOR, ".tip")
    assert not tip.is_displayed()
    ActionChains(page).move_to_element(point).perform()
    becomes(page, lambda: "run balloons-patches" in tip.text)
    ActionChains(page).move_by_offset(0, -200).perform()
    becomes(page, lambda: not tip.is_displayed())
    page.execute_script("arguments[0].focus()", point)
    becomes(page, lambda: "run balloons-patches" in tip.text)
    point.send_keys(Keys.ENTER)
    details = page.find_element(By.ID, "run-balloons-patches")
    becomes(page, lambda: bool(details.get_attribute("open")))


def test_everything_that_acts_can_be_reached_by_tab(open_page: Open, served: str) -> None:
    page = open_page(served, still=True)
    acting = page.execute_script(
        "return [...document.querySelectorAll('.stage, .controls button, .controls input, .controls select')]"
        ".filter((e) => e.checkVisibility() && e.tabIndex < 0).map((e) => e.className)"
    )
    assert acting == []
    nameless = page.execute_script(
        "return [...document.querySelectorAll('button, input, select, canvas, a, img')].filter((e) => !("
        "e.getAttribute('aria-label') || e.textContent.trim() || e.hasAttribute('alt')"
        " || (e.labels && e.labels.length)))"
        ".map((e) => e.outerHTML)"
    )
    assert nameless == []


def test_without_scripts_the_previews_are_there(open_page: Open, served: str) -> None:
    page = open_page("about:blank")
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.get(served)
        videos = page.find_elements(By.CSS_SELECTOR, ".player video")
        assert len(videos) >= 2
        assert videos[0].is_displayed()
        assert not page.find_element(By.CSS_SELECTOR, ".controls").is_displayed()
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
