"""Held-out tests: a method trained on the known frames of a clip predicts the others, beside what needs no model."""


# The known frames are a clip like any other, so that `train` and `build_pyramid` serve them as they are.
rule hold_out:
    input:
        clip=lambda wildcards: f"<clips>/{PLAN.known_clips[wildcards.clip][0]}.mkv",
        code=code_of("heldout.hold_out"),
    output:
        clip="<clips>/{clip}.mkv",
        preview="<clips>/{clip}.mp4",
        manifest="<clips>/{clip}.json",
    log:
        "<logs>/hold_out/{clip}.log",
    benchmark:
        "<benchmarks>/hold_out/{clip}.tsv"
    wildcard_constraints:
        clip=pattern_of(PLAN.known_clips),
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


rule conduct:
    input:
        clip=lambda wildcards: f"<clips>/{PLAN.heldout[wildcards.test].clip}.mkv",
        known=lambda wildcards: f"<clips>/{heldout_run(wildcards).clip}.mkv",
        models=lambda wildcards: list(models_of(heldout_run(wildcards).run).values()),
        backbones=lambda wildcards: backbone_files(
            PLAN.backbones(heldout_run(wildcards).run)
        ),
        weights_list=plan.weights_lists(ROOT),
        flow_weights=plan.present_weights(ROOT, config["weights"], ["flow"]),
        code=lambda wildcards: code_of(
            "jobs.heldout", f"methods.{heldout_run(wildcards).method}"
        ),
    output:
        record="<heldout>/{test}/record.json",
        films=directory("<heldout>/{test}/films"),
    log:
        "<logs>/conduct/{test}.log",
    benchmark:
        "<benchmarks>/conduct/{test}.tsv"
    conda:
        ENVIRONMENT
    threads: heldout_resource("threads")
    resources:
        mem_mb=heldout_resource("mem_mb"),
        runtime=heldout_resource("runtime"),
        gpu=heldout_resource("gpu"),
    params:
        test=lambda wildcards: PLAN.heldout[wildcards.test].plain(),
        request=lambda wildcards: PLAN.request(
            heldout_run(wildcards).run, PLAN.heldout[wildcards.test].seed
        ),
        config=lambda wildcards: PLAN.configs[heldout_run(wildcards).run].model_dump(
            mode="json"
        ),
        # What the inputs above are, in their order.
        parts=lambda wildcards: list(models_of(heldout_run(wildcards).run)),
        weights=config["weights"],
    script:
        "../scripts/conduct.py"


rule visualise_heldout:
    input:
        record="<heldout>/{test}/record.json",
        films="<heldout>/{test}/films",
        code=code_of("report.page.visuals"),
    output:
        directory("<visuals>/heldout/{test}"),
    log:
        "<logs>/visualise_heldout/{test}.log",
    benchmark:
        "<benchmarks>/visualise_heldout/{test}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=20,
    script:
        "../scripts/visualise_heldout.py"


rule write_heldout_table:
    input:
        records=HELDOUT_RECORDS,
        description=lambda wildcards: str(ROOT / f"config/tables/{wildcards.kind}.yaml"),
        code=code_of(
            "report.load.heldout",
            "report.tables",
            "report.templates",
            "metrics.aggregate",
        ),
    output:
        report("<tables>/{kind}.csv", category="Tables", labels={"table": "{kind}"}),
        "<tables>/{kind}.md",
        "<tables>/{kind}.tex",
        "<tables>/{kind}.html",
    log:
        "<logs>/write_heldout_table/{kind}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        heldout=HELDOUT_ROWS,
    script:
        "../scripts/write_heldout_table.py"


rule heldout:
    input:
        HELDOUT_RECORDS,
    output:
        "<heldout>/index.json",
    log:
        "<logs>/heldout.log",
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/heldout.py"
