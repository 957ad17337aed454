/* Einsum against the sum that its equation spells, letter by letter; what it refuses. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/inspect.h"
#include "tests/onnx_model.h"

enum { OPERANDS = 3, MOST = 4096 };

static struct model m;
static struct why why;

static int size_of(char letter) /* odd ones, no two neighbours alike */
{
    return letter == 'z' ? 1 : 2 + (letter - 'a') * 3 % 7;
}

static int count_of(const char *term)
{
    int n = 1;

    for (; *term; term++)
        n *= size_of(*term);
    return n;
}

static int place(const char *term, const int at[26])
{
    int i = 0;

    for (; *term; term++)
        i = i * size_of(*term) + at[*term - 'a'];
    return i;
}

struct problem {
    const char *operand[OPERANDS], *result;
    int n;
};

static void plain(const struct problem *p, const float *const x[OPERANDS], double *y)
{
    char letters[27] = "";
    int at[26] = {0}, n_letters = 0, d;

    for (int i = 0; i < p->n; i++)
        for (const char *t = p->operand[i]; *t; t++)
            if (!strchr(letters, *t))
                letters[n_letters++] = *t;
    memset(y, 0, (size_t)count_of(p->result) * sizeof *y);
    do {
        double v = 1;

        for (int i = 0; i < p->n; i++)
            v *= (double)x[i][place(p->operand[i], at)];
        y[place(p->result, at)] += v;
        for (d = n_letters - 1; d >= 0 && ++at[letters[d] - 'a'] == size_of(letters[d]); d--)
            at[letters[d] - 'a'] = 0;
    } while (d >= 0);
}

static struct net *open_model(enum err *e)
{
    size_t n;
    const uint8_t *bytes = model_pack(&m, &n);
    struct net *net;

    *e = net_open_memory(bytes, n, NULL, &net, &why);
    model_free(&m);
    return net;
}

static const char *dims_of(const char *term, char text[64])
{
    *text = '\0';
    for (size_t used = 0; *term; term++)
        used += (size_t)snprintf(text + used, 64 - used, "%s%d", used ? "," : "", size_of(*term));
    return text;
}

/* equation: as given to the operator; p: what it means. kernel: how it should be computed. */
static void compare(const char *equation, const struct problem *p, const char *kernel)
{
    static const char *const names[] = {"a", "a,b", "a,b,c"}, *const name[] = {"a", "b", "c"};
    const float *x[OPERANDS];
    static double want[MOST];
    char text[64];
    struct net *net;
    enum err e;

    model_init(&m, 13);
    for (int i = 0; i < p->n; i++)
        model_input(&m, name[i], DTYPE_F32, dims_of(p->operand[i], text));
    model_attr_text(&m, model_node(&m, "Einsum", names[p->n - 1], "y"), "equation", equation);
    model_output(&m, "y");
    net = open_model(&e);
    cr_assert_eq(e, OK, "%s: %s", equation, why.text);
    cr_assert_str_eq(net_graph(net)->node[0]->kernel, kernel, "%s", equation);
    for (int i = 0; i < p->n; i++) {
        float *to = net_input(net, i)->data;

        for (int j = 0; j < count_of(p->operand[i]); j++)
            to[j] = (float)((j * 7 + i * 5 + j / 11) % 17 - 8) / 8;
        x[i] = to;
    }
    plain(p, x, want);
    cr_assert_eq(net_run(net, &why), OK, "%s", why.text);
    cr_assert_eq(tensor_count(net_output(net, 0)), count_of(p->result), "%s", equation);
    for (int i = 0; i < count_of(p->result); i++) {
        double got = (double)((const float *)net_output(net, 0)->data)[i];

        cr_assert(fabs(got - want[i]) < 1e-4, "%s [%d]: %g, not %g", equation, i, got, want[i]);
    }
    net_close(net);
}

static void two(const char *equation, const char *a, const char *b, const char *y, const char *way)
{
    compare(equation, &(struct problem){{a, b}, y, 2}, way);
}

static void one(const char *equation, const char *a, const char *y)
{
    compare(equation, &(struct problem){{a}, y, 1}, "loops");
}

Test(einsum, products_of_matrices)
{
    two("ij,jk->ik", "ij", "jk", "ik", "matrices");
    two("ij,jk", "ij", "jk", "ik", "matrices");
    two("ji,kj->ki", "ji", "kj", "ki", "matrices");
    two("bij,bjk->bik", "bij", "bjk", "bik", "matrices");
    two("bhid,bhjd->bhij", "bhid", "bhjd", "bhij", "matrices");
    two("bidh,bjdh->ibhj", "bidh", "bjdh", "ibhj", "matrices");
    two("bi,bj->bij", "bi", "bj", "bij", "matrices");
    two("i,i->", "i", "i", "", "matrices");
    two("abc,cb->a", "abc", "cb", "a", "matrices");
    two("iaj,aj->ai", "iaj", "aj", "ai", "matrices");
    two("iij,jk->ik", "iij", "jk", "ik", "matrices"); /* a diagonal, then a product */
    two("zij,jk->zik", "zij", "jk", "zik", "matrices");
}

