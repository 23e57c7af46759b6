# The pixels as the networks see them: one memory-mappable uint8 array a tile, remade from the archive by a recipe.
#   needs:  results/cutouts/{survey}/tile{tile}.parquet; results/causes/{survey}/{recipe}/imaging.parquet, where a recipe
#           makes images alike
#   gives:  results/images/{survey}/{recipe}/tile{tile}.npy, and index.parquet (which galaxy is in which row)


rule prepare_images:
    input:
        cutouts="results/cutouts/{survey}/tile{tile}.parquet",
        imaging=imaging_of_recipe,
    output:
        array="results/images/{survey}/{recipe}/tile{tile}.npy",
        ids="results/images/{survey}/{recipe}/tile{tile}.parquet",
    log:
        "logs/images/{survey}/{recipe}/tile{tile}/prepare_images.log",
    benchmark:
        "benchmarks/images/{survey}/{recipe}/tile{tile}/prepare_images.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request(
            "prepare_images",
            size=lambda wildcards: sizes.images_of_tile(wildcards.survey, int(wildcards.tile)),
            written=lambda wildcards: sizes.images_of_tile(wildcards.survey, int(wildcards.tile))
            * sizes.pixels_of_image(wildcards.recipe),
        ),
    params:
        recipe=entry("recipe", of="recipe"),
        in_words=in_words(lambda wildcards: settings.recipe(wildcards.recipe)),
        imaging=lambda wildcards, input: f"--imaging {input.imaging}" if input.imaging else "",
        code=code("prepare_images"),
    message:
        "Turn the cutouts of {wildcards.survey}, tile {wildcards.tile}, into {wildcards.recipe} arrays:"
        " {params.in_words}"
    shell:
        "python -m workflow_scripts.prepare_images --recipe {params.recipe:q} --cutouts {input.cutouts}"
        " {params.imaging} --array {output.array} --ids {output.ids} 2> {log}"


# The arrays of the active experiments and nothing that follows from them: `snakemake images` brings them back after
# `make clean-images`, and since they come back as they were, nothing is trained again.
rule images:
    input:
        [
            f"results/images/{survey}/{recipe}/tile{tile}.npy"
            for survey, recipe in active_images(settings)
            for tile in settings.tiles(survey)
        ],
    localrule: True


# A gather, so that the runs do not each depend on every tile.
rule index_images:
    input:
        arrays=of_tiles("results/images/{survey}/{recipe}/tile{tile}.npy"),
        ids=of_tiles("results/images/{survey}/{recipe}/tile{tile}.parquet"),
    output:
        "results/images/{survey}/{recipe}/index.parquet",
    log:
        "logs/images/{survey}/{recipe}/index_images.log",
    benchmark:
        "benchmarks/images/{survey}/{recipe}/index_images.tsv"
    conda:
        "../envs/survey.yaml"
    resources:
        **cluster_request("index_images", size=lambda wildcards: sizes.images_of_survey(wildcards.survey)),
    params:
        code=code("index_images"),
    message:
        "Index the {wildcards.recipe} images of {wildcards.survey}"
    shell:
        "python -m workflow_scripts.index_images --arrays {input.arrays} --ids {input.ids} --output {output} 2> {log}"
