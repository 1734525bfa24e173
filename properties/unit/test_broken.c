/* Broken TCPs before the judge: our machine with one fault each (properties/mutants/broken.tsv), run by the interpreter against the
 * true machine over the simulated wire, captured at the end that is broken. Each is charged with its own clause; with nothing else
 * that a MUST demands; and its peer with nothing at all. With a folder as its argument the captures are kept there. */
#include "fixture.h"
#include "docket.h"
#include "machine.h"
#include "record.h"
#include "repair.h"
#include "seq.h"
#include "sim.h"
#include "variant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND    ((tfsm_time)1000000)
#define SEEDS     6u
#define NAME_MOST 64u
#define LEAST     20u /* so many different demands are broken */

struct run;

/* What happens around a fault so that it shows. */
struct scenario {
    const char *name;
    unsigned subject; /* which end is broken; end 0 opens */
    void (*set)(struct sim_config *config);
    /* whether a packet of the subject's is lost */
    bool (*lose)(struct run *run, const struct tfsm_packet *packet, tfsm_time now);
    /* a packet of the peer's is another */
    void (*change)(struct run *run, struct tfsm_packet *packet);
};

struct row {
    char name[NAME_MOST];
    char demand[NAME_MOST];
    char clause[NAME_MOST];
    char scenario[NAME_MOST];
    char edits[512];
};

struct run {
    const struct scenario *scenario;
    const struct row *row;
    const struct table *table;
    struct docket *docket;
    struct record *record;
    uint64_t packets;
    unsigned from_subject; /* packets so far */
    unsigned from_peer;
    bool peer_fin;
    uint32_t peer_end; /* after that */
    unsigned fins;     /* of the peer's so far */
    uint32_t own_end;  /* after the subject's FIN, once that went out */
    bool spoilt;       /* the packet of the peer's is to be damaged */
    unsigned lost;
    unsigned rightly;
    unsigned wrongly;
    unsigned against_peer;
};

/* ---- scenarios ---- */

static void everybody_talks(struct sim_config *config)
{
    config->octets[0] = 60000;
    config->octets[1] = 60000;
    config->network.loss = 40;
    config->network.delay = 20000;
}

static void nobody_loses(struct sim_config *config)
{
    config->octets[0] = 60000;
    config->octets[1] = 60000;
    config->network.delay = 5000;
}

static void nobody_loses_for_long(struct sim_config *config)
{
    nobody_loses(config);
    config->octets[0] = 1000000;
    config->octets[1] = 1000000;
}

static void peer_talks_now_and_then(struct sim_config *config)
{
    config->octets[0] = 2000;
    config->octets[1] = 4000;
    config->pace[0] = 7 * SECOND;
    config->pace[1] = 2 * SECOND;
    config->piece = 100;
    config->network.delay = 1000;
}

static void subject_talks_now_and_then(struct sim_config *config)
{
    config->octets[0] = 4000;
    config->octets[1] = 300;
    config->pace[0] = 2 * SECOND;
    config->piece = 100;
    config->network.delay = 1000;
}

static void both_talk_seldom(struct sim_config *config)
{
    peer_talks_now_and_then(config);
    config->pace[0] = 100 * SECOND;
    config->pace[1] = 20 * SECOND;
}

static void subject_closes_first(struct sim_config *config)
{
    config->octets[0] = 1000;
    config->octets[1] = 4000;
    config->pace[1] = SECOND;
    config->piece = 1000;
    config->network.delay = 1000;
}

static void peer_does_not_read(struct sim_config *config)
{
    config->octets[0] = 200000;
    config->end[1].rcv_buff = 13880; /* ten segments */
    config->read_from[1] = 90 * SECOND;
    config->network.delay = 1000;
}

static void peer_reads_little(struct sim_config *config)
{
    config->octets[0] = 100000;
    config->end[1].rcv_buff = 8000;
    config->read_at_once = 2000;
    config->network.delay = 1000;
}

static void peer_takes_little(struct sim_config *config)
{
    nobody_loses(config);
    config->end[1].mss = 500;
}

static void peer_has_no_sack(struct sim_config *config)
{
    everybody_talks(config);
    config->end[1].profile &= ~(uint32_t)TFSM_SACK;
}

