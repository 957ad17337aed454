/* What a network saw in pictures, as `outrider infer` writes it: a line of JSON for each,
 *   {"image","width","height","objects":[{"class","score","box":[x1,y1,x2,y2]}, ...], ...}
 * or {"image","error"} for a picture that it could not read. Other keys are passed over. */
#ifndef OUTRIDER_DAEMON_CLI_PREDICTIONS_H
#define OUTRIDER_DAEMON_CLI_PREDICTIONS_H

#include <stddef.h>

#include "perception/eval/average_precision.h"

enum {
    PREDICTIONS_MAX_LINE_BYTES = 1 << 24,
    PREDICTIONS_MAX_LINES = 1 << 20,
    PREDICTIONS_MAX_OBJECTS = 1 << 22, /* of all lines */
};

struct prediction {
    char *image; /* owned */
    int line;    /* of the file, from 1 */
    char *error; /* owned; NULL: none */
    int width, height;
    struct ap_guess *guess; /* px; owned */
    size_t n;
};

struct predictions {
    struct prediction *picture; /* by name; no name twice */
    size_t n, room, n_objects;
};

/* ERR_IO, ERR_FORMAT or ERR_LIMIT with file, line and field. Release with predictions_finish(). */
MUST_CHECK enum err predictions_read(const char *path, struct predictions *out, struct why *why);
/* One more, zeroed, at the end; names must go on rising. NULL: no memory. */
struct prediction *predictions_add(struct predictions *p);
const struct prediction *predictions_find(const struct predictions *p, const char *image);
void predictions_finish(struct predictions *p); /* zeroed is fine */

#endif
