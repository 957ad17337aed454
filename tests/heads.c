#include "tests/heads.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/models.h"

struct kept {
    struct kept *before;
    struct tensor tensor;
};
static struct kept *all; /* so that nothing is lost to who looks for leaks */

struct tensor *tensor_new(const char *name, int rank, const int64_t *dim)
{
    struct kept *k = calloc(1, sizeof *k);
    struct tensor *t = &k->tensor;

    k->before = all;
    all = k;
    t->name = strdup(name);
    t->type = DTYPE_F32;
    t->rank = rank;
    size_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= (size_t)(t->dim[i] = dim[i]);
    t->data = calloc(n, sizeof(float));
    return t;
}

struct head_io io_new(int height, int width)
{
    struct head_io io = {.n_inputs = 1};

    io.input[0] = TENSOR("picture", 1, 3, height, width);
    return io;
}

void io_output(struct head_io *io, const struct tensor *t)
{
    io->output[io->n_outputs++] = t;
}

void decode_once(const struct head_decoder *d, const struct head_io *io, float score_min,
                 int picture_width, int picture_height, struct perceived *out)
{
    const struct tensor *picture = io->input[io->picture];
    struct fit fit = fit_picture(&d->input, picture_width, picture_height, (int)picture->dim[3],
                                 (int)picture->dim[2]);
    struct head_limits limits = d->limits;
    struct why why = {""};
    void *state;

    if (score_min >= 0)
        limits.score_min = score_min;
    cr_assert(d->recognise(io));
    cr_assert_eq(d->open(io, &limits, &state, &why), OK, "%s", why.text);
    memset(out, 0, sizeof *out);
    d->decode(state, io, &fit, out);
    d->close(state);
}

static struct head_io golden_io(const char *model)
{
    struct head_io io = {.n_inputs = 1};
    char file[32];

    io.input[0] = golden_tensor(model, "input_0.pb");
    for (int i = 0; i < HEAD_MAX_TENSORS; i++) {
        snprintf(file, sizeof file, "output_%d.pb", i);
        if (access(shared_path("models/%s/test_data_set_0/%s", model, file), R_OK))
            break;
        io_output(&io, golden_tensor(model, file));
    }
    return io;
}

void check_golden_detections(const struct head_decoder *d, const char *model, float score_min,
                             const int class_of[][2])
{
    static struct perceived out;
    double want[EXPECTED_MAX][6];

    need_shared();
    struct head_io io = golden_io(model);
    int n = expected_detections(model, want);

    decode_once(d, &io, score_min, 960, 540, &out);
    cr_assert_eq(out.n_detections, n, "%s: %d boxes for %d", model, out.n_detections, n);
    for (int i = 0; i < n; i++) {
        const struct detection *got = &out.detection[i];
        const float corner[4] = {got->box_px.x1, got->box_px.y1, got->box_px.x2, got->box_px.y2};
        int class = -1;

        for (int k = 0; class_of[k][0] >= 0; k++)
            if (class_of[k][0] == (int)want[i][5])
                class = class_of[k][1];
        for (int k = 0; k < 4; k++)
            cr_assert_leq(fabs(corner[k] - want[i][k]), 0.5, "%s box %d side %d: %g for %g", model,
                          i, k, corner[k], want[i][k]);
        cr_assert_float_eq(got->score, want[i][4], 0.002);
        cr_assert_eq((int)got->class, class);
        for (int k = 0; k < 4; k++)
            cr_assert(got->sigma_px[k] > 0.3f && got->sigma_px[k] < 30);
    }
}
