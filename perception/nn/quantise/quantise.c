#include "perception/nn/quantise/quantise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/inspect.h"
#include "perception/nn/onnx.h"
#include "perception/nn/quantise/emit.h"
#include "perception/nn/quantise/equalise.h"
#include "perception/nn/quantise/rewrite.h"
#include "perception/nn/quantise/trial.h"

enum { EQUALISE_SAMPLES = 24 };

/* What rewriting and folding may change, relative to the largest number of an output. */
static const double REWRITE_MAX = 1e-3;

struct work {
    const struct quantise_options *o;
    struct why *why;
    struct qmodel m;
    struct trial *trial;
    struct place place;
    struct calibration calibration;
    struct groups groups;
    struct layer *layer, **layer_of; /* (n_layers), (nodes) */
    bool *chosen;                    /* (nodes) layers on integers */
    int n_layers, opset_from;
};

static void progress(const struct work *w, const char *stage, int done, int of)
{
    if (w->o->progress)
        w->o->progress(w->o->user, stage, done, of);
}

/* ---- reading and rewriting ----------------------------------------------------------------- */
enum { FOLD_BUDGET = 1 << 28 };

/* What the rest relies on: unique names, nodes in order, operators that we know. All shapes are known
 * then, and no node is fused away. The caller finishes g in any case. */
static enum err read_graph(struct graph *g, const void *bytes, size_t n, const char *folder,
                           struct work *w)
{
    enum err e;

    *g = (struct graph){.fold_budget = FOLD_BUDGET};
    kernels_init(&g->kernels, w->o->cpu_mask);
    graph_limit(g, n, NET_MAX_ARENA_BYTES);
    e = onnx_read_model(g, bytes, n, folder, NULL, 0, w->why);
    return e == OK ? graph_infer(g, w->why) : e;
}

static enum err open_float(struct work *w, struct net **net)
{
    struct net_options opt = {.cpu_mask = w->o->cpu_mask, .pool = w->o->pool};
    unsigned char *bytes;
    size_t n;
    enum err e;

    *net = NULL;
    if (qmodel_pack(&w->m, NULL, 0, &bytes, &n) != OK)
        return ERR_NOMEM;
    e = net_open_memory(bytes, n, &opt, net, w->why);
    if (e == OK)
        e = trial_open(bytes, n, w->o, &w->trial, w->why);
    free(bytes);
    return e;
}

static enum err check_rewritten(struct work *w)
{
    unsigned char *bytes;
    double most;
    size_t n;
    enum err e = qmodel_pack(&w->m, NULL, 0, &bytes, &n);

    if (e != OK)
        return e;
    e = trial_difference(w->trial, bytes, n, &most, w->why);
    free(bytes);
    if (e == OK && !(most <= REWRITE_MAX))
        e = err_say(w->why, ERR_MISMATCH,
                    "rewritten for opset %d it gives outputs that differ by %.3g of the largest, "
                    "limit %g",
                    w->m.opset, most, REWRITE_MAX);
    return e;
}

static enum err read_model(struct work *w, const void *model, size_t n, const char *folder)
{
    struct net *net = NULL;
    struct graph g;
    enum err e = read_graph(&g, model, n, folder, w);

    if (e == OK)
        e = qmodel_read(&w->m, model, n, folder, w->why);
    w->opset_from = w->m.opset;
    if (e == OK)
        e = open_float(w, &net);
    net_close(net);
    if (e == OK)
        e = qmodel_raise_opset(&w->m, &g, w->why);
    graph_finish(&g);
    if (e != OK || (e = qmodel_fold(&w->m)) != OK)
        return e;
    return check_rewritten(w);
}

/* ---- layers -------------------------------------------------------------------------------- */
/* The model as it is by now, in g, which the caller finishes in any case. */
static enum err reread_graph(struct work *w, struct graph *g)
{
    unsigned char *bytes;
    size_t n;
    enum err e;

    *g = (struct graph){0};
    if (qmodel_pack(&w->m, NULL, 0, &bytes, &n) != OK)
        return ERR_NOMEM;
    e = read_graph(g, bytes, n, NULL, w);
    free(bytes);
    return e;
}

static double node_macs(const struct graph *g, const Onnx__NodeProto *p)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (!strcmp(g->node[i]->name, p->name) && !strcmp(g->node[i]->type, p->op_type))
            return (double)g->node[i]->macs;
    return 0;
}

static enum err find_layers(struct work *w)
{
    struct region *r = &w->m.region;
    size_t nodes = (size_t)w->m.n_nodes + 1;
    struct graph g; /* no node is fused away: each layer has its multiply-adds */
    enum err e = place_init(&w->place, &w->m);

