"""How long to wait before asking a busy service again."""

from random import Random


def backoff_seconds(attempt: int, random: Random, first: float = 1.0, ceiling: float = 60.0) -> float:
    """Seconds before the next attempt after `attempt` failed ones: exponential, with full jitter.

    Uniform between 0 and min(ceiling, first * 2**(attempt - 1)), so that clients that failed together do not return
    together. A generator with a seed makes it reproducible.
    """
    longest = min(ceiling, first * 2.0 ** min(attempt - 1, 32))
    return random.uniform(0.0, longest)
