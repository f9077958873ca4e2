"""A FreeRADIUS of the test's own: its configuration, users and accounting records in one directory."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from functools import cache
from pathlib import Path
from types import TracebackType

from tests.support.guest import until
from tests.support.namespaces import Namespace

_DICTIONARIES = Path("/usr/share/freeradius")
USERS = """\
DEFAULT User-Name =~ "^user[0-9]+$", Cleartext-Password := "pass"
        Service-Type = Framed-User, Framed-Protocol = PPP, Class = 0x636c617373
"""
_READY = "Ready to process requests"
_SIGNS = "update reply {\n&Message-Authenticator := 0x00\n}"
_REFUSES = 'update reply {\n&Reply-Message := "{text}"\n}'

_CONFIGURATION = """\
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {directory}
run_dir = {directory}
name = radius
pidfile = {directory}/pid
max_requests = 65536
log {{
    destination = files
    file = {directory}/log
    auth = yes
}}
security {{
    allow_core_dumps = no
    reject_delay = 0
    status_server = yes
}}
thread pool {{
    start_servers = 2
    max_servers = 4
    min_spare_servers = 1
    max_spare_servers = 2
}}
client any {{
    ipaddr = 0.0.0.0/0
    secret = {secret}
    require_message_authenticator = yes
}}
modules {{
    pap {{
    }}
    chap {{
    }}
    mschap {{
        use_mppe = yes
        require_encryption = no
        require_strong = no
    }}
    files {{
        filename = {directory}/users
    }}
    detail {{
        filename = {directory}/accounting
        permissions = 0600
    }}
    detail requests {{
        filename = {directory}/requests
        permissions = 0600
    }}
    {sql}
}}
{policy}
server default {{
    listen {{
        type = auth
        ipaddr = {address}
        port = {port}
    }}
    listen {{
        type = acct
        ipaddr = {address}
        port = {acct_port}
    }}
    authorize {{
        requests
        chap
        mschap
        files
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        Auth-Type CHAP {{
            chap
        }}
        Auth-Type MS-CHAP {{
            mschap
        }}
    }}
    post-auth {{
        {accept}
        Post-Auth-Type REJECT {{
            {reject}
        }}
    }}
    preacct {{
        {preacct}
    }}
    accounting {{
        detail
        {accounting}
    }}
}}
"""
_DEBIAN = Path("/etc/freeradius/3.0")
_SQL = """\
expr {{
    }}
    sql {{
        driver = rlm_sql_sqlite
        dialect = sqlite
        sqlite {{
            filename = {directory}/radius.db
            busy_timeout = 5000
            bootstrap = {debian}/mods-config/sql/main/sqlite/schema.sql
        }}
        radius_db = radius
        acct_table1 = radacct
        acct_table2 = radacct
        postauth_table = radpostauth
        authcheck_table = radcheck
        authreply_table = radreply
        groupcheck_table = radgroupcheck
        groupreply_table = radgroupreply
        usergroup_table = radusergroup
        group_attribute = SQL-Group
        read_clients = no
        client_table = nas
        open_query = "PRAGMA synchronous=OFF"
        pool {{
            start = 1
            min = 1
            max = 4
            spare = 2
            uses = 0
            lifetime = 0
            idle_timeout = 0
            retry_delay = 1
        }}
        $INCLUDE {debian}/mods-config/sql/main/sqlite/queries.conf
    }}
"""
"""Debian's schema and queries, as they are shipped; the server may be killed, the machine of a test loses no power."""
_POLICY = f"policy {{\n$INCLUDE {_DEBIAN}/policy.d/accounting\n}}\n"
Record = dict[str, str]


