"""What an experiment's probes found: AUC by what networks were shown, R^2 of the position, with run-level errors."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.causes.covariate_probe import covariate_scores, imaging_columns
from workflow_scripts.causes.probe_runs import ProbeRun
from workflow_scripts.errors import InputError
from workflow_scripts.images.pixel_controls import WHOLE
from workflow_scripts.networks.galaxies_of_runs import training_sides
from workflow_scripts.statistics.place_auc import NO_INFORMATION, place_auc
from workflow_scripts.statistics.runs.shared_galaxies import NetworksMean, mean_of_networks
from workflow_scripts.statistics.sky.position_probe import share_as_large
from workflow_scripts.statistics.sky.sky_blocks import blocks_of
from workflow_scripts.tables import read_table

COVARIATES = "covariates"


@dataclass(frozen=True)
class PixelFindings:
    """What networks of one kind tell apart: `aucs` by what they were shown, `pairs` of the whole images by pair.

    `less` is, by what was shown instead, by how much the AUC of whole images is larger; both lack what no network gives
    different scores for. `without_covariates` says why the covariates are not among them, empty where they are.
    """

    network: str
    aucs: Mapping[str, NetworksMean]
    less: Mapping[str, NetworksMean]
    pairs: Mapping[str, NetworksMean]
    without_covariates: str
    n_galaxies: int

    def as_dict(self) -> dict[str, Any]:
        """For summary.json."""
        kinds = {"auc": self.aucs, "whole_minus": self.less, "auc_by_pair": self.pairs}
        found = {what: {name: asdict(one) for name, one in by_name.items()} for what, by_name in kinds.items()}
        return {
            "network": self.network,
            "n": self.n_galaxies,
            "without_covariates": self.without_covariates or None,
            **found,
        }


@dataclass(frozen=True)
class FeatureFindings:
    """R^2 of the position from the features of networks of one kind: `mean`, and `p` from exchanged blocks of sky.

    The same exchanges for all networks, so that `null_mean`, `null95` (where 95 % of them lie) and `p` are those of the
    mean. `p_smallest` is the least p that so many exchanges can give.
    """

    network: str
    mean: NetworksMean
    null_mean: float
    null95: tuple[float, float]
    p: float
    p_smallest: float
    n_galaxies: int

    @property
    def excess(self) -> float:
        """R^2 above that of exchanged blocks, which is below 0 by what coefficients of noise cost."""
        return self.mean.estimate - self.null_mean

    @property
    def excess_ci95(self) -> tuple[float, float]:
        """The 95 % interval of `excess`."""
        low, high = self.mean.ci95
        return low - self.null_mean, high - self.null_mean

    @property
    def limit95(self) -> float:
        """The largest `excess` that is compatible with the data (one-sided, 95 %)."""
        return self.mean.limit95

    def as_dict(self) -> dict[str, Any]:
        """For summary.json."""
        return {**{key: value for key, value in vars(self).items() if key != "mean"}, "r2": asdict(self.mean)}


def pixel_findings(
    runs: Sequence[ProbeRun],
    kinds: Sequence[str],
    scores: str,
    training_sets: str,
    catalog: str | Path,
    columns: Sequence[str],
) -> tuple[list[PixelFindings], list[str]]:
    """What the networks of each kind tell apart, and the files of scores that this rests on.

    Parameters
    ----------
    runs
        the networks, as `probe_runs.pixel_runs` lists them.
    kinds
        what they were shown, `whole` among it.
    scores, training_sets
        patterns of the files of a run: with the names of `ProbeRun` and `{pixels}`, and with those of a training set.
    catalog, columns
        and its imaging columns, those that it has.

    Raises
    ------
    ValueError
        as `place_auc` and `mean_of_networks`, and where there are too few blocks of sky.
    """
    files = {(run, kind): scores.format(**vars(run), pixels=kind) for run in runs for kind in kinds}
    tables = {key: _labelled(read_table(path)) for key, path in files.items()}
    positions = pd.concat([one[["source_id", "ra", "dec"]] for one in tables.values()]).drop_duplicates("source_id")
    blocks = pd.Series(blocks_of(positions["ra"], positions["dec"]), positions["source_id"].to_numpy())
    numbers = pd.Series(np.unique(blocks, return_inverse=True)[1], blocks.index)
    try:
        covariates, reason = imaging_columns(catalog, columns), ""
    except ValueError as error:
        covariates, reason = None, str(error)
    found = []
    for network in dict.fromkeys(run.network for run in runs):
        own = [run for run in runs if run.network == network]
        by_kind = {kind: [_scored(tables[run, kind], numbers) for run in own] for kind in kinds}
        if covariates is not None:
            by_kind[COVARIATES] = _of_covariates(own, tables, covariates, training_sets, numbers)
        found.append(_findings(own, by_kind, reason, len(numbers)))
    return found, list(files.values())


Scored = tuple[float, NDArray[np.float64]]


def _labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Galaxies whose class is known: of the others, one class may be more frequent on one side. All where none is."""
    known = table["label"] >= 0
    return table[known] if known.any() else table


