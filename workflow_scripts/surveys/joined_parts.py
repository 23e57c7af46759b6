"""One answer of a galaxy whose bands were asked for one by one."""

import hashlib
from collections.abc import Mapping
from typing import Any

from workflow_scripts.images.band_files import packed
from workflow_scripts.surveys.fetcher.journal import Head
from workflow_scripts.surveys.interface import OUTCOMES


def joined(parts: Mapping[str, tuple[Head, bytes]]) -> tuple[Head, bytes]:
    """The record of a galaxy from the records of its bands, as the journal has them.

    It is delivered where all are, and its image is then `band_files.packed` of what came, in the order of `parts`.
    Otherwise it has the worst outcome (`no_coverage`, `rejected`, `failed`) with the reason of the first band that has
    it. Attempts are summed, the URLs stand one after the other, and the time is that of the last answer.
    """
    heads: dict[str, dict[str, Any]] = {band: head for band, (head, _) in parts.items()}
    band, worst = max(heads.items(), key=lambda item: OUTCOMES.index(item[1]["outcome"]))
    delivered = worst["outcome"] == "delivered"
    image = packed({band: image for band, (_, image) in parts.items()}) if delivered else b""
    # What holds for the galaxy, such as a position without stacks, all bands say alike.
    same = len({head["reason"] for head in heads.values()}) == 1
    return {
        "outcome": worst["outcome"],
        "reason": worst["reason"] if same else f"band {band}: {worst['reason']}",
        "format": "fits" if delivered else "",
        "sha256": hashlib.sha256(image).hexdigest() if delivered else "",
        "url": " ".join(head["url"] for head in heads.values() if head["url"]),
        "attempts": sum(head["attempts"] for head in heads.values()),
        "at": max(head["at"] for head in heads.values()),
        "scale": worst["scale"],
    }, image
