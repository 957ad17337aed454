#include <math.h>
#include <string.h>

#include "perception/train/own_network.h"

/* Lines are rare among cells: where one is counts more. Cells beside it are nearly right. */
static const float LINE_HERE = 4, LINE_BESIDE = 0.3f;

struct place { /* of one picture */
    const struct own_network *n;
    const struct labels *labels;
    int width, height;
    float *line, *line_weight, *line_x, *line_x_weight, *type, *color, *road, *road_weight;
};

static int index_of(const struct label_boundary *b)
{
    const int from = b->kind == LANE_ROAD_EDGE ? OWN_EDGES : 0,
              to = b->kind == LANE_ROAD_EDGE ? OWN_BOUNDARIES : OWN_EDGES;

    for (int i = from; i < to; i++)
        if (OWN_ROLE[i] == b->role)
            return i;
    return -1;
}

/* x where the polyline passes the row; NAN: nowhere. */
static float crossing(const struct label_boundary *b, float y)
{
    for (int i = 0; i + 1 < b->n; i++) {
        const float y0 = b->point[i][1], y1 = b->point[i + 1][1];

        if ((y0 >= y && y > y1) || (y0 <= y && y < y1))
            return b->point[i][0] + (y - y0) / (y1 - y0) * (b->point[i + 1][0] - b->point[i][0]);
    }
    return NAN;
}

static void place_row(const struct place *p, const struct label_boundary *b, int index, int row)
{
    const float x = crossing(b, 8 * (float)row + 4) / 8;
    const int column = isnan(x) ? -1 : (int)floorf(x);

    if (column < 0 || column >= p->width)
        return;
    for (int c = column - 1; c <= column + 1; c++) {
        const bool here = c == column;

        if (c < 0 || c >= p->width)
            continue;
        const size_t cell = (size_t)row * (size_t)p->width + (size_t)c,
                     at = cell * OWN_BOUNDARIES + (size_t)index;
        p->line_x[at] = x - (float)c - 0.5f;
        p->line_x_weight[at] = here ? 1 : 0.5f;
        p->line_weight[at] = here ? LINE_HERE : LINE_BESIDE;
        if (!here)
            continue;
        p->line[at] = 1;
        if (b->type > 0)
            p->type[cell] = (float)(b->type - 1);
        if (b->color > 0)
            p->color[cell] = (float)(b->color - 1);
    }
}

static void place_lanes(const struct place *p)
{
    const size_t cells = (size_t)p->width * (size_t)p->height, n = cells * OWN_BOUNDARIES;

    memset(p->line, 0, n * sizeof *p->line);
    memset(p->line_x_weight, 0, n * sizeof *p->line_x_weight);
    for (size_t i = 0; i < cells; i++)
        p->type[i] = p->color[i] = -1;
    for (size_t i = 0; i < n; i++) {
        const size_t row = i / OWN_BOUNDARIES / (size_t)p->width;
        const float y = 8 * (float)row + 4;
        const bool known = p->labels->boundaries & 1u << i % OWN_BOUNDARIES;

        p->line_weight[i] =
            known && y >= p->labels->boundary_y[0] && y <= p->labels->boundary_y[1] ? 1 : 0;
    }
    for (int i = 0; i < p->labels->n_boundaries; i++) {
        const struct label_boundary *b = &p->labels->boundary[i];
        const int index = index_of(b);

        for (int row = 0; index >= 0 && row < p->height; row++)
            place_row(p, b, index, row);
    }
}

static void place_road(const struct place *p)
{
    for (int i = 0; i < p->width * p->height; i++) {
        const uint8_t v = p->labels->road ? p->labels->road[i] : LABELS_ROAD_UNKNOWN;

        p->road[i] = v == 1 ? 1 : 0;
        p->road_weight[i] = v == LABELS_ROAD_UNKNOWN ? 0 : 1;
    }
}

static float *of_picture(struct train *t, int value, int i)
{
    return train_data(t, value) +
           train_count(t, value) / (size_t)train_dim(t, value, 0) * (size_t)i;
}

void own_targets(struct train *t, struct own_network *n, const struct labels *labels)
{
    n->labels = labels;
    for (int i = 0; i < n->batch; i++) {
        const struct place p = {.n = n,
                                .labels = &labels[i],
                                .width = n->width / 8,
                                .height = n->height / 8,
                                .line = of_picture(t, n->line, i),
                                .line_weight = of_picture(t, n->line_weight, i),
                                .line_x = of_picture(t, n->line_x, i),
                                .line_x_weight = of_picture(t, n->line_x_weight, i),
                                .type = of_picture(t, n->type, i),
                                .color = of_picture(t, n->color, i),
                                .road = of_picture(t, n->road_target, i),
                                .road_weight = of_picture(t, n->road_weight, i)};

        place_lanes(&p);
        place_road(&p);
    }
}
