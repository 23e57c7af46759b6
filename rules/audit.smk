# Audits of finished catalogs, made by anyone: no training, no pixels.
#   needs:  the user's table of labelled galaxies (`audits` in the configuration)
#   gives:  results/audit/{audit}/summary.json, audit.html (one page that needs nothing else) and figures


rule audit:
    input:
        catalog=lambda wildcards: table_of_the_user(settings.audited_tables(wildcards.audit)["path"]),
        compared=lambda wildcards: table_of_the_user(settings.audited_tables(wildcards.audit)["compare"]),
        correction=where_asked(Configuration.audit_correction, "results/correction/audits/{audit}/correction.json"),
        debiased=where_asked(Configuration.audit_correction, "results/correction/audits/{audit}/maps"),
    output:
        summary="results/audit/{audit}/summary.json",
        page=report(
            "results/audit/{audit}/audit.html",
            category="6 Audits",
            labels={"audit": "{audit}", "what": "verdict, figures and all tests"},
            caption="report/audit.rst",
        ),
        tables=multiext("results/audit/{audit}/", "fractions.csv", "sky_maps.npz"),
        figures=directory("results/audit/{audit}/figures"),
    log:
        "logs/audit/{audit}/audit.log",
    benchmark:
        "benchmarks/audit/{audit}/audit.tsv"
    conda:
        "../envs/figures.yaml"
    resources:
        **cluster_request("audit", size=lambda wildcards: sizes.bytes_of_file(settings.audit(wildcards.audit)["path"])),
    params:
        table=lambda wildcards: settings.audit(wildcards.audit)["path"],
        state=lambda wildcards: [
            settings.table_state(path) for path in settings.audited_tables(wildcards.audit).values()
        ],
        options=lambda wildcards: shlex.join(
            settings.audit_options(wildcards.audit) + settings.audit_figure_options(wildcards.audit)
        ),
        correction=lambda wildcards, input: f"--correction {Path(input.correction).parent}" if input.correction else "",
        folder=placed("results/audit/{audit}"),
        code=code("audit"),
    message:
        "Audit the catalog {wildcards.audit}"
    shell:
        "python -m workflow_scripts.audit {params.table:q} --name {wildcards.audit} {params.options}"
        " {params.correction} --output {params.folder} 2> {log}"
