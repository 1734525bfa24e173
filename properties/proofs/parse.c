/* Parsing reads nothing beyond the n octets it is given, whatever they are and however many, and its result is what
 * stands in them: the contracts that it is called by. Assumed: the packet, the segment and the octets do not overlap, but that
 * the segment may be the packet's. */
/* claims: parse never reads beyond n */
#include "wire.c"

/*@ predicate reads_ipv4{L}(uint8_t *ip, struct tfsm_packet *out) =
        out->src.family == 4 && out->dst.family == 4 &&
        (\forall integer i; 0 <= i < 4 ==> out->src.octets[i] == ip[12 + i]) &&
        (\forall integer i; 0 <= i < 4 ==> out->dst.octets[i] == ip[16 + i]) &&
        out->traffic_class == ip[1] && out->hops == ip[8]; */

/*@ predicate reads_ipv6{L}(uint8_t *ip, struct tfsm_packet *out) =
        out->src.family == 6 && out->dst.family == 6 &&
        (\forall integer i; 0 <= i < 16 ==> out->src.octets[i] == ip[8 + i]) &&
        (\forall integer i; 0 <= i < 16 ==> out->dst.octets[i] == ip[24 + i]) &&
        out->traffic_class == (256 * ip[0] + ip[1]) / 16 % 256 && out->hops == ip[7]; */

/*@ predicate reads_tcp{L}(uint8_t *tcp, struct tfsm_packet *out, struct tfsm_segment *seg) =
        out->src_port == 256 * tcp[0] + tcp[1] && out->dst_port == 256 * tcp[2] + tcp[3] &&
        seg->seq == 16777216 * tcp[4] + 65536 * tcp[5] + 256 * tcp[6] + tcp[7] &&
        seg->ack == 16777216 * tcp[8] + 65536 * tcp[9] + 256 * tcp[10] + tcp[11] &&
        out->reserved == tcp[12] % 16 && seg->flags == tcp[13] &&
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

/*@ requires \valid_read(octets + (0 .. n - 1));
    assigns \nothing; */
static uint64_t sum_octets(uint64_t sum, const uint8_t *octets, size_t n);

/*@ assigns \nothing; */
static inline uint32_t fold(uint64_t sum);

/*@ requires \valid_read(header + (0 .. 19));
    assigns \nothing; */
static inline uint64_t sum_header(uint64_t sum, const uint8_t *header);

/*@ requires \valid_read(ip + (0 .. 19));
    requires (ip[0] >> 4) != 4 ==> \valid_read(ip + (0 .. 39));
    assigns \nothing; */
static ALONG uint64_t sum_pseudo(const uint8_t *ip, unsigned protocol, size_t n);

/*@ requires \valid_read(ip + (0 .. 19));
    requires (ip[0] >> 4) != 4 ==> \valid_read(ip + (0 .. 39));
    requires n >= 20 && \valid_read(tcp + (0 .. n - 1));
    assigns \nothing; */
static ALONG uint64_t sum_tcp(const uint8_t *ip, const uint8_t *tcp, size_t n);

/*@ requires \valid_read(octets + (0 .. n - 1));
    requires \valid(out) && \valid(end);
    requires \separated(octets + (0 .. n - 1), out, end);
    assigns *out, *end;
    ensures \result == TFSM_WIRE_OK ==> 20 <= out->text_at <= *end <= n;
    ensures \result == TFSM_WIRE_OK ==> out->text_at == octets[0] % 16 * 4;
    ensures \result == TFSM_WIRE_OK && !quoted ==> *end == 256 * octets[2] + octets[3];
    ensures \result == TFSM_WIRE_OK ==> reads_ipv4(octets, out); */
static ALONG enum tfsm_wire_result parse_ipv4(const uint8_t *octets, size_t n, unsigned protocol,
                                              bool quoted, struct tfsm_packet *out, size_t *end);

/*@ requires \valid_read(octets + (0 .. end - 1)) && *at <= end;
    requires \valid(at) && \valid(next);
    requires \separated(octets + (0 .. end - 1), at, next);
    assigns *at, *next;
    ensures \old(*at) <= *at <= end;
    ensures *at <= \old(*at) + 2048; */
static enum tfsm_wire_result skip_extension(const uint8_t *octets, size_t end, unsigned kind,
                                            size_t *at, unsigned *next);

