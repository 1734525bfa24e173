"""Network namespaces that nobody else has, and commands in them: what ci/test-relay and ci/recovery share. A namespace is a
descriptor and has no name, and a command that was started here goes when this process does, so that nothing is left behind
however it ends."""

import ctypes
import os
import signal
import subprocess

NEW_NET, DEATH = 0x40000000, 1  # CLONE_NEWNET, PR_SET_PDEATHSIG
libc = ctypes.CDLL(None, use_errno=True)


def new_space():
    """Make a namespace: a descriptor of it. This thread stays where it is."""
    back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(NEW_NET) != 0:
            raise OSError(ctypes.get_errno(), f"unshare: {os.strerror(ctypes.get_errno())}")
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    finally:
        libc.setns(back, NEW_NET)
        os.close(back)


def path_of(space):
    """What other processes call it, as long as it is open here."""
    return f"/proc/{os.getpid()}/fd/{space}"


class inside:
    """What is opened or started here is of that namespace. It is this thread's alone."""

    def __init__(self, space):
        self.space = space

    def __enter__(self):
        self.back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        if libc.setns(self.space, NEW_NET) != 0:
            os.close(self.back)
            raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")

    def __exit__(self, *_):
        libc.setns(self.back, NEW_NET)
        os.close(self.back)


def start(space, words, **how):
    """A command in a namespace, started as Popen() is told; it goes when this process does."""
    parent = os.getpid()

    def dies_with_us():
        libc.prctl(DEATH, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    with inside(space):
        return subprocess.Popen(words, preexec_fn=dies_with_us, **how)
