"""The figures, by the rule and step that draws them: the one list for rules, report, drawing steps, pages and tests.

Imports no Matplotlib, so that Snakemake can read it while it parses the rules. A new figure of an experiment is a name
here, a function in `run_figures.py`, `sky_figures.py` or `galaxy_figures.py`, and a caption, `pages/captions/NAME.rst`:
captions must be files, and the template of a caption does not learn which output of a rule it describes.
"""

from typing import NamedTuple


class FigureGroup(NamedTuple):
    """`category` of the report and `names` of the files, in the order in which they are shown."""

    category: str
    names: tuple[str, ...]


FIGURE_GROUPS = {
    "draw_runs": FigureGroup(
        "2 Does the footprint matter?",
        (
            "sigma_and_p",
            "footprint_response",
            "run_dots",
            "fraction_by_ra",
            "variance_budget",
            "error_decomposition",
            "threshold_sweep",
            "training_curves",
        ),
    ),
    "draw_sky_maps": FigureGroup(
        "3 Where on the sky?", ("difference_map", "sigma_map", "fraction_map", "unannotated_map", "seeing_map")
    ),
    "draw_galaxies": FigureGroup("5 Which galaxies?", ("gallery", "disagreement", "grey_levels")),
    "draw_footprints": FigureGroup("6 Where were networks trained?", ("footprints",)),
    "draw_shares": FigureGroup("4 Why, and what to do?", ("shares",)),
    "draw_probe": FigureGroup("4 Why, and what to do?", ("probe",)),
    "draw_remedies": FigureGroup("4 Why, and what to do?", ("remedies",)),
    "draw_calibration": FigureGroup("Calibration", ("p_uniformity", "size", "power", "recovery")),
}

# What the page of an experiment shows, in this order; galaxies and footprints are too large for it.
FIGURES_OF_PAGE = (
    *("footprint_response", "fraction_map", "run_dots", "difference_map", "fraction_by_ra", "variance_budget"),
    *("error_decomposition", "sigma_and_p", "sigma_map", "seeing_map", "unannotated_map", "threshold_sweep"),
    "training_curves",
)
# Shown after the first of these, where an experiment asks what causes its effects, and what removes them.
FIGURES_OF_CAUSES = ("shares", "probe", "remedies")
# The entries of a PNG that say what its figure states, why it shows nothing, and how much of its height the title has.
FINDING, REASON, TITLE_SHARE = "Title", "Description", "Title share"

# An audit's figures with their captions, in the order of its page; some only where there is what they show.
AUDIT_FIGURES = {
    "amplitude": "What was found, without a yes the largest that these labels leave possible, and where it is known,"
    " what these positions could have shown.",
    "fraction_map": "Fraction of the positive class, smoothed and drawn towards the mean by each cell's error; cells"
    " with few galaxies are left empty.",
    "fraction_by_ra": "Fraction by right ascension, with 95 % intervals of each bin by itself.",
    "block_sizes": "p of the dipole with blocks of sky as the unit. The size is chosen from the positions, before any"
    " label is looked at; the others show how far it matters. No p here is adjusted.",
    "score_map": "Mean score.",
    "difference_map": "Difference of the first two annotations.",
    "error_map": "Share of labels that are not the reference's.",
    "seeing_map": "Mean seeing of the galaxies that have all covariates.",
    "sigma_and_p": "Left: the sigma of a maximum over all axes follows the wider curve, not the normal one that a sigma"
    " is usually read with. Right: the p-values that follow.",
    "sigma_map": "Paper-style sigma of a cosine along every axis. A best axis near the weak direction speaks of the"
    " footprint.",
}
