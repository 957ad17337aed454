#include <stdlib.h>

#include "daemon/cli/predictions.h"

static enum err take_runs(const struct json_lines *l, const json_t *counts, int64_t pixels,
                          struct predicted_road *road)
{
    const size_t n = json_array_size(counts);
    int64_t sum = 0;

    for (; road->n < n; road->n++) {
        const json_t *run = json_array_get(counts, road->n);
        const json_int_t length = json_integer_value(run);

        if (!json_is_integer(run) || length < 0 || length > pixels - sum)
            break;
        road->run[road->n] = (uint32_t)length;
        sum += length;
    }
    if (road->n == n && sum == pixels)
        return OK;
    return json_lines_complain(l, "road: counts", "runs that add up to width x height");
}

enum err prediction_road(const struct json_lines *l, const json_t *road, struct predictions *all,
                         struct prediction *p)
{
    const json_t *size = json_object_get(road, "size"), *counts = json_object_get(road, "counts");
    const size_t n = json_array_size(counts);

    if (json_is_null(road))
        return OK;
    if (!json_is_object(road))
        return json_lines_complain(l, "road", "null or an object with size and counts");
    if (json_array_size(size) != 2 || json_integer_value(json_array_get(size, 0)) != p->height ||
        json_integer_value(json_array_get(size, 1)) != p->width)
        return json_lines_complain(l, "road: size", "[height, width] of the picture");
    if (n == 0)
        return json_lines_complain(l, "road: counts", "an array of runs");
    if (n > PREDICTIONS_MAX_RUNS - all->n_runs)
        return err_say(l->why, ERR_LIMIT, "%s:%d: more than %d runs of road", l->path, l->number,
                       PREDICTIONS_MAX_RUNS);
    p->road.run = calloc(n, sizeof *p->road.run);
    if (!p->road.run)
        return json_lines_no_memory(l);
    all->n_runs += n;
    return take_runs(l, counts, (int64_t)p->width * p->height, &p->road);
}
