"""Fetch the coverage map of a HiPS from the MocServer, once."""

import argparse
import asyncio
import logging
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from workflow_scripts.errors import InputError
from workflow_scripts.http_services.user_agent import user_agent
from workflow_scripts.step import json_argument, run_step
from workflow_scripts.surveys.coverage import Coverage
from workflow_scripts.surveys.fetcher.asking import Access, Asker
from workflow_scripts.surveys.fetcher.download import Received
from workflow_scripts.surveys.fetcher.judgements import Verdict, failed, of_status
from workflow_scripts.whole_file import whole_file

log = logging.getLogger(__name__)

ACCESS = Access(
    concurrency=1,
    requests_per_second=1,
    attempts=6,
    ambiguous_attempts=3,
    timeout_seconds=120,
    longest_wait_seconds=300,
)


def build_parser() -> argparse.ArgumentParser:
    """Command line of this step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coverage", type=json_argument, required=True, help="hips, order and url, as JSON")
    parser.add_argument("--contact", help="e-mail address or URL, for the keepers of the service")
    parser.add_argument("--limits-folder", default="results/.services", help="default: %(default)s")
    parser.add_argument("--output", required=True, help="the coverage map (MOC in FITS)")
    return parser


async def ask_for_map(url: str, limits_folder: str, contact: str | None) -> tuple[Received | None, Verdict]:
    """The answer to the request for a map, and its verdict."""

    def judge(answer: Received) -> Verdict:
        if verdict := of_status(answer):
            return verdict
        if not answer.body.startswith(b"SIMPLE  ="):
            return failed("transient", f"{answer.content_type or 'something'} where a FITS file was expected")
        return Verdict("accepted", "delivered")

    async with Asker((url,), ACCESS, limits_folder, user_agent(contact), url) as asker:
        return await asker.until_judged(url, None, judge)


def main(arguments: argparse.Namespace) -> None:
    """Write the map, unless the server knows no such HiPS: it answers that with an empty map."""
    coverage = arguments.coverage
    query = {"ivorn": coverage["hips"], "get": "moc", "order": coverage["order"]}
    url = f"{coverage['url']}?{urlencode(query)}"
    answer, verdict = asyncio.run(ask_for_map(url, arguments.limits_folder, arguments.contact))
    if verdict.kind != "accepted" or answer is None:
        raise InputError(f"surveys: coverage: {coverage['url']}: {verdict.reason}")
    with tempfile.TemporaryDirectory() as folder:
        received = Path(folder) / "coverage.fits"
        received.write_bytes(answer.body)
        try:
            sky = Coverage(received).moc
        except InputError as error:
            told = str(error).removeprefix(f"{received}: ")
            raise InputError(
                f"surveys: coverage: {coverage['url']} gives for hips '{coverage['hips']}' a file that {told}; is the"
                " id right (https://aladin.cds.unistra.fr/hips/list)?"
            ) from None
    with whole_file(arguments.output) as temporary:
        temporary.write_bytes(answer.body)
    log.info("%s covers %.1f %% of the sky", coverage["hips"], 100 * sky.sky_fraction)


if __name__ == "__main__":
    run_step(main, build_parser())
