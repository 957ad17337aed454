#include "daemon/cli/lane_drawing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/cli/worst_pictures.h"
#include "perception/image/draw.h"

static const struct color WHITE = {255, 255, 255}, RED = {255, 40, 40}, GREEN = {60, 220, 60},
                          ORANGE = {255, 160, 0};

/* Lane k of labels or predictions in rows. */
static void draw_rows(struct image *im, const struct lane_label *l, const double *y, int k,
                      float width_px, struct color c)
{
    const double *x = l->x + (size_t)k * (size_t)l->rows;
    int last = -1;

    for (int i = 0; i < l->rows; i++) {
        if (x[i] < 0)
            continue;
        if (last >= 0)
            draw_line(im, (float)x[last], (float)y[last], (float)x[i], (float)y[i], width_px, c, 1);
        last = i;
    }
}

static void draw_points(struct image *im, const struct predicted_lane *l, float width_px,
                        struct color c)
{
    for (size_t i = 1; i < l->n; i++)
        draw_line(im, (float)l->point[i - 1].x, (float)l->point[i - 1].y, (float)l->point[i].x,
                  (float)l->point[i].y, width_px, c, 1);
}

static double mean_off(const struct lane_fit *f)
{
    double sum = 0;

    for (size_t i = 0; i < f->points; i++)
        sum += f->off_px[i];
    return f->points ? sum / (double)f->points : 0;
}

static void draw_words(struct image *im, const struct lane_picture *p)
{
    char text[96];
    int n = snprintf(text, sizeof text, "found %ld, missed %ld, false %ld", p->culane.hits,
                     p->culane.misses, p->culane.false_alarms);

    if (p->fit.points)
        snprintf(text + n, sizeof text - (size_t)n, ", off by %.1f px", mean_off(&p->fit));
    draw_label(im, 0, (float)im->height, text, WHITE);
}

static enum err draw_lanes(void *context, size_t at, struct image *im, struct why *why)
{
    const struct lane_totals *t = context;
    const struct lane_picture *p = &t->picture[at];
    const float scale = (float)draw_scale(im);

    (void)why;
    for (int i = 0; i < LANE_SCORES_MAX; i++) {
        const struct color c = p->guesses_hit >> i & 1 ? GREEN : ORANGE;

        if (!(p->guesses >> i & 1))
            continue;
        if (p->guess)
            draw_points(im, &p->guess->lane[i], 3 * scale, c);
        else
            draw_rows(im, p->guess_rows, p->label->y, i, 3 * scale, c);
    }
    for (int i = 0; i < LANE_SCORES_MAX; i++)
        if (p->truths >> i & 1)
            draw_rows(im, p->label, p->label->y, i, scale, p->truths_hit >> i & 1 ? WHITE : RED);
    draw_words(im, p);
    return OK;
}

enum err lane_drawing_write(const char *pictures, const struct lane_totals *t, int count,
                            const char *folder, struct why *why)
{
    struct worst_picture *list = calloc(t->pictures + 1, sizeof *list);
    enum err e;

    if (!list)
        return err_say(why, ERR_NOMEM, "%.200s: no memory to draw into it", folder);
    for (size_t i = 0; i < t->pictures; i++) {
        const double f1 = lane_f1(&t->picture[i].culane);

        list[i] = (struct worst_picture){
            t->picture[i].label->image, i, {isnan(f1) ? 0 : 1 - f1, mean_off(&t->picture[i].fit)}};
    }
    e = worst_pictures_write(pictures, list, t->pictures, count, folder, draw_lanes, (void *)t,
                             why);
    free(list);
    return e;
}
