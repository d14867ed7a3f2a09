"""Samples: drawn by a method, one job per seed, or taken over from somebody else's videos."""


def weights_of(wildcards):
    """Trained parts that the run samples with, by part."""
    run = run_of(wildcards)
    variant = PLAN.variant(run.run)
    return {
        part: f"<models>/{run.clip}/{run.method}/{variant}/{part}.safetensors" for part in PLAN.parts(run.run)
    }


def further_clips(wildcards):
    """Clips other than the run's own, by role."""
    return {
        role: f"<clips>/{value.removeprefix('clip:')}.mkv"
        for role, value in run_of(wildcards).inputs.items()
        if value.startswith("clip:")
    }


def further_files(wildcards):
    """Other files, by role."""
    return {
        role: PLAN.resolve(value)
        for role, value in run_of(wildcards).inputs.items()
        if not value.startswith("clip:")
    }


def sampling_resource(name):
    """A resource of the method's YAML, as Snakemake asks for it."""
    return lambda wildcards: resources_for("sample", run_of(wildcards).method)[name]


def samples_of(wildcards):
    """The lossless samples of a run."""
    return expand("<samples>/{run}/{sample}.mkv", run=wildcards.run, sample=PLAN.samples(wildcards.run))


rule sample:
    input:
        clip=lambda wildcards: f"<clips>/{run_of(wildcards).clip}.mkv",
        artefacts=lambda wildcards: list(artefacts_of(wildcards).values()),
        weights=lambda wildcards: list(weights_of(wildcards).values()),
        clips=lambda wildcards: list(further_clips(wildcards).values()),
        files=lambda wildcards: list(further_files(wildcards).values()),
        code=lambda wildcards: code_files(f"methods.{run_of(wildcards).method}"),
    output:
        clip="<samples>/{run}/{sample}.mkv",
        preview="<samples>/{run}/{sample}.mp4",
        record="<samples>/{run}/{sample}.json",
    log:
        "<logs>/sample/{run}/{sample}.log",
    benchmark:
        "<benchmarks>/sample/{run}/{sample}.tsv"
    wildcard_constraints:
        run=any_of(PLAN.drawn),
    params:
        request=lambda wildcards: PLAN.request(wildcards.run, wildcards.sample),
        config=lambda wildcards: PLAN.configs[wildcards.run].model_dump(mode="json"),
        artefacts=artefacts_of,
        weights=weights_of,
        clips=further_clips,
        files=further_files,
    threads: sampling_resource("threads")
    resources:
        mem_mb=sampling_resource("mem_mb"),
        runtime=sampling_resource("runtime"),
        gpu=sampling_resource("gpu"),
    conda:
        ENVIRONMENT
    script:
        "../scripts/sample.py"


rule import_sample:
    input:
        source=lambda wildcards: PLAN.external_files(wildcards.run, wildcards.sample),
        code=code_files("ingest"),
    output:
        clip="<samples>/{run}/{sample}.mkv",
        preview="<samples>/{run}/{sample}.mp4",
        record="<samples>/{run}/{sample}.json",
    log:
        "<logs>/import_sample/{run}/{sample}.log",
    benchmark:
        "<benchmarks>/import_sample/{run}/{sample}.tsv"
    wildcard_constraints:
        run=any_of(PLAN.external),
    params:
        source=lambda wildcards: PLAN.external[wildcards.run][wildcards.sample],
        row=lambda wildcards: PLAN.external_request(wildcards.run),
    resources:
        mem_mb=4000,
        runtime=20,
    conda:
        ENVIRONMENT
    script:
        "../scripts/import_sample.py"


rule samples:
    localrule: True
    input:
        [f"<samples>/{run}/{sample}.mkv" for run in PLAN.runs for sample in PLAN.samples(run)],
