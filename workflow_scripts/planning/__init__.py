"""What a run of the workflow would do and cost, from a dry run of Snakemake and the records of earlier runs."""
