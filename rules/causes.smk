# What causes an effect (`why` of an experiment): can networks tell where a galaxy lies, from pixels and from what they
# learned; which share each property of the imaging carries; and what recipes need that make images alike in them.
#   needs:  training sets, images, galaxies, trained networks; the annotations of every version by every run, the catalog;
#           for a recipe the archive, and the seeing of its galaxies
#   gives:  results/causes/{survey}/{footprint}/against_{other}/{network}/{pixels}/resample{r}_seed{s}/scores.parquet and
#           results/causes/{survey}/{footprint}/{network}/resample{r}_seed{s}/position.json;
#           results/causes/{experiment}/shares.json; results/causes/{survey}/{recipe}/tile{tile}.parquet (noise and sky
#           level of every image) and imaging.parquet (of all, with the common values)


rule probe_pixels:
    input:
        designs=lambda wildcards: after_designs(wildcards.survey, SCORES.format(**wildcards)),
        training_sets=[
            "results/training/{survey}/{footprint}/resample{resample}/training_set.parquet",
            "results/training/{survey}/{other}/resample{resample}/training_set.parquet",
        ],
        index=of_recipe("index.parquet"),
        galaxies=galaxies_of_footprint,
        network_files=lambda wildcards: of_the_user(settings.network_files(wildcards)),
        mocs=lambda wildcards: of_the_user(mocs_of_footprints(settings, wildcards.footprint, wildcards.other)),
    output:
        "results/causes/{survey}/{footprint}/against_{other}/{network}/{pixels}/resample{resample}_seed{seed}/scores.parquet",
    log:
        "logs/causes/{survey}/{footprint}/against_{other}/{network}/{pixels}/resample{resample}_seed{seed}/probe_pixels.log",
    benchmark:
        "benchmarks/causes/{survey}/{footprint}/against_{other}/{network}/{pixels}/resample{resample}_seed{seed}/probe_pixels.tsv"
    wildcard_constraints:
        other=r"[A-Za-z]\w*",
        pixels="whole|corners|scrambled",
        network=OF_KERAS,
    conda:
        "../envs/probes.yaml"
    threads: lambda wildcards: settings.network(wildcards.network)["threads"]
    resources:
        **cluster_request(
            "probe_pixels",
            variant=lambda wildcards: sizes.trained_architecture(wildcards.network),
            size=lambda wildcards: sizes.training_pixels(wildcards.footprint, wildcards.network)
            + sizes.training_pixels(wildcards.other, wildcards.network),
        ),
        gpu=int(settings.gpu),
    params:
        network=lambda wildcards: as_parameter(probed_network(settings, wildcards.network)),
        footprints=lambda wildcards: as_parameter(probed_footprints(settings, wildcards.footprint, wildcards.other)),
        resume=placed("results/causes/.resume"),
        device=device_option,
        code=code("probe_pixels"),
    message:
        "Train {wildcards.network} to tell {wildcards.footprint} from {wildcards.other} ({wildcards.pixels} pixels),"
        " resample {wildcards.resample}, seed {wildcards.seed}"
    shell:
        "python -m workflow_scripts.probe_pixels --network {params.network:q} --training-sets {input.training_sets}"
        " --footprints {params.footprints:q} --pixels {wildcards.pixels} --index {input.index}"
        " --catalog {input.galaxies} --seed {wildcards.seed} --threads {threads} {params.device}"
        " --resume-folder {params.resume} --output {output} 2> {log}"


rule probe_features:
    input:
        model="results/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/model.keras",
        index=of_recipe("index.parquet"),
        galaxies=galaxies_of_footprint,
    output:
        "results/causes/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/position.json",
    log:
        "logs/causes/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/probe_features.log",
    benchmark:
        "benchmarks/causes/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/probe_features.tsv"
    wildcard_constraints:
        network=OF_KERAS,
    conda:
        "../envs/probes.yaml"
    threads: lambda wildcards: settings.network(wildcards.network)["threads"]
    resources:
        **cluster_request(
            "probe_features",
            variant=lambda wildcards: settings.network(wildcards.network)["architecture"],
            size=lambda wildcards: sizes.annotated_galaxies(wildcards.survey)
            * sizes.pixels_of_input(wildcards.network),
        ),
        gpu=int(settings.gpu),
    params:
        device=device_option,
        code=code("probe_features"),
    message:
        "Probe what {wildcards.network} trained on {wildcards.footprint} knows of the place, resample"
        " {wildcards.resample}, seed {wildcards.seed}"
    shell:
        "python -m workflow_scripts.probe_features --model {input.model} --index {input.index}"
        " --catalog {input.galaxies} --threads {threads} {params.device} --output {output} 2> {log}"


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
