"""Which requests the server misbehaves on, and how: decided by a seed and the request, never by chance or order.

    {"latency_ms": 50,
     "limits": {"fitscut": {"at_a_time": 10, "per_second": 20, "refuse": "reset"}, "sqlsearch": {"rows": 1000}},
     "misbehaviour": [{"share": 0.1, "seed": 1, "kinds": ["all"], "attempts": 1}]}

A rule holds for a share of the request keys of the `services`, of a `path` (regular expression) or `near` a position
(ra, dec, radius in degrees); by default for all. The first `attempts` at a key go wrong, without it every one. Of the
`kinds` that suit a response, the key decides which; "all" stands for all that suit and spoil it. One rule may stand
for the list.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from tests.services.altered_responses import ALTERATIONS, LOOPING, REDIRECTED
from tests.services.exchange import JPEG, PNG, TEXT, ServiceRequest, ServiceResponse

# What goes wrong on the wire, whatever the response is.
WIRE = ("reset", "hang", "stalled_504", "slow_headers", "slow_drip", "truncated", "unfinished_chunks", "oversized")
# Served as it should be, in another form that is allowed.
HARMLESS = frozenset({"redirect_once", "rows_reordered", "without_badflag", "cut_without_length"})
KINDS = (*WIRE, "cut_without_length", *ALTERATIONS)
_RULE_KEYS = {"share", "seed", "kinds", "attempts", "services", "path", "near"}
_BEHAVIOUR_KEYS = {"latency_ms", "limits", "misbehaviour", "retry_after_seconds", "hang_seconds", "oversized_bytes"}


@dataclass(frozen=True)
class Rule:
    """One rule of misbehaviour."""

    kinds: tuple[str, ...]
    share: float = 1.0
    seed: int = 0
    attempts: int | None = None
    services: tuple[str, ...] = ()
    path: str = ""
    near: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Rule":
        """Raises `ValueError` for an unknown key or kind."""
        unknown = set(given) - _RULE_KEYS
        kinds = tuple(given["kinds"])
        unknown |= set(kinds) - {*KINDS, "all"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; kinds are {', '.join(KINDS)}, all")
        values: dict[str, Any] = {**given, "kinds": kinds}
        for name in ("services", "near"):
            values[name] = tuple(values.get(name, ()))
        return cls(**values)

    def kind(
        self, service: str, key: str, attempt: int, received: ServiceRequest, response: ServiceResponse
    ) -> str | None:
        """How this request goes wrong, or None."""
        if self.attempts is not None and attempt > self.attempts:
            return None
        if (self.services and service not in self.services) or not self._is_there(received):
            return None
        digest = blake2b(f"{self.seed} {key}".encode(), digest_size=16).digest()
        if int.from_bytes(digest[:8], "little") / 2**64 >= self.share:
            return None
        wanted = tuple(kind for kind in KINDS if kind not in HARMLESS) if "all" in self.kinds else self.kinds
        suited = [kind for kind in wanted if suits(kind, service, response)]
        return suited[int.from_bytes(digest[8:], "little") % len(suited)] if suited else None

    def _is_there(self, received: ServiceRequest) -> bool:
        if self.path and not re.search(self.path, received.path):
            return False
        if not self.near:
            return True
        try:
            ra, dec = np.radians(received.number("ra")), np.radians(received.number("dec"))
        except ValueError:
            return False
        ra_0, dec_0, radius = np.radians(self.near)
        cosine = np.sin(dec) * np.sin(dec_0) + np.cos(dec) * np.cos(dec_0) * np.cos(ra - ra_0)
        return bool(np.arccos(min(cosine, 1.0)) <= radius)


@dataclass(frozen=True)
class Behaviour:
    """How the server behaves; `source` is what it was given."""

    source: dict[str, Any]
    rules: tuple[Rule, ...]
    limits: dict[str, dict[str, Any]]
    latency_seconds: float
    retry_after_seconds: int
    hang_seconds: float
    oversized_bytes: int

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Behaviour":
        """Raises `ValueError` for an unknown key or kind."""
        if "kinds" in given:
            rest = {name: value for name, value in given.items() if name not in _RULE_KEYS}
            given = {**rest, "misbehaviour": [{name: given[name] for name in given if name in _RULE_KEYS}]}
        unknown = set(given) - _BEHAVIOUR_KEYS
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; expected {', '.join(sorted(_BEHAVIOUR_KEYS))}")
        return cls(
            source=dict(given),
            rules=tuple(Rule.from_json(rule) for rule in given.get("misbehaviour", [])),
            limits=dict(given.get("limits", {})),
            latency_seconds=given.get("latency_ms", 0) / 1000,
            retry_after_seconds=given.get("retry_after_seconds", 1),
            hang_seconds=given.get("hang_seconds", 3600),
            oversized_bytes=given.get("oversized_bytes", 200_000_000),
        )

    def kind(
        self, service: str, key: str, attempt: int, received: ServiceRequest, response: ServiceResponse
    ) -> str | None:
        """How a request goes wrong by the first rule that holds for it, or None."""
        if LOOPING in received.values:
            return "redirect_loop"
        if REDIRECTED in received.values:
            return None
        for rule in self.rules:
            kind = rule.kind(service, key, attempt, received, response)
            if kind:
                return kind
        return None


def suits(kind: str, service: str, response: ServiceResponse) -> bool:
    """Whether a response can go wrong in this way."""
    if kind not in ALTERATIONS:
        # Half of nothing is nothing.
        return kind in ("reset", "hang", "stalled_504", "slow_headers", "oversized") or len(response.body) > 1
    wanted = ALTERATIONS[kind].suits
    if wanted in ("any", service):
        return True
    if response.status != 200:
        return False
    form = {JPEG: "jpeg", PNG: "png", TEXT: "table"}.get(response.content_type, "")
    form = "fits" if response.body[:6] == b"SIMPLE" else form
    return form in wanted.split()
