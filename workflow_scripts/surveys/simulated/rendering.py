"""Galaxies as pixels, with GalSim: Sersic ellipticals, and spirals of bulge, disk and logarithmic arms."""

from typing import Any

import galsim
import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e

from workflow_scripts.surveys.simulated.imaging import EXTINCTION
from workflow_scripts.surveys.simulated.populations import EDGE_ON, SPIRAL

# Coarser than GalSim's defaults: errors stay below the noise of a cutout, and a galaxy takes 2 ms instead of 20.
_SPEED = galsim.GSParams(folding_threshold=2e-2, maxk_threshold=5e-3, kvalue_accuracy=1e-4, maximum_fft_size=4096)
_MOFFAT_BETA = 3.5
# Sky brightness relative to r, and the colours (g-r, r-i) of old stars, young disks and arms relative to the galaxy's.
_RELATIVE_NOISE = {"g": 0.8, "r": 1.0, "i": 1.5}
_BULGE_REDDER, _ARMS_BLUER = 0.25, 0.30
# Arms have the profile exp(_RIDGE (cos(phase) - 1)): the larger, the narrower.
_RIDGE = 2.0


def render_galaxy(galaxy: Any, size_px: int, scale: float, bands: str, noise_seed: int) -> NDArray[np.float32]:
    """One galaxy (a row of the simulated sky) with PSF, background and noise in bands (letters out of g, r, i).

    `scale` is in arcsec a pixel. Returns (len(bands), size_px, size_px) float32, nanomaggies a square arcsec; north up,
    east left.
    """
    parts = _spiral_parts(galaxy, size_px, scale) if _is_spiral(galaxy) else _elliptical_parts(galaxy)
    psf = galsim.Moffat(beta=_MOFFAT_BETA, fwhm=galaxy.psf_fwhm_arcsec, gsparams=_SPEED)
    drawn = [(_drawn(profile, psf, size_px, scale), share, reddening) for profile, share, reddening in parts]
    noise = np.random.default_rng(noise_seed).normal(size=(len(bands), size_px, size_px))
    cutout = np.empty((len(bands), size_px, size_px))
    for number, band in enumerate(bands):
        light = sum(share * _band_flux(galaxy, band, reddening) * image for image, share, reddening in drawn)
        cutout[number] = light / scale**2 + galaxy.background
        cutout[number] += noise[number] * galaxy.sky_noise * _RELATIVE_NOISE[band] / scale
    return cutout.astype(np.float32)


def _is_spiral(galaxy: Any) -> bool:
    # Only skies whose classes are something else have a column of the morphology.
    return getattr(galaxy, "morphology", galaxy.true_class) in (SPIRAL, EDGE_ON)


def _drawn(profile: galsim.GSObject, psf: galsim.GSObject, size_px: int, scale: float) -> NDArray[np.float32]:
    image = galsim.Convolve(profile, psf, gsparams=_SPEED).drawImage(nx=size_px, ny=size_px, scale=scale)
    # GalSim's x grows to the right; on the sky, east is left.
    return image.array[:, ::-1]


def _band_flux(galaxy: Any, band: str, reddening: float) -> float:
    """Flux (nanomaggies) in a band of a part that is redder than the galaxy by `reddening` in g-r, half that in r-i."""
    colour = {"g": galaxy.g_r + reddening, "r": 0.0, "i": -(galaxy.r_i + reddening / 2)}[band]
    return 10 ** (0.4 * (22.5 - galaxy.magnitude - colour - EXTINCTION[band] * galaxy.ebv))


def _elliptical_parts(galaxy: Any) -> list[tuple[galsim.GSObject, float, float]]:
    # GalSim tabulates each Sersic index once; steps of 0.25 keep that table small and change no image visibly.
    index = round(galaxy.sersic_n * 4) / 4
    profile = galsim.Sersic(
        index, half_light_radius=galaxy.radius_arcsec, trunc=8 * galaxy.radius_arcsec, gsparams=_SPEED
    )
    return [(_oriented(profile, galaxy), 1.0, 0.0)]


