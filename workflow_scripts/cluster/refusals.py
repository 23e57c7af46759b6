"""What helps when SLURM refuses a job, told from what sbatch printed."""

import re

SHARED = "slurm_partition=NAME mem_mb=1000 runtime=30"
# What sbatch prints, and what its user can do; the first that fits.
REFUSALS = {
    r"No partition specified": f"this site has no default partition: add --default-resources {SHARED}"
    " (`sinfo -s` lists the partitions)",
    r"[Ii]nvalid partition": "this site has no partition of that name: `sinfo -s` lists them",
    r"[Ii]nvalid account|account[^\n]*required|[Mm]issing account": "this site wants an account that you may charge:"
    f" add --default-resources slurm_account=NAME {SHARED} (`sacctmgr show associations user=$USER` lists yours)",
    r"[Ii]nvalid qos": "this site wants a quality of service: add --slurm-qos NAME",
    r"[Tt]ime limit|Memory (?:specification|required)|[Nn]ode configuration is not available|More processors": "the"
    " partition has no node for that: name a larger one with --set-resources RULE:slurm_partition=NAME, or ask"
    " for less with --set-resources RULE:mem_mb=N RULE:runtime=MINUTES",
    r"Unable to contact slurm controller": "SLURM does not answer: wait, and run the same command again",
    r"QOS|[Ll]imit": "this is over your limits here: fewer jobs at once (--jobs 20), or less for each",
}


def advice(said: str) -> str | None:
    """One sentence for the first refusal in a log of Snakemake; None where sbatch refused nothing."""
    refusal = re.search(r"sbatch: error: [^\n]*", said) or re.search(r"SLURM sbatch failed[^\n]*", said)
    if refusal is None:
        return None
    for pattern, help_ in REFUSALS.items():
        if re.search(pattern, refusal.group()):
            return f"SLURM refused a job: {help_}; docs/cluster.md has more"
    return "SLURM refused a job, for the reason above; docs/cluster.md lists what sites want"
