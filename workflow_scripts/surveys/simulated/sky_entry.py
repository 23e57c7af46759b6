"""What a simulated sky's entry must hold beyond the types of its keys: limits in order, fields that stay physical."""

from collections.abc import Mapping
from numbers import Real
from typing import Any

from workflow_scripts.errors import InputError

# Quantities of `imaging` that vary over the sky, and the column of the truth that each ends up in.
FIELDS = {"seeing": "psf_fwhm_arcsec", "depth": "sky_noise", "background": "background", "extinction": "ebv"}
# The field behind each property that can be given a common value.
PROPERTY_FIELDS = {"seeing": "seeing", "noise": "depth", "background": "background", "extinction": "extinction"}
# Fields are never below this share of their mean; `relative_field` relies on it.
LOWEST_FIELD = 0.2

_DIPOLE = {"amplitude": (-1, 1), "ra": (0, 360), "dec": (-90, 90)}
_WHOLE_NUMBERS = {"n_galaxies": (1, 10**10), "seed": (0, 2**32 - 1)}
_PATCHES = {"order": (0, 8), "seed": (0, 2**32 - 1)}
_NUMBERS: dict[str, tuple[float, float]] = {
    "galaxies.spiral_fraction": (0, 1),
    "imaging.seeing.fwhm_arcsec": (0.05, 50),
    "imaging.depth.magnitude": (5, 40),
    "imaging.background.level": (-1000, 1000),
    "imaging.extinction.ebv": (0, 10),
    "labels.base": (0, 0.5),
    "labels.blurred": (0, 1),
    "labels.sharp": (1e-6, 1e6),
}
_ASCENDING = {
    "galaxies.magnitude": (5, 35),
    "galaxies.radius_arcsec": (0.05, 200),
    "galaxies.arm_contrast": (0, 1),
}


def check_sky(entry: Mapping[str, Any]) -> None:
    """Raise `InputError` for the first value of a simulated catalog's entry that no sky can be drawn from."""
    _check_numbers(entry, "", _WHOLE_NUMBERS, whole=True)
    _check_numbers(entry, "", _NUMBERS)
    for key, (low, high) in _ASCENDING.items():
        pair = _value(entry, key)
        if not (isinstance(pair, list | tuple) and len(pair) == 2 and all(_is_number(value) for value in pair)):
            raise _error(key, pair, "two numbers, the lower first")
        if not low <= pair[0] <= pair[1] <= high:
            raise _error(key, pair, f"two numbers between {low} and {high}, the lower first")
    if entry["galaxies"].get("spiral_dipole"):
        _check_keys(entry, "galaxies.spiral_dipole", set(_DIPOLE))
        _check_numbers(entry, "galaxies.spiral_dipole.", _DIPOLE)
        _check_probability(entry, "galaxies.spiral_dipole", "galaxies.spiral_fraction")
    if "edge_on_fraction" in entry["galaxies"]:
        _check_numbers(entry, "galaxies.", {"edge_on_fraction": (0, 1)})
    _check_handedness(entry)
    for field in FIELDS:
        _check_field(entry, f"imaging.{field}")
    if "plane" in entry["imaging"]["extinction"]:
        _check_keys(entry, "imaging.extinction.plane", {"amplitude"})
        _check_numbers(entry, "imaging.extinction.plane.", {"amplitude": (0, 10)})
    if "positions" in entry["galaxies"]:
        _check_keys(entry, "galaxies.positions", {"dipole", "dec_min"})
        if entry["galaxies"]["positions"].get("dipole") is not None:
            _check_numbers(entry, "galaxies.positions.dipole.", _DIPOLE)
        if entry["galaxies"]["positions"].get("dec_min") is not None:
            _check_numbers(entry, "galaxies.positions.", {"dec_min": (-90, 80)})
    if entry["labels"]["base"] + entry["labels"]["blurred"] > 1:
        raise _error("labels.blurred", entry["labels"]["blurred"], "at most 1 together with labels.base")