    w->layer = region_take(r, nodes * sizeof *w->layer);
    w->layer_of = region_take(r, nodes * sizeof *w->layer_of);
    w->chosen = region_take(r, nodes);
    if (e != OK || !w->layer || !w->layer_of || !w->chosen)
        return ERR_NOMEM;
    if ((e = reread_graph(w, &g)) != OK) {
        graph_finish(&g);
        return e;
    }
    for (int i = 0; i < w->m.n_nodes; i++)
        if (w->place.kind[i] == KIND_LAYER) {
            struct layer *l = &w->layer[w->n_layers++];

            l->node = i;
            l->macs = node_macs(&g, w->m.node[i].p);
            layer_weights(&w->m, &w->m.node[i], &l->shape);
            w->layer_of[i] = l;
            w->chosen[i] = true;
        }
    graph_finish(&g);
    if (w->n_layers == 0)
        return err_say(w->why, ERR_UNSUPPORTED,
                       "nothing to quantise: no convolution or large product with constant "
                       "float32 weights");
    place_choose(&w->place, &w->m, w->chosen);
    return OK;
}

/* Twice if the first look shows that channels can be evened out. */
static enum err observe(struct work *w)
{
    int changed;
    enum err e = calibrate(&w->calibration, &w->m, &w->place, w->o, EQUALISE_SAMPLES, w->why);

    if (e == OK)
        e = equalise(&w->m, &w->place, &w->calibration, &changed);
    if (e == OK)
        e = check_rewritten(w);
    if (e != OK || (changed == 0 && w->o->samples <= EQUALISE_SAMPLES))
        return e;
    calibration_finish(&w->calibration);
    return calibrate(&w->calibration, &w->m, &w->place, w->o, w->o->samples, w->why);
}

static enum err quantise_layers(struct work *w)
{
    enum err e = groups_make(&w->groups, &w->m, &w->place, &w->calibration, w->o->pool);

    for (int i = 0; e == OK && i < w->n_layers; i++) {
        struct layer *l = &w->layer[i];
        int x = w->m.node[l->node].in[0];

        e = layer_quantise(l, &w->m.region, &w->m, w->calibration.seen[x],
                           w->groups.group[w->groups.of[x]].range);
    }
    return e;
}

/* ---- which of them stay float -------------------------------------------------------------- */
static enum err noise_of_choice(struct work *w, double *noise, double *mean)
{
    unsigned char *bytes;
    size_t n;
    enum err e;

    place_choose(&w->place, &w->m, w->chosen);
    if (quantised_pack(&w->m, &w->place, &w->groups, w->layer_of, &bytes, &n) != OK)
        return ERR_NOMEM;
    e = trial_noise(w->trial, bytes, n, noise, mean, w->why);
    free(bytes);
    return e;
}

static enum err measure_layers(struct work *w)
{
    enum err e = OK;

    memset(w->chosen, 0, (size_t)w->m.n_nodes);
    for (int i = 0; e == OK && i < w->n_layers; i++) {
        w->chosen[w->layer[i].node] = true;
        e = noise_of_choice(w, NULL, &w->layer[i].nsr);
        w->chosen[w->layer[i].node] = false;
        progress(w, "measuring layers", i + 1, w->n_layers);
    }
    return e;
}

static int by_noise(const void *a, const void *b)
{
    const struct layer *x = *(struct layer *const *)a, *y = *(struct layer *const *)b;

    return x->nsr != y->nsr ? (x->nsr < y->nsr) - (x->nsr > y->nsr) : x->node - y->node;
}

static bool is_named(const struct quantise_options *o, const char *name)
{
    for (int i = 0; i < o->n_keep; i++)
        if (!strcmp(o->keep[i], name))
            return true;
    return false;
}

static enum err check_names(const struct work *w)
{
    for (int i = 0; i < w->o->n_keep; i++) {
        bool found = false;

        for (int k = 0; !found && k < w->n_layers; k++)
            found = !strcmp(w->m.node[w->layer[k].node].p->name, w->o->keep[i]);
        if (!found)
            return err_say(w->why, ERR_MISMATCH, "no layer is called '%.80s'", w->o->keep[i]);
    }
    return OK;
}

/* The worst first, as long as the share of multiply-adds allows. sorted (n_layers) is filled. */
static void keep_worst(struct work *w, struct layer **sorted)
{
    double all = 0, kept = 0;

    for (int i = 0; i < w->n_layers; i++) {
        sorted[i] = &w->layer[i];
        all += w->layer[i].macs;
    }
    qsort(sorted, (size_t)w->n_layers, sizeof(struct layer *), by_noise);
    for (int i = 0; i < w->n_layers; i++) {
        struct layer *l = sorted[i];

        l->kept = is_named(w->o, w->m.node[l->node].p->name);
        if (!l->kept && noise_db(l->nsr) < w->o->keep_db &&
            kept + l->macs <= w->o->keep_share * all)
            l->kept = true;
        kept += l->kept ? l->macs : 0;
        w->chosen[l->node] = !l->kept;
    }
}

