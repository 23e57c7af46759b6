"""What of the configuration decides whether an experiment can be answered."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # The configuration itself imports this module.
    from workflow_scripts.configuration.settings import Configuration

# What is read before anything is trained, and changes no number.
DESIGN_KEYS = ("allow_unanswerable",)
_OF_EXPERIMENT = ("name", "classes", "arms", "opposite", "allow_unanswerable")
_OF_TESTS = ("alpha", "permutations", "primary", "effect")


def design_of(experiment: Mapping[str, Any], footprint: Callable[[str], Mapping[str, Any]]) -> dict[str, Any]:
    """The runs of an experiment (`Configuration.experiment`), what they train on, and the tests that decide.

    `footprint` gives an expanded footprint by its name. `footprints` have `axis`, `matching` (None where annotations
    are given), `family` (`{"name", "member"}` or None) and `region`, which is None for members of families: `families`
    have the regions of all members, used or not, because these share the galaxies. `controls` are those switched on:
    the dose as `controls_of` gives it, and nothing of the others, which repeat the tests of the experiment. `drawn` are
    further footprints that remedies draw training sets from, each for one `own` of the experiment; absent for none.
    `correction` has the method that is wanted and what it may use; absent where none is asked for.
    """
    footprints, families = {}, {}
    drawn: dict[str, Any] = {}
    for name in experiment["footprints"]:
        found = footprint(name)
        family = found["family"]
        if family:
            families[family["name"]] = family["regions"]
        for further in _of_remedies(experiment, name):
            entry = footprint(further)
            if shared := entry["family"]:
                families[shared["name"]] = shared["regions"]
            kept = {key: entry[key] for key in ("stratum", "stratified", "turns") if key in entry}
            drawn[further] = {
                "own": name,
                "matching": entry["matching"],
                "family": shared and {key: shared[key] for key in ("name", "member")},
                "region": None if shared else entry["region"],
                **kept,
            }
        footprints[name] = {
            "axis": found["axis"],
            "matching": None if experiment["annotations"] else found["matching"],
            "family": family and {key: family[key] for key in ("name", "member")},
            "region": None if family else found["region"],
        }
    kept = {key: experiment[key] for key in (*_OF_EXPERIMENT, "one_class") if key in experiment}
    tests = {key: experiment["tests"][key] for key in _OF_TESTS}
    controls = {kind: control if "doses" in control else {} for kind, control in experiment["controls"].items()}
    design = {**kept, "tests": tests, "footprints": footprints, "families": families, "controls": controls}
    if drawn:
        design["drawn"] = drawn
    if correction := experiment["correction"]:
        own = {key: experiment["tests"][key] for key in ("templates", "labelled_at_random")}
        design["correction"] = {"wanted": correction["method"], **own}
    return design


def _of_remedies(experiment: Mapping[str, Any], name: str) -> list[str]:
    """The footprints that remedies of an experiment draw from in place of one of its own, each once."""
    found = [remedy["footprints"][name] for remedy in experiment["remedies"]]
    found += [both for remedy in experiment["remedies"] for both in remedy.get("strata", {}).get(name, [])]
    return [one for one in dict.fromkeys(found) if one != name]


def galaxies_of_experiment(settings: "Configuration", experiment: str) -> dict[str, list[str]]:
    """The footprints of an experiment by the file of galaxies that their training sets are drawn from, if any are."""
    entry = settings.experiment(experiment)
    survey = entry["survey"]
    files: dict[str, list[str]] = {}
    own = dict.fromkeys(run.footprint for run in settings.runs(experiment) if survey)
    for name in (*own, *(further for one in own for further in _of_remedies(entry, one))):
        files.setdefault(settings.galaxies_file(survey, name), []).append(name)
    return files


def mocs_of_experiment(settings: "Configuration", experiment: str) -> list[str]:
    """The MOC files of the user's that the footprints of an experiment are made of."""
    footprints = dict.fromkeys(run.footprint for run in settings.runs(experiment))
    return list(dict.fromkeys(path for name in footprints for path in settings.moc_files(name)))


def mapped_footprints(settings: "Configuration", experiment: str) -> list[str]:
    """The footprints of an experiment of which the region is known, and not an axis alone."""
    used = dict.fromkeys(run.footprint for run in settings.runs(experiment))
    return [name for name in used if settings.footprint(name)["region"] is not None]


def outlined_footprints(settings: "Configuration", experiment: str) -> list[str]:
    """The first pair of opposite footprints of an experiment, where their regions are known: what maps outline."""
    mapped = mapped_footprints(settings, experiment)
    return [name for pair in settings.experiment(experiment)["opposite"][:1] for name in pair if name in mapped]