static void peer_has_no_timestamps(struct sim_config *config)
{
    nobody_loses(config);
    config->end[0].profile &= ~(uint32_t)TFSM_TIMESTAMPS;
}

static void peer_has_no_scale(struct sim_config *config)
{
    nobody_loses(config);
    config->end[0].profile &= ~(uint32_t)TFSM_WSCALE;
}

static void nobody_listens(struct sim_config *config)
{
    config->octets[0] = 1000;
    config->refused = true;
    config->network.delay = 1000;
}

static void peer_talks_alone(struct sim_config *config)
{
    config->octets[1] = 100000;
    config->network.delay = 5000;
}

static void peer_talks_slowly(struct sim_config *config)
{
    peer_talks_alone(config);
    config->pace[1] = SECOND / 2;
    config->piece = 1000;
}

static void subject_talks_alone(struct sim_config *config)
{
    config->octets[0] = 4000;
    config->pace[0] = 2 * SECOND;
    config->piece = 100;
    config->network.delay = 1000;
}

static void subject_talks_much(struct sim_config *config)
{
    config->octets[0] = 100000;
    config->network.delay = 5000;
}

static void subject_is_far_away(struct sim_config *config)
{
    subject_talks_much(config);
    config->network.delay = 100000;
}

static void subject_talks_in_chunks(struct sim_config *config)
{
    subject_talks_much(config);
    config->pace[0] = 2 * SECOND;
    config->piece = 4000;
}

static void peer_has_no_ecn(struct sim_config *config)
{
    nobody_loses(config);
    config->end[1].profile &= ~(uint32_t)TFSM_ECN;
}

static bool has_text(const struct tfsm_packet *packet)
{
    return packet->segment.len > 0 && (packet->segment.flags & (TFSM_SYN | TFSM_FIN)) == 0;
}

/* Its text never arrives, for half a minute. */
static bool lose_text(struct run *run, const struct tfsm_packet *packet, tfsm_time now)
{
    (void)run;
    return has_text(packet) && now < 30 * SECOND;
}

static bool lose_fin(struct run *run, const struct tfsm_packet *packet, tfsm_time now)
{
    (void)now;
    return (packet->segment.flags & TFSM_FIN) != 0 && run->lost < 2;
}

/* The acknowledgment of the peer's FIN. */
static bool lose_last_ack(struct run *run, const struct tfsm_packet *packet, tfsm_time now)
{
    (void)now;
    return run->peer_fin && packet->segment.ack == run->peer_end && run->lost < 1;
}

/* Its acknowledgments never arrive, for a while. */
static bool lose_acks(struct run *run, const struct tfsm_packet *packet, tfsm_time now)
{
    (void)run;
    return packet->segment.len == 0 && now > 19 * SECOND && now < 39 * SECOND;
}

/* All of its text, for a while in the middle. */
static bool lose_flight(struct run *run, const struct tfsm_packet *packet, tfsm_time now)
{
    (void)now;
    return has_text(packet) && run->from_subject > 40 && run->lost < 40;
}

static bool lose_syns(struct run *run, const struct tfsm_packet *packet, tfsm_time now)
{
    (void)run;
    return (packet->segment.flags & TFSM_SYN) != 0 && now < 30 * SECOND;
}

static bool lose_rsts(struct run *run, const struct tfsm_packet *packet, tfsm_time now)
{
    (void)run;
    (void)now;
    return (packet->segment.flags & TFSM_RST) != 0;
}

static void become_rst(struct tfsm_packet *packet, uint32_t seq)
{
    packet->segment = (struct tfsm_segment){.flags = TFSM_RST, .seq = seq};
}

static void send_blind_rst(struct run *run, struct tfsm_packet *packet)
{
    if (run->from_peer == 10) {
        become_rst(packet, seq_add(packet->segment.seq, 3000000));
    }
}

static void send_blind_rsts(struct run *run, struct tfsm_packet *packet)
{
    if (run->from_peer > 10 && run->from_peer % 4 == 0) {
        become_rst(packet, seq_add(packet->segment.seq, 3000000));
    }
}

static void send_rst_in_window(struct run *run, struct tfsm_packet *packet)
{
    if (run->from_peer == 10) {
        become_rst(packet, seq_add(packet->segment.seq, 1000));
    }
}

