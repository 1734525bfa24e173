/* A listener with its SYN queue, its cookies and its accept queue: from when it is opened any number of segments, ICMP errors,
 * timeouts and calls of the embedder, at any times, under any policies, which change in between. */
/* eva: -eva-precision 1 -eva-builtin __builtin_memset:Frama_C_memset -eva-auto-loop-unroll 100
 * -eva-domains symbolic-locations,equality -eva-split-return-function tfsm_cookie_check:0,is_cookie:0,tfsm_output:0 */
/* sources: listener.c listener_arrive.c listener_syn.c syn_queue.c syn_cookie.c isn.c */
#include "arbitrary.h"
#include "builtins.h"
#include "engine.h"
#include "listener.h"

/* assumes: a SYN queue of 3 entries, an accept queue of 2 and a memory of 3 spent cookies stand for those of other sizes */
#define ENTRIES 3
#define WAITING 2
#define SPENT   3

/* ---- the connection ---- */

/* assumes: of the connection, tfsm_step() and the like, what the driver connection shows: it takes any TCB whose state is one of
 * the eleven and whose shifts are below 32, and makes another one of it */
static void change(struct tfsm_tcb *tcb)
{
    must_be_tcb(tcb, 0);
    any_tcb(tcb, 0);
}

enum tfsm_result tfsm_step(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                           const struct tfsm_event *ev, struct tfsm_effects *fx)
{
    (void)cfg;
    (void)ev;
    change(tcb);
    any_octets((uint8_t *)fx, sizeof *fx);
    return TFSM_DONE;
}

bool tfsm_output(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                 struct tfsm_segment *out)
{
    (void)cfg;
    (void)now;
    change(tcb);
    if (any_bool()) {
        any_segment(out);
        return true;
    }
    return false;
}

tfsm_time tfsm_deadline(const struct tfsm_tcb *tcb)
{
    (void)tcb;
    return any64();
}

enum tfsm_clause tfsm_check(const struct tfsm_tcb *tcb)
{
    (void)tcb;
    return (enum tfsm_clause)any_from(0, TFSM_CLAUSE_COUNT - 1);
}

const char *tfsm_clause_name(enum tfsm_clause clause)
{
    (void)clause;
    return "";
}

bool tfsm_is_for_next_in(struct tfsm_tcb *next, const struct tfsm_config *next_cfg,
                         const struct tfsm_tcb *waiting, const struct tfsm_config *waiting_cfg,
                         struct tfsm_event *ev)
{
    (void)next_cfg;
    (void)waiting;
    (void)waiting_cfg;
    change(next);
    any_event(ev);
    return any_bool();
}

/* ---- the listener ---- */

static struct tfsm_entry entries[ENTRIES];
static uint64_t waiting[WAITING];
static struct tfsm_spent spent[SPENT];
static struct tfsm_tcb work;
static struct tfsm_tcb made;
static struct tfsm_listener listener;

static void any_policy(struct tfsm_listener_policy *policy)
{
    policy->cookies = any8();
    policy->overflow = any8();
    policy->recycle = any_bool();
    policy->fast_open = any32();
    policy->syn_ack_retries = any8();
    policy->at_once = any_bool();
}

/* With a port: then it opens, and the analysis knows. */
static bool open(uint16_t port)
{
    struct tfsm_listening with = {.entries = entries,
                                  .entry_count = ENTRIES,
                                  .waiting = waiting,
                                  .waiting_count = WAITING,
                                  .spent = spent,
                                  .spent_count = SPENT,
                                  .work = &work,
                                  .port = port,
                                  .security = any8()};
    any_octets(with.isn_key, sizeof with.isn_key);
    any_octets(with.secret, sizeof with.secret);
    any_octets(with.fast_open_secret, sizeof with.fast_open_secret);
    any_policy(&with.policy);
    with.policy.cookies = (uint8_t)any_from(ENTRIES > 0 ? 0 : 1, 255);
    return tfsm_listener_open(&listener, &with);
}

static void segment(const struct tfsm_config *cfg, const struct tfsm_packet *packet)
{
    struct tfsm_arrival arrival;
    const struct tfsm_seat seat = {&made, any64()};
    const uint32_t iss_after = any32();
    any_packet(&arrival.answer); /* what is no answer is what was there */
    tfsm_listener_segment(&listener, cfg, packet, any64(), any_bool() ? &seat : NULL,
                          any_bool() ? &iss_after : NULL, &arrival);
    if (arrival.answers && arrival.entry != 0) {
        (void)tfsm_listener_stands(&listener, arrival.entry, &arrival.answer.segment);
    }
}

static void icmp(const struct tfsm_config *cfg)
{
    struct tfsm_icmp_message message;
    struct tfsm_effects fx;
    message.meaning = (enum tfsm_icmp)any32();
    any_address(&message.local);
    any_address(&message.remote);
    message.local_port = any16();
    message.remote_port = any16();
    message.seq = any32();
    message.mss = any16();
    (void)tfsm_listener_icmp(&listener, cfg, &message, any64(), &fx);
}

static void pass_time(const struct tfsm_config *cfg)
{
    struct tfsm_effects fx;
    struct tfsm_packet out;
    any_packet(&out); /* likewise */
    (void)tfsm_listener_deadline(&listener);
    (void)tfsm_listener_timeout(&listener, cfg, any64(), &fx);
    (void)tfsm_listener_owes(&listener);
    (void)tfsm_listener_output(&listener, cfg, any64(), &out);
}

static void call(void)
{
    uint8_t secret[16];
    uint64_t id;
    any_octets(secret, sizeof secret);
    (void)tfsm_listener_accept(&listener, &id);
    tfsm_listener_early_over(&listener, any_bool(), any64());
    tfsm_listener_rotate(&listener, secret, any64());
    tfsm_listener_rotate_fast_open(&listener, secret);
    any_policy(&listener.policy);
}

static void look(const struct tfsm_config *cfg, const struct tfsm_packet *packet)
{
    struct tfsm_tcb out;
    (void)tfsm_listener_has_room(&listener);
    (void)tfsm_listener_holds(&listener, packet);
    (void)tfsm_listener_claims(&listener, cfg, packet, any64(), &made, cfg);
    (void)tfsm_listener_peek(&listener, cfg, packet, any64(), &out);
    (void)tfsm_listener_check(&listener, cfg);
}

int main(void)
{
    struct tfsm_config cfg;
    struct tfsm_packet packet;
    listener.policy = tfsm_listener_policy_default();
    (void)open(0);
    (void)open((uint16_t)any_from(1, 65535));
    //@ loop widen_hints "all", ENTRIES, WAITING;
    while (any_bool()) {
        any_config(&cfg);
        any_packet(&packet);
        segment(&cfg, &packet);
        icmp(&cfg);
        pass_time(&cfg);
        call();
        look(&cfg, &packet);
        if (any_bool()) {
            tfsm_listener_close(&listener);
        }
        (void)tfsm_listener_forget(&listener, &packet);
    }
    return 0;
}
