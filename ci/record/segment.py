"""TCP segments as they were on the wire: parsing a frame, reading a pcap file, judging checksums."""

import ipaddress
import struct
from dataclasses import dataclass, field

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
OPT_MSS, OPT_WSCALE, OPT_SACK_OK, OPT_SACK, OPT_TS = 2, 3, 4, 5, 8

# Documentation addresses (RFC 5737, RFC 3849): the address alone says which end sent a segment.
CLIENT = {4: "192.0.2.1", 6: "2001:db8:1::1"}
SERVER = {4: "198.51.100.1", 6: "2001:db8:2::1"}


@dataclass
class Segment:
    """One TCP segment. `seq`, `ack`, `wnd` and `up` are the fields of the header, unscaled."""

    time: float
    src: str
    dst: str
    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    wnd: int
    up: int
    data: bytes
    sums_good: bool
    options: dict = field(default_factory=dict)

    @property
    def from_client(self):
        return self.src in CLIENT.values()

    @property
    def len(self):
        """SEG.LEN: SYN and FIN count."""
        return len(self.data) + self.has(SYN) + self.has(FIN)

    def has(self, flags):
        """True when all of these control bits are set."""
        return self.flags & flags == flags

    def is_just(self, flags):
        """True when SYN, RST, FIN and ACK are exactly these; PSH, URG, ECE and CWR are not looked at."""
        return self.flags & (SYN | RST | FIN | ACK) == flags

    def identity(self):
        """What two sightings of one transmission share."""
        return (self.src, self.seq, self.ack, self.flags, self.wnd, self.data,
                tuple(sorted(self.options.items())))


def ones_sum(data):
    """The Internet checksum's sum of `data`; 0xffff when a checksum in it is right."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def parse_options(raw):
    """The options as {kind: value}; a kind that comes twice keeps the last value."""
    options, at = {}, 0
    while at < len(raw) and raw[at] != 0:
        if raw[at] == 1:
            at += 1
            continue
        if at + 1 >= len(raw) or raw[at + 1] < 2:
            raise ValueError("malformed TCP option")
        options[raw[at]] = raw[at + 2:at + raw[at + 1]]
        at += raw[at + 1]
    return options


def parse(frame, time=0.0):
    """The TCP segment in an Ethernet frame, or None when there is none."""
    ethertype = frame[12:14]
    packet = frame[14:]
    if ethertype == b"\x08\x00" and packet[9] == 6:
        header = (packet[0] & 15) * 4
        tcp = packet[header:struct.unpack_from("!H", packet, 2)[0]]
        src, dst = packet[12:16], packet[16:20]
        pseudo = src + dst + struct.pack("!HH", 6, len(tcp))
        sums_good = ones_sum(packet[:header]) == 0xFFFF
    elif ethertype == b"\x86\xdd" and packet[6] == 6:
        tcp = packet[40:40 + struct.unpack_from("!H", packet, 4)[0]]
        src, dst = packet[8:24], packet[24:40]
        pseudo = src + dst + struct.pack("!II", len(tcp), 6)
        sums_good = True
    else:
        return None
    sport, dport, seq, ack, offset, flags, wnd, _, up = struct.unpack_from("!HHIIBBHHH", tcp)
    offset = (offset >> 4) * 4
    return Segment(time, str(ipaddress.ip_address(src)), str(ipaddress.ip_address(dst)), sport,
                   dport, seq, ack, flags, wnd, up, tcp[offset:],
                   sums_good and ones_sum(pseudo + tcp) == 0xFFFF, parse_options(tcp[20:offset]))


def read_pcap(path):
    """The segments of a classic pcap file of Ethernet frames; ValueError for anything else."""
    with open(path, "rb") as file:
        raw = file.read()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}.get(raw[:4])
    if order is None or len(raw) < 24:
        raise ValueError("not a classic pcap file")
    if struct.unpack_from(order + "I", raw, 20)[0] != 1:
        raise ValueError("link type is not Ethernet")
    segments, at = [], 24
    while at < len(raw):
        if at + 16 > len(raw):
            raise ValueError("the last record is cut off")
        sec, usec, kept, length = struct.unpack_from(order + "IIII", raw, at)
        if kept != length or at + 16 + kept > len(raw):
            raise ValueError("a record is cut off")
        segment = parse(raw[at + 16:at + 16 + kept], sec + usec / 1e6)
        if segment is None:
            raise ValueError("a frame that is not TCP")
        segments.append(segment)
        at += 16 + kept
    return segments
