#include <math.h>
#include <stdlib.h>

#include "daemon/cli/object_set.h"
#include "daemon/cli/predictions.h"

enum { BOX_MAX_PX = 1000000 };

/* Also where infer says "car" of a network that knows vehicles only: its "merged" has the classes. */
static enum err take_classes(const struct json_lines *l, const json_t *j, unsigned *bits)
{
    json_t *item = json_object_get(j, "class"), *merged = json_object_get(j, "merged");

    *bits = 0;
    if (merged && (!json_is_array(merged) || json_array_size(merged) == 0))
        return json_lines_complain(l, "objects: merged", "an array of class names");
    for (size_t i = 0; i < (merged ? json_array_size(merged) : 1); i++) {
        const char *name = json_string_value(merged ? json_array_get(merged, i) : item);
        const enum object_class c = name ? object_class_named(name) : OBJECT_CLASS_COUNT;

        if (!name)
            return json_lines_complain(l, merged ? "objects: merged" : "objects: class",
                                       "a class name");
        if (c == OBJECT_CLASS_COUNT)
            return err_say(l->why, ERR_FORMAT, "%s:%d: objects: class '%.40s' is none that we know",
                           l->path, l->number, name);
        *bits |= object_class_bits(c);
    }
    return OK;
}

static enum err take_box(const struct json_lines *l, const json_t *j, struct ap_box *box)
{
    double v[4];

    if (!json_is_array(j) || json_array_size(j) != 4)
        return json_lines_complain(l, "objects: box", "an array of four numbers");
    for (size_t i = 0; i < 4; i++) {
        const json_t *number = json_array_get(j, i);

        v[i] = json_number_value(number);
        if (!json_is_number(number) || !(fabs(v[i]) <= BOX_MAX_PX))
            return json_lines_complain(l, "objects: box", "four numbers of pixels");
    }
    if (v[0] > v[2] || v[1] > v[3])
        return json_lines_complain(l, "objects: box", "x1, y1, x2, y2 with x1 <= x2 and y1 <= y2");
    *box = (struct ap_box){v[0], v[1], v[2], v[3]};
    return OK;
}

/* Optional: not every network tells. */
static enum err take_sigma(const struct json_lines *l, const json_t *j, double sigma[4])
{
    if (!j)
        return OK;
    for (size_t i = 0; i < 4; i++) {
        const json_t *number = json_array_get(j, i);

        sigma[i] = json_number_value(number);
        if (json_array_size(j) != 4 || !json_is_number(number) ||
            !(sigma[i] > 0 && sigma[i] <= BOX_MAX_PX))
            return json_lines_complain(l, "objects: sigma", "four numbers of pixels above 0");
    }
    return OK;
}

/* Optional too. */
static enum err take_distance(const struct json_lines *l, const json_t *j, struct ap_guess *g)
{
    const json_t *per_px = json_object_get(j, "per_px"), *sigma = json_object_get(j, "sigma");

    if (!j)
        return OK;
    g->distance_per_px = json_number_value(per_px);
    g->distance_sigma = json_number_value(sigma);
    if (!json_is_number(per_px) || !json_is_number(sigma) || !(g->distance_per_px >= 0) ||
        !(g->distance_sigma >= 0))
        return json_lines_complain(l, "objects: distance", "per_px and sigma, numbers from 0 on");
    return OK;
}

enum err prediction_objects(const struct json_lines *l, const json_t *list, struct predictions *all,
                            struct prediction *p)
{
    const size_t n = json_array_size(list);
    enum err e;

    if (!json_is_array(list))
        return json_lines_complain(l, "objects", "an array");
    if (n > PREDICTIONS_MAX_OBJECTS - all->n_objects)
        return err_say(l->why, ERR_LIMIT, "%s:%d: more than %d objects", l->path, l->number,
                       PREDICTIONS_MAX_OBJECTS);
    p->guess = calloc(n + 1, sizeof *p->guess);
    if (!p->guess)
        return json_lines_no_memory(l);
    for (; p->n < n; p->n++) {
        const json_t *j = json_array_get(list, p->n), *score = json_object_get(j, "score");
        struct ap_guess *g = &p->guess[p->n];

        g->score = json_number_value(score);
        if (!json_is_object(j))
            return json_lines_complain(l, "objects", "an array of objects");
        if (!json_is_number(score) || !(g->score >= 0 && g->score <= 1))
            return json_lines_complain(l, "objects: score", "a number of 0 to 1");
        if ((e = take_classes(l, j, &g->classes)) != OK ||
            (e = take_box(l, json_object_get(j, "box"), &g->box)) != OK ||
            (e = take_sigma(l, json_object_get(j, "sigma"), g->sigma)) != OK ||
            (e = take_distance(l, json_object_get(j, "distance"), g)) != OK)
            return e;
    }
    all->n_objects += n;
    return OK;
}
