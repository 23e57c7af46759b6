"""What every step's command line shares: logging, plain errors, JSON arguments."""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from workflow_scripts.errors import InputError, JobError

# How the last line of a step's log begins: with what is wrong for all jobs, or for this one alone.
FOR_ALL, FOR_ONE = "error", "failed"


def json_argument(text: str) -> Any:
    """Parse a command-line value written as JSON; for `argparse`'s `type=`."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not valid JSON ({error.msg} at character {error.pos})") from None


def run_step(
    main: Callable[[argparse.Namespace], None],
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None = None,
) -> NoReturn:
    """Run one step as a program.

    An `InputError` is printed as one sentence and exits with status 2, a `JobError` likewise with another first word;
    every other exception is a bug and keeps its traceback. `--debug` shows the traceback of all.
    """
    parser.add_argument("--debug", action="store_true", help="show the traceback of an input error")
    parser.add_argument(
        "--log-level",
        default="INFO",
        choices=["DEBUG", "INFO", "WARNING", "ERROR"],
        help="default: %(default)s",
    )
    arguments = parser.parse_args(argv)
    logging.basicConfig(
        level=arguments.log_level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    try:
        main(arguments)
    except InputError as error:
        if arguments.debug:
            raise
        sys.exit(_printed(str(error), for_all=not isinstance(error, JobError)))
    except OSError as error:
        # A full or read-only disk is the user's to mend: name the file, without a traceback.
        if arguments.debug:
            raise
        sentence = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        sys.exit(_printed(sentence, for_all=False))
    sys.exit(0)


def _printed(sentence: str, *, for_all: bool) -> int:
    print(f"{FOR_ALL if for_all else FOR_ONE}: {sentence}", file=sys.stderr)
    return 2
