/* The state diagram, derived from the rows. */
#ifndef HARNESS_DIAGRAM_H
#define HARNESS_DIAGRAM_H

/* Print the state diagram in graphviz's language. */
void print_diagram(void);

#endif
