"""Studies with people: folders to publish, made of samples, with their keys outside."""

# Those whose raters a computer is to play.
SIMULATED = [
    name for name, study in PLAN.studies.items() if study.simulated is not None
]


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


# What a report of the study looks like before anybody was asked; every table says that a computer played the raters.
rule simulate_study:
    input:
        key="<studies>/keys/{study}.json",
        published=str(ROOT / "config/published_studies.yaml"),
        code=code_of("report.user_study", "studies.simulate"),
    output:
        directory("<studies>/simulated/{study}"),
    log:
        "<logs>/simulate_study/{study}.log",
    wildcard_constraints:
        study=pattern_of(SIMULATED),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        worth=lambda wildcards: dict(PLAN.studies[wildcards.study].simulated),
    script:
        "../scripts/simulate_study.py"


rule simulated_studies:
    input:
        expand("<studies>/pages/{study}", study=SIMULATED),
        expand("<studies>/simulated/{study}", study=SIMULATED),
    localrule: True