def _scored(table: pd.DataFrame, blocks: pd.Series, scores: NDArray | None = None) -> Scored:
    """AUC of a network, and the influence of each block of sky."""
    given = table["score"].to_numpy() if scores is None else scores
    found = place_auc(given, table["side"].to_numpy() == 1, table["label"].to_numpy())
    numbers = blocks[table["source_id"]].to_numpy()
    return found.value, np.asarray(np.bincount(numbers, found.influence, int(blocks.max()) + 1), np.float64)


def _of_covariates(
    runs: Sequence[ProbeRun],
    tables: Mapping[tuple[ProbeRun, str], pd.DataFrame],
    covariates: pd.DataFrame,
    training_sets: str,
    blocks: pd.Series,
) -> list[Scored]:
    """The same training sets and held-out galaxies; seeds play no part."""
    made: dict[tuple[str, str, int], Scored] = {}
    for run in runs:
        key = (run.footprint, run.other, run.resample)
        if key not in made:
            sets = (training_sets.format(footprint=name, resample=run.resample) for name in key[:2])
            ids, sides = training_sides(*sets)
            table = tables[run, WHOLE]
            made[key] = _scored(table, blocks, covariate_scores(covariates, ids, sides, table["source_id"].to_numpy()))
    return [made[run.footprint, run.other, run.resample] for run in runs]


def _findings(
    runs: Sequence[ProbeRun], by_kind: Mapping[str, list[Scored]], reason: str, n_galaxies: int
) -> PixelFindings:
    groups, sets = [run.pair for run in runs], [f"{run.pair}, {run.resample}" for run in runs]
    values = {kind: np.array([value for value, _ in found]) for kind, found in by_kind.items()}
    influences = {kind: np.array([influence for _, influence in found]) for kind, found in by_kind.items()}
    # Networks that give all galaxies one score show nothing, and have no error.
    values = {kind: one for kind, one in values.items() if kind == WHOLE or influences[kind].any()}
    aucs = {kind: mean_of_networks(values[kind], influences[kind], groups, sets, NO_INFORMATION) for kind in values}
    less = {
        kind: mean_of_networks(values[WHOLE] - values[kind], influences[WHOLE] - influences[kind], groups, sets, 0.0)
        for kind in values
        if kind != WHOLE
    }
    pairs = {}
    for pair in dict.fromkeys(groups):
        here = np.flatnonzero(np.array(groups) == pair)
        of_pair = (values[WHOLE][here], influences[WHOLE][here], [0] * len(here), [sets[number] for number in here])
        pairs[pair] = mean_of_networks(*of_pair, NO_INFORMATION)
    return PixelFindings(runs[0].network, aucs, less, pairs, reason, n_galaxies)


def feature_findings(runs: Sequence[Mapping[str, Any]], files: Sequence[str]) -> list[FeatureFindings]:
    """R^2 of the position by network, the mean over footprints, training sets and seeds.

    `runs` as `listed_runs` gives them, `files` the `position.json` of each. Raises `InputError` for networks that were
    probed on different galaxies, and `ValueError` as `mean_of_networks`.
    """
    probed = [json.loads(Path(path).read_text(encoding="utf-8")) for path in files]
    shapes = [(one["n"], one["n_blocks"], len(one["null"])) for one in probed]
    if len(set(shapes)) > 1:
        other = files[next(number for number, shape in enumerate(shapes) if shape != shapes[0])]
        raise InputError(f"{other}: probed on other galaxies than {files[0]}, expected the same for all networks")
    found = []
    for network in dict.fromkeys(run["network"] for run in runs):
        own = [(run, one) for run, one in zip(runs, probed, strict=True) if run["network"] == network]
        r2, influences = [one["r2"] for _, one in own], [one["influence"] for _, one in own]
        groups = [run["footprint"] for run, _ in own]
        # The same weights as those of the mean.
        null = pd.DataFrame([one["null"] for _, one in own])
        null = null.groupby([groups, [run["resample"] for run, _ in own]]).mean().groupby(level=0).mean()
        null_mean = null.mean().to_numpy()
        sets = [f"{run['footprint']}, {run['resample']}" for run, _ in own]
        mean = mean_of_networks(r2, influences, groups, sets, float(null_mean.mean()))
        found.append(
            FeatureFindings(
                network,
                mean,
                float(null_mean.mean()),
                tuple(np.quantile(null_mean, (0.025, 0.975)).tolist()),
                share_as_large(mean.estimate, null_mean),
                1 / (len(null_mean) + 1),
                own[0][1]["n"],
            )
        )
    return found
