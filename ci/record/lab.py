"""Two kernels' worth of TCP and the wire between them.

Three network namespaces: `client` and `server` are real ends; `wire` has no addresses, only a relay in
user space that passes frames from one side to the other. The relay is where segments are lost, held
back or doubled, so each end's capture is exactly what that end's kernel sent and received. A relay and
not a packet filter, because crossing SYNs and FINs need a segment to be kept for a while, which netem
could do and a filter cannot.
"""

import ctypes
import os
import select
import signal
import socket
import subprocess
import threading
import time

import segment as tcp

PATIENCE = 8.0  # seconds; the longest thing waited for is a third zero-window probe
QUIET = 0.3     # seconds of silence after which a scenario is over: more than the least RTO, 200 ms
MTU = 1500
CLIENT_PORTS = 10000  # the client's port is the server's plus this
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
SEND_QUEUE = 2
ETH_P_ALL = 3
CLONE_NEWNET = 0x40000000

KERNEL_STATES = {
    "TCP_ESTABLISHED": "ESTABLISHED", "TCP_SYN_SENT": "SYN-SENT", "TCP_SYN_RECV": "SYN-RECEIVED",
    "TCP_FIN_WAIT1": "FIN-WAIT-1", "TCP_FIN_WAIT2": "FIN-WAIT-2", "TCP_TIME_WAIT": "TIME-WAIT",
    "TCP_CLOSE": "CLOSED", "TCP_CLOSE_WAIT": "CLOSE-WAIT", "TCP_LAST_ACK": "LAST-ACK",
    "TCP_LISTEN": "LISTEN", "TCP_CLOSING": "CLOSING", "TCP_NEW_SYN_RECV": "SYN-RECEIVED",
}
PROC_STATES = {"01": "ESTABLISHED", "02": "SYN-SENT", "03": "SYN-RECEIVED", "04": "FIN-WAIT-1",
               "05": "FIN-WAIT-2", "06": "TIME-WAIT", "07": "CLOSED", "08": "CLOSE-WAIT",
               "09": "LAST-ACK", "0A": "LISTEN", "0B": "CLOSING", "0C": "SYN-RECEIVED"}

# The same on every machine, whatever its administrator likes: the kernel's own defaults.
SYSCTLS = {
    "ipv4/tcp_congestion_control": "reno",
    "ipv4/tcp_rmem": "4096 131072 6291456",
    "ipv4/tcp_wmem": "4096 16384 4194304",
    "ipv4/tcp_ecn": "2",
    "ipv4/tcp_no_metrics_save": "1",
}

libc = ctypes.CDLL(None, use_errno=True)


class Missing(Exception):
    """The scenario did not happen as it should; worth another try."""


def run(*argv, lines=None):
    subprocess.run(argv, check=True, input=lines, text=True)


class Namespace:
    """A network namespace; sockets opened inside `with` belong to it for their whole life."""

    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY)

    def __enter__(self):
        self.back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.go(self.fd)

    def __exit__(self, *_):
        self.go(self.back)
        os.close(self.back)

    @staticmethod
    def go(fd):
        if libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def ip(self, *lines):
        run("ip", "-n", self.name, "-batch", "-", lines="\n".join(lines) + "\n")

    def sysctl(self, name, value):
        with self, open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
            file.write(str(value))

    def remove(self):
        os.close(self.fd)
        run("ip", "netns", "del", self.name)


