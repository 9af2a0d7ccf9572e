"""A PostgreSQL server of the tests' own, from Debian's package, in a folder that goes when it stops.

What belongs here: starting, stopping and asking it. What does not: tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from tests.pipelines.workspaces import free_port

# Debian keeps the server's programs out of the path, one folder for each version.
PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)
# The server refuses to run as root; the package has made this user.
USER: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


@dataclass(frozen=True)
class Server:
    """A server.

    Attributes:
        folder: Where it keeps its data.
        port: Where it listens on this machine.
    """

    folder: Path
    port: int

    @property
    def address(self) -> str:
        """Address of its one database, as SSC_INDEX_POSTGRES takes it."""
        return f"postgresql+psycopg2://index@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "start", "-w", "-D", self.folder, "-l", self.folder / "log", "-o", options)

    def stop(self) -> None:
        """Stop it at once, as a crash would: nobody is waited for, nothing is written any more."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self.folder)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="index", dbname="postgres")
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall()
        finally:
            connection.close()

    def _run(self, program: str, *arguments: object) -> None:
        assert PROGRAMS is not None
        command = [str(PROGRAMS.with_name(program)), *map(str, arguments)]
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False, **USER
        )
        assert done.returncode == 0, command


@contextmanager
def running_server() -> Iterator[Server]:
    """A server that has just been made and answers."""
    # Not below pytest's folder, which the server's user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="ssc-index-postgres-"))
    server = Server(folder / "data", free_port())
    try:
        if USER:
            shutil.chown(folder, "postgres", "postgres")
        server._run("initdb", "-D", server.folder, "-U", "index", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
        server.start()
        yield server
    finally:
        if (server.folder / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
