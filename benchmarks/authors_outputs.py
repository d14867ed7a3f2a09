"""Measure the outputs that authors of the methods published, beside calibration rows; write the table as Markdown.

    python benchmarks/authors_outputs.py DATA docs/authors_outputs.md --clips fish birds

DATA holds ``clips/NAME`` (a folder of pictures) or ``clips/NAME.*`` (a video), and ``peer_outputs/NAME/SOURCE/*``,
samples of that clip by source. Samples keep their length where a metric allows any (an output may be longer than its
input, or show all of it in fewer frames); metrics that compare frame by frame, and diversity, take the first frames
that all have.
"""

import argparse
import math
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from onereel import ingest
from onereel.base.files import write_text
from onereel.base.progress import terminal_progress
from onereel.methods import Inputs, Job, Task, load_method
from onereel.metrics.evaluation import evaluate
from onereel.metrics.registry import REGISTRY
from onereel.video.clip import Clip

ANY_SIZE = [name for name, metric in REGISTRY.items() if not metric.same_size and metric.scope == "sample"]
ALIGNED = [name for name in REGISTRY if name not in ANY_SIZE]
ARROWS = {"lower": "↓", "higher": "↑", None: ""}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with clips/ and peer_outputs/")
    parser.add_argument("out", type=Path, help="Markdown file to write")
    parser.add_argument("--clips", nargs="+", default=["fish", "birds"], help="names of clips")
    parser.add_argument("--weights", default="auto", help="auto, real or stand-in")
    parser.add_argument("--cache", type=Path, help="folder of feature statistics, kept between calls")
    arguments = parser.parse_args()
    sections = [clip_section(name, arguments) for name in arguments.clips]
    write_text(arguments.out, preamble(arguments) + "".join(sections))
    print(f"wrote {arguments.out}")


def preamble(arguments: argparse.Namespace) -> str:
    command = f"python benchmarks/authors_outputs.py DATA {arguments.out} --clips {' '.join(arguments.clips)}"
    return f"""# What the metrics say of the authors' own outputs

    {command}

wrote this; DATA holds the authors' published samples, which are not part of this repository. Machine:
{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__.split("+")[0]}.

Rows are other people's samples, and under them what the same metrics say of the input itself and of three ways to
spoil it. Cells: mean, [95 % bootstrap interval over the samples], number of samples where there are several.

**SVFID and SGFID here come from stand-in weights wherever the column's name has another name in brackets** (C3D or
Inception with other weights, or another network): rows of one table can be compared with each other, with caution, and
with no published number.

How to read the rows in italics: the input itself gives the value of a perfect copy. Shuffled frames leave SGFID at 0 by
its definition (it pools over frames) and move every metric that sees motion. Noise and H.264 tell what a loss that a
viewer notices, or does not notice, costs. NNFDIV grows with any rearrangement, also with noise and re-encoding, where
near patches swap places: read it beside NNFDIST.
"""


def clip_section(name: str, arguments: argparse.Namespace) -> str:
    reference = ingest.load(find_clip(arguments.data / "clips", name))
    rows, columns, notes = [], {}, []
    for label, samples in sources(name, reference, arguments.data):
        print(f"{name}: {label} ({len(samples)})", flush=True)
        summary, note = measure(reference, samples, arguments)
        columns |= {metric: head(entry) for metric, entry in summary.items()}
        rows.append((label, summary))
        if note:
            notes.append(f"- {label}: {note}.")
    order = [metric for metric in REGISTRY if metric in columns]
    table = [["sample", *(columns[metric] for metric in order)], ["---"] * (len(order) + 1)]
    table += [[label, *(cell(summary.get(metric)) for metric in order)] for label, summary in rows]
    lines = [f"| {' | '.join(row)} |" for row in table]
    size = "x".join(map(str, reference.size))
    return f"\n## {name}, {size}\n\n" + "\n".join([*lines, "", *notes]) + "\n"


def find_clip(folder: Path, name: str) -> Path:
    found = sorted(path for path in folder.iterdir() if path.name == name or path.stem == name)
    if not found:
        raise SystemExit(f"error: {folder} holds no clip '{name}'; name one of its files or folders")
    return found[0]


def sources(name: str, reference: Clip, data: Path) -> Iterator[tuple[str, dict[str, Clip]]]:
    """The authors' samples, then the calibration rows."""
    for folder in sorted((data / "peer_outputs" / name).iterdir()):
        yield folder.name, {key: ingest.load(source) for key, source in ingest.discover(folder).items()}
    method = load_method("calibration")
    for kind in ("identity", "shuffle", "noise", "h264"):
        config = method.Config(kind=kind)
        frames = method.sample(Task.GENERATE, Inputs(reference), config, 0, Job(torch.device("cpu")))
        yield calibration_label(kind, config), {"0": Clip(frames, reference.fps)}


def calibration_label(kind: str, config: Any) -> str:
    labels = {
        "identity": "the input itself",
        "shuffle": "its frames shuffled",
        "noise": f"noise, sigma {config.noise_std:g}",
        "h264": "H.264 round trip (CRF 16)",
    }
    return f"*{labels[kind]}*"


def measure(reference: Clip, samples: Mapping[str, Clip], arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Summaries of all metrics, and what was cut for those that need equal lengths."""
    common = {"weights": arguments.weights, "cache": arguments.cache, "progress": terminal_progress}
    free = evaluate(reference, samples, metrics=ANY_SIZE, align="keep", **common)
    equal = evaluate(reference, samples, metrics=ALIGNED, align="crop+resize", **common)
    parts = [f"{', '.join(REGISTRY[name].title for name in ALIGNED)}: {equal['align']}"] if equal["align"] else []
    if free["align"]:
        parts.insert(0, free["align"])
    return free["summary"] | equal["summary"], "; ".join(parts)


def head(entry: Mapping[str, Any]) -> str:
    unit = f", {entry['unit']}" if entry["unit"] else ""
    return f"{entry['column']}{unit} {ARROWS[entry['better']]}".strip()


def cell(entry: Mapping[str, Any] | None) -> str:
    if entry is None or entry["mean"] is None:
        return "–"
    mean = "∞" if math.isinf(entry["mean"]) else number(entry["mean"])
    if entry["n"] < 2:
        return mean
    if entry["low"] is None:
        return f"{mean} (n={entry['n']})"
    return f"{mean} [{number(entry['low'])}, {number(entry['high'])}] (n={entry['n']})"


def number(value: float) -> str:
    if abs(value) < 1e-6:
        return "0"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


if __name__ == "__main__":
    main()
