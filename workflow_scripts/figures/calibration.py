"""Figures of the calibration: p-values without a signal, sizes, power, and amplitudes put in and recovered."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workflow_scripts.calibration_mocks.battery import CLAIMS
from workflow_scripts.calibration_mocks.calibration_table import ACCEPTED_SIZE, NULL_SKIES
from workflow_scripts.calibration_mocks.claims import size_band
from workflow_scripts.calibration_mocks.mock_skies import MASKS
from workflow_scripts.figures.style import DOUBLE, MARKERS, new_figure, state

# Those that a reader compares first.
SHOWN = (
    "dipole score, chi2",
    "block dipole, F",
    "sky GLM with templates, dipole LR given quadrupole",
    "difference-map dipole, chi2",
    "paper-style sigma as a Gaussian",
    "paper-style sigma, chi with 3 dof",
)


def p_uniformity(p_values: Mapping[tuple[str, str], pd.DataFrame], settings: Mapping[str, Any]) -> Figure:
    """Share of p up to a value less that value, on isotropic (S0) and clustered (S4) skies of every mask.

    `p_values` by (mask, variant): columns `test` and `p`. The band holds 95 % of the curves of uniform p, at each p.
    """
    kinds = {"isotropic": "isotropic", "clustered over 3 degrees": "clustered over 3°"}
    masks = [mask for mask in MASKS if all((mask, kind) in p_values for kind in kinds)]
    figure, axes = new_figure(DOUBLE, 4.6, nrows=2, ncols=len(masks), squeeze=False, sharex=True, sharey="row")
    grid = np.linspace(0, 1, 201)
    rejected: list[float] = []
    for row, (kind, label) in enumerate(kinds.items()):
        for panel, mask in zip(axes[row], masks, strict=True):
            found = p_values[mask, kind]
            for number, test in enumerate(SHOWN):
                p = np.sort(found.loc[found["test"] == test, "p"].to_numpy())
                share = np.searchsorted(p, grid, side="right") / len(p)
                panel.plot(grid, share - grid, linewidth=1.1, label=test, **_line(number, settings))
                if test == SHOWN[0] and not row:
                    rejected.append(float(share[np.searchsorted(grid, 0.05)]))
            half = 1.96 * np.sqrt(grid * (1 - grid) / len(p))
            panel.fill_between(grid, -half, half, color="0.85", zorder=0)
            panel.set(title="" if row else MASKS[mask].title, xlabel="p" if row else "")
        axes[row][0].set_ylabel(f"{label}:\nshare of p below − p")
        axes[row][0].set_ylim(-max(0.08, 1.1 * half.max()), 1.0)
    if rejected:
        state(figure, f"Without a signal, {SHOWN[0]} has p below 0.05 in {_range_of(rejected)} of isotropic skies")
    _legend_below(figure, axes[0][0])
    return figure


def sizes(table: pd.DataFrame, settings: Mapping[str, Any]) -> Figure:
    """Share rejected at 5 % of every test on skies where there is nothing to find: claimed ones filled."""
    cells = table[(table["unit"] == "galaxy") & table["null_holds"].astype(bool) & table["rejected_05"].notna()]
    cells = cells[cells["variant"].isin(NULL_SKIES)]
    tests = [test for test in CLAIMS if (cells["test"] == test).any()]
    masks = [mask for mask in MASKS if (cells["mask"] == mask).any()]
    figure, axes = _panels(masks, 5.6, "rejected at 5 %")
    low, high = size_band(int(cells["mocks"].min()), 0.05)
    for panel, mask in zip(axes, masks, strict=True):
        panel.axvspan(low, high, color="0.85", zorder=0, label="99.9 % of valid tests")
        for edge, label in zip(ACCEPTED_SIZE, ("accepted: {} to {}".format(*ACCEPTED_SIZE), None), strict=True):
            panel.axvline(edge, color="0.4", linewidth=0.6, linestyle=":", label=label)
        for number, (variant, label) in enumerate(NULL_SKIES.items()):
            part = cells[(cells["mask"] == mask) & (cells["variant"] == variant)]
            colour = settings["colours"][number % len(settings["colours"])]
            rows = np.array([tests.index(test) for test in part["test"]]) + 0.14 * (number - 2)
            claimed = part["claimed_valid"].to_numpy(bool)
            size = np.maximum(part["rejected_05"].to_numpy(), 2e-3)
            style = {"linestyle": "none", "marker": MARKERS[number], "markersize": 3.2, "color": colour}
            panel.plot(size[claimed], rows[claimed], label=label, **style)
            panel.plot(size[~claimed], rows[~claimed], **style, markerfacecolor="none", markeredgewidth=0.7)
        panel.set_xscale("log")
        panel.set(ylim=(len(tests) - 0.5, -0.5), xlim=(1.5e-3, 1.4))
        panel.set_yticks(range(len(tests)), tests, fontsize=6)
        panel.grid(axis="y", linewidth=0.3, color="0.88")
    claimed = cells[cells["claimed_valid"].astype(bool)]["rejected_05"]
    kept = int(claimed.between(*ACCEPTED_SIZE).sum())
    state(figure, f"Where a test claims its level, {kept} of {len(claimed)} sizes lie within {_ends(ACCEPTED_SIZE)}")
    _legend_below(figure, axes[0], "filled: the test claims its level there; open: it does not")
    return figure


def power(table: pd.DataFrame, settings: Mapping[str, Any]) -> Figure:
    """Share rejected at 5 % by the dipole put in (that of one network less the other for the difference map)."""
    cells = table[table["step"].isin(["S0_binomial", "S1_dipole"])]
    masks = [mask for mask in MASKS if (cells["mask"] == mask).any()]
    figure, axes = _panels(masks, 3.0, "dipole D put in")
    for panel, mask in zip(axes, masks, strict=True):
        for number, test in enumerate(SHOWN):
            part = cells[(cells["mask"] == mask) & (cells["test"] == test)].sort_values("dipole")
            style = {"marker": MARKERS[number % len(MARKERS)], "markersize": 3, "linewidth": 1}
            panel.plot(np.arange(len(part)), part["rejected_05"], label=test, **style, **_line(number, settings))
            panel.set_xticks(range(len(part)), [f"{value:g}" for value in part["dipole"]], fontsize=6)
        panel.axhline(0.05, color="0.4", linewidth=0.6, linestyle=":")
        panel.set_ylim(0, 1.04)
    axes[0].set_ylabel("rejected at 5 %")
    largest = cells[(cells["test"] == SHOWN[0]) & (cells["dipole"] == cells["dipole"].max())]
    if len(largest):
        found = _range_of(largest["rejected_05"])
        state(figure, f"A dipole of {cells['dipole'].max():g} is found by {SHOWN[0]} in {found} of skies")
    _legend_below(figure, axes[0])
    return figure


def recovery(estimates: Mapping[tuple[str, float], pd.DataFrame], settings: Mapping[str, Any]) -> Figure:
    """Dipole recovered along the true axis, and debiased amplitude, against the dipole put in.

    `estimates` by (mask, D): columns `test`, `along` and `length` of the findings (estimate less truth).
    """
    masks = [mask for mask in MASKS if any(key[0] == mask for key in estimates)]
    figure, axes = _panels(masks, 2.6, "dipole D put in")
    biases: list[float] = []
    for panel, mask in zip(axes, masks, strict=True):
        injected = sorted(dipole for found, dipole in estimates if found == mask)
        # Evenly spaced, because the dipoles are spread over more than a decade.
        places = np.arange(len(injected))
        panel.plot(places, injected, color="0.3", linewidth=0.8, linestyle="--", label="put in")
        for number, (test, column, label) in enumerate(
            (
                ("dipole score, chi2", "along", "along the true axis"),
                ("amplitude, debiased", "length", "debiased amplitude"),
            )
        ):
            cells = [estimates[mask, dipole] for dipole in injected]
            off = [cell.loc[cell["test"] == test, column].to_numpy() for cell in cells]
            middle = np.array([values.mean() for values in off]) + injected
            spread = np.array([values.std() for values in off])
            biases += [float(values.mean()) for values in off] if column == "along" else []
            style = {"color": settings["colours"][number], "marker": MARKERS[number], "markersize": 3.5}
            panel.errorbar(
                places + 0.2 * number - 0.1, middle, spread, linestyle="none", capsize=2, label=label, **style
            )
        panel.set_xticks(places, [f"{dipole:g}" for dipole in injected], fontsize=5.5)
    axes[0].set_ylabel("dipole recovered\n(mean and scatter)")
    if biases:
        state(
            figure,
            f"Along the true axis, the mean dipole recovered is within {max(map(abs, biases)):.2g} of that put in",
        )
    _legend_below(figure, axes[0])
    return figure


def _panels(masks: Iterable[str], height: float, label: str) -> tuple[Figure, NDArray]:
    """A row of panels with common axes, one a mask; `label` of the horizontal ones."""
    titles = [MASKS[mask].title for mask in masks]
    figure, axes = new_figure(DOUBLE, height, ncols=len(titles), squeeze=False, sharex=True, sharey=True)
    for panel, title in zip(axes[0], titles, strict=True):
        panel.set(title=title, xlabel=label)
    return figure, axes[0]


def _range_of(shares: Iterable[float]) -> str:
    """The smallest and largest share in per cent."""
    low, high = min(shares), max(shares)
    return f"{low:.1%}" if f"{low:.1%}" == f"{high:.1%}" else f"{low:.1%} to {high:.1%}"


def _ends(interval: tuple[float, float]) -> str:
    return "{:g} to {:g}".format(*interval)


def _line(number: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Colour by test; what nothing is claimed of is dashed."""
    dashed = SHOWN[number].startswith("paper")
    return {"color": settings["colours"][number % len(settings["colours"])], "linestyle": "--" if dashed else "-"}


def _legend_below(figure: Figure, axes: Any, title: str | None = None) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, title=title, title_fontsize=7)
