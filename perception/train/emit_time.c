/* Recurrent layers and attention in ONNX. */
#include <math.h>
#include <string.h>

#include "perception/train/emit.h"

static const char *through(struct emit *x, const char *type, const char *in, const char *with)
{
    const char *out = emit_fresh(x);

    EMIT(x, type, out, in, with);
    return out;
}

static const char *turned(struct emit *x, const char *in, const char *out, int rank,
                          const int *order)
{
    emit_list(x, EMIT(x, "Transpose", out, in), "perm", rank, order);
    return out;
}

/* ---- recurrent: ONNX has time first -------------------------------------------------------- */
/* W or R with the direction in front; the bias has one for the input and one, zero, for h. */
static void emit_weights(struct emit *x, const struct layer *l, const char *name[3])
{
    const struct param *w = &x->t->param[l->param[0]], *r = &x->t->param[l->param[1]];
    const struct param *b = &x->t->param[l->param[2]];
    float *both = emit_take(x, 2 * b->n * sizeof *both);

    if (!both)
        return;
    memcpy(both, x->weights + b->at, b->n * sizeof *both);
    name[0] = emit_floats(x, w->name, 3, (int[]){1, w->dim[0], w->dim[1]}, x->weights + w->at);
    name[1] = emit_floats(x, r->name, 3, (int[]){1, r->dim[0], r->dim[1]}, x->weights + r->at);
    name[2] = emit_floats(x, b->name, 2, (int[]){1, 2 * (int)b->n}, both);
}

void emit_recurrent(struct emit *x, const struct layer *l)
{
    static const int time_first[] = {1, 0, 2};
    bool lstm = l->kind == &layer_lstm, carry = l->recurrent.carry;
    const char *w[3] = {NULL}, *h0 = "", *c0 = "", *y = emit_fresh(x), *squeezed, *in;
    const int N = emit_batch(x, x->t->value[l->in[0]].dim[0]);
    const int state[] = {1, N, l->recurrent.hidden}, direction = 1;
    Onnx__NodeProto *n;

    in = turned(x, emit_in(x, l, 0), emit_fresh(x), 3, time_first);
    emit_weights(x, l, w);
    if (carry) {
        emit_input(x, h0 = emit_text(x, "%s_h_in", l->name), 3, state);
        if (lstm)
            emit_input(x, c0 = emit_text(x, "%s_c_in", l->name), 3, state);
    }
    if (x->e != OK)
        return;
    n = EMIT(x, lstm ? "LSTM" : "RNN", y, in, w[0], w[1], w[2], carry ? "" : NULL, h0,
             lstm ? c0 : NULL);
    emit_int(x, n, "hidden_size", l->recurrent.hidden);
    for (int i = 0; n && carry && i < (lstm ? 2 : 1); i++) {
        char *name = emit_text(x, "%s_%c", l->name, "hc"[i]);

        n->output[n->n_output++] = name;
        emit_output(x, name, 3, state);
    }
    squeezed = through(x, "Squeeze", y, emit_numbers(x, 1, &direction));
    turned(x, squeezed, emit_out(x, l), 3, time_first);
}

/* ---- attention ----------------------------------------------------------------------------- */
/* (N, T, heads depth) to (N, heads, T, depth), or with the last two changed over. */
static const char *heads_of(struct emit *x, const struct layer *l, int i, bool last_turned)
{
    const struct value *v = &x->t->value[l->in[i]];
    const int dim[] = {-1, v->dim[1], l->heads, v->dim[2] / l->heads};
    const int order[] = {0, 2, last_turned ? 3 : 1, last_turned ? 1 : 3};
    const char *split = through(x, "Reshape", emit_in(x, l, i), emit_numbers(x, 4, dim));

    return turned(x, split, emit_fresh(x), 4, order);
}

/* Far below any score where a query comes before a key. */
static const char *causal(struct emit *x, int Tq, int Tk)
{
    float *v = emit_take(x, (size_t)Tq * (size_t)Tk * sizeof *v);

    for (int i = 0; v && i < Tq * Tk; i++)
        v[i] = i % Tk > i / Tk ? -1e9f : 0;
    return v ? emit_floats(x, emit_fresh(x), 2, (int[]){Tq, Tk}, v) : "";
}

void emit_attention(struct emit *x, const struct layer *l)
{
    const struct value *q = &x->t->value[l->in[0]], *v = &x->t->value[l->in[2]];
    const int mask_dim[] = {-1, 1, 1, v->dim[1]}, order[] = {0, 2, 1, 3};
    const int dim[] = {-1, q->dim[1], v->dim[2]};
    const int depth = q->dim[2] / l->heads;
    const char *s = through(x, "MatMul", heads_of(x, l, 0, false), heads_of(x, l, 1, true));
    const char *mask = NULL, *p = emit_fresh(x);

    s = through(x, "Mul", s, emit_scalar(x, 1 / sqrtf((float)depth)));
    if (l->causal)
        s = through(x, "Add", s, causal(x, q->dim[1], v->dim[1]));
    if (l->in[3] >= 0) {
        const char *off;

        mask = through(x, "Reshape", emit_in(x, l, 3), emit_numbers(x, 4, mask_dim));
        off = through(x, "Sub", mask, emit_scalar(x, 1));
        s = through(x, "Add", s, through(x, "Mul", off, emit_scalar(x, 1e9f)));
    }
    emit_int(x, EMIT(x, "Softmax", p, s), "axis", -1);
    if (mask)
        p = through(x, "Mul", p, mask); /* nothing to look at: 0 */
    p = turned(x, through(x, "MatMul", p, heads_of(x, l, 2, false)), emit_fresh(x), 4, order);
    EMIT(x, "Reshape", emit_out(x, l), p, emit_numbers(x, 3, dim));
}
