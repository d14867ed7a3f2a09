"""Where the configuration lies: presets, weights and tables that belong to the code."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def config_folder() -> Path:
    """``config/`` of the working directory if it holds presets, else the one that came with this package."""
    for folder in (Path("config"), _PACKAGE.parents[1] / "config", _PACKAGE / "config"):
        if (folder / "methods").is_dir():
            return folder
    raise FileNotFoundError("no config folder beside the package; install onereel again")
