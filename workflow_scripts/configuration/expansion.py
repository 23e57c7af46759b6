"""Footprints as the rules see them: families turned into members, references to other footprints replaced."""

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_scripts.configuration.sources import ConfigError, KeyPath
from workflow_scripts.configuration.validation import suggestion

# Centres (ICRS degrees) of the 12 base pixels of HEALPix in nested order: Gorski et al. 2005, ApJ 622, 759, section 5.
# The polar ones are at |sin dec| = 2/3. Written out because a HEALPix package takes longer to import than a whole plan.
_POLAR = 41.810314895778596
BASE_PIXELS = (
    *((ra, _POLAR) for ra in (45.0, 135.0, 225.0, 315.0)),
    *((ra, 0.0) for ra in (0.0, 90.0, 180.0, 270.0)),
    *((ra, -_POLAR) for ra in (45.0, 135.0, 225.0, 315.0)),
)

Member = dict[str, Any]


def expand_footprints(footprints: Mapping[str, Any], matchings: Mapping[str, Any]) -> dict[str, Member]:
    """Every plain footprint and every member of a family, by name.

    Returns
    -------
    dict
        name -> `{"name", "region", "matching", "family", "axis"}`: the region without references, the matching itself,
        the family as `{"name", "member", "regions"}` or None, and the axis of a hemisphere as `[ra, dec]` (ICRS
        degrees) or None.

    Raises
    ------
    ConfigError
        for a reference to a footprint or matching that does not exist or to a family, for references that form a
        circle, and for a footprint that has the name of a family's member.
    """
    regions: dict[str, dict[str, Any]] = {}
    families: dict[str, dict[str, Any]] = {}
    owners: dict[str, str] = {}
    for name, entry in footprints.items():
        if (matching := entry["matching"]) not in matchings:
            known = suggestion(matching, matchings)
            raise ConfigError(("footprints", name, "matching"), f"is '{matching}', which is not in matchings{known}")
        listed = _family_regions(entry["region"])
        members = {f"{name}_{number:02d}": region for number, region in enumerate(listed)}
        families |= {
            member: {"name": name, "member": number, "regions": listed} for number, member in enumerate(members)
        }
        for member, region in (members or {name: entry["region"]}).items():
            if other := owners.get(member):
                problem = f"makes a footprint called {member}, which footprints.{other} makes too"
                raise ConfigError(("footprints", name), problem)
            owners[member] = name
            regions[member] = region

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
        if any(value == family["name"] for family in families.values()):
            raise ConfigError(here, f"is the family '{value}', expected one footprint, for example {value}_00")
        if value not in regions:
            raise ConfigError(here, f"is '{value}', which is not in footprints{suggestion(value, regions)}")
        if value in seen:
            circle = " -> ".join([*seen[seen.index(value) :], value])
            raise ConfigError(here, f"closes a circle of references: {circle}")
        return resolved(regions[value], here, (*seen, value))

    expanded = {}
    for name, owner in owners.items():
        region = resolved(regions[name], ("footprints", owner, "region"), (name,))
        axis = region.get("hemisphere")
        expanded[name] = {
            "name": name,
            "region": region,
            "matching": dict(matchings[footprints[owner]["matching"]]),
            "family": families.get(name),
            "axis": [axis["ra"], axis["dec"]] if axis else None,
        }
    return expanded


def members_of_families(expanded: Mapping[str, Member]) -> dict[str, list[str]]:
    """Names of the members of every family, by the family's name."""
    members: dict[str, list[str]] = {}
    for name, entry in expanded.items():
        if entry["family"]:
            members.setdefault(entry["family"]["name"], []).append(name)
    return members


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
