/* Options and states of descriptors: getsockopt(), setsockopt(), fcntl(), ioctl(). */
#include <inttypes.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <string.h>

#include "call.h"

/* ---- options ---- */

/* {onoff=1, linger=5}, {tv_sec=1, tv_usec=0}: two numbers. */
static bool two_numbers(struct runner *runner, const struct script_value *value, int64_t pair[2])
{
    static const char *const names[][2] = {
        {"onoff", "linger"}, {"l_onoff", "l_linger"}, {"tv_sec", "tv_usec"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct script_value *first = run_member(value, names[i][0], 99);
        const struct script_value *second = run_member(value, names[i][1], 99);
        if (first != NULL && second != NULL) {
            char both[32];
            snprintf(both, sizeof both, "%s %s", names[i][0], names[i][1]);
            return run_members(runner, value, both) &&
                   run_number_in(runner, first, names[i][0], INT32_MIN, INT32_MAX, &pair[0]) &&
                   run_number_in(runner, second, names[i][1], INT32_MIN, INT32_MAX, &pair[1]);
        }
    }
    return run_bad(runner, value->line, "this structure is not known");
}

enum attempt call_setsockopt(struct runner *runner, const struct arguments *a,
                             struct answer *answer)
{
    const struct script_value *value = a->value[3];
    int fd = run_fd(runner, a->number[0]);
    int level = (int)a->number[1];
    int name = (int)a->number[2];
    socklen_t size = (socklen_t)a->number[4];
    union {
        int number;
        struct linger linger;
        struct timeval time;
        char text[256];
    } octets;
    int64_t pair[2];
    int64_t number;
    memset(&octets, 0, sizeof octets);
    if (size > sizeof octets) {
        run_bad(runner, value->line, "an option of more than %zu octets", sizeof octets);
        return CALL_WRONG;
    }
    if (value->kind == SCRIPT_STRING) {
        size_t n = (size_t)value->number < sizeof octets ? (size_t)value->number : sizeof octets;
        memcpy(octets.text, value->text, n);
    } else if (value->kind == SCRIPT_STRUCT) {
        if (!two_numbers(runner, value, pair)) {
            return CALL_WRONG;
        }
        if (name == SO_LINGER) {
            octets.linger = (struct linger){(int)pair[0], (int)pair[1]};
        } else {
            octets.time = (struct timeval){(time_t)pair[0], (suseconds_t)pair[1]};
        }
    } else {
        if (!run_number_in(runner, value, "option", INT32_MIN, UINT32_MAX, &number)) {
            return CALL_WRONG;
        }
        octets.number = (int)number;
    }
    return call_answered(answer,
                         runner->stack->setsockopt(runner->user, fd, level, name, &octets, size));
}

/* One field of TCP_INFO after the other. */
static bool info_holds(struct runner *runner, const struct script_value *value,
                       const struct tcp_info *info)
{
    for (const struct script_value *member = value->first; member != NULL; member = member->next) {
        int64_t actual;
        int64_t expected;
        if (member->field == NULL || !run_info_field(info, member->field, &actual)) {
            return run_bad(runner, member->line, "TCP_INFO has no field '%.40s'",
                           member->field != NULL ? member->field : "");
        }
        if (is_dots(member)) {
            continue;
        }
        if (!run_number(runner, member, &expected)) {
            return false;
        }
        if (actual != expected) {
            return run_failed(runner, "%s is %" PRId64 ", expected %" PRId64, member->field, actual,
                              expected);
        }
    }
    return true;
}

static bool option_holds(struct runner *runner, const struct script_value *value, int level,
                         int name, const void *octets, socklen_t size)
{
    int64_t expected;
    int64_t pair[2];
    int number = 0;
    if (is_dots(value)) {
        return true;
    }
    if (value->kind == SCRIPT_STRING) {
        size_t length = strnlen(octets, size);
        bool same = length == (size_t)value->number && memcmp(octets, value->text, length) == 0;
        return same || run_failed(runner, "the option is not \"%.40s\"", value->text);
    }
    if (value->kind == SCRIPT_STRUCT && level == IPPROTO_TCP && name == TCP_INFO) {
        return info_holds(runner, value, octets);
    }
    if (value->kind == SCRIPT_STRUCT) {
        struct linger linger;
        struct timeval time;
        memcpy(&linger, octets, sizeof linger);
        memcpy(&time, octets, sizeof time);
        int64_t first = name == SO_LINGER ? linger.l_onoff : time.tv_sec;
        int64_t second = name == SO_LINGER ? linger.l_linger : time.tv_usec;
        return two_numbers(runner, value, pair) &&
               ((first == pair[0] && second == pair[1]) ||
                run_failed(runner, "the option is {%" PRId64 ", %" PRId64 "}", first, second));
    }
    memcpy(&number, octets, size < sizeof number ? size : sizeof number);
    if (!run_number_in(runner, value, "option", INT32_MIN, UINT32_MAX, &expected)) {
        return false;
    }
    if (number == (int)expected) {
        return true;
    }
    if (level == SOL_SOCKET && name == SO_ERROR) {
        return run_failed(runner, "the option is %d %s, expected %" PRId64, number,
                          number != 0 ? run_errno_name(number) : "", expected);
    }
    return run_failed(runner, "the option is %d, expected %" PRId64, number, expected);
}

enum attempt call_getsockopt(struct runner *runner, const struct arguments *a,
                             struct answer *answer)
{
    int fd = run_fd(runner, a->number[0]);
    int level = (int)a->number[1];
    int name = (int)a->number[2];
    const struct script_value *length = a->value[4];
    int64_t room = 4;
    int64_t octets[64] = {0};
    bool info = level == IPPROTO_TCP && name == TCP_INFO;
    bool pair = level == SOL_SOCKET && name == SO_LINGER;
    if (info || a->value[3]->kind == SCRIPT_STRING || is_dots(a->value[3])) {
        room = sizeof(struct tcp_info);
    } else if (pair) {
        room = sizeof(struct linger);
    }
    if (!is_dots(length) && !info && !run_number(runner, length, &room)) {
        return CALL_WRONG;
    }
    if (room < 0 || room > (int64_t)sizeof octets) {
        run_bad(runner, length->line, "an option of %" PRId64 " octets", room);
        return CALL_WRONG;
    }
    socklen_t size = (socklen_t)room;
    call_answered(answer, runner->stack->getsockopt(runner->user, fd, level, name, octets, &size));
    if (answer->value == 0 && !option_holds(runner, a->value[3], level, name, octets, size)) {
        return CALL_WRONG;
    }
    if (answer->value == 0 && !is_dots(length) && !info && (int64_t)size != room) {
        run_failed(runner, "the option has %u octets, expected %" PRId64, (unsigned)size, room);
        return CALL_WRONG;
    }
    return CALL_DONE;
}

/* ---- fcntl and ioctl ---- */

enum attempt call_fcntl(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    int argument = a->count > 2 ? (int)a->number[2] : 0;
    return call_answered(answer, runner->stack->fcntl(runner->user, run_fd(runner, a->number[0]),
                                                      (int)a->number[1], argument));
}

enum attempt call_ioctl(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    int value = 0;
    int64_t expected = 0;
    bool given = a->count > 2 && !is_dots(a->value[2]);
    if (given && !run_number_in(runner, a->value[2], "number", INT32_MIN, UINT32_MAX, &expected)) {
        return CALL_WRONG;
    }
    value = (int)expected;
    call_answered(answer, runner->stack->ioctl(runner->user, run_fd(runner, a->number[0]),
                                               (unsigned long)a->number[1], &value));
    if (answer->value >= 0 && given && value != (int)expected) {
        run_failed(runner, "ioctl tells %d, expected %" PRId64, value, expected);
        return CALL_WRONG;
    }
    return CALL_DONE;
}