/*@ requires \valid_read(octets + (0 .. end - 1)) && 40 == *at <= end;
    requires \valid(at);
    requires \separated(octets + (0 .. end - 1), at);
    assigns *at;
    ensures 40 <= *at <= end;
    ensures *at <= 40 + 8 * 2048;
    ensures octets[6] == protocol ==> *at == 40; */
static enum tfsm_wire_result skip_extensions(const uint8_t *octets, size_t end, unsigned protocol,
                                             bool quoted, size_t *at);

/*@ requires \valid_read(octets + (0 .. n - 1));
    requires \valid(out) && \valid(end);
    requires \separated(octets + (0 .. n - 1), out, end);
    assigns *out, *end;
    ensures \result == TFSM_WIRE_OK ==> 40 <= out->text_at <= *end <= n;
    ensures \result == TFSM_WIRE_OK && octets[6] == protocol ==> out->text_at == 40;
    ensures \result == TFSM_WIRE_OK && !quoted ==> *end == 40 + 256 * octets[4] + octets[5];
    ensures \result == TFSM_WIRE_OK ==> reads_ipv6(octets, out); */
static enum tfsm_wire_result parse_ipv6(const uint8_t *octets, size_t n, unsigned protocol,
                                        bool quoted, struct tfsm_packet *out, size_t *end);

/*@ requires \valid(out);
    assigns *out; */
static inline void clear(struct tfsm_packet *out);

/*@ requires \valid_read(octets + (0 .. n - 1));
    requires \valid(out) && \valid(end);
    requires \separated(octets + (0 .. n - 1), out, end);
    assigns *out, *end;
    ensures \result == TFSM_WIRE_OK ==> 20 <= out->text_at <= *end <= n;
    ensures \result == TFSM_WIRE_OK && (octets[0] >> 4) != 4 ==> 40 <= out->text_at;
    behavior four:
        assumes (octets[0] >> 4) == 4;
        ensures \result == TFSM_WIRE_OK ==> out->text_at == octets[0] % 16 * 4;
        ensures \result == TFSM_WIRE_OK && !quoted ==> *end == 256 * octets[2] + octets[3];
        ensures \result == TFSM_WIRE_OK ==> reads_ipv4(octets, out);
    behavior six:
        assumes (octets[0] >> 4) == 6;
        ensures \result == TFSM_WIRE_OK && octets[6] == protocol ==> out->text_at == 40;
        ensures \result == TFSM_WIRE_OK && !quoted ==> *end == 40 + 256 * octets[4] + octets[5];
        ensures \result == TFSM_WIRE_OK ==> reads_ipv6(octets, out); */
static ALONG enum tfsm_wire_result parse_ip(const uint8_t *octets, size_t n, unsigned protocol,
                                            bool quoted, struct tfsm_packet *out, size_t *end);

/*@ requires kind < KINDS && length >= 2;
    assigns \nothing;
    ensures \result && kind == KIND_MSS ==> length == 4;
    ensures \result && kind == KIND_WSCALE ==> length == 3;
    ensures \result && kind == KIND_SACK ==> 10 <= length <= 34;
    ensures \result && kind == KIND_TIMESTAMPS ==> length == 10;
    ensures \result && kind == KIND_USER_TIMEOUT ==> length == 4;
    ensures \result && kind == KIND_FAST_OPEN ==> 2 <= length <= 18; */
static bool is_legal(unsigned kind, size_t length);

/*@ requires length >= 2 && \valid_read(option + (0 .. length - 1));
    requires \valid(seg);
    assigns \nothing;
    ensures \result ==> option[0] < KINDS;
    ensures \result && option[0] == KIND_MSS ==> length == 4;
    ensures \result && option[0] == KIND_WSCALE ==> length == 3;
    ensures \result && option[0] == KIND_SACK ==> 10 <= length <= 34;
    ensures \result && option[0] == KIND_TIMESTAMPS ==> length == 10;
    ensures \result && option[0] == KIND_USER_TIMEOUT ==> length == 4;
    ensures \result && option[0] == KIND_FAST_OPEN ==> 2 <= length <= 18; */
static bool is_taken(const uint8_t *option, size_t length, const struct tfsm_segment *seg);