/* ---- the report ---------------------------------------------------------------------------- */
static enum err report_tables(const struct work *w, struct layer *const *sorted,
                              const double *noise, struct quantise_report *r, struct region *names)
{
    r->layer = region_take(names, ((size_t)w->n_layers + 1) * sizeof *r->layer);
    r->output = region_take(names, (w->m.g->n_output + 1) * sizeof *r->output);
    if (!r->layer || !r->output)
        return ERR_NOMEM;
    for (int i = 0; i < w->n_layers; i++) {
        const Onnx__NodeProto *p = w->m.node[sorted[i]->node].p;

        r->layer[r->n_layers++] =
            (struct quantise_layer){region_copy(names, p->name), region_copy(names, p->op_type),
                                    sorted[i]->macs, noise_db(sorted[i]->nsr), sorted[i]->kept};
        r->macs += sorted[i]->macs;
        r->macs_float += sorted[i]->kept ? sorted[i]->macs : 0;
        if (!r->layer[i].name || !r->layer[i].type)
            return ERR_NOMEM;
    }
    for (int i = 0; i < (int)w->m.g->n_output; i++) {
        r->output[i].name = region_copy(names, w->m.g->output[i]->name);
        r->output[i].snr_db = noise_db(noise[i]);
        if (!r->output[i].name)
            return ERR_NOMEM;
    }
    r->n_outputs = (int)w->m.g->n_output;
    return OK;
}

static enum err make_report(const struct work *w, struct layer *const *sorted, const double *noise,
                            struct quantise_report *r)
{
    struct region *names = calloc(1, sizeof *names);

    *r = (struct quantise_report){.memory = names,
                                  .opset_from = w->opset_from,
                                  .opset_to = w->m.opset,
                                  .nodes = w->m.n_nodes};
    if (!names)
        return ERR_NOMEM;
    for (int i = 0; i < w->m.n_nodes; i++)
        r->nodes_float += !w->place.integer[i];
    for (int v = 0; v < w->m.n_values; v++)
        r->tensors += w->place.eight[v];
    return report_tables(w, sorted, noise, r, names);
}

void quantise_report_finish(struct quantise_report *r)
{
    if (r->memory)
        region_finish(r->memory);
    free(r->memory);
    *r = (struct quantise_report){0};
}

/* ---- all of it ----------------------------------------------------------------------------- */
static enum err choose(struct work *w, struct layer **sorted, double *noise)
{
    double mean;
    enum err e;

    if ((e = measure_layers(w)) != OK)
        return e;
    keep_worst(w, sorted);
    if ((e = noise_of_choice(w, noise, &mean)) != OK)
        return e;
    for (int i = 0; i < w->n_layers; i++)
        if (!w->layer[i].kept)
            return OK;
    return err_say(w->why, ERR_UNSUPPORTED, "every layer would stay float");
}

static enum err work_run(struct work *w, const void *model, size_t n, const char *folder,
                         unsigned char **out, size_t *n_out, struct quantise_report *report)
{
    struct layer **sorted;
    double *noise;
    enum err e;

    if ((e = read_model(w, model, n, folder)) != OK || (e = find_layers(w)) != OK ||
        (e = check_names(w)) != OK || (e = observe(w)) != OK || (e = quantise_layers(w)) != OK)
        return e;
    sorted = region_take(&w->m.region, ((size_t)w->n_layers + 1) * sizeof(struct layer *));
    noise = region_take(&w->m.region, (w->m.g->n_output + 1) * sizeof *noise);
    if (!sorted || !noise)
        return ERR_NOMEM;
    if ((e = choose(w, sorted, noise)) != OK || (e = make_report(w, sorted, noise, report)) != OK)
        return e;
    return quantised_pack(&w->m, &w->place, &w->groups, w->layer_of, out, n_out);
}

enum err quantise(const void *model, size_t n, const char *folder, const struct quantise_options *o,
                  unsigned char **out, size_t *n_out, struct quantise_report *report,
                  struct why *why)
{
    struct work w = {.o = o, .why = why};
    enum err e;

    *out = NULL;
    *report = (struct quantise_report){0};
    e = work_run(&w, model, n, folder, out, n_out, report);
    trial_close(w.trial);
    calibration_finish(&w.calibration);
    qmodel_finish(&w.m);
    if (e != OK)
        quantise_report_finish(report);
    return e == ERR_NOMEM ? err_say(why, e, "out of memory") : e;
}
