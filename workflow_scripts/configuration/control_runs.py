"""The controls of an experiment as footprints, networks and runs that follow from its own.

A control is an experiment of its own: it has arms and opposite pairs, and its footprints and networks are entries like
any others, under names that hold all that can change them. So no rule but the one that measures knows of controls.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from workflow_scripts.configuration.sources import ConfigError, KeyPath
from workflow_scripts.configuration.validation import check_name

PLACEBO, SHUFFLED_SKY, DOSE = "placebo", "shuffled_sky", "dose"
# Of the other footprints that a placebo's name lists; it is the name of a folder.
_LONGEST_NAME = 100

Entry = dict[str, Any]
Groups = dict[str, tuple[str, ...]]


def controls_of(
    name: str, experiment: Mapping[str, Any], footprints: dict[str, Entry], networks: dict[str, Entry]
) -> dict[str, Entry]:
    """The controls that an experiment switches on; what they need is added to `footprints` and `networks`.

    Parameters
    ----------
    name
        of the experiment, for messages.
    experiment
        a valid entry, the arms of which list members in place of families.
    footprints
        all footprints, as `expand_footprints` gives them. That of a placebo has the region of all that take part, and
        the `family` or the `turns` in which they share its galaxies out; that of a shuffled sky its seed, `shuffled`.
    networks
        all networks. One whose training images are blurred has `blur_fwhm_arcsec`.

    Returns
    -------
    dict
        by kind, `{"arms", "opposite"}` as experiments have them, and of the dose `doses`, the blur (arcsec) by network,
        and `undosed`, the network without blur by network.

    Raises
    ------
    ConfigError
        for a control that the runs of the experiment do not allow.
    """
    wanted, path = experiment["controls"], ("experiments", name, "controls")
    seed = wanted["seed"]
    found = {}
    if wanted[PLACEBO]:
        groups = _exchanged(experiment, footprints, (*path, PLACEBO))
        made = _placebos(groups, footprints, seed, (*path, PLACEBO))
        found[PLACEBO] = _replaced(experiment, added_entries(made, footprints, "footprints", (*path, PLACEBO)))
    if wanted[SHUFFLED_SKY]:
        compared = _exchanged(experiment, footprints, (*path, SHUFFLED_SKY))
        made = {footprint: _on_shuffled_sky(footprints[footprint], seed) for footprint in compared}
        found[SHUFFLED_SKY] = _replaced(
            experiment, added_entries(made, footprints, "footprints", (*path, SHUFFLED_SKY))
        )
    if wanted[DOSE]:
        found[DOSE] = _dosed(experiment, networks, (*path, DOSE))
    for kind, control in found.items():
        for network in (network for arm in control["arms"].values() for network in arm["networks"]):
            if networks[network].get("mode") == "annotate":
                raise ConfigError((*path, kind), f"would train the network '{network}', which is finished")
    return found


def _exchanged(experiment: Mapping[str, Any], footprints: Mapping[str, Entry], path: KeyPath) -> Groups:
    """The footprints that the tests compare, each with all those with which its galaxies may be exchanged, sorted.

    Those are the members of its family, or the footprints that pairs connect it with.
    """
    used = dict.fromkeys(footprint for arm in experiment["arms"].values() for footprint in arm["footprints"])
    in_pairs = {footprint for pair in experiment["opposite"] for footprint in pair}
    families: dict[str, list[str]] = {}
    for footprint, entry in footprints.items():
        if entry["family"]:
            families.setdefault(entry["family"]["name"], []).append(footprint)
    groups: Groups = {}
    for footprint in used:
        family = footprints[footprint]["family"]
        if family and (footprint in in_pairs or footprints[footprint]["axis"]):
            groups[footprint] = tuple(families[family["name"]])
        elif footprint in in_pairs:
            groups[footprint] = (footprint,)
    for first, second in experiment["opposite"]:
        alone = [footprints[footprint]["family"] is None for footprint in (first, second)]
        if alone == [True, True]:
            joined = tuple(sorted({*groups[first], *groups[second]}))
            groups |= dict.fromkeys(joined, joined)
        elif any(alone) or groups[first] != groups[second]:
            problem = f"cannot exchange the galaxies of {first} and {second}, of which one or both are in a family"
            raise ConfigError(path, problem)
    if not groups:
        raise ConfigError(path, "is on, expected footprints in `opposite` pairs or of a rotating family in an arm")
    return groups


def _placebos(groups: Groups, footprints: Mapping[str, Entry], seed: int, path: KeyPath) -> dict[str, Entry]:
    """The placebo of each footprint: its matching, axis and place among the others, and galaxies of all of them."""
    made = {}
    for footprint, group in groups.items():
        entry = footprints[footprint]
        if other := next((one for one in group if footprints[one]["matching"] != entry["matching"]), None):
            problem = f"would exchange galaxies of {footprint} and {other}, expected footprints with one matching"
            raise ConfigError(path, problem)
        regions = [footprints[one]["region"] for one in group]
        # The hemispheres of a rotating family cover the sky.
        everywhere = {"whole_sky": True} if entry["family"] and entry["axis"] else {"union": regions}
        if entry["family"]:
            family = entry["family"]
            shared = {**family, "name": f"{family['name']}_placebo{seed}", "regions": [everywhere] * len(group)}
            made[footprint] = {**entry, "name": f"{footprint}_placebo{seed}", "region": everywhere, "family": shared}
        else:
            others = "_".join(one for one in group if one != footprint)
            if len(others) > _LONGEST_NAME:
                others = hashlib.sha256(others.encode()).hexdigest()[:12]
            turns = {"name": f"{'_'.join(group)}_placebo{seed}", "member": group.index(footprint), "of": len(group)}
            placebo = f"{footprint}_placebo{seed}_with_{others}"
            made[footprint] = {**entry, "name": placebo, "region": everywhere, "turns": turns}
    return made


def _on_shuffled_sky(entry: Entry, seed: int) -> Entry:
    """A footprint cut from a sky on which the galaxies have changed places."""
    family = entry["family"] and {**entry["family"], "name": f"{entry['family']['name']}_shuffled{seed}"}
    return {**entry, "name": f"{entry['name']}_shuffled{seed}", "family": family, "shuffled": seed}


def _dosed(experiment: Mapping[str, Any], networks: dict[str, Entry], path: KeyPath) -> Entry:
    """The runs of one footprint, and the same with every blur of its training images."""
    wanted = experiment["controls"][DOSE]
    arms = {name: arm for name, arm in experiment["arms"].items() if wanted["footprint"] in arm["footprints"]}
    used = [footprint for arm in experiment["arms"].values() for footprint in arm["footprints"]]
    check_name((*path, "footprint"), wanted["footprint"], "the arms of the experiment", dict.fromkeys(used))
    doses: dict[str, float] = {}
    undosed: dict[str, str] = {}
    for network in dict.fromkeys(network for arm in arms.values() for network in arm["networks"]):
        doses[network], undosed[network] = 0.0, network
        for dose in sorted(wanted["blur_fwhm_arcsec"]):
            blurred = f"{network}_blur{str(dose).removesuffix('.0').replace('.', 'p')}"
            entry = {**networks[network], "blur_fwhm_arcsec": dose}
            added_entries({network: {**entry, "name": blurred}}, networks, "networks", path)
            doses[blurred], undosed[blurred] = dose, network
    dosed = {
        name: {
            **arm,
            "footprints": [wanted["footprint"]],
            "networks": [network for network, base in undosed.items() if base in arm["networks"]],
        }
        for name, arm in arms.items()
    }
    return {"arms": dosed, "opposite": [], "doses": doses, "undosed": undosed}


def added_entries(made: Mapping[str, Entry], entries: dict[str, Entry], registry: str, path: KeyPath) -> dict[str, str]:
    """Add entries under their own names, which other experiments may have added before; new names by old ones.

    Raises `ConfigError` for a name that another entry has.
    """
    for entry in made.values():
        name = entry["name"]
        kept = entry if registry == "footprints" else {key: value for key, value in entry.items() if key != "name"}
        if entries.setdefault(name, kept) != kept:
            raise ConfigError(path, f"makes {registry}.{name}, a name that is taken; expected another for that entry")
    return {old: entry["name"] for old, entry in made.items()}


def _replaced(experiment: Mapping[str, Any], names: Mapping[str, str]) -> Entry:
    """Arms and pairs of an experiment with other footprints in place of its own; those without are left out."""
    arms = {
        arm: {**entry, "footprints": [names[one] for one in entry["footprints"] if one in names]}
        for arm, entry in experiment["arms"].items()
        if any(one in names for one in entry["footprints"])
    }
    return {"arms": arms, "opposite": [[names[one] for one in pair] for pair in experiment["opposite"]]}
