"""Options of steps that are Snakemake's own, passed on as they are."""

import argparse

_PASSED_ON = ("configfile", "config", "directory", "cores", "jobs", "profile")


def add_snakemake_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which configuration is meant, and where its results are."""
    parser.add_argument("--configfile", nargs="+", metavar="FILE", help="overlay config.yaml")
    parser.add_argument("--config", nargs="+", metavar="KEY=VALUE", help="overlay single keys")
    parser.add_argument("--directory", metavar="DIR", help="where results/ is, or will be; default: here")


def snakemake_options(arguments: argparse.Namespace) -> list[str]:
    """The part of a step's arguments that is for Snakemake, as its command line has it."""
    passed = []
    for option in _PASSED_ON:
        value = getattr(arguments, option, None)
        if value is not None:
            passed += [f"--{option}", *(value if isinstance(value, list) else [value])]
    return passed
