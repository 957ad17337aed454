#include "daemon/cli/object_set.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/file.h"

enum { TEXT_MAX_BYTES = 1 << 20, MAX_CLASSES = 256 };

struct reader {
    struct object_set *set;
    struct file text;
    char path[FILE_MAX_PATH];
    enum object_class class[MAX_CLASSES]; /* by line of classes.txt */
    size_t n_classes;
    struct ap_truth now[OBJECT_SET_MAX_LABELS];
    struct why *why;
};

unsigned object_class_bits(enum object_class c)
{
    if (c == OBJECT_VEHICLE)
        return 1u << OBJECT_CAR | 1u << OBJECT_TRUCK | 1u << OBJECT_BUS;
    if (c == OBJECT_SIGN_OR_LIGHT)
        return 1u << OBJECT_TRAFFIC_LIGHT | 1u << OBJECT_TRAFFIC_SIGN;
    return 1u << c;
}

enum object_class object_class_named(const char *name)
{
    int c = 0;

    while (c < OBJECT_CLASS_COUNT && strcmp(object_class_name((enum object_class)c), name) != 0)
        c++;
    return (enum object_class)c;
}

/* Read PATH/name, of which this is the full path from then on. */
static enum err take_text(struct reader *r, const char *name)
{
    if (!path_join(r->path, r->set->path, name))
        return err_say(r->why, ERR_LIMIT, "%.200s: the path is too long", r->set->path);
    return file_read(&r->text, r->path, TEXT_MAX_BYTES, r->why);
}

/* ---- classes.txt --------------------------------------------------------------------------- */
static enum err read_classes(struct reader *r)
{
    char *rest, *line;
    int number = 0;
    enum err e = take_text(r, "classes.txt");

    if (e != OK)
        return e;
    rest = r->text.text;
    while ((line = strsep(&rest, "\n"))) {
        number++;
        line[strcspn(line, "\r")] = '\0';
        if (!*line && (!rest || !*rest))
            break;
        if (r->n_classes == MAX_CLASSES)
            return err_say(r->why, ERR_LIMIT, "%s:%d: more than %d classes", r->path, number,
                           MAX_CLASSES);
        r->class[r->n_classes] = object_class_named(line);
        if (r->class[r->n_classes++] == OBJECT_CLASS_COUNT)
            return err_say(r->why, ERR_FORMAT, "%s:%d: class '%.40s' is none that we know", r->path,
                           number, line);
    }
    if (!r->n_classes)
        return err_say(r->why, ERR_FORMAT, "%s: no classes", r->path);
    return OK;
}

/* ---- set.json ------------------------------------------------------------------------------ */
/* A label of classes.txt as a class of ours. */
static enum err take_label(struct reader *r, const char *field, const json_t *j,
                           enum object_class *out)
{
    const json_int_t label = json_integer_value(j);

    *out = OBJECT_CLASS_COUNT;
    if (!json_is_integer(j))
        return err_say(r->why, ERR_FORMAT, "%s: %s: a label must be a whole number", r->path,
                       field);
    if (label < 0 || (size_t)label >= r->n_classes)
        return err_say(r->why, ERR_FORMAT, "%s: %s: label %lld, classes.txt has 0 to %zu", r->path,
                       field, (long long)label, r->n_classes - 1);
    *out = r->class[label];
    return OK;
}

static enum err take_labelled(struct reader *r, json_t *list)
{
    enum object_class c = OBJECT_CLASS_COUNT;
    size_t i;
    json_t *item;
    enum err e;

    if (!json_is_array(list))
        return err_say(r->why, ERR_FORMAT, "%s: classes_labelled must be an array", r->path);
    json_array_foreach(list, i, item)
    {
        if ((e = take_label(r, "classes_labelled", item, &c)) != OK)
            return e;
        r->set->scored[c] = object_class_bits(c);
    }
    return OK;
}

static enum err take_merged(struct reader *r, json_t *merged)
{
    const char *key;
    json_t *list, *item;
    enum err e;

