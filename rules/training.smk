# Training sets drawn from footprints, and one trained network a run (footprint x network x resample x seed).
#   needs:  the catalog, the ledger of the cutouts, the images, and designs that can be answered
#   gives:  results/training/{survey}/models/{network}.json (a trial of the user's model),
#           results/training/footprints/{footprint}.moc.fits, results/training/{survey}/{footprint}/resample{r}/ and
#           results/training/{survey}/{footprint}/{network}/resample{r}_seed{s}/; for the control of that name
#           results/training/{survey}/shuffled_sky{seed}/


rule map_footprint:
    input:
        lambda wildcards: of_the_user(settings.moc_files(wildcards.footprint)),
    output:
        moc="results/training/footprints/{footprint}.moc.fits",
        summary="results/training/footprints/{footprint}.json",
    log:
        "logs/training/footprints/{footprint}/map_footprint.log",
    benchmark:
        "benchmarks/training/footprints/{footprint}/map_footprint.tsv"
    localrule: True
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("map_footprint"),
    params:
        footprint=entry("footprint_region", of="footprint"),
        in_words=in_words(lambda wildcards: settings.footprint(wildcards.footprint)["region"]),
        code=code("map_footprint"),
    message:
        "Export the footprint {wildcards.footprint} as a MOC: {params.in_words}"
    shell:
        "python -m workflow_scripts.map_footprint --footprint {params.footprint:q} --moc {output.moc}"
        " --summary {output.summary} 2> {log}"


# A control: the sky of another universe, in which nothing depends on the position.
rule shuffle_sky:
    input:
        galaxies=lambda wildcards: "results/catalog/{}/galaxies{}.parquet".format(
            settings.survey(wildcards.survey)["catalog"], wildcards.covariates
        ),
        ledger="results/cutouts/{survey}/ledger.parquet",
    output:
        "results/training/{survey}/shuffled_sky{seed}/galaxies{covariates}.parquet",
    log:
        "logs/training/{survey}/shuffled_sky{seed}/galaxies{covariates}/shuffle_sky.log",
    benchmark:
        "benchmarks/training/{survey}/shuffled_sky{seed}/galaxies{covariates}/shuffle_sky.tsv"
    wildcard_constraints:
        covariates=r"(-[A-Za-z]\w*)*",
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("shuffle_sky", size=lambda wildcards: sizes.galaxies_of_survey(wildcards.survey)),
    params:
        code=code("shuffle_sky"),
    message:
        "Shuffle the positions of {wildcards.survey} within training pool and annotation set, seed {wildcards.seed}"
    shell:
        "python -m workflow_scripts.shuffle_sky --galaxies {input.galaxies} --ledger {input.ledger}"
        " --seed {wildcards.seed} --output {output} 2> {log}"


rule draw_training_set:
    input:
        galaxies=galaxies_of_footprint,
        ledger="results/cutouts/{survey}/ledger.parquet",
        mocs=lambda wildcards: of_the_user(settings.moc_files(wildcards.footprint)),
    output:
        "results/training/{survey}/{footprint}/resample{resample}/training_set.parquet",
    log:
        "logs/training/{survey}/{footprint}/resample{resample}/draw_training_set.log",
    benchmark:
        "benchmarks/training/{survey}/{footprint}/resample{resample}/draw_training_set.tsv"
    # Before any training: a design that cannot be drawn ends the run.
    priority: 1
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("draw_training_set", size=lambda wildcards: sizes.galaxies_of_survey(wildcards.survey)),
    params:
        footprint=entry("training_set_parameter", of="footprint"),
        in_words=in_words(lambda wildcards: settings.footprint(wildcards.footprint)["matching"]),
        code=code("draw_training_set"),
    message:
        "Draw training set {wildcards.resample} from {wildcards.footprint}, matched to the training pool:"
        " {params.in_words}"
    shell:
        "python -m workflow_scripts.draw_training_set --catalog {input.galaxies} --ledger {input.ledger}"
        " --footprint {params.footprint:q} --resample {wildcards.resample}"
        " --output {output} 2> {log}"


# Needs nothing that has to be made, and comes before all that has.
rule check_model:
    input:
        lambda wildcards: of_the_user(tried_files(settings, wildcards.survey, wildcards.network)),
    output:
        "results/training/{survey}/models/{network}.json",
    log:
        "logs/training/{survey}/models/{network}/check_model.log",
    benchmark:
        "benchmarks/training/{survey}/models/{network}/check_model.tsv"
    priority: 100
    localrule: True
    conda:
        "../envs/networks.yaml"
    resources:
        **cluster_request("check_model"),
    params:
        trial=lambda wildcards: as_parameter(trial_parameter(settings, wildcards.survey, wildcards.network)),
        images=lambda wildcards, input: placed(of_recipe("")(wildcards)),
        code=code("check_model"),
    message:
        "Try the model of {wildcards.network} on four images of galaxies"
    shell:
        "python -m workflow_scripts.check_model --trial {params.trial:q} --images {params.images} --output {output}"
        " 2> {log}"


