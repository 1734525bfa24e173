/* Two TCBs, member by member. See changes.h. */
#include "changes.h"

#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "seq.h"

/* What a member counts. */
enum kind { NUMBER, SEND, RECEIVE, TIMER };

static const struct member {
    const char *name;
    size_t at;
    size_t size;
    enum kind kind;
} members[] = {
#define MEMBER(name, member, kind)                                                                 \
    {                                                                                              \
        name, offsetof(struct tfsm_tcb, member), sizeof(((struct tfsm_tcb *)0)->member), kind      \
    }
    MEMBER("ISS", iss, NUMBER),
    MEMBER("SND.UNA", snd_una, SEND),
    MEMBER("SND.NXT", snd_nxt, SEND),
    MEMBER("the end of what is queued", snd_end, SEND),
    MEMBER("octets acknowledged", snd_octets, NUMBER),
    MEMBER("SND.WND", snd_wnd, NUMBER),
    MEMBER("MAX.SND.WND", snd_wnd_max, NUMBER),
    MEMBER("SND.WL1", snd_wl1, RECEIVE),
    MEMBER("SND.WL2", snd_wl2, SEND),
    MEMBER("SND.UP", snd_up, SEND),
    MEMBER("IRS", irs, NUMBER),
    MEMBER("RCV.NXT", rcv_nxt, RECEIVE),
    MEMBER("RCV.WND", rcv_wnd, NUMBER),
    MEMBER("RCV.UP", rcv_up, RECEIVE),
    MEMBER("RCV.USER", rcv_user, NUMBER),
    MEMBER("octets delivered", rcv_octets, NUMBER),
    MEMBER("the peer's FIN", rcv_fin, RECEIVE),
    MEMBER("Last.ACK.sent", rcv_acked, RECEIVE),
    MEMBER("ranges out of order", ooo_count, NUMBER),
    MEMBER("octets sacked", snd_held, NUMBER),
    MEMBER("octets lost", snd_lost, NUMBER),
    MEMBER("octets sent twice", snd_both, NUMBER),
    MEMBER("Eff.snd.MSS", snd_mss, NUMBER),
    MEMBER("Snd.Wind.Shift", snd_wscale, NUMBER),
    MEMBER("Rcv.Wind.Shift", rcv_wscale, NUMBER),
    MEMBER("cwnd", cwnd, NUMBER),
    MEMBER("ssthresh", ssthresh, NUMBER),
    MEMBER("duplicate ACKs", dup_acks, NUMBER),
    MEMBER("recover", snd_recover, SEND),
    MEMBER("HighRxt", snd_rtx, SEND),
    MEMBER("octets of limited transmit", limited, NUMBER),
    MEMBER("SRTT", srtt, NUMBER),
    MEMBER("RTTVAR", rttvar, NUMBER),
    MEMBER("RTO", rto, NUMBER),
    MEMBER("back-off", backoff, NUMBER),
    MEMBER("tries", tries, NUMBER),
    MEMBER("keep-alives", keepalives, NUMBER),
    MEMBER("octets of the cookie", cookie_len, NUMBER),
    MEMBER("TS.Recent", ts_recent, NUMBER),
    MEMBER("retransmission timer", at_rtx, TIMER),
    MEMBER("persist timer", at_persist, TIMER),
    MEMBER("ACK timer", at_ack, TIMER),
    MEMBER("quick ACKs", quick_acks, NUMBER),
    MEMBER("2MSL timer", at_2msl, TIMER),
    MEMBER("user timeout", at_user, TIMER),
    MEMBER("keep-alive timer", at_keepalive, TIMER),
#undef MEMBER
};

static const struct bit {
    const char *name;
    uint32_t bit;
} owed[] = {{"ACK", TFSM_OWE_ACK},     {"SYN", TFSM_OWE_SYN}, {"retransmission", TFSM_OWE_RTX},
            {"probe", TFSM_OWE_PROBE}, {"RST", TFSM_OWE_RST}, {"keep-alive", TFSM_OWE_KEEPALIVE}},
  memory[] = {{"opened passively", TFSM_M_PASSIVE},
              {"closed by the user", TFSM_M_CLOSE},
              {"Fast Open", TFSM_M_FAST_OPEN},
              {"new text waits for ECE", TFSM_M_ECE_WAIT},
              {"the peer's FIN seen", TFSM_M_PEER_FIN},
              {"our SYN acknowledged", TFSM_M_SYN_ACKED},
              {"URG going out", TFSM_M_URGENT},
              {"urgent data told", TFSM_M_URGENT_TOLD},
              {"probing", TFSM_M_PROBING},
              {"window scaling", TFSM_M_WSCALE},
              {"timestamps", TFSM_M_TIMESTAMPS},
              {"SACK", TFSM_M_SACK},
              {"ECN", TFSM_M_ECN},
              {"ECE going out", TFSM_M_ECE},
              {"CWR to go out", TFSM_M_CWR},
              {"fast recovery", TFSM_M_RECOVERY},
              {"loss by the timer", TFSM_M_LOSS},
              {"a round trip being timed", TFSM_M_TIMING},
              {"deaf", TFSM_M_DEAF}};

