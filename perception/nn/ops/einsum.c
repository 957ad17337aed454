/* Einsum: products of elements, summed over every index that the result does not name. A letter is
 * one dimension wherever it stands, so each tensor is a step per letter; twice the same letter (a
 * diagonal) adds the steps up. Two float operands that share what they sum over are matrices in
 * disguise: put in order by copies where they are not, then multiplied. */
#include <string.h>

#include "perception/kernels/kernels.h"
#include "perception/nn/ops/copy.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

enum {
    LETTERS = 52,                       /* A-Z, a-z */
    LABELS = LETTERS + TENSOR_MAX_RANK, /* and the dimensions of "...", the last one last */
    OPERANDS = 8,
    LOOPS_MAX = TENSOR_MAX_RANK * (OPERANDS + 1),
};
static const int64_t terms_max = (int64_t)1 << 48;

/* ---- reading the equation ------------------------------------------------------------------ */
struct walk {
    int64_t dim[LABELS]; /* 0 terms of 0 size are fine; -1: not there */
    int64_t step[OPERANDS][LABELS];
    int64_t to[LABELS]; /* of the result; 0: summed over */
};

struct side {
    int count; /* of labels */
    int label[TENSOR_MAX_RANK];
};

static int letter_of(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? 26 + c - 'a' : -1;
}

static enum err add_label(struct side *s, int label, struct why *why)
{
    if (s->count == TENSOR_MAX_RANK)
        return err_say(why, ERR_FORMAT, "the equation names more than %d dimensions",
                       TENSOR_MAX_RANK);
    s->label[s->count++] = label;
    return OK;
}

/* One term, up to a comma, an arrow or the end. "..." stands for `hidden` dimensions. */
static enum err read_term(const char **at, int hidden, struct side *s, struct why *why)
{
    bool dots = false;
    enum err e = OK;

    *s = (struct side){0};
    for (; e == OK && **at && **at != ',' && **at != '-'; ++*at) {
        if (**at == ' ')
            continue;
        if (!strncmp(*at, "...", 3) && !dots) {
            dots = true;
            *at += 2;
            for (int i = hidden; e == OK && i > 0; i--)
                e = add_label(s, LABELS - i, why);
        } else if (letter_of(**at) >= 0) {
            e = add_label(s, letter_of(**at), why);
        } else {
            e = err_say(why, ERR_FORMAT, "equation: '%.40s'", *at);
        }
    }
    return e;
}

/* How many dimensions of a tensor of that rank "..." covers; -1: the term has no dots. */
static int hidden_dims(const char *at, int rank)
{
    bool dots = false;

    for (; *at && *at != ',' && *at != '-'; at++) {
        dots |= *at == '.';
        rank -= letter_of(*at) >= 0;
    }
    return dots ? rank : -1;
}

static enum err read_operand(struct walk *w, int i, const struct side *s, const struct tensor *t,
                             struct why *why)
{
    int64_t step = 1;

    if (s->count != t->rank)
        return err_say(why, ERR_FORMAT, "the equation has %d dimensions for '%.80s', which has %d",
                       s->count, t->name, t->rank);
    for (int d = t->rank - 1; d >= 0; d--) {
        int64_t *dim = &w->dim[s->label[d]];

        if (*dim < 0 || *dim == 1)
            *dim = t->dim[d];
        else if (t->dim[d] != 1 && t->dim[d] != *dim)
            return err_say(why, ERR_FORMAT, "'%.80s': dimension %d is %lld, elsewhere %lld",
                           t->name, d, (long long)t->dim[d], (long long)*dim);
        w->step[i][s->label[d]] += t->dim[d] == 1 ? 0 : step;
        step *= t->dim[d];
    }
    return OK;
}

/* No arrow: the hidden dimensions, then what is there once, in the order of the alphabet. */
static enum err implied(const int times[LABELS], int hidden, struct side *s, struct why *why)
{
    enum err e = OK;

