"""A study as a rater goes through it: by mouse, by keys, on a phone, with reloads, without a network at the end."""

import functools
import http.server
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from onereel.jobs.studies import film_loader
from onereel.report.user_study.build import build_study
from onereel.studies.answers import Session, read_sessions
from onereel.studies.collect import fault
from onereel.studies.design import NOT_SURE, Design
from onereel.studies.items import IDENTICAL, OBVIOUS, Subject
from onereel.studies.key import Key, KeyItem
from onereel.studies.raters import exclusions
from onereel.video.clip import Clip, write
from tests.browser.conftest import Open

METHODS = ("vgpnn", "singan_gif")
FILMS = """
return [...document.querySelectorAll('#films .answer canvas')]
  .map((canvas) => JSON.parse(canvas.dataset.player).sheets[0].file);
"""
ENDED = "return Boolean(window.onereel.groups[0] && window.onereel.groups[0].ended)"
Answerer = Callable[[WebDriver, KeyItem, list[str]], None]


class Server(http.server.ThreadingHTTPServer):
    """Serves folders, and keeps what is sent to it."""

    def __init__(self, folder: Path) -> None:
        self.received: list[str] = []
        self.works = True
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.SimpleHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.server.works:
            self.server.received.append(body)
        self.send_response(200 if self.server.works else 503)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    found = Server(root)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()


@pytest.fixture(scope="module")
def build(root: Path, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Key]:
    """Build a study of two small clips by a name, below the server's folder."""
    subjects, keys = [], tmp_path_factory.mktemp("keys")  # nowhere that is served
    for number, clip in enumerate(("balloons", "water")):
        films = {}
        for place, method in enumerate(METHODS):
            path = root / f"samples/{clip}-{method}.mkv"
            frames = np.full((4, 24, 40, 3), 60 + 80 * place + 20 * number, np.uint8)
            frames[:, :, ::2, number] += np.arange(4, dtype=np.uint8)[:, None, None] * 10
            write(path, Clip(frames, Fraction(24)))
            films[method] = (str(path),)
        subjects.append(Subject(clip, films, source=films["vgpnn"][0], prompt="paint it <red>"))

    @functools.cache
    def made(name: str, **given: object) -> Key:
        asked = {"form": "2afc", "methods": METHODS, "raters": 6, "allow": (NOT_SURE,)} | given
        design = Design(study=name, **asked)
        return build_study(design, subjects, film_loader(), out_dir=root / name, key=keys / f"{name}.json")

    return made


@pytest.fixture
def downloads(browser: WebDriver, tmp_path: Path) -> Path:
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    return tmp_path


@pytest.fixture(autouse=True)
def online(browser: WebDriver) -> Iterator[None]:
    yield
    network(browser, offline=False)


def network(page: WebDriver, *, offline: bool) -> None:
    page.execute_cdp_cmd("Network.enable", {})
    told = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.execute_cdp_cmd("Network.emulateNetworkConditions", told)


def find(page: WebDriver, selector: str):
    return page.find_element(By.CSS_SELECTOR, selector)


def until(page: WebDriver, condition: Callable[[], object]) -> None:
    WebDriverWait(page, 20, poll_frequency=0.02).until(lambda _: condition())


def start(page: WebDriver) -> None:
    until(page, lambda: find(page, "#start").is_displayed())
    find(page, "#start").click()


def at_end(page: WebDriver) -> bool:
    return find(page, "#end").is_displayed()


def films(page: WebDriver) -> list[str]:
    """The films that are shown, once they play."""
    until(page, lambda: page.execute_script("return window.onereel.groups.length"))
    return [file.split("-")[0] for file in page.execute_script(FILMS)]


def item_of(key: Key, shown: list[str]) -> KeyItem:
    return next(item for item in key.items if sorted(item.films) == sorted(shown))


def right_answer(key: Key, item: KeyItem) -> str:
    if item.item.role == IDENTICAL:
        return NOT_SURE
    return key.training_of(item) if item.item.role else item.films[0]


