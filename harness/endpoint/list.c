/* Doubly linked lists through the nodes: to append and to remove costs the same however long the
 * list is. */
#include "internal.h"

bool ep_is_on(const struct endpoint *ep, enum ep_list_kind kind, uint32_t node)
{
    return ep->nodes[node].link[kind].prev != 0;
}

/* Nothing happens when the node is on a list of this kind. */
void ep_append(struct endpoint *ep, struct ep_list *list, enum ep_list_kind kind, uint32_t node)
{
    struct ep_link *link = &ep->nodes[node].link[kind];
    if (link->prev != 0) {
        return;
    }
    *link = (struct ep_link){.next = 0, .prev = list->tail != 0 ? list->tail : EP_FIRST};
    if (list->tail != 0) {
        ep->nodes[list->tail - 1].link[kind].next = node + 1;
    } else {
        list->head = node + 1;
    }
    list->tail = node + 1;
}

/* Nothing happens when it is on none. */
void ep_remove(struct endpoint *ep, struct ep_list *list, enum ep_list_kind kind, uint32_t node)
{
    struct ep_link *link = &ep->nodes[node].link[kind];
    if (link->prev == 0) {
        return;
    }
    if (link->prev == EP_FIRST) {
        list->head = link->next;
    } else {
        ep->nodes[link->prev - 1].link[kind].next = link->next;
    }
    if (link->next == 0) {
        list->tail = link->prev == EP_FIRST ? 0 : link->prev;
    } else {
        ep->nodes[link->next - 1].link[kind].prev = link->prev;
    }
    *link = (struct ep_link){0, 0};
}
