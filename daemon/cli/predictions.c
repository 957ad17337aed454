#include "daemon/cli/predictions.h"

#include <stdlib.h>
#include <string.h>

#include "perception/image/image.h"

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

static enum err take_side(const struct json_lines *l, const json_t *j, const char *key, int *out)
{
    const json_t *side = json_object_get(j, key);
    const json_int_t v = json_integer_value(side);

    if (!json_is_integer(side) || v < 1 || v > IMAGE_MAX_SIDE)
        return err_say(l->why, ERR_FORMAT, "%s:%d: %s must be a whole number of 1 to %d", l->path,
                       l->number, key, IMAGE_MAX_SIDE);
    *out = (int)v;
    return OK;
}

static enum err take_parts(const struct json_lines *l, const json_t *j, unsigned parts,
                           struct predictions *all, struct prediction *p)
{
    enum err e = OK;

    if (parts & HEAD_OBJECTS)
        e = prediction_objects(l, json_object_get(j, "objects"), all, p);
    if (e == OK && parts & HEAD_LANES)
        e = prediction_lanes(l, json_object_get(j, "lanes"), all, p);
    if (e == OK && parts & HEAD_ROAD)
        e = prediction_road(l, json_object_get(j, "road"), all, p);
    return e;
}

static enum err take_picture(const struct json_lines *l, const json_t *j, unsigned parts,
                             struct predictions *all)
{
    const char *image = json_string_value(json_object_get(j, "image"));
    const char *error = json_string_value(json_object_get(j, "error"));
    struct prediction *p;
    enum err e;

    if (!image || !*image)
        return json_lines_complain(l, "image", "the name of a picture");
    if (all->n == PREDICTIONS_MAX_LINES)
        return err_say(l->why, ERR_LIMIT, "%s:%d: more than %d pictures", l->path, l->number,
                       PREDICTIONS_MAX_LINES);
    if (!(p = predictions_add(all)))
        return json_lines_no_memory(l);
    *p = (struct prediction){.image = strdup(image), .line = l->number};
    if (error)
        p->error = strdup(error);
    if (!p->image || (error && !p->error))
        return json_lines_no_memory(l);
    if (error)
        return OK;
    if ((e = take_side(l, j, "width", &p->width)) != OK ||
        (e = take_side(l, j, "height", &p->height)) != OK)
        return e;
    return take_parts(l, j, parts, all, p);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct prediction *)a)->image, ((const struct prediction *)b)->image);
}

static enum err sort(const struct json_lines *l, struct predictions *p)
{
    if (p->n)
        qsort(p->picture, p->n, sizeof *p->picture, by_name);
    for (size_t i = 1; i < p->n; i++) {
        const struct prediction *a = &p->picture[i - 1], *b = &p->picture[i];

        if (!strcmp(a->image, b->image))
            return err_say(l->why, ERR_FORMAT, "%s:%d: image '%.80s' is also in line %d", l->path,
                           a->line > b->line ? a->line : b->line, a->image,
                           a->line > b->line ? b->line : a->line);
    }
    return OK;
}

enum err predictions_read(const char *path, unsigned parts, struct predictions *out,
                          struct why *why)
{
    struct json_lines l;
    json_t *j;
    enum err e = json_lines_open(path, &l, why);

    *out = (struct predictions){0};
    if (e != OK)
        return e;
    while ((e = json_lines_next(&l, &j)) == OK) {
        e = take_picture(&l, j, parts, out);
        json_decref(j);
        if (e != OK)
            break;
    }
    if (e == ERR_AGAIN)
        e = sort(&l, out);
    json_lines_close(&l);
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
        for (size_t k = 0; k < p->picture[i].n_lanes; k++) {
            free(p->picture[i].lane[k].point);
            free(p->picture[i].lane[k].sigma);
        }
        free(p->picture[i].lane);
        free(p->picture[i].road.run);
    }
    free(p->picture);
    *p = (struct predictions){0};
}
