#include "perception/heads/decoder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool tensor_is(const struct tensor *t, int rank, const int64_t *dim)
{
    if (!t || t->type != DTYPE_F32 || t->rank != rank)
        return false;
    for (int i = 0; i < rank; i++)
        if (dim[i] >= 0 && t->dim[i] != dim[i])
            return false;
    return true;
}

const struct tensor *head_output(const struct head_io *io, const char *name)
{
    for (int i = 0; i < io->n_outputs; i++)
        if (!strcmp(io->output[i]->name, name))
            return io->output[i];
    return NULL;
}

/* "boxes (1, 11624, 4)", as much of it as fits. Returns what was added. */
static size_t tensor_print(char *text, size_t size, const struct tensor *t)
{
    size_t n = 0;

    for (int i = -1; i <= t->rank && n < size; i++) {
        int more;

        if (i < 0)
            more = snprintf(text, size, "%.40s (", t->name);
        else if (i == t->rank)
            more = snprintf(text + n, size - n, ")");
        else
            more = snprintf(text + n, size - n, i ? ", %" PRId64 : "%" PRId64, t->dim[i]);
        n += (size_t)(more > 0 ? more : 0);
    }
    return n < size ? n : size - 1;
}

enum err head_mismatch(const struct head_io *io, const char *decoder, const char *expected,
                       struct why *why)
{
    char given[200] = "nothing";
    size_t n = 0;

    for (int i = 0; i < io->n_outputs && n + 2 < sizeof given; i++) {
        if (i) {
            memcpy(given + n, ", ", 3);
            n += 2;
        }
        n += tensor_print(given + n, sizeof given - n, io->output[i]);
    }
    return err_say(why, ERR_MISMATCH, "decoder '%s' expects %s; the model gives %s", decoder,
                   expected, given);
}

enum err class_map_parse(const char *list, int n, struct class_map *map, struct why *why)
{
    const char *at = list;

    *map = (struct class_map){.n = 0};
    for (;;) {
        size_t length = strcspn(at, ",");
        int class = -1;

        for (int c = 0; c < OBJECT_CLASS_COUNT; c++) {
            const char *name = object_class_name((enum object_class)c);

            if (strlen(name) == length && !memcmp(name, at, length))
                class = c;
        }
        if (class < 0 && !(length == 1 && *at == '-'))
            return err_say(why, ERR_MISMATCH, "outrider.classes: '%.*s' is no class that we know",
                           (int)(length < 40 ? length : 40), at);
        if (map->n < CLASS_MAP_MAX)
            map->class[map->n++] = class;
        if (!at[length])
            break;
        at += length + 1;
    }
    if (map->n != n)
        return err_say(why, ERR_MISMATCH, "outrider.classes: %d names for a model of %d classes",
                       map->n, n);
    return OK;
}

static const struct {
    int coco;
    enum object_class class;
} coco[] = {
    {0, OBJECT_PERSON}, {1, OBJECT_BICYCLE}, {2, OBJECT_CAR},           {3, OBJECT_MOTORCYCLE},
    {5, OBJECT_BUS},    {7, OBJECT_TRUCK},   {9, OBJECT_TRAFFIC_LIGHT}, {11, OBJECT_TRAFFIC_SIGN},
};

enum err class_map_coco(const char *list, int n, struct class_map *map, struct why *why)
{
    if (list)
        return class_map_parse(list, n, map, why);
    if (n != COCO_CLASSES)
        return err_say(why, ERR_MISMATCH,
                       "a model of %d classes (COCO has %d) needs their names in its metadata "
                       "'outrider.classes'",
                       n, COCO_CLASSES);
    *map = (struct class_map){.n = n};
    for (int i = 0; i < n; i++)
        map->class[i] = -1;
    for (size_t i = 0; i < sizeof coco / sizeof *coco; i++)
        map->class[coco[i].coco] = (int)coco[i].class;
    return OK;
}
