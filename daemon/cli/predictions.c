#include "daemon/cli/predictions.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/object_set.h"
#include "perception/image/image.h"

enum { BOX_MAX_PX = 1000000 };

struct prediction *predictions_add(struct predictions *p)
{
    if (p->n == p->room) {
        const size_t room = p->room ? 2 * p->room : 256;
        struct prediction *more = realloc(p->picture, room * sizeof *more);

        if (!more)
            return NULL;
        p->picture = more;
        p->room = room;
    }
    p->picture[p->n] = (struct prediction){0};
    return &p->picture[p->n++];
}

struct reader {
    const char *path;
    int number; /* of the line */
    struct predictions *out;
    struct why *why;
};

static enum err complain(const struct reader *r, const char *field, const char *must)
{
    return err_say(r->why, ERR_FORMAT, "%s:%d: %s must be %s", r->path, r->number, field, must);
}

/* Also where infer says "car" of a network that knows vehicles only: its "merged" has the classes. */
static enum err take_classes(struct reader *r, const json_t *j, unsigned *bits)
{
    json_t *item = json_object_get(j, "class"), *merged = json_object_get(j, "merged");

    *bits = 0;
    if (merged && (!json_is_array(merged) || json_array_size(merged) == 0))
        return complain(r, "objects: merged", "an array of class names");
    for (size_t i = 0; i < (merged ? json_array_size(merged) : 1); i++) {
        const char *name = json_string_value(merged ? json_array_get(merged, i) : item);
        const enum object_class c = name ? object_class_named(name) : OBJECT_CLASS_COUNT;

        if (!name)
            return complain(r, merged ? "objects: merged" : "objects: class", "a class name");
        if (c == OBJECT_CLASS_COUNT)
            return err_say(r->why, ERR_FORMAT, "%s:%d: objects: class '%.40s' is none that we know",
                           r->path, r->number, name);
        *bits |= object_class_bits(c);
    }
    return OK;
}

static enum err take_box(struct reader *r, const json_t *j, struct ap_box *box)
{
    double v[4];

    if (!json_is_array(j) || json_array_size(j) != 4)
        return complain(r, "objects: box", "an array of four numbers");
    for (size_t i = 0; i < 4; i++) {
        const json_t *number = json_array_get(j, i);

        v[i] = json_number_value(number);
        if (!json_is_number(number) || !(fabs(v[i]) <= BOX_MAX_PX))
            return complain(r, "objects: box", "four numbers of pixels");
    }
    if (v[0] > v[2] || v[1] > v[3])
        return complain(r, "objects: box", "x1, y1, x2, y2 with x1 <= x2 and y1 <= y2");
    *box = (struct ap_box){v[0], v[1], v[2], v[3]};
    return OK;
}

static enum err take_objects(struct reader *r, const json_t *list, struct prediction *p)
{
    const size_t n = json_array_size(list);
    enum err e;

    if (!json_is_array(list))
        return complain(r, "objects", "an array");
    if (n > PREDICTIONS_MAX_OBJECTS - r->out->n_objects)
        return err_say(r->why, ERR_LIMIT, "%s:%d: more than %d objects", r->path, r->number,
                       PREDICTIONS_MAX_OBJECTS);
    p->guess = calloc(n + 1, sizeof *p->guess);
    if (!p->guess)
        return err_say(r->why, ERR_NOMEM, "%s:%d: no memory", r->path, r->number);
    for (; p->n < n; p->n++) {
        const json_t *j = json_array_get(list, p->n), *score = json_object_get(j, "score");
        struct ap_guess *g = &p->guess[p->n];

        g->score = json_number_value(score);
        if (!json_is_object(j))
            return complain(r, "objects", "an array of objects");
        if (!json_is_number(score) || !(g->score >= 0 && g->score <= 1))
            return complain(r, "objects: score", "a number of 0 to 1");
        if ((e = take_classes(r, j, &g->classes)) != OK ||
            (e = take_box(r, json_object_get(j, "box"), &g->box)) != OK)
            return e;
    }
    r->out->n_objects += n;
    return OK;
}

static enum err take_side(struct reader *r, const json_t *j, const char *key, int *out)
{
    const json_t *side = json_object_get(j, key);
    const json_int_t v = json_integer_value(side);

    if (!json_is_integer(side) || v < 1 || v > IMAGE_MAX_SIDE)
        return err_say(r->why, ERR_FORMAT, "%s:%d: %s must be a whole number of 1 to %d", r->path,
                       r->number, key, IMAGE_MAX_SIDE);
    *out = (int)v;
    return OK;
}

