#include "daemon/cli/fields.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum err fields_complain(const struct fields *l, int i, const char *name, const char *must,
                         struct why *why)
{
    if (i >= l->n)
        return err_say(why, ERR_FORMAT, "%s:%d: %s is missing, the line has %d fields", l->path,
                       l->number, name, l->n);
    return err_say(why, ERR_FORMAT, "%s:%d: %s is '%.40s', must be %s", l->path, l->number, name,
                   l->field[i], must);
}

/* Cut the text at every separator; spaces count once however many. */
static void split(struct fields *l)
{
    l->commas = strchr(l->text, ',') != NULL;
    const char *between = l->commas ? "," : " \t";
    char *rest = l->text, *field;

    l->text[strcspn(l->text, "\r\n")] = '\0';
    l->n = 0;
    while (l->n < FIELDS_MAX && (field = strsep(&rest, between)))
        if (l->commas || *field)
            l->field[l->n++] = field;
}

enum err fields_next(struct fields *l, FILE *f, struct why *why)
{
    while (fgets(l->text, sizeof l->text, f)) {
        l->number++;
        if (strlen(l->text) == sizeof l->text - 1 && l->text[sizeof l->text - 2] != '\n')
            return err_say(why, ERR_LIMIT, "%s:%d: line is longer than %d bytes", l->path,
                           l->number, FIELDS_LINE_BYTES - 2);
        split(l);
        if (l->n > 0)
            return OK;
    }
    return ferror(f) ? err_say(why, ERR_IO, "%s: %s", l->path, strerror(errno)) : ERR_AGAIN;
}

enum err fields_number(const struct fields *l, int i, const char *name, double lo, double hi,
                       double *out, struct why *why)
{
    char must[64], *end;

    snprintf(must, sizeof must, "a number of %.9g to %.9g", lo, hi);
    if (i >= l->n)
        return fields_complain(l, i, name, must, why);
    *out = strtod(l->field[i], &end);
    while (*end == ' ')
        end++;
    if (end == l->field[i] || *end || !(*out >= lo && *out <= hi))
        return fields_complain(l, i, name, must, why);
    return OK;
}

enum err fields_whole(const struct fields *l, int i, const char *name, double lo, double hi,
                      double *out, struct why *why)
{
    enum err e = fields_number(l, i, name, lo, hi, out, why);

    if (e == OK && *out != floor(*out))
        e = fields_complain(l, i, name, "a whole number", why);
    return e;
}
