"""Samples become numbers: every metric of a run in one job; features are kept, so a changed distance runs no network."""


rule evaluate:
    input:
        reference=lambda wildcards: clip_of(run_of(wildcards)),
        samples=samples_of,
        weights_list=plan.weights_lists(ROOT),
        weights=plan.present_weights(ROOT, config["weights"]),
        code=code_of("metrics", "features"),
    output:
        "<metrics>/{run}.json",
    log:
        "<logs>/evaluate/{run}.log",
    benchmark:
        "<benchmarks>/evaluate/{run}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        run=lambda wildcards: PLAN.evaluation(wildcards.run),
        metrics=lambda wildcards: PLAN.metrics(
            wildcards.run, config["metrics"], config["edit_metrics"]
        ),
        weights=config["weights"],
        cache="results/features",
    script:
        "../scripts/evaluate.py"


rule summarise:
    input:
        expand("<metrics>/{run}.json", run=PLAN.runs),
    output:
        means="<summary>/metrics.json",
        runs="<summary>/runs.csv",
    log:
        "<logs>/summarise.log",
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/summarise.py"
