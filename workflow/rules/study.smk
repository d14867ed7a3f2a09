"""Held-out studies: a method trained on the known frames of a clip predicts the others, beside what needs no model."""


# The known frames are a clip like any other, so that `train` and `build_pyramid` serve them as they are.
rule hold_out:
    input:
        clip=lambda wildcards: f"<clips>/{PLAN.known_clips[wildcards.clip][0]}.mkv",
        code=code_files("studies.hold_out"),
    output:
        clip="<clips>/{clip}.mkv",
        preview="<clips>/{clip}.mp4",
        manifest="<clips>/{clip}.json",
    log:
        "<logs>/hold_out/{clip}.log",
    benchmark:
        "<benchmarks>/hold_out/{clip}.tsv"
    wildcard_constraints:
        clip=any_of(PLAN.known_clips),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        source=lambda wildcards: PLAN.known_clips[wildcards.clip][0],
        split=lambda wildcards: PLAN.known_clips[wildcards.clip][1].plain(),
    script:
        "../scripts/hold_out.py"


rule study:
    input:
        clip=lambda wildcards: f"<clips>/{PLAN.studies[wildcards.study].clip}.mkv",
        known=lambda wildcards: f"<clips>/{study_run(wildcards).clip}.mkv",
        weights=lambda wildcards: list(weights_of(study_run(wildcards)).values()),
        weights_list=str(ROOT / "config/weights.yaml"),
        flow_weights=plan.present_weights(ROOT, config["weights"], ["flow"]),
        code=lambda wildcards: code_files(
            "studies.conduct", f"methods.{study_run(wildcards).method}"
        ),
    output:
        record="<studies>/{study}/record.json",
        films=directory("<studies>/{study}/films"),
    log:
        "<logs>/study/{study}.log",
    benchmark:
        "<benchmarks>/study/{study}.tsv"
    conda:
        ENVIRONMENT
    threads: study_resource("threads")
    resources:
        mem_mb=study_resource("mem_mb"),
        runtime=study_resource("runtime"),
        gpu=study_resource("gpu"),
    params:
        study=lambda wildcards: PLAN.studies[wildcards.study].plain(),
        request=lambda wildcards: PLAN.request(
            study_run(wildcards).run, PLAN.studies[wildcards.study].seed
        ),
        config=lambda wildcards: PLAN.configs[study_run(wildcards).run].model_dump(
            mode="json"
        ),
        # What the inputs above are, in their order.
        weights=lambda wildcards: list(weights_of(study_run(wildcards))),
        flow=config["weights"],
    script:
        "../scripts/study.py"


rule visualise_study:
    input:
        record="<studies>/{study}/record.json",
        films="<studies>/{study}/films",
        code=code_files("report.visuals"),
    output:
        directory("<visuals>/studies/{study}"),
    log:
        "<logs>/visualise_study/{study}.log",
    benchmark:
        "<benchmarks>/visualise_study/{study}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=20,
    script:
        "../scripts/visualise_study.py"


rule write_study_table:
    input:
        records=STUDY_RECORDS,
        description=lambda wildcards: str(ROOT / f"config/tables/{wildcards.kind}.yaml"),
        code=code_files(
            "report.studies", "report.tables", "report.templates", "metrics.aggregate"
        ),
    output:
        report("<tables>/{kind}.csv", category="Tables", labels={"table": "{kind}"}),
        "<tables>/{kind}.md",
        "<tables>/{kind}.tex",
        "<tables>/{kind}.html",
    log:
        "<logs>/write_study_table/{kind}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        studies=STUDY_ROWS,
    script:
        "../scripts/write_study_table.py"


rule studies:
    input:
        STUDY_RECORDS,
    output:
        "<studies>/index.json",
    log:
        "<logs>/studies.log",
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/studies.py"