    if (merged && !json_is_object(merged))
        return err_say(r->why, ERR_FORMAT, "%s: merged must be an object", r->path);
    json_object_foreach(merged, key, list)
    {
        enum object_class to = OBJECT_CLASS_COUNT, c = OBJECT_CLASS_COUNT;
        size_t i;
        char *end;
        json_t *label = json_integer(strtol(key, &end, 10));

        e = *key && !*end
                ? take_label(r, "merged", label, &to)
                : err_say(r->why, ERR_FORMAT, "%s: merged: '%.40s' is no label", r->path, key);
        json_decref(label);
        if (e != OK)
            return e;
        if (!r->set->scored[to])
            return err_say(r->why, ERR_FORMAT, "%s: merged: %s is not in classes_labelled", r->path,
                           key);
        if (!json_is_array(list))
            return err_say(r->why, ERR_FORMAT, "%s: merged: %s must be an array", r->path, key);
        json_array_foreach(list, i, item)
        {
            if ((e = take_label(r, "merged", item, &c)) != OK)
                return e;
            r->set->scored[to] |= object_class_bits(c);
        }
    }
    return OK;
}

static enum err read_json(struct reader *r)
{
    json_error_t error;
    json_t *j;
    enum err e;

    if (!path_join(r->path, r->set->path, "set.json") || !file_exists(r->path)) {
        for (size_t i = 0; i < r->n_classes; i++)
            r->set->scored[r->class[i]] = object_class_bits(r->class[i]);
        return OK;
    }
    if ((e = take_text(r, "set.json")) != OK)
        return e;
    j = json_loadb(r->text.text, r->text.size, JSON_REJECT_DUPLICATES, &error);
    if (!j)
        return err_say(r->why, ERR_FORMAT, "%s:%d: %s", r->path, error.line, error.text);
    e = take_labelled(r, json_object_get(j, "classes_labelled"));
    if (e == OK)
        e = take_merged(r, json_object_get(j, "merged"));
    json_decref(j);
    return e;
}

/* ---- labels -------------------------------------------------------------------------------- */
/* The bits of a label: those of the class that it is, or that it was merged into. */
static unsigned scored_bits(const struct object_set *s, enum object_class c)
{
    if (s->scored[c])
        return s->scored[c];
    for (int i = 0; i < OBJECT_CLASS_COUNT; i++)
        if (s->scored[i] & 1u << c)
            return s->scored[i];
    return 0;
}

/* What may stand behind the five fields: how sure the label is. */
static enum err take_sureness(struct reader *r, const char *text, int number, float *out)
{
    char *end;
    const double v = strtod(text, &end);

    *out = end == text ? 1 : (float)v;
    if (end[strspn(end, " \t\r")] || !(*out > 0 && *out <= 1))
        return err_say(r->why, ERR_FORMAT,
                       "%s:%d: '%.40s' after the five fields, must be how sure that is: a number "
                       "above 0, up to 1",
                       r->path, number, text);
    return OK;
}

static enum err take_line(struct reader *r, char *line, int number, struct ap_truth *out)
{
    static const char *const name[] = {"class", "cx", "cy", "w", "h"};
    const int n_fields = sizeof name / sizeof *name;
    double v[sizeof name / sizeof *name];
    char *end = line;
    float sure;
    enum err e;

    for (int i = 0; i < n_fields; i++) {
        char *from = end + strspn(end, " \t");
        const double max = i ? 1 : (double)r->n_classes - 1;

        v[i] = strtod(from, &end);
        if (end == from || !strchr(" \t\r", *end) || !(v[i] >= 0 && v[i] <= max) ||
            (i == 0 && v[0] != (int)v[0]) || (i > 2 && v[i] == 0))
            return err_say(r->why, ERR_FORMAT, "%s:%d: %s is '%.*s', must be %s of 0 to %g",
                           r->path, number, name[i], (int)strcspn(from, " \t\r"), from,
                           i ? "a number" : "a whole number", max);
    }
    if ((e = take_sureness(r, end, number, &sure)) != OK)
        return e;
    *out = (struct ap_truth){
        .box = {v[1] - v[3] / 2, v[2] - v[4] / 2, v[1] + v[3] / 2, v[2] + v[4] / 2},
        .classes = scored_bits(r->set, r->class[(int)v[0]]),
        .sure = sure};
    if (!out->classes)
        return err_say(r->why, ERR_FORMAT, "%s:%d: class %d is not in classes_labelled of set.json",
                       r->path, number, (int)v[0]);
    return OK;
}

