"""How often the region of a corrected dipole covers the planted one, beside what is done without these corrections.

Mock annotations have known error rates that follow an imaging template, and a planted true dipole. Run it with
`python -m tests.benchmarks.correction_coverage [--skies N] [--galaxies N]`; the table is in docs/correction.md.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.sky.tiles import FINE_ORDER, tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.lengths import vector_length
from workflow_scripts.statistics.sky.debiased_fraction import ImagingCorrection, LabelledCorrection
from workflow_scripts.statistics.sky.dipole import dipole
from workflow_scripts.statistics.sky.dipole_region import DipoleRegion, dipole_region, training_covariance
from workflow_scripts.statistics.sky.sky_blocks import correction_blocks
from workflow_scripts.statistics.sky.sky_sums import PositionSums, ValueSums
from workflow_scripts.statistics.sky.template_regression import TemplateCrossFit, regressed_dipole
from workflow_scripts.statistics.truth.annotation_rates import MeanRates

# Planted in the true fraction, and what imaging does to the rates for one standard deviation.
DIPOLE = 0.05
TPR, FPR, OF_TPR, OF_FPR = 0.88, 0.12, 0.02, 0.05
CLUSTERING_SD, CLUSTERING_DEG = 0.06, 2.0
# The scatter of the rates between training sets: of the mean, and of a dipole.
TRAINING_SD = 0.01


@dataclass(frozen=True)
class Case:
    """One kind of mock sky. `parallel` is the correlation of the template with the direction of the dipole."""

    title: str
    south: float = -90.0
    clustered: bool = False
    parallel: float = 0.3
    training_sets: int = 1
    labelled: float = 0.0


CASES = (
    Case("full sky"),
    Case("full sky, clustered", clustered=True),
    Case("Dec > -10", south=-10),
    Case("Dec > -10, clustered", south=-10, clustered=True),
    Case("Dec > 0, clustered", south=0, clustered=True),
    Case("full sky, template all but parallel", parallel=0.98),
    Case("Dec > -10, clustered, template all but parallel", south=-10, clustered=True, parallel=0.98),
    Case("full sky, 8 training sets that scatter", training_sets=8),
    Case("Dec > -10, clustered, 12 training sets that scatter", south=-10, clustered=True, training_sets=12),
    Case("full sky, 15 % labelled at random", labelled=0.15),
    Case("Dec > -10, clustered, 15 % labelled at random", south=-10, clustered=True, labelled=0.15),
)


def smooth_field(vectors: NDArray, scale_deg: float, random: np.random.Generator, waves: int = 40) -> NDArray:
    """A random field (n,) of unit variance and covariance exp(-r^2 / 2 L^2)."""
    directions = random.normal(size=(waves, 3)) / np.radians(scale_deg)
    return np.sqrt(2 / waves) * np.cos(vectors @ directions.T + random.uniform(0, 2 * np.pi, waves)).sum(axis=1)


def mock(case: Case, n: int, random: np.random.Generator) -> tuple[NDArray, ...]:
    """Positions (ra, dec, vectors), templates (n, 2), true labels, annotations (training sets, n), and true dipole."""
    dec = np.degrees(np.arcsin(random.uniform(np.sin(np.radians(case.south)), 1, n)))
    ra = random.uniform(0, 360, n)
    vectors = unit_vectors(ra, dec)
    axis = unit_vectors(random.uniform(0, 360), np.degrees(np.arcsin(random.uniform(-1, 1))))
    along = vectors @ axis
    along = (along - along.mean()) / along.std()
    template = case.parallel * along + np.sqrt(1 - case.parallel**2) * smooth_field(vectors, 15, random)
    second = smooth_field(vectors, 8, random)
    fraction = 0.5 + DIPOLE * vectors @ axis
    if case.clustered:
        fraction = fraction + CLUSTERING_SD * smooth_field(vectors, CLUSTERING_DEG, random)
    truth = (random.random(n) < fraction).astype(float)
    shift = np.zeros((case.training_sets, n))
    if case.training_sets > 1:
        shift += random.normal(0, TRAINING_SD, (case.training_sets, 1))
        shift += random.normal(0, TRAINING_SD, (case.training_sets, 3)) @ vectors.T
    tpr, fpr = TPR + OF_TPR * template + shift, FPR + OF_FPR * template + shift
    annotated = random.random(shift.shape) < np.where(truth > 0, tpr, fpr)
    return ra, dec, vectors, np.column_stack([template, second]), truth, annotated.astype(float), DIPOLE * axis


def one_sky(case: Case, n: int, seed: int) -> dict[str, float]:
    """Whether each region covers what was planted, and the share of it that is found."""
    random = np.random.default_rng(seed)
    ra, dec, vectors, templates, truth, annotated, planted = mock(case, n, random)
    mean = annotated.mean(axis=0)
    blocks, patches = correction_blocks(tile_of(ra, dec, FINE_ORDER), FINE_ORDER)
    seen = planted * (TPR - FPR)
    if case.labelled:
        known = np.where(random.random(n) < case.labelled, truth, np.nan)
        correction, seen = LabelledCorrection.of(vectors, templates, blocks, known), planted
    else:
        correction = ImagingCorrection.of(vectors, templates, blocks, patches, seed=seed)
    found = correction.corrected(mean)
    of_runs = np.array([correction.position_of(labels) for labels in annotated])
    scatter = training_covariance(of_runs)[1:, 1:]
    of_sky = found.covariance[1:4, 1:4]
    effective = found.effective_blocks
    region = dipole_region(found.position[1:], of_sky, effective, scatter, len(annotated))
    rows = {"corrected": region.covers(seen), "found": found.position[1:] @ seen / (seen @ seen)}
    low, high = vector_length(region.beta, region.covariance, region.dof).ci95
    rows["size"] = low <= np.linalg.norm(seen) <= high
    rows["se"] = float(np.sqrt(np.linalg.eigvalsh(region.covariance)[-1]))
    if not case.labelled:
        chosen = random.random(n) < 0.3
        rates = MeanRates.of(mean, np.where(chosen, truth, np.nan))
        undiluted = DipoleRegion(*rates.undiluted(region.beta, region.covariance), region.dof)
        rows["of truth"] = undiluted.covers(planted)
    # As a user has it from the map: galaxies of pixels, each with the covariance of the coefficients.
    rows |= from_map(case, found, vectors, tile_of(ra, dec, 2), scatter, seen, correction)
    naive = dipole(PositionSums.of(vectors), ValueSums.of(mean, vectors))
    rows["not corrected"] = DipoleRegion(naive.beta, naive.covariance, 1e6).covers(seen)
    alone = regressed_dipole(TemplateCrossFit.of(vectors, templates, patches, seed=seed), mean).residual_dipole
    rows["templates alone"] = DipoleRegion(alone.beta, alone.covariance, 1e6).covers(seen)
    return {name: float(value) for name, value in rows.items()}


def from_map(case, found, vectors, pixels, scatter, seen, correction) -> dict[str, float]:
    """Coverage of dipoles fitted to the map with its covariance: by galaxies as weights, and by generalised squares."""
    number, pixel, counts = np.unique(pixels, return_inverse=True, return_counts=True)

    def means(columns: NDArray) -> NDArray:
        return np.column_stack([np.bincount(pixel, column) for column in columns.T]) / counts[:, None]

    value = means(found.values[:, None])[:, 0]
    position = np.column_stack([np.ones(len(number)), means(vectors)])
    columns = means(correction.columns)
    diagonal = found.excess * found.variance / counts
    of_terms = found.covariance[4:, 4:]
    runs = position[:, 1:] @ scatter @ position[:, 1:].T
    whole = np.diag(diagonal) + columns @ of_terms @ columns.T + runs
    fit = np.linalg.solve((position * counts[:, None]).T @ position, (position * counts[:, None]).T)
    rows = {"map": DipoleRegion((fit @ value)[1:], (fit @ whole @ fit.T)[1:, 1:], 1e6).covers(seen)}
    for name, factor in (("likelihood", 1.0), ("likelihood, marginalised", 1e4)):
        # Of labelled galaxies the columns of the correction are position itself: these must stay as they are.
        if case.labelled and factor > 1:
            continue
        inverse = np.linalg.inv(np.diag(diagonal) + factor * columns @ of_terms @ columns.T + runs)
        information = position.T @ inverse @ position
        beta = np.linalg.solve(information, position.T @ inverse @ value)
        rows[name] = DipoleRegion(beta[1:], np.linalg.inv(information)[1:, 1:], 1e6).covers(seen)
    return rows


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skies", type=int, default=200)
    parser.add_argument("--galaxies", type=int, default=5000)
    parser.add_argument("--case", type=int, nargs="*", default=range(len(CASES)))
    given = parser.parse_args()
    columns = ["corrected", "size", "of truth", "map", "likelihood", "likelihood, marginalised", "not corrected"]
    columns += ["templates alone", "found", "se"]
    print("| sky | " + " | ".join(columns) + " |\n| --- |" + " --- |" * len(columns), flush=True)
    for case in (CASES[number] for number in given.case):
        skies = [one_sky(case, given.galaxies, seed) for seed in range(given.skies)]
        cells = [np.mean([sky.get(name, np.nan) for sky in skies]) for name in columns]
        shown = [f"{cell:.3f}" if np.isfinite(cell) else "" for cell in cells]
        print(f"| {case.title} | " + " | ".join(shown) + " |", flush=True)


if __name__ == "__main__":
    main()