static enum err take_picture(struct reader *r, const json_t *j, struct prediction *p)
{
    const char *image = json_string_value(json_object_get(j, "image"));
    const char *error = json_string_value(json_object_get(j, "error"));
    enum err e;

    if (!json_is_object(j))
        return complain(r, "a line", "a JSON object");
    if (!image || !*image)
        return complain(r, "image", "the name of a picture");
    *p = (struct prediction){.image = strdup(image), .line = r->number};
    if (error)
        p->error = strdup(error);
    if (!p->image || (error && !p->error))
        return err_say(r->why, ERR_NOMEM, "%s:%d: no memory", r->path, r->number);
    if (error)
        return OK;
    if ((e = take_side(r, j, "width", &p->width)) != OK ||
        (e = take_side(r, j, "height", &p->height)) != OK)
        return e;
    return take_objects(r, json_object_get(j, "objects"), p);
}

static enum err read_line(struct reader *r, const char *text, size_t n)
{
    json_error_t error;
    json_t *j;
    enum err e;

    if (!text[strspn(text, " \t\r\n")])
        return OK;
    if (r->out->n == PREDICTIONS_MAX_LINES)
        return err_say(r->why, ERR_LIMIT, "%s:%d: more than %d pictures", r->path, r->number,
                       PREDICTIONS_MAX_LINES);
    if (!predictions_add(r->out))
        return err_say(r->why, ERR_NOMEM, "%s: no memory for %zu pictures", r->path, r->out->n);
    j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!j)
        return err_say(r->why, ERR_FORMAT, "%s:%d: %s at byte %d", r->path, r->number, error.text,
                       error.position);
    e = take_picture(r, j, &r->out->picture[r->out->n - 1]);
    json_decref(j);
    return e;
}

static enum err read_lines(struct reader *r, FILE *f)
{
    char *text = malloc(PREDICTIONS_MAX_LINE_BYTES);
    enum err e = OK;

    if (!text)
        return err_say(r->why, ERR_NOMEM, "%s: no memory for a line", r->path);
    while (e == OK && fgets(text, PREDICTIONS_MAX_LINE_BYTES, f)) {
        const size_t n = strlen(text);

        r->number++;
        if (n == PREDICTIONS_MAX_LINE_BYTES - 1 && text[n - 1] != '\n')
            e = err_say(r->why, ERR_LIMIT, "%s:%d: the line is longer than %d bytes", r->path,
                        r->number, PREDICTIONS_MAX_LINE_BYTES - 2);
        else if ((n == 0 || text[n - 1] != '\n') && !feof(f))
            e = err_say(r->why, ERR_FORMAT, "%s:%d: a byte of 0 in the line", r->path, r->number);
        else
            e = read_line(r, text, n);
    }
    free(text);
    if (e == OK && ferror(f))
        e = err_say(r->why, ERR_IO, "%s: %s", r->path, strerror(errno));
    return e;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct prediction *)a)->image, ((const struct prediction *)b)->image);
}

static enum err sort(struct reader *r)
{
    struct predictions *p = r->out;

    if (p->n)
        qsort(p->picture, p->n, sizeof *p->picture, by_name);
    for (size_t i = 1; i < p->n; i++) {
        const struct prediction *a = &p->picture[i - 1], *b = &p->picture[i];

        if (!strcmp(a->image, b->image))
            return err_say(r->why, ERR_FORMAT, "%s:%d: image '%.80s' is also in line %d", r->path,
                           a->line > b->line ? a->line : b->line, a->image,
                           a->line > b->line ? b->line : a->line);
    }
    return OK;
}

enum err predictions_read(const char *path, struct predictions *out, struct why *why)
{
    struct reader r = {.path = path, .out = out, .why = why};
    FILE *f = fopen(path, "r");
    enum err e;

    *out = (struct predictions){0};
    if (!f)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    e = read_lines(&r, f);
    fclose(f);
    if (e == OK)
        e = sort(&r);
    if (e != OK)
        predictions_finish(out);
    return e;
}

const struct prediction *predictions_find(const struct predictions *p, const char *image)
{
    const struct prediction key = {.image = (char *)image};

    return p->n ? bsearch(&key, p->picture, p->n, sizeof *p->picture, by_name) : NULL;
}

void predictions_finish(struct predictions *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->picture[i].image);
        free(p->picture[i].error);
        free(p->picture[i].guess);
    }
    free(p->picture);
    *p = (struct predictions){0};
}
