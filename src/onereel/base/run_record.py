"""The record of a run that lies beside its samples: which of the files in a folder belong together.

A folder that is used again holds samples of other requests, too; without a record they would count as one run's.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from onereel.base.errors import ConfigError
from onereel.base.files import read_json, write_json
from onereel.base.locks import waited_for

NAME = "run.json"
_KIND = "onereel run"
_ASKED = ("clip", "method", "task", "preset", "settings", "prompt", "config")
"""What a sample's own record says of its request, but for the seed."""


class RunRecord:
    """``run.json`` in a folder of samples: what was asked for, and the names of the samples that were drawn so.

    Attributes:
        path: the file.
        request: what was asked for, but for the seeds; None where there is no record yet.
        samples: names of the samples, in the order in which they were drawn.
    """

    def __init__(self, folder: Path) -> None:
        """Read the record of a folder, if there is one.

        Raises: ConfigError if there is a file of its name that is no such record.
        """
        self.path = folder / NAME
        self.request: dict[str, Any] | None = None
        self.samples: tuple[str, ...] = ()
        if self.path.exists():
            self._read()

    def begin(self, request: Mapping[str, Any], names: Iterable[str], report: Callable[[str], None]) -> None:
        """Make this the record of a request: one as before goes on, another one replaces it.

        Args:
            request: as `onereel.jobs.sampling.asked_of` makes it.
            names: the samples that are going to be drawn.
            report: called with one line if other samples of ours stay in the folder.
        """
        plain = json.loads(json.dumps(request))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with waited_for(self.path.parent):
            if self.path.exists():  # since this was made, hours of training may have passed
                self._read()
            if self.request == plain:
                return
            others = {path.stem for path in self.path.parent.glob("*.mkv") if own_request(path)} - set(names)
            self.request, self.samples = plain, ()
            self._write()
        if others:
            count = "1 other sample is" if len(others) == 1 else f"{len(others)} other samples are"
            report(f"{self.path.parent}: {count} not of this run and no longer counted")

    def add(self, name: str) -> None:
        """A sample was written.

        Raises: ConfigError if another command has made the folder another request's meanwhile.
        """
        asked = self.request
        with waited_for(self.path.parent):
            self._read()  # a command beside this one may draw other seeds
            if self.request != asked:
                remedy = "give each request a folder of its own"
                raise ConfigError(f"'{self.path}'", "became another request's while samples were drawn", remedy)
            if name not in self.samples:
                self.samples = (*self.samples, name)
                self._write()

    def name(self, request: Mapping[str, Any], samples: Iterable[str]) -> None:
        """Make this the record of a request whose samples are known; nothing is written where it says so already."""
        plain, names = json.loads(json.dumps(request)), tuple(samples)
        if (self.request, self.samples) != (plain, names):
            self.request, self.samples = plain, names
            self._write()

    def _read(self) -> None:
        try:
            content = read_json(self.path)
            request, samples = content["request"], content["samples"]
            if content["kind"] != _KIND or not isinstance(request, dict) or not isinstance(samples, list):
                raise ValueError("of another kind")
            if not all(isinstance(name, str) and name and "/" not in name for name in samples):
                raise ValueError("no names of files in this folder")
            if len(set(samples)) < len(samples):
                raise ValueError("a sample counts once")
        except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            what = "is no record of a run that onereel wrote"
            raise ConfigError(f"'{self.path}'", what, "move it away, or use another folder") from error
        self.request, self.samples = request, tuple(samples)

    def _write(self) -> None:
        write_json(self.path, {"kind": _KIND, "request": self.request, "samples": list(self.samples)})


def own_request(video: Path) -> dict[str, Any] | None:
    """What the record beside one of our samples says was asked for, but for the seed; None where there is none."""
    try:
        record = read_json(video.with_suffix(".json"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not {"method", "seed"} <= record.keys():
        return None
    return {key: record.get(key) for key in _ASKED}