class Wire(threading.Thread):
    """The relay. Rules are tried in the order they were made; a segment without a rule passes."""

    def __init__(self, namespace):
        super().__init__(daemon=True)
        with namespace:
            self.sides = [self.open(name) for name in ("to-client", "to-server")]
        self.wake_read, self.wake_write = os.pipe()
        self.changed = threading.Condition()
        self.rules = []
        self.held = []
        self.seen = []
        self.last = time.monotonic()

    @staticmethod
    def open(interface):
        side = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        side.bind((interface, 0))
        return side

    def run(self):
        while True:
            ready, _, _ = select.select([*self.sides, self.wake_read], [], [])
            if self.wake_read in ready:
                return
            for side in ready:
                frame, address = side.recvfrom(65535)
                if address[2] != socket.PACKET_OUTGOING:
                    self.relay(frame, self.sides[1 - self.sides.index(side)])

    def relay(self, frame, onward):
        seg = tcp.parse(frame)
        with self.changed:
            verdict = self.judge(seg) if seg else "pass"
            if seg:
                self.seen.append(seg)
                self.last = time.monotonic()
            if verdict in ("hold", "copy"):
                self.held.append((onward, frame))
            for _ in range({"pass": 1, "copy": 1, "twice": 2}.get(verdict, 0)):
                onward.send(frame)
            self.changed.notify_all()

    def judge(self, seg):
        for rule in self.rules:
            match, verdict, times = rule
            if times != 0 and match(seg):
                rule[2] -= 1
                return verdict
        return "pass"

    def rule(self, verdict, match=lambda seg: True, times=1):
        """Does `verdict` to the next `times` segments that match: drop, hold, twice, or copy (pass
        it and hold a copy). A negative `times` is for ever."""
        with self.changed:
            self.rules.append([match, verdict, times])

    def release(self, keep=False):
        """Sends what is held, in order. Rules are forgotten unless `keep`."""
        with self.changed:
            if not keep:
                self.rules.clear()
            for onward, frame in self.held:
                onward.send(frame)
            self.held.clear()
            self.last = time.monotonic()

    def wait(self, match, count=1):
        """Waits until `count` matching segments came to the relay since the beginning."""
        with self.changed:
            if not self.changed.wait_for(
                    lambda: sum(1 for s in self.seen if match(s)) >= count, PATIENCE):
                raise Missing("an awaited segment did not come")

    def settle(self):
        """Waits until nothing has moved for a while."""
        limit = time.monotonic() + PATIENCE
        while (left := self.last + QUIET - time.monotonic()) > 0:
            if time.monotonic() > limit:
                raise Missing("the connection did not come to rest")
            time.sleep(left)

    def stop(self):
        os.write(self.wake_write, b"x")
        self.join()
        for fd in (*self.sides,):
            fd.close()
        os.close(self.wake_read)
        os.close(self.wake_write)


