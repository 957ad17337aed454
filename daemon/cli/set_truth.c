#include "daemon/cli/set_truth.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/lane_words.h"
#include "perception/scene.h"
#include "sim/file.h"

enum { TRUTH_MAX_BYTES = 1 << 30, LINE_MAX_POINTS = 4096 };

static const double FARTHEST_PX = 1e6;

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* ---- conditions ---------------------------------------------------------------------------- */

/* 0: one too many. */
static unsigned bit_of(struct set_truth *t, const char *name)
{
    int i = 0;

    while (i < t->n_conditions && strncmp(t->condition[i], name, sizeof t->condition[i] - 1) != 0)
        i++;
    if (i == CONDITIONS_MAX)
        return 0;
    if (i == t->n_conditions)
        snprintf(t->condition[t->n_conditions++], sizeof t->condition[0], "%s", name);
    return 1u << i;
}

/* A list of words. Older sets have none. */
static void take_conditions(struct set_truth *t, const json_t *list, struct set_picture *p)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));

        if (name)
            p->conditions |= bit_of(t, name);
    }
}

/* ---- lines --------------------------------------------------------------------------------- */

static enum err take_point(const json_t *j, double point[2], struct why *why)
{
    for (size_t i = 0; i < 2; i++) {
        const json_t *v = json_array_get(j, i);

        point[i] = json_number_value(v);
        if (!json_is_number(v) || !(fabs(point[i]) <= FARTHEST_PX))
            return err_say(why, ERR_FORMAT, "pixels: must be pairs of numbers");
    }
    return OK;
}

static enum err take_line(const json_t *j, struct set_line *l, struct why *why)
{
    const json_t *pixels = json_object_get(j, "pixels");
    const json_int_t type = json_integer_value(json_object_get(j, "type")),
                     color = json_integer_value(json_object_get(j, "color"));
    const size_t n = json_array_size(pixels);
    enum err e = OK;

    if (type < 0 || type >= LANE_TYPES || color < 0 || color >= LANE_COLORS)
        return err_say(why, ERR_FORMAT, "type, color: must be of enum lane_type and lane_color");
    if (n > LINE_MAX_POINTS)
        return err_say(why, ERR_LIMIT, "pixels: more than %d", LINE_MAX_POINTS);
    l->type = (int)type;
    l->color = (int)color;
    l->point = calloc(n + 1, sizeof *l->point);
    if (!l->point)
        return err_say(why, ERR_NOMEM, "no memory");
    for (; l->n < n && e == OK; l->n++)
        e = take_point(json_array_get(pixels, l->n), l->point[l->n], why);
    return e;
}

/* The first line with a role, as labels_tusimple() chooses it. */
static const json_t *with_role(const json_t *boundaries, int role)
{
    for (size_t i = 0; i < json_array_size(boundaries); i++) {
        const json_t *j = json_array_get(boundaries, i);

        if (json_integer_value(json_object_get(j, "role")) == role &&
            json_integer_value(json_object_get(j, "kind")) == LANE_LINE &&
            json_array_size(json_object_get(j, "pixels")) > 1)
            return j;
    }
    return NULL;
}

static enum err take_lines(const json_t *boundaries, struct set_picture *p, struct why *why)
{
    static const int roles[SET_LINES] = {1, -1, 2, -2};
    enum err e = OK;

    for (int i = 0; i < SET_LINES && e == OK; i++) {
        const json_t *j = with_role(boundaries, roles[i]);

        if (j)
            e = take_line(j, &p->line[p->n_lines], why);
        p->n_lines += j || i < 2; /* the two of our own lane always have their place */
    }
    return e;
}

/* ---- the file ------------------------------------------------------------------------------ */

static struct set_picture *add(struct set_truth *t)
{
    if (t->n == t->room) {
        const size_t room = t->room ? 2 * t->room : 256;
        struct set_picture *more = realloc(t->picture, room * sizeof *more);

        if (!more)
            return NULL;
        t->picture = more;
        t->room = room;
    }
    t->picture[t->n] = (struct set_picture){0};
    return &t->picture[t->n++];
}

static enum err take_picture(struct set_truth *t, const char *line, size_t size, struct why *why)
{
    json_error_t error;
    json_t *j = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    const char *image = json_string_value(json_object_get(j, "image"));
    struct set_picture *p = image ? add(t) : NULL;
    enum err e;

    if (p && (p->image = strdup(base_name(image)))) {
        take_conditions(t, json_object_get(j, "conditions"), p);
        e = take_lines(json_object_get(j, "boundaries"), p, why);
    } else if (image) {
        e = err_say(why, ERR_NOMEM, "no memory");
    } else {
        e = err_say(why, ERR_FORMAT, "%s", j ? "image: must be the name of a picture" : error.text);
    }
    json_decref(j);
    return e;
}

static int by_image(const void *a, const void *b)
{
    return strcmp(((const struct set_picture *)a)->image, ((const struct set_picture *)b)->image);
}

static enum err take_all(const char *path, const struct file *f, struct set_truth *t,
                         struct why *why)
{
    const char *line;
    size_t at = 0, size;
    enum err e;

    for (int number = 1; file_line(f, &at, &line, &size); number++)
        if ((e = take_picture(t, line, size, why)) != OK)
            return err_prefix(why, e, "%s:%d: ", path, number);
    if (t->n)
        qsort(t->picture, t->n, sizeof *t->picture, by_image);
    return OK;
}

enum err set_truth_read(const char *folder, struct set_truth *out, struct why *why)
{
    char path[FILE_MAX_PATH];
    struct file f = {0};
    enum err e;

    *out = (struct set_truth){0};
    if (!folder || !path_join(path, folder, "truth.jsonl") || !file_exists(path))
        return OK;
    out->known = true;
    e = file_read(&f, path, TRUTH_MAX_BYTES, why);
    if (e == OK)
        e = take_all(path, &f, out, why);
    file_finish(&f);
    if (e != OK)
        set_truth_finish(out);
    return e;
}

const struct set_picture *set_truth_find(const struct set_truth *t, const char *image)
{
    const struct set_picture key = {.image = (char *)base_name(image)};

    return t->n ? bsearch(&key, t->picture, t->n, sizeof key, by_image) : NULL;
}

unsigned set_truth_conditions(const struct set_truth *t, const char *image)
{
    const struct set_picture *p = set_truth_find(t, image);

    return p ? p->conditions : 0;
}

void set_truth_finish(struct set_truth *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->picture[i].image);
        for (int k = 0; k < SET_LINES; k++)
            free(t->picture[i].line[k].point);
    }
    free(t->picture);
    *t = (struct set_truth){0};
}
