"""What long work stands on that has to survive an interruption: what ci/machines and ci/nightly share. The tree as it is, results
that are written down whole, a lock that lasts as long as what was started under it, and commands that end when we do."""

import csv
import ctypes
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
SCRIPT = Path(sys.argv[0]).name
EVERY = float(os.environ.get("TFSM_PROGRESS", "20"))  # seconds between two words about how far it is
GRACE = float(os.environ.get("TFSM_GRACE", "60"))  # and those that a command has to end when it is told to
DEATH = 1  # PR_SET_PDEATHSIG
libc = ctypes.CDLL(None, use_errno=True)


class Wrong(Exception):
    """One line for the user; status 2."""


class Interrupted(Exception):
    """By a signal; its number."""


def say(text):
    print(f"{SCRIPT}: {text}", flush=True)


def commit():
    """What is checked out here, with a + where something else than documents differs from it: that is never the same again."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=TOP, capture_output=True, text=True, check=False)
    changes = subprocess.run(["git", "status", "--porcelain", "--", ".", ":!docs"], cwd=TOP, capture_output=True, text=True,
                             check=False)
    if head.returncode or changes.returncode:
        raise Wrong(f"{TOP}: no git checkout, and so nothing says what would be held")
    return head.stdout.strip()[:12] + ("+" if changes.stdout else "")


class Results:
    """A table with a row for each name, the first column; on disk it is always whole."""

    def __init__(self, path, columns):
        self.path, self.columns, self.rows = path, columns, {}
        if path.exists():
            try:
                with open(path, newline="", encoding="utf-8") as file:
                    rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
            except (OSError, UnicodeError, csv.Error) as error:
                raise Wrong(f"{named(path)}: is no table of results ({error}); what is in it has to be done again without it") from error
            # Rows of another version of this script say something else.
            self.rows = {row[columns[0]]: row for row in rows if list(row) == columns and None not in row.values()}

    def put(self, row):
        self.rows[row[self.columns[0]]] = {column: plain(row[column]) for column in self.columns}
        write_whole(self.path, "".join("\t".join(line) + "\n" for line in
                                       [self.columns, *(list(row.values()) for row in self.rows.values())]))

    def drop(self, name):
        self.rows.pop(name, None)


def plain(value):
    """Of one line, and without what a terminal or a table would take for its own."""
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", str(value))).strip().replace("\x1b", "")


def named(path):
    """As it is called from the top of the tree."""
    return path.relative_to(TOP) if path.is_relative_to(TOP) else path


def write_whole(path, text):
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise Wrong(f"{named(path)}: cannot be written: {error.strerror}") from error


def status_of(status, line):
    """Of a command, by how it ended and the last it said. Silence is no proof of work, and what was skipped was not done."""
    if status == 0:
        return "skipped" if re.search(r"(^|: )skipped: ", line) else "passed" if line else "failed"
    return "cannot" if status in (2, 126, 127) else "failed"


def with_build(preset, command):
    """The words of a command that wants a preset built from what is checked out now."""
    return ["bash", "-euo", "pipefail", "-c",
            f'. ci/lib.sh; need_packages "${{build_packages[@]}}"; build_preset {preset}; {command}', SCRIPT]


def lock(path):
    """Only one at a time. What is started with it, by run(), holds it, too: a command that outlives us still works here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise Wrong(f"{path.parent}: another {SCRIPT}, or what one has started, works there") from error
    return file


def catch_signals():
    def interrupt(number, _):
        raise Interrupted(number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def last_line(path):
    """Of what a command has said so far; its end is enough."""
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - 4000))
        lines = [plain(line) for line in file.read().decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")[:200]


def run(words, log, held, progress=None, mode="w"):
    """Run a command, its output to a file: its status. It is a group of its own, which goes when we are interrupted: asked to,
    so that it can keep what it has, and after GRACE seconds made to. progress() is called now and then."""
    with open(log, mode, encoding="utf-8") as file:
        try:
            child = subprocess.Popen([str(word) for word in words], cwd=TOP, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                     start_new_session=True, pass_fds=[held.fileno()], preexec_fn=end_with_us)
        except OSError as error:
            file.write(f"{words[0]}: {error.strerror}\n")
            return 127
    try:
        told = time.monotonic()
        while True:
            try:
                return child.wait(timeout=max(0.05, told + EVERY - time.monotonic()))
            except subprocess.TimeoutExpired:
                told = time.monotonic()
                if progress is not None:
                    progress()
    finally:
        stop(child)


def end_with_us():
    libc.prctl(DEATH, signal.SIGTERM)


def stop(child):
    if child.returncode is None:
        signal_group(child.pid, signal.SIGTERM)
        try:
            child.wait(timeout=GRACE)
        except (subprocess.TimeoutExpired, Interrupted):
            pass
    signal_group(child.pid, signal.SIGKILL)  # and what it has left behind
    child.wait()


def signal_group(group, number):
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


def main(work):
    """Run it, with what is common in how it ends: its status, 2 and one line, or that of a signal."""
    catch_signals()
    try:
        sys.exit(work(sys.argv[1:]))
    except Wrong as why:
        print(f"{SCRIPT}: {plain(why)}", file=sys.stderr)
        sys.exit(2)
    except Interrupted as by:
        print(f"{SCRIPT}: interrupted; the same command goes on", file=sys.stderr)
        sys.exit(128 + by.args[0])
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (OSError, UnicodeError) as error:
        print(f"{SCRIPT}: {plain(error)}", file=sys.stderr)
        sys.exit(2)
