#include "perception/train/part.h"

#include <string.h>

/* Layers of the same name get the averaged weights that those of from have. */
static void copy_weights(struct train *to, struct train *from)
{
    for (int i = 0; i < train_parameters(to); i++) {
        struct train_weights_view w = train_parameter_view(to, i);

        for (int k = 0; k < train_parameters(from); k++) {
            struct train_weights_view v = train_parameter_view(from, k);

            if (!strcmp(w.name, v.name) && w.n == v.n)
                memcpy(w.value, v.average ? v.average : v.value, w.n * sizeof *w.value);
        }
    }
}

enum err train_part_export(struct train *from, void (*build)(struct train *, bool lstm), bool lstm,
                           const void **bytes, size_t *size, struct why *why)
{
    const struct train_options options = {.cpu_mask = ~0u};
    const struct train_recipe recipe = {.rate = 1e-3f};
    const struct train_export x = {.keep_batch = true};
    unsigned char *file = NULL;
    struct train *t;
    enum err e = train_open(&options, &t);

    if (e != OK)
        return err_say(why, e, "no memory to export a network");
    build(t, lstm);
    if ((e = train_plan(t, &recipe, why)) == OK) {
        copy_weights(t, from);
        e = train_export_bytes(t, &x, &file, size, why);
    }
    train_close(t);
    *bytes = file;
    return e;
}
