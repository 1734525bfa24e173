"""One stream over `tcpfsm relay`, between two sockets of Linux or between one and `tcpfsm connect`, in network namespaces of its
own: how long it took, or why it did not bring every octet and end in good order. Of ci/recovery."""

import hashlib
import os
import re
import select
import signal
import socket
import subprocess
import time

from spaces import inside, new_space, path_of, start

LIMIT = 60  # seconds that a transfer may take
CLOSING = 20  # and its end
LEFT, RIGHT, PORT = "192.0.2.1", "192.0.2.2", 4000
OURS = {"left": ("192.0.2.66/26", "192.0.2.65"), "right": ("192.0.2.130/26", "192.0.2.129")}  # more exact than the wire's /24
BUFFER = 4 << 20  # octets: what Linux lets grow on either side, too
KERNEL = {"ipv4/tcp_rmem": f"4096 131072 {BUFFER}", "ipv4/tcp_wmem": f"4096 16384 {BUFFER}"}


class Failed(Exception):
    """A transfer did not bring what it should."""


def octets_of(cell, seed):
    """So many octets that do not repeat."""
    return hashlib.shake_128(f"{cell.name} {seed}".encode()).digest(cell.octets)


def kernel_of(space, forwards):
    """Its buffers, and whether it takes packets on, for us behind it."""
    with inside(space):
        for name, value in {**KERNEL, "ipv4/ip_forward": str(int(forwards)), "ipv6/conf/default/disable_ipv6": "1"}.items():
            if name.startswith("ipv4") or os.path.exists("/proc/sys/net/ipv6"):  # which speaks up by itself
                with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
                    file.write(value)


def listener(space, host, congestion):
    with inside(space):
        server = socket.socket()
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, PORT))
    server.listen(1)
    return server


def pump(source, sink, octets, deadline):
    """Write them all to the one descriptor and read as many from the other: what was read, and when the last one was."""
    view, pieces, came = memoryview(octets), [], 0
    os.set_blocking(source, False)
    os.set_blocking(sink, False)
    while came < len(octets):
        left = deadline - time.monotonic()
        if left <= 0:
            raise Failed(f"{came} of {len(octets)} octets came in {LIMIT} s")
        readable, writable, _ = select.select([sink], [source] if view else [], [], left)
        if writable:
            view = view[os.write(source, view[:1 << 18]):]
        if readable:
            piece = os.read(sink, 1 << 18)
            if not piece:
                raise Failed(f"the stream ended after {came} of {len(octets)} octets")
            pieces.append(piece)
            came += len(piece)
    return b"".join(pieces), time.monotonic()


def read_end(sink, deadline):
    """There is nothing more, and the peer says so."""
    if not select.select([sink], [], [], max(0, deadline - time.monotonic()))[0]:
        raise Failed(f"the stream did not end within {CLOSING} s after its last octet")
    if os.read(sink, 1):
        raise Failed("more octets came than were sent")


def why(ours):
    return f"tcpfsm ended with {ours.returncode}: {ours.stderr.read().decode(errors='replace').strip()[:200]}"


