/* Lines of text that are cut into fields: by commas if the line has one, otherwise by blanks. */
#ifndef OUTRIDER_DAEMON_CLI_FIELDS_H
#define OUTRIDER_DAEMON_CLI_FIELDS_H

#include <stdbool.h>
#include <stdio.h>

#include "perception/base/err.h"

enum { FIELDS_LINE_BYTES = 1024, FIELDS_MAX = 24 /* further ones are not looked at */ };

struct fields { /* zeroed but for path before the first line */
    const char *path;
    int number; /* of the line, from 1 */
    char text[FIELDS_LINE_BYTES];
    char *field[FIELDS_MAX];
    int n;
    bool commas;
};

/* The next line that is not empty. ERR_AGAIN at the end; ERR_IO, ERR_LIMIT. */
MUST_CHECK enum err fields_next(struct fields *l, FILE *f, struct why *why);

/* Field i as a number of lo..hi; ERR_FORMAT, with file, line and this name for the field. */
MUST_CHECK enum err fields_number(const struct fields *l, int i, const char *name, double lo,
                                  double hi, double *out, struct why *why);
/* The same for a whole one. */
MUST_CHECK enum err fields_whole(const struct fields *l, int i, const char *name, double lo,
                                 double hi, double *out, struct why *why);

/* "path:line: name is 'value', must be ..."; returns ERR_FORMAT. */
enum err fields_complain(const struct fields *l, int i, const char *name, const char *must,
                         struct why *why);

#endif
