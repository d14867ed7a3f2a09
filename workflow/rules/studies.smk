"""Studies with people: folders to publish, made of samples, with their keys outside."""


rule build_study:
    input:
        films=lambda wildcards: PLAN.study_inputs(wildcards.study),
        code=code_of("report.user_study", "jobs.studies"),
    output:
        page=directory("<studies>/pages/{study}"),
        key="<studies>/keys/{study}.json",
    log:
        "<logs>/build_study/{study}.log",
    benchmark:
        "<benchmarks>/build_study/{study}.tsv"
    wildcard_constraints:
        study=pattern_of(PLAN.studies),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        design=lambda wildcards: PLAN.studies[wildcards.study].design.model_dump(
            mode="json"
        ),
        subjects=lambda wildcards: plain_subjects(PLAN.study_subjects(wildcards.study)),
        edits=lambda wildcards: PLAN.study_edits(wildcards.study),
    script:
        "../scripts/build_study.py"


# People answer them, so nothing else needs them.
rule studies:
    input:
        expand("<studies>/pages/{study}", study=PLAN.studies),
    localrule: True
