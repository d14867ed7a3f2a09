"""Known edits: clips whose right edits are known, every editor on them, the judge's scores and their page."""

# One job a set: a job of its own would take longer for every clip than rendering it.
for edits, clips in PLAN.edited_clips.items():

    rule:
        name:
            f"known_edits_{edits}"
        input:
            settings=str(ROOT / "config/edits.yaml"),
            code=code_of("scenes.world"),
        output:
            clips=[f"<clips>/{clip}.mkv" for clip in clips],
            previews=[f"<clips>/{clip}.mp4" for clip in clips],
            manifests=[f"<clips>/{clip}.json" for clip in clips],
        log:
            f"<logs>/known_edits/{edits}.log",
        benchmark:
            f"<benchmarks>/known_edits/{edits}.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=4000,
            runtime=30,
        params:
            asked=PLAN.edit_sets[edits].model_dump(mode="json"),
            clips=clips,
        script:
            "../scripts/known_edits.py"


rule edit:
    input:
        files=lambda wildcards: list(
            dict.fromkeys(
                path
                for run in edits_of(wildcards).values()
                for path in PLAN.made_of(PLAN.inputs(run.run))
            )
        ),
        models=lambda wildcards: list(
            dict.fromkeys(
                path
                for run in edits_of(wildcards).values()
                for path in models_of(run.run).values()
            )
        ),
        backbones=lambda wildcards: backbone_files(
            PLAN.backbones(next(iter(edits_of(wildcards).values())).run)
        ),
        code=lambda wildcards: code_of(
            f"methods.{PLAN.editors[wildcards.editor].row.method}"
        ),
    output:
        directory("<edits>/outputs/{editor}/{edit_kind}"),
    log:
        "<logs>/edit/{editor}/{edit_kind}.log",
    benchmark:
        "<benchmarks>/edit/{editor}/{edit_kind}.tsv"
    wildcard_constraints:
        editor=pattern_of(PLAN.editor_runs),
    conda:
        ENVIRONMENT
    threads: editing_resource("threads")
    resources:
        mem_mb=editing_resource("mem_mb"),
        runtime=editing_resource("runtime"),
        gpu=editing_resource("gpu"),
    params:
        edits=lambda wildcards: {
            name: {
                "request": PLAN.request(run.run, run.seed),
                "config": PLAN.configs[run.run].model_dump(mode="json"),
                "inputs": PLAN.inputs(run.run),
                "contents": contents_of(PLAN.inputs(run.run)),
                "models": {
                    part: str(layout.model_of(*model))
                    for part, model in PLAN.models_of(run.run).items()
                },
            }
            for name, run in edits_of(wildcards).items()
        },
        weights=lambda wildcards: mode_for(
            PLAN.backbones(next(iter(edits_of(wildcards).values())).run)
        ),
    script:
        "../scripts/edit.py"


rule judge_edits:
    input:
        outputs=outputs_of,
        settings=str(ROOT / "config/edits.yaml"),
        weights_list=str(ROOT / "config/weights.yaml"),
        code=code_of("metrics.edits", "features", "scenes.world"),
    output:
        scores="<edits>/scores/{editor}.json",
        films=directory("<edits>/films/{editor}"),
    log:
        "<logs>/judge_edits/{editor}.log",
    benchmark:
        "<benchmarks>/judge_edits/{editor}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=6000,
        runtime=60,
    params:
        asked=lambda wildcards: PLAN.editors[wildcards.editor].asked.model_dump(
            mode="json"
        ),
        align=lambda wildcards: PLAN.editors[wildcards.editor].row.align,
        preset=lambda wildcards: (
            ""
            if PLAN.editors[wildcards.editor].row.external
            else PLAN.editors[wildcards.editor].row.preset
        ),
        source=lambda wildcards: PLAN.source_of_outputs(wildcards.editor),
        content=lambda wildcards: (
            content_of(PLAN.source_of_outputs(wildcards.editor))
            if PLAN.editors[wildcards.editor].row.external
            else ""
        ),
    script:
        "../scripts/judge_edits.py"