class Capture:
    """tcpdump on one end's interface."""

    def __init__(self, namespace, path, port):
        with namespace:
            self.process = subprocess.Popen(
                ["tcpdump", "-i", "eth0", "-n", "-U", "--immediate-mode", "-Z", "root", "-w", path,
                 f"tcp port {port}"], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "listening on" in line:
                return
        raise Missing("tcpdump did not start")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        _, words = self.process.communicate(timeout=PATIENCE)
        if "0 packets dropped by kernel" not in words:
            raise Missing("tcpdump lost packets")


class Lab:
    """One scenario's network: made, used for one connection, removed."""

    def __init__(self, name, family, port, sysctls):
        self.family, self.port = family, port
        self.kind = socket.AF_INET if family == 4 else socket.AF_INET6
        self.sockets, self.captures, self.namespaces = [], [], []
        self.wire = None
        try:
            self.client, self.server, middle = [
                self.namespace(f"{name}-{end}") for end in ("client", "server", "wire")]
            middle.sysctl("ipv6/conf/default/disable_ipv6", 1)
            self.attach(self.client, middle, 1, tcp.CLIENT, tcp.SERVER)
            self.attach(self.server, middle, 2, tcp.SERVER, tcp.CLIENT)
            for end in (self.client, self.server):
                for key, value in {**SYSCTLS, **sysctls}.items():
                    end.sysctl(key, value)
            self.wire = Wire(middle)
            self.wire.start()
        except BaseException:
            self.remove()
            raise

    def namespace(self, name):
        self.namespaces.append(Namespace(name))
        return self.namespaces[-1]

    def attach(self, end, middle, number, own, other):
        """A veth pair from an end to the wire, without offloads: checksums and sizes as on a cable."""
        mac = "00:00:5e:00:53:%02x"  # RFC 7042's documentation addresses
        tail = "to-client" if end is self.client else "to-server"
        run("ip", "-n", end.name, "link", "add", "dev", "eth0", "address", mac % number, "mtu",
            str(MTU), "type", "veth", "peer", "name", tail, "netns", middle.name)
        middle.ip(f"link set dev {tail} up")
        with end:
            subprocess.run(["ethtool", "-K", "eth0", "tx", "off", "rx", "off", "sg", "off", "tso",
                            "off", "gso", "off", "gro", "off"], check=True,
                           stdout=subprocess.DEVNULL)
        end.ip("link set dev lo up", "link set dev eth0 up",
               f"address add {own[4]}/32 dev eth0", f"address add {own[6]}/128 dev eth0 nodad",
               f"route add {other[4]}/32 dev eth0", f"route add {other[6]}/128 dev eth0",
               f"neigh add {other[4]} lladdr {mac % (3 - number)} dev eth0 nud permanent",
               f"neigh add {other[6]} lladdr {mac % (3 - number)} dev eth0 nud permanent")

    def record(self, stem):
        for end, view in ((self.client, "client"), (self.server, "server")):
            self.captures.append(Capture(end, f"{stem}.{view}.pcap", self.port))

    def finish_recording(self):
        self.wire.settle()
        for capture in self.captures:
            capture.stop()
        self.captures = []

    def remove(self):
        for capture in self.captures:
            capture.process.kill()
            capture.process.communicate()
        for sock in self.sockets:
            sock.close()
        if self.wire:
            self.wire.stop()
        for namespace in self.namespaces:
            namespace.remove()

    # What scenarios are written in.

    def socket(self, end):
        with end:
            sock = socket.socket(self.kind, socket.SOCK_STREAM)
        self.sockets.append(sock)
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(self.address(end))
        return sock

    def address(self, end):
        if end is self.client:
            return tcp.CLIENT[self.family], self.port + CLIENT_PORTS
        return tcp.SERVER[self.family], self.port

    def listen(self, **options):
        """A listening socket at the server; options such as SO_RCVBUF are inherited by `accept`."""
        listener = self.socket(self.server)
        for name, value in options.items():
            listener.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        listener.listen(1)
        return listener

    def accept(self, listener):
        sock, _ = listener.accept()
        self.sockets.append(sock)
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def connect(self, listener=None):
        """An established connection: (client's socket, server's socket)."""
        listener = listener or self.listen()
        client = self.socket(self.client)
        client.connect(self.address(self.server))
        return client, self.accept(listener)

    def leftover(self, end):
        """The state in which the kernel still knows the connection at this end, or CLOSED."""
        with end, open("/proc/thread-self/net/" + ("tcp" if self.family == 4 else "tcp6"),
                       encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        states = [PROC_STATES[row[3]] for row in rows if not row[2].endswith(":0000")]
        return states[0] if states else "CLOSED"


def transitions(instance, port):
    """The kernel's own state changes on this port, in order, as rows of the .states.tsv file."""
    rows = []
    with open(f"{instance}/trace", encoding="ascii", errors="replace") as file:
        for line in file:
            if "inet_sock_set_state:" not in line:
                continue
            event = dict(word.split("=", 1) for word in line.split() if "=" in word)
            if str(port) not in (event["sport"], event["dport"]):
                continue
            source = event["saddr"] if event["family"] == "AF_INET" else event["saddrv6"]
            end = {**dict.fromkeys(tcp.CLIENT.values(), "client"),
                   **dict.fromkeys(tcp.SERVER.values(), "server")}.get(source)
            if end:
                rows.append([end, event["family"], event["sport"], event["dport"],
                             KERNEL_STATES[event["oldstate"]], KERNEL_STATES[event["newstate"]]])
    return rows
