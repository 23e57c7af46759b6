"""What a mirror does to the classes of a catalog (`catalogs.NAME.mirror`), as entries of networks say it."""

from collections.abc import Mapping
from typing import Any

# Each of the two classes becomes the other.
SWAP = "swap"
# What `average` of a network can be: over the eight flips and quarter turns of an image.
OVER_ORIENTATIONS = "orientations"
# Nobody but the user knows whether it applies.
FLIPS_HINT = (
    "Training images were mirrored at random (augmentation.flips) and kept their class: if the classes are mirror"
    " images of each other, set mirror: swap for the catalog."
)


def swaps_classes(network: Mapping[str, Any]) -> bool:
    """Whether a mirror swaps the classes that a network is trained on."""
    return network.get("mirror") == SWAP


def positions_averaged(network: Mapping[str, Any]) -> int:
    """Over how many positions of an image a network averages when it annotates: 1, 2 with the mirror image, or 8."""
    if network.get("average") == OVER_ORIENTATIONS:
        return 8
    return 2 if network.get("mirror_average") else 1


def flips_keep_classes(network: Mapping[str, Any], n_classes: int = 2) -> bool:
    """Whether a network was trained on images of two classes that were mirrored at random and kept their class."""
    trained = network.get("mode") != "annotate" and n_classes == 2
    return trained and bool(network.get("augmentation", {}).get("flips")) and not swaps_classes(network)
