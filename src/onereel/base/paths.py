"""Where the configuration lies: presets, weights and tables that belong to the code."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def config_folder(holding: str = "methods") -> Path:
    """``config/`` of the working directory if it holds that, else the one that came with this package."""
    for folder in (Path("config"), _PACKAGE.parents[1] / "config", _PACKAGE / "config"):
        if (folder / holding).exists():
            return folder
    raise FileNotFoundError(f"no config folder with {holding} beside the package; install onereel again")
