"""Run history for a build from the command line: the SQLite files that the UI reads, each opened once.

Dagster's own storage opens a file anew for every event, compiles its SQL anew, and waits for the disk after each of
some thousand transactions: more than all else of a small build. Here a file stays open and is not waited for: a
process that is killed loses no event, a machine that loses its power may lose the last ones, and never the file.

What belongs here: how the files are opened. What does not: what is in them (Dagster), and everything that must
outlive a power cut: warehouse and marts (`assets/`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine


class OpenFiles:
    """SQLite files by address, each opened once."""

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}

    @contextmanager
    def transaction(self, address: str) -> Iterator[Connection]:
        """A connection to a file, in a transaction that ends with the block."""
        with self.engine(address).connect() as connection, connection.begin():
            yield connection

    def engine(self, address: str) -> Engine:
        """The engine of a file, with its connection and the SQL that it has compiled."""
        if address not in self._engines:
            engine = create_engine(address, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
            event.listen(engine, "connect", _do_not_wait_for_the_disk)
            self._engines[address] = engine
        return self._engines[address]

    def close(self) -> None:
        """Close all files."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


def _do_not_wait_for_the_disk(connection: Any, _record: object) -> None:
    """With a write-ahead log this is safe against the end of a process; the log is synced when it is folded in."""
    connection.execute("pragma synchronous = normal")


class OpenRunStorage(SqliteRunStorage):
    """Dagster's runs in ``runs.db``."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._files = OpenFiles()
        super().__init__(conn_string, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> OpenRunStorage:
        """The storage that the settings describe."""
        return cls.from_local(inst_data=inst_data, **config_value)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction on the file."""
        with self._files.transaction(self._conn_string) as connection:
            yield connection

    def dispose(self) -> None:
        """Close the file."""
        self._files.close()
        super().dispose()


class OpenEventLog(SqliteEventLogStorage):
    """Dagster's events: one file for each run, and an index over all."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._files = OpenFiles()
        self._known_tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> OpenEventLog:
        """The storage that the settings describe."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """A transaction on a run's file or the index, for one thread at a time."""
        with self._db_lock:
            address = self.conn_string_for_shard(shard)
            if shard not in self._initialized_dbs:
                self._initdb(self._files.engine(address))
                self._initialized_dbs.add(shard)
            with self._files.transaction(address) as connection:
                yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; Dagster asks for every event, and none is ever dropped."""
        if table_name not in self._known_tables and super().has_table(table_name):
            self._known_tables.add(table_name)
        return table_name in self._known_tables

    def dispose(self) -> None:
        """Close the files."""
        self._files.close()
        super().dispose()
