"""Download the table of a catalog from the web, check its digest, and note where it is from."""

import argparse
import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path

from workflow_scripts.catalogs.services.kept_responses import KeptResponses
from workflow_scripts.catalogs.services.table_download import download_table
from workflow_scripts.catalogs.services.web import GuardedSession
from workflow_scripts.http_services.politeness import user_agent
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import write_json
from workflow_scripts.whole_file import whole_file

parser = step_parser(__doc__)
parser.add_argument("--url", required=True, help="address of the table")
parser.add_argument("--sha256", required=True, help="digest that it must have, 64 hex digits")
parser.add_argument("--max-bytes", type=int, default=4 << 30, help="longest file, default: %(default)s")
parser.add_argument("--contact", default="", help="address of the person who requests, for the User-Agent")
parser.add_argument("--kept", type=Path, required=True, help="folder of downloads that were begun")
parser.add_argument("--output", required=True, help="the table, as it is")
parser.add_argument("--record", required=True, help="where it is from (JSON)")


def main(arguments: argparse.Namespace) -> None:
    """Write the table and its record."""
    folder = arguments.kept / arguments.sha256[:16].lower()
    session = GuardedSession(arguments.url, user_agent(arguments.contact))
    with KeptResponses(folder).alone():
        partial = folder / "download.body"
        try:
            size = download_table(arguments.url, session, partial, arguments.sha256.lower(), arguments.max_bytes)
        except OSError as error:
            # A full disk: Python does not report where.
            raise OSError(error.errno, error.strerror, str(partial)) from None
        with whole_file(arguments.output) as temporary:
            shutil.copyfile(partial, temporary)
        partial.unlink()
    record = {
        "url": arguments.url,
        "sha256": arguments.sha256.lower(),
        "bytes": size,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_json(arguments.record, record)
    logging.info("%.1f MB", size / 1e6)


if __name__ == "__main__":
    run_step(main, parser)