    *s = (struct side){0};
    for (int i = hidden; e == OK && i > 0; i--)
        e = add_label(s, LABELS - i, why);
    for (int i = 0; e == OK && i < LETTERS; i++)
        if (times[i] == 1)
            e = add_label(s, i, why);
    return e;
}

static enum err read_result(struct walk *w, const struct side *s, struct node *n, struct why *why)
{
    int64_t dim[TENSOR_MAX_RANK], step = 1;

    for (int d = s->count - 1; d >= 0; d--) {
        if (w->dim[s->label[d]] < 0 || w->to[s->label[d]])
            return err_say(why, ERR_FORMAT, "the result names a dimension twice, or no operand's");
        dim[d] = w->dim[s->label[d]];
        w->to[s->label[d]] = step;
        step *= dim[d] ? dim[d] : 1;
    }
    return set_out(n, 0, in(n, 0)->type, s->count, dim, why);
}

static enum err read_equation(struct node *n, struct walk *w, struct why *why)
{
    const char *at = attr_string(n, "equation", "");
    int times[LABELS] = {0}, most = 0;
    struct side s;
    enum err e;

    for (int i = 0; i < LABELS; i++)
        w->dim[i] = -1;
    for (int i = 0; i < n->n_in; i++) {
        int hidden;

        if (!in(n, i) || (i > 0 && *at++ != ','))
            return err_say(why, ERR_FORMAT, "the equation has another number of operands");
        hidden = hidden_dims(at, in(n, i)->rank);
        most = hidden > most ? hidden : most;
        if ((e = read_term(&at, hidden, &s, why)) != OK ||
            (e = read_operand(w, i, &s, in(n, i), why)) != OK)
            return e;
        for (int j = 0; j < s.count; j++)
            times[s.label[j]]++;
    }
    if (*at == '\0') {
        e = implied(times, most, &s, why);
    } else if (!strncmp(at, "->", 2)) {
        at += 2;
        e = read_term(&at, most, &s, why);
    }
    if (e == OK && *at)
        e = err_say(why, ERR_FORMAT, "equation: '%.40s'", at);
    return e == OK ? read_result(w, &s, n, why) : e;
}

/* ---- as matrices --------------------------------------------------------------------------- */
struct product {
    int64_t batches;
    struct gemm_shape s;
    struct copy a, b, c; /* into (batches, M, K), (batches, K, N); out of (batches, M, N) */
};

/* What a label is to a product: a bit each for being in a, in b, in the result. */
enum { IN_A = 1, IN_B = 2, IN_C = 4, ROWS = IN_A | IN_C, COLS = IN_B | IN_C, INNER = IN_A | IN_B };

static int role_of(const struct walk *w, int label)
{
    if (w->dim[label] <= 1)
        return w->dim[label] == 0 ? INNER : 0; /* nothing to do is for the plain loop */
    return (w->step[0][label] ? IN_A : 0) | (w->step[1][label] ? IN_B : 0) |
           (w->to[label] ? IN_C : 0);
}

/* The dimensions that have a role, as a copy with the given steps; how many elements. */
static int64_t add_role(struct copy *c, const struct walk *w, int role, const int64_t *from)
{
    int64_t count = 1;

    for (int i = 0; i < LABELS; i++)
        if (role_of(w, i) == role) {
            c->dim[c->rank] = w->dim[i];
            c->from[c->rank++] = from[i];
            count *= w->dim[i];
        }
    return count;
}

/* From the steps of one side to a copy that joins what it can; the other side is dense. */
static void make_dense(struct copy *c, bool turned)
{
    struct copy raw = *c;
    int64_t step = 1, dense[COPY_MAX_RANK];

    for (int d = raw.rank - 1; d >= 0; d--) {
        dense[d] = step;
        step *= raw.dim[d];
    }
    *c = (struct copy){.size = sizeof(float)};
    for (int d = 0; d < raw.rank; d++)
        copy_add(c, raw.dim[d], turned ? dense[d] : raw.from[d], turned ? raw.from[d] : dense[d]);
}

