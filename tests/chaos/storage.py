"""What may happen to the disk below a campaign, one program each: ``python -m tests.chaos.storage locked --seed 7``.

Each sets a campaign up against simulated callees, does its harm in the middle, and then holds three accounts against
each other: the callees' (which INVITEs came, and when), the log's (which outcomes were durable), and the store's.
"""

# ruff: noqa: S606, S608  unshare takes this program's place; the tables are the store's own

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.chaos.storage_field import SEVERAL, Field, now, say, wait_until

from dialer.errors import StoreError
from dialer.store.audit import has_entry, head_path, noted_head
from dialer.store.health import must_be_sound
from dialer.store.invariants import examine_deeply
from dialer.store.migrate import is_current, revision_of
from dialer.store.snapshot import snapshot

GRACE = timedelta(seconds=1.5)  # for calls whose attempts were durable before the harm
FLIPS = 100
CUTS = 16
# Columns that no index, digest or count holds: a bit of theirs may be another, unseen. docs/store.md says so.
_UNHELD = {
    "contact": "imported_at updated_at place_id",
    "contact_list": "created_at",
    "consent": "recorded_at expires_at signature authorises_recorded not_a_condition evidence",
    "revocation": "reason source means scope",
    "internal_dnc": "added_at reason source expires_at removed_at removed_reason",
    "campaign": "definition sha256 base_dir state pause_reason created_at changed_at cps channels",
    "campaign_list": "position",
    "run": "pid host started_at heartbeat_at ended_at",
    "queue": "last_outcome why_finished claimed_by claimed_at",
    "basis_text": "recorded_at",
    "orders": "at kind campaign_id taken_at",
}
NOT_VOUCHED = {f"{table}.{column}" for table, columns in _UNHELD.items() for column in columns.split()}


def locked(field: Field) -> None:
    """Another process holds the database for 30 seconds: no call meanwhile, and the run goes on by itself."""
    with field.prepared(), field.running() as run:
        with closing(sqlite3.connect(field.store, isolation_level=None, timeout=10)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            begin = now()
            time.sleep(30)
            end = now()
            holder.execute("ROLLBACK")
        field.ends(run, timeout=90)
        assert field.invited_between(begin + GRACE, end) == []
        assert field.complains("locked by another process")
        field.holds()


def disk_full(field: Field) -> None:
    """The disk fills up: no call until there is room, and then the run goes on by itself."""
    field.disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(field.disk)], check=True)
    with field.prepared(), field.running() as run:
        ballast = field.disk / "ballast"
        fill(ballast)
        wait_until(lambda: field.complains("no call is placed"))
        begin = now()
        time.sleep(5)
        end = now()
        ballast.unlink()
        field.ends(run, timeout=90)
        assert field.invited_between(begin + GRACE, end) == []
        assert field.complains("no space is left") or field.complains("does not do its work")
        field.holds()


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


