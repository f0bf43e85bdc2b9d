"""A ClickHouse server for tests: the real engine (chdb) behind the HTTP interface.

    .venvs/chdb/bin/python tests/real/clickhouse_server.py DIRECTORY

Prints its port on the first line. Answers what clickhouse-connect asks over plain HTTP: queries,
server-side parameters, settings, inserts in the Native format.
"""

from __future__ import annotations

import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame

INSERT = re.compile(rb"\s*INSERT INTO (\S+)\s*(\([^)]*\))?\s*FORMAT Native\s*?\n", re.IGNORECASE)
NOT_OURS = {
    *("query", "database", "session_id", "compress", "decompress", "query_id"),
    *("client_protocol_version", "enable_http_compression", "default_format", "wait_end_of_query"),
    *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
}
"""Parameters of the HTTP interface that are no settings of the engine."""

UNPACK = {"": bytes, "lz4": lz4.frame.decompress}

connection = chdb.connect(sys.argv[1])
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self.chunk, b""))
        self.answer(UNPACK[self.headers.get("content-encoding", "")](body))

    def chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def answer(self, body: bytes) -> None:
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        try:
            with lock:
                found, status = run(given, body), 200
        except Exception as error:
            found, status = str(error).encode(), 500
        self.send_response(status)
        if status != 200:
            code = re.search(rb"Code: (\d+)", found)
            self.send_header("X-ClickHouse-Exception-Code", code[1].decode() if code else "1")
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    def log_message(self, *_: object) -> None:
        pass


def run(given: dict[str, str], body: bytes) -> bytes:
    query = given.get("query", "").encode() + b"\n" + body
    if database := given.get("database"):
        connection.query(f"USE {database}")
    if inserted := INSERT.match(query):
        return insert(inserted, query[inserted.end() :])
    settings = [
        f"{name}={quoted(value)}"
        for name, value in given.items()
        if name not in NOT_OURS and not name.startswith("param_")
    ]
    for name, value in given.items():
        if name.startswith("param_"):
            connection.query(f"SET {name}={quoted(value)}")
    for setting in settings:
        connection.query(f"SET {setting}")
    return bytes(connection.query(query.decode(), "TabSeparated").bytes())


def insert(inserted: re.Match[bytes], data: bytes) -> bytes:
    table, columns = inserted[1].decode(), (inserted[2] or b"").decode()
    with tempfile.NamedTemporaryFile(suffix=".native", dir=sys.argv[1]) as file:
        file.write(data)
        file.flush()
        names = columns.strip("()") or "*"
        connection.query(
            f"INSERT INTO {table} {columns} SELECT {names} FROM file('{file.name}', 'Native')"
        )
    return b""


def quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
