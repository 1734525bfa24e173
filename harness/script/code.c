/* The code of %{ }%: assertions about TCP_INFO of the socket made last. packetdrill has Python for
 * it; nearly all that people write is `assert EXPRESSION[, words]`, one a line: numbers, fields,
 * constants, arithmetic, bits, comparisons, and, or, not. That is read here, print() is passed over,
 * and nothing else is needed. What is more than that goes to a Python, where the machine has one
 * and --allow-shell says that scripts may run programs. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run_internal.h"

#define DEPTH_MOST 32

/* ---- the fields ---- */

/* Those that the stack fills in: what nobody counts would always be 0, and prove nothing. */

#define F(name)                                                                                    \
    {                                                                                              \
#name, offsetof(struct tcp_info, name), sizeof(((struct tcp_info *)0)->name)               \
    }

static const struct {
    const char *name;
    size_t at;
    size_t size;
} fields[] = {
    F(tcpi_state),
    F(tcpi_ca_state),
    F(tcpi_retransmits),
    F(tcpi_probes),
    F(tcpi_backoff),
    F(tcpi_options),
    F(tcpi_rto),
    F(tcpi_ato),
    F(tcpi_snd_mss),
    F(tcpi_rcv_mss),
    F(tcpi_unacked),
    F(tcpi_sacked),
    F(tcpi_pmtu),
    F(tcpi_rtt),
    F(tcpi_rttvar),
    F(tcpi_snd_ssthresh),
    F(tcpi_snd_cwnd),
    F(tcpi_advmss),
    F(tcpi_rcv_space),
    F(tcpi_bytes_acked),
    F(tcpi_bytes_received),
    F(tcpi_notsent_bytes),
    F(tcpi_snd_wnd),
    F(tcpi_segs_in),
    F(tcpi_segs_out),
    F(tcpi_data_segs_in),
    F(tcpi_data_segs_out),
    F(tcpi_total_retrans),
    F(tcpi_bytes_sent),
    F(tcpi_bytes_retrans),
    F(tcpi_last_data_sent),
    F(tcpi_last_data_recv),
    F(tcpi_last_ack_recv),
};

bool run_info_field(const struct tcp_info *info, const char *name, int64_t *number)
{
    if (strcmp(name, "tcpi_snd_wscale") == 0 || strcmp(name, "tcpi_rcv_wscale") == 0) {
        *number = name[5] == 's' ? info->tcpi_snd_wscale : info->tcpi_rcv_wscale;
        return true;
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *octets = (const char *)info + fields[i].at;
        uint8_t octet = 0;
        uint32_t word = 0;
        uint64_t long_word = 0;
        if (strcmp(fields[i].name, name) != 0) {
            continue;
        }
        memcpy(&octet, octets, sizeof octet);
        memcpy(&word, octets, fields[i].size >= sizeof word ? sizeof word : 0);
        memcpy(&long_word, octets, fields[i].size == sizeof long_word ? sizeof long_word : 0);
        *number = fields[i].size == 1 ? octet : fields[i].size == 4 ? word : (int64_t)long_word;
        return true;
    }
    return false;
}

/* ---- expressions ---- */

struct code {
    struct runner *runner;
    const struct tcp_info *info;
    const char *text;
    const char *at;
    unsigned depth;
    unsigned parentheses; /* open: lines go on */
    bool failed;
    bool foreign; /* what failed is no assertion of the kind that is read here */
};

static int64_t either(struct code *code);

/* The line of the script that is read. */
static unsigned line_of(const struct code *code, const char *at)
{
    unsigned line = code->runner->event->line;
    for (const char *c = code->text; c < at; c++) {
        line += *c == '\n';
    }
    return line;
}

static int64_t wrong(struct code *code, const char *what)
{
    int length = (int)strcspn(code->at, "\r\n");
    code->foreign = true;
    if (!code->failed && !code->runner->run->allow_shell) {
        run_bad(code->runner, line_of(code, code->at), "in code: %s at '%.*s'", what,
                length < 20 ? length : 20, length > 0 ? code->at : "");
    }
    code->failed = true;
    return 0;
}

static void skip_space(struct code *code)
{
    code->at += strspn(code->at, code->parentheses > 0 ? " \t\r\n" : " \t");
}

/* An operator, or a word that ends there. */
static bool take(struct code *code, const char *word)
{
    size_t n = strlen(word);
    skip_space(code);
    bool letters = isalpha((unsigned char)word[0]) != 0;
    if (strncmp(code->at, word, n) != 0 ||
        (letters && (isalnum((unsigned char)code->at[n]) || code->at[n] == '_'))) {
        return false;
    }
    code->at += n;
    return true;
}

