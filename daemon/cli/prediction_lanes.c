#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/lane_words.h"
#include "daemon/cli/predictions.h"

enum { FARTHEST_PX = 1000000, FARTHEST_ROLE = 9 };

static enum err take_point(const struct json_lines *l, const json_t *j, struct lane_point *out)
{
    const json_t *x = json_array_get(j, 0), *y = json_array_get(j, 1);

    *out = (struct lane_point){json_number_value(x), json_number_value(y)};
    if (json_array_size(j) != 2 || !json_is_number(x) || !json_is_number(y) ||
        !(fabs(out->x) <= FARTHEST_PX && fabs(out->y) <= FARTHEST_PX))
        return json_lines_complain(l, "lanes: points", "pairs of numbers of pixels");
    return OK;
}

/* A number for each point, where there are any. */
static enum err take_sigma(const struct json_lines *l, const json_t *sigma,
                           struct predicted_lane *lane)
{
    if (!sigma || json_is_null(sigma))
        return OK;
    if (json_array_size(sigma) != lane->n)
        return json_lines_complain(l, "lanes: sigma", "an array as long as points");
    lane->sigma = calloc(lane->n + 1, sizeof *lane->sigma);
    if (!lane->sigma)
        return json_lines_no_memory(l);
    for (size_t i = 0; i < lane->n; i++) {
        const json_t *j = json_array_get(sigma, i);

        lane->sigma[i] = json_number_value(j);
        if (!json_is_number(j) || !(lane->sigma[i] >= 0 && lane->sigma[i] <= FARTHEST_PX))
            return json_lines_complain(l, "lanes: sigma", "numbers of pixels");
    }
    return OK;
}

static enum err take_words(const struct json_lines *l, const json_t *j, struct predicted_lane *lane)
{
    const char *type = json_string_value(json_object_get(j, "type")),
               *color = json_string_value(json_object_get(j, "color"));

    if (type && !lane_word_find(lane_type_word, LANE_TYPES, type, &lane->type))
        return json_lines_complain(l, "lanes: type", "solid, dashed, double ...");
    if (color && !lane_word_find(lane_color_word, LANE_COLORS, color, &lane->color))
        return json_lines_complain(l, "lanes: color", "white, yellow or other");
    return OK;
}

static enum err take_lane(const struct json_lines *l, const json_t *j, struct predictions *all,
                          struct predicted_lane *lane)
{
    const json_t *points = json_object_get(j, "points"), *role = json_object_get(j, "role");
    const size_t n = json_array_size(points);

    if (!json_is_array(points))
        return json_lines_complain(l, "lanes: points", "an array");
    if (role && !json_is_null(role) &&
        (!json_is_integer(role) || llabs(json_integer_value(role)) > FARTHEST_ROLE))
        return json_lines_complain(l, "lanes: role", "a whole number of -9 to 9");
    if (n > PREDICTIONS_MAX_POINTS - all->n_points)
        return err_say(l->why, ERR_LIMIT, "%s:%d: more than %d points of lanes", l->path, l->number,
                       PREDICTIONS_MAX_POINTS);
    lane->role = (int)json_integer_value(role);
    lane->point = calloc(n + 1, sizeof *lane->point);
    if (!lane->point)
        return json_lines_no_memory(l);
    for (; lane->n < n; lane->n++) {
        enum err e = take_point(l, json_array_get(points, lane->n), &lane->point[lane->n]);

        if (e != OK)
            return e;
    }
    all->n_points += n;
    enum err e = take_sigma(l, json_object_get(j, "sigma"), lane);
    return e == OK ? take_words(l, j, lane) : e;
}

enum err prediction_lanes(const struct json_lines *l, const json_t *lanes, struct predictions *all,
                          struct prediction *p)
{
    const size_t n = json_array_size(lanes);

    if (!json_is_array(lanes))
        return json_lines_complain(l, "lanes", "an array");
    if (n > PREDICTIONS_MAX_LANES)
        return err_say(l->why, ERR_LIMIT, "%s:%d: more than %d lanes", l->path, l->number,
                       PREDICTIONS_MAX_LANES);
    p->lane = calloc(n + 1, sizeof *p->lane);
    if (!p->lane)
        return json_lines_no_memory(l);
    for (size_t i = 0; i < n; i++) {
        const json_t *j = json_array_get(lanes, i);
        const char *kind = json_string_value(json_object_get(j, "kind"));
        enum err e;

        if (kind && !strcmp(kind, "road_edge")) /* labels are of lines */
            continue;
        if ((e = take_lane(l, j, all, &p->lane[p->n_lanes++])) != OK)
            return e;
    }
    return OK;
}
