"""Where everything of a project lies, relative to its root. A test holds the Snakefile's pathvars equal."""

import hashlib
from pathlib import Path

DATA, RESULTS, LOGS = Path("data"), Path("results"), Path("logs")

CLIPS = DATA / "clips"
PYRAMIDS = DATA / "pyramids"
DEPTH = DATA / "depth"
FLOW = DATA / "flow"
EMBEDDINGS = DATA / "embeddings"
TEXTS = EMBEDDINGS / "texts"
INPUTS = DATA / "inputs"
WEIGHTS = DATA / "weights"

MODELS = RESULTS / "models"
SAMPLES = RESULTS / "samples"
METRICS = RESULTS / "metrics"
HELDOUT = RESULTS / "heldout"
EDITS = RESULTS / "edits"
STUDIES = RESULTS / "studies"
VISUALS = RESULTS / "visuals"
TABLES = RESULTS / "tables"
FIGURES = RESULTS / "figures"
SUMMARY = RESULTS / "summary"
BENCHMARKS = RESULTS / "benchmarks"
FAILURES = RESULTS / "failures"
FEATURES = RESULTS / "features"
STATE = RESULTS / "state"
STAND_INS = RESULTS / "stand_ins"
REPORT = RESULTS / "report"
PARTIAL_REPORT = RESULTS / "report-partial"

VISITED = (REPORT, FIGURES, PARTIAL_REPORT)
"""Folders that are written anew, in which people may leave a file."""
EMPTIED = (
    *VISITED,
    PYRAMIDS,
    DEPTH,
    FLOW,
    EMBEDDINGS,
    INPUTS,
    MODELS,
    METRICS,
    HELDOUT,
    EDITS,
    STUDIES,
    VISUALS,
    TABLES,
    SUMMARY,
)
"""Folders that belong to the workflow alone: outputs are deleted before a job makes them anew."""
NO_CLIP = "_any"
"""In the place of a clip, of models that read none. No clip is called so: names begin with a letter or a digit."""
ARTEFACTS = {
    "pyramid": str(PYRAMIDS / "{clip}" / "{key}.safetensors"),
    "depth": str(DEPTH / "{clip}.safetensors"),
    "flow": str(FLOW / "{clip}.safetensors"),
    "embeddings": str(EMBEDDINGS / "{clip}.safetensors"),
}
"""Where what was read off a clip lies, by kind; `key` tells pyramids of one clip apart."""
STORED = (CLIPS, PYRAMIDS, DEPTH, FLOW, EMBEDDINGS, SAMPLES, METRICS, EDITS, VISUALS, TABLES)
"""Folders that DVC stores and that no run need ask for."""


def clip_of(clip: str) -> Path:
    """The lossless frames of a clip."""
    return CLIPS / f"{clip}.mkv"


def samples_of(run: str) -> Path:
    """The folder of a run's samples."""
    return SAMPLES / run


def metrics_of(run: str) -> Path:
    """The measurements of a run."""
    return METRICS / f"{run}.json"


def model_of(clip: str, method: str, variant: str, part: str) -> Path:
    """A trained part."""
    return MODELS / clip / method / variant / f"{part}.safetensors"


def models_of(clip: str, method: str) -> tuple[Path, ...]:
    """The folders of what a method trained, one folder in each for every variant: on the clip, and on none."""
    return tuple(MODELS / read / method for read in (clip, NO_CLIP) if read)


def text_of(prompt: str) -> Path:
    """The embedding of a prompt."""
    return TEXTS / f"{hashlib.sha256(prompt.encode()).hexdigest()[:16]}.safetensors"


def input_of(path: str, kind: str, key: str) -> Path:
    """What was read off a file that is a run's further input."""
    return INPUTS / kind / f"{hashlib.sha256(f'{key}/{path}'.encode()).hexdigest()[:16]}.safetensors"


def study_page(study: str) -> Path:
    """The folder of a study that is published."""
    return STUDIES / "pages" / study


def simulated_study(study: str) -> Path:
    """The folder with what simulated raters answered to a study, and its results."""
    return STUDIES / "simulated" / study


def study_key(study: str) -> Path:
    """The key of a study, which is not."""
    return STUDIES / "keys" / f"{study}.json"


def heldout_of(test: str) -> Path:
    """The folder of a held-out test."""
    return HELDOUT / test
