#include "daemon/cli/eval_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/object_set.h"
#include "daemon/decode.h"
#include "sim/file.h"

struct eval_model {
    struct pool *pool;
    struct head *head;
    struct decoder *decoder;
    struct perceived seen;
    char path[FILE_MAX_PATH];
};

enum err eval_model_open(const struct head_config *cfg, int threads, struct eval_model **out,
                         struct why *why)
{
    struct eval_model *m = *out = calloc(1, sizeof *m);
    struct head_config own = *cfg;
    enum err e = m ? OK : ERR_NOMEM;

    if (e == OK)
        e = pool_open(threads, &m->pool);
    if (e == OK)
        e = decoder_open(&m->decoder);
    if (e != OK) {
        err_say(why, e, "no memory or threads to work with");
    } else {
        own.pool = m->pool;
        e = head_open(&own, &m->head, why);
    }
    if (e == OK && !(head_gives(m->head) & HEAD_OBJECTS))
        e = err_say(why, ERR_MISMATCH, "%s: gives no objects", cfg->model);
    if (e != OK) {
        eval_model_close(m);
        *out = NULL;
    }
    return e;
}

static enum err keep(const struct perceived *seen, struct prediction *p)
{
    p->guess = calloc((size_t)seen->n_detections + 1, sizeof *p->guess);
    if (!p->guess)
        return ERR_NOMEM;
    for (; p->n < (size_t)seen->n_detections; p->n++) {
        const struct detection *d = &seen->detection[p->n];

        p->guess[p->n] = (struct ap_guess){
            .box = {d->box_px.x1, d->box_px.y1, d->box_px.x2, d->box_px.y2},
            .classes = object_class_bits(d->class),
            .score = d->score,
        };
    }
    return OK;
}

static enum err run_one(struct eval_model *m, const char *folder, const char *name,
                        struct prediction *p, struct why *why)
{
    struct image im;
    enum err e = OK;

    p->image = strdup(name);
    if (!p->image)
        return err_say(why, ERR_NOMEM, "%s: no memory", name);
    if (snprintf(m->path, sizeof m->path, "%s%s", folder, name) >= (int)sizeof m->path)
        e = err_say(why, ERR_LIMIT, "%.200s: the path is too long", name);
    if (e != OK || decoder_file(m->decoder, m->path, &im, why) != OK) {
        p->error = strdup(why->text);
        return p->error ? OK : ERR_NOMEM;
    }
    p->width = im.width;
    p->height = im.height;
    if ((e = head_run(m->head, &im, &m->seen, why)) != OK)
        return e;
    e = keep(&m->seen, p);
    return e == OK ? OK : err_say(why, e, "%s: no memory", name);
}

enum err eval_model_run(struct eval_model *m, const struct pictures *pictures,
                        struct predictions *out, struct why *why)
{
    const char *last = "";
    enum err e = OK;

    *out = (struct predictions){0};
    for (size_t i = 0; i < pictures->n && e == OK; i++) {
        struct prediction *p = predictions_add(out);

        e = p ? run_one(m, pictures->folder, pictures->name[i], p, why)
              : err_say(why, ERR_NOMEM, "no memory for %zu pictures", pictures->n);
        last = i + 1 == pictures->n || e != OK ? "\n" : "";
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%zu of %zu%s", i + 1, pictures->n, last);
    }
    if (e != OK)
        predictions_finish(out);
    return e;
}

void eval_model_close(struct eval_model *m)
{
    if (!m)
        return;
    head_close(m->head);
    decoder_close(m->decoder);
    pool_close(m->pool);
    free(m);
}
