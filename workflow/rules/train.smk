"""One job per trained part. Training resumes from its state folder, which is no output and so survives a failure."""


def trained(wildcards):
    """The run whose settings this part is trained with."""
    return PLAN.models[(wildcards.clip, wildcards.method, wildcards.variant, wildcards.part)]


def needed_parts(wildcards):
    """Parts that must be trained before this one."""
    needs = PLAN.parts(trained(wildcards).run)[wildcards.part]
    return expand("<models>/{{clip}}/{{method}}/{{variant}}/{part}.safetensors", part=needs)


def training_resource(name):
    """A resource of the method's YAML, as Snakemake asks for it."""
    return lambda wildcards: resources_for("fit", wildcards.method)[name]


rule train:
    input:
        clip="<clips>/{clip}.mkv",
        artefacts=lambda wildcards: list(artefacts_of(trained(wildcards)).values()),
        parts=needed_parts,
        code=lambda wildcards: code_files(f"methods.{wildcards.method}"),
    output:
        weights="<models>/{clip}/{method}/{variant}/{part}.safetensors",
        record="<models>/{clip}/{method}/{variant}/{part}.json",
        curves="<models>/{clip}/{method}/{variant}/{part}.curves.tsv",
    log:
        "<logs>/train/{clip}/{method}/{variant}/{part}.log",
    benchmark:
        "<benchmarks>/train/{clip}/{method}/{variant}/{part}.tsv"
    params:
        config=lambda wildcards: PLAN.configs[trained(wildcards).run].model_dump(mode="json"),
        artefacts=lambda wildcards: artefacts_of(trained(wildcards)),
        parts=lambda wildcards: PLAN.parts(trained(wildcards).run)[wildcards.part],
        seed=config["seed"],
        state="results/state/{clip}/{method}/{variant}/{part}",
    threads: training_resource("threads")
    resources:
        mem_mb=training_resource("mem_mb"),
        runtime=training_resource("runtime"),
        gpu=training_resource("gpu"),
    conda:
        ENVIRONMENT
    script:
        "../scripts/train.py"


rule trained:
    localrule: True
    input:
        [f"<models>/{clip}/{method}/{variant}/{part}.json" for clip, method, variant, part in PLAN.models],
    output:
        "<models>/index.json",
    log:
        "<logs>/trained.log",
    conda:
        ENVIRONMENT
    script:
        "../scripts/trained.py"
