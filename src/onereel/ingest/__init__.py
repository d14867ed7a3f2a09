"""Ingestion: any source -> a normalised clip with a manifest; finding other people's samples.

Modules: `request` (what is asked for), `movie`, `pictures`, `scene`, `download` (kinds of source), `structure`
(truncation, checksums), `track` (which stream), `crop`, `colour`, `tone` (HDR), `selection` (which frames, what size),
`core` (all together), `store`, `series` (which pictures of a folder are frames), `discovery` (what is a sample).
"""

from onereel.ingest.core import ingest, load, look
from onereel.ingest.discovery import discover, find_samples
from onereel.ingest.store import write_clip, write_frames

__all__ = [
    "discover",
    "find_samples",
    "ingest",
    "load",
    "look",
    "write_clip",
    "write_frames",
]
