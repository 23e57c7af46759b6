# Galaxies: source_id, ra, dec (ICRS degrees), a reference label where there is one, covariates, and the split into
# training pool and annotation set.
#   needs:  the user's table, or nothing for a simulated sky
#   gives:  results/catalog/{catalog}/catalog.parquet and hygiene.json (what was dropped, and why)


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
        mem_mb=memory_mb("simulate_sky"),
        runtime=minutes("simulate_sky"),
    params:
        catalog=entry("sky_parameter", of="catalog"),
        code=code("simulate_sky"),
    message:
        "Draw the simulated sky {wildcards.catalog} with its imaging and labels"
    shell:
        "python -m workflow_scripts.simulate_sky --catalog {params.catalog:q}"
        " --output {output.sky} --truth {output.truth} 2> {log}"


rule make_catalog:
    input:
        source=lambda wildcards: settings.catalog(wildcards.catalog).get("path")
        or f"results/catalog/{wildcards.catalog}/truth.parquet",
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
        mem_mb=memory_mb("make_catalog"),
        runtime=minutes("make_catalog"),
    params:
        catalog=entry("catalog_parameter", of="catalog"),
        code=code("make_catalog"),
    message:
        "Read and clean the catalog {wildcards.catalog}"
    shell:
        "python -m workflow_scripts.make_catalog --catalog {params.catalog:q} --source {input.source:q}"
        " --output {output.catalog} --hygiene {output.hygiene} 2> {log}"
