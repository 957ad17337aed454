#include "daemon/pipeline.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/models.h"

enum { W = 64, H = 48 };

static struct pipeline *p;
static struct answer answer;
static uint8_t pixels[H][W][3];

static void open_pipeline(struct perception_config perception)
{
    struct pipeline_config cfg = {
        .camera = "front", .config_id = "cfg-1", .perception = perception, .run_uuid = {7}};
    struct why why;

    cr_assert_eq(pipeline_open(&cfg, &p, &why), OK, "%s", why.text);
}

static struct frame frame(uint64_t id, int64_t t_ns, uint32_t epoch)
{
    memset(pixels, (int)(id * 37 % 200), sizeof pixels);
    return (struct frame){.header = {.frame_id = id,
                                     .t_sof_ns = t_ns,
                                     .t_eof_ns = TIME_UNKNOWN,
                                     .clock_id = CLOCK_ID_SIM,
                                     .clock_epoch = epoch,
                                     .encoding = ENCODING_RGB8,
                                     .width = W,
                                     .height = H,
                                     .stride_bytes = 3 * W},
                          .pixels = {&pixels[0][0][0], sizeof pixels},
                          .t_recv_ns = TIME_UNKNOWN,
                          .period_ns = 100 * NS_PER_MS,
                          .ego = {NAN, NAN}};
}

static bool has(const struct header *h, enum reason r)
{
    return h->reasons & 1u << r;
}

Test(pipeline, without_networks_it_says_so)
{
    struct frame f = frame(5, NS_PER_S, 2);
    const struct header *h = &answer.objects.header;

    open_pipeline((struct perception_config){0});
    cr_assert_str_eq(pipeline_model_id(p), "");
    cr_assert_eq(pipeline_gives(p), 0);
    pipeline_run(p, &f, &answer);
    cr_assert_eq(h->qualifier, QUALIFIER_NOT_AVAILABLE);
    cr_assert_eq(h->reasons, 1u << REASON_CONFIG);
    cr_assert(h->has_frame);
    cr_assert_eq(h->frame_id, 5);
    cr_assert_eq(h->t_sof_ns, NS_PER_S);
    cr_assert_eq(h->clock_epoch, 2);
    cr_assert_eq(h->clock_id, CLOCK_ID_SIM);
    cr_assert_eq(h->expected_period_ns, 100 * NS_PER_MS);
    cr_assert_eq(h->valid_until_ns, NS_PER_S + NS_PER_S / 2);
    cr_assert_eq(h->state_time_ns, TIME_UNKNOWN);
    cr_assert_eq(h->t_infer_begin_ns, TIME_UNKNOWN, "it was given no clock");
    cr_assert_eq(h->run_uuid[0], 7);
    cr_assert_str_eq(h->camera, "front");
    cr_assert_str_eq(h->config_id, "cfg-1");
    cr_assert_eq(memcmp(h, &answer.lanes.header, sizeof *h), 0);
    pipeline_close(p);
}

Test(pipeline, undecodable)
{
    struct frame f = frame(1, 0, 0);

    f.header.encoding = ENCODING_JPEG;
    open_pipeline((struct perception_config){0});
    pipeline_run(p, &f, &answer);
    cr_assert(answer.undecodable);
    cr_assert(*answer.why.text);
    cr_assert(has(&answer.objects.header, REASON_UNDECODABLE));
    cr_assert(has(&answer.lanes.header, REASON_NO_FRAMES));
    f = frame(2, 100 * NS_PER_MS, 0);
    pipeline_run(p, &f, &answer);
    cr_assert_not(answer.undecodable);
    cr_assert_not(*answer.why.text);
    pipeline_close(p);
}

Test(pipeline, epochs_are_told_once)
{
    struct frame f = frame(1, NS_PER_S, 0);

    open_pipeline((struct perception_config){0});
    pipeline_run(p, &f, &answer);
    cr_assert_not(has(&answer.objects.header, REASON_CLOCK_JUMP));
    f = frame(2, 0, 1);
    pipeline_run(p, &f, &answer);
    cr_assert(has(&answer.objects.header, REASON_CLOCK_JUMP));
    f = frame(3, NS_PER_S, 1);
    pipeline_run(p, &f, &answer);
    cr_assert_not(has(&answer.objects.header, REASON_CLOCK_JUMP));
    f.arrival = ARRIVAL_DUPLICATE;
    pipeline_run(p, &f, &answer);
    cr_assert(has(&answer.objects.header, REASON_DUPLICATE));
    pipeline_close(p);
}

