# Galaxies: source_id, ra, dec (ICRS degrees), a reference label where there is one, covariates, and the split into
# training pool and annotation set.
#   needs:  the user's table, the network for that of a service, or nothing for a simulated sky
#   gives:  results/catalog/{catalog}/catalog.parquet and hygiene.json (what was dropped, and why); galaxies*.parquet,
#           the columns that training sets and annotations depend on; beside them what a service gave, answer.parquet or
#           download.*, and what was requested, and when (answer.json, download.json)


rule simulate_sky:
    output:
        sky="results/catalog/{catalog}/truth.parquet",
        truth="results/catalog/{catalog}/truth.json",
    log:
        "logs/catalog/{catalog}/simulate_sky.log",
    benchmark:
        "benchmarks/catalog/{catalog}/simulate_sky.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("simulate_sky", size=lambda wildcards: sizes.galaxies_of_catalog(wildcards.catalog)),
    params:
        catalog=entry("sky_parameter", of="catalog"),
        code=code("simulate_sky"),
    message:
        "Draw the simulated sky {wildcards.catalog} with its imaging and labels"
    shell:
        "python -m workflow_scripts.simulate_sky --catalog {params.catalog:q}"
        " --output {output.sky} --truth {output.truth} 2> {log}"


rule query_catalog:
    output:
        answer="results/catalog/{catalog}/answer.parquet",
        record="results/catalog/{catalog}/answer.json",
    log:
        "logs/catalog/{catalog}/query_catalog.log",
    benchmark:
        "benchmarks/catalog/{catalog}/query_catalog.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("query_catalog"),
    params:
        query=entry("query_parameter", of="catalog"),
        # A function of the input is not compared with earlier runs: another pace must request nothing again.
        pace=lambda wildcards, input: shlex.join(settings.query_limits(wildcards.catalog)),
        contact=lambda wildcards, input: settings.contact or "",
        kept=placed("results/catalog/.answers"),
        code=code("query_catalog"),
    message:
        "Request the rows of the catalog {wildcards.catalog} from its service"
    shell:
        # What came is kept outside of the outputs, by the digest of the query: a failed job loses none of it, and
        # catalogs with the same query share it.
        "python -m workflow_scripts.query_catalog --query {params.query:q} {params.pace} --contact={params.contact:q}"
        " --kept {params.kept} --output {output.answer} --record {output.record} 2> {log}"


rule download_catalog:
    output:
        table="results/catalog/{catalog}/download{suffix}",
        record="results/catalog/{catalog}/download{suffix}.json",
    log:
        "logs/catalog/{catalog}/download{suffix}/download_catalog.log",
    benchmark:
        "benchmarks/catalog/{catalog}/download{suffix}/download_catalog.tsv"
    wildcard_constraints:
        suffix=r"(\.[a-z]+){1,2}",
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("download_catalog"),
    params:
        source=lambda wildcards: shlex.join(settings.download_options(wildcards.catalog)),
        limit=lambda wildcards, input: settings.catalog(wildcards.catalog)["max_bytes"],
        contact=lambda wildcards, input: settings.contact or "",
        kept=placed("results/catalog/.answers"),
        code=code("download_catalog"),
    message:
        "Download the table of the catalog {wildcards.catalog}"
    shell:
        "python -m workflow_scripts.download_catalog {params.source} --max-bytes {params.limit}"
        " --contact={params.contact:q} --kept {params.kept}"
        " --output {output.table} --record {output.record} 2> {log}"


rule make_catalog:
    input:
        source=lambda wildcards: source_of(wildcards.catalog),
    output:
        catalog="results/catalog/{catalog}/catalog.parquet",
        hygiene="results/catalog/{catalog}/hygiene.json",
    log:
        "logs/catalog/{catalog}/make_catalog.log",
    benchmark:
        "benchmarks/catalog/{catalog}/make_catalog.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("make_catalog", size=lambda wildcards: sizes.galaxies_of_catalog(wildcards.catalog)),
    params:
        **table_params(lambda wildcards: wildcards.catalog),
        catalog=entry("catalog_parameter", of="catalog"),
        code=code("make_catalog"),
    message:
        "Read and clean the catalog {wildcards.catalog}"
    shell:
        "python -m workflow_scripts.make_catalog --catalog {params.catalog:q} --source {params.table:q}"
        " --output {output.catalog} --hygiene {output.hygiene} 2> {log}"


# What training sets and annotations read of a catalog, straight from the table: whoever adds a covariate to the catalog
# trains nothing again. The covariates that training sets are matched in are a part of the name.
rule list_galaxies:
    input:
        source=lambda wildcards: source_of(wildcards.catalog),
    output:
        "results/catalog/{catalog}/galaxies{covariates}.parquet",
    log:
        "logs/catalog/{catalog}/galaxies{covariates}/list_galaxies.log",
    benchmark:
        "benchmarks/catalog/{catalog}/galaxies{covariates}/list_galaxies.tsv"
    wildcard_constraints:
        covariates=r"(-[A-Za-z]\w*)*",
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("list_galaxies", size=lambda wildcards: sizes.galaxies_of_catalog(wildcards.catalog)),
    params:
        **table_params(lambda wildcards: wildcards.catalog),
        catalog=lambda wildcards: as_parameter(
            settings.galaxies_parameter(wildcards.catalog, wildcards.covariates.split("-")[1:])
        ),
        code=code("list_galaxies"),
    message:
        "List the galaxies of {wildcards.catalog} that training sets are drawn from"
    shell:
        "python -m workflow_scripts.list_galaxies --catalog {params.catalog:q} --source {params.table:q}"
        " --output {output} 2> {log}"
