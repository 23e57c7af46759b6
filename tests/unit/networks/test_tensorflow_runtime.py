"""What TensorFlow writes about cards on a machine that has none, and what it writes about other things."""

import os
import subprocess
import sys

import pytest

from workflow_scripts.networks import tensorflow_runtime

REMARK = "E0000 00:00:1 42 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: UNKNOWN ERROR (303)\n"
OTHER = "E0000 00:00:1 42 file.cc:7] out of memory\n"


def write_both(then=None):
    for line in (REMARK, OTHER):
        os.write(2, line.encode())
    if then:
        raise then


def test_remarks_on_cards_are_dropped_and_no_other_line(capfd, monkeypatch):
    monkeypatch.setattr(tensorflow_runtime, "_CARDS", ())
    with tensorflow_runtime.without_remarks_on_cards():
        write_both()
    assert capfd.readouterr().err == OTHER
    with pytest.raises(KeyError), tensorflow_runtime.without_remarks_on_cards():
        write_both(then=KeyError)
    os.write(2, REMARK.encode())
    assert capfd.readouterr().err == OTHER + REMARK


def test_where_a_card_is_every_line_is_shown(capfd, monkeypatch, tmp_path):
    monkeypatch.setattr(tensorflow_runtime, "_CARDS", (tmp_path,))
    with tensorflow_runtime.without_remarks_on_cards():
        write_both()
    assert capfd.readouterr().err == REMARK + OTHER


@pytest.mark.skipif(any(card.exists() for card in tensorflow_runtime._CARDS), reason="this machine has a card")
def test_tensorflow_starts_in_silence(repository):
    code = "from workflow_scripts.networks.tensorflow_runtime import set_up, tf; set_up(0, 1, 1); tf.ones(3) + 1"
    started = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, timeout=120, check=True
    )
    assert (started.stdout, started.stderr) == ("", "")