static void send_rst(struct run *run, struct tfsm_packet *packet)
{
    if (run->from_peer == 10 || run->from_peer == 11) {
        become_rst(packet, packet->segment.seq);
    }
}

static void send_marked(struct run *run, struct tfsm_packet *packet)
{
    if (run->from_peer % 4 == 0 && has_text(packet)) {
        packet->segment.ecn = TFSM_CE;
    }
}

static void send_marked_once(struct run *run, struct tfsm_packet *packet)
{
    if (run->from_peer == 12 && has_text(packet)) {
        packet->segment.ecn = TFSM_CE;
    }
}

static void send_ece(struct run *run, struct tfsm_packet *packet)
{
    if (run->from_peer > 3) {
        packet->segment.flags |= TFSM_ECE;
    }
}

/* Now and then text of long ago, by its timestamp. */
static void send_old(struct run *run, struct tfsm_packet *packet)
{
    if (run->from_peer % 5 == 0 && has_text(packet)) {
        packet->segment.ts_val -= 100000;
    }
}

/* In TIME-WAIT, before the FIN comes again. */
static void send_rst_before_fin(struct run *run, struct tfsm_packet *packet)
{
    if ((packet->segment.flags & TFSM_FIN) != 0 && ++run->fins == 2) {
        become_rst(packet, run->peer_end);
    }
}

/* For a while what acknowledges the subject's FIN comes damaged. */
static void spoil_ack_of_fin(struct run *run, struct tfsm_packet *packet)
{
    run->spoilt = run->own_end != 0 && packet->segment.ack == run->own_end && run->from_peer < 6;
}

static void send_rst_after_syn(struct run *run, struct tfsm_packet *packet)
{
    if (run->from_peer > 1) {
        become_rst(packet, seq_add(packet->segment.seq, 500));
    }
}

static const struct scenario scenarios[] = {
    {"talk", 0, everybody_talks, NULL, NULL},
    {"quiet", 0, nobody_loses, NULL, NULL},
    {"long", 0, nobody_loses_for_long, NULL, NULL},
    {"server", 1, nobody_loses, NULL, NULL},
    {"pieces", 0, peer_talks_now_and_then, NULL, NULL},
    {"text-lost", 0, peer_talks_now_and_then, lose_text, NULL},
    {"fin-lost", 0, peer_talks_now_and_then, lose_fin, NULL},
    {"last-ack-lost", 0, subject_closes_first, lose_last_ack, NULL},
    {"acks-lost", 0, both_talk_seldom, lose_acks, NULL},
    {"own-text-lost", 0, subject_talks_now_and_then, lose_text, NULL},
    {"shut", 0, peer_does_not_read, NULL, NULL},
    {"small-window", 0, peer_reads_little, NULL, NULL},
    {"small-mss", 0, peer_takes_little, NULL, NULL},
    {"no-sack", 0, peer_has_no_sack, NULL, NULL},
    {"no-timestamps", 1, peer_has_no_timestamps, NULL, NULL},
    {"no-scale", 1, peer_has_no_scale, NULL, NULL},
    {"blind-rst", 0, peer_talks_now_and_then, NULL, send_blind_rst},
    {"rst", 0, peer_talks_now_and_then, NULL, send_rst},
    {"marked", 0, nobody_loses, NULL, send_marked},
    {"listens", 0, peer_talks_alone, NULL, NULL},
    {"speaks", 0, subject_talks_alone, NULL, NULL},
    {"sends", 0, subject_talks_much, NULL, NULL},
    {"flight-lost", 0, subject_talks_much, lose_flight, NULL},
    {"no-ecn", 0, peer_has_no_ecn, NULL, NULL},
    {"far-away", 0, subject_is_far_away, NULL, NULL},
    {"syn-lost", 0, subject_talks_much, lose_syns, NULL},
    {"blind-rsts", 0, peer_talks_now_and_then, NULL, send_blind_rsts},
    {"rst-in-window", 0, peer_talks_now_and_then, NULL, send_rst_in_window},
    {"chunks", 0, subject_talks_in_chunks, NULL, NULL},
    {"fin-acked-late", 0, peer_talks_slowly, NULL, spoil_ack_of_fin},
    {"marked-once", 0, peer_talks_alone, NULL, send_marked_once},
    {"ece", 0, subject_talks_much, NULL, send_ece},
    {"old", 0, peer_talks_alone, NULL, send_old},
    {"rst-in-time-wait", 0, subject_closes_first, lose_last_ack, send_rst_before_fin},
    {"refused", 1, nobody_listens, NULL, NULL},
    {"refused-twice", 1, nobody_listens, lose_rsts, send_rst_after_syn},
};