static int64_t name(struct code *code)
{
    char word[64];
    size_t n = 0;
    int64_t number = 0;
    while (isalnum((unsigned char)code->at[n]) || code->at[n] == '_') {
        n++;
    }
    if (n == 0 || n >= sizeof word) {
        return wrong(code, "a number or a name is needed");
    }
    memcpy(word, code->at, n);
    word[n] = '\0';
    if (run_info_field(code->info, word, &number)) {
        code->at += n;
        return number;
    }
    if (strncmp(word, "tcpi_", 5) == 0 || !run_constant(word, &number)) {
        return wrong(code, "this name is not known");
    }
    code->at += n;
    return number;
}

static int64_t primary(struct code *code)
{
    skip_space(code);
    if (take(code, "(")) {
        code->parentheses++;
        int64_t number = either(code);
        bool closed = take(code, ")");
        code->parentheses--;
        return closed ? number : wrong(code, "a ) is missing");
    }
    if (isdigit((unsigned char)code->at[0])) {
        char *end;
        errno = 0;
        long long number = strtoll(code->at, &end, 0);
        if (errno != 0) {
            return wrong(code, "a number is too large");
        }
        code->at = end;
        return number;
    }
    return name(code);
}

/* In numbers without a sign: no sum is beyond what is defined. */
static int64_t sum(struct code *code);

static int64_t factor(struct code *code)
{
    if (++code->depth > DEPTH_MOST) {
        return wrong(code, "too deep");
    }
    int64_t number = take(code, "-") ? (int64_t)(0 - (uint64_t)factor(code)) : primary(code);
    code->depth--;
    return number;
}

static int64_t product(struct code *code)
{
    int64_t number = factor(code);
    while (!code->failed) {
        bool times = take(code, "*");
        bool over = !times && (take(code, "//") || take(code, "/"));
        bool rest = !times && !over && take(code, "%");
        if (!times && !over && !rest) {
            break;
        }
        int64_t by = factor(code);
        if (times) {
            number = (int64_t)((uint64_t)number * (uint64_t)by);
        } else if (by == 0 || by == -1) {
            return by == 0 ? wrong(code, "a division by zero") : wrong(code, "a division by -1");
        } else {
            number = over ? number / by : number % by;
        }
    }
    return number;
}

static int64_t sum(struct code *code)
{
    int64_t number = product(code);
    while (!code->failed) {
        bool plus = take(code, "+");
        if (!plus && !take(code, "-")) {
            break;
        }
        uint64_t by = (uint64_t)product(code);
        number = (int64_t)((uint64_t)number + (plus ? by : 0 - by));
    }
    return number;
}

static int64_t bits(struct code *code)
{
    int64_t number = sum(code);
    while (!code->failed) {
        bool all = take(code, "&");
        if (!all && !take(code, "|")) {
            break;
        }
        int64_t by = sum(code);
        number = all ? number & by : number | by;
    }
    return number;
}

static int64_t comparison(struct code *code)
{
    static const char *const operators[] = {"==", "!=", "<=", ">=", "<", ">"};
    int64_t left = bits(code);
    bool compared = false;
    bool all = true;
    for (unsigned i = 0; i < 6 && !code->failed;) {
        if (!take(code, operators[i])) {
            i++;
            continue;
        }
        int64_t right = bits(code);
        bool answers[] = {left == right, left != right, left <= right, left >= right,
                          left<right, left> right};
        all = all && answers[i];
        compared = true;
        left = right; /* a < b < c */
        i = 0;
    }
    return compared ? all : left;
}

static int64_t not_it(struct code *code)
{
    if (++code->depth > DEPTH_MOST) {
        return wrong(code, "too deep");
    }
    int64_t number = take(code, "not") ? !not_it(code) : comparison(code);
    code->depth--;
    return number;
}

static int64_t both(struct code *code)
{
    int64_t number = not_it(code);
    while (!code->failed && take(code, "and")) {
        int64_t next = not_it(code);
        number = number != 0 && next != 0;
    }
    return number;
}

static int64_t either(struct code *code)
{
    int64_t number = both(code);
    while (!code->failed && take(code, "or")) {
        int64_t next = both(code);
        number = number != 0 || next != 0;
    }
    return number;
}

/* ---- statements ---- */

