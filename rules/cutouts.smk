# The archive: the bytes of every galaxy's image exactly as the survey gave them, and a ledger row for every request.
#   needs:  results/catalog/{catalog}/catalog.parquet
#   gives:  results/cutouts/{survey}/tile{tile}.parquet, and ledger.parquet over all tiles


rule fetch_cutouts:
    input:
        unpack(survey_sources),
        catalog=of_catalog("catalog.parquet"),
    output:
        "results/cutouts/{survey}/tile{tile}.parquet",
    log:
        "logs/cutouts/{survey}/tile{tile}/fetch_cutouts.log",
    benchmark:
        "benchmarks/cutouts/{survey}/tile{tile}/fetch_cutouts.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        mem_mb=memory_mb("fetch_cutouts"),
        runtime=minutes("fetch_cutouts"),
    params:
        survey=entry("survey_parameter", of="survey"),
        sources=lambda wildcards: " ".join(
            f"--{key} {shlex.quote(str(path))}" for key, path in survey_sources(wildcards).items()
        ),
        images=images_state,
        # A function of the input is not compared with earlier runs: another limit must not fetch anything again.
        limit=lambda wildcards, input: settings.survey(wildcards.survey)["max_failed_share"],
        in_words=in_words(lambda wildcards: settings.survey_parameter(wildcards.survey)),
        code=code("fetch_cutouts"),
    message:
        "Fetch the cutouts of {wildcards.survey} in tile {wildcards.tile}: {params.in_words}"
    shell:
        "python -m workflow_scripts.fetch_cutouts --survey {params.survey:q} --catalog {input.catalog}"
        " {params.sources} --tile {wildcards.tile} --max-failed-share {params.limit} --output {output} 2> {log}"


# For nodes without internet: `snakemake cutouts` on a login or transfer node, then the rest on the nodes.
rule cutouts:
    input:
        ledgers_of_active_experiments,
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
        mem_mb=memory_mb("collect_ledger"),
        runtime=minutes("collect_ledger"),
    params:
        code=code("collect_ledger"),
    message:
        "Count what was requested from {wildcards.survey} and what was delivered"
    shell:
        "python -m workflow_scripts.collect_ledger --tiles {input} --output {output.ledger} --counts {output.counts}"
        " 2> {log}"