/* ---- the wire ---- */

static unsigned end_of(const struct tfsm_address *address)
{
    return address->octets[address->family == 6 ? 15 : 3] == 1 ? 0 : 1;
}

static void take_turn(void *user, unsigned end)
{
    const struct run *run = user;
    machine_run(end == run->scenario->subject ? run->table : NULL);
}

static size_t change(void *user, unsigned end, uint8_t *octets, size_t n, size_t room)
{
    struct run *run = user;
    static uint8_t text[70000];
    struct tfsm_packet packet;
    bool subject = end == run->scenario->subject;
    run->from_subject += subject;
    run->from_peer += !subject;
    if (tfsm_parse(octets, n, &packet) != TFSM_WIRE_OK) {
        return n;
    }
    if (subject) {
        bool fin = (packet.segment.flags & TFSM_FIN) != 0 && run->own_end == 0;
        run->own_end = fin ? seq_add(packet.segment.seq, packet.segment.len) : run->own_end;
        return n;
    }
    if ((packet.segment.flags & TFSM_FIN) != 0) {
        run->peer_fin = true;
        run->peer_end = seq_add(packet.segment.seq, packet.segment.len);
    }
    if (run->scenario->change == NULL) {
        return n;
    }
    memcpy(text, octets + packet.text_at, n - packet.text_at);
    run->scenario->change(run, &packet);
    size_t written = tfsm_write(&packet, text, octets, room);
    if ((packet.segment.flags & TFSM_RST) != 0 && octets[0] >> 4 == 4) {
        octets[8] = 50; /* whoever forges it sits elsewhere */
        packet_repair(octets, written, true);
    }
    octets[written - 1] ^= run->spoilt;
    return written;
}

static bool lose(void *user, unsigned from, const uint8_t *octets, size_t n, tfsm_time now)
{
    struct run *run = user;
    struct tfsm_packet packet;
    bool lost = from == run->scenario->subject && run->scenario->lose != NULL &&
                tfsm_parse(octets, n, &packet) == TFSM_WIRE_OK &&
                run->scenario->lose(run, &packet, now);
    run->lost += lost;
    return lost;
}

static void see(void *user, unsigned where, unsigned from, const uint8_t *octets, size_t n,
                tfsm_time now)
{
    struct run *run = user;
    /* nobody answers in no time */
    struct capture_packet packet = {.number = ++run->packets, .time = now + run->packets};
    (void)from;
    if (where != run->scenario->subject) {
        run->packets--;
        return;
    }
    capture_take(octets, n, n, &packet);
    assert_true(docket_packet(run->docket, &packet));
    if (run->record != NULL) {
        record_packet_at(run->record, octets, n, now);
    }
}

static void note_charge(void *user, const struct docket_case *the_case, unsigned end,
                        const struct witness_charge *charge)
{
    struct run *run = user;
    char words[256];
    bool peer = end_of(&the_case->address[end]) != run->scenario->subject;
    if (peer && witness_level(charge->clause) != WITNESS_PRACTICE) {
        run->against_peer++;
    } else if (!peer && strcmp(witness_name(charge->clause), run->row->clause) == 0) {
        run->rightly++;
        return;
    } else if (!peer && witness_level(charge->clause) == WITNESS_MUST) {
        run->wrongly++;
    } else {
        return;
    }
    witness_words(charge, words, sizeof words);
    print_error("%s: %s: %s %s\n", run->row->name, peer ? "the peer" : "the subject",
                witness_name(charge->clause), words);
}

