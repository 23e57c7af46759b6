# The statistics of one experiment: paper-style numbers for every run, and the result with the run as the unit.
#   needs:  the annotations of every run of the experiment and its controls, the catalog; where networks are trained
#           here, the training sets and their balance, and what each network learned
#   gives:  results/bias/{experiment}/summary.json with the answers, and the tables behind it; design.json and balance.csv
#           before any network is trained


rule check_design:
    input:
        galaxies=lambda wildcards: list(galaxies_of_experiment(settings, wildcards.experiment)),
        ledger=of_experiment("results/cutouts/{survey}/ledger.parquet"),
        mocs=lambda wildcards: of_the_user(mocs_of_experiment(settings, wildcards.experiment)),
        catalog=catalog_of_correction,
    output:
        "results/bias/{experiment}/design.json",
    log:
        "logs/bias/{experiment}/check_design.log",
    benchmark:
        "benchmarks/bias/{experiment}/check_design.tsv"
    # Before the training sets: a design that cannot be drawn or answered ends the run.
    priority: 2
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("check_design", size=lambda wildcards: sizes.galaxies_of_experiment(wildcards.experiment)),
    params:
        design=entry("design_parameter", of="experiment"),
        galaxies=lambda wildcards: as_parameter(
            {placed(path): names for path, names in galaxies_of_experiment(settings, wildcards.experiment).items()}
        ),
        catalog=lambda wildcards, input: f"--catalog {input.catalog}" if input.catalog else "",
        code=code("check_design"),
    message:
        "Check that the design of {wildcards.experiment} can be drawn and answered"
    shell:
        "python -m workflow_scripts.check_design --design {params.design:q} --galaxies {params.galaxies:q}"
        " --ledger {input.ledger} {params.catalog} --output {output} 2> {log}"


rule tabulate_balance:
    input:
        catalog=of_experiment("results/catalog/{catalog}/catalog.parquet"),
        ledger=of_experiment("results/cutouts/{survey}/ledger.parquet"),
        training_sets=lambda wildcards: settings.training_set_files(wildcards.experiment),
    output:
        "results/bias/{experiment}/balance.csv",
    log:
        "logs/bias/{experiment}/tabulate_balance.log",
    benchmark:
        "benchmarks/bias/{experiment}/tabulate_balance.tsv"
    conda:
        "../envs/statistics.yaml"
    resources:
        **cluster_request("tabulate_balance"),
    params:
        drawn=lambda wildcards: as_parameter(settings.training_sets(wildcards.experiment)),
        training_sets=of_experiment(
            placed("results/training/{survey}/{{footprint}}/resample{{resample}}/training_set.parquet")
        ),
        code=code("tabulate_balance"),
    message:
        "Tabulate how well the training sets of {wildcards.experiment} are matched"
    shell:
        "python -m workflow_scripts.tabulate_balance --catalog {input.catalog} --ledger {input.ledger}"
        " --drawn {params.drawn:q} --training-sets {params.training_sets:q} --output {output} 2> {log}"


rule measure_bias:
    input:
        annotations=of_runs("results/inference/{survey}/{{run_id}}/annotations.parquet"),
        training_sets=lambda wildcards: settings.training_set_files(wildcards.experiment),
        trainings=where_trained(of_runs("results/training/{survey}/{{run_id}}/run.json")),
        controls=lambda wildcards: files_of_controls(settings, wildcards.experiment),
        shares=where_asked(versions_of_experiment, "results/causes/{experiment}/shares.json"),
        remedies=where_asked(remedies_of_experiment, "results/remedies/{experiment}/comparison.json"),
        correction=where_asked(Configuration.correction_parameter, "results/correction/{experiment}/correction.json"),
        probe=lambda wildcards: probe_files(settings, wildcards.experiment),
        balance=where_trained(lambda wildcards: f"results/bias/{wildcards.experiment}/balance.csv"),
        catalog=of_experiment("results/catalog/{catalog}/catalog.parquet"),
        hygiene=of_experiment("results/catalog/{catalog}/hygiene.json"),
    output:
        summary="results/bias/{experiment}/summary.json",
        tables=multiext(
            "results/bias/{experiment}/",
            "runs.csv",
            "fractions.csv",
            "contrasts.csv",
            "cosine.csv",
            "arms.csv",
            "arm_fractions.csv",
            "thresholds.csv",
        ),
        maps="results/bias/{experiment}/sky_maps.npz",
    log:
        "logs/bias/{experiment}/measure_bias.log",
    benchmark:
        "benchmarks/bias/{experiment}/measure_bias.tsv"
    conda:
        "../envs/statistics.yaml"
    resources:
        **cluster_request(
            "measure_bias",
            size=lambda wildcards: sizes.annotations_of_experiment(wildcards.experiment, with_controls=True),
        ),
    params:
        experiment=entry("bias_parameter", of="experiment"),
        controls=lambda wildcards: as_parameter(controls_parameter(settings, wildcards.experiment)),
        probe=lambda wildcards: options_of_probe(wildcards.experiment),
        # Patterns, because a command line has no room for the files of a thousand runs.
        annotations=of_experiment(placed("results/inference/{survey}/{{run_id}}/annotations.parquet")),
        training_sets=option_where_trained(
            "--training-sets", "results/training/{survey}/{{footprint}}/resample{{resample}}/training_set.parquet"
        ),
        trainings=option_where_trained("--trainings", "results/training/{survey}/{{run_id}}/run.json"),
        shares=lambda wildcards, input: f"--shares {input.shares}" if input.shares else "",
        remedies=lambda wildcards, input: f"--remedies {input.remedies}" if input.remedies else "",
        correction=lambda wildcards, input: f"--correction {input.correction}" if input.correction else "",
        balance=lambda wildcards, input: f"--balance {input.balance}" if input.balance else "",
        folder=lambda wildcards: placed(f"results/bias/{wildcards.experiment}"),
        code=code("measure_bias"),
    message:
        "Measure the bias of experiment {wildcards.experiment}"
    shell:
        "python -m workflow_scripts.measure_bias --experiment {params.experiment:q} --controls {params.controls:q}"
        " --catalog {input.catalog} --annotations {params.annotations:q}"
        " {params.training_sets} {params.trainings} {params.balance} {params.shares}"
        " {params.remedies} {params.correction} {params.probe}"
        " --hygiene {input.hygiene} --output-folder {params.folder} 2> {log}"
