# Remedies of an experiment: what each leaves of its effects, what it keeps of a true dipole, and its price.
#   needs:  the annotations and training sets of every run of the experiment and of those that a remedy makes in their
#           place, the catalog
#   gives:  results/remedies/{experiment}/{remedy}/score.json, and comparison.json and remedies.csv of all of them


rule score_remedy:
    input:
        annotations=lambda wildcards: files_of_remedy(settings, **wildcards, kind="annotations"),
        training_sets=lambda wildcards: files_of_remedy(settings, **wildcards, kind="training_sets"),
        catalog=of_experiment("results/catalog/{catalog}/catalog.parquet"),
        ledger=ledger_of_strata,
        truth=truth_of_experiment,
    output:
        "results/remedies/{experiment}/{remedy}/score.json",
    log:
        "logs/remedies/{experiment}/{remedy}/score_remedy.log",
    benchmark:
        "benchmarks/remedies/{experiment}/{remedy}/score_remedy.tsv"
    wildcard_constraints:
        remedy="|".join(REMEDIES),
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request(
            "score_remedy", size=lambda wildcards: sizes.annotations_of_remedy(wildcards.experiment, wildcards.remedy)
        ),
    params:
        experiment=entry("bias_parameter", of="experiment"),
        remedy=lambda wildcards: as_parameter(remedy_parameter(settings, **wildcards)),
        # Patterns, because a command line has no room for the files of a thousand runs.
        annotations=of_experiment(placed("results/inference/{{survey}}/{{run_id}}/annotations.parquet")),
        training_sets=of_experiment(
            placed("results/training/{survey}/{{footprint}}/resample{{resample}}/training_set.parquet")
        ),
        truth=lambda wildcards, input: f"--truth {input.truth}" if input.truth else "",
        ledger=lambda wildcards, input: f"--ledger {input.ledger}" if input.ledger else "",
        code=code("score_remedy"),
    message:
        "Score what {wildcards.remedy} leaves of the effects of {wildcards.experiment}"
    shell:
        "python -m workflow_scripts.score_remedy --experiment {params.experiment:q} --remedy {params.remedy:q}"
        " --annotations {params.annotations:q} --training-sets {params.training_sets:q} --catalog {input.catalog}"
        " {params.ledger} {params.truth} --output {output} 2> {log}"


rule compare_remedies:
    input:
        lambda wildcards: expand(
            "results/remedies/{experiment}/{remedy}/score.json",
            experiment=wildcards.experiment,
            remedy=remedies_of_experiment(settings, wildcards.experiment),
        ),
    output:
        comparison="results/remedies/{experiment}/comparison.json",
        table="results/remedies/{experiment}/remedies.csv",
    log:
        "logs/remedies/{experiment}/compare_remedies.log",
    benchmark:
        "benchmarks/remedies/{experiment}/compare_remedies.tsv"
    localrule: True
    conda:
        "../envs/statistics.yaml"
    resources:
        **cluster_request("compare_remedies"),
    params:
        experiment=entry("bias_parameter", of="experiment"),
        # By shipped costs, so that a price is the same on every machine. Not compared with earlier runs, since the
        # number of galaxies of a table is known better once the catalog is there.
        prices=lambda wildcards, input: as_parameter(remedy_prices(settings, sizes, wildcards.experiment)),
        code=code("compare_remedies"),
    message:
        "Compare the remedies of {wildcards.experiment}"
    shell:
        "python -m workflow_scripts.compare_remedies --experiment {params.experiment:q} --scores {input}"
        " --prices {params.prices:q} --output {output.comparison} --table {output.table} 2> {log}"
