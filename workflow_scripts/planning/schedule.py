"""How long a set of jobs takes: they are started as Snakemake would start them, on a simulated clock."""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from workflow_scripts.planning.cluster_requests import Cost
from workflow_scripts.planning.dry_run import PlannedJob

# What Snakemake spends on choosing, starting and concluding a job, measured with trivial jobs; SLURM's part is about
# five seconds more.
LOCAL_OVERHEAD, CLUSTER_OVERHEAD = 0.15, 5.0
# Cores, or jobs of a cluster, among the names of resources.
_PLACES = "_places"


@dataclass(frozen=True)
class Schedule:
    """Wall seconds, and the largest sum of the peak memory (MB) of jobs that run at the same time."""

    seconds: float
    memory_mb: float


def simulated(
    jobs: Sequence[PlannedJob],
    costs: Mapping[int, Cost],
    cores: int,
    limits: Mapping[str, int],
    slots: int | None = None,
) -> Schedule:
    """List scheduling (Graham 1969, SIAM J. Appl. Math. 17, 416): whenever there is room, the first ready job starts.

    Parameters
    ----------
    jobs
        what is to be done, in the order in which ready jobs are preferred; needs outside of it are done already.
    costs
        by the number of a job.
    cores
        of this machine; a job that requests more gets all of them.
    limits
        of resources by name (graphics cards, jobs that may use one service); a job that requests more gets all.
    slots
        jobs that a cluster runs at once; then cores limit nothing.
    """
    # On a cluster, each job takes one of the slots, whatever it requests.
    limits = {**limits, _PLACES: cores if slots is None else slots}
    overhead = LOCAL_OVERHEAD if slots is None else CLUSTER_OVERHEAD
    wanted = []
    for job in jobs:
        requested = {**job.resources, _PLACES: job.threads if slots is None else 1}
        wanted.append({name: min(requested.get(name, 0), limit) for name, limit in limits.items()})
    # Jobs by their place in the list.
    places = {job.number: place for place, job in enumerate(jobs)}
    order = TopologicalSorter({places[job.number]: [places[n] for n in job.needs if n in places] for job in jobs})
    order.prepare()
    ready: list[int] = []
    running: list[tuple[float, int]] = []
    left = Counter(limits)
    now = memory = most = 0.0
    while order.is_active():
        for place in order.get_ready():
            heapq.heappush(ready, place)
        passed = []
        while ready and left[_PLACES] > 0:
            place = heapq.heappop(ready)
            if any(amount > left[name] for name, amount in wanted[place].items()):
                passed.append(place)
                continue
            left.subtract(wanted[place])
            cost = costs[jobs[place].number]
            memory += cost.memory_mb
            heapq.heappush(running, (now + cost.seconds + overhead, place))
        for place in passed:
            heapq.heappush(ready, place)
        most = max(most, memory)
        now, ended = heapq.heappop(running)
        memory -= costs[jobs[ended].number].memory_mb
        left.update(wanted[ended])
        order.done(ended)
    return Schedule(now, most)
