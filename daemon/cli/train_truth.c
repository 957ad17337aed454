#include "daemon/cli/train_truth.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/cli/object_set.h"
#include "perception/heads/outrider.h"

/* An edge that begins farther below the horizon than this share of the picture's height is that of our road. */
static const float NEAR_EDGE = 0.08f;

static bool numbers(const json_t *j, size_t n, float *out)
{
    bool good = json_array_size(j) == n;

    for (size_t i = 0; good && i < n; i++) {
        const json_t *v = json_array_get(j, i);
        const double x = json_number_value(v);

        good = json_is_number(v) && fabs(x) < 1e6;
        out[i] = (float)x;
    }
    return good;
}

static bool whole(const json_t *j, const char *key, int min, int max, int *out)
{
    const json_t *v = json_object_get(j, key);
    const json_int_t x = json_integer_value(v);

    *out = (int)x;
    return json_is_integer(v) && x >= min && x <= max;
}

/* ---- objects ------------------------------------------------------------------------------- */

static enum err take_object(const json_t *j, const struct camera *camera, struct labels *l,
                            struct why *why)
{
    const char *name = json_string_value(json_object_get(j, "class"));
    const enum object_class c = object_class_named(name ? name : "");
    struct label_object *o = &l->object[l->n_objects];
    float box[4], at[3];

    if ((int)c >= OWN_CLASSES)
        return err_say(why, ERR_FORMAT, "class is '%.40s', must be one of classes.txt",
                       name ? name : "");
    if (!numbers(json_object_get(j, "box"), 4, box))
        return err_say(why, ERR_FORMAT, "box: must be four numbers");
    if (!numbers(json_object_get(j, "at"), 3, at))
        return err_say(why, ERR_FORMAT, "at: must be three numbers");
    if (l->n_objects == LABELS_MAX_OBJECTS || !(box[2] > box[0] && box[3] > box[1]))
        return OK;
    *o = (struct label_object){
        .box = {box[0], box[1], box[2], box[3]},
        .classes = 1u << c,
        .ignore = !json_is_true(json_object_get(j, "counts")),
        .weight = 1,
        .distance_m = camera->width ? hypotf(at[0] - camera->x_m, at[1] - camera->y_m) : NAN};
    l->n_objects++;
    return OK;
}

/* ---- boundaries ---------------------------------------------------------------------------- */

static enum err take_points(const json_t *pixels, struct label_boundary *b, struct why *why)
{
    const size_t n = json_array_size(pixels);

    if (!json_is_array(pixels))
        return err_say(why, ERR_FORMAT, "pixels: must be an array");
    for (size_t i = 0; i < n && b->n < LABELS_MAX_POINTS; i++)
        if (!numbers(json_array_get(pixels, i), 2, b->point[b->n++]))
            return err_say(why, ERR_FORMAT, "pixels[%zu]: must be two numbers", i);
    return OK;
}

static enum err take_boundary(const json_t *j, struct label_boundary *b, struct why *why)
{
    int kind;

    *b = (struct label_boundary){0};
    if (!whole(j, "role", -8, 8, &b->role))
        return err_say(why, ERR_FORMAT, "role: must be a whole number of -8 to 8");
    if (!whole(j, "kind", LANE_LINE, LANE_ROAD_EDGE, &kind))
        return err_say(why, ERR_FORMAT, "kind: must be %d or %d", LANE_LINE, LANE_ROAD_EDGE);
    if (!whole(j, "type", 0, OWN_LANE_TYPES, &b->type))
        return err_say(why, ERR_FORMAT, "type: must be 0 to %d", OWN_LANE_TYPES);
    if (!whole(j, "color", 0, OWN_LANE_COLORS, &b->color))
        return err_say(why, ERR_FORMAT, "color: must be 0 to %d", OWN_LANE_COLORS);
    b->kind = (enum lane_kind)kind;
    return take_points(json_object_get(j, "pixels"), b, why);
}

/* How far to the side an edge begins, in camera heights: left < 0. NAN: too far ahead to tell whose it is. */
static float side_of(const struct label_boundary *b, const struct camera *c)
{
    const float horizon = c->cy - c->fy * tanf(c->pitch_rad), below = b->point[0][1] - horizon;

    if (!c->width || below < NEAR_EDGE * (float)c->height)
        return NAN;
    return (b->point[0][0] - c->cx + c->fx * tanf(c->yaw_rad)) / below;
}

struct edges { /* the nearest so far: left, right */
    struct label_boundary edge[2];
    float side[2];
};

static void take_edge(struct edges *e, struct label_boundary *b, const struct camera *c)
{
    const float side = side_of(b, c);
    const int right = side > 0;

    if (isnan(side) || fabsf(side) >= e->side[right])
        return;
    b->role = right ? -1 : 1;
    e->edge[right] = *b;
    e->side[right] = fabsf(side);
}

static enum err take_boundaries(const json_t *list, const struct camera *camera, struct labels *l,
                                struct why *why)
{
    struct edges e = {.side = {INFINITY, INFINITY}};
    struct label_boundary b;
    enum err error;

    for (size_t i = 0; i < json_array_size(list); i++) {
        if ((error = take_boundary(json_array_get(list, i), &b, why)) != OK)
            return error;
        if (b.n < 2)
            continue;
        if (b.kind == LANE_ROAD_EDGE)
            take_edge(&e, &b, camera);
        else if (b.role && l->n_boundaries < LABELS_MAX_BOUNDARIES - 2)
            l->boundary[l->n_boundaries++] = b;
    }
    for (int i = 0; i < 2; i++)
        if (e.edge[i].n)
            l->boundary[l->n_boundaries++] = e.edge[i];
    l->boundaries = camera->width ? (1u << OWN_BOUNDARIES) - 1 : (1u << OWN_EDGES) - 1;
    l->boundary_y[0] = 0;
    l->boundary_y[1] = IMAGE_MAX_SIDE;
    return OK;
}

/* ---- the line ------------------------------------------------------------------------------ */

static enum err take_line(const json_t *j, const struct camera *camera, char name[300],
                          struct labels *out, struct why *why)
{
    const char *image = json_string_value(json_object_get(j, "image"));
    const char *slash = image ? strrchr(image, '/') : NULL;
    const json_t *objects = json_object_get(j, "objects"),
                 *boundaries = json_object_get(j, "boundaries");
    enum err e = OK;

    if (!image || strlen(image) >= 300)
        return err_say(why, ERR_FORMAT, "image: must be the name of a picture");
    snprintf(name, 300, "%s", slash ? slash + 1 : image);
    if (!json_is_array(objects) || !json_is_array(boundaries))
        return err_say(why, ERR_FORMAT, "objects, boundaries: must be arrays");
    out->classes = (1u << OWN_CLASSES) - 1;
    for (size_t i = 0; e == OK && i < json_array_size(objects); i++)
        e = take_object(json_array_get(objects, i), camera, out, why);
    return e == OK ? take_boundaries(boundaries, camera, out, why) : e;
}

enum err train_truth_read(const char *line, size_t size, const struct camera *camera,
                          char name[300], struct labels *out, struct why *why)
{
    json_error_t error;
    json_t *j = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    enum err e;

    out->classes = 0;
    out->n_objects = out->n_boundaries = 0;
    if (!j)
        return err_say(why, ERR_FORMAT, "%s", error.text);
    e = take_line(j, camera, name, out, why);
    json_decref(j);
    return e;
}
