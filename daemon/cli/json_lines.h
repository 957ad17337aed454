/* Files of JSON objects, one a line. */
#ifndef OUTRIDER_DAEMON_CLI_JSON_LINES_H
#define OUTRIDER_DAEMON_CLI_JSON_LINES_H

#include <jansson.h>
#include <stdio.h>

#include "perception/base/err.h"

enum { JSON_LINES_MAX_BYTES = 1 << 24 /* of a line */ };

struct json_lines {
    const char *path; /* borrowed */
    FILE *f;
    int number; /* of the line, from 1 */
    char *text;
    struct why *why;
};

/* why is borrowed until json_lines_close(). ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err json_lines_open(const char *path, struct json_lines *out, struct why *why);
/* The next line that is not empty, the caller's; ERR_AGAIN at the end. ERR_FORMAT where it is no JSON
 * object, ERR_LIMIT, ERR_IO. */
MUST_CHECK enum err json_lines_next(struct json_lines *l, json_t **out);
void json_lines_close(struct json_lines *l); /* zeroed is fine */

/* "path:line: field must be ..."; returns ERR_FORMAT. */
enum err json_lines_complain(const struct json_lines *l, const char *field, const char *must);
/* "path:line: no memory"; returns ERR_NOMEM. */
enum err json_lines_no_memory(const struct json_lines *l);

#endif