Test(einsum, dots)
{
    two("...ij,...jk->...ik", "abij", "abjk", "abik", "matrices");
    two("...ij,...jk", "abij", "abjk", "abik", "matrices");
    two("i...j,...jk->...ik", "iaj", "ajk", "aik", "matrices");
    two("...ij,jk->k...i", "abij", "jk", "kabi", "matrices");
    two("...ij,...jk->...ik", "zbij", "abjk", "abik", "matrices"); /* broadcast */
    two("...ij,...jk->...ik", "bij", "abjk", "abik", "matrices");
    one("...->...", "abc", "abc");
    one("a...->...", "abc", "bc");
    one("...ii->...i", "abii", "abi");
    one(" i j -> j i ", "ij", "ji");
    one("", "", "");
}

Test(einsum, loops)
{
    one("ij", "ij", "ij");
    one("ba", "ba", "ab");
    one("ii", "ii", "");
    one("ii->i", "ii", "i");
    one("iji->ji", "iji", "ji");
    one("ij->", "ij", "");
    two("ij,k->k", "ij", "k", "k", "loops");
    compare("ij,jk,kl->il", &(struct problem){{"ij", "jk", "kl"}, "il", 3}, "loops");
    compare("i,ij,j", &(struct problem){{"i", "ij", "j"}, "", 3}, "loops");
}

Test(einsum, integers_wrap)
{
    struct net *net;
    enum err e;

    model_init(&m, 13);
    model_input(&m, "a", DTYPE_I32, "2,2");
    model_attr_text(&m, model_node(&m, "Einsum", "a,a", "y"), "equation", "ij,jk->ik");
    model_output(&m, "y");
    net = open_model(&e);
    cr_assert_eq(e, OK, "%s", why.text);
    memcpy(net_input(net, 0)->data, (int32_t[]){1 << 20, 3, -5, 1}, 16);
    cr_assert_eq(net_run(net, &why), OK);
    cr_assert_arr_eq(net_output(net, 0)->data,
                     ((int32_t[]){-15, 3 * (1 << 20) + 3, -5 * (1 << 20) - 5, -14}), 16);
    net_close(net);
}

Test(einsum, sums_of_nothing)
{
    struct net *net;
    enum err e;

    model_init(&m, 13);
    model_input(&m, "a", DTYPE_F32, "2,0");
    model_input(&m, "b", DTYPE_F32, "0,3");
    model_attr_text(&m, model_node(&m, "Einsum", "a,b", "y"), "equation", "ij,jk->ik");
    model_output(&m, "y");
    net = open_model(&e);
    cr_assert_eq(e, OK, "%s", why.text);
    memset(net_output(net, 0)->data, 1, 24);
    cr_assert_eq(net_run(net, &why), OK);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(((const float *)net_output(net, 0)->data)[i], 0.0f);
    net_close(net);
}

static void refused(const char *equation, enum err want, const char *words)
{
    enum err e;

    model_init(&m, 13);
    model_input(&m, "a", DTYPE_F32, "2,3");
    model_input(&m, "b", DTYPE_F32, "3,4");
    model_attr_text(&m, model_node(&m, "Einsum", "a,b", "y"), "equation", equation);
    model_output(&m, "y");
    net_close(open_model(&e));
    cr_assert_eq(e, want, "'%s': %s: %s", equation, err_name(e), why.text);
    cr_assert(strstr(why.text, words), "'%s': %s", equation, why.text);
}

Test(einsum, equations_that_mean_nothing)
{
    refused("", ERR_FORMAT, "0 dimensions for 'a', which has 2");
    refused("ij", ERR_FORMAT, "another number of operands");
    refused("ij,jk,kl->il", ERR_FORMAT, "equation: ',kl->il'");
    refused("ij,kj->ik", ERR_FORMAT, "'b': dimension 1 is 4, elsewhere 3");
    refused("ii,jk->i", ERR_FORMAT, "elsewhere");
    refused("ij,jk->ii", ERR_FORMAT, "names a dimension twice");
    refused("ij,jk->il", ERR_FORMAT, "or no operand's");
    refused("ij,jk->ik->", ERR_FORMAT, "equation: '->'");
    refused("ij,jk-ik", ERR_FORMAT, "equation: '-ik'");
    refused("i1,jk->ik", ERR_FORMAT, "equation: '1,jk->ik'");
    refused("ij,j..k->ik", ERR_FORMAT, "equation: '..k->ik'");
    refused("......ij,jk->ik", ERR_FORMAT, "equation: '...ij,jk->ik'");
    refused("abcdefghi,jk->ik", ERR_FORMAT, "more than 8 dimensions");
    refused("ijk...,jk->ik", ERR_FORMAT, "3 dimensions for 'a', which has 2");
}
