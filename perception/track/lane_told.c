#include "perception/track/lane_told.h"

#include <math.h>

static const float EXTRAPOLATE_M = 15;    /* beyond the measured range, with growing sigma */
static const float LEVEL_SIGMA_M = 0.03f; /* the road is not quite flat across */

/* Share of the marking that is seen at x: between the nearest points of the last curve. */
static float seen_at(const struct lane_ground *g, float x_m)
{
    for (int i = 1; i < g->n; i++)
        if (x_m >= g->point[i - 1].x_m && x_m <= g->point[i].x_m)
            return 0.5f * (g->point[i - 1].seen + g->point[i].seen);
    return 0;
}

static void fill_metres(const struct lane_track *t, struct lane_boundary *b)
{
    b->has_metres = true;
    b->x_min_m = t->x_min_m;
    b->x_max_m = t->x_max_m;
    lane_cubic_export(&t->told, b->cubic, b->cubic_covariance);
    for (int i = 0; i < SCENE_STATIONS; i++) {
        struct lane_station *st = &b->station[i];
        float x = SCENE_STATION_M[i], sigma = (float)lane_cubic_sigma(&t->told, x);

        *st = (struct lane_station){NAN, NAN, NAN, 0};
        if (x > t->x_max_m + EXTRAPOLATE_M)
            continue;
        st->y_m = (float)lane_cubic_y(&t->told, x);
        st->z_m = 0;
        st->sigma_y_m = hypotf(sigma, LEVEL_SIGMA_M);
        if (t->measurement == MEASUREMENT_MEASURED)
            st->visible = seen_at(&t->ground, x) * b->existence;
    }
}

/* The likeliest of n kinds, best first. Returns how many there are to be said. */
static int candidates(const float *evidence, int n, int *which, float *probability)
{
    float sum = 0;
    int found = 0;

    for (int i = 1; i < n; i++)
        sum += evidence[i];
    for (; found < SCENE_MAX_CANDIDATES && sum > 0.1f; found++) {
        int best = 0;

        for (int i = 1; i < n; i++) {
            bool taken = false;

            for (int k = 0; k < found; k++)
                taken |= which[k] == i;
            if (!taken && (best == 0 || evidence[i] > evidence[best]))
                best = i;
        }
        if (best == 0 || !(evidence[best] > 0.05f * sum))
            break;
        which[found] = best;
        probability[found] = evidence[best] / sum;
    }
    return found;
}

static void fill_looks(const struct lane_track *t, struct lane_boundary *b)
{
    int which[SCENE_MAX_CANDIDATES];
    float p[SCENE_MAX_CANDIDATES];

    b->n_types = candidates(t->type, LANE_TYPE_BARRIER + 1, which, p);
    for (int i = 0; i < b->n_types; i++) {
        b->types[i].type = (enum lane_type)which[i];
        b->types[i].probability = p[i];
    }
    b->n_colors = candidates(t->color, LANE_COLOR_OTHER + 1, which, p);
    for (int i = 0; i < b->n_colors; i++) {
        b->colors[i].color = (enum lane_color)which[i];
        b->colors[i].probability = p[i];
    }
}

void lane_told(const struct lane_track *t, bool metres, int64_t now_ns, struct lane_boundary *b)
{
    lane_boundary_clear(b);
    b->id = t->id;
    b->role = t->role;
    b->kind = t->curve.kind;
    fill_looks(t, b);
    b->existence = t->existence;
    b->age_ns = now_ns - t->born_ns;
    b->measurement = t->measurement;
    if (metres)
        fill_metres(t, b);
    for (int i = 0; i < t->curve.n && i < SCENE_MAX_LANE_PIXELS; i++, b->n_pixels++) {
        b->pixel[i].x = t->curve.point[i].x;
        b->pixel[i].y = t->curve.point[i].y;
        b->pixel[i].sigma_x = t->curve.point[i].sigma_x;
    }
}
