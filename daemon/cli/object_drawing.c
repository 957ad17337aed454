#include "daemon/cli/object_drawing.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/cli/worst_pictures.h"
#include "perception/image/draw.h"

static const struct color WHITE = {255, 255, 255}, RED = {255, 40, 40}, GREEN = {60, 220, 60},
                          ORANGE = {255, 160, 0}, GREY = {150, 150, 150};

struct work {
    const struct object_set *set;
    const struct object_scores *s;
    double score_min;
    struct object_error *error; /* of one picture */
    size_t n_errors;
};

static struct box to_box(const struct ap_box *b)
{
    return (struct box){(float)b->x1, (float)b->y1, (float)b->x2, (float)b->y2};
}

static bool is_wrong(const struct work *w, const struct ap_truth *t, const struct ap_guess *g)
{
    for (size_t i = 0; i < w->n_errors; i++)
        if ((t && w->error[i].truth == t && !w->error[i].guess) || (g && w->error[i].guess == g))
            return true;
    return false;
}

/* The first of its classes, and the score. */
static void label(struct image *im, const struct ap_guess *g, struct color c)
{
    char text[64];
    int class = 0;

    while (class < OBJECT_CLASS_COUNT - 1 && !(g->classes >> class & 1))
        class ++;
    snprintf(text, sizeof text, "%s%s %.2f", object_class_name((enum object_class) class),
             g->classes & (g->classes - 1) ? "+" : "", g->score);
    draw_label(im, (float)g->box.x1, (float)g->box.y1, text, c);
}

static void draw(const struct work *w, const struct ap_picture *p, struct image *im)
{
    const float scale = (float)draw_scale(im);

    for (size_t i = 0; i < p->n_guesses; i++) {
        const struct ap_guess *g = &p->guess[i];
        const struct box b = to_box(&g->box);
        const struct color c = is_wrong(w, NULL, g) ? ORANGE : GREEN;

        if (g->score < w->score_min)
            continue;
        draw_box(im, &b, 2 * scale, c);
        label(im, g, c);
    }
    for (size_t i = 0; i < p->n_truths; i++) {
        const struct box b = to_box(&p->truth[i].box);

        draw_box(im, &b, scale,
                 p->truth[i].region                ? GREY
                 : is_wrong(w, &p->truth[i], NULL) ? RED
                                                   : WHITE);
    }
}

static enum err draw_errors(void *context, size_t at, struct image *im, struct why *why)
{
    struct work *w = context;
    struct object_confusion unused = {0};
    const enum err e = object_errors_add(w->set, &w->s->picture[at], w->score_min, &unused,
                                         w->error, &w->n_errors);

    if (e != OK)
        return err_say(why, e, "%.120s: no memory to draw it", w->s->image[at]);
    draw(w, &w->s->picture[at], im);
    return OK;
}

enum err object_drawing_write(const struct object_set *set, const struct object_scores *s,
                              double score_min, int count, const char *folder, struct why *why)
{
    struct work w = {.set = set, .s = s, .score_min = score_min};
    struct worst_picture *list = calloc(s->pictures + 1, sizeof *list);
    enum err e;

    w.error = calloc(s->most_boxes + 1, sizeof *w.error);
    for (size_t i = 0; list && i < s->pictures; i++)
        list[i] = (struct worst_picture){s->image[i], i, {(double)s->errors[i], 0}};
    if (!list || !w.error)
        e = err_say(why, ERR_NOMEM, "%.200s: no memory to draw it", set->path);
    else
        e = worst_pictures_write(set->pictures.folder, list, s->pictures, count, folder,
                                 draw_errors, &w, why);
    free(w.error);
    free(list);
    return e;
}
