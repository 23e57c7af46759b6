# Figures and the report: drawn from the results of one experiment, apart from its numbers.
#   needs:  results/bias/{experiment}/, and what the figures show: catalog, images, annotations, training sets
#   gives:  results/report/{experiment}/figures/*.png, *.pdf, and verdict.html, which holds some of them


rule write_verdict:
    input:
        summary="results/bias/{experiment}/summary.json",
        tables=multiext("results/bias/{experiment}/", "runs.csv", "arms.csv", "contrasts.csv"),
        maps="results/bias/{experiment}/sky_maps.npz",
        figures=expand("results/report/{{experiment}}/figures/{name}.png", name=FIGURES_OF_PAGE),
        mocs=lambda wildcards: expand(
            "results/training/footprints/{footprint}.moc.fits",
            footprint=outlined_footprints(settings, wildcards.experiment),
        ),
        shares=where_asked(versions_of_experiment, "results/report/{experiment}/figures/shares.png"),
        probe=where_asked(probe_parameter, "results/report/{experiment}/figures/probe.png"),
        remedies=where_asked(remedies_of_experiment, "results/report/{experiment}/figures/remedies.png"),
        correction=where_asked(Configuration.correction_parameter, "results/correction/{experiment}/correction.json"),
        debiased=where_asked(Configuration.correction_parameter, "results/correction/{experiment}/maps"),
        cutouts=where_trained(of_experiment("results/cutouts/{survey}/ledger.json")),
    output:
        report(
            "results/report/{experiment}/verdict.html",
            category="1 The answers",
            labels={"experiment": "{experiment}", "what": "the page: answers, figures, every test"},
            caption="report/verdict.rst",
        ),
    log:
        "logs/report/{experiment}/write_verdict.log",
    benchmark:
        "benchmarks/report/{experiment}/write_verdict.tsv"
    localrule: True
    conda:
        "../envs/figures.yaml"
    resources:
        **cluster_request("write_verdict"),
    params:
        bias=lambda wildcards: placed(f"results/bias/{wildcards.experiment}"),
        figures=lambda wildcards: placed(f"results/report/{wildcards.experiment}/figures"),
        cutouts=lambda wildcards, input: f"--cutouts {input.cutouts}" if input.cutouts else "",
        data=lambda wildcards: as_parameter(settings.data_parameter(wildcards.experiment)),
        look=entry("figures_parameter", of="experiment"),
        mocs=lambda wildcards, input: f"--mocs {shlex.join(input.mocs)}" if input.mocs else "",
        correction=lambda wildcards, input: f"--correction {Path(input.correction).parent}" if input.correction else "",
        also=lambda wildcards, input: " ".join(
            ["--also", *(name for name in FIGURES_OF_CAUSES if input.get(name))]
            if any(input.get(name) for name in FIGURES_OF_CAUSES)
            else []
        ),
        code=code("write_verdict"),
    message:
        "Write the verdict of {wildcards.experiment} as a page"
    shell:
        "python -m workflow_scripts.write_verdict --bias-folder {params.bias} --figures-folder {params.figures}"
        " {params.cutouts} {params.mocs} {params.correction} --data {params.data:q} --figures {params.look:q}"
        " --output {output} {params.also} 2> {log}"


rule draw_runs:
    input:
        tables=multiext("results/bias/{experiment}/", "runs.csv", "arms.csv", "arm_fractions.csv", "thresholds.csv"),
        summary="results/bias/{experiment}/summary.json",
        histories=where_trained(of_runs("results/training/{survey}/{{run_id}}/history.csv")),
    output:
        png=figures("draw_runs"),
        pdf=figures("draw_runs", "pdf"),
    log:
        "logs/report/{experiment}/draw_runs.log",
    benchmark:
        "benchmarks/report/{experiment}/draw_runs.tsv"
    localrule: True
    conda:
        "../envs/figures.yaml"
    resources:
        **cluster_request("draw_runs", size=lambda wildcards: len(settings.runs(wildcards.experiment))),
    params:
        figures=entry("figures_parameter", of="experiment"),
        bias=lambda wildcards: placed(f"results/bias/{wildcards.experiment}"),
        histories=option_where_trained("--histories", "results/training/{survey}/{{run_id}}/history.csv"),
        folder=placed("results/report/{experiment}/figures"),
        code=code("draw_runs"),
    message:
        "Draw the runs of {wildcards.experiment}"
    shell:
        "python -m workflow_scripts.draw_runs --bias-folder {params.bias} {params.histories}"
        " --figures {params.figures:q} --folder {params.folder} 2> {log}"


rule draw_shares:
    input:
        "results/causes/{experiment}/shares.json",
    output:
        png=figures("draw_shares"),
        pdf=figures("draw_shares", "pdf"),
    log:
        "logs/report/{experiment}/draw_shares.log",
    benchmark:
        "benchmarks/report/{experiment}/draw_shares.tsv"
    localrule: True
    conda:
        "../envs/figures.yaml"
    resources:
        **cluster_request("draw_shares"),
    params:
        figures=entry("figures_parameter", of="experiment"),
        folder=placed("results/report/{experiment}/figures"),
        code=code("draw_shares"),
    message:
        "Draw what carries the effects of {wildcards.experiment}"
    shell:
        "python -m workflow_scripts.draw_shares --shares {input} --figures {params.figures:q} --folder {params.folder}"
        " 2> {log}"


