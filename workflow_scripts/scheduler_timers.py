"""Snakemake's scheduler on one machine, without the timers that add up over a long run.

After every look at the jobs that are ready, Snakemake 9 sets a timer to look again when its limit on new jobs
(`--max-jobs-per-timespan`, by default 100 a second) may have more room. Each look sets the next one, and each job that
ends begins a further chain, so that a scheduler with 400 jobs behind it looks 400 times a second. On a workstation no
such limit is needed: a job that ends is what makes room.
"""

from typing import Any

# Snakemake's default; another limit is the user's, and stays.
_DEFAULT = (100, 1)


def without_timers(workflow: Any) -> bool:
    """Take the default limit on new jobs away from the scheduler of a `workflow` whose jobs all run on this machine.

    For `onstart`. Returns whether it did: a cluster's scheduler keeps its limit, and so does a Snakemake that is built
    otherwise than those which were looked at (9.27).
    """
    scheduler: Any = getattr(workflow, "scheduler", None)
    limiter = getattr(scheduler, "job_rate_limiter", None)
    limit = getattr(limiter, "max_jobs", None), getattr(limiter, "timespan", None)
    if limit != _DEFAULT or getattr(scheduler, "_local_executor", "unknown") is not None:
        return False
    scheduler.job_rate_limiter = None
    return True
