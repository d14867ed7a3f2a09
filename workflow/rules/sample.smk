"""Samples: drawn by a method, one job per seed, or taken over from somebody else's videos."""


rule sample:
    input:
        files=inputs_of,
        models=lambda wildcards: list(models_of(wildcards.run).values()),
        backbones=lambda wildcards: backbone_files(PLAN.backbones(wildcards.run)),
        code=lambda wildcards: code_of(f"methods.{run_of(wildcards).method}"),
    output:
        clip="<samples>/{run}/{sample}.mkv",
        preview="<samples>/{run}/{sample}.mp4",
        record="<samples>/{run}/{sample}.json",
    log:
        "<logs>/sample/{run}/{sample}.log",
    benchmark:
        "<benchmarks>/sample/{run}/{sample}.tsv"
    wildcard_constraints:
        run=pattern_of(PLAN.drawn),
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
        inputs=lambda wildcards: PLAN.inputs(wildcards.run),
        contents=lambda wildcards: contents_of(PLAN.inputs(wildcards.run)),
        # What the inputs above are, in their order.
        parts=lambda wildcards: list(models_of(wildcards.run)),
        weights=lambda wildcards: mode_for(PLAN.backbones(wildcards.run)),
    script:
        "../scripts/sample.py"


rule import_sample:
    input:
        source=lambda wildcards: PLAN.made_here(
            PLAN.external[wildcards.run][wildcards.sample].source
        ),
        code=code_of("ingest"),
    output:
        clip="<samples>/{run}/{sample}.mkv",
        preview="<samples>/{run}/{sample}.mp4",
        record="<samples>/{run}/{sample}.json",
    log:
        "<logs>/import_sample/{run}/{sample}.log",
    benchmark:
        "<benchmarks>/import_sample/{run}/{sample}.tsv"
    wildcard_constraints:
        run=pattern_of(PLAN.external),
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