rule draw_probe:
    input:
        "results/bias/{experiment}/summary.json",
    output:
        png=figures("draw_probe"),
        pdf=figures("draw_probe", "pdf"),
    log:
        "logs/report/{experiment}/draw_probe.log",
    benchmark:
        "benchmarks/report/{experiment}/draw_probe.tsv"
    localrule: True
    conda:
        "../envs/figures.yaml"
    resources:
        **cluster_request("draw_probe"),
    params:
        figures=entry("figures_parameter", of="experiment"),
        folder=placed("results/report/{experiment}/figures"),
        code=code("draw_probe"),
    message:
        "Draw whether networks of {wildcards.experiment} can tell where a galaxy lies"
    shell:
        "python -m workflow_scripts.draw_probe --summary {input} --figures {params.figures:q} --folder {params.folder}"
        " 2> {log}"


rule draw_remedies:
    input:
        remedies="results/remedies/{experiment}/comparison.json",
        summary="results/bias/{experiment}/summary.json",
    output:
        png=figures("draw_remedies"),
        pdf=figures("draw_remedies", "pdf"),
    log:
        "logs/report/{experiment}/draw_remedies.log",
    benchmark:
        "benchmarks/report/{experiment}/draw_remedies.tsv"
    localrule: True
    conda:
        "../envs/figures.yaml"
    resources:
        **cluster_request("draw_remedies"),
    params:
        figures=entry("figures_parameter", of="experiment"),
        folder=placed("results/report/{experiment}/figures"),
        code=code("draw_remedies"),
    message:
        "Draw what the remedies of {wildcards.experiment} leave, against their price"
    shell:
        "python -m workflow_scripts.draw_remedies --remedies {input.remedies} --summary {input.summary}"
        " --figures {params.figures:q} --folder {params.folder} 2> {log}"


rule draw_sky_maps:
    input:
        tables="results/bias/{experiment}/runs.csv",
        summary="results/bias/{experiment}/summary.json",
        maps="results/bias/{experiment}/sky_maps.npz",
        catalog=of_experiment("results/catalog/{catalog}/catalog.parquet"),
    output:
        png=figures("draw_sky_maps"),
        pdf=figures("draw_sky_maps", "pdf"),
    log:
        "logs/report/{experiment}/draw_sky_maps.log",
    benchmark:
        "benchmarks/report/{experiment}/draw_sky_maps.tsv"
    conda:
        "../envs/figures.yaml"
    resources:
        **cluster_request(
            "draw_sky_maps",
            size=lambda wildcards: sizes.galaxies_of_experiment(wildcards.experiment),
        ),
    params:
        figures=entry("figures_parameter", of="experiment"),
        bias=lambda wildcards: placed(f"results/bias/{wildcards.experiment}"),
        folder=placed("results/report/{experiment}/figures"),
        code=code("draw_sky_maps"),
    message:
        "Draw the sky maps of {wildcards.experiment}"
    shell:
        "python -m workflow_scripts.draw_sky_maps --bias-folder {params.bias} --catalog {input.catalog}"
        " --figures {params.figures:q} --folder {params.folder} 2> {log}"


rule draw_galaxies:
    input:
        index=of_experiment("results/images/{survey}/{recipe}/index.parquet"),
        annotations=of_runs("results/inference/{survey}/{{run_id}}/annotations.parquet"),
        training_sets=lambda wildcards: settings.training_set_files(wildcards.experiment, shown=True),
        catalog=of_experiment("results/catalog/{catalog}/catalog.parquet"),
    output:
        png=figures("draw_galaxies"),
        pdf=figures("draw_galaxies", "pdf"),
    log:
        "logs/report/{experiment}/draw_galaxies.log",
    benchmark:
        "benchmarks/report/{experiment}/draw_galaxies.tsv"
    conda:
        "../envs/figures.yaml"
    resources:
        **cluster_request("draw_galaxies", size=lambda wildcards: sizes.annotations_of_experiment(wildcards.experiment)),
    params:
        experiment=entry("bias_parameter", of="experiment"),
        annotations=of_experiment(placed("results/inference/{survey}/{{run_id}}/annotations.parquet")),
        figures=entry("figures_parameter", of="experiment"),
        folder=placed("results/report/{experiment}/figures"),
        code=code("draw_galaxies"),
    message:
        "Draw example galaxies of {wildcards.experiment}"
    shell:
        "python -m workflow_scripts.draw_galaxies --experiment {params.experiment:q} --index {input.index}"
        " --annotations {params.annotations:q} --training-sets {input.training_sets}"
        " --catalog {input.catalog} --figures {params.figures:q} --folder {params.folder} 2> {log}"


rule draw_footprints:
    input:
        lambda wildcards: expand(
            "results/training/footprints/{footprint}.moc.fits",
            footprint=mapped_footprints(settings, wildcards.experiment),
        ),
    output:
        png=figures("draw_footprints"),
        pdf=figures("draw_footprints", "pdf"),
    log:
        "logs/report/{experiment}/draw_footprints.log",
    benchmark:
        "benchmarks/report/{experiment}/draw_footprints.tsv"
    localrule: True
    conda:
        "../envs/figures.yaml"
    resources:
        **cluster_request(
            "draw_footprints",
            size=lambda wildcards: len(mapped_footprints(settings, wildcards.experiment)),
        ),
    params:
        figures=entry("figures_parameter", of="experiment"),
        folder=placed("results/report/{experiment}/figures"),
        code=code("draw_footprints"),
    message:
        "Draw the footprints of {wildcards.experiment}"
    shell:
        "python -m workflow_scripts.draw_footprints --mocs {input} --figures {params.figures:q}"
        " --folder {params.folder} 2> {log}"
