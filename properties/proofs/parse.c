/* Parsing reads nothing beyond the n octets it is given, whatever they are and however many. What is read is said, too, in the
 * contracts that it is called by: of that open.tsv names what is open. Assumed: the packet, the segment and the octets do not
 * overlap, but that the segment may be the packet's. Of the packets that ICMP errors quote nothing is said: they are codec.c's. */
/* claims: parse never reads beyond n */
#include "wire.c"

/* No place in a packet is beyond this, so that sums of places do not wrap. */
#define PLACE_MAX (4 * LENGTH_MAX)

/*@ predicate is_address{L}(struct tfsm_address *address, integer family, uint8_t *octets, integer n) =
        address->family == family &&
        (\forall integer i; 0 <= i < n ==> address->octets[i] == octets[i]); */

/*@ predicate reads_class_4{L}(uint8_t *ip, struct tfsm_packet *out) =
        out->traffic_class == ip[1] && out->hops == ip[8]; */

/*@ predicate reads_class_6{L}(uint8_t *ip, struct tfsm_packet *out) =
        out->traffic_class == (256 * ip[0] + ip[1]) / 16 % 256 && out->hops == ip[7]; */

/*@ predicate reads_ports{L}(uint8_t *tcp, struct tfsm_packet *out) =
        out->src_port == 256 * tcp[0] + tcp[1] && out->dst_port == 256 * tcp[2] + tcp[3]; */

/*@ predicate reads_numbers{L}(uint8_t *tcp, struct tfsm_segment *seg) =
        seg->seq == 16777216 * tcp[4] + 65536 * tcp[5] + 256 * tcp[6] + tcp[7] &&
        seg->ack == 16777216 * tcp[8] + 65536 * tcp[9] + 256 * tcp[10] + tcp[11]; */

/*@ predicate reads_flags{L}(uint8_t *tcp, struct tfsm_packet *out, struct tfsm_segment *seg) =
        out->reserved == tcp[12] % 16 && seg->flags == tcp[13]; */

/*@ predicate reads_window{L}(uint8_t *tcp, struct tfsm_segment *seg) =
        seg->wnd == 256 * tcp[14] + tcp[15] && seg->up == 256 * tcp[18] + tcp[19]; */

/*@ requires \valid_read(octets + (0 .. 3));
    assigns \nothing; */
static inline uint64_t load32(const uint8_t *octets);

/*@ requires \valid_read(octets + (0 .. 7));
    assigns \nothing; */
static inline uint64_t load64(const uint8_t *octets);

/*@ requires \valid(seg);
    assigns *seg; */
static inline void clear_segment(struct tfsm_segment *seg);

/*@ requires \valid_read(from + (0 .. n - 1)) && \valid(to + (0 .. n - 1));
    requires \separated(to + (0 .. n - 1), from + (0 .. n - 1));
    assigns to[0 .. n - 1];
    ensures \forall integer i; 0 <= i < n ==> to[i] == from[i]; */
static inline void copy_octets(uint8_t *restrict to, const uint8_t *restrict from, size_t n);

/*@ requires \valid_read(octets + (0 .. 1));
    assigns \nothing;
    ensures \result == 256 * octets[0] + octets[1]; */
static uint16_t get16(const uint8_t *octets);

/*@ requires \valid_read(octets + (0 .. 3));
    assigns \nothing;
    ensures \result == 16777216 * octets[0] + 65536 * octets[1] + 256 * octets[2] + octets[3]; */
static uint32_t get32(const uint8_t *octets);

/*@ assigns \nothing; */
static inline uint64_t plus(uint64_t sum, uint64_t word);

/*@ assigns \nothing; */
static inline uint64_t turned(uint32_t number);

/*@ requires \valid_read(octets + (0 .. end - 1)) && at <= end <= PLACE_MAX;
    assigns \nothing; */
static uint64_t sum_octets(uint64_t sum, const uint8_t *octets, size_t at, size_t end);

/*@ assigns \nothing; */
static inline uint32_t fold(uint64_t sum);

/*@ requires \valid_read(header + (0 .. 19));
    assigns \nothing; */
static inline uint64_t sum_header(uint64_t sum, const uint8_t *header);

