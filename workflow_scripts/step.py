"""What every step's command line shares: logging, plain errors, JSON arguments."""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
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


# Stands before a value that argparse would drop.
_MARK = "\x1f"


class _StepParser(argparse.ArgumentParser):
    """Takes `--option=--` for the value `--`, which many tables write for what is not known."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register("type", None, lambda text: text.removeprefix(_MARK))

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def, override]
        given = sys.argv[1:] if args is None else args
        marked = [f"{text[:-2]}{_MARK}--" if text.startswith("--") and text.endswith("=--") else text for text in given]
        return super().parse_known_args(marked, namespace)


def step_parser(description: str | None, **options: Any) -> argparse.ArgumentParser:
    """The parser of a step, with the options that every step has; `options` are those of `ArgumentParser`."""
    parser = _StepParser(f"skybias {Path(sys.argv[0]).stem}", description=description, **options)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an input error")
    levels = ["DEBUG", "INFO", "WARNING", "ERROR"]
    parser.add_argument("--log-level", default="INFO", choices=levels, help="default: %(default)s")
    return parser


def run_step(
    main: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser, argv: Sequence[str] | None = None
) -> NoReturn:
    """Run one step, whose `parser` is a `step_parser`, as a program.

    An `InputError` is printed as one sentence and exits with status 2, a `JobError` likewise with another first word;
    every other exception is a bug and keeps its traceback. `--debug` shows the traceback of all.
    """
    arguments = parser.parse_args(argv)
    layout = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=arguments.log_level, stream=sys.stderr, format=layout, datefmt="%H:%M:%S", force=True)
    try:
        main(arguments)
    except (InputError, OSError) as error:
        if arguments.debug:
            raise
        sentence = str(error)
        if isinstance(error, OSError) and error.filename:
            # A full or read-only disk is the user's to mend: name the file, without a traceback.
            sentence = f"{error.filename}: {error.strerror}"
        for_all = isinstance(error, InputError) and not isinstance(error, JobError)
        print(f"{FOR_ALL if for_all else FOR_ONE}: {sentence}", file=sys.stderr)
        sys.exit(2)
    sys.exit(0)
