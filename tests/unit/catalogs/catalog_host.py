"""A web server on this machine that responds as SkyServer, a TAP service and a shelf of files do, or as prescribed."""

import re
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from astropy.io.votable import from_table
from astropy.table import Table

from tests.unit.catalogs.query_engine import Engine


class Reply:
    """What is sent: status, headers and a body, of which only the first `sent` bytes leave before the line breaks."""

    def __init__(self, body: bytes = b"", status: int = 200, sent: int | None = None, chunked: bool = False, **headers):
        self.body, self.status, self.sent, self.chunked = body, status, sent, chunked
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class CatalogHost:
    """`replies` are given to the next requests, in order; when they are used up, requests are served as they should
    be. `requests` lists what came: method, path, fields.
    """

    def __init__(self, engine: Engine):
        self.engine = engine
        self.replies: list[Reply] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []
        self.files: dict[str, bytes] = {}
        self.jobs: list[dict[str, Any]] = []
        self.overflow = False
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        # Clients that leave are part of the tests.
        self._server.handle_error = lambda request, address: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def reply(self, method: str, path: str, fields: dict[str, str], headers: dict[str, str]) -> Reply:
        """The response to a request."""
        with self._lock:
            self.requests.append((method, path, fields))
            self.headers.append(headers)
            if self.replies:
                return self.replies.pop(0)
            if path.endswith("/SearchTools/SqlSearch"):
                return Reply(self.engine.csv(fields["cmd"]), chunked=True, Content_Type="text/plain")
            if path == "/tap/sync":
                return Reply(self.votable(fields), chunked=True, Content_Type="application/x-votable+xml")
            if path.startswith("/tap/async"):
                return self._job(method, path, fields)
            body = self.files.get(path)
            if body is None:
                return Reply(b"no such page", 404)
            begun = re.fullmatch(r"bytes=(\d+)-", headers.get("Range", ""))
            if begun:
                first = int(begun[1])
                content_range = f"bytes {first}-{len(body) - 1}/{len(body)}"
                return Reply(body[first:], 206, Content_Range=content_range)
            return Reply(body)

    def votable(self, fields: dict[str, str]) -> bytes:
        """The rows of a query as a VOTable, or a VOTable that reports an error."""
        self.engine.queries.append(fields["QUERY"])
        sql = re.sub(r"SELECT TOP (\d+)(.*)", r"SELECT\2 LIMIT \1", fields["QUERY"], flags=re.DOTALL)
        try:
            found = self.engine.database.execute(sql)
        except sqlite3.Error as error:
            return error_votable(str(error))
        rows = found.fetchall()
        cut = rows[: min(int(fields.get("MAXREC", 10**9)), self.engine.row_limit)]
        names = [column[0] for column in found.description]
        return votable_of(names, cut, "OVERFLOW" if len(cut) < len(rows) else "OK")

    def _job(self, method: str, path: str, fields: dict[str, str]) -> Reply:
        parts = path.removeprefix("/tap/async").strip("/").split("/")
        if method == "POST" and parts == [""]:
            self.jobs.append({**fields, "phase": "PENDING", "looks": 0})
            return Reply(status=303, Location=f"{self.url}/tap/async/{len(self.jobs) - 1}")
        if int(parts[0]) >= len(self.jobs):
            return Reply(b"no such job", 404)
        job = self.jobs[int(parts[0])]
        if parts[1:] == ["phase"]:
            job["phase"] = "EXECUTING"
            return Reply(status=303, Location=f"{self.url}/tap/async/{parts[0]}")
        if parts[1:] == ["results", "result"]:
            return Reply(self.votable(job), Content_Type="application/x-votable+xml")
        if method == "DELETE":
            job["phase"] = "DELETED"
            return Reply(status=303, Location=f"{self.url}/tap/async")
        description = job_description(self.url, parts[0], job["phase"])
        # Still at work when it is looked at for the first time after the start, which the start itself leads to.
        job["looks"] += job["phase"] == "EXECUTING"
        if job["looks"] == 2:
            job["phase"] = "ERROR" if "galaxies" not in job["QUERY"] else "COMPLETED"
        return Reply(description, Content_Type="text/xml")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_request(self, method: str) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                fields = parse_qs(parts.query) | parse_qs(self.rfile.read(length).decode())
                single = {name: values[0] for name, values in fields.items()}
                self.give(host.reply(method, parts.path, single, dict(self.headers)))

            def give(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                else:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                body = reply.body if reply.sent is None else reply.body[: reply.sent]
                if reply.chunked:
                    body = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
                    body += b"0\r\n\r\n" if reply.sent is None else b""
                self.wfile.write(body)
                self.close_connection = reply.sent is not None

            def do_GET(self) -> None:
                self.handle_request("GET")

            def do_POST(self) -> None:
                self.handle_request("POST")

            def do_DELETE(self) -> None:
                self.handle_request("DELETE")

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def votable_of(names: list[str], rows: list[tuple], status: str) -> bytes:
    """Rows as TAP services send them, with the status after the table; `ra` and `dec` are in degrees."""
    table = Table({name: np.array([row[index] for row in rows]) for index, name in enumerate(names)})
    for name in {"ra", "dec"} & set(names):
        table[name].unit = "deg"
    with BytesIO() as file:
        from_table(table).to_xml(file)
        text = file.getvalue().decode()
    if 'type="results"' not in text:
        text = text.replace("<RESOURCE", '<RESOURCE type="results"')
    return text.replace("</TABLE>", f'</TABLE><INFO name="QUERY_STATUS" value="{status}"/>').encode()


def error_votable(message: str) -> bytes:
    """A VOTable that reports an error, as TAP services send it."""
    return (
        '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
        f'<INFO name="QUERY_STATUS" value="ERROR">{message}</INFO></RESOURCE></VOTABLE>'
    ).encode()


def job_description(url: str, number: str, phase: str) -> bytes:
    """The description of a job (IVOA UWS 1.1)."""
    result = f'<uws:result id="result" xlink:href="{url}/tap/async/{number}/results/result"/>'
    error = (
        '<uws:errorSummary type="fatal" hasDetail="false"><uws:message>no such table</uws:message></uws:errorSummary>'
    )
    return (
        '<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' version="1.1"><uws:jobId>{number}</uws:jobId><uws:phase>{phase}</uws:phase>'
        f"{error if phase == 'ERROR' else ''}"
        f"<uws:results>{result if phase == 'COMPLETED' else ''}</uws:results></uws:job>"
    ).encode()
