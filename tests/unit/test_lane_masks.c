#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>

#include "perception/heads/lane_curve.h"
#include "tests/heads.h"
#include "tests/models.h"

static struct perceived out;

enum { W = 64, H = 48 };

static struct head_io network(const char *first, const char *second)
{
    struct head_io io = io_new(H, W);

    io_output(&io, TENSOR(first, 1, 2, H, W));
    io_output(&io, TENSOR(second, 1, 2, H, W));
    return io;
}

static float *logits(const struct head_io *io, int output, int class)
{
    return (float *)io->output[output]->data + class * H * W;
}

/* Open, decode, look at the road while the decoder still holds it, close. */
static void decode(const struct head_io *io, void (*look)(const struct head_io *io))
{
    struct head_limits limits = head_lane_masks.limits;
    struct fit fit = fit_picture(&head_lane_masks.input, 960, 540, (int)io->input[0]->dim[3],
                                 (int)io->input[0]->dim[2]);
    struct why why = {""};
    void *state;

    cr_assert(head_lane_masks.recognise(io));
    cr_assert_eq(head_lane_masks.open(io, &limits, &state, &why), OK, "%s", why.text);
    out = (struct perceived){0};
    head_lane_masks.decode(state, io, &fit, &out);
    look(io);
    head_lane_masks.close(state);
}

/* ---- golden: frame.jpg, which is a labelled picture of the highway ------------------------- */

static int drivable_expected;

static void look_golden(const struct head_io *io)
{
    const float want[2][2] = {{263, 480}, {785, 480}}; /* left and right line as labelled */
    int drivable = 0;

    cr_assert_eq(out.road.width, io->output[0]->dim[3]);
    cr_assert_eq(out.road.height, io->output[0]->dim[2]);
    for (int i = 0; i < out.road.width * out.road.height; i++)
        drivable += out.road.probability[i] >= 128;
    cr_assert_leq(abs(drivable - drivable_expected), drivable_expected / 500, "%d, expected %d",
                  drivable, drivable_expected);
    for (int side = 0; side < 2; side++) {
        int found = 0;

        for (int i = 0; i < out.n_curves; i++)
            if (out.curve[i].role == (side ? -1 : 1)) {
                float x = lane_curve_x(&out.curve[i], want[side][1]);

                cr_assert_leq(fabsf(x - want[side][0]), 8, "side %d at %g", side, x);
                found++;
            }
        cr_assert_eq(found, 1);
    }
}

static void check_golden(const char *model)
{
    need_shared();
    json_t *root = json_load_file(shared_path("models/%s/expected.json", model), 0, NULL);
    struct head_io io = {.n_inputs = 1};

    drivable_expected = (int)json_integer_value(json_object_get(root, "drivable_pixels"));
    io.input[0] = golden_tensor(model, "input_0.pb");
    io_output(&io, golden_tensor(model, "output_0.pb"));
    io_output(&io, golden_tensor(model, "output_1.pb"));
    decode(&io, look_golden);
    json_decref(root);
}

Test(lane_masks, golden_float)
{
    check_golden("twinlitenet");
}

Test(lane_masks, golden_int8)
{
    check_golden("twinlitenet_int8_qdq");
}

/* ---- by hand ------------------------------------------------------------------------------- */

static void look_probability(const struct head_io *io)
{
    const float *no = logits(io, 0, 0), *yes = logits(io, 0, 1);

    cr_assert_eq(out.n_curves, 0);
    for (int i = 0; i < 1000; i++) {
        float want = 255 / (1 + expf(no[i] - yes[i]));

        cr_assert_leq(fabsf((float)out.road.probability[i] - want), 1.5f, "logits %g %g", no[i],
                      yes[i]);
    }
    cr_assert_eq(out.road.probability[1000], 0);
    cr_assert_eq(out.road.probability[1001], 255);
}

Test(lane_masks, road_probability)
{
    struct head_io io = network("da", "ll");

    for (int i = 0; i < 1000; i++)
        logits(&io, 0, 1)[i] = (logits(&io, 0, 0)[i] = sinf((float)i)) + (float)(i - 500) * 0.03f;
    logits(&io, 0, 0)[1000] = NAN;
    logits(&io, 0, 1)[1001] = INFINITY;
    decode(&io, look_probability);
}

static void look_swapped(const struct head_io *io)
{
    (void)io;
    cr_assert_eq(out.n_curves, 2);
    cr_assert_eq(out.road.probability[0], 128);
}

/* The output named after lanes is the one with lines, wherever it stands. */
Test(lane_masks, order_by_name)
{
    const char *name[3][2] = {{"out1", "out2"}, {"lanes", "drivable_area"}, {"da", "ll"}};
    const int line[3] = {1, 0, 1};

    for (int k = 0; k < 3; k++) {
        struct head_io io = network(name[k][0], name[k][1]);

        for (int i = 0; i < H * W; i++)
            logits(&io, line[k], 0)[i] = 8;
        for (int y = 10; y < H; y++)
            logits(&io, line[k], 1)[y * W + 32 - (y - 8) / 2] =
                logits(&io, line[k], 1)[y * W + 32 + (y - 8) / 2] = 16;
        decode(&io, look_swapped);
    }
}

Test(lane_masks, shapes_are_checked)
{
    struct head_limits limits = head_lane_masks.limits;
    struct head_io io = io_new(H, W);
    struct why why = {""};
    void *state;

    io_output(&io, TENSOR("da", 1, 2, H, W));
    cr_assert_not(head_lane_masks.recognise(&io));
    io_output(&io, TENSOR("ll", 1, 2, 8, W));
    cr_assert_not(head_lane_masks.recognise(&io));
    cr_assert_eq(head_lane_masks.open(&io, &limits, &state, &why), ERR_MISMATCH);
    cr_assert_null(state);
    cr_assert_not_null(strstr(why.text, "ll (1, 2, 8, 64)"), "%s", why.text);
    head_lane_masks.close(NULL);
}
