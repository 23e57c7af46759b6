"""Runs a program in a process group of its own, and ends the group with whoever started this, however that died.

A file of its own that imports nothing of the project: `python program_guard.py PROGRAM [ARGUMENT ...]`, with a pipe as
standard input that its starter holds open. Signals cannot do this: a starter that is killed sends none.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading


def _end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _guarded(words: list[str]) -> int:
    program = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)

    def watch() -> None:
        # Returns when the other end of the pipe is closed.
        os.read(0, 1)
        _end(program.pid)

    threading.Thread(target=watch, daemon=True).start()
    # What the program started and left ends with it. Until it is waited for, no other group can have its number.
    os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
    _end(program.pid)
    status = program.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(_guarded(sys.argv[1:]))