/*@ requires \valid_read(ip + (0 .. 19));
    requires (ip[0] >> 4) != 4 ==> \valid_read(ip + (0 .. 39));
    assigns \nothing; */
static ALONG uint64_t sum_pseudo(const uint8_t *ip, unsigned protocol, size_t n);

/*@ requires \valid_read(ip + (0 .. end - 1)) && 20 <= at <= end - 20 && end <= PLACE_MAX;
    requires (ip[0] >> 4) != 4 ==> 40 <= at;
    assigns \nothing; */
static ALONG uint64_t sum_tcp(const uint8_t *ip, size_t at, size_t end);

/*@ requires \valid(out) && \valid(end) && at <= LENGTH_MAX;
    requires \valid_read(octets + (0 .. *end - 1));
    requires \separated(octets + (0 .. *end - 1), out, end);
    assigns out->src, out->dst, out->traffic_class, out->hops, out->text_at, *end;
    ensures inside: \result == TFSM_WIRE_OK ==> at + 20 <= out->text_at <= *end <= \old(*end);
    ensures starts: \result == TFSM_WIRE_OK ==> out->text_at == at + octets[at] % 16 * 4;
    ensures ends: \result == TFSM_WIRE_OK && !quoted ==>
        *end == at + 256 * octets[at + 2] + octets[at + 3];
    ensures source: \result == TFSM_WIRE_OK ==> is_address(&out->src, 4, octets + at + 12, 4);
    ensures destination: \result == TFSM_WIRE_OK ==> is_address(&out->dst, 4, octets + at + 16, 4);
    ensures class: \result == TFSM_WIRE_OK ==> reads_class_4(octets + at, out); */
static ALONG enum tfsm_wire_result parse_ipv4(const uint8_t *octets, size_t at, size_t *end,
                                              unsigned protocol, bool quoted,
                                              struct tfsm_packet *out);

/*@ requires \valid_read(octets + (0 .. end - 1)) && *at <= end && *at <= PLACE_MAX;
    requires \valid(at) && \valid(next);
    requires \separated(octets + (0 .. end - 1), at, next);
    assigns *at, *next;
    ensures inside: \result == TFSM_WIRE_OK ==> *at <= end;
    ensures forward: \old(*at) <= *at <= \old(*at) + 2048; */
static enum tfsm_wire_result skip_extension(const uint8_t *octets, size_t end, unsigned kind,
                                            size_t *at, unsigned *next);

/*@ requires \valid_read(octets + (0 .. end - 1)) && *at <= end && *at <= 2 * LENGTH_MAX;
    requires \valid(at);
    requires \separated(octets + (0 .. end - 1), at);
    assigns *at;
    ensures inside: \result == TFSM_WIRE_OK ==> *at <= end;
    ensures forward: \old(*at) <= *at <= \old(*at) + 8 * 2048;
    ensures none: next == protocol ==> *at == \old(*at); */
static enum tfsm_wire_result skip_extensions(const uint8_t *octets, size_t end, unsigned next,
                                             unsigned protocol, bool quoted, size_t *at);

/*@ requires \valid(out) && \valid(end) && at <= LENGTH_MAX;
    requires \valid_read(octets + (0 .. *end - 1));
    requires \separated(octets + (0 .. *end - 1), out, end);
    assigns out->src, out->dst, out->traffic_class, out->hops, out->text_at, *end;
    ensures inside: \result == TFSM_WIRE_OK ==> at + 40 <= out->text_at <= *end <= \old(*end);
    ensures starts: \result == TFSM_WIRE_OK && octets[at + 6] == protocol ==> out->text_at == at + 40;
    ensures ends: \result == TFSM_WIRE_OK && !quoted ==>
        *end == at + 40 + 256 * octets[at + 4] + octets[at + 5];
    ensures source: \result == TFSM_WIRE_OK ==> is_address(&out->src, 6, octets + at + 8, 16);
    ensures destination: \result == TFSM_WIRE_OK ==> is_address(&out->dst, 6, octets + at + 24, 16);
    ensures class: \result == TFSM_WIRE_OK ==> reads_class_6(octets + at, out); */
