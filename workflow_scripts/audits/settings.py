"""What the tests of an audit are made with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """`permutations` and `seed` of random skies; `alpha` of the verdict; `power` of the dipole that could be seen."""

    permutations: int = 4999
    seed: int = 0
    alpha: float = 0.01
    power: float = 0.8
