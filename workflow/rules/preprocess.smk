"""What several methods read of a clip, made once: each kind of artefact has a rule, `Method.requires` asks by kind."""

ARTEFACTS = {"pyramid": "<pyramids>/{clip}/{key}.safetensors"}


def artefacts_of(wildcards):
    """Artefacts that the run's method asks for, by kind."""
    return {
        kind: ARTEFACTS[kind].format(clip=run_of(wildcards).clip, key=key)
        for kind, key in PLAN.requires(wildcards.run).items()
    }


rule build_pyramid:
    input:
        clip="<clips>/{clip}.mkv",
        code=code_files("pyramid"),
    output:
        "<pyramids>/{clip}/{ladder}.safetensors",
    log:
        "<logs>/build_pyramid/{clip}/{ladder}.log",
    benchmark:
        "<benchmarks>/build_pyramid/{clip}/{ladder}.tsv"
    resources:
        mem_mb=4000,
        runtime=20,
    conda:
        ENVIRONMENT
    script:
        "../scripts/build_pyramid.py"


rule preprocessed:
    localrule: True
    input:
        [
            ARTEFACTS[kind].format(clip=run.clip, key=key)
            for name, run in PLAN.drawn.items()
            for kind, key in PLAN.requires(name).items()
        ],
