"""What was requested of the server: counts that the clients' own cannot flatter."""

import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any


@dataclass
class _ServiceCounts:
    requests: int = 0
    at_work: int = 0
    most_at_work: int = 0
    bytes: int = 0
    paths: Counter = field(default_factory=Counter)
    outcomes: Counter = field(default_factory=Counter)
    user_agents: Counter = field(default_factory=Counter)
    attempts: Counter = field(default_factory=Counter)
    outcomes_of_key: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    times: deque = field(default_factory=deque)
    second: deque = field(default_factory=deque)
    most_in_a_second: int = 0
    most_in_a_minute: int = 0


class RequestLedger:
    """Requests by service and key; a key is the method, the path and the sorted parameters of a request."""

    def __init__(self):
        self._services: dict[str, _ServiceCounts] = defaultdict(_ServiceCounts)

    def begin(self, service: str, key: str, path: str, user_agent: str) -> int:
        """Note a request; gives which attempt at its key it is, from 1."""
        counts, now = self._services[service], time.monotonic()
        counts.requests += 1
        counts.at_work += 1
        counts.most_at_work = max(counts.most_at_work, counts.at_work)
        counts.paths[path] += 1
        counts.user_agents[user_agent] += 1
        counts.attempts[key] += 1
        counts.most_in_a_second = max(counts.most_in_a_second, _within(counts.second, now, 1.0))
        counts.most_in_a_minute = max(counts.most_in_a_minute, _within(counts.times, now, 60.0))
        return counts.attempts[key]

    def end(self, service: str, key: str, outcome: str, size: int) -> None:
        """Note what a request came to; `size` of the response in bytes."""
        counts = self._services[service]
        counts.at_work -= 1
        counts.bytes += size
        counts.outcomes[outcome] += 1
        counts.outcomes_of_key[key].append(outcome)

    def at_work(self, service: str) -> int:
        """Requests of a service that are being served now."""
        return self._services[service].at_work

    def in_last_second(self, service: str) -> int:
        """Requests of a service in the last second, the newest included."""
        return len(self._services[service].second)

    def report(self, with_keys: bool) -> dict[str, Any]:
        """All counts by service; with the outcomes of every key, in their order, where wanted."""
        report = {}
        for service, counts in sorted(self._services.items()):
            report[service] = {
                "requests": counts.requests,
                "keys": len(counts.attempts),
                "most_attempts_of_a_key": max(counts.attempts.values(), default=0),
                "bytes": counts.bytes,
                "most_at_a_time": counts.most_at_work,
                "most_in_a_second": counts.most_in_a_second,
                "most_in_a_minute": counts.most_in_a_minute,
                "paths": dict(counts.paths),
                "outcomes": dict(counts.outcomes),
                "user_agents": dict(counts.user_agents),
            }
            if with_keys:
                report[service]["outcomes_of_keys"] = dict(counts.outcomes_of_key)
        return report

    def forget(self) -> None:
        """Begin anew; requests that are being served stay counted as such."""
        at_work = {service: counts.at_work for service, counts in self._services.items() if counts.at_work}
        self._services.clear()
        for service, number in at_work.items():
            self._services[service].at_work = number


def _within(times: deque, now: float, seconds: float) -> int:
    times.append(now)
    while times[0] <= now - seconds:
        times.popleft()
    return len(times)