/* One assertion; what follows a comma is words for people. */
static bool assertion(struct code *code)
{
    if (take(code, "print")) { /* for people who watch */
        code->at += strcspn(code->at, "\n");
        return true;
    }
    if (!take(code, "assert")) {
        wrong(code, "only assert is known");
        return false;
    }
    skip_space(code);
    const char *start = code->at;
    int64_t number = either(code);
    int length = (int)(code->at - start);
    if (code->failed) {
        return false;
    }
    if (number == 0) {
        int shown = (int)strcspn(start, "\r\n");
        shown = shown < length ? shown : length;
        run_failed(code->runner, "this does not hold: %.*s", shown < 200 ? shown : 200, start);
        code->runner->result->line = line_of(code, start);
        return false;
    }
    if (take(code, ",")) {
        code->at += strcspn(code->at, "\n");
    }
    skip_space(code);
    if (code->at[0] != '\0' && code->at[0] != '\n' && code->at[0] != ';' && code->at[0] != '#') {
        wrong(code, "something is left over");
        return false;
    }
    if (code->at[0] == '#') {
        code->at += strcspn(code->at, "\n");
    }
    return true;
}

/* ---- a real Python ---- */

static void assign(void *to, const char *name, int64_t number)
{
    bool keyword = strcmp(name, "True") == 0 || strcmp(name, "False") == 0;
    if (!keyword) {
        fprintf(to, "%s = %" PRId64 "\n", name, number);
    }
}

static void write_program(FILE *to, const struct tcp_info *info, const char *text)
{
    int64_t number;
    run_each_constant(assign, to);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        run_info_field(info, fields[i].name, &number);
        assign(to, fields[i].name, number);
    }
    assign(to, "tcpi_snd_wscale", info->tcpi_snd_wscale);
    assign(to, "tcpi_rcv_wscale", info->tcpi_rcv_wscale);
    /* Lines may be indented, all alike; what follows the bracket at once is not. */
    size_t blank = strspn(text, " \t\r");
    text += text[blank] == '\n' ? blank + 1 : blank;
    fputs("NULL = None\nimport textwrap\nexec(compile(textwrap.dedent(bytes.fromhex('", to);
    for (; *text != '\0'; text++) {
        fprintf(to, "%02x", (unsigned)(unsigned char)*text);
    }
    fputs("').decode('utf-8', 'replace')), 'code', 'exec'))\n", to);
}

/* The last line that a program says on standard error. */
static void last_line(FILE *from, char *line, size_t room)
{
    char one[160];
    line[0] = '\0';
    while (fgets(one, sizeof one, from) != NULL) {
        one[strcspn(one, "\r\n")] = '\0';
        if (one[0] != '\0') {
            snprintf(line, room, "%s", one);
        }
    }
}

static bool run_python(struct runner *runner, const struct tcp_info *info, const char *text)
{
    char path[] = P_tmpdir "/tcpfsm.XXXXXX";
    char command[sizeof path + 64];
    char said[200];
    int descriptor = mkstemp(path);
    FILE *program = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (program == NULL) {
        return run_failed(runner, "code cannot be handed to Python: %s", strerror(errno));
    }
    write_program(program, info, text);
    bool written = fclose(program) == 0;
    snprintf(command, sizeof command, "exec python3 -I -B %s 2>&1 >/dev/null", path);
    fflush(stdout);
    FILE *answer = written ? popen(command, "r") : NULL;
    if (answer == NULL) {
        unlink(path);
        return run_failed(runner, "Python cannot be started: %s", strerror(errno));
    }
    last_line(answer, said, sizeof said);
    int status = pclose(answer);
    unlink(path);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        return run_bad(runner, runner->event->line, "this code needs Python, and there is none");
    }
    return status == 0 || run_failed(runner, "in code: %s", said);
}

bool run_code(struct runner *runner, const char *text)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    struct code code = {.runner = runner, .info = &info, .text = text, .at = text};
    if (runner->stack->getsockopt(runner->user, runner->socket, IPPROTO_TCP, TCP_INFO, &info,
                                  &size) != 0) {
        return run_failed(runner, "there is no socket whose TCP_INFO could be asked");
    }
    for (;;) {
        code.at += strspn(code.at, " \t\r\n;");
        if (code.at[0] == '#') {
            code.at += strcspn(code.at, "\n");
        } else if (code.at[0] == '\0') {
            return true;
        } else if (!assertion(&code)) {
            return code.foreign && runner->run->allow_shell && run_python(runner, &info, text);
        }
    }
}
