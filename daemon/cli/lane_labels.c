#include "daemon/cli/lane_labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/json_lines.h"
#include "perception/eval/lane_scores.h"

enum { FARTHEST_PX = 1000000 };

/* n numbers of an array; lo: the least allowed. */
static enum err take_numbers(const struct json_lines *l, const json_t *list, const char *field,
                             double lo, double *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *j = json_array_get(list, i);

        out[i] = json_number_value(j);
        if (!json_is_number(j) || !(out[i] >= lo && out[i] <= FARTHEST_PX))
            return json_lines_complain(l, field, "numbers of pixels");
    }
    return OK;
}

static enum err take_rows(const struct json_lines *l, const json_t *list, bool needed,
                          struct lane_label *p)
{
    enum err e;

    if (!list && !needed)
        return OK;
    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > LANE_ROWS_MAX)
        return err_say(l->why, ERR_FORMAT, "%s:%d: h_samples must be an array of 1 to %d rows",
                       l->path, l->number, LANE_ROWS_MAX);
    p->rows = (int)json_array_size(list);
    p->y = calloc((size_t)p->rows, sizeof *p->y);
    if (!p->y)
        return json_lines_no_memory(l);
    if ((e = take_numbers(l, list, "h_samples", 0, p->y)) != OK)
        return e;
    for (int i = 1; i < p->rows; i++)
        if (!(p->y[i] > p->y[i - 1]))
            return json_lines_complain(l, "h_samples", "rows that rise");
    return OK;
}

static enum err take_lanes(const struct json_lines *l, const json_t *list, struct lane_labels *all,
                           struct lane_label *p)
{
    const size_t n = json_array_size(list);
    enum err e = OK;

    if (!json_is_array(list) || n > LANE_SCORES_MAX)
        return err_say(l->why, ERR_FORMAT, "%s:%d: lanes must be an array of at most %d", l->path,
                       l->number, LANE_SCORES_MAX);
    if (!p->y)
        p->rows = (int)json_array_size(json_array_get(list, 0));
    for (size_t i = 0; i < n; i++)
        if (p->rows > LANE_ROWS_MAX || json_array_size(json_array_get(list, i)) != (size_t)p->rows)
            return err_say(l->why, ERR_FORMAT, "%s:%d: lanes: each must be an array of %d numbers",
                           l->path, l->number, p->rows > LANE_ROWS_MAX ? LANE_ROWS_MAX : p->rows);
    all->n_numbers += n * (size_t)p->rows;
    if (all->n_numbers > LANE_LABELS_MAX_NUMBERS)
        return err_say(l->why, ERR_LIMIT, "%s:%d: more than %d numbers", l->path, l->number,
                       LANE_LABELS_MAX_NUMBERS);
    p->x = calloc(n * (size_t)p->rows + 1, sizeof *p->x);
    if (!p->x)
        return json_lines_no_memory(l);
    for (; (size_t)p->n < n && e == OK; p->n++)
        e = take_numbers(l, json_array_get(list, (size_t)p->n), "lanes", -FARTHEST_PX,
                         p->x + (size_t)p->n * (size_t)p->rows);
    return e;
}

static struct lane_label *add(struct lane_labels *l)
{
    if (l->n == l->room) {
        const size_t room = l->room ? 2 * l->room : 256;
        struct lane_label *more = realloc(l->picture, room * sizeof *more);

        if (!more)
            return NULL;
        l->picture = more;
        l->room = room;
    }
    l->picture[l->n] = (struct lane_label){0};
    return &l->picture[l->n++];
}

static enum err take_picture(const struct json_lines *l, const json_t *j, bool need_rows,
                             struct lane_labels *all)
{
    const char *image = json_string_value(json_object_get(j, "raw_file"));
    struct lane_label *p;
    enum err e;

    if (!image || !*image)
        return json_lines_complain(l, "raw_file", "the name of a picture");
    if (all->n == LANE_LABELS_MAX)
        return err_say(l->why, ERR_LIMIT, "%s:%d: more than %d pictures", l->path, l->number,
                       LANE_LABELS_MAX);
    if (!(p = add(all)) || !(p->image = strdup(image)))
        return json_lines_no_memory(l);
    p->line = l->number;
    e = take_rows(l, json_object_get(j, "h_samples"), need_rows, p);
    return e == OK ? take_lanes(l, json_object_get(j, "lanes"), all, p) : e;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct lane_label *)a)->image, ((const struct lane_label *)b)->image);
}

static enum err sort(struct lane_labels *l, const char *path, struct why *why)
{
    if (!l->n)
        return err_say(why, ERR_FORMAT, "%s: no lanes of any picture in it", path);
    qsort(l->picture, l->n, sizeof *l->picture, by_name);
    for (size_t i = 1; i < l->n; i++) {
        const struct lane_label *a = &l->picture[i - 1], *b = &l->picture[i];

        if (!strcmp(a->image, b->image))
            return err_say(why, ERR_FORMAT, "%s:%d: raw_file '%.80s' is also in line %d", path,
                           a->line > b->line ? a->line : b->line, a->image,
                           a->line > b->line ? b->line : a->line);
    }
    return OK;
}

enum err lane_labels_read(const char *path, bool need_rows, struct lane_labels *out,
                          struct why *why)
{
    struct json_lines l;
    json_t *j;
    enum err e = json_lines_open(path, &l, why);

    *out = (struct lane_labels){0};
    if (e != OK)
        return e;
    while ((e = json_lines_next(&l, &j)) == OK) {
        e = take_picture(&l, j, need_rows, out);
        json_decref(j);
        if (e != OK)
            break;
    }
    json_lines_close(&l);
    if (e == ERR_AGAIN)
        e = sort(out, path, why);
    if (e != OK)
        lane_labels_finish(out);
    return e;
}

const struct lane_label *lane_labels_find(const struct lane_labels *l, const char *image)
{
    const struct lane_label key = {.image = (char *)image};

    return l->n ? bsearch(&key, l->picture, l->n, sizeof *l->picture, by_name) : NULL;
}

static void finish_label(struct lane_label *l)
{
    free(l->image);
    free(l->y);
    free(l->x);
}

enum err lane_labels_choose(struct lane_labels *l, const struct set_choice *choice, struct why *why)
{
    char **name = calloc(l->n + 1, sizeof *name);
    bool *keep = NULL;
    size_t n = 0;
    enum err e;

    if (!name)
        return err_say(why, ERR_NOMEM, "%.200s: no memory", choice->path);
    for (size_t i = 0; i < l->n; i++)
        name[i] = l->picture[i].image;
    e = set_choice_mark(choice, name, l->n, &keep, why);
    for (size_t i = 0; e == OK && i < l->n; i++)
        if (keep[i])
            l->picture[n++] = l->picture[i];
        else
            finish_label(&l->picture[i]);
    l->n = e == OK ? n : l->n;
    free(name);
    free(keep);
    return e;
}

void lane_labels_finish(struct lane_labels *l)
{
    for (size_t i = 0; i < l->n; i++)
        finish_label(&l->picture[i]);
    free(l->picture);
    *l = (struct lane_labels){0};
}