def read_only(field: Field) -> None:
    """The file system finds a fault and turns read-only, as ext4 does: no call; a later run goes on."""
    field.disk.mkdir()
    image = field.home / "image"
    with image.open("wb") as file:
        file.truncate(48 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    mount = ["mount", "-o", "loop,errors=remount-ro", str(image), str(field.disk)]
    subprocess.run(mount, check=True)
    with field.prepared():
        with field.running() as run:
            number = field.disk.stat().st_dev
            device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
            (Path("/sys/fs/ext4") / device.resolve().name / "trigger_fs_error").write_text("chaos")
            wait_until(lambda: field.complains("no call is placed"))
            begin = now()
            time.sleep(4)
            end = now()
            run.send_signal(signal.SIGINT)
            time.sleep(1)
            run.send_signal(signal.SIGINT)
            field.ends(run, code=run.wait(timeout=60))
        assert field.invited_between(begin + GRACE, end) == []
        said = field.operator.run("run", "--until-idle", code=1)
        assert "cannot be written" in said or "does not do its work" in said, said
        subprocess.run(["umount", str(field.disk)], check=True)
        subprocess.run(["e2fsck", "-fy", str(image)], check=False, stdout=subprocess.DEVNULL)
        subprocess.run(mount, check=True)
        field.operator.run("run", "--until-idle")
        field.holds(interrupted=True)


def wal_running(field: Field) -> None:
    """The WAL is deleted under a run, which is then killed: what was acknowledged is in the file."""
    with field.prepared():
        with field.running() as run:
            for suffix in field.rng.choice([["-wal"], ["-shm"], ["-wal", "-shm"]]):
                field.store.with_name(f"dialer.db{suffix}").unlink()
                say(f"deleted {suffix}")
            some = len(field.acknowledged())
            wait_until(lambda: len(field.acknowledged()) > some + SEVERAL)
            run.kill()
            run.communicate()
        field.operator.run("run", "--until-idle")
        field.holds(interrupted=True)


def wal_stopped(field: Field) -> None:
    """The WAL of a killed run is deleted: no later run takes the rest for whole, and a restore brings it in order."""
    with field.prepared():
        field.operator.run("backup", str(field.home / "copy.db"))
        with field.running() as run:
            time.sleep(3)  # the newest entry is noted every two
            run.kill()
            run.communicate()
        time.sleep(3)  # for the agent, which hangs up by itself
        invited = len(field.invites())
        field.store.with_name("dialer.db-wal").unlink()
        field.store.with_name("dialer.db-shm").unlink(missing_ok=True)
        said = field.operator.run("run", "--until-idle", code=1)
        assert "has lost what was in it" in said or "damaged" in said, said
        field.operator.run("campaign", "status")  # other commands do not paper over it
        assert "was noted as the newest" in field.operator.run("doctor", "--deep", "--json", code=4)
        field.operator.run("restore", str(field.home / "copy.db"), "--accept-loss")
        assert examine_deeply(field.store, now()).violations == ()
        field.operator.run("run", "--until-idle", code=1)  # paused: nobody is called until somebody has looked
        assert len(field.invites()) == invited, "no call was placed"


def bit_flip(field: Field) -> None:
    """One bit of the file is another: found, or without any meaning; and no call rests on a page that does not hold."""
    with field.prepared():
        with field.running() as run:
            run.send_signal(signal.SIGINT)
            field.ends(run)
        invited = len(field.invites())
        sound, meant = field.store.read_bytes(), dump(field.store)
        found: Counter[str] = Counter()
        bad = b""
        for _ in range(FLIPS):
            content = bytearray(sound)
            place = field.rng.randrange(len(content) * 8)
            content[place // 8] ^= 1 << place % 8
            field.store.write_bytes(content)
            seen = look(field.store)
            if seen == "refused":
                bad = bytes(content)
            elif seen == "nothing":
                now_meant = dump(field.store)
                changed = {column for column, values in meant.items() if now_meant.get(column) != values}
                assert changed <= NOT_VOUCHED, f"bit {place % 8} of byte {place // 8} changed {changed}, unseen"
                seen = "not vouched for" if changed else "no meaning"
            found[seen] += 1
        say(str(dict(found)))
        assert bad
        field.store.write_bytes(bad)
        field.operator.run("run", "--until-idle", code=1)
        assert len(field.invites()) == invited, "no call was placed on a damaged store"


def look(store: Path) -> str:
    """Who sees that something is wrong: opening and the check before a run, the deep doctor, or nobody."""
    try:
        must_be_sound(store)
        is_current(store, revision_of(store))
    except (StoreError, sqlite3.Error):
        return "refused"
    try:
        return "found" if examine_deeply(store, now()).violations else "nothing"
    except StoreError:
        return "found"


def dump(store: Path) -> dict[str, list[Any]]:
    """The values of each column, by ``table.column``, in the order of the rows."""
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        found: dict[str, list[Any]] = {}
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            table = name.decode()
            rows = connection.execute(f"SELECT * FROM {table} ORDER BY rowid")
            columns = [each[0] for each in rows.description]
            values = rows.fetchall()
            found |= {f"{table}.{column}": [row[at] for row in values] for at, column in enumerate(columns)}
        return found


WRITER = """
import asyncio, sys
from tests.contract.store_values import NOW, RUN, a_contact, a_run, ended, permitted, take_due
from dialer.store.open import Store

async def main(path):
    async with await Store.open(path, create=True) as store:
        campaign_id = await a_run(store, contacts=9000)
        while claims := await take_due(store, RUN, campaign_id, 8, NOW):
            decided = [permitted(claim) for claim in claims]
            await store.engine.record_decisions(decided)
            print("attempts", *(each.attempt_id for each in decided), flush=True)
            await store.engine.record_outcomes([ended(each) for each in decided])
            print("outcomes", *(each.attempt_id for each in decided), flush=True)
            await store.audit.note_head()

asyncio.run(main(sys.argv[1]))
"""


def power_cut(field: Field) -> None:
    """The files at a random instant: copied at once they are whole; one after the other, whole or refused."""
    field.disk.mkdir()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(field.store)], stdout=subprocess.PIPE, text=True)
    said: dict[str, set[str]] = {"attempts": set(), "outcomes": set()}

    def listen() -> None:
        for line in writer.stdout or ():
            what, *ids = line.split()
            said[what] |= set(ids)

    listener = threading.Thread(target=listen)
    listener.start()
    wait_until(lambda: len(said["outcomes"]) > 100)
    copy = field.home / "copy" / "dialer.db"
    seen: Counter[str] = Counter()
    for turn in range(CUTS):
        time.sleep(field.rng.uniform(0.02, 0.3))
        shutil.rmtree(copy.parent, ignore_errors=True)
        copy.parent.mkdir()
        files = [field.store.with_name(f"dialer.db{suffix}") for suffix in ("", "-wal", "-shm", ".head")]
        field.rng.shuffle(files)
        at_once = turn % 2 == 0
        if at_once:
            writer.send_signal(signal.SIGSTOP)
            time.sleep(0.02)  # for what it said to arrive
        before = {what: set(ids) for what, ids in said.items()}
        for file in files:
            if file.exists():
                shutil.copyfile(file, copy.with_name(file.name))
            if not at_once:
                time.sleep(field.rng.uniform(0, 0.05))
        if at_once:
            writer.send_signal(signal.SIGCONT)
        how = look_at_copy(copy)
        seen[f"{'at once' if at_once else 'in turn'}: {how}"] += 1
        if at_once:
            assert how == "whole"
            with closing(sqlite3.connect(copy)) as connection:
                for what, table in (("attempts", "attempt"), ("outcomes", "outcome")):
                    kept = {each for (each,) in connection.execute(f"SELECT attempt_id FROM {table}")}
                    assert before[what] <= kept, f"acknowledged {what} are missing"
    writer.kill()
    writer.communicate()
    listener.join()
    say(str(dict(seen)))