static enum tfsm_wire_result parse_ipv6(const uint8_t *octets, size_t at, size_t *end,
                                        unsigned protocol, bool quoted, struct tfsm_packet *out);

/*@ requires \valid(out);
    assigns out->src, out->dst, out->src_port, out->dst_port, out->hops, out->traffic_class;
    assigns out->reserved, out->text_at, out->cookie[0 .. 15]; */
static inline void clear(struct tfsm_packet *out);

/*@ requires \valid(out) && \valid(end) && at <= LENGTH_MAX;
    requires \valid_read(octets + (0 .. *end - 1));
    requires \separated(octets + (0 .. *end - 1), out, end);
    assigns out->src, out->dst, out->src_port, out->dst_port, out->hops, out->traffic_class;
    assigns out->reserved, out->text_at, out->cookie[0 .. 15], *end;
    ensures inside: \result == TFSM_WIRE_OK ==> at + 20 <= out->text_at <= *end <= \old(*end);
    ensures six: \result == TFSM_WIRE_OK && (octets[at] >> 4) != 4 ==> at + 40 <= out->text_at;
    ensures most: \result == TFSM_WIRE_OK && !quoted ==> *end <= at + 40 + LENGTH_MAX;
    behavior four:
        assumes at < *end && (octets[at] >> 4) == 4;
        ensures starts: \result == TFSM_WIRE_OK ==> out->text_at == at + octets[at] % 16 * 4;
        ensures source: \result == TFSM_WIRE_OK ==> is_address(&out->src, 4, octets + at + 12, 4);
        ensures destination: \result == TFSM_WIRE_OK ==> is_address(&out->dst, 4, octets + at + 16, 4);
        ensures class: \result == TFSM_WIRE_OK ==> reads_class_4(octets + at, out);
    behavior six:
        assumes at < *end && (octets[at] >> 4) == 6;
        ensures starts: \result == TFSM_WIRE_OK && octets[at + 6] == protocol ==> out->text_at == at + 40;
        ensures source: \result == TFSM_WIRE_OK ==> is_address(&out->src, 6, octets + at + 8, 16);
        ensures destination: \result == TFSM_WIRE_OK ==> is_address(&out->dst, 6, octets + at + 24, 16);
        ensures class: \result == TFSM_WIRE_OK ==> reads_class_6(octets + at, out); */
static ALONG enum tfsm_wire_result parse_ip(const uint8_t *octets, size_t at, size_t *end,
                                            unsigned protocol, bool quoted, struct tfsm_packet *out);

/*@ assigns \nothing; */
static bool may_be_cookie(size_t n);

/*@ requires \valid(seg);
    assigns seg->options; */
PART bool takes(struct tfsm_segment *seg, uint8_t option);

/*@ requires length >= 2 && \valid_read(end + (-length .. -1));
    requires \valid(out) && \valid(seg);
    requires \separated(end + (-length .. -1), out);
    requires \separated(end + (-length .. -1), seg);
    requires seg == &out->segment || \separated(out, seg);
    assigns out->cookie[0 .. 15], seg->options, seg->wscale, seg->cookie_len, seg->sacks, seg->mss;
    assigns seg->user_timeout, seg->ts_val, seg->ts_ecr, seg->sack[0 .. 3]; */
static void take_option(const uint8_t *end, unsigned kind, size_t length, struct tfsm_packet *out,
                        struct tfsm_segment *seg);

/*@ requires \valid_read(octets + (0 .. end - 1)) && at <= end <= PLACE_MAX;
    requires \valid(out) && \valid(seg);
    requires \separated(octets + (0 .. end - 1), out);
    requires \separated(octets + (0 .. end - 1), seg);
    requires seg == &out->segment || \separated(out, seg);
    assigns out->cookie[0 .. 15], seg->options, seg->wscale, seg->cookie_len, seg->sacks, seg->mss;
    assigns seg->user_timeout, seg->ts_val, seg->ts_ecr, seg->sack[0 .. 3]; */
APART static bool parse_options(const uint8_t *octets, size_t at, size_t end,
                                struct tfsm_packet *out, struct tfsm_segment *seg);

