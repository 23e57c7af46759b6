# Do the tests keep their level, and their intervals their coverage? Measured on mock skies and mock training runs.
#   needs:  nothing: `make calibration`, or `snakemake calibration`
#   gives:  results/calibration/{mocks}_mocks/: calibration.csv, calibration.md and figures/

from workflow_scripts.figures.figure_list import FIGURE_GROUPS

CALIBRATION_MASKS = ["full_sky", "dec_and_latitude", "sdss_like_cap", "half_sky"]
CALIBRATION_STEPS = ["S0_binomial", "S1_dipole", "S2_quadrupole", "S3_templates", "S4_clustered"]
CALIBRATION_FIGURES = FIGURE_GROUPS["draw_calibration"].names


# With 2,000 mocks a share of 5 % is known to half a percent.
rule calibration:
    input:
        "results/calibration/2000_mocks/calibration.md",
        expand("results/calibration/2000_mocks/figures/{name}.png", name=CALIBRATION_FIGURES),
    localrule: True


rule calibrate_sky_tests:
    output:
        "results/calibration/{mocks}_mocks/{mask}/{step}/findings.parquet",
    log:
        "logs/calibration/{mocks}_mocks/{mask}/{step}/calibrate_sky_tests.log",
    benchmark:
        "benchmarks/calibration/{mocks}_mocks/{mask}/{step}/calibrate_sky_tests.tsv"
    wildcard_constraints:
        mask="|".join(CALIBRATION_MASKS),
        step="|".join(CALIBRATION_STEPS),
    conda:
        "../envs/statistics.yaml"
    resources:
        **cluster_request("calibrate_sky_tests", size=lambda wildcards: int(wildcards.mocks)),
    params:
        code=code("calibrate_sky_tests"),
    message:
        "Test {wildcards.mocks} mock skies of {wildcards.step} on {wildcards.mask}"
    shell:
        "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m workflow_scripts.calibrate_sky_tests"
        " --mask {wildcards.mask} --step {wildcards.step} --mocks {wildcards.mocks} --output {output} 2> {log}"


rule calibrate_run_tests:
    output:
        "results/calibration/{mocks}_mocks/runs/shares.parquet",
    log:
        "logs/calibration/{mocks}_mocks/runs/calibrate_run_tests.log",
    benchmark:
        "benchmarks/calibration/{mocks}_mocks/runs/calibrate_run_tests.tsv"
    conda:
        "../envs/statistics.yaml"
    resources:
        **cluster_request("calibrate_run_tests", size=lambda wildcards: int(wildcards.mocks)),
    params:
        code=code("calibrate_run_tests"),
    message:
        "Test {wildcards.mocks} mock populations of training runs"
    shell:
        "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m workflow_scripts.calibrate_run_tests"
        " --mocks {wildcards.mocks} --output {output} 2> {log}"


rule tabulate_calibration:
    input:
        findings=expand(
            "results/calibration/{{mocks}}_mocks/{mask}/{step}/findings.parquet",
            mask=CALIBRATION_MASKS,
            step=CALIBRATION_STEPS,
        ),
        runs="results/calibration/{mocks}_mocks/runs/shares.parquet",
    output:
        csv="results/calibration/{mocks}_mocks/calibration.csv",
        markdown="results/calibration/{mocks}_mocks/calibration.md",
    log:
        "logs/calibration/{mocks}_mocks/tabulate_calibration.log",
    benchmark:
        "benchmarks/calibration/{mocks}_mocks/tabulate_calibration.tsv"
    conda:
        "../envs/statistics.yaml"
    resources:
        **cluster_request("tabulate_calibration"),
    params:
        code=code("tabulate_calibration"),
    message:
        "Tabulate the calibration of all tests on {wildcards.mocks} mocks"
    shell:
        "python -m workflow_scripts.tabulate_calibration --findings {input.findings} --runs {input.runs}"
        " --csv {output.csv} --markdown {output.markdown} 2> {log}"


rule draw_calibration:
    input:
        table="results/calibration/{mocks}_mocks/calibration.csv",
        findings=expand(
            "results/calibration/{{mocks}}_mocks/{mask}/{step}/findings.parquet",
            mask=CALIBRATION_MASKS,
            step=["S0_binomial", "S1_dipole", "S4_clustered"],
        ),
    output:
        png=expand("results/calibration/{{mocks}}_mocks/figures/{name}.png", name=CALIBRATION_FIGURES),
        pdf=expand("results/calibration/{{mocks}}_mocks/figures/{name}.pdf", name=CALIBRATION_FIGURES),
    log:
        "logs/calibration/{mocks}_mocks/draw_calibration.log",
    benchmark:
        "benchmarks/calibration/{mocks}_mocks/draw_calibration.tsv"
    conda:
        "../envs/figures.yaml"
    resources:
        **cluster_request("draw_calibration"),
    params:
        folder=placed("results/calibration/{mocks}_mocks/figures"),
        code=code("draw_calibration"),
    message:
        "Draw the calibration of all tests on {wildcards.mocks} mocks"
    shell:
        "python -m workflow_scripts.draw_calibration --table {input.table} --findings {input.findings}"
        " --folder {params.folder} 2> {log}"