def injected_dipoles(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The dipoles of an entry that are switched on: `quantity`, `amplitude, ra, dec`.

    The quantity is a column of the imaging, `density`, or `true_class`, whose amplitude is not relative to a mean.
    """
    dipoles = {column: entry["imaging"][field]["dipole"] for field, column in FIELDS.items()}
    galaxies = entry["galaxies"]
    of_classes = galaxies["handedness"]["dipole"] if "handedness" in galaxies else galaxies.get("spiral_dipole")
    for quantity, dipole in (
        ("density", galaxies.get("positions", {}).get("dipole")),
        ("true_class", of_classes),
    ):
        if dipole:
            dipoles[quantity] = dipole
    return [{"quantity": name, **dipole} for name, dipole in dipoles.items() if dipole["amplitude"]]


def _check_handedness(entry: Mapping[str, Any]) -> None:
    if "handedness" not in entry["galaxies"]:
        if "asymmetry" in entry["labels"]:
            what = "it only where the classes are senses of winding (galaxies.handedness)"
            raise _error("labels.asymmetry", entry["labels"]["asymmetry"], what)
        return
    handedness = "galaxies.handedness"
    if "spiral" in entry.get("classes", []):
        raise _error("classes", entry["classes"], f"names of the two senses of winding, with {handedness}")
    _check_keys(entry, handedness, {"clockwise_fraction", "dipole"})
    _check_numbers(entry, f"{handedness}.", {"clockwise_fraction": (0, 1)})
    _check_keys(entry, f"{handedness}.dipole", set(_DIPOLE))
    _check_numbers(entry, f"{handedness}.dipole.", _DIPOLE)
    _check_probability(entry, f"{handedness}.dipole", f"{handedness}.clockwise_fraction")
    if share := entry["galaxies"].get("edge_on_fraction"):
        raise _error("galaxies.edge_on_fraction", share, f"none with {handedness}: edge-on ones have no sense")
    if amplitude := (entry["galaxies"].get("spiral_dipole") or {}).get("amplitude"):
        raise _error("galaxies.spiral_dipole.amplitude", amplitude, f"0 with {handedness}: all galaxies are spirals")
    if "asymmetry" in entry["labels"]:
        _check_numbers(entry, "labels.", {"asymmetry": (-1, 1)})


def _check_probability(entry: Mapping[str, Any], dipole: str, fraction: str) -> None:
    mean, amplitude = _value(entry, fraction), _value(entry, f"{dipole}.amplitude")
    largest = min(mean, 1 - mean)
    if abs(amplitude) > largest:
        name = fraction.rpartition(".")[2]
        what = f"at most {largest:g}, so that {name} + amplitude stays between 0 and 1"
        raise _error(f"{dipole}.amplitude", amplitude, what)


def _check_field(entry: Mapping[str, Any], field: str) -> None:
    for part in ("dipole", "step"):
        _check_numbers(entry, f"{field}.{part}.", _DIPOLE)
    dipole, step = (_value(entry, f"{field}.{part}.amplitude") for part in ("dipole", "step"))
    if abs(dipole) + abs(step) > 1 - LOWEST_FIELD:
        what = f"amplitudes of dipole and step that add up to at most {1 - LOWEST_FIELD:g}"
        raise _error(f"{field}.dipole.amplitude", dipole, what)
    # Patches are normal deviates: their rare deep tail is cut off at the lowest field instead.
    _check_numbers(entry, f"{field}.patches.", {"amplitude": (0, 1)})
    if _value(entry, f"{field}.patches.amplitude"):
        _check_numbers(entry, f"{field}.patches.", _PATCHES, whole=True)


def _check_keys(entry: Mapping[str, Any], key: str, known: set[str]) -> None:
    found = _value(entry, key)
    if not isinstance(found, Mapping) or set(found) - known:
        raise _error(key, found, f"a mapping with no other keys than {' and '.join(sorted(known))}")


def _value(entry: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key."""
    value: Any = entry
    try:
        for part in key.split("."):
            value = value[part]
    except (KeyError, TypeError):
        raise InputError(f"catalogs: {key} of the simulated sky is missing, expected a value") from None
    return value


def _check_numbers(
    entry: Mapping[str, Any], prefix: str, limits: Mapping[str, tuple[float, float]], whole: bool = False
) -> None:
    for name, (low, high) in limits.items():
        value = _value(entry, prefix + name)
        # Comparison with NaN is false, so NaN is refused here too.
        if not _is_number(value) or (whole and not isinstance(value, int)) or not low <= value <= high:
            kind = "a whole number" if whole else "a number"
            raise _error(prefix + name, value, f"{kind} between {low} and {high}")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _error(key: str, found: Any, expected: str) -> InputError:
    return InputError(f"catalogs: {key} of the simulated sky is {found!r}, expected {expected}")
