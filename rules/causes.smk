# What carries an effect (`why` of an experiment): shares of the properties of the imaging; and what recipes need that
# make images alike in them.
#   needs:  the annotations of every version by every run of the experiment, the catalog; for a recipe the archive, and
#           the seeing of its galaxies
#   gives:  results/causes/{experiment}/shares.json; results/causes/{survey}/{recipe}/tile{tile}.parquet (noise and sky
#           level of every image) and imaging.parquet (of all, with the common values)


rule measure_imaging:
    input:
        "results/cutouts/{survey}/tile{tile}.parquet",
    output:
        "results/causes/{survey}/{recipe}/tile{tile}.parquet",
    log:
        "logs/causes/{survey}/{recipe}/tile{tile}/measure_imaging.log",
    benchmark:
        "benchmarks/causes/{survey}/{recipe}/tile{tile}/measure_imaging.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request(
            "measure_imaging",
            size=lambda wildcards: sizes.images_of_tile(wildcards.survey, int(wildcards.tile)),
        ),
    params:
        recipe=entry("recipe", of="recipe"),
        scale=lambda wildcards: scale_option(wildcards.survey),
        code=code("measure_imaging"),
    message:
        "Measure noise and sky level of the cutouts of {wildcards.survey}, tile {wildcards.tile}"
    shell:
        "python -m workflow_scripts.measure_imaging --recipe {params.recipe:q} --cutouts {input} {params.scale}"
        " --output {output} 2> {log}"


rule find_common_imaging:
    input:
        tiles=of_tiles("results/causes/{survey}/{recipe}/tile{tile}.parquet"),
        galaxies=seeing_of_recipe,
    output:
        "results/causes/{survey}/{recipe}/imaging.parquet",
    log:
        "logs/causes/{survey}/{recipe}/find_common_imaging.log",
    benchmark:
        "benchmarks/causes/{survey}/{recipe}/find_common_imaging.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("find_common_imaging", size=lambda wildcards: sizes.images_of_survey(wildcards.survey)),
    params:
        galaxies=lambda wildcards, input: f"--galaxies {input.galaxies}" if input.galaxies else "",
        code=code("find_common_imaging"),
    message:
        "Find the imaging that the images of {wildcards.survey} have in common in {wildcards.recipe}"
    shell:
        "python -m workflow_scripts.find_common_imaging --tiles {input.tiles} {params.galaxies} --output {output} 2> {log}"


rule measure_shares:
    input:
        annotations=lambda wildcards: files_of_versions(settings, wildcards.experiment),
        catalog=of_experiment("results/catalog/{catalog}/catalog.parquet"),
    output:
        "results/causes/{experiment}/shares.json",
    log:
        "logs/causes/{experiment}/measure_shares.log",
    benchmark:
        "benchmarks/causes/{experiment}/measure_shares.tsv"
    conda:
        "../envs/statistics.yaml"
    resources:
        **cluster_request("measure_shares", size=lambda wildcards: sizes.annotations_of_versions(wildcards.experiment)),
    params:
        experiment=entry("bias_parameter", of="experiment"),
        counterfactual=lambda wildcards: as_parameter(counterfactual_parameter(settings, wildcards.experiment)),
        # A pattern, because a command line has no room for the files of a thousand runs.
        annotations=of_experiment(placed("results/inference/{{survey}}/{{run_id}}/annotations.parquet")),
        code=code("measure_shares"),
    message:
        "Measure what carries the effects of {wildcards.experiment}"
    shell:
        "python -m workflow_scripts.measure_shares --experiment {params.experiment:q}"
        " --counterfactual {params.counterfactual:q} --annotations {params.annotations:q} --catalog {input.catalog}"
        " --output {output} 2> {log}"