rule calibrate_edits:
    input:
        settings=str(ROOT / "config/edits.yaml"),
        weights_list=str(ROOT / "config/weights.yaml"),
        code=code_of("metrics.edits", "features", "scenes.world"),
    output:
        scores="<edits>/calibration/{edits}.json",
        films=directory("<edits>/truth/{edits}"),
    log:
        "<logs>/calibrate_edits/{edits}.log",
    benchmark:
        "<benchmarks>/calibrate_edits/{edits}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=6000,
        runtime=120,
    params:
        asked=lambda wildcards: PLAN.edit_sets[wildcards.edits].model_dump(mode="json"),
    script:
        "../scripts/calibrate_edits.py"


rule write_edits_page:
    input:
        calibration="<edits>/calibration/{edits}.json",
        truth="<edits>/truth/{edits}",
        editors=lambda wildcards: expand(
            "<edits>/scores/{editor}.json", editor=editors_on(wildcards.edits)
        ),
        films=lambda wildcards: expand(
            "<edits>/films/{editor}", editor=editors_on(wildcards.edits)
        ),
        agreement=lambda wildcards: (
            ["<edits>/agreement/{edits}"] if wildcards.edits in WHICH_MEASURE else []
        ),
        code=code_of("report"),
    output:
        directory("<edits>/pages/{edits}"),
    log:
        "<logs>/write_edits_page/{edits}.log",
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/write_edits_page.py"


rule measure_edits:
    input:
        outputs=outputs_of,
        weights_list=plan.weights_lists(ROOT),
        weights=plan.present_weights(ROOT, config["weights"]),
        code=code_of("metrics.measures", "features", "scenes.world"),
    output:
        "<edits>/measures/{editor}.json",
    log:
        "<logs>/measure_edits/{editor}.log",
    benchmark:
        "<benchmarks>/measure_edits/{editor}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        asked=lambda wildcards: PLAN.editors[wildcards.editor].asked.model_dump(
            mode="json"
        ),
        align=lambda wildcards: PLAN.editors[wildcards.editor].row.align,
        source=lambda wildcards: PLAN.source_of_outputs(wildcards.editor),
        content=lambda wildcards: (
            content_of(PLAN.source_of_outputs(wildcards.editor))
            if PLAN.editors[wildcards.editor].row.external
            else ""
        ),
        weights=config["weights"],
    script:
        "../scripts/measure_edits.py"


# A job for every kind: one that is killed costs no other kind.
rule measure_calibration:
    input:
        settings=str(ROOT / "config/edits.yaml"),
        weights_list=plan.weights_lists(ROOT),
        weights=plan.present_weights(ROOT, config["weights"]),
        code=code_of("metrics.measures", "metrics.edits", "features", "scenes.world"),
    output:
        measured="<edits>/measures_of_truth/{edits}/{edit_kind}.json",
        scores="<edits>/scores_of_truth/{edits}/{edit_kind}.json",
    log:
        "<logs>/measure_calibration/{edits}/{edit_kind}.log",
    benchmark:
        "<benchmarks>/measure_calibration/{edits}/{edit_kind}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        asked=edits_of_truth,
        most=config["which_measure_edits"],
        weights=config["weights"],
    script:
        "../scripts/measure_calibration.py"


rule agree:
    input:
        measured=lambda wildcards: [
            *of_truth("measures_of_truth", wildcards.edits),
            *expand(
                "<edits>/measures/{editor}.json", editor=editors_on(wildcards.edits)
            ),
        ],
        scores=lambda wildcards: [
            *of_truth("scores_of_truth", wildcards.edits),
            *expand(
                "<edits>/scores/{editor}.json", editor=editors_on(wildcards.edits)
            ),
        ],
        code=code_of("metrics.measures", "report"),
    output:
        directory("<edits>/agreement/{edits}"),
    log:
        "<logs>/agree/{edits}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=10,
    script:
        "../scripts/agree.py"


# Which automatic measure agrees with truth: of the sets that the configuration names, else of all.
rule which_measure:
    input:
        expand("<edits>/agreement/{edits}", edits=WHICH_MEASURE or PLAN.edit_sets),
    localrule: True


rule edited:
    input:
        expand("<edits>/pages/{edits}", edits=EDITED),
    localrule: True


# Also of the sets that no editor runs on: what the measures make of known outputs.
rule edits:
    input:
        lambda wildcards: expand("<edits>/pages/{edits}", edits=PLAN.edit_sets),
    localrule: True