def _oriented(profile: galsim.GSObject, galaxy: Any, roundness: float = 0.0) -> galsim.GSObject:
    ratio = galaxy.axis_ratio + (1 - galaxy.axis_ratio) * roundness
    return profile.shear(q=ratio, beta=(90 - galaxy.position_angle_deg) * galsim.degrees)


def _spiral_parts(galaxy: Any, size_px: int, scale: float) -> list[tuple[galsim.GSObject, float, float]]:
    bulge = galsim.Sersic(2.0, half_light_radius=0.18 * galaxy.radius_arcsec, gsparams=_SPEED)
    # The PSF brings light in from outside the cutout.
    margin = int(np.ceil(2 * galaxy.psf_fwhm_arcsec / scale))
    disk, arms = _disk_with_arms(galaxy, size_px + 2 * margin, scale)
    in_disk, in_arms = (total / scale**2 for total in _total_light(galaxy, scale))
    young = (1.0 - galaxy.bulge_fraction) / (in_disk + in_arms)
    parts = [
        (_oriented(bulge, galaxy, roundness=0.6), galaxy.bulge_fraction, _BULGE_REDDER),
        (_interpolated(disk, scale), young * disk.sum(), 0.0),
    ]
    # A disk without arms is allowed; GalSim has no profile without flux.
    return [*parts, (_interpolated(arms, scale), young * arms.sum(), -_ARMS_BLUER)] if in_arms > 0 else parts


def _disk_with_arms(galaxy: Any, size_px: int, scale: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Surface brightness of the smooth exponential disk and of its arms on the pixel grid (arbitrary unit).

    Arms are the logarithmic spirals r = r_0 exp(theta tan(pitch)); their ridge is sharpened so that they are narrower
    than the gaps, and they fade in outside the bulge.
    """
    axis = (np.arange(size_px) - (size_px - 1) / 2) * scale
    x, y = np.meshgrid(axis, axis)
    angle = np.radians(90 - galaxy.position_angle_deg)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = (-x * np.sin(angle) + y * np.cos(angle)) / galaxy.axis_ratio
    radius, disk, arms = _radial_profiles(galaxy, np.hypot(along, across), scale)
    winding = np.log(radius / galaxy.radius_arcsec) / np.tan(np.radians(galaxy.pitch_angle_deg))
    phase = galaxy.arm_count * (np.arctan2(across, along) - galaxy.handedness * winding)
    ridge = np.exp(_RIDGE * (np.cos(phase + np.radians(galaxy.arm_phase_deg)) - 1))
    return disk, arms * ridge


def _radial_profiles(
    galaxy: Any, radius: NDArray[np.float64], scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Softened radius, and at it the surface brightness of the disk and of the crest of its arms."""
    # Softened by half a pixel, so that the centre is finite on a grid that does not resolve it.
    radius = np.hypot(radius, 0.5 * scale)
    smooth = np.exp(-1.678 * radius / galaxy.radius_arcsec)
    fade = 1 - np.exp(-((radius / (0.35 * galaxy.radius_arcsec)) ** 2))
    strength = galaxy.arm_contrast
    return radius, smooth * (1 - 0.75 * strength * fade), 4.0 * smooth * strength * fade


def _total_light(galaxy: Any, scale: float) -> tuple[float, float]:
    """Light of disk and arms over the whole plane (unit of the grid x square arcsec), in the cutout or not.

    Round a circle, a ridge exp(k (cos - 1)) has the mean I0(k) exp(-k), whatever the number and winding of the arms.
    """
    radius = np.linspace(0, 8 * galaxy.radius_arcsec, 400)
    _, disk, arms = _radial_profiles(galaxy, radius, scale)
    rings = 2 * np.pi * galaxy.axis_ratio * radius
    return float(np.trapezoid(rings * disk, radius)), float(np.trapezoid(rings * arms, radius) * i0e(_RIDGE))


def _interpolated(image: NDArray[np.float64], scale: float) -> galsim.GSObject:
    return galsim.InterpolatedImage(
        galsim.Image(np.ascontiguousarray(image), scale=scale),
        x_interpolant="linear",
        k_interpolant="linear",
        flux=1.0,
        pad_factor=1.5,
        gsparams=_SPEED,
        calculate_stepk=False,
        calculate_maxk=False,
    )
