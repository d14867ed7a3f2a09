"""The sheet of footage (``config/footage.tsv``): what a model of one's own is trained on. Needs no torch."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from onereel.base.errors import ConfigError
from onereel.base.parsing import Layout, read_rows
from onereel.methods.gen1.config import FootageConfig

_LAYOUT = Layout("sheet of footage", ("source",), required=("source",))


class Source(NamedTuple):
    """A line of the sheet.

    Attributes:
        where: for errors.
        path: a video, or a folder of pictures that have nothing to do with each other.
    """

    where: str
    path: Path


def read_footage(path: Path | str) -> list[Source]:
    """The lines of a sheet.

    Raises: ConfigError naming the line of a file that is not there, or that stands twice.
    """
    found: dict[Path, Source] = {}
    for where, cells in read_rows(Path(path), _LAYOUT):
        source = Path(cells["source"])
        if not source.exists():
            raise ConfigError(where, f"there is no '{source}'", "correct the path, or delete the line")
        if source in found:
            raise ConfigError(where, f"'{source}' stands twice", "delete one of the lines")
        found[source] = Source(where, source)
    return list(found.values())


def shard_names(config: FootageConfig) -> tuple[str, ...]:
    """The parts that hold what is computed of the footage once: number, and a digest of its paths and their sizes, so
    that other footage makes other shards. (Contents are not looked at: that would read all footage at every start.)"""
    sources = read_footage(config.sheet)
    starts = range(0, len(sources), config.per_shard)
    return tuple(
        f"footage_{index:03d}_{_digest(sources[start : start + config.per_shard])}"
        for index, start in enumerate(starts)
    )


def of_shard(name: str, config: FootageConfig) -> list[Source]:
    """The lines of one."""
    first = int(name.split("_")[1]) * config.per_shard
    return read_footage(config.sheet)[first : first + config.per_shard]


def _digest(sources: list[Source]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        files = sorted(source.path.iterdir()) if source.path.is_dir() else [source.path]
        digest.update("".join(f"{file}\n{file.stat().st_size}\n" for file in files).encode())
    return digest.hexdigest()[:8]
