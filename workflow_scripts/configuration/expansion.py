"""Footprints as the rules see them: families turned into members, references to other footprints replaced."""

from collections.abc import Iterator, Mapping
from typing import Any

from workflow_scripts.configuration.sources import ConfigSources, KeyPath
from workflow_scripts.configuration.validation import reject, suggestion

FAMILIES = ("rotating", "random_sky")

# Centres (ICRS degrees) of the 12 base pixels of HEALPix in nested order: Gorski et al. 2005, ApJ 622, 759, section 5.
# The polar ones are at |sin dec| = 2/3. Written out because a HEALPix package takes longer to import than a whole plan.
_POLAR = 41.810314895778596
BASE_PIXELS = (
    *((ra, _POLAR) for ra in (45.0, 135.0, 225.0, 315.0)),
    *((ra, 0.0) for ra in (0.0, 90.0, 180.0, 270.0)),
    *((ra, -_POLAR) for ra in (45.0, 135.0, 225.0, 315.0)),
)

Member = dict[str, Any]


def members_of_families(footprints: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names of the members of every family, by the family's name."""
    return {
        name: [f"{name}_{number:02d}" for number in range(len(_family_regions(entry["region"])))]
        for name, entry in footprints.items()
        if is_family(entry["region"])
    }


def is_family(region: Mapping[str, Any]) -> bool:
    """Whether a footprint's region stands for several."""
    return any(kind in FAMILIES for kind in region)


def expand_footprints(
    footprints: Mapping[str, Any], matchings: Mapping[str, Any], files: ConfigSources = ()
) -> dict[str, Member]:
    """Every plain footprint and every member of a family, by name.

    Returns
    -------
    dict
        name -> `{"name", "region", "matching", "family", "axis"}`: the region without references, the matching itself,
        the family as `{"name", "member", "regions"}` or None, and the axis of a hemisphere as `[ra, dec]` (ICRS
        degrees) or None.

    Raises
    ------
    InputError
        for a reference to a footprint or matching that does not exist or to a family, for references that form a
        circle, and for a footprint that has the name of a family's member.
    """
    regions: dict[str, dict[str, Any]] = {}
    families: dict[str, dict[str, Any]] = {}
    owners: dict[str, str] = {}
    for name, entry in footprints.items():
        if entry["matching"] not in matchings:
            known = suggestion(entry["matching"], list(matchings))
            reject(
                ("footprints", name, "matching"), f"is '{entry['matching']}', which is not in matchings{known}", files
            )
        members = {name: entry["region"]}
        if is_family(entry["region"]):
            listed = _family_regions(entry["region"])
            members = {f"{name}_{number:02d}": region for number, region in enumerate(listed)}
            families |= {
                member: {"name": name, "member": number, "regions": listed} for number, member in enumerate(members)
            }
        for member, region in members.items():
            if member in owners:
                reject(
                    ("footprints", name),
                    f"makes a footprint called {member}, which footprints.{owners[member]} makes too",
                    files,
                )
            owners[member] = name
            regions[member] = region
    resolver = _References(regions, members_of_families(footprints), files)
    expanded = {}
    for name in regions:
        region = resolver.resolved(regions[name], ("footprints", owners[name], "region"), (name,))
        axis = region.get("hemisphere")
        expanded[name] = {
            "name": name,
            "region": region,
            "matching": dict(matchings[footprints[owners[name]]["matching"]]),
            "family": families.get(name),
            "axis": [axis["ra"], axis["dec"]] if axis else None,
        }
    return expanded


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
    if "rotating" in region:
        return [{"hemisphere": {"ra": ra, "dec": dec}} for ra, dec in BASE_PIXELS]
    settings = region["random_sky"]
    shared = {key: settings[key] for key in ("seed", "area_fraction", "nside")}
    return [{"random_sky": {**shared, "member": number}} for number in range(settings["count"])]


class _References:
    """Replaces `{footprint: name}` by the region of that footprint, at any depth."""

    def __init__(self, regions: Mapping[str, Any], families: Mapping[str, list[str]], files: ConfigSources):
        self.regions, self.families, self.files = regions, families, files

    def resolved(self, region: Mapping[str, Any], path: KeyPath, seen: tuple[str, ...]) -> dict[str, Any]:
        ((kind, value),) = region.items()
        here = (*path, kind)
        if kind == "footprint":
            return self._referenced(value, here, seen)
        if kind in ("union", "intersection", "difference"):
            return {kind: [self.resolved(part, (*here, index), seen) for index, part in enumerate(value)]}
        if kind == "complement":
            return {kind: self.resolved(value, here, seen)}
        return {kind: value}

    def _referenced(self, name: str, path: KeyPath, seen: tuple[str, ...]) -> dict[str, Any]:
        if name in self.families:
            example = self.families[name][0]
            reject(path, f"is the family '{name}', expected one footprint, for example {example}", self.files)
        if name not in self.regions:
            known = suggestion(name, list(self.regions))
            reject(path, f"is '{name}', which is not in footprints{known}", self.files)
        if name in seen:
            circle = " -> ".join([*seen[seen.index(name) :], name])
            reject(path, f"closes a circle of references: {circle}", self.files)
        return self.resolved(self.regions[name], path, (*seen, name))
