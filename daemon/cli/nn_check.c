#include "daemon/cli/nn_check.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/nn_io.h"
#include "daemon/cli/nn_tally.h"
#include "perception/nn/graph.h"
#include "perception/nn/inspect.h"
#include "perception/nn/ops/number.h"

enum { PATH_BYTES = 4096, MAX_TENSORS = 64 };

/* A share of pixels in which the two masks of a quantised network must agree: values that fall on a
 * tie may round either way, and go on from there. */
static const double mask_share = 0.995;

enum outcome { PASSED, FAILED, UNSUPPORTED };

struct test {
    const struct check_options *opt;
    struct tensor input[MAX_TENSORS], want[MAX_TENSORS];
    int n_input, n_want;
    double worst;  /* the largest difference of all outputs */
    double agreed; /* the smallest share of agreeing pixels; 2: not needed */
    struct why why;
};

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void test_finish(struct test *t)
{
    for (int i = 0; i < t->n_input; i++)
        tensor_file_free(&t->input[i]);
    for (int i = 0; i < t->n_want; i++)
        tensor_file_free(&t->want[i]);
    t->n_input = t->n_want = 0;
}

/* ONNX's own data calls bfloat16 uint16. */
static void adopt_type(struct tensor *t, enum dtype type)
{
    if (type == DTYPE_BF16 && t->type == DTYPE_U16)
        t->type = type;
}

static enum err read_tensors(const char *folder, const char *kind, struct tensor *t, int *count,
                             struct why *why)
{
    char path[PATH_BYTES];

    for (*count = 0; *count < MAX_TENSORS; ++*count) {
        enum err e;

        snprintf(path, sizeof path, "%s/%s_%d.pb", folder, kind, *count);
        if (!exists(path))
            break;
        if ((e = tensor_file_read(path, &t[*count], why)) != OK)
            return e;
    }
    return OK;
}

/* ---- comparing ----------------------------------------------------------------------------- */
static bool same_shape(const struct tensor *a, const struct tensor *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, sizeof a->dim);
}

static double difference(const struct tensor *a, const struct tensor *b, int64_t i)
{
    double x = number_float(a, i), y = number_float(b, i);

    if (!dtype_is_float(a->type))
        return number_int(a, i) == number_int(b, i) ? 0 : fmax(fabs(x - y), 1);
    if (x == y || (isnan(x) && isnan(y)))
        return 0;
    return isfinite(x - y) ? fabs(x - y) : INFINITY;
}

static bool is_quantised(const struct net *n)
{
    const struct graph *g = net_graph(n);

    for (int i = 0; i < g->n_nodes; i++)
        if (!strcmp(g->node[i]->type, "QuantizeLinear"))
            return true;
    return false;
}

/* The channel with the largest value, at pixel i. (1, C, ...) */
static int64_t top_channel(const struct tensor *t, int64_t i)
{
    int64_t plane = tensor_count(t) / t->dim[1], top = 0;

    for (int64_t c = 1; c < t->dim[1]; c++)
        if (number_float(t, c * plane + i) > number_float(t, top * plane + i))
            top = c;
    return top;
}

static double mask_agreement(const struct tensor *a, const struct tensor *b)
{
    int64_t plane = tensor_count(a) / a->dim[1], same = 0;

    for (int64_t i = 0; i < plane; i++)
        same += top_channel(a, i) == top_channel(b, i);
    return (double)same / (double)plane;
}

/* What element i of want may be off by. Of bfloat16, which has 8 bits, either neighbour is right.
 */
static double tolerance(const struct test *t, const struct tensor *want, int64_t i)
{
    double rtol = want->type == DTYPE_BF16 ? fmax(t->opt->rtol, 1.0 / 128) : t->opt->rtol;

    return dtype_is_float(want->type) ? t->opt->atol + rtol * fabs(number_float(want, i)) : 0;
}