def look_at_copy(copy: Path) -> str:
    """ "refused", by what a run asks before its first call, or "whole": then nothing at all may be wrong."""
    try:
        must_be_sound(copy)
        noted = noted_head(head_path(copy))
        with snapshot(copy) as connection:
            if noted is not None and not has_entry(connection, noted):
                return "refused"
    except (StoreError, sqlite3.Error):
        return "refused"
    violations = examine_deeply(copy, now()).violations
    assert violations == (), violations
    return "whole"


FAULTS: dict[str, Callable[[Field], None]] = {
    each.__name__: each for each in (locked, disk_full, read_only, wal_running, wal_stopped, bit_flip, power_cut)
}
OWN_MOUNTS = {"disk_full", "read_only"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fault", choices=FAULTS)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--home", type=Path, help="an empty directory; default: one that is removed at the end")
    asked = parser.parse_args()
    if asked.fault in OWN_MOUNTS and "DIALER_OWN_MOUNTS" not in os.environ:
        os.environ["DIALER_OWN_MOUNTS"] = "1"
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, "-m", "tests.chaos.storage",
                              *sys.argv[1:]])  # fmt: skip
    say(f"seed {asked.seed}")
    with tempfile.TemporaryDirectory(prefix="storage-") as home:
        field = Field(asked.home or Path(home), random.Random(asked.seed))
        try:
            FAULTS[asked.fault](field)
        finally:
            while field.disk.is_mount():
                subprocess.run(["umount", str(field.disk)], check=True)
    say("it held")


if __name__ == "__main__":
    main()
