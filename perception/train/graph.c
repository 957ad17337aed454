/* The builders' common part: values, layers and parameters in three growing lists. */
#include "perception/train/graph.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum err train_open(const struct train_options *o, struct train **out)
{
    struct train *t = calloc(1, sizeof *t);

    *out = t;
    if (!t)
        return ERR_NOMEM;
    kernels_init(&t->k, o->cpu_mask);
    backward_init(&t->b, t->k.cpu);
    t->pool = o->pool;
    t->seed = o->seed;
    t->ranks = o->ranks;
    return OK;
}

void train_close(struct train *t)
{
    if (!t)
        return;
    arena_finish(&t->memory);
    free(t->value);
    free(t->param);
    free(t->layer);
    free(t);
}

int build_wrong(struct train *t, const char *fmt, ...)
{
    va_list args;

    if (t->error != OK)
        return -1;
    t->error = ERR_MISMATCH;
    va_start(args, fmt);
    vsnprintf(t->wrong.text, sizeof t->wrong.text, fmt, args);
    va_end(args);
    return -1;
}

bool build_has(struct train *t, int x, const char *who)
{
    if (t->error == OK && t->planned)
        build_wrong(t, "%s: the network is planned already", who);
    if (t->error == OK && (x < 0 || x >= t->n_values))
        build_wrong(t, "%s: there is no value %d", who, x);
    return t->error == OK;
}

/* Room for one more in a list of n: it grows when n is a power of two. */
static bool grow(struct train *t, void *list, int n, size_t size)
{
    void *old, *more;

    if (t->error != OK)
        return false;
    if (n & (n - 1))
        return true;
    memcpy(&old, list, sizeof(void *));
    more = realloc(old, (n ? 2 * (size_t)n : 1) * size);
    if (!more) {
        t->error = ERR_NOMEM;
        return false;
    }
    memcpy(list, &more, sizeof(void *));
    return true;
}

/* dim may be that of another value, which moves when the list grows. */
int build_value(struct train *t, int rank, const int *dim)
{
    int copy[TRAIN_MAX_RANK];
    struct value *v;

    if (rank < 1 || rank > TRAIN_MAX_RANK)
        return build_wrong(t, "a value of rank %d, not 1 to %d", rank, TRAIN_MAX_RANK);
    memcpy(copy, dim, (size_t)rank * sizeof *copy);
    if (!grow(t, &t->value, t->n_values, sizeof *t->value))
        return -1;
    v = &t->value[t->n_values];
    *v = (struct value){.rank = rank, .n = 1, .maker = -1, .param = -1};
    for (int i = 0; i < rank; i++) {
        if (copy[i] < 1 || v->n > INT32_MAX / (size_t)copy[i])
            return build_wrong(t, "a value of length %d along axis %d", copy[i], i);
        v->dim[i] = copy[i];
        v->n *= (size_t)copy[i];
    }
    return t->n_values++;
}

struct layer *build_layer(struct train *t, const struct layer_kind *kind, const int *in, int n_in,
                          int rank, const int *dim)
{
    int out = rank < 0 ? -1 : build_value(t, rank, dim);
    struct layer *l;

    if (!grow(t, &t->layer, t->n_layers, sizeof *t->layer))
        return NULL;
    l = &t->layer[t->n_layers];
    *l = (struct layer){.kind = kind, .index = t->n_layers, .n_in = n_in, .out = out};
    for (int i = 0; i < n_in; i++) {
        l->in[i] = in[i];
        if (in[i] >= 0 && out >= 0)
            t->value[out].wants |= t->value[in[i]].wants;
    }
    if (out >= 0)
        t->value[out].maker = l->index;
    if (t->next_name[0])
        snprintf(l->name, sizeof l->name, "%s", t->next_name);
    else
        snprintf(l->name, sizeof l->name, "%s%d", kind->name, l->index);
    t->next_name[0] = '\0';
    t->n_layers++;
    return l;
}

