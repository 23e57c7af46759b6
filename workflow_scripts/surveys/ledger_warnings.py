"""What a reader of the results must know about the images behind them."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc


def stretches(ledger: pa.Table) -> dict[str, int]:
    """Delivered images by how brightness became pixel values (`unknown` where nobody said)."""
    delivered = ledger.filter(pc.equal(ledger["outcome"], "delivered"))
    return dict(sorted(Counter(name or "unknown" for name in delivered["stretch"].to_pylist()).items()))


def warnings(ledger: pa.Table) -> list[str]:
    """Sentences for the report; empty where nothing is wrong with the images."""
    found = []
    by_stretch = stretches(ledger)
    if by_stretch.get("per_image"):
        found.append(
            f"{by_stretch['per_image']} images were scaled by the service, each by its own contents: equal galaxies"
            " differ in brightness from field to field, and a network can learn the depth and the seeing of a field"
            " from it. Images in physical units (format: fits) are free of this."
        )
    kinds = [kind for kind in by_stretch if kind != "unknown"]
    if len(kinds) > 1:
        found.append(f"Images of different stretches are mixed ({', '.join(kinds)}).")
    return found
