"""The sheet of footage (``config/footage.tsv``): what a model of one's own is trained on. Needs no torch."""

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
    """The parts that hold what is computed of the footage once."""
    count = len(read_footage(config.sheet))
    return tuple(f"footage_{index:03d}" for index in range(-(-count // config.per_shard)))


def of_shard(name: str, config: FootageConfig) -> list[Source]:
    """The lines of one."""
    first = int(name.rpartition("_")[2]) * config.per_shard
    return read_footage(config.sheet)[first : first + config.per_shard]