static enum outcome compare(struct test *t, const struct net *net, const struct tensor *got,
                            const struct tensor *want)
{
    char a[160], b[160];
    double worst = 0, over = 0, share;
    int64_t at = 0;

    if (got->type != want->type || !same_shape(got, want)) {
        err_say(&t->why, ERR_MISMATCH, "output '%.60s' is %s %s, expected %s %s", got->name,
                dtype_name(got->type), shape_text(got, a), dtype_name(want->type),
                shape_text(want, b));
        return FAILED;
    }
    for (int64_t i = 0; i < tensor_count(got); i++) {
        double d = difference(got, want, i);
        double beyond = d - tolerance(t, want, i);

        worst = fmax(worst, d);
        if (beyond > over) {
            over = beyond;
            at = i;
        }
    }
    t->worst = fmax(t->worst, worst);
    if (over <= 0)
        return PASSED;
    if (got->rank == 4 && got->dim[0] == 1 && got->dim[1] > 1 && is_quantised(net)) {
        share = mask_agreement(got, want);
        t->agreed = fmin(t->agreed, share);
        if (share >= mask_share)
            return PASSED;
        err_say(&t->why, ERR_MISMATCH, "output '%.60s': masks agree in %.2f %% of the pixels",
                got->name, 100 * share);
        return FAILED;
    }
    err_say(&t->why, ERR_MISMATCH,
            "output '%.60s': largest difference %.3g; at [%lld] %.9g, expected %.9g", got->name,
            worst, (long long)at, number_float(got, at), number_float(want, at));
    return FAILED;
}

/* ---- one test ------------------------------------------------------------------------------ */
/* What shapes may hang on: short lists of numbers. */
static int shape_like(const struct test *t, struct tensor *to)
{
    int n = 0;

    for (int i = 0; i < t->n_input; i++)
        if (t->input[i].rank <= 1 && tensor_count(&t->input[i]) <= 2 * TENSOR_MAX_RANK)
            to[n++] = t->input[i];
    return n;
}

/* Whether the data's inputs are as large as the model's; some of ONNX's own are not. */
static bool inputs_fit(struct test *t, struct net *net)
{
    for (int i = 0; i < t->n_input && i < net_inputs(net); i++) {
        adopt_type(&t->input[i], net_input(net, i)->type);
        if (!same_shape(&t->input[i], net_input(net, i)))
            return false;
    }
    return true;
}

/* As it is; if that cannot be because a shape hangs on an input, or the data has another shape than
 * the model says, with those inputs known. */
static enum err open_net(struct test *t, const char *model, struct net **net)
{
    struct net_options opt = t->opt->net;
    struct tensor fixed[MAX_TENSORS];
    struct net *known;
    struct why again;
    enum err e = net_open(model, &opt, net, &t->why), e2;

    if ((e == OK && inputs_fit(t, *net)) || (e != OK && e != ERR_UNSUPPORTED))
        return e;
    opt.fixed = fixed;
    opt.n_fixed = shape_like(t, fixed);
    e2 = opt.n_fixed ? net_open(model, &opt, &known, &again) : ERR_UNSUPPORTED;
    if (e2 == ERR_UNSUPPORTED)
        return e;
    net_close(*net);
    *net = known;
    t->why = again;
    return e2;
}

static enum outcome set_inputs(struct test *t, struct net *net)
{
    char a[160], b[160];

    if (t->n_input != net_inputs(net) || t->n_want > net_outputs(net)) {
        err_say(&t->why, ERR_MISMATCH, "%d inputs and %d outputs, the model has %d and %d",
                t->n_input, t->n_want, net_inputs(net), net_outputs(net));
        return FAILED;
    }
    for (int i = 0; i < t->n_input; i++) {
        struct tensor *to = net_input(net, i);

        adopt_type(&t->input[i], to->type);
        if (to->type != t->input[i].type || !same_shape(to, &t->input[i])) {
            err_say(&t->why, ERR_UNSUPPORTED, "input '%.60s' is %s %s, the model's %s %s", to->name,
                    dtype_name(t->input[i].type), shape_text(&t->input[i], a), dtype_name(to->type),
                    shape_text(to, b));
            return UNSUPPORTED;
        }
        memcpy(to->data, t->input[i].data, tensor_bytes(to));
    }
    return PASSED;
}

static enum outcome run_set(struct test *t, const char *model, const char *folder)
{
    struct net *net = NULL;
    enum outcome o = PASSED;
    struct why unread;
    enum err e, e_read = read_tensors(folder, "input", t->input, &t->n_input, &unread);