/* FOLDER/STEM.txt behind the n that are in r->now. */
static enum err read_labels(struct reader *r, const char *folder, const char *picture, bool region,
                            size_t *n)
{
    const char *dot = strrchr(picture, '.');
    char name[300], *rest, *line;
    int number = 0;
    enum err e;

    snprintf(name, sizeof name, "%s/%.*s.txt", folder, (int)(dot ? dot - picture : 250), picture);
    if ((e = take_text(r, name)) != OK)
        return e;
    rest = r->text.text;
    while ((line = strsep(&rest, "\n"))) {
        number++;
        if (!line[strspn(line, " \t\r")])
            continue;
        if (*n == OBJECT_SET_MAX_LABELS)
            return err_say(r->why, ERR_LIMIT, "%s:%d: more than %d boxes", r->path, number,
                           OBJECT_SET_MAX_LABELS);
        if ((e = take_line(r, line, number, &r->now[*n])) != OK)
            return e;
        r->now[(*n)++].region = region;
    }
    return OK;
}

static enum err read_picture(struct reader *r, const char *picture, bool ignore,
                             struct object_labels *out)
{
    size_t n = 0;
    enum err e = read_labels(r, "labels", picture, false, &n);

    if (e == OK && ignore)
        e = read_labels(r, "ignore", picture, true, &n);
    if (e != OK)
        return e;
    out->truth = malloc((n + 1) * sizeof *out->truth);
    if (!out->truth)
        return err_say(r->why, ERR_NOMEM, "%s: no memory for its labels", r->set->path);
    memcpy(out->truth, r->now, n * sizeof *out->truth);
    out->n = n;
    return OK;
}

static enum err read_set(struct reader *r)
{
    struct object_set *s = r->set;
    bool ignore;
    enum err e;

    if (!path_join(r->path, s->path, "labels") || !folder_exists(r->path))
        return err_say(r->why, ERR_IO,
                       "%.200s: not a set of labelled pictures, there is no labels/", s->path);
    if ((e = read_classes(r)) != OK || (e = read_json(r)) != OK)
        return e;
    if (!path_join(r->path, s->path, "images"))
        return err_say(r->why, ERR_LIMIT, "%.200s: the path is too long", s->path);
    if ((e = pictures_list(r->path, &s->pictures, r->why)) != OK)
        return e;
    ignore = path_join(r->path, s->path, "ignore") && folder_exists(r->path);
    s->labels = calloc(s->pictures.n, sizeof *s->labels);
    if (!s->labels)
        return err_say(r->why, ERR_NOMEM, "%s: no memory for its labels", s->path);
    for (size_t i = 0; i < s->pictures.n && e == OK; i++)
        e = read_picture(r, s->pictures.name[i], ignore, &s->labels[i]);
    return e;
}

enum err object_set_read(const char *path, struct object_set *out, struct why *why)
{
    struct reader *r = calloc(1, sizeof *r);
    enum err e;

    *out = (struct object_set){.path = path};
    if (!r)
        return err_say(why, ERR_NOMEM, "%s: no memory to read it", path);
    r->set = out;
    r->why = why;
    e = read_set(r);
    file_finish(&r->text);
    free(r);
    if (e != OK)
        object_set_finish(out);
    return e;
}

enum err object_set_read_some(const struct set_choice *choice, struct object_set *out,
                              struct why *why)
{
    bool *keep = NULL;
    size_t n = 0;
    enum err e = object_set_read(choice->path, out, why);

    if (e == OK)
        e = set_choice_mark(choice, out->pictures.name, out->pictures.n, &keep, why);
    for (size_t i = 0; e == OK && i < out->pictures.n; i++)
        if (keep[i])
            out->labels[n++] = out->labels[i];
        else
            free(out->labels[i].truth);
    if (e == OK)
        pictures_keep(&out->pictures, keep);
    free(keep);
    if (e != OK)
        object_set_finish(out);
    return e;
}

void object_set_finish(struct object_set *s)
{
    for (size_t i = 0; s->labels && i < s->pictures.n; i++)
        free(s->labels[i].truth);
    free(s->labels);
    pictures_finish(&s->pictures);
    *s = (struct object_set){0};
}