Test(pipeline, calibration_has_an_id_of_its_numbers)
{
    struct camera c = {.width = 640,
                       .height = 480,
                       .model = CAMERA_PINHOLE,
                       .fx = 500,
                       .fy = 500,
                       .cx = 320,
                       .cy = 240,
                       .z_m = 1.5f};
    char first[MESSAGE_MAX_NAME], second[MESSAGE_MAX_NAME];
    struct frame f = frame(1, 0, 0);
    struct why why;

    calibration_id(&(struct camera){0}, first);
    cr_assert_str_eq(first, "");
    calibration_id(&c, first);
    c.distortion[7] = 1e-6f;
    calibration_id(&c, second);
    cr_assert_str_neq(first, second);
    open_pipeline((struct perception_config){0});
    cr_assert_eq(pipeline_calibrate(p, &c, &why), OK);
    pipeline_run(p, &f, &answer);
    cr_assert_str_eq(answer.lanes.header.calibration_id, second);
    pipeline_close(p);
}

Test(pipeline, ego_of_the_same_time_only)
{
    struct frame_header h = {.t_sof_ns = NS_PER_S, .clock_id = CLOCK_ID_SIM, .clock_epoch = 1};
    struct ego e = {.t_ns = NS_PER_S - 400 * NS_PER_MS,
                    .clock_id = CLOCK_ID_SIM,
                    .clock_epoch = 1,
                    .speed_mps = 8,
                    .yaw_rate_radps = 0.1f};

    cr_assert_eq(pipeline_ego(&e, &h).speed_mps, 8);
    cr_assert(isnan(pipeline_ego(NULL, &h).speed_mps));
    e.t_ns = NS_PER_S - 600 * NS_PER_MS;
    cr_assert(isnan(pipeline_ego(&e, &h).speed_mps));
    e.t_ns = NS_PER_S + 600 * NS_PER_MS;
    cr_assert(isnan(pipeline_ego(&e, &h).yaw_rate_radps));
    e.t_ns = NS_PER_S;
    e.clock_epoch = 0;
    cr_assert(isnan(pipeline_ego(&e, &h).speed_mps));
    e.clock_epoch = 1;
    e.clock_id = CLOCK_ID_UTC;
    cr_assert(isnan(pipeline_ego(&e, &h).speed_mps));
}

Test(pipeline, models_that_are_not_there)
{
    struct pipeline_config cfg = {.camera = "front", .config_id = ""};
    struct why why;

    cfg.perception.n_networks = 1;
    cfg.perception.network[0].model = "/none.onnx";
    cr_assert_neq(pipeline_open(&cfg, &p, &why), OK);
    cr_assert_null(p);
    cr_assert(strstr(why.text, "/none.onnx"), "%s", why.text);
}

/* ---- with a network ------------------------------------------------------------------------ */

/* Calls of the allocator, counted in front of it. The sanitizers have allocators of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static _Atomic long allocations;
#else
static _Atomic long allocations;
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *q, size_t n);

void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}

void *realloc(void *q, size_t n)
{
    allocations++;
    return __libc_realloc(q, n);
}
#endif

Test(pipeline, a_steady_stream_allocates_nothing, .timeout = 120)
{
    struct perception_config perception = {.n_networks = 1, .tracker = TRACKER_KALMAN};
    struct image rgb;
    long before;

    need_shared();
    perception.network[0] =
        (struct head_config){.model = shared_path("models/fastestdet/model.onnx"),
                             .score_min = NAN,
                             .nms_iou = NAN,
                             .cpu_mask = ~0u};
    open_pipeline(perception);
    cr_assert(*pipeline_model_id(p));
    cr_assert_eq(pipeline_gives(p), HEAD_OBJECTS);
    rgb = jpeg_read(shared_path("models/frame.jpg"));
    before = 0;
    for (uint64_t i = 0; i < 20; i++) {
        struct frame f = frame(i, (int64_t)i * 100 * NS_PER_MS, i / 15);

        f.header.width = rgb.width;
        f.header.height = rgb.height;
        f.header.stride_bytes = rgb.stride_bytes;
        f.pixels = (struct bytes){rgb.data, (size_t)rgb.stride_bytes * (size_t)rgb.height};
        for (int k = 0; k < 500; k++) /* or it would be frozen */
            rgb.data[(i * 1000003u + (unsigned)k * 7919u) % f.pixels.size] ^= 0x55;
        pipeline_run(p, &f, &answer);
        cr_assert_eq(answer.objects.header.qualifier, QUALIFIER_AVAILABLE_REDUCED);
        cr_assert(has(&answer.objects.header, REASON_UNCALIBRATED));
        if (i == 4)
            before = allocations;
    }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    cr_assert_gt(before, 0, "opening does");
#endif
    cr_assert_eq(allocations, before);
    cr_assert_gt(answer.objects.n_objects, 0);
    free(rgb.data);
    pipeline_close(p);
}
