/* What is written of the fixed headers of IPv4, IPv6 and TCP is what parse.c reads of them: each member stands where parsing looks
 * for it. Put together that is again_ipv4() and again_ipv6(), tfsm_parse() by its contract on what was written, which are
 * not proved. Nothing is said here of options, nor that the checksums written are those that parsing accepts: if it
 * accepts the packet, its members are those that were written. */
/* claims: write then parse is the identity on the fixed header */
/* options: -wp-split */
/* skipped: again_ipv4 again_ipv6 */
#include "parse.c"

/*@ predicate word16{L}(uint8_t *at, integer value) = 256 * at[0] + at[1] == value; */
/*@ predicate word32{L}(uint8_t *at, integer value) =
        16777216 * at[0] + 65536 * at[1] + 256 * at[2] + at[3] == value; */

/*@ requires \valid(octets + (0 .. 1));
    assigns octets[0 .. 1];
    ensures word16(octets, value % 65536); */
static void put16(uint8_t *octets, uint32_t value);

/*@ requires \valid(octets + (0 .. 3));
    assigns octets[0 .. 3];
    ensures word32(octets, value);
    ensures word16(octets, value / 65536) && word16(octets + 2, value % 65536); */
static void put32(uint8_t *octets, uint32_t value);

/*@ requires \valid_read(packet);
    assigns \nothing;
    ensures \result == packet->traffic_class - packet->traffic_class % 4 + packet->segment.ecn % 4; */
static uint8_t traffic_class(const struct tfsm_packet *packet);

/*@ requires \valid(octets + (0 .. 1));
    assigns octets[0 .. 1]; */
static void put_checksum(uint8_t *octets, uint64_t sum);

/*@ requires \valid(octets + (0 .. 19)) && \valid_read(packet) && total <= 65535;
    requires \separated(octets + (0 .. 19), packet);
    assigns octets[0 .. 19];
    ensures octets[0] == 0x45;
    ensures octets[1] == packet->traffic_class - packet->traffic_class % 4 + packet->segment.ecn % 4;
    ensures word16(octets + 2, total);
    ensures octets[8] == packet->hops;
    ensures \forall integer i; 0 <= i < 4 ==> octets[12 + i] == packet->src.octets[i];
    ensures \forall integer i; 0 <= i < 4 ==> octets[16 + i] == packet->dst.octets[i]; */
static void put_ipv4(uint8_t *octets, const struct tfsm_packet *packet, size_t total);

/*@ requires \valid(octets + (0 .. 39)) && \valid_read(packet) && payload <= 65535;
    requires \separated(octets + (0 .. 39), packet);
    assigns octets[0 .. 39];
    ensures \let class = packet->traffic_class - packet->traffic_class % 4 + packet->segment.ecn % 4;
        256 * octets[0] + octets[1] == 256 * 96 + 16 * class;
    ensures word16(octets + 4, payload);
    ensures octets[6] == PROTOCOL_TCP && octets[7] == packet->hops;
    ensures \forall integer i; 0 <= i < 16 ==> octets[8 + i] == packet->src.octets[i];
    ensures \forall integer i; 0 <= i < 16 ==> octets[24 + i] == packet->dst.octets[i]; */
static void put_ipv6(uint8_t *octets, const struct tfsm_packet *packet, size_t payload);

/*@ requires \valid(tcp + (0 .. 19)) && \valid_read(packet) && header == 20;
    requires \separated(tcp + (0 .. 19), packet);
    assigns tcp[0 .. 19];
    ensures source: word16(tcp, packet->src_port);
    ensures destination: word16(tcp + 2, packet->dst_port);
    ensures seq: word32(tcp + 4, packet->segment.seq);
    ensures ack: word32(tcp + 8, packet->segment.ack);
    ensures offset: tcp[12] == 80 + packet->reserved % 16;
    ensures flags: tcp[13] == packet->segment.flags;
    ensures wnd: word16(tcp + 14, packet->segment.wnd);
    ensures up: word16(tcp + 18, packet->segment.up); */
static void put_tcp(uint8_t *tcp, const struct tfsm_packet *packet, size_t header);

/*@ requires \valid(octets + (0 .. n - 1)) && 40 <= n <= 65535 && \valid_read(packet) && \valid(out);
    requires \separated(octets + (0 .. n - 1), packet, out);
    requires packet->reserved < 16;
    assigns octets[0 .. 39], *out;
    ensures ports: \result == TFSM_WIRE_OK ==>
        out->src_port == packet->src_port && out->dst_port == packet->dst_port;
    ensures numbers: \result == TFSM_WIRE_OK ==>
        out->segment.seq == packet->segment.seq && out->segment.ack == packet->segment.ack;
    ensures rest: \result == TFSM_WIRE_OK ==> out->segment.flags == packet->segment.flags &&
        out->segment.wnd == packet->segment.wnd && out->segment.up == packet->segment.up &&
        out->reserved == packet->reserved;
    ensures ip: \result == TFSM_WIRE_OK ==> out->src.family == 4 && out->hops == packet->hops &&
        out->traffic_class == packet->traffic_class - packet->traffic_class % 4 + packet->segment.ecn % 4;
    ensures addresses: \result == TFSM_WIRE_OK ==> \forall integer i; 0 <= i < 4 ==>
        out->src.octets[i] == packet->src.octets[i] && out->dst.octets[i] == packet->dst.octets[i]; */
static enum tfsm_wire_result again_ipv4(const struct tfsm_packet *packet, uint8_t *octets, size_t n,
                                        uint64_t sum, struct tfsm_packet *out)
{
    put_ipv4(octets, packet, n);
    put_tcp(octets + IPV4_HEADER, packet, TCP_HEADER);
    put_checksum(octets + IPV4_HEADER + 16, sum);
    return tfsm_parse(octets, n, out);
}

/*@ requires \valid(octets + (0 .. n - 1)) && 60 <= n <= 65535 && \valid_read(packet) && \valid(out);
    requires \separated(octets + (0 .. n - 1), packet, out);
    requires packet->reserved < 16;
    assigns octets[0 .. 59], *out;
    ensures ports: \result == TFSM_WIRE_OK ==>
        out->src_port == packet->src_port && out->dst_port == packet->dst_port;
    ensures numbers: \result == TFSM_WIRE_OK ==>
        out->segment.seq == packet->segment.seq && out->segment.ack == packet->segment.ack;
    ensures rest: \result == TFSM_WIRE_OK ==> out->segment.flags == packet->segment.flags &&
        out->segment.wnd == packet->segment.wnd && out->segment.up == packet->segment.up &&
        out->reserved == packet->reserved;
    ensures ip: \result == TFSM_WIRE_OK ==> out->src.family == 6 && out->hops == packet->hops &&
        out->traffic_class == packet->traffic_class - packet->traffic_class % 4 + packet->segment.ecn % 4;
    ensures addresses: \result == TFSM_WIRE_OK ==> \forall integer i; 0 <= i < 16 ==>
        out->src.octets[i] == packet->src.octets[i] && out->dst.octets[i] == packet->dst.octets[i]; */
static enum tfsm_wire_result again_ipv6(const struct tfsm_packet *packet, uint8_t *octets, size_t n,
                                        uint64_t sum, struct tfsm_packet *out)
{
    put_ipv6(octets, packet, n - IPV6_HEADER);
    put_tcp(octets + IPV6_HEADER, packet, TCP_HEADER);
    put_checksum(octets + IPV6_HEADER + 16, sum);
    return tfsm_parse(octets, n, out);
}
