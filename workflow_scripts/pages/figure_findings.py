"""What the figures of an experiment show, as a sentence: their title on a page, and their text for a screen reader."""

from collections.abc import Mapping
from typing import Any

from workflow_scripts.answers.wording import points_in_words

# What these show is an answer, whose sentence stands on its card.
FINDINGS_OF_ANSWERS = ("footprint_response", "run_dots", "shares", "remedies")
_SCATTER = {
    "seed_sd": "between seeds on one training set",
    "sample_sd": "between training sets",
    "footprint_sd": "between footprints",
}


def scatter_in_words(entry: Mapping[str, Any]) -> str:
    """Standard deviations of the fraction that an entry of `variance_budget` knows; empty where it knows none."""
    known = [(entry[name], words) for name, words in _SCATTER.items() if entry.get(name) is not None]
    parts = [f"{points_in_words(sd)} {words}" for sd, words in known]
    if parts:
        parts[0] = parts[0].replace(" between", " percentage points between", 1)
    return ", ".join(parts)


def figure_findings(summary: Mapping[str, Any]) -> dict[str, str]:
    """A sentence by the name of a figure; figures whose finding is not one of the answers have none."""
    statements = {one["test"].split()[0]: f"{one['statement'].rstrip('.')}." for one in reversed(summary["answers"])}
    found: dict[str, str] = {}
    responses = [statements[name] for name in ("fraction_response", "pattern_response") if name in statements]
    found["footprint_response"] = " ".join(responses)
    found["run_dots"] = statements.get("fraction_contrast", "")
    paper = summary["paper_style"]
    if "median_max_sigma" in paper:
        found["sigma_and_p"] = (
            f"Paper-style sigma of single networks is {paper['median_max_sigma']:.1f} in the median, of which their mix"
            f" of labels makes {paper['median_sigma_without_dipole']:.1f} without any dipole."
        )
    for entry in summary["variance_budget"][:1]:
        found["variance_budget"] = f"The annotated fraction scatters by {scatter_in_words(entry)}."
    shares = [one["statement"] for one in summary["answers"] if one["test"].startswith("share")]
    found["shares"] = f"{shares[0].rstrip('.')}." if shares else ""
    found["probe"] = statements.get("place_of_pixels") or statements.get("place_of_features", "")
    found["remedies"] = statements.get("cheapest_remedy", "")
    return {name: sentence for name, sentence in found.items() if sentence}