class FreeRadius:
    """Debian's FreeRADIUS; a context manager.  It insists on Message-Authenticator in what it gets."""

    def __init__(
        self,
        namespace: Namespace,
        directory: Path,
        *,
        address: str = "198.18.1.2",
        port: int = 1812,
        secret: str = "radsecret",
        users: str = USERS,
        signs: bool = True,
        refusal: str = "no such subscriber",
        dictionaries: Iterable[Path] = (),
        sql: bool = False,
    ) -> None:
        """Write its configuration.

        ``signs``: whether its answers carry Message-Authenticator; as Debian ships it they do
        not.  ``refusal`` is the Reply-Message of a reject.  ``dictionaries`` are read after its own.
        ``sql``: accounting goes into a SQLite file, too, by the schema that Debian ships.
        """
        directory.mkdir(parents=True)
        self.directory, self.address, self._namespace = directory, address, namespace
        self._process: subprocess.Popen[bytes] | None = None
        signature = _SIGNS if signs else ""
        included = (_DICTIONARIES / "dictionary", *dictionaries)
        (directory / "dictionary").write_text("".join(f"$INCLUDE {path}\n" for path in included))
        (directory / "users").write_text(users)
        (directory / "radiusd.conf").write_text(
            _CONFIGURATION.format(
                directory=directory,
                secret=secret,
                address=address,
                port=port,
                acct_port=port + 1,
                accept=signature,
                reject=signature + "\n" + _REFUSES.replace("{text}", refusal),
                sql=_SQL.format(directory=directory, debian=_DEBIAN) if sql else "",
                policy=_POLICY if sql else "",
                preacct="acct_unique" if sql else "",
                accounting="sql" if sql else "",
            )
        )

    def __enter__(self) -> FreeRadius:
        self.start()
        return self

    def start(self) -> None:
        """Start it, for the first time or once more; returns when it is ready."""
        begun = self.log().count(_READY)
        command = ("freeradius", "-d", str(self.directory), "-D", str(self.directory), "-f", "-l", self._log)
        with (self.directory / "stdout").open("wb") as output:
            self._process = self._namespace.start(*command, stdout=output, stderr=output)
        for _ in until(60):
            if self.log().count(_READY) > begun:
                return
            if self._process.poll() is not None:
                break
        self.stop()
        raise RuntimeError(f"FreeRADIUS did not start:\n{self.log()}\n{(self.directory / 'stdout').read_text()}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def _log(self) -> str:
        return str(self.directory / "log")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it; a server that is away answers with ICMP only."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def rows(self, query: str) -> list[sqlite3.Row]:
        """Return what a query finds in its SQLite file, while it runs or not."""
        with closing(sqlite3.connect(f"file:{self.directory}/radius.db?mode=ro", uri=True, timeout=10)) as opened:
            opened.row_factory = sqlite3.Row
            return opened.execute(query).fetchall()

    def log(self) -> str:
        """Return its log."""
        path = Path(self._log)
        return path.read_text(errors="replace") if path.exists() else ""

    def records(self, status: str | None = None) -> list[Record]:
        """Return the accounting records that it wrote, all or those of an Acct-Status-Type."""
        records = self._book("accounting")
        return [record for record in records if status in (None, record["Acct-Status-Type"])]

    def requests(self) -> list[Record]:
        """Return the Access-Requests that it got."""
        return self._book("requests")

    def _book(self, name: str) -> list[Record]:
        path = self.directory / name
        return list(_records(path.read_text(errors="replace"))) if path.exists() else []

    def wait_records(self, status: str, count: int = 1, seconds: float = 30.0) -> list[Record]:
        """Wait until it has written ``count`` records of an Acct-Status-Type."""
        for _ in until(seconds):
            if len(found := self.records(status)) >= count:
                return found
        raise AssertionError(f"{len(found)} of {count} {status} records in {seconds} s; {self.log()[-2000:]}")


def _records(text: str) -> Iterable[Record]:
    """Take a detail file apart: a date, then an attribute a line, then an empty line."""
    for block in text.split("\n\n"):
        pairs = [line.strip().split(" = ", 1) for line in block.splitlines() if line.startswith("\t")]
        if pairs:
            yield {pair[0]: pair[1].strip('"') for pair in pairs}


@cache
def values() -> dict[tuple[str, str], int]:
    """Return the numbers of the named values in FreeRADIUS's own dictionaries."""
    found = {}
    for path in (*_DICTIONARIES.glob("dictionary.rfc*"), _DICTIONARIES / "dictionary.freeradius.internal"):
        for line in path.read_text(errors="replace").splitlines():
            if match := re.match(r"VALUE\s+(\S+)\s+(\S+)\s+(\d+|0x[0-9a-fA-F]+)\s*(?:#.*)?$", line):
                found[match[1], match[2]] = int(match[3], 0)
    return found
