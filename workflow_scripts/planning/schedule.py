"""How long a set of jobs takes: they are started as Snakemake would start them, on a simulated clock."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    by_number = {job.number: job for job in jobs}
    waiting: dict[int, int] = {}
    followers: dict[int, list[int]] = {number: [] for number in by_number}
    for job in jobs:
        inside = [need for need in job.needs if need in by_number]
        waiting[job.number] = len(inside)
        for need in inside:
            followers[need].append(job.number)
    order = {job.number: place for place, job in enumerate(jobs)}
    ready = [(order[number], number) for number, count in waiting.items() if not count]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    now = memory = most = 0.0
    room = _Room(cores, limits, slots)
    while ready or running:
        passed = []
        while ready:
            place, number = heapq.heappop(ready)
            if room.take(by_number[number]):
                memory += costs[number].memory_mb
                heapq.heappush(running, (now + costs[number].seconds + room.overhead, number))
            else:
                passed.append((place, number))
            if room.full:
                break
        for item in passed:
            heapq.heappush(ready, item)
        most = max(most, memory)
        now, ended = heapq.heappop(running)
        memory -= costs[ended].memory_mb
        room.give_back(by_number[ended])
        for follower in followers[ended]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, (order[follower], follower))
    return Schedule(now, most)


class _Room:
    def __init__(self, cores: int, limits: Mapping[str, int], slots: int | None):
        # On a cluster, each job takes one of the slots, whatever it requests.
        self.limits: Mapping[str, int] = {**limits, _PLACES: cores if slots is None else slots}
        self.on_cluster = slots is not None
        self.left = dict(self.limits)
        self.overhead = LOCAL_OVERHEAD if slots is None else CLUSTER_OVERHEAD

    @property
    def full(self) -> bool:
        return self.left[_PLACES] <= 0

    def take(self, job: PlannedJob) -> bool:
        wanted = self._wanted(job)
        if any(wanted[name] > self.left[name] for name in wanted):
            return False
        for name, amount in wanted.items():
            self.left[name] -= amount
        return True

    def give_back(self, job: PlannedJob) -> None:
        for name, amount in self._wanted(job).items():
            self.left[name] += amount

    def _wanted(self, job: PlannedJob) -> dict[str, int]:
        requested = {**job.resources, _PLACES: 1 if self.on_cluster else job.threads}
        return {name: min(requested.get(name, 0), limit) for name, limit in self.limits.items()}