static void run_once(struct run *run, uint64_t seed)
{
    struct sim_config config = {.seed = seed,
                                .tap = see,
                                .turn = take_turn,
                                .loser = lose,
                                .spoiler = change,
                                .user = run,
                                .packets = 5000,
                                .until = 300 * SECOND,
                                .end = {tfsm_config_default(), tfsm_config_default()}};
    const struct docket_config docket = {
        .vantage = WITNESS_TOLD, .charge = note_charge, .user = run};
    run->scenario->set(&config);
    run->docket = docket_new(&docket);
    assert_non_null(run->docket);
    run->peer_fin = false;
    run->fins = 0;
    run->own_end = 0;
    run->spoilt = false;
    run->packets = run->from_subject = run->from_peer = run->lost = 0;
    sim_run(&config);
    machine_run(NULL);
    docket_free(run->docket);
}

/* ---- the table ---- */

static const char *folder; /* where captures are kept, or null */

static bool read_row(char *line, struct row *row)
{
    char *field[6];
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '#' || line[0] == '\0') {
        return false;
    }
    for (unsigned i = 0; i < 6; i++) {
        field[i] = line;
        line = line != NULL ? strchr(line, '\t') : NULL;
        if (line != NULL) {
            *line++ = '\0';
        }
    }
    assert_non_null(field[5]);
    snprintf(row->name, sizeof row->name, "%s", field[0]);
    snprintf(row->demand, sizeof row->demand, "%s", field[1]);
    snprintf(row->clause, sizeof row->clause, "%s", field[2]);
    snprintf(row->scenario, sizeof row->scenario, "%s", field[3]);
    snprintf(row->edits, sizeof row->edits, "%s", field[5]);
    return true;
}

static const struct scenario *find_scenario(const char *name)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        if (strcmp(scenarios[i].name, name) == 0) {
            return &scenarios[i];
        }
    }
    fail_msg("%s: no scenario", name);
    return NULL;
}

static enum witness_clause find_clause(const char *name)
{
    unsigned i = 0;
    while (i < WITNESS_CLAUSES && strcmp(witness_name((enum witness_clause)i), name) != 0) {
        i++;
    }
    if (i == WITNESS_CLAUSES) {
        fail_msg("%s: no clause", name);
    }
    return (enum witness_clause)i;
}

static void open_record(struct run *run)
{
    char path[4096];
    char error[RECORD_ERROR];
    if (folder != NULL) {
        snprintf(path, sizeof path, "%s/%s.pcap", folder, run->row->name);
        run->record = record_open(path, error);
        if (run->record == NULL) {
            fail_msg("%s: %s", path, error);
        }
    }
}

static bool judge_row(const struct row *row)
{
    static struct tfsm_rule rows[TFSM_RULES];
    struct table table;
    char wrong[128];
    char error[RECORD_ERROR];
    struct run run = {.scenario = find_scenario(row->scenario), .row = row, .table = &table};
    assert_string_equal(witness_demand(find_clause(row->clause)), row->demand);
    if (!variant_make(row->edits, rows, &table, wrong, sizeof wrong)) {
        fail_msg("%s: %s", row->name, wrong);
    }
    open_record(&run);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run_once(&run, seed);
        if (run.record != NULL) {
            record_close(run.record, error);
            run.record = NULL; /* the first run tells */
        }
    }
    bool good = run.rightly > 0 && run.wrongly == 0 && run.against_peer == 0;
    if (!good) {
        print_error("%s: %s %u times, else %u, the peer %u\n", row->name, row->clause, run.rightly,
                    run.wrongly, run.against_peer);
    }
    return good;
}

static void test_broken_tcps_are_charged_with_what_they_break(void **state)
{
    FILE *file = fopen(TFSM_BROKEN, "r");
    char line[1024];
    struct row row;
    char demands[64][NAME_MOST];
    unsigned count = 0;
    unsigned bad = 0;
    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (!read_row(line, &row)) {
            continue;
        }
        bad += !judge_row(&row);
        unsigned i = 0;
        while (i < count && strcmp(demands[i], row.demand) != 0) {
            i++;
        }
        if (i == count && count < 64) {
            snprintf(demands[count++], NAME_MOST, "%s", row.demand);
        }
    }
    fclose(file);
    assert_int_equal(bad, 0);
    assert_true(count >= LEAST);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_tcps_are_charged_with_what_they_break)};
    folder = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
