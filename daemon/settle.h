/* A tree that somebody wrote -> a tree with every key of a table, judged: unknown and missing keys,
 * types, ranges and lengths, named with file, line, key, value and limit. */
#ifndef OUTRIDER_DAEMON_SETTLE_H
#define OUTRIDER_DAEMON_SETTLE_H

#include <cyaml/cyaml.h>

#include "daemon/tree.h"

struct key {                    /* a table of them ends with a key of NULL */
    cyaml_schema_field_t field; /* name, type and place, as libcyaml has them */
    const char *fallback;       /* as one would write it; NULL: must be given */
    double min, max;            /* of numbers */
    const struct key *inside;   /* keys of the mapping, or of each mapping in the list */
    const char *help;
};

struct settling {
    struct tree *from;
    yaml_document_t to; /* initialised by the caller, who owns it */
    const char *name;   /* of the file */
    struct why *why;
    char path[160]; /* "cameras[0].rate_hz": where we are */
    int node;       /* there, in from */
};

/* The topmost mapping against the table; its node in to, or 0 and why. Keys stand in to in the
 * order of the table, with their defaults filled in and numbers written in one way. */
int settle(struct settling *s, const struct key *keys);

/* Always 0, after saying in why what is wrong with the value at path and node. */
int settle_refuse(struct settling *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
