# Annotation: the score and label that one run gives to every galaxy of the annotation set.
#   needs:  a trained run, the images, the catalog; or a table of annotations that exist, and the catalog
#   gives:  results/inference/{survey}/{footprint}/{network}/resample{r}_seed{s}/annotations.parquet; of annotations that
#           exist, given/{experiment} in place of the survey


rule annotate:
    input:
        model=of_training("{network}/resample{resample}_seed{seed}/model.keras"),
        training_set=of_training("resample{resample}/training_set.parquet"),
        index=of_recipe("index.parquet"),
        galaxies=galaxies_of_footprint,
    output:
        "results/inference/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/annotations.parquet",
    log:
        "logs/inference/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/annotate.log",
    benchmark:
        "benchmarks/inference/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/annotate.tsv"
    wildcard_constraints:
        network=OF_KERAS,
    conda:
        "../envs/networks.yaml"
    threads: lambda wildcards: settings.network(wildcards.network)["threads"]
    resources:
        **cluster_request(
            "annotate",
            variant=lambda wildcards: settings.network(wildcards.network)["architecture"],
            size=lambda wildcards: sizes.annotated_galaxies(wildcards.survey)
            * sizes.pixels_of_input(wildcards.network)
            * positions_averaged(settings.network(wildcards.network)),
        ),
        gpu=int(settings.gpu),
    params:
        network=lambda wildcards: as_parameter(annotating_network(settings, wildcards.survey, wildcards.network)),
        device=device_option,
        code=code("annotate"),
    message:
        "Annotate {wildcards.survey} with {wildcards.network} trained on {wildcards.footprint},"
        " resample {wildcards.resample}, seed {wildcards.seed}"
    shell:
        "python -m workflow_scripts.annotate --network {params.network:q} --model {input.model}"
        " --training-set {input.training_set} --index {input.index} --catalog {input.galaxies} --threads {threads}"
        " {params.device} --output {output} 2> {log}"


rule annotate_program:
    input:
        model=of_training("{network}/resample{resample}_seed{seed}/model.tar"),
        training_set=of_training("resample{resample}/training_set.parquet"),
        index=of_recipe("index.parquet"),
        galaxies=galaxies_of_footprint,
        program=lambda wildcards: of_the_user(settings.network_files(wildcards)),
    output:
        "results/inference/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/annotations.parquet",
    log:
        "logs/inference/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/annotate_program.log",
    benchmark:
        "benchmarks/inference/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/annotate_program.tsv"
    wildcard_constraints:
        network=OF_PROGRAMS,
    conda:
        "../envs/survey.yaml"
    threads: lambda wildcards: settings.network(wildcards.network)["threads"]
    resources:
        **cluster_request(
            "annotate_program",
            size=lambda wildcards: sizes.annotated_galaxies(wildcards.survey)
            * sizes.pixels_of_input(wildcards.network),
        ),
        gpu=int(settings.gpu),
    params:
        network=lambda wildcards: as_parameter(annotating_network(settings, wildcards.survey, wildcards.network)),
        resume=placed("results/inference/.resume"),
        code=code("annotate_program"),
    message:
        "Annotate {wildcards.survey} with {wildcards.network} trained on {wildcards.footprint},"
        " resample {wildcards.resample}, seed {wildcards.seed}"
    shell:
        "python -m workflow_scripts.annotate_program --network {params.network:q} --name {wildcards.network}"
        " --model {input.model} --training-set {input.training_set} --index {input.index} --catalog {input.galaxies}"
        " --resume-folder {params.resume} --output {output} 2> {log}"


rule collect_annotations:
    input:
        table=lambda wildcards: table_of_the_user(given_table(settings, wildcards.experiment, wildcards)),
        galaxies=of_experiment("results/catalog/{catalog}/galaxies.parquet"),
    output:
        "results/inference/given/{experiment}/{footprint}/{network}/resample{resample}_seed{seed}/annotations.parquet",
    log:
        "logs/inference/given/{experiment}/{footprint}/{network}/resample{resample}_seed{seed}/collect_annotations.log",
    benchmark:
        "benchmarks/inference/given/{experiment}/{footprint}/{network}/resample{resample}_seed{seed}/collect_annotations.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request(
            "collect_annotations", size=lambda wildcards: sizes.galaxies_of_experiment(wildcards.experiment)
        ),
    params:
        annotations=lambda wildcards: as_parameter(collection_parameter(settings, wildcards.experiment)),
        table=lambda wildcards: given_table(settings, wildcards.experiment, wildcards),
        state=lambda wildcards: settings.table_state(given_table(settings, wildcards.experiment, wildcards)),
        catalog=of_experiment("{catalog}"),
        code=code("collect_annotations"),
    message:
        "Collect the annotations of {wildcards.experiment} by {wildcards.network} trained on {wildcards.footprint},"
        " resample {wildcards.resample}, seed {wildcards.seed}"
    shell:
        "python -m workflow_scripts.collect_annotations --annotations {params.annotations:q} --table {params.table:q}"
        " --catalog {input.galaxies} --catalog-name {params.catalog} --output {output} 2> {log}"
