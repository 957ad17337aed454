/* A YAML text as a tree that remembers its lines, can be changed, and becomes text again.
 * What the texts mean is config.c's to know. */
#ifndef OUTRIDER_DAEMON_TREE_H
#define OUTRIDER_DAEMON_TREE_H

#include <stddef.h>
#include <yaml.h>

#include "perception/base/err.h"

enum { TREE_MAX_BYTES = 256 << 10 };

struct tree {
    yaml_document_t document; /* nodes are numbered from 1; 0 is no node */
    int n_read;               /* nodes up to this one have a line in the text */
};

/* One YAML document; an empty text is an empty mapping. ERR_FORMAT and ERR_LIMIT say "name:line:
 * what". On OK the caller owns it and ends it with tree_finish(). */
MUST_CHECK enum err tree_parse(struct tree *t, const char *text, size_t size, const char *name,
                               struct why *why);
void tree_finish(struct tree *t);

/* The node at "cameras.0.rate_hz"; 0: there is none. */
int tree_find(struct tree *t, const char *path);

/* "cameras.0.rate_hz=20": put a value, which may be any YAML, at a path. Mappings and entries on
 * the way are made; a list grows by one entry at a time. */
MUST_CHECK enum err tree_set(struct tree *t, const char *assignment, struct why *why);

/* Add the nodes of another YAML text; returns the topmost, 0 if it is no YAML. */
int tree_add(struct tree *t, const char *text);

int tree_line(struct tree *t, int node); /* 1 and up; 0: not from the text */

/* The text of a document, which is used up. Terminated; free() it. */
MUST_CHECK enum err tree_text(yaml_document_t *d, char **text, size_t *size);

#endif
