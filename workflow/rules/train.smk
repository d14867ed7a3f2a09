"""One job per trained part. Training resumes from its state folder, which is no output and so survives a failure."""


rule train:
    input:
        files=lambda wildcards: PLAN.made_of(training_inputs(wildcards)),
        models=lambda wildcards: list(needed_models(wildcards).values()),
        backbones=lambda wildcards: backbone_files(training_backbones(wildcards)),
        code=lambda wildcards: code_of(*training_code(load_method(wildcards.method))),
    output:
        weights="<models>/{clip}/{method}/{variant}/{part}.safetensors",
        record="<models>/{clip}/{method}/{variant}/{part}.json",
        curves="<models>/{clip}/{method}/{variant}/{part}.curves.tsv",
    log:
        "<logs>/train/{clip}/{method}/{variant}/{part}.log",
    benchmark:
        "<benchmarks>/train/{clip}/{method}/{variant}/{part}.tsv"
    wildcard_constraints:
        clip=pattern_of({model.clip for model in PLAN.models}),
    conda:
        ENVIRONMENT
    threads: training_resource("threads")
    resources:
        mem_mb=training_resource("mem_mb"),
        runtime=training_resource("runtime"),
        gpu=training_resource("gpu"),
    params:
        runs=runs_to_check,
        config=lambda wildcards: PLAN.configs[trained(wildcards).run].for_training(),
        reads=lambda wildcards: sorted(
            PLAN.parts(trained(wildcards).run)[wildcards.part].reads
        ),
        inputs=training_inputs,
        contents=lambda wildcards: contents_of(training_inputs(wildcards)),
        # What the inputs above are, in their order.
        parts=lambda wildcards: list(needed_models(wildcards)),
        backbones=training_backbones,
        weights=lambda wildcards: mode_for(training_backbones(wildcards)),
        seed=config["seed"],
        state="results/state/{clip}/{method}/{variant}/{part}",
    script:
        "../scripts/train.py"


TRAINED = [f"<models>/{'/'.join(model)}" for model in PLAN.models]


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
