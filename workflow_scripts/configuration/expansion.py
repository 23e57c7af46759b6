"""Footprints as the rules see them: families turned into members, references to other footprints replaced."""

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_scripts.configuration.sources import ConfigError, KeyPath
from workflow_scripts.configuration.validation import check_name

# Centres (ICRS degrees) of the 12 base pixels of HEALPix in nested order: Gorski et al. 2005, ApJ 622, 759, section 5.
# The polar ones are at |sin dec| = 2/3. Written out because a HEALPix package takes longer to import than a whole plan.
_POLAR = 41.810314895778596
BASE_PIXELS = (
    *((ra, _POLAR) for ra in (45.0, 135.0, 225.0, 315.0)),
    *((ra, 0.0) for ra in (0.0, 90.0, 180.0, 270.0)),
    *((ra, -_POLAR) for ra in (45.0, 135.0, 225.0, 315.0)),
)

# The family of all footprints of which only an axis is known.
_OF_AXES = "axes alone"

Member = dict[str, Any]


def expand_footprints(
    footprints: Mapping[str, Any], matchings: Mapping[str, Any]
) -> tuple[dict[str, Member], dict[str, list[str]]]:
    """Every plain footprint and every member of a family, by name; and the names of a family's members, by its name.

    Returns
    -------
    members
        name -> `{"name", "region", "matching", "family", "axis"}`: the region without references, the matching itself,
        the family as `{"name", "member", "regions"}` or None, and the axis of a hemisphere as `[ra, dec]` (ICRS
        degrees) or None. Footprints of which only an axis is known are one family; their regions are None, and so is
        a matching that is not given.
    families
        name of a family -> names of its members.

    Raises
    ------
    ConfigError
        for a reference to a footprint or matching that does not exist or to a family, for references that form a
        circle, for a footprint that has the name of a family's member, and for one without a region or an axis.
    """
    regions: dict[str, dict[str, Any] | None] = {}
    families: dict[str, list[str]] = {}
    owners: dict[str, str] = {}
    for name, entry in footprints.items():
        if ("region" in entry) == ("axis" in entry):
            found = "region and axis" if "region" in entry else "neither region nor axis"
            raise ConfigError(("footprints", name), f"has {found}, expected one of them")
        if "matching" in entry:
            check_name(("footprints", name, "matching"), entry["matching"], "matchings", matchings)
        made: dict[str, dict[str, Any] | None] = {name: entry.get("region")}
        if listed := _family_regions(entry.get("region", {})):
            made = {f"{name}_{number:02d}": region for number, region in enumerate(listed)}
            families[name] = list(made)
        for member in made:
            if other := owners.get(member):
                problem = f"makes a footprint called {member}, which footprints.{other} makes too"
                raise ConfigError(("footprints", name), problem)
            owners[member] = name
        regions |= made

    def resolved(region: Mapping[str, Any], path: KeyPath, seen: tuple[str, ...]) -> dict[str, Any]:
        """The region with those of footprints in place of their names, at any depth."""
        ((kind, value),) = region.items()
        here = (*path, kind)
        if kind in ("union", "intersection", "difference"):
            return {kind: [resolved(part, (*here, index), seen) for index, part in enumerate(value)]}
        if kind == "complement":
            return {kind: resolved(value, here, seen)}
        if kind != "footprint":
            return {kind: value}
        check_one_footprint(here, value, families)
        check_name(here, value, "footprints", regions)
        named = regions[value]
        if named is None:
            raise ConfigError(here, f"is '{value}', of which only an axis is known, expected a footprint with a region")
        if value in seen:
            circle = " -> ".join([*seen[seen.index(value) :], value])
            raise ConfigError(here, f"closes a circle of references: {circle}")
        return resolved(named, here, (*seen, value))

    of_axes = [name for name, region in regions.items() if region is None]
    expanded = {}
    for name, owner in owners.items():
        written, axis, family = regions[name], footprints[owner].get("axis"), None
        region: dict[str, Any] | None = None
        if written is None:
            family = {"name": _OF_AXES, "member": of_axes.index(name), "regions": [None] * len(of_axes)}
        else:
            region = resolved(written, ("footprints", owner, "region"), (name,))
            axis = region.get("hemisphere")
        if members := families.get(owner):
            family = {"name": owner, "member": members.index(name), "regions": [regions[other] for other in members]}
        expanded[name] = {
            "name": name,
            "region": region,
            "matching": dict(matchings[matching]) if (matching := footprints[owner].get("matching")) else None,
            "family": family,
            "axis": [axis["ra"], axis["dec"]] if axis else None,
        }
    return expanded, families


def check_one_footprint(path: KeyPath, name: str, families: Mapping[str, list[str]]) -> None:
    """Raise `ConfigError` for the name of a family where one footprint is expected."""
    if name in families:
        raise ConfigError(path, f"is the family '{name}', expected one footprint, for example {families[name][0]}")


def moc_paths(region: Any) -> Iterator[str]:
    """The paths of all MOC files in a region without references, at any depth."""
    if isinstance(region, Mapping):
        for kind, value in region.items():
            if kind == "moc":
                yield value["path"]
            else:
                yield from moc_paths(value)
    elif isinstance(region, list):
        for part in region:
            yield from moc_paths(part)


def _family_regions(region: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The regions of a family's members; none where the region is that of one footprint."""
    if "rotating" in region:
        return [{"hemisphere": {"ra": ra, "dec": dec}} for ra, dec in BASE_PIXELS]
    if "random_sky" in region:
        shared = {key: region["random_sky"][key] for key in ("seed", "area_fraction", "nside")}
        return [{"random_sky": {**shared, "member": number}} for number in range(region["random_sky"]["count"])]
    return []
