"""A small tree of its own, under git, with tools that are none: what ci/test-machines and ci/test-nightly run a script of ours in, and
the checks that they count."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
failures = checks = 0


def check(what, holds, *more):
    global checks, failures
    checks += 1
    if not holds:
        failures += 1
        print(f"FAIL: {what}", *map(str, more))


class Tree:
    """A folder `work`, in it `tree`, the top, and `bin`, which stands first on PATH. Who derives from it fills both, and then begins."""

    script = ""  # what is tested, ci/SCRIPT

    def __init__(self, work, *folders):
        self.work, self.top = work, work / "tree"
        for folder in ("bin", *(f"tree/{name}" for name in folders)):
            (work / folder).mkdir(parents=True)

    def begin(self):
        self.git("init", "-q")
        self.commit()

    def git(self, *words):
        return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.invalid", *words], cwd=self.top, check=True,
                              capture_output=True, text=True).stdout

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a")

    def head(self):
        return self.git("rev-parse", "HEAD")[:12]

    def start(self, *words):
        (self.work / "calls").write_text("")
        return subprocess.Popen([sys.executable, self.top / "ci" / self.script, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, env={**os.environ, "PATH": f"{self.work}/bin:{os.environ['PATH']}", "WORK": str(self.work),
                                                "TFSM_PROGRESS": "0.2", "TFSM_GRACE": "2"})

    def run(self, wanted, words, *asked):
        """Run it: what it has said, the status being as wanted and its words among what it says."""
        child = self.start(*asked)
        out, err = child.communicate(timeout=60)
        check(f"{asked}: status {wanted}, not {child.returncode}", child.returncode == wanted, out, err)
        check(f"{asked}: says {words!r}", words in out + err, out, err)
        if wanted == 2:
            check(f"{asked}: refused with one line", err.count("\n") == 1 and not out, out, err)
        return out + err


def main(text, tests):
    """tests(folder) in a folder of its own, where nothing is asked of the script that tests: its status."""
    words, name = sys.argv[1:], Path(sys.argv[0]).name
    if words in (["-h"], ["--help"]):
        print(text.strip())
        return 0
    if words:
        print(f"{name}: {words[0]}: takes no argument", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix=f"{name}.") as work:
        tests(Path(work))
    print(f"{checks} checks, {failures} failures")
    return 1 if failures else 0