static bool is_dense(const struct copy *c)
{
    return c->rank == 0 || (c->rank == 1 && c->from[0] == 1 && c->to[0] == 1);
}

static bool make_product(const struct node *n, const struct walk *w, struct product *p)
{
    int64_t M, N, K;

    if (n->n_in != 2 || in(n, 0)->type != DTYPE_F32)
        return false;
    for (int i = 0; i < LABELS; i++)
        if (w->dim[i] == 0 || role_of(w, i) == IN_A || role_of(w, i) == IN_B)
            return false; /* nothing, or summed within one operand */
    p->batches = add_role(&p->a, w, IN_A | IN_B | IN_C, w->step[0]);
    M = add_role(&p->a, w, ROWS, w->step[0]);
    K = add_role(&p->a, w, INNER, w->step[0]);
    add_role(&p->b, w, IN_A | IN_B | IN_C, w->step[1]);
    add_role(&p->b, w, INNER, w->step[1]);
    N = add_role(&p->b, w, COLS, w->step[1]);
    add_role(&p->c, w, IN_A | IN_B | IN_C, w->to);
    add_role(&p->c, w, ROWS, w->to);
    add_role(&p->c, w, COLS, w->to);
    make_dense(&p->a, false);
    make_dense(&p->b, false);
    make_dense(&p->c, true);
    p->s = (struct gemm_shape){.M = (int)M,
                               .N = (int)N,
                               .K = (int)K,
                               .alpha = 1.0f,
                               .lda = (size_t)K,
                               .ldb = (size_t)N,
                               .ldc = (size_t)N};
    return true;
}

/* Where the three lie in the scratch memory, each in floats, only if it is not in order already. */
struct rooms {
    size_t a, b, c, gemm;
};

static size_t room(const struct copy *c, int64_t count)
{
    return is_dense(c) ? 0 : (size_t)(count + 15) / 16 * 16;
}

static struct rooms rooms_of(const struct product *p)
{
    struct rooms r = {0};

    r.b = room(&p->a, p->batches * p->s.M * p->s.K);
    r.c = r.b + room(&p->b, p->batches * p->s.K * p->s.N);
    r.gemm = r.c + room(&p->c, p->batches * p->s.M * p->s.N);
    return r;
}

static const float *in_order(const struct copy *c, const float *from, float *room_for_it)
{
    if (is_dense(c))
        return from;
    copy_run(c, from, room_for_it);
    return room_for_it;
}

static void run_product(const struct node *n, const struct product *p, const struct run *r)
{
    const struct rooms rooms = rooms_of(p);
    const float *a = in(n, 0)->data, *b = in(n, 1)->data;
    float *scratch = r->scratch, *c = out(n, 0)->data;
    const int64_t size_a = (int64_t)p->s.M * p->s.K, size_b = (int64_t)p->s.K * p->s.N;
    const int64_t size_c = (int64_t)p->s.M * p->s.N;

    a = in_order(&p->a, a, scratch + rooms.a);
    b = in_order(&p->b, b, scratch + rooms.b);
    if (!is_dense(&p->c))
        c = scratch + rooms.c;
    for (int64_t i = 0; i < p->batches; i++)
        (gemm_rows_fits(&p->s) ? gemm_rows : gemm)(r->kernels, &p->s, a + i * size_a,
                                                   b + i * size_b, c + i * size_c,
                                                   scratch + rooms.gemm, r->pool);
    if (!is_dense(&p->c))
        copy_run(&p->c, c, out(n, 0)->data);
}

/* ---- as loops ------------------------------------------------------------------------------ */
struct loops {
    int count, outer; /* those of the result come first */
    int64_t dim[LOOPS_MAX], step[LOOPS_MAX][OPERANDS], to[LOOPS_MAX];
    int64_t terms; /* of each element of the result */
};

