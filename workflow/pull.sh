#!/usr/bin/env bash
# After git clone, or git checkout of another commit: bring the data, and have Snakemake take it as current.
# Order matters: touch records provenance only for files that are there, and must see the settings they were made with.
set -euo pipefail
if [ -z "$(dvc remote list)" ]; then
    echo "pull: no DVC remote is configured; name one with: dvc remote add --default NAME URL" >&2
    exit 1
fi
if [ ! -f dvc.lock ]; then
    echo "pull: no dvc.lock here, so there is nothing to pull; run dvc repro, dvc push, and commit dvc.lock" >&2
    exit 1
fi
dvc pull --quiet
if ! dvc status --quiet; then
    dvc status
    echo "pull: files differ from what dvc.lock was made with (above); not taking anything as current." >&2
    echo "pull: undo the change, or run dvc repro to compute what depends on it" >&2
    exit 1
fi
snakemake --touch --forceall --quiet all -- all samples trained heldout
