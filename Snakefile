"""One reel in, a comparison out: `snakemake` ingests, trains, samples, measures and reports what config/ asks for."""

from snakemake.utils import min_version

min_version("9.19")


pathvars:
    clips="data/clips",
    pyramids="data/pyramids",
    models="<results>/models",
    samples="<results>/samples",
    metrics="<results>/metrics",
    heldout="<results>/heldout",
    edits="<results>/edits",
    studies="<results>/studies",
    visuals="<results>/visuals",
    tables="<results>/tables",
    figures="<results>/figures",
    summary="<results>/summary",
    benchmarks="<results>/benchmarks",


# GPUs are counted where a job runs; on a cluster the scheduler counts them, not this process.
resource_scopes:
    gpu="local",


include: "workflow/rules/common.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/preprocess.smk"
include: "workflow/rules/weights.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/sample.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/heldout.smk"
include: "workflow/rules/edits.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        "<results>/report",
        "<summary>/metrics.json",
        # With these everything is there that dvc.yaml stores: `dvc commit` may follow.
        "<models>/index.json",
        "<heldout>/index.json",
    localrule: True
