"""One job per trained part. Training resumes from its state folder, which is no output and so survives a failure."""


rule train:
    input:
        clip="<clips>/{clip}.mkv",
        artefacts=lambda wildcards: list(artefacts_of(trained(wildcards)).values()),
        parts=needed_parts,
        code=lambda wildcards: code_files(*training_code(load_method(wildcards.method))),
    output:
        weights="<models>/{clip}/{method}/{variant}/{part}.safetensors",
        record="<models>/{clip}/{method}/{variant}/{part}.json",
        curves="<models>/{clip}/{method}/{variant}/{part}.curves.tsv",
    log:
        "<logs>/train/{clip}/{method}/{variant}/{part}.log",
    benchmark:
        "<benchmarks>/train/{clip}/{method}/{variant}/{part}.tsv"
    conda:
        ENVIRONMENT
    threads: training_resource("threads")
    resources:
        mem_mb=training_resource("mem_mb"),
        runtime=training_resource("runtime"),
        gpu=training_resource("gpu"),
    params:
        config=lambda wildcards: PLAN.configs[trained(wildcards).run].for_training(),
        # What the inputs above are, in their order.
        artefacts=lambda wildcards: list(artefacts_of(trained(wildcards))),
        parts=lambda wildcards: PLAN.parts(trained(wildcards).run)[wildcards.part],
        seed=config["seed"],
        state="results/state/{clip}/{method}/{variant}/{part}",
    script:
        "../scripts/train.py"


TRAINED = [
    f"<models>/{clip}/{method}/{variant}/{part}"
    for clip, method, variant, part in PLAN.models
]


rule trained:
    input:
        records=[f"{model}.json" for model in TRAINED],
        curves=[f"{model}.curves.tsv" for model in TRAINED],
    output:
        index="<models>/index.json",
        curves=directory("<summary>/curves"),
    log:
        "<logs>/trained.log",
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/trained.py"