# Networks that are not trained yet wait for the designs of the experiments that are to be made, and for the trials of
# given models, by way of a file whose path knows no experiment. It is there before it is made again (`update`), for the
# networks that need it no more.
rule confirm_designs:
    input:
        designs=lambda wildcards: expand(
            "results/bias/{experiment}/design.json", experiment=settings.experiments_of_survey(wildcards.survey)
        ),
        models=lambda wildcards: trials_of_survey(settings, wildcards.survey),
    output:
        update("results/training/{survey}/designs_checked"),
    log:
        "logs/training/{survey}/confirm_designs.log",
    benchmark:
        "benchmarks/training/{survey}/confirm_designs.tsv"
    localrule: True
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("confirm_designs"),
    message:
        "All designs of {wildcards.survey} have been checked, and all models tried"
    shell:
        "touch {output} 2> {log}"


rule train:
    input:
        designs=designs_checked,
        training_set="results/training/{survey}/{footprint}/resample{resample}/training_set.parquet",
        index=of_recipe("index.parquet"),
        galaxies=galaxies_of_training,
        unlabelled=lambda wildcards: unlabelled_set(
            settings, wildcards.survey, wildcards.footprint, wildcards.network, wildcards.resample
        ),
        network_files=lambda wildcards: of_the_user(settings.network_files(wildcards)),
    output:
        model="results/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/model.keras",
        history="results/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/history.csv",
        run="results/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/run.json",
    log:
        "logs/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/train.log",
    benchmark:
        "benchmarks/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/train.tsv"
    wildcard_constraints:
        network=OF_KERAS,
    conda:
        "../envs/networks.yaml"
    threads: lambda wildcards: settings.network(wildcards.network)["threads"]
    resources:
        **cluster_request(
            "train",
            variant=lambda wildcards: sizes.trained_architecture(wildcards.network),
            size=lambda wildcards: sizes.training_pixels(wildcards.footprint, wildcards.network),
        ),
        gpu=int(settings.gpu),
    params:
        network=lambda wildcards: as_parameter(trained_network(settings, wildcards.survey, wildcards)),
        unlabelled=lambda wildcards, input: f"--unlabelled {input.unlabelled}" if input.unlabelled else "",
        resume=placed("results/training/.resume"),
        in_words=in_words(lambda wildcards: settings.network(wildcards.network)),
        device=device_option,
        code=code("train"),
    message:
        "Train {wildcards.network} on {wildcards.footprint}, resample {wildcards.resample}, seed {wildcards.seed}:"
        " {params.in_words}"
    shell:
        "python -m workflow_scripts.train --network {params.network:q} --training-set {input.training_set}"
        " --index {input.index} --catalog {input.galaxies} {params.unlabelled} --footprint {wildcards.footprint}"
        " --resample {wildcards.resample} --seed {wildcards.seed} --threads {threads} {params.device}"
        " --resume-folder {params.resume}"
        " --model {output.model} --history {output.history} --run {output.run} 2> {log}"


# A network that is a program of the user's: skybias gives it files, and keeps what it writes.
rule train_program:
    input:
        designs=designs_checked,
        training_set="results/training/{survey}/{footprint}/resample{resample}/training_set.parquet",
        index=of_recipe("index.parquet"),
        network_files=lambda wildcards: of_the_user(settings.network_files(wildcards)),
    output:
        model="results/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/model.tar",
        history="results/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/history.csv",
        run="results/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/run.json",
    log:
        "logs/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/train_program.log",
    benchmark:
        "benchmarks/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/train_program.tsv"
    wildcard_constraints:
        network=OF_PROGRAMS,
    conda:
        "../envs/survey.yaml"
    threads: lambda wildcards: settings.network(wildcards.network)["threads"]
    resources:
        **cluster_request(
            "train_program",
            size=lambda wildcards: sizes.training_images(wildcards.footprint, wildcards.network),
        ),
        gpu=int(settings.gpu),
    params:
        network=lambda wildcards: as_parameter(trained_network(settings, wildcards.survey, wildcards)),
        resume=placed("results/training/.resume"),
        in_words=in_words(lambda wildcards: settings.network(wildcards.network)),
        code=code("train_program"),
    message:
        "Train {wildcards.network} on {wildcards.footprint}, resample {wildcards.resample}, seed {wildcards.seed}:"
        " {params.in_words}"
    shell:
        "python -m workflow_scripts.train_program --network {params.network:q} --name {wildcards.network}"
        " --training-set {input.training_set}"
        " --index {input.index} --footprint {wildcards.footprint} --resample {wildcards.resample}"
        " --seed {wildcards.seed} --resume-folder {params.resume}"
        " --model {output.model} --history {output.history} --run {output.run} 2> {log}"
