"""What a simulated sky's entry must hold beyond the types of its keys: limits in order, fields that stay physical."""

from collections.abc import Mapping
from numbers import Real
from typing import Any

from workflow_scripts.errors import InputError

# Quantities of `imaging` that vary over the sky, and the column of the truth that each ends up in.
FIELDS = {"seeing": "psf_fwhm_arcsec", "depth": "sky_noise", "background": "background", "extinction": "ebv"}
# Fields are never below this share of their mean; `relative_field` relies on it.
LOWEST_FIELD = 0.2

_NUMBERS = {
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
_HIGHEST_ORDER = 8


def check_sky(entry: Mapping[str, Any]) -> None:
    """Raise `InputError` for the first value of a simulated catalog's entry that no sky can be drawn from."""
    for key, lowest, highest in (("n_galaxies", 1, 10**10), ("seed", 0, 2**32 - 1)):
        _integer(entry, key, lowest, highest)
    for key, (low, high) in _NUMBERS.items():
        _number(entry, key, low, high)
    for key, (low, high) in _ASCENDING.items():
        pair = _value(entry, key)
        if not (isinstance(pair, list | tuple) and len(pair) == 2 and all(_is_number(value) for value in pair)):
            raise _error(key, pair, "two numbers, the lower first")
        if not low <= pair[0] <= pair[1] <= high:
            raise _error(key, pair, f"two numbers between {low} and {high}, the lower first")
    for field in FIELDS:
        _check_field(entry, f"imaging.{field}")
    if "plane" in entry["imaging"]["extinction"]:
        _check_keys(entry, "imaging.extinction.plane", {"amplitude"})
        _number(entry, "imaging.extinction.plane.amplitude", 0, 10)
    if "positions" in entry["galaxies"]:
        _check_positions(entry)
    if entry["labels"]["base"] + entry["labels"]["blurred"] > 1:
        raise _error("labels.blurred", entry["labels"]["blurred"], "at most 1 together with labels.base")


def injected_dipoles(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The dipoles of an entry that are switched on: `quantity` (a column, or `density`), `amplitude, ra, dec`."""
    dipoles = {column: entry["imaging"][field]["dipole"] for field, column in FIELDS.items()}
    density = entry["galaxies"].get("positions", {}).get("dipole")
    if density:
        dipoles["density"] = density
    return [{"quantity": name, **dipole} for name, dipole in dipoles.items() if dipole["amplitude"]]


def _check_field(entry: Mapping[str, Any], field: str) -> None:
    swing = 0.0
    for part in ("dipole", "step"):
        swing += abs(_number(entry, f"{field}.{part}.amplitude", -1, 1))
        _check_direction(entry, f"{field}.{part}")
    if swing > 1 - LOWEST_FIELD:
        what = f"amplitudes of dipole and step that add up to at most {1 - LOWEST_FIELD:g}"
        raise _error(f"{field}.dipole.amplitude", _at(entry, f"{field}.dipole.amplitude"), what)
    # Patches are normal deviates: their rare deep tail is cut off at the lowest field instead.
    if _number(entry, f"{field}.patches.amplitude", 0, 1):
        for key, high in (("order", _HIGHEST_ORDER), ("seed", 2**32 - 1)):
            _integer(entry, f"{field}.patches.{key}", 0, high)


def _check_positions(entry: Mapping[str, Any]) -> None:
    _check_keys(entry, "galaxies.positions", {"dipole", "dec_min"})
    positions = entry["galaxies"]["positions"]
    if positions.get("dipole") is not None:
        _number(entry, "galaxies.positions.dipole.amplitude", -1, 1)
        _check_direction(entry, "galaxies.positions.dipole")
    if positions.get("dec_min") is not None:
        _number(entry, "galaxies.positions.dec_min", -90, 80)


def _check_keys(entry: Mapping[str, Any], key: str, known: set[str]) -> None:
    found = _at(entry, key)
    if not isinstance(found, Mapping) or set(found) - known:
        raise _error(key, found, f"a mapping with no other keys than {' and '.join(sorted(known))}")


def _check_direction(entry: Mapping[str, Any], key: str) -> None:
    _number(entry, f"{key}.ra", 0, 360)
    _number(entry, f"{key}.dec", -90, 90)


def _at(entry: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key; `KeyError` or `TypeError` where there is none."""
    value: Any = entry
    for part in key.split("."):
        value = value[part]
    return value


def _value(entry: Mapping[str, Any], key: str) -> Any:
    try:
        return _at(entry, key)
    except (KeyError, TypeError):
        raise InputError(f"catalogs: {key} of the simulated sky is missing, expected a value") from None


def _number(entry: Mapping[str, Any], key: str, low: float, high: float) -> float:
    value = _value(entry, key)
    # Comparison with NaN is false, so NaN is refused here too.
    if not _is_number(value) or not low <= value <= high:
        raise _error(key, value, f"a number between {low:g} and {high:g}")
    return value


def _integer(entry: Mapping[str, Any], key: str, low: int, high: int) -> None:
    value = _value(entry, key)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _error(key, value, f"a whole number between {low} and {high}")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _error(key: str, found: Any, expected: str) -> InputError:
    return InputError(f"catalogs: {key} of the simulated sky is {found!r}, expected {expected}")