def go_through(page: WebDriver, key: Key, answer: Answerer, *, at_most: int = 100) -> int:
    """Answer items until the end, or so many; how many there were."""
    count = 0
    while count < at_most and not at_end(page):
        place = find(page, "#place").text
        shown = films(page)
        answer(page, item_of(key, shown), shown)
        until(page, lambda place=place: at_end(page) or find(page, "#place").text != place)
        count += 1
    return count


def by_mouse(key: Key, choose: Callable[[Key, KeyItem], str] = right_answer) -> Answerer:
    def answer(page: WebDriver, item: KeyItem, shown: list[str]) -> None:
        until(page, lambda: page.execute_script(ENDED))
        find(page, f'.choice[data-value="{choose(key, item)}"]').click()
        find(page, "#next").click()

    return answer


def saved(page: WebDriver, folder: Path, kind: str) -> Session:
    find(page, f"#{kind}").click()
    until(page, lambda: list(folder.glob(f"*.{kind}")))
    until(page, lambda: next(folder.glob(f"*.{kind}")).read_text().endswith(("}", "\n")))
    (session,) = read_sessions(next(folder.glob(f"*.{kind}")).read_text())
    return session


def errors(page: WebDriver) -> list[str]:
    return [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"]


def test_a_whole_study_by_mouse_is_sent_to_the_address(open_page: Open, build, server: Server, downloads: Path) -> None:
    key = build("sent", post=f"{server.address}/in", completion="C0DE77")
    page = open_page(f"{server.address}/sent/index.html?rater=anna&slot=2")
    assert "Which video is better" in find(page, "#intro").text
    start(page)
    total = len(key.slots[2])
    assert find(page, "#place").text == "Practice 1 of 1"
    assert go_through(page, key, by_mouse(key)) == total
    until(page, lambda: "were sent" in find(page, "#status").text)
    assert "C0DE77" in find(page, "#code").text
    (session,) = read_sessions(server.received.pop())
    assert fault(session, key) == ""
    assert (session.rater, session.slot, session.reloads, session.preview) == ("anna", 2, 0, False)
    assert [(one.item, one.shown) for one in session.answers] == [(item.id, shown) for item, shown in key.shown(2)]
    assert all(one.answer == right_answer(key, key.by_id[one.item]) for one in session.answers)
    assert all(one.ended and one.plays >= 1 and one.ms > 0 for one in session.answers)
    assert set(exclusions(session, key)) <= {"too fast"}, "a driver is no person"
    assert saved(page, downloads, "json") == saved(page, downloads, "csv") == session
    page.refresh()
    until(page, lambda: at_end(page))
    assert not server.received, "what was sent once is not sent again"
    assert not errors(page)
    hosts = {
        urlsplit(json.loads(entry["message"])["message"]["params"]["request"]["url"]).netloc
        for entry in page.get_log("performance")
        if '"Network.requestWillBeSent"' in entry["message"]
    }
    assert hosts - {""} == {urlsplit(server.address).netloc}, "nobody else is told"


def test_by_keys_from_disk(open_page: Open, build, root: Path, downloads: Path) -> None:
    key = build("keyboard")
    page = open_page(f"file://{root}/keyboard/index.html?rater=bob&slot=1")

    def answer(page: WebDriver, item: KeyItem, shown: list[str]) -> None:
        until(page, lambda: page.execute_script(ENDED))
        right = right_answer(key, item)
        pressed = Keys.ARROW_DOWN if right == NOT_SURE else [Keys.ARROW_LEFT, Keys.ARROW_RIGHT][shown.index(right)]
        other = Keys.ARROW_RIGHT if pressed == Keys.ARROW_LEFT else Keys.ARROW_LEFT
        ActionChains(page).send_keys(other, pressed).perform()
        assert find(page, '.choice[aria-pressed="true"]').get_attribute("data-value") == right
        ActionChains(page).send_keys(Keys.ENTER).perform()

    until(page, lambda: find(page, "#start").is_displayed())
    ActionChains(page).send_keys(Keys.TAB, Keys.ENTER).perform()
    films(page)
    ActionChains(page).send_keys(Keys.SPACE).perform()
    assert not page.execute_script("return window.onereel.groups[0].playing")
    ActionChains(page).send_keys(Keys.SPACE).perform()
    assert page.execute_script("return window.onereel.groups[0].playing")
    ActionChains(page).send_keys(Keys.ENTER).perform()
    assert find(page, "#place").text == "Practice 1 of 1", "without an answer nothing goes on"
    go_through(page, key, answer)
    session = saved(page, downloads, "csv")
    assert fault(session, key) == ""
    assert session.rater == "bob"
    assert all(one.answer == right_answer(key, key.by_id[one.item]) for one in session.answers)
    assert not errors(page)


def test_on_a_phone_with_limited_plays(open_page: Open, build, root: Path, downloads: Path) -> None:
    key = build("phone", form="real_or_fake", allow=(), seconds=0.3, plays=2, completion="PH0NE")
    page = open_page(f"file://{root}/phone/index.html?PROLIFIC_PID=5f00&slot=0", width=390, height=844)
    start(page)
    films(page)
    assert find(page, "#why").text == "Play the video first."
    assert find(page, "#left").text == "2 plays left"
    assert not find(page, "#scrub").is_displayed(), "nobody looks at single frames for as long as he likes"
    for left in ("1 play left", "No plays left"):
        find(page, "#play").click()
        until(page, lambda left=left: find(page, "#left").text == left)
        until(page, lambda: page.execute_script("return !window.onereel.groups[0].counting"))
    assert not find(page, "#play").is_enabled()
    assert find(page, "#films").get_attribute("class") == "covered"
    find(page, '.choice[data-value="fake"]').click()
    assert "Right." in find(page, "#feedback").text
    find(page, "#next").click()

    def answer(page: WebDriver, item: KeyItem, shown: list[str]) -> None:
        until(page, lambda: find(page, "#play").is_enabled())
        find(page, "#play").click()
        until(page, lambda: page.execute_script(ENDED))
        width, height = page.execute_script("return [document.documentElement.scrollWidth, innerHeight]")
        assert width <= 390, "nothing is cut off at the side"
        for selector in (".choice", "#next", "#play"):
            box = find(page, selector).rect
            assert box["height"] >= 44, "as large as a finger"
            assert box["y"] + box["height"] <= height, "in sight without scrolling"
        find(page, '.choice[data-value="fake"]').click()
        find(page, "#next").click()

    go_through(page, key, answer)
    assert not find(page, "#code").is_displayed(), "first the answers"
    session = saved(page, downloads, "json")
    assert "PH0NE" in find(page, "#code").text
    assert find(page, "#code a").get_attribute("href") == "https://app.prolific.com/submissions/complete?cc=PH0NE"
    assert fault(session, key) == ""
    assert session.rater == "5f00"
    assert [one.plays for one in session.answers] == [2] + [1] * (len(session.answers) - 1)


def test_after_a_reload_it_goes_on_where_it_was(open_page: Open, build, root: Path, downloads: Path) -> None:
    key = build("reload", plays=2)
    address = f"file://{root}/reload/index.html?rater=cleo&slot=3"
    page = open_page(address)

    def answer(page: WebDriver, item: KeyItem, shown: list[str]) -> None:
        if page.execute_script("return window.onereel.groups[0].left") > 0:
            find(page, "#play").click()
        by_mouse(key)(page, item, shown)

    start(page)
    go_through(page, key, answer, at_most=2)
    before = films(page)
    find(page, "#play").click()
    until(page, lambda: find(page, "#left").text == "1 play left")
    until(page, lambda: page.execute_script(ENDED))
    time.sleep(0.1)
    page.refresh()
    assert films(page) == before
    until(page, lambda: find(page, "#left").text == "1 play left")
    go_through(page, key, answer)
    session = saved(page, downloads, "json")
    assert fault(session, key) == ""
    assert session.reloads == 1
    assert session.answers[2].plays == 2
    # Another rater in the same browser begins anew, in an order of his own.
    other = open_page(address.replace("cleo&slot=3", "dora"))
    until(other, lambda: find(other, "#start").is_displayed())


def test_wrong_answers_to_checks_exclude(open_page: Open, build, root: Path, downloads: Path) -> None:
    key = build("checks")

    def careless(key: Key, item: KeyItem) -> str:
        return item.films[1] if item.item.role in (IDENTICAL, OBVIOUS) else item.films[0]

    page = open_page(f"file://{root}/checks/index.html?rater=eve&slot=0")
    start(page)
    go_through(page, key, by_mouse(key, careless))
    session = saved(page, downloads, "json")
    assert fault(session, key) == ""
    assert "failed checks" in exclusions(session, key)


def test_without_a_network_at_the_end_nothing_is_lost(open_page: Open, build, server: Server, downloads: Path) -> None:
    key = build("lost", post=f"{server.address}/in", completion="L0ST")
    page = open_page(f"{server.address}/lost/index.html?rater=finn&slot=4")
    start(page)
    go_through(page, key, by_mouse(key), at_most=len(key.slots[4]) - 1)
    films(page)  # the last item is loaded
    network(page, offline=True)
    go_through(page, key, by_mouse(key))
    until(page, lambda: "could not be sent" in find(page, "#status").text)
    assert find(page, "#retry").is_displayed()
    assert not find(page, "#code").is_displayed()
    session = saved(page, downloads, "json")
    assert fault(session, key) == ""
    assert "L0ST" in find(page, "#code").text
    assert find(page, "#retry").is_displayed(), "a download is no reason to give up"
    network(page, offline=False)
    server.works = False
    find(page, "#retry").click()
    until(page, lambda: "could not be sent" in find(page, "#status").text and find(page, "#retry").is_displayed())
    server.works = True
    find(page, "#retry").click()
    until(page, lambda: "were sent" in find(page, "#status").text)
    assert read_sessions(server.received.pop()) == [session]


def test_ratings_by_keys(open_page: Open, build, root: Path, downloads: Path) -> None:
    key = build("ratings", form="rating", allow=(), show=("source", "prompt"))
    page = open_page(f"file://{root}/ratings/index.html?rater=gil&slot=0")
    start(page)

    def answer(page: WebDriver, item: KeyItem, shown: list[str]) -> None:
        assert find(page, "#prompt q").text == "paint it <red>"
        assert [figure.text for figure in page.find_elements(By.CSS_SELECTOR, "#films figure")] == [
            "Original",
            "Edited",
        ]
        until(page, lambda: page.execute_script(ENDED))
        points = "555" if item.item.role == IDENTICAL else "111" if item.item.role else "243"
        ActionChains(page).send_keys(*points, Keys.ENTER).perform()

    go_through(page, key, answer)
    session = saved(page, downloads, "csv")
    assert fault(session, key) == ""
    regular = [one.answer for one in session.answers if not key.by_id[one.item].item.role]
    assert set(regular) == {"quality=2;alignment=4;fidelity=3"}
    assert "failed checks" not in exclusions(session, key)
    assert not errors(page)


def test_the_best_of_several_and_none(open_page: Open, build, root: Path, downloads: Path) -> None:
    key = build("best", form="best_of", allow=("none", NOT_SURE), show=("source",))
    page = open_page(f"file://{root}/best/index.html?rater=hal&slot=0")
    start(page)

    def answer(page: WebDriver, item: KeyItem, shown: list[str]) -> None:
        until(page, lambda: page.execute_script(ENDED))
        labels = [choice.text.splitlines()[0] for choice in page.find_elements(By.CSS_SELECTOR, ".choice")]
        assert [re.sub("[0-9]$", "", label) for label in labels] == ["A", "B", "None of them", "Not sure"]
        ActionChains(page).send_keys("3", Keys.ENTER).perform()

    go_through(page, key, answer)
    session = saved(page, downloads, "json")
    assert fault(session, key) == ""
    assert {one.answer for one in session.answers} == {"none"}


def test_mechanical_turk_gets_the_answers_as_fields(open_page: Open, build, server: Server) -> None:
    key = build("hit")
    where = "assignmentId=A1&workerId=W1&hitId=H1&turkSubmitTo=https%3A%2F%2Fworkersandbox.mturk.com"
    page = open_page(f"{server.address}/hit/index.html?{where}&slot=0")
    start(page)
    go_through(page, key, by_mouse(key))
    form = find(page, "#mturk")
    assert form.is_displayed()
    assert form.get_attribute("action") == "https://workersandbox.mturk.com/mturk/externalSubmit"
    values = {
        field.get_attribute("name"): field.get_attribute("value") for field in form.find_elements(By.TAG_NAME, "input")
    }
    assert (values["assignmentId"], values["study"], values["rater"]) == ("A1", key.id, "W1")
    (session,) = read_sessions(values["answers"])
    assert fault(session, key) == ""
    # Anywhere else nothing is sent, whatever an address says.
    page = open_page(
        f"{server.address}/hit/index.html?{where.replace('workersandbox.mturk.com', 'mturk.com.example.org')}"
    )
    until(page, lambda: at_end(page))
    assert not find(page, "#mturk").is_displayed()


def test_a_preview_is_marked(open_page: Open, build, root: Path, downloads: Path) -> None:
    key = build("looked")
    page = open_page(f"file://{root}/looked/index.html?preview=1", still=True)
    assert find(page, "#preview").is_displayed()
    start(page)
    films(page)
    assert not page.execute_script("return window.onereel.groups[0].playing"), "who wants no motion starts it himself"

    def answer(page: WebDriver, item: KeyItem, shown: list[str]) -> None:
        find(page, "#play").click()
        by_mouse(key)(page, item, shown)

    go_through(page, key, answer)
    assert saved(page, downloads, "json").preview
    find(page, "#again button").click()
    until(page, lambda: find(page, "#intro").is_displayed())


def test_nothing_that_the_browser_receives_names_a_method(open_page: Open, build, root: Path, server: Server) -> None:
    names = [*METHODS, "spoilt", "identical", "obvious", "samples", "balloons", ".mkv"]
    for name, given in {
        "sent": {"post": f"{server.address}/in", "completion": "C0DE77"},
        "phone": {"form": "real_or_fake", "allow": (), "seconds": 0.3, "plays": 2, "completion": "PH0NE"},
        "ratings": {"form": "rating", "allow": (), "show": ("source", "prompt")},
    }.items():
        key = build(name, **given)
        folder = root / name
        data = json.loads((folder / "assets/study_data.js").read_text().split("window.study = ")[1].rstrip(";\n"))
        for path in folder.rglob("*"):
            content = path.read_bytes().lower() if path.is_file() and path.suffix != ".css" else b""
            content = re.sub(rb"spoilt on purpose", b"", content)  # what practice says of what everybody sees
            assert not [word for word in names if word.encode() in content], path
            assert not [word for word in names if word in path.name.lower()], path
        assert {path.name.split("-")[0] for path in (folder / "films").iterdir()} == set(key.films)
        # Places in the file say no more than names do.
        assert [item["id"] for item in data["items"]] == sorted(item["id"] for item in data["items"])
        assert all(item["films"] == sorted(item["films"]) for item in data["items"])
        assert {frozenset(item) for item in data["items"]} == {frozenset({"id", "films", "source", "prompt"})}
        assert len({json.dumps(film["size"]) for film in data["films"].values()}) == 1
    page = open_page(f"{server.address}/sent/index.html?rater=zoe&slot=0")
    start(page)
    films(page)
    asked = [
        unquote(json.loads(entry["message"])["message"]["params"]["request"]["url"])
        for entry in page.get_log("performance")
        if '"Network.requestWillBeSent"' in entry["message"]
    ]
    assert len(asked) > 8
    assert not [address for address in asked if any(word in address for word in names)]
