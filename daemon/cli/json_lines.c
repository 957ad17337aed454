#include "daemon/cli/json_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum err json_lines_complain(const struct json_lines *l, const char *field, const char *must)
{
    return err_say(l->why, ERR_FORMAT, "%s:%d: %s must be %s", l->path, l->number, field, must);
}

enum err json_lines_no_memory(const struct json_lines *l)
{
    return err_say(l->why, ERR_NOMEM, "%s:%d: no memory", l->path, l->number);
}

enum err json_lines_open(const char *path, struct json_lines *out, struct why *why)
{
    *out = (struct json_lines){.path = path, .why = why, .f = fopen(path, "r")};
    if (!out->f)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    out->text = malloc(JSON_LINES_MAX_BYTES);
    if (!out->text) {
        json_lines_close(out);
        return err_say(why, ERR_NOMEM, "%s: no memory for a line", path);
    }
    return OK;
}

static enum err parse(const struct json_lines *l, size_t n, json_t **out)
{
    json_error_t error;

    *out = json_loadb(l->text, n, JSON_REJECT_DUPLICATES, &error);
    if (!*out)
        return err_say(l->why, ERR_FORMAT, "%s:%d: %s at byte %d", l->path, l->number, error.text,
                       error.position);
    if (json_is_object(*out))
        return OK;
    json_decref(*out);
    *out = NULL;
    return json_lines_complain(l, "a line", "a JSON object");
}

enum err json_lines_next(struct json_lines *l, json_t **out)
{
    *out = NULL;
    while (fgets(l->text, JSON_LINES_MAX_BYTES, l->f)) {
        const size_t n = strlen(l->text);

        l->number++;
        if (n == JSON_LINES_MAX_BYTES - 1 && l->text[n - 1] != '\n')
            return err_say(l->why, ERR_LIMIT, "%s:%d: the line is longer than %d bytes", l->path,
                           l->number, JSON_LINES_MAX_BYTES - 2);
        if ((n == 0 || l->text[n - 1] != '\n') && !feof(l->f))
            return err_say(l->why, ERR_FORMAT, "%s:%d: a byte of 0 in the line", l->path,
                           l->number);
        if (l->text[strspn(l->text, " \t\r\n")])
            return parse(l, n, out);
    }
    return ferror(l->f) ? err_say(l->why, ERR_IO, "%s: %s", l->path, strerror(errno)) : ERR_AGAIN;
}

void json_lines_close(struct json_lines *l)
{
    if (l->f)
        fclose(l->f);
    free(l->text);
    *l = (struct json_lines){0};
}
