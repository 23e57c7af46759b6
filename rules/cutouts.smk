# The archive: the bytes of every galaxy's image exactly as the survey gave them, and a ledger row for every request.
#   needs:  the table that results/catalog/{catalog}/ is made from, and the network for a survey behind a service
#   gives:  results/cutouts/{survey}/tile{tile}.parquet, positions.parquet (what is requested), ledger.parquet over all
#           tiles, and coverage.fits where the map of a service is fetched


# What is requested of a survey, read from the table that the catalog is made from and not from the catalog: whoever
# changes a label or the split makes another catalog, and fetches nothing (but with `unlabelled: drop`, galaxies that have
# a label now).
rule list_positions:
    input:
        lambda wildcards: source_of(settings.survey(wildcards.survey)["catalog"]),
    output:
        "results/cutouts/{survey}/positions.parquet",
    log:
        "logs/cutouts/{survey}/list_positions.log",
    benchmark:
        "benchmarks/cutouts/{survey}/list_positions.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("list_positions", size=lambda wildcards: sizes.galaxies_of_survey(wildcards.survey)),
    params:
        **table_params(lambda wildcards: settings.survey(wildcards.survey)["catalog"]),
        rows=entry("positions_parameter", of="survey"),
        code=code("list_positions"),
    message:
        "List the positions that are requested of {wildcards.survey}"
    shell:
        "python -m workflow_scripts.list_positions --rows {params.rows:q} --source {params.table:q}"
        " --output {output} 2> {log}"


rule fetch_coverage:
    output:
        "results/cutouts/{survey}/coverage.fits",
    log:
        "logs/cutouts/{survey}/fetch_coverage.log",
    benchmark:
        "benchmarks/cutouts/{survey}/fetch_coverage.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("fetch_coverage"),
    params:
        coverage=entry("coverage_parameter", of="survey"),
        contact=lambda wildcards, input: settings.contact or "",
        code=code("fetch_coverage"),
    message:
        "Fetch the map of the sky that {wildcards.survey} covers"
    shell:
        "python -m workflow_scripts.fetch_coverage --coverage {params.coverage:q} --contact={params.contact:q}"
        " --output {output} 2> {log}"


rule fetch_cutouts:
    input:
        unpack(survey_sources),
        catalog="results/cutouts/{survey}/positions.parquet",
    output:
        "results/cutouts/{survey}/tile{tile}.parquet",
    log:
        "logs/cutouts/{survey}/tile{tile}/fetch_cutouts.log",
    benchmark:
        "benchmarks/cutouts/{survey}/tile{tile}/fetch_cutouts.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request(
            "fetch_cutouts",
            variant=lambda wildcards: settings.survey(wildcards.survey)["kind"],
            size=lambda wildcards: sizes.cutouts_of_tile(wildcards.survey, int(wildcards.tile)),
            written=lambda wildcards: sizes.pixels_of_tile(wildcards.survey, int(wildcards.tile)),
            least_seconds=lambda wildcards: sizes.least_seconds_of_tile(wildcards.survey, int(wildcards.tile)),
            requests=lambda wildcards: sizes.downloads_of_tile(wildcards.survey, int(wildcards.tile)),
            received_bytes=lambda wildcards: sizes.received_bytes_of_tile(wildcards.survey, int(wildcards.tile)),
        ),
        # One job at a time downloads (profiles/default), with as many connections as the access limits allow.
        downloads=lambda wildcards: int(kind_of(settings.survey(wildcards.survey)).downloaded),
    params:
        survey=entry("survey_parameter", of="survey"),
        sources=lambda wildcards, input: " ".join(
            f"--{option} {shlex.quote(input[option])}" for option in survey_sources(wildcards)
        ),
        images=lambda wildcards: settings.images_state(wildcards.survey),
        # A function of the input is not compared with earlier runs: another limit must not fetch anything again.
        limit=lambda wildcards, input: settings.survey(wildcards.survey)["max_failed_share"],
        access=lambda wildcards, input: shlex.join(settings.access_options(wildcards.survey)),
        in_words=in_words(lambda wildcards: settings.survey_parameter(wildcards.survey)),
        code=code("fetch_cutouts"),
    message:
        "Fetch the cutouts of {wildcards.survey} in tile {wildcards.tile}: {params.in_words}"
    shell:
        "python -m workflow_scripts.fetch_cutouts --survey {params.survey:q} --catalog {input.catalog}"
        " {params.sources} {params.access} --tile {wildcards.tile}"
        " --max-failed-share {params.limit} --output {output} 2> {log}"


# For nodes without internet: `snakemake cutouts` on a login or transfer node, then the rest on the nodes.
rule cutouts:
    input:
        expand(
            "results/cutouts/{survey}/ledger.parquet",
            survey=dict.fromkeys(survey for survey, _ in active_images(settings)),
        ),
    localrule: True


rule collect_ledger:
    input:
        of_tiles("results/cutouts/{survey}/tile{tile}.parquet"),
    output:
        ledger="results/cutouts/{survey}/ledger.parquet",
        counts="results/cutouts/{survey}/ledger.json",
    log:
        "logs/cutouts/{survey}/collect_ledger.log",
    benchmark:
        "benchmarks/cutouts/{survey}/collect_ledger.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("collect_ledger", size=lambda wildcards: sizes.galaxies_of_survey(wildcards.survey)),
    params:
        code=code("collect_ledger"),
    message:
        "Count what was requested from {wildcards.survey} and what was delivered"
    shell:
        "python -m workflow_scripts.collect_ledger --tiles {input} --output {output.ledger} --counts {output.counts}"
        " 2> {log}"