static enum err make_loops(const struct node *n, const struct walk *w, struct loops *l,
                           int64_t *all, struct why *why)
{
    l->terms = 1;
    *all = 1;
    for (int inner = 0; inner < 2; inner++)
        for (int i = 0; i < LABELS; i++) {
            if (w->dim[i] < 0 || w->dim[i] == 1 || (w->to[i] == 0) != inner)
                continue;
            l->dim[l->count] = w->dim[i];
            l->to[l->count] = w->to[i];
            for (int j = 0; j < n->n_in; j++)
                l->step[l->count][j] = w->step[j][i];
            l->count++;
            l->outer += !inner;
            if (__builtin_mul_overflow(*all, w->dim[i], all) || *all > terms_max)
                return err_say(why, ERR_LIMIT, "more than %lld products", (long long)terms_max);
            l->terms *= inner ? w->dim[i] : 1;
        }
    return OK;
}

/* One step of the odometer over loops [from, to); at and the places move along. */
static void advance(const struct loops *l, int from, int to, int64_t *at, int64_t *place)
{
    for (int d = to - 1; d >= from; d--) {
        bool around = ++at[d] == l->dim[d];

        at[d] = around ? 0 : at[d];
        for (int j = 0; j < OPERANDS; j++)
            place[j] += l->step[d][j] * (around ? 1 - l->dim[d] : 1);
        place[OPERANDS] += l->to[d] * (around ? 1 - l->dim[d] : 1);
        if (!around)
            return;
    }
}

static void one_element(const struct node *n, const struct loops *l, int64_t *at, int64_t *place)
{
    bool real = dtype_is_float(out(n, 0)->type);
    double sum = 0;
    uint64_t whole = 0; /* wraps */

    for (int64_t t = 0; t < l->terms; t++) {
        double v = 1;
        uint64_t k = 1;

        for (int j = 0; j < n->n_in; j++)
            if (real)
                v *= number_float(in(n, j), place[j]);
            else
                k *= (uint64_t)number_int(in(n, j), place[j]);
        sum += v;
        whole += k;
        advance(l, l->outer, l->count, at, place);
    }
    if (real)
        number_set_float(out(n, 0), place[OPERANDS], sum);
    else
        number_set_int(out(n, 0), place[OPERANDS], (int64_t)whole);
}

static void run_loops(const struct node *n, const struct loops *l)
{
    int64_t at[LOOPS_MAX] = {0}, place[OPERANDS + 1] = {0}, count = tensor_count(out(n, 0));

    for (int64_t i = 0; i < count; i++) {
        one_element(n, l, at, place);
        advance(l, 0, l->outer, at, place);
    }
}

/* ---- the operator -------------------------------------------------------------------------- */
struct einsum_params {
    bool is_product;
    struct product product;
    struct loops loops;
};

static enum err einsum_infer(struct graph *g, struct node *n, struct why *why)
{
    struct einsum_params *p = node_params(g, n, sizeof *p);
    struct walk w = {0};
    int64_t all;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = read_equation(n, &w, why)) != OK ||
        (e = make_loops(n, &w, &p->loops, &all, why)) != OK)
        return e;
    p->is_product = make_product(n, &w, &p->product);
    n->macs = all;
    return OK;
}

static enum err einsum_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct einsum_params *p = n->params;

    (void)why;
    n->kernel = p->is_product ? "matrices" : "loops";
    if (p->is_product)
        n->scratch = rooms_of(&p->product).gemm * sizeof(float) +
                     (gemm_rows_fits(&p->product.s)
                          ? gemm_rows_scratch(&g->kernels, &p->product.s)
                          : gemm_scratch(&g->kernels, &p->product.s, pool_threads(g->pool)));
    return OK;
}

static enum err einsum_run(const struct node *n, const struct run *r)
{
    const struct einsum_params *p = n->params;

    if (p->is_product)
        run_product(n, &p->product, r);
    else
        run_loops(n, &p->loops);
    return OK;
}

const struct op ops_einsum[] = {
    {"Einsum", 1, OPERANDS, 1, T_NUMBER, OP_SAME, einsum_infer, einsum_run, einsum_prepare, 0},
    {NULL},
};
