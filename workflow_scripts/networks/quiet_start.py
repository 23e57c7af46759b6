"""TensorFlow's start without its remarks on graphics cards, on machines that have none."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

# The driver makes the first where there is a card; the second is what Windows gives to Linux within it.
_CARDS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
_REMARKS = (b"cuda", b"cuInit", b"cudnn", b"cuBLAS", b"cuFFT", b"TensorRT", b"oneDNN custom operations", b"absl::Init")


@contextmanager
def without_remarks_on_cards() -> Iterator[None]:
    """Drop the lines about CUDA that TensorFlow writes while it starts and looks for cards.

    TensorFlow writes them past Python, and before its own level of logging holds. All other lines are written when
    the block ends, also where it ends with an error; where a card is, every line is written as it comes.
    """
    if any(card.exists() for card in _CARDS):
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            for line in written:
                if not any(remark.lower() in line.lower() for remark in _REMARKS):
                    os.write(2, line)
