"""One job per trained part, after a check of the runs that need it. Training resumes from its state folder, which is no
output and so survives a failure."""


def checked(clip):
    """The runs whose models read this clip."""
    return PLAN.checked[clip]


def rows_to_check(clip):
    """What `onereel.jobs.checks.check_runs` is told of them."""
    return [
        {
            "run": run,
            "method": PLAN.computed[run].method,
            "task": str(PLAN.computed[run].task),
            "config": PLAN.configs[run].model_dump(mode="json"),
            "inputs": PLAN.inputs(run),
            "backbones": PLAN.backbones(run),
            "models": [
                str(layout.model_of(*model))
                for model in PLAN.models_of(run).values()
                if model.clip == clip
            ],
        }
        for run in checked(clip)
    ]


# What no training mends is said before any. One job for all runs whose models read one clip: most of its time is imports.
rule check:
    input:
        files=lambda wildcards: list(
            dict.fromkeys(
                file
                for run in checked(wildcards.clip)
                for file in PLAN.made_of(PLAN.inputs(run))
            )
        ),
        backbones=lambda wildcards: list(
            dict.fromkeys(
                file
                for run in checked(wildcards.clip)
                for file in backbone_files(PLAN.backbones(run))
            )
        ),
        code=lambda wildcards: code_files(
            "jobs.checks",
            *{
                f"methods.{PLAN.computed[run].method}"
                for run in checked(wildcards.clip)
            },
        ),
    output:
        "results/checks/{clip}.json",
    log:
        "<logs>/check/{clip}.log",
    wildcard_constraints:
        clip=any_of(PLAN.checked),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        runs=lambda wildcards: rows_to_check(wildcards.clip),
        contents=lambda wildcards: [
            contents_of(PLAN.inputs(run)) for run in checked(wildcards.clip)
        ],
        weights=config["weights"],
        # How much memory there is where samples are drawn is known only of this machine.
        device=lambda wildcards: "meta" if GPU else "cpu",
    script:
        "../scripts/check.py"


rule train:
    input:
        # Rows that are new say nothing of what is trained already.
        check=ancient("results/checks/{clip}.json"),
        files=lambda wildcards: PLAN.made_of(training_inputs(wildcards)),
        models=lambda wildcards: list(needed_models(wildcards).values()),
        backbones=lambda wildcards: backbone_files(training_backbones(wildcards)),
        code=lambda wildcards: code_files(*training_code(load_method(wildcards.method))),
    output:
        weights="<models>/{clip}/{method}/{variant}/{part}.safetensors",
        record="<models>/{clip}/{method}/{variant}/{part}.json",
        curves="<models>/{clip}/{method}/{variant}/{part}.curves.tsv",
    log:
        "<logs>/train/{clip}/{method}/{variant}/{part}.log",
    benchmark:
        "<benchmarks>/train/{clip}/{method}/{variant}/{part}.tsv"
    wildcard_constraints:
        clip=any_of(PLAN.checked),
    conda:
        ENVIRONMENT
    threads: training_resource("threads")
    resources:
        mem_mb=training_resource("mem_mb"),
        runtime=training_resource("runtime"),
        gpu=training_resource("gpu"),
    params:
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
