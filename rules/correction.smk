# Corrections that others can use: of experiments and audits that ask for one (`correction` in the configuration).
#   needs:  the annotations of every run of an experiment and its catalog; or the user's table of an audit
#   gives:  results/correction/{experiment}/ and results/correction/audits/{audit}/: correction.json with what was found,
#           maps/ (the debiased fraction with its covariance), weights.parquet, coefficients.csv, and bias.json, which
#           `apply_bias` puts into mock catalogs


rule correct_bias:
    input:
        annotations=of_runs("results/inference/{survey}/{{run_id}}/annotations.parquet"),
        catalog=of_experiment("results/catalog/{catalog}/catalog.parquet"),
    output:
        summary="results/correction/{experiment}/correction.json",
        tables=multiext("results/correction/{experiment}/", "coefficients.csv", "weights.parquet", "bias.json"),
        maps=directory("results/correction/{experiment}/maps"),
    log:
        "logs/correction/{experiment}/correct_bias.log",
    benchmark:
        "benchmarks/correction/{experiment}/correct_bias.tsv"
    conda:
        "../envs/statistics.yaml"
    resources:
        **cluster_request("correct_bias", size=lambda wildcards: sizes.annotations_of_experiment(wildcards.experiment)),
    params:
        experiment=entry("bias_parameter", of="experiment"),
        correction=lambda wildcards: as_parameter(settings.correction_parameter(wildcards.experiment)),
        annotations=of_experiment(placed("results/inference/{survey}/{{run_id}}/annotations.parquet")),
        folder=lambda wildcards: placed(f"results/correction/{wildcards.experiment}"),
        code=code("correct_bias"),
    message:
        "Correct the annotations of experiment {wildcards.experiment}"
    shell:
        "python -m workflow_scripts.correct_bias --experiment {params.experiment:q} --correction {params.correction:q}"
        " --catalog {input.catalog} --annotations {params.annotations:q} --output-folder {params.folder} 2> {log}"


rule correct_audit:
    input:
        catalog=lambda wildcards: table_of_the_user(settings.audited_tables(wildcards.audit)["path"]),
        compared=lambda wildcards: table_of_the_user(settings.audited_tables(wildcards.audit)["compare"]),
    output:
        summary="results/correction/audits/{audit}/correction.json",
        tables=multiext("results/correction/audits/{audit}/", "coefficients.csv", "weights.parquet", "bias.json"),
        maps=directory("results/correction/audits/{audit}/maps"),
    log:
        "logs/correction/audits/{audit}/correct_audit.log",
    benchmark:
        "benchmarks/correction/audits/{audit}/correct_audit.tsv"
    conda:
        "../envs/statistics.yaml"
    resources:
        **cluster_request(
            "correct_audit", size=lambda wildcards: sizes.bytes_of_file(settings.audit(wildcards.audit)["path"])
        ),
    params:
        table=lambda wildcards: settings.audit(wildcards.audit)["path"],
        state=lambda wildcards: [
            settings.table_state(path) for path in settings.audited_tables(wildcards.audit).values()
        ],
        options=lambda wildcards: shlex.join(settings.audit_options(wildcards.audit)),
        correction=lambda wildcards: shlex.join(as_options(settings.audit_correction(wildcards.audit))),
        folder=placed("results/correction/audits/{audit}"),
        code=code("correct_audit"),
    message:
        "Correct the catalog of audit {wildcards.audit}"
    shell:
        "python -m workflow_scripts.correct_audit {params.table:q} --name {wildcards.audit} {params.options}"
        " {params.correction} --output {params.folder} 2> {log}"