/*@ requires \valid_read(seg);
    assigns \nothing;
    ensures \result == ((seg->flags & TFSM_SYN) != 0 ? 1 : 0) + ((seg->flags & TFSM_FIN) != 0 ? 1 : 0); */
static uint32_t controls(const struct tfsm_segment *seg);

/*@ requires \valid_read(octets + (0 .. end - 1)) && 20 <= out->text_at <= end <= PLACE_MAX;
    requires (octets[0] >> 4) != 4 ==> 40 <= out->text_at;
    requires \valid(out) && \valid(seg);
    requires \separated(octets + (0 .. end - 1), out);
    requires \separated(octets + (0 .. end - 1), seg);
    requires seg == &out->segment || \separated(out, seg);
    assigns out->src_port, out->dst_port, out->reserved, out->text_at, out->cookie[0 .. 15];
    assigns seg->seq, seg->ack, seg->flags, seg->wnd, seg->up, seg->len;
    assigns seg->options, seg->wscale, seg->cookie_len, seg->sacks, seg->mss;
    assigns seg->user_timeout, seg->ts_val, seg->ts_ecr, seg->sack[0 .. 3];
    ensures ports: \result == TFSM_WIRE_OK ==> reads_ports(octets + \old(out->text_at), out);
    ensures numbers: \result == TFSM_WIRE_OK ==> reads_numbers(octets + \old(out->text_at), seg);
    ensures kept_octets: \forall integer i; 0 <= i < end ==> octets[i] == \old(octets[i]);
    ensures kept_source: \forall integer i; 0 <= i < 16 ==> out->src.octets[i] == \old(out->src.octets[i]);
    ensures kept_destination: \forall integer i; 0 <= i < 16 ==> out->dst.octets[i] == \old(out->dst.octets[i]);
    ensures kept_family: out->src.family == \old(out->src.family) && out->dst.family == \old(out->dst.family);
    ensures kept_class: out->traffic_class == \old(out->traffic_class) && out->hops == \old(out->hops);
    ensures starts: \result == TFSM_WIRE_OK ==>
        out->text_at == \old(out->text_at) + octets[\old(out->text_at) + 12] / 16 * 4;
    ensures length: \result == TFSM_WIRE_OK ==>
        seg->len == (uint32_t)(end - out->text_at + ((seg->flags & TFSM_SYN) != 0 ? 1 : 0) +
                               ((seg->flags & TFSM_FIN) != 0 ? 1 : 0));
    ensures flags: \result == TFSM_WIRE_OK ==> reads_flags(octets + \old(out->text_at), out, seg);
    ensures starts: \result == TFSM_WIRE_OK ==>
        out->text_at == \old(out->text_at) + octets[\old(out->text_at) + 12] / 16 * 4;
    ensures length: \result == TFSM_WIRE_OK ==>
        seg->len == (uint32_t)(end - out->text_at + ((seg->flags & TFSM_SYN) != 0 ? 1 : 0) +
                               ((seg->flags & TFSM_FIN) != 0 ? 1 : 0));
    ensures window: \result == TFSM_WIRE_OK ==> reads_window(octets + \old(out->text_at), seg);
    ensures starts: \result == TFSM_WIRE_OK ==>
        out->text_at == \old(out->text_at) + octets[\old(out->text_at) + 12] / 16 * 4;
    ensures length: \result == TFSM_WIRE_OK ==>
        seg->len == (uint32_t)(end - out->text_at + ((seg->flags & TFSM_SYN) != 0 ? 1 : 0) +
                               ((seg->flags & TFSM_FIN) != 0 ? 1 : 0)); */
static ALONG enum tfsm_wire_result parse_tcp(const uint8_t *octets, size_t end,
                                             struct tfsm_packet *out, struct tfsm_segment *seg);

