# Why networks differ: can they tell where a galaxy lies? From pixels, and from what the experiment's networks learned.
#   needs:  training sets, images, galaxies; for features the trained networks
#   gives:  results/causes/{survey}/{footprint}/against_{other}/{network}/{pixels}/resample{r}_seed{s}/scores.parquet and
#           results/causes/{survey}/{footprint}/{network}/resample{r}_seed{s}/position.json


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
            "train",
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
            "annotate",
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
