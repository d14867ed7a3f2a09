"""Comparisons beyond one set of known edits: a paper's tables and figures told by truth, each of them one target."""


rule compare:
    input:
        description=lambda wildcards: str(PLAN.comparisons[wildcards.comparison]),
        scores=lambda wildcards: expand(
            "<edits>/scores/{editor}.json",
            editor=PLAN.compared[wildcards.comparison].editors_named,
        ),
        calibration=compared_calibrations,
        outputs=compared_outputs,
        samples=lambda wildcards: list(
            chain(
                *(run["samples"] for run in PLAN.compared_runs(wildcards.comparison))
            )
        ),
        given=lambda wildcards: sorted(
            {
                clip
                for run in PLAN.compared_runs(wildcards.comparison)
                for clip in run["given"].values()
            }
        ),
        code=code_of("report.comparisons"),
    output:
        report(
            directory("<edits>/comparisons/{comparison}"),
            htmlindex="index.html",
            category="Comparisons",
        ),
    log:
        "<logs>/compare/{comparison}.log",
    benchmark:
        "<benchmarks>/compare/{comparison}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=6000,
        runtime=30,
    params:
        sets=lambda wildcards: {
            editor: PLAN.editors[editor].asked.model_dump(mode="json")
            for editor in PLAN.compared[wildcards.comparison].editors_named
        },
        sources=lambda wildcards: {
            editor: PLAN.source_of_outputs(editor)
            for editor in PLAN.compared[wildcards.comparison].editors_named
        },
        runs=lambda wildcards: PLAN.compared_runs(wildcards.comparison),
    script:
        "../scripts/compare.py"


rule comparisons:
    input:
        expand("<edits>/comparisons/{comparison}", comparison=PLAN.comparisons),
    localrule: True