int build_param(struct train *t, struct layer *l, const struct param_of *p)
{
    struct param *to;

    if (!grow(t, &t->param, t->n_params, sizeof *t->param))
        return -1;
    to = &t->param[t->n_params];
    *to = (struct param){.rank = p->rank,
                         .n = 1,
                         .trained = !p->still,
                         .decays = p->decays,
                         .deviation = p->deviation,
                         .start = p->start};
    snprintf(to->name, sizeof to->name, l ? "%s.%s" : "%s%s", l ? l->name : "", p->name);
    for (int i = 0; i < p->rank; i++) {
        to->dim[i] = p->dim[i];
        to->n *= (size_t)p->dim[i];
    }
    if (l) {
        l->param[l->n_params++] = t->n_params;
        t->value[l->out].wants |= to->trained;
    }
    return t->n_params++;
}

/* ---- the public parts ---------------------------------------------------------------------- */
int train_input(struct train *t, const char *name, int rank, const int *dim)
{
    int v = build_value(t, rank, dim);

    if (v >= 0)
        snprintf(t->value[v].name, TRAIN_NAME, "%s", name);
    return v;
}

int train_parameter(struct train *t, const char *name, int rank, const int *dim, float deviation)
{
    int v = train_input(t, name, rank, dim);
    struct param_of p = {.name = name, .rank = rank, .dim = dim, .deviation = deviation};

    if (v < 0)
        return v;
    t->value[v].param = build_param(t, NULL, &p);
    t->value[v].wants = true;
    return v;
}

void train_output(struct train *t, const char *name, int x)
{
    if (!build_has(t, x, "train_output"))
        return;
    t->value[x].output = true;
    snprintf(t->value[x].name, TRAIN_NAME, "%s", name);
}

void train_name(struct train *t, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(t->next_name, sizeof t->next_name, fmt, args);
    va_end(args);
}

int train_rank(const struct train *t, int x)
{
    return x >= 0 && x < t->n_values ? t->value[x].rank : 0;
}

int train_dim(const struct train *t, int x, int axis)
{
    return axis < train_rank(t, x) && axis >= 0 ? t->value[x].dim[axis] : 0;
}

size_t train_count(const struct train *t, int x)
{
    return x >= 0 && x < t->n_values ? t->value[x].n : 0;
}

float *train_data(struct train *t, int x)
{
    return x >= 0 && x < t->n_values ? t->value[x].data : NULL;
}

size_t train_bytes(const struct train *t)
{
    return t->memory.size;
}

size_t train_weights(const struct train *t)
{
    return t->n_trained;
}

int64_t train_steps_done(const struct train *t)
{
    return t->step;
}

int train_parameters(const struct train *t)
{
    return t->n_params;
}

struct train_weights_view train_parameter_view(struct train *t, int i)
{
    const struct param *p = &t->param[i];
    struct train_weights_view v = {.name = p->name,
                                   .rank = p->rank,
                                   .n = p->n,
                                   .value = t->weights + p->at,
                                   .gradient = p->trained ? t->gradients + p->at : NULL,
                                   .average = t->average ? t->average + p->at : NULL};

    memcpy(v.dim, p->dim, sizeof v.dim);
    return v;
}

/* ---- random numbers ------------------------------------------------------------------------ */
/* Steps of splitmix64 (Steele et al. 2014), so that no number needs the one before. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t at)
{
    return mix(mix(mix(seed + 0x9e3779b97f4a7c15u) + stream * 0x9e3779b97f4a7c15u) +
               at * 0x9e3779b97f4a7c15u);
}

float random_normal(uint64_t seed, uint64_t stream, uint64_t at)
{
    double u = (double)(random_bits(seed, stream, 2 * at) >> 11) * 0x1p-53;
    double v = (double)(random_bits(seed, stream, 2 * at + 1) >> 11) * 0x1p-53;

    return (float)(sqrt(-2 * log1p(-u)) * cos(6.283185307179586 * v));
}