class Transfer:
    """Left of the relay is who sends, a socket of Linux or tcpfsm behind one; right of it who receives. One end at least is Linux,
    and listens. The time begins when the sender can send, and ends with the last octet that is read."""

    def __init__(self, tcpfsm, words, cell, congestion, pair, seed):
        """words: options of tcpfsm at either end; cell: name, octets, delay in ms, and wire, the options of the relay."""
        self.tcpfsm, self.words, self.cell, self.congestion, self.seed = tcpfsm, words, cell, congestion, seed
        self.sender, self.receiver = pair.split(">")
        self.spaces, self.files, self.commands = {}, [], []

    def run(self):
        """Seconds, and packets that the sender took for it."""
        try:
            return self.transfer()
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(str(error)) from error
        finally:
            for command in self.commands:
                command.kill()
            for command in self.commands:
                command.wait()
                for pipe in (command.stdin, command.stdout, command.stderr):
                    if pipe:
                        pipe.close()
            for file in self.files:
                file.close()
            for space in self.spaces.values():
                os.close(space)

    def command(self, side, *words, **how):
        command = start(self.spaces[side], [str(self.tcpfsm), *words], bufsize=0, stderr=subprocess.PIPE,
                        stdout=subprocess.PIPE, **how)
        self.commands.append(command)
        return command

    def relay(self):
        words = []
        for side, host in (("left", LEFT), ("right", RIGHT)):
            words += ["--tun", side, "--netns", path_of(self.spaces[side]), "--addr", host + "/24"]
        relay = self.command("left", "relay", *words, *self.cell.wire.split(), "--seed", str(self.seed), stdin=subprocess.DEVNULL)
        if not select.select([relay.stdout], [], [], LIMIT)[0] or b"relaying" not in relay.stdout.readline():
            relay.kill()
            raise Failed(f"no relay: {relay.stderr.read().decode(errors='replace').strip()}")
        return relay

    def connect(self, side, peer):
        ours, hosts = OURS[side]
        return self.command(side, "connect", "--tun", "ours", "--addr", ours, "--host-addr", hosts, *self.words,
                            f"{peer}:{PORT}", stdin=subprocess.PIPE)

    def transfer(self):
        for side, who in (("left", self.sender), ("right", self.receiver)):
            self.spaces[side] = new_space()
            kernel_of(self.spaces[side], who == "tcpfsm")
        octets = octets_of(self.cell, self.seed)
        relay = self.relay()
        deadline = time.monotonic() + LIMIT
        side, host = ("right", RIGHT) if self.sender == "tcpfsm" else ("left", LEFT)
        server = listener(self.spaces[side], host, self.congestion)
        self.files.append(server)
        ours = client = None
        if self.sender == "tcpfsm":
            ours = self.connect("left", RIGHT)
        elif self.receiver == "tcpfsm":
            ours = self.connect("right", LEFT)
        else:
            with inside(self.spaces["right"]):
                client = socket.socket()
            self.files.append(client)
            client.setblocking(False)
            client.connect_ex((LEFT, PORT))
        connection = self.accept(server, ours, deadline)
        began = time.monotonic() - (self.cell.delay / 1000 if self.sender == "tcpfsm" else 0)
        if self.sender == "tcpfsm":
            source, sink = ours.stdin.fileno(), connection.fileno()
        else:
            source, sink = connection.fileno(), client.fileno() if client else ours.stdout.fileno()
        came, ended = pump(source, sink, octets, deadline)
        if hashlib.sha256(came).digest() != hashlib.sha256(octets).digest():
            raise Failed(f"other octets came than were sent, all {len(octets)} of them")
        self.close(ours, client, connection, time.monotonic() + CLOSING)
        relay.send_signal(signal.SIGINT)
        said, errors = relay.communicate(timeout=CLOSING)
        packets = re.search(rb"^left to right:\n(?:  .*\n)*?  packets_in +(\d+) ", said, re.M)
        if relay.returncode != 0 or not packets:
            raise Failed(f"the relay ended with {relay.returncode}: {errors.decode(errors='replace').strip()[:200]}")
        return ended - began, int(packets[1])

    def accept(self, server, ours, deadline):
        while not select.select([server], [], [], 0.2)[0]:
            if ours and ours.poll() is not None:
                raise Failed(why(ours))
            if time.monotonic() > deadline:
                raise Failed(f"no connection within {LIMIT} s")
        connection, _ = server.accept()
        self.files.append(connection)
        return connection

    def close(self, ours, client, connection, deadline):
        """First who has sent, then the other; and tcpfsm ends in good order."""
        if self.sender == "tcpfsm":
            ours.stdin.close()
            read_end(connection.fileno(), deadline)
            connection.close()
        else:
            connection.shutdown(socket.SHUT_WR)
            if client:
                read_end(client.fileno(), deadline)
                client.close()
            else:
                ours.stdin.close()
                read_end(connection.fileno(), deadline)
                connection.close()
                read_end(ours.stdout.fileno(), deadline)
        if ours and ours.wait(max(1, deadline - time.monotonic())) != 0:
            raise Failed(why(ours))
