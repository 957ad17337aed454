#include "perception/motion/corners.h"

#include <math.h>
#include <string.h>

enum { W = GRAY_MAX_WIDTH / 2, WINDOW = 5, MARGIN = 6 };

static const float LEAST_SCORE = 1.5f; /* of noise alone: about 1 */
static const float LEAST_SHARE = 0.1f; /* of the stronger direction: a bare line has less */

struct moments { /* sums over the window's rows so far, by column */
    float xx[W], xy[W], yy[W];
};

/* Products of the gradients of one row, added with the given sign. */
static void add_row(struct moments *m, const struct gray_level *g, int y, float sign)
{
    const uint8_t *up = g->px + (y - 1) * g->width, *at = up + g->width, *down = at + g->width;

    for (int x = 1; x < g->width - 1; x++) {
        float dx = 0.5f * (float)(at[x + 1] - at[x - 1]), dy = 0.5f * (float)(down[x] - up[x]);

        m->xx[x] += sign * dx * dx;
        m->xy[x] += sign * dx * dy;
        m->yy[x] += sign * dy * dy;
    }
}

/* The least eigenvalue at each column, over the window. */
static void score_row(const struct moments *m, int width, float score[W])
{
    for (int x = MARGIN; x < width - MARGIN; x++) {
        float xx = 0, xy = 0, yy = 0;

        for (int k = -WINDOW / 2; k <= WINDOW / 2; k++) {
            xx += m->xx[x + k];
            xy += m->xy[x + k];
            yy += m->yy[x + k];
        }
        float half = 0.5f * (xx - yy), mean = 0.5f * (xx + yy);
        float apart = sqrtf(half * half + xy * xy);
        float least = mean - apart, most = mean + apart;
        score[x] = least > LEAST_SHARE * most ? least / (WINDOW * WINDOW) : 0;
    }
}

static void keep_best(struct corner cell[CORNER_CELLS_X], const float score[W], int width, int y)
{
    for (int x = MARGIN; x < width - MARGIN; x++) {
        struct corner *best = &cell[x * CORNER_CELLS_X / width];

        if (score[x] > best->score)
            *best = (struct corner){2 * (float)x + 1, 2 * (float)y + 1, score[x]};
    }
}

int corners_find(const struct gray *g, struct corner out[CORNERS_MAX])
{
    const struct gray_level *l = &g->level[1];
    struct corner cell[CORNERS_MAX];
    struct moments m;
    float score[W];
    int n = 0;

    memset(&m, 0, sizeof m);
    memset(cell, 0, sizeof cell);
    for (int y = MARGIN - WINDOW / 2; y < MARGIN + WINDOW / 2; y++)
        add_row(&m, l, y, 1);
    for (int y = MARGIN; y < l->height - MARGIN; y++) {
        add_row(&m, l, y + WINDOW / 2, 1);
        score_row(&m, l->width, score);
        keep_best(&cell[y * CORNER_CELLS_Y / l->height * CORNER_CELLS_X], score, l->width, y);
        add_row(&m, l, y - WINDOW / 2, -1);
    }
    for (int i = 0; i < CORNERS_MAX; i++)
        if (cell[i].score > LEAST_SCORE)
            out[n++] = cell[i];
    return n;
}
