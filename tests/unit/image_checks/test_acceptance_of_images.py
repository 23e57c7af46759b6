"""Which responses with status 200 are the requested image."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing import fuzzed
from tests.unit.image_checks.noise_images import SIZE, cube, picture
from workflow_scripts.image_checks.acceptance import Wanted, no_coverage
from workflow_scripts.images.decoding import decode
from workflow_scripts.surveys.fetcher.connections import Received
from workflow_scripts.surveys.fetcher.service import judged_image

GREY_NOISE = np.random.default_rng(6).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)
IMAGES = {"jpeg": picture("JPEG"), "png": picture("PNG"), "fits": cube()}


BASELINE = {"baseline": picture("JPEG", progressive=False), "grey": picture("JPEG", GREY_NOISE, progressive=False)}
PIXELS_OF_FITS = 2880 + 3 * SIZE * SIZE * 4


def judged(body: bytes, expected: str = "jpeg", content_type: str = "", size: int = SIZE):
    received = Received("http://x/", 200, "OK", content_type or f"image/{expected}", None, body, True)
    wanted = Wanted(size, expected, (0,), lambda pixels: no_coverage("blank"))
    return judged_image(received, wanted)


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("content_type", ["", "IMAGE/X; q=1", "application/octet-stream"])
def test_whole_images_are_accepted_as_they_came(kind, content_type):
    judgement = judged(IMAGES[kind], kind, content_type)
    assert (judgement.kind, judgement.outcome, judgement.image, judgement.image_format) == (
        "accepted",
        "delivered",
        IMAGES[kind],
        kind,
    )


def with_cards(**cards: object) -> bytes:
    data = cube()
    for name, value in cards.items():
        start = next(place for place in range(0, 2880, 80) if data[place:].startswith(f"{name:8}=".encode()))
        data = data[:start] + f"{name:8}= {value:>20}".ljust(80).encode() + data[start + 80 :]
    return data


HALF_NAN = cube(np.where(np.arange(SIZE) < 9, np.nan, np.random.default_rng(0).normal(size=(SIZE, SIZE))))


def half(value: int) -> np.ndarray:
    """Wide enough that no block of a JPEG at the edge has other pixels in it."""
    pixels = np.random.default_rng(2).integers(1, 256, (48, 48, 3), dtype=np.uint8)
    pixels[:, :20] = value
    return pixels


def without_the_last_scan(jpeg: bytes) -> bytes:
    """A progressive JPEG that was cut where a scan ends."""
    return jpeg[: jpeg.rindex(b"\xff\xda")] + b"\xff\xd9"


@pytest.mark.parametrize(
    ("body", "expected", "content_type", "kind", "reason"),
    [
        (b"", "jpeg", "", "transient", "empty body"),
        (b"<html>Busy</html>", "jpeg", "", "transient", "neither JPEG.*'<html>Busy"),
        (b"<html>Busy</html>", "jpeg", "text/html; charset=utf-8", "transient", "^text/html where an image.*Busy"),
        (IMAGES["jpeg"], "jpeg", "text/html", "transient", "text/html where an image"),
        (IMAGES["png"], "jpeg", "", "ambiguous", "a PNG file, expected JPEG"),
        (IMAGES["jpeg"][:-1], "jpeg", "", "transient", "the end of the JPEG file is missing"),
        (IMAGES["jpeg"].replace(b"\x00\x18\x00\x18", b"\xff\xff\xff\xff"), "jpeg", "", "transient", "not an image"),
        (IMAGES["png"][:-4], "png", "", "transient", "the end of the PNG file is missing"),
        (IMAGES["fits"][:-2880], "fits", "", "transient", "not a whole FITS"),
        (IMAGES["fits"] + bytes(2880), "fits", "", "transient", "14400 bytes whose header has 11520"),
        (with_cards(NAXIS1=9_999_999), "fits", "", "transient", "not a whole FITS"),
        (with_cards(NAXIS1=-5), "fits", "", "transient", "not an image"),
        (with_cards(NAXIS1=23), "fits", "", "ambiguous", "23 x 24 pixels"),
        (with_cards(BITPIX=17), "fits", "", "transient", "not a whole FITS"),
        (picture("JPEG", half(0)), "jpeg", "", "permanent", "31% of the image is empty"),
        (picture("JPEG", half(77)), "jpeg", "", "ambiguous", "partly empty"),
        (HALF_NAN, "fits", "", "ambiguous", "38% of the image is empty"),
        (IMAGES["jpeg"][:-40] + b"\xff\xd9", "jpeg", "", "transient", "premature end"),
        (IMAGES["jpeg"][:-2] + bytes(9) + b"\xff\xd9", "jpeg", "", "transient", "extraneous bytes"),
        (without_the_last_scan(IMAGES["jpeg"]), "jpeg", "", "transient", "scans of the JPEG are missing"),
        (picture("JPEG", np.full((SIZE, SIZE, 3), 32, np.uint8)), "jpeg", "", "permanent", "blank"),
        (cube(np.zeros((3, SIZE, SIZE))), "fits", "", "permanent", "blank"),
    ],
)
def test_everything_else_is_not(body, expected, content_type, kind, reason):
    judgement = judged(body, expected, content_type, size=48 if "empty" in reason and body[:2] == b"\xff\xd8" else SIZE)
    assert judgement.kind == kind, judgement
    assert judgement.image == b""
    assert re.search(reason, judgement.reason), judgement.reason


@pytest.mark.parametrize(("values", "reason"), [(16, "cut and filled up"), (90, "4% of the image"), (15, "")])
def test_the_end_of_a_fits_that_was_cut_and_filled_with_zeros(values, reason):
    pixels = np.random.default_rng(8).normal(size=(48, 48)).astype(np.float32)
    pixels.ravel()[-values:] = 0
    judgement = judged(cube(pixels), "fits", size=48)
    assert judgement.kind == ("ambiguous" if reason else "accepted")
    assert reason in judgement.reason


def test_another_size_than_requested():
    assert judged(IMAGES["jpeg"], size=64).reason == "24 x 24 pixels, expected 64 x 64"


TAILS = [b"", b"\xff\xd9", bytes(40) + b"\xff\xd9", b"\x55" * 999 + b"\xff\xd9", b"IEND\xaeB`\x82", b" " * 2880]


@fuzzed
@given(st.sampled_from([*sorted(IMAGES), "baseline", "grey"]), st.data())
def test_a_truncated_image_is_never_accepted(name, data):
    kind = name if name in IMAGES else "jpeg"
    whole = IMAGES.get(name) or BASELINE[name]
    cut = data.draw(st.integers(0, len(whole) - 1))
    zeros = bytes(len(whole) - cut)
    tail = data.draw(st.sampled_from([*TAILS, zeros, zeros[2:] + b"\xff\xd9"]))
    body = whole[:cut] + tail
    # The last 16 values of a FITS are too few to distinguish zeros of a cut from zeros of the sky.
    if kind == "fits" and len(body) == len(whole) and cut > PIXELS_OF_FITS - 16 * 4:
        return
    if judged(body, kind).kind == "accepted":
        # Zeros can happen to be the codes of exactly the blocks that are lost, but not of many.
        certain = SIZE - 16 if kind == "jpeg" and tail.strip(b"\0") == b"\xff\xd9" and tail[:1] == b"\0" else SIZE
        np.testing.assert_array_equal(decode(body)[:certain], decode(whole)[:certain])


@fuzzed
@given(st.sampled_from(sorted(IMAGES)), st.data())
def test_what_is_accepted_decodes_and_damage_never_crashes(kind, data):
    body = bytearray(IMAGES[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    judgement = judged(bytes(body), kind)
    if judgement.kind == "accepted":
        assert decode(bytes(body)).shape[-2:] in ((SIZE, SIZE), (SIZE, 3))


@fuzzed
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"SIMPLE  =                    T"]),
)
def test_rubbish_is_never_accepted(rubbish, head):
    for kind in IMAGES:
        assert judged(head + rubbish, kind).kind != "accepted"