/*@ requires \valid_read(octets + (0 .. n - 1));
    requires \valid(envelope) && \valid(segment);
    requires \separated(octets + (0 .. n - 1), envelope);
    requires \separated(octets + (0 .. n - 1), segment);
    requires segment == &envelope->segment || \separated(envelope, segment);
    assigns *envelope, *segment;
    behavior four:
        assumes n > 0 && (octets[0] >> 4) == 4;
        ensures source: \result == TFSM_WIRE_OK ==> is_address(&envelope->src, 4, octets + 12, 4);
        ensures destination: \result == TFSM_WIRE_OK ==> is_address(&envelope->dst, 4, octets + 16, 4);
        ensures class: \result == TFSM_WIRE_OK ==> reads_class_4(octets, envelope);
        ensures ports: \result == TFSM_WIRE_OK ==> reads_ports(octets + octets[0] % 16 * 4, envelope);
        ensures numbers: \result == TFSM_WIRE_OK ==> reads_numbers(octets + octets[0] % 16 * 4, segment);
        ensures flags: \result == TFSM_WIRE_OK ==> reads_flags(octets + octets[0] % 16 * 4, envelope, segment);
        ensures window: \result == TFSM_WIRE_OK ==> reads_window(octets + octets[0] % 16 * 4, segment);
    behavior six:
        assumes n > 6 && (octets[0] >> 4) == 6 && octets[6] == PROTOCOL_TCP;
        ensures source: \result == TFSM_WIRE_OK ==> is_address(&envelope->src, 6, octets + 8, 16);
        ensures destination: \result == TFSM_WIRE_OK ==> is_address(&envelope->dst, 6, octets + 24, 16);
        ensures class: \result == TFSM_WIRE_OK ==> reads_class_6(octets, envelope);
        ensures ports: \result == TFSM_WIRE_OK ==> reads_ports(octets + 40, envelope);
        ensures numbers: \result == TFSM_WIRE_OK ==> reads_numbers(octets + 40, segment);
        ensures flags: \result == TFSM_WIRE_OK ==> reads_flags(octets + 40, envelope, segment);
        ensures window: \result == TFSM_WIRE_OK ==> reads_window(octets + 40, segment); */
enum tfsm_wire_result tfsm_parse_segment(const uint8_t *octets, size_t n,
                                         struct tfsm_packet *envelope, struct tfsm_segment *segment);

/*@ requires \valid_read(octets + (0 .. n - 1));
    requires \valid(out);
    requires \separated(octets + (0 .. n - 1), out);
    assigns *out;
    behavior four:
        assumes n > 0 && (octets[0] >> 4) == 4;
        ensures source: \result == TFSM_WIRE_OK ==> is_address(&out->src, 4, octets + 12, 4);
        ensures destination: \result == TFSM_WIRE_OK ==> is_address(&out->dst, 4, octets + 16, 4);
        ensures class: \result == TFSM_WIRE_OK ==> reads_class_4(octets, out);
        ensures ports: \result == TFSM_WIRE_OK ==> reads_ports(octets + octets[0] % 16 * 4, out);
        ensures numbers: \result == TFSM_WIRE_OK ==> reads_numbers(octets + octets[0] % 16 * 4, &out->segment);
        ensures flags: \result == TFSM_WIRE_OK ==> reads_flags(octets + octets[0] % 16 * 4, out, &out->segment);
        ensures window: \result == TFSM_WIRE_OK ==> reads_window(octets + octets[0] % 16 * 4, &out->segment);
    behavior six:
        assumes n > 6 && (octets[0] >> 4) == 6 && octets[6] == PROTOCOL_TCP;
        ensures source: \result == TFSM_WIRE_OK ==> is_address(&out->src, 6, octets + 8, 16);
        ensures destination: \result == TFSM_WIRE_OK ==> is_address(&out->dst, 6, octets + 24, 16);
        ensures class: \result == TFSM_WIRE_OK ==> reads_class_6(octets, out);
        ensures ports: \result == TFSM_WIRE_OK ==> reads_ports(octets + 40, out);
        ensures numbers: \result == TFSM_WIRE_OK ==> reads_numbers(octets + 40, &out->segment);
        ensures flags: \result == TFSM_WIRE_OK ==> reads_flags(octets + 40, out, &out->segment);
        ensures window: \result == TFSM_WIRE_OK ==> reads_window(octets + 40, &out->segment); */
enum tfsm_wire_result tfsm_parse(const uint8_t *octets, size_t n, struct tfsm_packet *out);
