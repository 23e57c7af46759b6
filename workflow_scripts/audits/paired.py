"""The tests of two or more annotations of the same galaxies. They hold for these annotations only."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.audits.dipoles import centred_dipole, centred_dipole_finding, dipole_finding
from workflow_scripts.audits.findings import Finding, Findings, galaxy_test, normal_interval
from workflow_scripts.audits.settings import Settings
from workflow_scripts.audits.sums import RA_BINS, CatalogSums, PairSums
from workflow_scripts.statistics.pairs.class_agreement import agreement, marginal_homogeneity, symmetry
from workflow_scripts.statistics.pairs.discordance import LogisticDipole, discordance_rate, discordant_direction
from workflow_scripts.statistics.pairs.paired import (
    CochranSums,
    cochran_q,
    difference_in_differences,
    mcnemar,
    paired_difference_interval,
)
from workflow_scripts.statistics.sky.robust_dipole import robust_dipole


def paired_tests(
    sums: CatalogSums, pair: PairSums, names: tuple[str, str], suffix: str, settings: Settings, findings: Findings
) -> None:
    """Make all tests of two annotations; `suffix` follows the tests' names, empty for the first pair."""
    suite = _Suite(sums, pair, names, suffix, settings)
    for name, test in (
        ("difference_dipole", suite.difference_dipole),
        ("difference_dipole_robust", suite.difference_dipole_robust),
        ("mcnemar", suite.mcnemar),
        ("difference_between_ra_halves", suite.between_ra_halves),
        ("discordance_rate_dipole", suite.discordance_rate),
        ("discordant_direction_dipole", suite.discordant_direction),
        ("class_agreement", suite.classes),
    ):
        findings.attempt(name + suffix, test)


def cochran_test(sums: CatalogSums, names: Sequence[str]) -> Finding:
    """Do three or more annotations have equal fractions? `ValueError` where they agree on every galaxy."""
    positives = [annotation.labels.sums.total for annotation in sums.annotations]
    # (sum of votes)^2 = sum of votes + 2 sum over pairs of joint votes; joint votes follow from positives and discords.
    k, squares, pair = len(positives), sum(positives), 0
    for first in range(k):
        for second in range(first + 1, k):
            squares += positives[first] + positives[second] - sums.pairs[pair].difference.sums.squares
            pair += 1
    found = cochran_q(CochranSums(sums.n, tuple(positives), squares))
    test = galaxy_test(
        "cochran_q",
        "secondary",
        sums.n,
        "all annotations have the same fraction",
        f"fractions of {k} annotations",
        estimate=[total / sums.n for total in positives],
        statistic=found.q,
        dof=found.dof,
        p=found.p,
    )
    return Finding(test, {"annotations": list(names)})


class _Suite:
    def __init__(self, sums: CatalogSums, pair: PairSums, names: tuple[str, str], suffix: str, settings: Settings):
        self.sums, self.pair, self.settings, self.suffix = sums, pair, settings, suffix
        self.n = sums.n
        self.names = {"annotations": list(names)}
        self.what = f"{names[0]} minus {names[1]}"

    def difference_dipole(self) -> Finding:
        """Dipole of the difference of the two labels, with the permutation null."""
        made = centred_dipole(self.sums.positions, self.pair.difference, self.settings)
        name, estimand = "difference_dipole" + self.suffix, f"amplitude of the dipole of {self.what}"
        null = "the difference of the two annotations does not depend on position"
        return centred_dipole_finding(name, null, estimand, self.n, made, self.settings, self.names)

    def difference_dipole_robust(self) -> Finding:
        """The same where the two differ more often in some places than in others."""
        found = robust_dipole(self.pair.scatter)
        null = "the mean difference does not depend on position, how often the two differ may"
        name, estimand = "difference_dipole_robust" + self.suffix, f"amplitude of the dipole of {self.what}"
        return dipole_finding(name, self.n, null, estimand, found.dipole.beta, found.q, found.p, self.names)

    def mcnemar(self) -> Finding:
        """Equal fractions all over the sky."""
        lower, _, higher = (round(float(part.sum())) for part in self.pair.by_part)
        found = mcnemar(higher, lower, self.n)
        test = galaxy_test(
            "mcnemar" + self.suffix,
            "secondary",
            self.n,
            "both annotations have the same fraction",
            f"fraction, {self.what}",
            estimate=found.difference,
            se=found.se,
            ci95=list(paired_difference_interval(higher, lower, self.n)),
            statistic=found.z,
            p=found.p,
        )
        return Finding(test, {"only_first": higher, "only_second": lower, "p_mid": found.p_mid} | self.names)

    def between_ra_halves(self) -> Finding:
        """Difference of the differences of two halves of the sky."""
        halves = self.pair.by_part.reshape(3, 2, RA_BINS // 2, 2).sum(axis=(2, 3))
        found = difference_in_differences(_differences(halves[:, 0]), _differences(halves[:, 1]))
        test = galaxy_test(
            "difference_between_ra_halves" + self.suffix,
            "secondary",
            self.n,
            "the two differ by the same in both halves of the sky",
            f"{self.what} at right ascension below 180 degrees, less the same above",
            estimate=found.difference,
            se=found.se_separate,
            ci95=normal_interval(found.difference, found.se_separate),
            statistic=found.z,
            p=found.p,
        )
        return Finding(test, dict(self.names))

    def discordance_rate(self) -> Finding:
        """Where the two differ, whichever way."""
        found = discordance_rate(self.sums.positions, self.pair.difference.squares)
        name, what = "discordance_rate_dipole", "dipole of the log odds that the two differ"
        return self._logistic(name, what, "how often the two differ does not depend on position", found)

    def discordant_direction(self) -> Finding:
        """Which of the two is positive, where they differ."""
        found = discordant_direction(self.pair.discordant, self.pair.only_first)
        name, what = "discordant_direction_dipole", "dipole of the log odds that it is the first, where they differ"
        return self._logistic(name, what, "which of the two is positive does not depend on position", found)

    def _logistic(self, name: str, estimand: str, null: str, found: LogisticDipole) -> Finding:
        return dipole_finding(name + self.suffix, found.n, null, estimand, found.beta, found.lr, found.p, self.names)

    def classes(self) -> Iterator[Finding]:
        """All classes, not only the positive one: agreement, equal shares, symmetric exchange."""
        agreed = agreement(self.pair.table)
        extra = self.names | {"kappa": agreed.kappa, "kappa_ci95": agreed.kappa_ci95, "agreement": agreed.agreement}
        for name, found, null in (
            ("marginal_homogeneity", marginal_homogeneity(self.pair.table), "both give every class as often"),
            ("symmetry", symmetry(self.pair.table), "galaxies go from one class to another as often as back"),
        ):
            values = {"statistic": found.chi2, "dof": found.dof, "p": found.p, "estimate": agreed.kappa}
            what = "agreement of all classes (Cohen's kappa)"
            yield Finding(galaxy_test(name + self.suffix, "secondary", self.n, null, what, **values), extra)


def _differences(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences -1, 0, 1 as often as `counts` (3,) says."""
    return np.repeat([-1.0, 0.0, 1.0], np.rint(counts).astype(np.int64))
