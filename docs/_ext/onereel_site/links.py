"""Every link of the built site leads somewhere: files, and places in them. Other sites are not asked."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sphinx.errors import SphinxError

_FETCHED = {"script": "src", "img": "src", "video": "src", "source": "src", "link": "href", "iframe": "src"}
"""What a browser fetches by itself: all of it must lie in the site."""


class _Page(HTMLParser):
    """Where a page can be entered, what it links to, what it fetches."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.places, self.links, self.fetched = {""}, list[str](), list[str]()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for every tag."""
        values = {key: value or "" for key, value in attrs}
        self.places |= {values[key] for key in ("id", "name") if key in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if values.get(_FETCHED.get(tag, "")) and values.get("rel") != "canonical":
            self.fetched.append(values[_FETCHED[tag]])


def broken(folder: Path) -> list[str]:
    """One line for each link of a built site that leads nowhere, or fetches from elsewhere.

    Args:
        folder: the site.
    """
    pages = {path: _Page(path) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in {*page.links, *page.fetched}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.fetched and parts.scheme != "data":
                    found.append(f"{path.relative_to(folder)}: fetches {link}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            known = pages[target].places if target in pages else {"", unquote(parts.fragment)}
            if not target.is_file() or unquote(parts.fragment) not in known:
                found.append(f"{path.relative_to(folder)}: {link}")
    return sorted(found)


def refuse_broken(app: Any, failure: Exception | None) -> None:
    """Fail a build that has such links."""
    if failure is None and app.builder.name == "html" and (found := broken(Path(app.outdir).resolve())):
        raise SphinxError("links that lead nowhere:\n" + "\n".join(found))
