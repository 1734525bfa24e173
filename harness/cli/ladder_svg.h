/* The ladder as SVG: a pen for ladders (ladder.h), and the page they stand on, one or several side by
 * side. What is drawn needs nothing but itself: no script, no font, nothing of another file; it is
 * light or dark as the reader has it. */
#ifndef HARNESS_LADDER_SVG_H
#define HARNESS_LADDER_SVG_H

#include "ladder.h"

#define LADDER_SVG_MOST 400u /* events of a ladder; who draws more leaves out the first of them */

extern const struct ladder_pen ladder_svg_pen;

/* What one ladder is drawn on: its ladder.canvas. Null: out of memory. */
struct ladder_svg;
struct ladder_svg *ladder_svg_create(void);
void ladder_svg_destroy(struct ladder_svg *svg);

/* Write a page with ladders that have ended.
 * title     of all of it
 * headings  one above each, or null
 * False: out of memory. */
bool ladder_svg_page(FILE *to, const char *title, struct ladder_svg *const *ladders,
                     const char *const *headings, size_t count);

#endif
