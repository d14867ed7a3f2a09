"""Samples: drawn by a method, one job per seed, or taken over from somebody else's videos."""


rule sample:
    input:
        clip=lambda wildcards: f"<clips>/{run_of(wildcards).clip}.mkv",
        artefacts=lambda wildcards: list(artefacts_of(wildcards).values()),
        weights=lambda wildcards: list(weights_of(wildcards).values()),
        clips=lambda wildcards: list(further_clips(wildcards).values()),
        files=files_made_here,
        networks=lambda wildcards: network_files(run_of(wildcards)),
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
    conda:
        ENVIRONMENT
    threads: sampling_resource("threads")
    resources:
        mem_mb=sampling_resource("mem_mb"),
        runtime=sampling_resource("runtime"),
        gpu=sampling_resource("gpu"),
    params:
        request=lambda wildcards: PLAN.request(wildcards.run, wildcards.sample),
        config=lambda wildcards: PLAN.configs[wildcards.run].model_dump(mode="json"),
        # What the inputs above are, in their order.
        artefacts=lambda wildcards: list(artefacts_of(wildcards)),
        weights=lambda wildcards: list(weights_of(wildcards)),
        clips=lambda wildcards: list(further_clips(wildcards)),
        files=further_files,
        contents=contents,
        networks=lambda wildcards: networks_of(run_of(wildcards)),
    script:
        "../scripts/sample.py"


rule import_sample:
    input:
        source=lambda wildcards: PLAN.made_here(
            PLAN.external[wildcards.run][wildcards.sample].source
        ),
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
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        source=lambda wildcards: PLAN.external[wildcards.run][wildcards.sample].source,
        content=lambda wildcards: content_of(
            PLAN.external[wildcards.run][wildcards.sample].source
        ),
        row=lambda wildcards: PLAN.external_request(wildcards.run, wildcards.sample),
    script:
        "../scripts/import_sample.py"


rule samples:
    input:
        [
            f"<samples>/{run}/{sample}.mkv"
            for run in PLAN.runs
            for sample in PLAN.samples(run)
        ],
    localrule: True
