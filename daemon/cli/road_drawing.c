#include "daemon/cli/road_drawing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/cli/worst_pictures.h"
#include "perception/image/draw.h"

static const struct color GREEN = {60, 255, 60}, RED = {255, 20, 20}, BLUE = {40, 80, 255},
                          WHITE = {255, 255, 255};

struct work {
    const struct road_totals *t;
    struct road_pair pair;
};

/* The pixels with this truth and this guess. */
static void tint(struct image *im, const struct road_pair *p, uint8_t *mask, enum road_truth truth,
                 bool guess, struct color c)
{
    const size_t n = (size_t)p->truth.width * (size_t)p->truth.height;

    for (size_t i = 0; i < n; i++)
        mask[i] = p->truth.id[i] == truth && !p->guess.id[i] == !guess ? 255 : 0;
    draw_tint(im, mask, p->truth.width, p->truth.height, c);
}

static enum err draw_areas(void *context, size_t at, struct image *im, struct why *why)
{
    struct work *w = context;
    const struct road_picture *p = &w->t->picture[at];
    const struct road_scores s = road_scores_of(&p->counts);
    const char *missing;
    char text[64];
    enum err e = road_pair_read(&w->pair, p->image, &missing, why);

    if (e != OK)
        return e;
    uint8_t *mask = malloc((size_t)w->pair.truth.width * (size_t)w->pair.truth.height);
    if (!mask)
        return err_say(why, ERR_NOMEM, "%.120s: no memory to draw it", p->image);
    tint(im, &w->pair, mask, ROAD_IS, true, GREEN);
    tint(im, &w->pair, mask, ROAD_IS, false, RED);
    tint(im, &w->pair, mask, ROAD_NOT, true, BLUE);
    free(mask);
    snprintf(text, sizeof text, "IoU %.3f", s.iou);
    draw_label(im, 0, (float)im->height, text, WHITE);
    return OK;
}

enum err road_drawing_write(const struct road_set *set, const struct road_guesses *guesses,
                            int ignored, const struct road_totals *t, int count, const char *folder,
                            struct why *why)
{
    struct work w = {.t = t};
    struct worst_picture *list = calloc(t->pictures + 1, sizeof *list);
    enum err e = road_pair_init(&w.pair, set, guesses, ignored);

    for (size_t i = 0; list && i < t->pictures; i++) {
        const double iou = road_scores_of(&t->picture[i].counts).iou;

        list[i] = (struct worst_picture){t->picture[i].image, i, {isnan(iou) ? 0 : 1 - iou, 0}};
    }
    if (e != OK || !list)
        e = err_say(why, ERR_NOMEM, "%.200s: no memory to draw it", set->path);
    else
        e = worst_pictures_write(set->pictures.folder, list, t->pictures, count, folder, draw_areas,
                                 &w, why);
    road_pair_finish(&w.pair);
    free(list);
    return e;
}
