"""A report's folder as one HTML file that can be mailed: styles, scripts, pictures, previews and tables are in it.

Left out are the lossless videos, which are many times as large, and the pages of known edits.
"""

import base64
import html
import mimetypes
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from onereel.base.errors import ConfigError
from onereel.base.files import atomic_path, check_target

MARK = "<!-- onereel report, packed into one file -->"
_LEFT_OUT = (".mkv",)
_SCRIPT = re.compile(r'<script src="([^"]+)" defer></script>\n?')
_STYLE = re.compile(r'<link rel="stylesheet" href="([^"]+)">')
_SOURCE = re.compile(r'(<(?:img|link)\b[^>]*?\s)(src|href)="((?:assets|media)/[^"]+)"')
_ANCHOR = re.compile(r'<a\b([^>]*?)\shref="(?!#)([^"]+)"([^>]*)>(.*?)</a>', re.DOTALL)
_NOSCRIPT = re.compile(r"<noscript>.*?</noscript>", re.DOTALL)


def pack(report: Path, out: Path, *, overwrite: bool = False) -> int:
    """Write the report as one file; return its size in bytes.

    Args:
        report: folder that `write_report` wrote.
        out: the file, replaced where an earlier call wrote it.
        overwrite: replace whatever is there.

    Raises: ConfigError if the folder is no report, or `out` is another's file.
    """
    page = _read_page(report)
    check_target(out)
    if out.exists() and not overwrite and not _ours(out):
        raise ConfigError(f"'{out}'", "exists and is no packed report", "name another file, or add --overwrite")
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.writelines(_packed(page, report))
    return out.stat().st_size


def _read_page(report: Path) -> str:
    page = report / "index.html"
    if not page.is_file() or not (report / "assets" / "players.js").is_file():
        raise ConfigError(f"'{report}'", "is no folder of a report", "name the one that holds index.html and assets/")
    return page.read_text(encoding="utf-8")


def _ours(path: Path) -> bool:
    with path.open("rb") as stream:
        return MARK.encode() in stream.read(200)


def _packed(page: str, report: Path) -> Iterator[str]:
    """The file piece by piece: the page first, so that it shows before its films are read; scripts last."""
    scripts = _SCRIPT.findall(page)
    page = _NOSCRIPT.sub("", _SCRIPT.sub("", page))
    page = page.replace("<!doctype html>", f"<!doctype html>\n{MARK}", 1)
    page = _STYLE.sub(lambda found: f"<style>\n{(report / found[1]).read_text(encoding='utf-8')}</style>", page)
    page = _SOURCE.sub(lambda found: _picture(found, report), page)
    page = _ANCHOR.sub(lambda found: _link(found, report), page)
    page = re.sub(r'<p class="whole">.*?</p>', '<p class="whole">This file is complete: send it.</p>', page)
    body, _, end = page.rpartition("</body>")
    yield body
    for path in sorted(_files(report)):
        content = base64.b64encode(path.read_bytes()).decode()
        name = html.escape(path.relative_to(report).as_posix())
        yield f'<script type="text/plain" data-file="{name}" data-type="{_type(path)}">{content}</script>\n'
    for script in ["assets/pack.js", *scripts]:
        source = (Path(__file__).parents[1] / "templates/pack.js") if script.endswith("/pack.js") else report / script
        text = source.read_text(encoding="utf-8").replace("</script", r"<\/script")
        yield f"<script>\n{text}</script>\n"
    yield f"</body>{end}"


def _files(report: Path) -> list[Path]:
    """What the page shows and offers."""
    found = [path for folder in ("media", "tables", "metrics") for path in (report / folder).rglob("*")]
    return [path for path in [*found, report / "papers.bib"] if path.is_file() and path.suffix not in _LEFT_OUT]


def _picture(found: re.Match[str], report: Path) -> str:
    """What is small stands in the page; what the page shows of samples is filled in when it comes into view."""
    path = report / unquote(html.unescape(found[3]))
    if found[3].startswith("assets/"):
        content = base64.b64encode(path.read_bytes()).decode()
        return f'{found[1]}{found[2]}="data:{_type(path)};base64,{content}"'
    return f'{found[1]}data-shown="{found[3]}"'


def _link(found: re.Match[str], report: Path) -> str:
    """A link to a file that is in the page stays, one to what is left out goes; of other pages their names stay."""
    before, target, after, text = found.groups()
    path = Path(unquote(html.unescape(target)))
    if path.parts[0] == "edits":
        return f"<span>{text} (in the folder of the report)</span>"
    if path.suffix in _LEFT_OUT:
        return ""
    return f'<a{before} href="{target}"{after}>{text}</a>'


def _type(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
