/* The octets of the subject: a number that was sent once stands for the same octet ever after. What is kept is the latest, in a
 * ring of a size that the court has room for. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define RING_LEAST 4096u
#define RING_MOST  (1u << 20)

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A larger ring, if the court allows it; what is kept moves. */
static void grow(struct witness *w, uint64_t wanted)
{
    struct kept_text *text = &w->text;
    uint32_t size = text->size != 0 ? text->size : RING_LEAST;
    while (size < wanted && size < RING_MOST) {
        size *= 2;
    }
    if (size <= text->size || w->court->text_kept + size - text->size > w->court->text_most) {
        return;
    }
    uint8_t *octets = malloc(size);
    if (octets == NULL) {
        return;
    }
    for (uint64_t at = text->left; at < text->right; at++) {
        octets[at & (size - 1)] = text->octets[at & (text->size - 1)];
    }
    free(text->octets);
    w->court->text_kept += size - text->size;
    text->octets = octets;
    text->size = size;
}

static void keep(struct kept_text *text, const uint8_t *octets, uint64_t left, uint64_t right)
{
    if (text->left == text->right || left > text->right) { /* what is between is not known */
        text->left = left;
        text->right = left;
    }
    for (uint64_t at = text->right; at < right;) {
        uint64_t place = at & (text->size - 1);
        uint64_t n = sooner(right - at, text->size - place);
        memcpy(text->octets + place, octets + (at - left), (size_t)n);
        at += n;
    }
    text->right = later(text->right, right);
    text->left = later(text->left, octets_between(text->size, text->right));
}

void witness_judge_text(struct witness *w, const struct heard *heard)
{
    struct kept_text *text = &w->text;
    uint64_t n = sooner(heard->packet->text_octets, text_of(heard));
    uint64_t left = heard->text_from;
    uint64_t right = left + n;
    /* one octet of nothing asks whether the peer is there */
    bool asks = text_of(heard) <= 1 && heard->seq < w->in.ack;
    if (n == 0 || asks) {
        return;
    }
    uint64_t from = later(left, text->left);
    uint64_t to = sooner(right, text->right);
    for (uint64_t at = from; at < to; at++) {
        if (text->octets[at & (text->size - 1)] != heard->packet->text[at - left]) {
            witness_raise(w, WITNESS_TEXT_CHANGED, heard, (struct sight){0}, (struct sight){0},
                          counted(&w->out, at), 0, 0);
            return;
        }
    }
    if (text->size < RING_MOST && w->out.end > w->in.ack && w->in.ack != 0) {
        grow(w, right > w->in.ack ? right - w->in.ack : 0);
    }
    if (text->size == 0) {
        grow(w, n);
    }
    if (text->size != 0 && right > text->right) {
        uint64_t skip = octets_between(text->size, n);
        keep(text, heard->packet->text + skip, left + skip, right);
    }
}

void witness_free_text(struct witness *w)
{
    free(w->text.octets);
    w->court->text_kept -= w->text.size;
    w->text = (struct kept_text){0};
}
