"""One reel in; every single-video generator and editor of five papers, trained, sampled, measured and compared, out."""

from typing import Any

from onereel.base.caches import use_writable_caches

__version__ = "0.1.0"
__all__ = ["compare", "edit", "evaluate", "generate", "load", "show"]

use_writable_caches()


def __getattr__(name: str) -> Any:
    """The functions of `onereel.api`, which is imported when the first one of them is used: that takes seconds."""
    if name not in __all__:
        raise AttributeError(f"module 'onereel' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module("onereel.api"), name)
