#include "perception/heads/decoder.h"

#include "perception/base/arena.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they are asked whether they recognise a model. */
static const struct head_decoder *const decoders[] = {
    &head_outrider, &head_ssd, &head_yolox, &head_fastestdet, &head_lstr, &head_lane_masks, NULL,
};

struct head {
    struct net *net;
    struct head_io io;
    const struct head_decoder *decoder;
    void *state; /* of the decoder */
    struct resize resize;
    struct arena memory;
};

static bool is_picture(const struct tensor *t)
{
    return TENSOR_IS(t, 1, 3, -1, -1) && t->dim[2] >= 1 && t->dim[2] <= IMAGE_MAX_SIDE &&
           t->dim[3] >= 1 && t->dim[3] <= IMAGE_MAX_SIDE;
}

static enum err io_collect(struct head_io *io, struct net *net, struct why *why)
{
    *io = (struct head_io){.n_inputs = net_inputs(net), .n_outputs = net_outputs(net)};
    if (io->n_inputs > HEAD_MAX_TENSORS)
        return err_say(why, ERR_LIMIT, "%d inputs; a head takes at most %d", io->n_inputs,
                       HEAD_MAX_TENSORS);
    if (io->n_outputs > HEAD_MAX_TENSORS)
        io->n_outputs = HEAD_MAX_TENSORS;
    for (int i = 0; i < io->n_outputs; i++)
        io->output[i] = net_output(net, i);
    io->picture = -1;
    for (int i = io->n_inputs - 1; i >= 0; i--) { /* the first one stays */
        io->input[i] = net_input(net, i);
        if (io->input[i]->type != DTYPE_F32)
            return err_say(why, ERR_UNSUPPORTED, "input '%s' is %s; a head fills float32 only",
                           io->input[i]->name, dtype_name(io->input[i]->type));
        if (is_picture(io->input[i]))
            io->picture = i;
    }
    if (io->picture < 0)
        return err_say(why, ERR_UNSUPPORTED,
                       "no input takes a picture: (1, 3, H, W) with sides of 1..%d",
                       IMAGE_MAX_SIDE);
    io->classes = net_metadata(net, "outrider.classes");
    return OK;
}

static enum err decoder_choose(const struct head_config *cfg, struct head *h, struct why *why)
{
    const char *name = cfg->decoder ? cfg->decoder : net_metadata(h->net, "outrider.decoder");
    char known[120] = "";
    size_t n = 0;

    for (int i = 0; decoders[i] && !h->decoder; i++)
        if (name ? !strcmp(decoders[i]->name, name) : decoders[i]->recognise(&h->io))
            h->decoder = decoders[i];
    if (h->decoder)
        return OK;
    for (int i = 0; decoders[i] && n < sizeof known; i++)
        n +=
            (size_t)snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", decoders[i]->name);
    if (name)
        return err_say(why, ERR_UNSUPPORTED, "no decoder '%s'; there are %s", name, known);
    return err_say(why, ERR_UNSUPPORTED, "no decoder recognises its outputs; name one of %s",
                   known);
}

static enum err resize_open(struct head *h)
{
    const struct tensor *picture = h->io.input[h->io.picture];
    int width = (int)picture->dim[3], height = (int)picture->dim[2];
    struct arena measure = {0};
    enum err e;

    resize_place(&h->resize, &h->decoder->input, width, height, &measure);
    if ((e = arena_init(&h->memory, measure.used)) != OK)
        return e;
    resize_place(&h->resize, &h->decoder->input, width, height, &h->memory);
    return OK;
}

static enum err limit_check(const char *name, float v, struct why *why)
{
    if (isnan(v) || (v >= 0 && v <= 1))
        return OK;
    return err_say(why, ERR_LIMIT, "%s %g is not within 0..1", name, v);
}

static enum err head_build(const struct head_config *cfg, struct head *h, struct why *why)
{
    const struct net_options opt = {.cpu_mask = cfg->cpu_mask, .pool = cfg->pool};
    struct head_limits limits;
    enum err e;

    if ((e = limit_check("score_min", cfg->score_min, why)) != OK ||
        (e = limit_check("nms_iou", cfg->nms_iou, why)) != OK ||
        (e = net_open(cfg->model, &opt, &h->net, why)) != OK ||
        (e = io_collect(&h->io, h->net, why)) != OK || (e = decoder_choose(cfg, h, why)) != OK)
        return e;
    limits = h->decoder->limits;
    if (!isnan(cfg->score_min))
        limits.score_min = cfg->score_min;
    else if (cfg->weak_too && (h->decoder->gives & HEAD_OBJECTS))
        limits.score_min = fminf(limits.score_min, 0.1f);
    if (!isnan(cfg->nms_iou))
        limits.nms_iou = cfg->nms_iou;
    if ((e = h->decoder->open(&h->io, &limits, &h->state, why)) != OK)
        return e;
    if ((e = resize_open(h)) != OK)
        return err_say(why, e, "no memory to resize pictures");
    return OK;
}

enum err head_open(const struct head_config *cfg, struct head **out, struct why *why)
{
    enum err e;

    *out = calloc(1, sizeof **out);
    if (!*out)
        return err_say(why, ERR_NOMEM, "%s: no memory", cfg->model);
    e = head_build(cfg, *out, why);
    if (e != OK) {
        head_close(*out);
        *out = NULL;
        return err_prefix(why, e, "%s: ", cfg->model);
    }
    return OK;
}

void head_close(struct head *h)
{
    if (!h)
        return;
    if (h->decoder)
        h->decoder->close(h->state);
    arena_finish(&h->memory);
    net_close(h->net);
    free(h);
}

unsigned head_gives(const struct head *h)
{
    return h->decoder->gives;
}

const char *head_decoder(const struct head *h)
{
    return h->decoder->name;
}

const struct net *head_net(const struct head *h)
{
    return h->net;
}

void head_fill(struct head *h, const struct image *rgb)
{
    resize_run(&h->resize, rgb, h->io.input[h->io.picture]->data);
}

int head_inputs(const struct head *h)
{
    return h->io.n_inputs;
}

const struct tensor *head_input(const struct head *h, int i)
{
    return h->io.input[i];
}

enum err head_run(struct head *h, const struct image *rgb, struct perceived *out, struct why *why)
{
    enum err e;

    out->n_detections = out->n_curves = 0;
    out->road = (struct road_mask){0};
    head_fill(h, rgb);
    if ((e = net_run(h->net, why)) != OK)
        return e;
    h->decoder->decode(h->state, &h->io, &h->resize.fit, out);
    return OK;
}
