"""Chromium without a window, and a report to open in it, from disk and over http."""

import functools
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver

from onereel.report.page.write import write_report
from onereel.report.tables.build import write_table
from tests.unit.test_report_project import build_project

TABLES = Path(__file__).resolve().parents[2] / "config" / "tables"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

Open = Callable[..., WebDriver]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report of a small project."""
    root = tmp_path_factory.mktemp("project")
    project = build_project(root, visuals=True)
    stem = root / "results/tables/comparison"
    write_table(project, TABLES / "comparison.yaml", stem)
    write_report(project, root / "report", tables={"comparison": stem}, visuals=root / "results/visuals")
    # Moved, so that nothing it needs can lie where it was built.
    return Path(shutil.move(root / "report", tmp_path_factory.mktemp("sent") / "report"))


@pytest.fixture(scope="session")
def requests() -> list[str]:
    """Paths that were asked of the server."""
    return []


@pytest.fixture(scope="session")
def served(report: Path, requests: list[str]) -> Iterator[str]:
    """The report's address over http."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            requests.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(report)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[WebDriver]:
    """One Chromium for all tests; skips where there is none."""
    if not CHROMIUM or not DRIVER:
        pytest.skip("Chromium and its driver are not installed (Debian: chromium, chromium-driver)")
    options = Options()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_page_load_timeout(30)
    driver.set_script_timeout(20)
    yield driver
    driver.quit()


@pytest.fixture
def open_page(browser: WebDriver) -> Open:
    """Open an address at a width, in a colour scheme, with or without a wish for reduced motion."""

    def open_(
        address: str, *, width: int = 1280, height: int = 900, scheme: str = "light", still: bool = False
    ) -> WebDriver:
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get("about:blank")
        for kind in ("browser", "performance"):
            browser.get_log(kind)  # what earlier pages left
        browser.get(address)
        return browser

    return open_
