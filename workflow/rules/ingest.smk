"""Sources become clips: lossless, with a preview and a manifest."""


rule ingest:
    input:
        source=lambda wildcards: PLAN.made_here(PLAN.source(wildcards.clip)),
        code=code_of("ingest", "scenes"),
    output:
        clip="<clips>/{clip}.mkv",
        preview="<clips>/{clip}.mp4",
        manifest="<clips>/{clip}.json",
    log:
        "<logs>/ingest/{clip}.log",
    benchmark:
        "<benchmarks>/ingest/{clip}.tsv"
    wildcard_constraints:
        # Snakemake deletes what a job is to make anew, and of these there is no source any more.
        clip=pattern_of(set(PLAN.clips) - set(PLAN.kept)),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=6000,
        runtime=30,
    params:
        row=lambda wildcards: PLAN.clip_settings(wildcards.clip),
        content=lambda wildcards: content_of(PLAN.source(wildcards.clip)),
    script:
        "../scripts/ingest.py"


rule clips:
    input:
        expand(
            "<clips>/{clip}.mkv",
            clip=[
                *PLAN.clips,
                *PLAN.known_clips,
                *chain(*PLAN.edited_clips.values()),
            ],
        ),
    localrule: True
