"""What several methods read of a clip, made once: each kind of artefact has a rule, `Method.requires` asks by kind."""


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
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=20,
    script:
        "../scripts/build_pyramid.py"


rule preprocessed:
    input:
        [
            ARTEFACTS[kind].format(clip=run.clip, key=key)
            for name, run in PLAN.computed.items()
            for kind, key in PLAN.requires(name).items()
        ],
    localrule: True
