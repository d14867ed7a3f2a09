"""What people read in the end: tables, figures and the report; a partial report when something failed."""

import shutil

from onereel.base.outputs import stranger

ROWS = [run.plain() for run in PLAN.runs.values()]


rule visualise_clip:
    input:
        clip="<clips>/{clip}.mkv",
        code=code_of("report.page.visuals"),
    output:
        directory("<visuals>/clips/{clip}"),
    log:
        "<logs>/visualise_clip/{clip}.log",
    benchmark:
        "<benchmarks>/visualise_clip/{clip}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        samples={},
        guided=None,
        inputs=lambda wildcards, input: {"clip": input.clip},
    script:
        "../scripts/visualise.py"


rule visualise_run:
    input:
        samples=samples_of,
        files=inputs_of,
        code=lambda wildcards: code_of(
            "report.page.visuals", *guiding_code(run_of(wildcards))
        ),
    output:
        directory("<visuals>/runs/{run}"),
    log:
        "<logs>/visualise_run/{run}.log",
    benchmark:
        "<benchmarks>/visualise_run/{run}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        samples=lambda wildcards: PLAN.samples(wildcards.run),
        guided=lambda wildcards: guided(run_of(wildcards)),
        inputs=lambda wildcards: PLAN.inputs(wildcards.run),
        contents=lambda wildcards: contents_of(PLAN.inputs(wildcards.run)),
    script:
        "../scripts/visualise.py"


rule preview:
    input:
        clip="<clips>/{clip}.mkv",
        artefacts=[layout.ARTEFACTS[kind] for kind in PREVIEWS],
        code=code_of("report.page.previews"),
    output:
        directory("<visuals>/previews/{clip}"),
    log:
        "<logs>/preview/{clip}.log",
    benchmark:
        "<benchmarks>/preview/{clip}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        kinds=list(PREVIEWS),
    script:
        "../scripts/preview.py"


rule write_table:
    input:
        metrics=expand("<metrics>/{run}.json", run=PLAN.runs),
        description=lambda wildcards: str(PLAN.tables[wildcards.table]),
        code=code_of("report.tables", "report.templates", "metrics.aggregate"),
    output:
        report("<tables>/{table}.csv", category="Tables", labels={"table": "{table}"}),
        "<tables>/{table}.md",
        "<tables>/{table}.tex",
        "<tables>/{table}.html",
    log:
        "<logs>/write_table/{table}.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        runs=ROWS,
        clips=list(PLAN.clips),
    script:
        "../scripts/write_table.py"


rule draw_figures:
    input:
        metrics=expand("<metrics>/{run}.json", run=PLAN.runs),
        heldout=HELDOUT_RECORDS,
        code=code_of("report.page.figures", "report.load.heldout"),
    output:
        report(
            directory("<figures>"),
            patterns=["{figure}.svg"],
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        "<logs>/draw_figures.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        runs=ROWS,
        clips=list(PLAN.clips),
        heldout=HELDOUT_ROWS,
    script:
        "../scripts/draw_figures.py"


rule write_report:
    input:
        metrics=expand("<metrics>/{run}.json", run=PLAN.runs),
        tables=expand("<tables>/{table}.html", table=PLAN.tables),
        figures="<figures>",
        clips=expand(
            "<visuals>/clips/{clip}",
            clip=sorted({run.clip for run in PLAN.runs.values() if run.clip}),
        ),
        runs=expand("<visuals>/runs/{run}", run=PLAN.runs),
        previews=expand("<visuals>/previews/{clip}", clip=PREVIEWED),
        heldout_records=HELDOUT_RECORDS,
        heldout_tables=expand("<tables>/{kind}.html", kind=PLAN.heldout_kinds),
        heldout=expand("<visuals>/heldout/{test}", test=PLAN.heldout),
        edits=expand("<edits>/pages/{edits}", edits=EDITED),
        code=code_of("report"),
    output:
        directory("<results>/report"),
    log:
        "<logs>/write_report.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        runs=ROWS,
        clips=sorted({run.clip for run in PLAN.runs.values() if run.clip}),
        tables={table: str(layout.TABLES / table) for table in PLAN.tables},
        heldout=HELDOUT_ROWS,
        heldout_tables={
            str(kind): str(layout.TABLES / kind) for kind in PLAN.heldout_kinds
        },
        edits=EDITED,
    script:
        "../scripts/write_report.py"


# Snakemake knows one hook of each kind: of several, the last alone would run.
onstart:
    make_stored_folders()
    if not workflow.touch:
        try:
            plan.check_due(
                PLAN,
                [
                    (job.rule.name, list(job.output))
                    for job in workflow.dag.needrun_jobs()
                ],
                weights=config["weights"],
                metrics=[*config["metrics"], *config["edit_metrics"]],
            )
        except OnereelError as error:
            sys.exit(str(error))


onsuccess:
    PLAN.record_samples()
    if stranger(PARTIAL) is None:
        shutil.rmtree(PARTIAL, ignore_errors=True)
    index = (layout.REPORT / "index.html").resolve()
    for line in console.summary(
        (run.run, run.clip, run.method, run.preset, len(PLAN.samples(run.run)))
        for run in PLAN.runs.values()
    ):
        print(line)
    if index.exists():
        print(f"The report is at {index}")


onerror:
    from onereel.report.partial import write_partial_report

    PLAN.record_samples()
    write_partial_report(
        Path(),
        PARTIAL,
        runs=list(PLAN.runs.values()),
        clips=list(PLAN.clips),
        tables=PLAN.tables,
        heldout=list(PLAN.heldout.values()),
        heldout_tables={
            kind: ROOT / f"config/tables/{kind}.yaml" for kind in PLAN.heldout_kinds
        },
    )
    print(
        f"Something failed (see above); what there is so far, with the reasons: {PARTIAL.resolve() / 'index.html'}"
    )