/*@ requires length >= 2 && \valid_read(option + (0 .. length - 1)) && option[0] < KINDS;
    requires option[0] == KIND_MSS ==> length == 4;
    requires option[0] == KIND_WSCALE ==> length == 3;
    requires option[0] == KIND_SACK ==> 10 <= length <= 34;
    requires option[0] == KIND_TIMESTAMPS ==> length == 10;
    requires option[0] == KIND_USER_TIMEOUT ==> length == 4;
    requires option[0] == KIND_FAST_OPEN ==> 2 <= length <= 18;
    requires \valid(out) && \valid(seg);
    requires \separated(option + (0 .. length - 1), out);
    requires \separated(option + (0 .. length - 1), seg);
    requires seg == &out->segment || \separated(out, seg);
    assigns out->cookie[0 .. 15], seg->options, seg->wscale, seg->cookie_len, seg->sacks, seg->mss;
    assigns seg->user_timeout, seg->ts_val, seg->ts_ecr, seg->sack[0 .. 3]; */
static void take_option(const uint8_t *option, size_t length, struct tfsm_packet *out,
                        struct tfsm_segment *seg);

/*@ requires \valid_read(options + (0 .. n - 1));
    requires \valid(out) && \valid(seg);
    requires \separated(options + (0 .. n - 1), out);
    requires \separated(options + (0 .. n - 1), seg);
    requires seg == &out->segment || \separated(out, seg);
    assigns out->cookie[0 .. 15], seg->options, seg->wscale, seg->cookie_len, seg->sacks, seg->mss;
    assigns seg->user_timeout, seg->ts_val, seg->ts_ecr, seg->sack[0 .. 3]; */
static bool parse_options(const uint8_t *options, size_t n, struct tfsm_packet *out,
                          struct tfsm_segment *seg);

/*@ requires \valid_read(seg);
    assigns \nothing;
    ensures \result == ((seg->flags & TFSM_SYN) != 0 ? 1 : 0) + ((seg->flags & TFSM_FIN) != 0 ? 1 : 0); */
static uint32_t controls(const struct tfsm_segment *seg);

/*@ requires \valid_read(octets + (0 .. end - 1)) && 20 <= out->text_at <= end;
    requires (octets[0] >> 4) != 4 ==> 40 <= out->text_at;
    requires \valid(out) && \valid(seg);
    requires \separated(octets + (0 .. end - 1), out);
    requires \separated(octets + (0 .. end - 1), seg);
    requires seg == &out->segment || \separated(out, seg);
    assigns out->src_port, out->dst_port, out->reserved, out->text_at, out->cookie[0 .. 15], *seg;
    ensures \result == TFSM_WIRE_OK ==> reads_tcp(octets + \old(out->text_at), out, seg);
    ensures \result == TFSM_WIRE_OK ==>
        out->text_at == \old(out->text_at) + octets[\old(out->text_at) + 12] / 16 * 4;
    ensures \result == TFSM_WIRE_OK ==>
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
        ensures \result == TFSM_WIRE_OK ==> reads_ipv4(octets, envelope);
        ensures \result == TFSM_WIRE_OK ==> reads_tcp(octets + octets[0] % 16 * 4, envelope, segment);
    behavior six:
        assumes n > 6 && (octets[0] >> 4) == 6 && octets[6] == PROTOCOL_TCP;
        ensures \result == TFSM_WIRE_OK ==> reads_ipv6(octets, envelope);
        ensures \result == TFSM_WIRE_OK ==> reads_tcp(octets + 40, envelope, segment); */
enum tfsm_wire_result tfsm_parse_segment(const uint8_t *octets, size_t n,
                                         struct tfsm_packet *envelope, struct tfsm_segment *segment);

/*@ requires \valid_read(octets + (0 .. n - 1));
    requires \valid(out);
    requires \separated(octets + (0 .. n - 1), out);
    assigns *out;
    behavior four:
        assumes n > 0 && (octets[0] >> 4) == 4;
        ensures \result == TFSM_WIRE_OK ==> reads_ipv4(octets, out);
        ensures \result == TFSM_WIRE_OK ==> reads_tcp(octets + octets[0] % 16 * 4, out, &out->segment);
    behavior six:
        assumes n > 6 && (octets[0] >> 4) == 6 && octets[6] == PROTOCOL_TCP;
        ensures \result == TFSM_WIRE_OK ==> reads_ipv6(octets, out);
        ensures \result == TFSM_WIRE_OK ==> reads_tcp(octets + 40, out, &out->segment); */
enum tfsm_wire_result tfsm_parse(const uint8_t *octets, size_t n, struct tfsm_packet *out);
