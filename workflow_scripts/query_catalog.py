"""Request all rows of a query from a catalog service (SkyServer or TAP), once, and record what was requested."""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.catalogs.services.kept_responses import KeptResponses, query_digest
from workflow_scripts.catalogs.services.paging import QueryService, all_rows
from workflow_scripts.catalogs.services.skyserver import READY_QUERIES, SkyServer, plain_select
from workflow_scripts.catalogs.services.tap import TapService
from workflow_scripts.catalogs.services.web import GuardedSession
from workflow_scripts.http_services.politeness import user_agent
from workflow_scripts.provenance import provenance, sha256
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json, write_table

parser = step_parser(__doc__)
parser.add_argument("--query", type=json_argument, required=True, help="source, url, query or sql, key: JSON")
parser.add_argument("--page-rows", type=int, default=50_000, help="rows requested at a time, default: %(default)s")
parser.add_argument("--queries-per-minute", type=int, default=20, help="default: %(default)s")
parser.add_argument("--asynchronous", action="store_true", help="by jobs that run on the server (TAP)")
parser.add_argument("--contact", default="", help="address of the person who requests, for the User-Agent")
parser.add_argument("--kept", type=Path, required=True, help="folder of responses that came already")
parser.add_argument("--output", required=True, help="the rows (Parquet)")
parser.add_argument("--record", required=True, help="what was requested, when, and what came (JSON)")


def resolved(query: Mapping[str, Any]) -> tuple[str, str | None, tuple[str, ...] | None]:
    """SQL, key and the columns that must come of a query's entry; `InputError` for SQL that cannot be run."""
    if query["source"] == "tap":
        return query["sql"].strip(), query.get("key"), None
    if query.get("query"):
        ready = READY_QUERIES[query["query"]]
        return ready.sql, ready.key, ready.columns
    return plain_select(query["sql"], "catalogs"), query["key"], None


def main(arguments: argparse.Namespace) -> None:
    """Write the rows and the record of what was requested."""
    query = arguments.query
    sql, key, columns = resolved(query)
    folder = arguments.kept / query_digest(query["source"], query["url"], sql)
    kept = KeptResponses(folder)
    session = GuardedSession(query["url"], user_agent(arguments.contact))
    service: QueryService
    if query["source"] == "skyserver":
        service = SkyServer(query["url"], session, arguments.queries_per_minute)
    else:
        service = TapService(query["url"], session, arguments.asynchronous, kept)
    with kept.alone():
        rows, names = all_rows(service, sql, key or None, arguments.page_rows, kept, columns)
    request = {"source": query["source"], "url": query["url"], "sql": sql, "key": key}
    write_table(arguments.output, rows, provenance(request, {}, []))
    responses = kept.records(names)
    record = {
        **request,
        "rows": len(rows),
        "columns": rows.column_names,
        "sha256": sha256(arguments.output),
        "first_date": min(response["date"] for response in responses),
        "last_date": max(response["date"] for response in responses),
        "bytes": sum(response["bytes"] for response in responses),
        "kept_in": str(folder),
        "answers": responses,
    }
    write_json(arguments.record, record)
    logging.info("%d rows in %d responses, %.1f MB", len(rows), len(responses), record["bytes"] / 1e6)


if __name__ == "__main__":
    run_step(main, parser)