    if (e_read == OK)
        e_read = read_tensors(folder, "output", t->want, &t->n_want, &unread);
    e = open_net(t, model, &net);
    if (e == OK && e_read != OK) {
        e = e_read;
        t->why = unread;
    }
    if (e != OK) {
        net_close(net);
        return e == ERR_UNSUPPORTED ? UNSUPPORTED : FAILED;
    }
    o = set_inputs(t, net);
    if (o == PASSED && net_run(net, &t->why) != OK)
        o = FAILED;
    for (int i = 0; o == PASSED && i < t->n_want; i++) {
        adopt_type(&t->want[i], net_output(net, i)->type);
        o = compare(t, net, net_output(net, i), &t->want[i]);
    }
    net_close(net);
    return o;
}

const char *check_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

/* The reason without the path, which the line begins with anyway. */
static const char *reason(const struct test *t, const char *model)
{
    size_t n = strlen(model);

    return !strncmp(t->why.text, model, n) && t->why.text[n] == ':' ? t->why.text + n + 2
                                                                    : t->why.text;
}

static void print_outcome(const struct test *t, enum outcome o, const char *folder,
                          const char *text, FILE *to)
{
    if (!to)
        return;
    if (o == PASSED && t->agreed <= 1)
        fprintf(to,
                "ok           %s: masks agree in %.2f %% of the pixels, largest difference %.3g\n",
                check_name(folder), 100 * t->agreed, t->worst);
    else if (o == PASSED)
        fprintf(to, "ok           %s: largest difference %.3g\n", check_name(folder), t->worst);
    else
        fprintf(to, "%s %s: %s\n", o == FAILED ? "FAIL        " : "unsupported ",
                check_name(folder), text);
}

static void check_test(const char *folder, const struct check_options *opt, FILE *to,
                       struct check_counts *counts)
{
    struct test t = {.opt = opt, .agreed = 2};
    char model[PATH_BYTES], set[PATH_BYTES];
    enum outcome o = PASSED;

    snprintf(model, sizeof model, "%s/model.onnx", folder);
    for (int i = 0; o == PASSED; i++) {
        snprintf(set, sizeof set, "%s/test_data_set_%d", folder, i);
        if (i > 0 && !exists(set))
            break;
        o = run_set(&t, model, set);
        test_finish(&t);
    }
    print_outcome(&t, o, folder, reason(&t, model), to ? to : o == FAILED ? stderr : NULL);
    if (o == UNSUPPORTED && counts->tally)
        tally_add(counts->tally, reason(&t, model));
    counts->passed += o == PASSED;
    counts->failed += o == FAILED;
    counts->unsupported += o == UNSUPPORTED;
}

enum err check_path(const char *path, const struct check_options *opt, FILE *to,
                    struct check_counts *counts, struct why *why)
{
    char clean[PATH_BYTES], sub[PATH_BYTES + 300];
    struct dirent **entry;
    size_t length;
    int n, tests = 0, absent = 0;

    snprintf(clean, sizeof clean, "%s", path);
    for (length = strlen(clean); length > 1 && clean[length - 1] == '/'; length--)
        clean[length - 1] = '\0';
    snprintf(sub, sizeof sub, "%s/model.onnx", clean);
    if (exists(sub)) {
        check_test(clean, opt, to, counts);
        return OK;
    }
    n = scandir(clean, &entry, NULL, alphasort);
    if (n < 0)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        snprintf(sub, sizeof sub, "%s/%s/model.onnx", clean, entry[i]->d_name);
        if (entry[i]->d_name[0] != '.' && exists(sub)) {
            sub[strlen(sub) - strlen("/model.onnx")] = '\0';
            check_test(sub, opt, to, counts);
            tests++;
        }
        snprintf(sub, sizeof sub, "%s/%s/data.json", clean, entry[i]->d_name);
        absent += exists(sub);
        free(entry[i]);
    }
    free(entry);
    counts->absent += absent;
    return tests || absent
               ? OK
               : err_say(why, ERR_IO, "%s: no model.onnx there or one folder below", path);
}