struct page {
    FILE *to;
    int indent;
    int column;
    int at; /* where the line stands */
    bool begun;
};

static void put(struct page *page, const char *item)
{
    int length = (int)strlen(item);
    if (!page->begun || page->at + 2 + length < page->column) { /* a comma may follow */
        fprintf(page->to, "%s%s", page->begun ? ", " : "", item);
        page->at += (page->begun ? 2 : 0) + length;
    } else {
        fprintf(page->to, ",\n%*s%s", page->indent, "", item);
        page->at = page->indent + length;
    }
    page->begun = true;
}

static uint64_t value_of(const struct tfsm_tcb *tcb, const struct member *member)
{
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    const char *octets = (const char *)tcb + member->at;
    memcpy(&u8, octets, member->size == 1 ? 1 : 0);
    memcpy(&u16, octets, member->size == 2 ? 2 : 0);
    memcpy(&u32, octets, member->size == 4 ? 4 : 0);
    memcpy(&u64, octets, member->size == 8 ? 8 : 0);
    return u8 + u16 + u32 + u64;
}

static void add_value(struct cli_text *text, const struct tfsm_tcb *tcb,
                      const struct member *member)
{
    uint64_t value = value_of(tcb, member);
    bool open = tcb->state != TFSM_CLOSED && tcb->state != TFSM_LISTEN;
    uint32_t origin = member->kind == SEND ? tcb->iss : tcb->irs;
    bool counted =
        open && (member->kind == SEND || (member->kind == RECEIVE && tcb->state != TFSM_SYN_SENT));
    if (member->kind == TIMER && value == 0) {
        cli_add(text, "off");
    } else if (member->kind == TIMER) {
        cli_add(text, "at %.6f s", (double)value / 1e6);
    } else if (counted) {
        cli_add(text, "%" PRId32, (int32_t)seq_distance(origin, (uint32_t)value));
    } else {
        cli_add(text, "%" PRIu64, value);
    }
}

static void put_bits(struct page *page, const struct bit *bits, size_t count, uint32_t before,
                     uint32_t after, const char *came, const char *went)
{
    for (size_t i = 0; i < count; i++) {
        struct cli_text text = {.used = 0};
        if (((before ^ after) & bits[i].bit) != 0) {
            cli_add(&text, "%s: %s", bits[i].name, (after & bits[i].bit) != 0 ? came : went);
            put(page, text.octets);
        }
    }
}

void changes_print(FILE *to, int at, int indent, int column, const struct tfsm_tcb *before,
                   const struct tfsm_tcb *after)
{
    static const struct tfsm_tcb nothing = {.state = TFSM_CLOSED};
    struct page page = {to, indent, column, at, false};
    struct cli_text text = {.used = 0};
    const struct tfsm_tcb *was = before != NULL ? before : &nothing;
    cli_add(&text, "state %s", tfsm_state_name((enum tfsm_state)after->state));
    if (before != NULL && before->state != after->state) {
        text.used = 0;
        cli_add(&text, "state %s (was %s)", tfsm_state_name((enum tfsm_state)after->state),
                tfsm_state_name((enum tfsm_state)before->state));
    }
    put(&page, text.octets);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (value_of(was, &members[i]) == value_of(after, &members[i])) {
            continue;
        }
        text.used = 0;
        cli_add(&text, "%s ", members[i].name);
        add_value(&text, after, &members[i]);
        if (before != NULL) {
            cli_add(&text, " (was ");
            add_value(&text, before, &members[i]);
            cli_add(&text, ")");
        }
        put(&page, text.octets);
    }
    put_bits(&page, owed, sizeof owed / sizeof owed[0], was->owed, after->owed, "owed",
             "owed no more");
    put_bits(&page, memory, sizeof memory / sizeof memory[0], was->flags, after->flags, "yes",
             "no more");
    fputc('\n', to);
}
