"""One reel in; every single-video generator and editor of five papers, trained, sampled, measured and compared, out."""

from onereel.base.caches import use_writable_caches

__version__ = "0.1.0"

use_writable_caches()
