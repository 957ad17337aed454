#include "daemon/cli/object_drawing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cli/sim_sheet.h"
#include "daemon/decode.h"
#include "perception/image/draw.h"
#include "sim/file.h"

static const struct color WHITE = {255, 255, 255}, RED = {255, 40, 40}, GREEN = {60, 220, 60},
                          ORANGE = {255, 160, 0}, GREY = {150, 150, 150};

struct work {
    const struct object_set *set;
    const struct object_scores *s;
    double score_min;
    const char *folder;
    struct decoder *decoder;
    struct sheet sheet;
    struct object_error *error; /* of one picture */
    size_t n_errors;
    struct why *why;
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

static enum err write_one(struct work *w, size_t at, int place)
{
    const char *name = w->s->image[at], *dot = strrchr(name, '.');
    struct object_confusion unused = {0};
    char path[FILE_MAX_PATH], file[320];
    struct image im;
    enum err e = object_errors_add(w->set, &w->s->picture[at], w->score_min, &unused, w->error,
                                   &w->n_errors);

    if (e != OK)
        return err_say(w->why, e, "%.120s: no memory to draw it", name);
    if (snprintf(path, sizeof path, "%s%s", w->set->pictures.folder, name) >= (int)sizeof path)
        return err_say(w->why, ERR_LIMIT, "%.200s: the path is too long", name);
    if ((e = decoder_file(w->decoder, path, &im, w->why)) != OK)
        return e;
    draw(w, &w->s->picture[at], &im);
    if (!w->sheet.page.data && sheet_open(&w->sheet, im.width, im.height, 1) != OK)
        return err_say(w->why, ERR_NOMEM, "%.120s: no memory for a sheet", name);
    sheet_add_drawn(&w->sheet, &im);
    snprintf(file, sizeof file, "%02d_%.*s.png", place, (int)(dot ? dot - name : 250), name);
    if (!path_join(path, w->folder, file))
        return err_say(w->why, ERR_LIMIT, "%.200s: the path is too long", w->folder);
    return png_write(path, &im, w->why);
}

static enum err write_sheet(struct work *w)
{
    char path[FILE_MAX_PATH];
    const struct image page = sheet_page(&w->sheet);

    if (!w->sheet.placed) /* no errors */
        return OK;
    if (!path_join(path, w->folder, "sheet.png"))
        return err_say(w->why, ERR_LIMIT, "%.200s: the path is too long", w->folder);
    return png_write(path, &page, w->why);
}

struct place {
    size_t at, errors;
};

static int by_errors(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->errors != y->errors)
        return x->errors > y->errors ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static enum err write_worst(struct work *w, int count, struct place *order)
{
    const struct object_scores *s = w->s;
    enum err e = OK;

    for (size_t i = 0; i < s->pictures; i++)
        order[i] = (struct place){i, s->errors[i]};
    qsort(order, s->pictures, sizeof *order, by_errors);
    for (int i = 0; e == OK && i < count && (size_t)i < s->pictures && order[i].errors; i++)
        e = write_one(w, order[i].at, i + 1);
    return e == OK ? write_sheet(w) : e;
}

enum err object_drawing_write(const struct object_set *set, const struct object_scores *s,
                              double score_min, int count, const char *folder, struct why *why)
{
    struct work w = {.set = set, .s = s, .score_min = score_min, .folder = folder, .why = why};
    struct place *order = calloc(s->pictures + 1, sizeof *order);
    enum err e;

    w.error = calloc(s->most_boxes + 1, sizeof *w.error);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        e = err_say(why, ERR_IO, "%s: %s", folder, strerror(errno));
    else if (!order || !w.error || decoder_open(&w.decoder) != OK)
        e = err_say(why, ERR_NOMEM, "%.200s: no memory to draw it", set->path);
    else
        e = write_worst(&w, count, order);
    sheet_close(&w.sheet);
    decoder_close(w.decoder);
    free(w.error);
    free(order);
    return e;
}
