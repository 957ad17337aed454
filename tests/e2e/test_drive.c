/* A real drive through a real daemon with a real network. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "tests/e2e/harness.h"
#include "tests/models.h"

enum { FRAMES = 8 };

static struct rig r;
static struct bytes jpeg[FRAMES]; /* of the KITTI sequence */

static void read_drive(void)
{
    for (int i = 0; i < FRAMES; i++) {
        const char *path = shared_path("data/kitti_sequence/images/%010d.jpg", i);
        FILE *f = fopen(path, "rb");
        uint8_t *bytes = malloc(1 << 20);

        cr_assert(f && bytes, "%s", path);
        jpeg[i] = (struct bytes){bytes, fread(bytes, 1, 1 << 20, f)};
        fclose(f);
    }
}

/* A camera of KITTI's at 1 Hz (the machine may be slow, nothing here is about speed) and a model.
 */
static void start(const char *model, const char *more)
{
    static char yaml[2048];

    need_shared();
    if (!jpeg[0].data)
        read_drive();
    snprintf(yaml, sizeof yaml,
             "%s\n"
             "networks: [{model: %s}]\n"
             "cameras:\n"
             "  - name: front\n"
             "    rate_hz: 1\n"
             "    calibration: {width: 1242, height: 375, fx: 721.54, fy: 721.54, cx: 609.56,\n"
             "                  cy: 172.85, x_m: 1.03, z_m: 1.65}\n",
             more, realpath(shared_path("models/%s/model.onnx", model), (char[4096]){0}));
    rig_start(&r, yaml);
}

static void send(uint64_t frame_id)
{
    struct frame_header h = rig_header(frame_id, (int64_t)frame_id * NS_PER_S / 10);
    struct bytes b = jpeg[frame_id % FRAMES];

    h.encoding = ENCODING_JPEG;
    h.width = h.height = h.stride_bytes = 0;
    rig_send(&r, "front", &h, b.data, b.size);
}

static const struct header *answer(uint64_t frame_id)
{
    send(frame_id);
    return &rig_answer(&r, "front", frame_id)->header;
}

static bool is_no_frames(const struct objects_message *m)
{
    return has_reason(&m->header, REASON_NO_FRAMES);
}

static bool is_running(const struct status_message *s)
{
    return s->state == STATE_RUNNING;
}

TestSuite(drive, .timeout = 240);

Test(drive, objects_in_metres)
{
    const struct objects_message *m = &r.objects;

    start("fastestdet", "mode: lockstep");
    for (uint64_t i = 0; i < FRAMES; i++)
        answer(i);
    cr_assert_eq(m->header.qualifier, QUALIFIER_AVAILABLE);
    cr_assert_eq(m->header.reasons, 0);
    cr_assert(*m->header.model_id);
    cr_assert_eq(m->header.state_time_ns, m->header.t_sof_ns);
    cr_assert_gt(m->header.valid_until_ns, m->header.state_time_ns);
    cr_assert_gt(m->n_objects, 0);
    for (int i = 0; i < m->n_objects; i++) {
        cr_assert_gt(m->object[i].id, 0);
        cr_assert(!(m->object[i].x_m < 0), "in front of us, or not known");
    }
    cr_assert_eq(r.lanes.header.qualifier, QUALIFIER_NOT_AVAILABLE); /* nobody looks for them */
    cr_assert(has_reason(&r.lanes.header, REASON_CONFIG));
    rig_finish(&r);
}

Test(drive, stops_and_returns)
{
    start("fastestdet", "");
    rig_status(&r, is_running);
    for (uint64_t i = 0; i < 4; i++)
        answer(i);
    cr_assert_eq(r.objects.header.qualifier, QUALIFIER_AVAILABLE);
    rig_objects(&r, "front", is_no_frames);
    cr_assert_eq(r.objects.header.qualifier, QUALIFIER_NOT_AVAILABLE);
    cr_assert_eq(r.objects.n_objects, 0);
    cr_assert_eq(r.objects.header.state_time_ns, TIME_UNKNOWN);
    for (uint64_t i = 0; i < 3; i++) /* five seconds later, or so it says */
        answer(50 + i);
    cr_assert_eq(r.objects.header.qualifier, QUALIFIER_AVAILABLE);
    rig_finish(&r);
}

static size_t lockstep_bytes(uint8_t *out, size_t size)
{
    size_t used = 0;

    for (uint64_t i = 0; i < 2 * FRAMES; i++) {
        struct bytes b;

        if (i == FRAMES) { /* the drive loops: time goes back, and nobody says so */
            struct frame_header h = rig_header(i, 0);

            h.encoding = ENCODING_JPEG;
            rig_send(&r, "front", &h, jpeg[0].data, 100); /* cut off, as well */
            rig_answer(&r, "front", i);
        } else {
            answer(i);
        }
        memset(r.objects.header.run_uuid, 0, 16);
        r.objects.header.t_recv_ns = r.objects.header.t_publish_ns = TIME_UNKNOWN;
        r.objects.header.t_infer_begin_ns = r.objects.header.t_infer_end_ns = TIME_UNKNOWN;
        b = wire_objects_pack(r.wire, &r.objects);
        cr_assert_leq(used + b.size, size);
        memcpy(out + used, b.data, b.size);
        used += b.size;
    }
    return used;
}

Test(drive, twice_alike_in_lockstep)
{
    static uint8_t first[1 << 20], second[1 << 20];
    size_t n_first, n_second;

    start("fastestdet", "mode: lockstep");
    n_first = lockstep_bytes(first, sizeof first);
    cr_assert_eq(rig_stop(&r, SIGTERM), 0);
    rig_spawn(&r);
    rig_meet(&r);
    n_second = lockstep_bytes(second, sizeof second);
    cr_assert_eq(n_first, n_second);
    cr_assert_arr_eq(first, second, n_first);
    rig_finish(&r);
}

Test(drive, a_jump_resets_and_warms_up)
{
    start("fastestdet", "mode: lockstep");
    for (uint64_t i = 20; i < 24; i++)
        answer(i);
    cr_assert_eq(r.objects.header.qualifier, QUALIFIER_AVAILABLE);
    struct frame_header h = rig_header(24, 0);
    h.encoding = ENCODING_JPEG;
    h.width = h.height = h.stride_bytes = 0;
    rig_send(&r, "front", &h, jpeg[0].data, jpeg[0].size);
    rig_answer(&r, "front", 24);
    cr_assert_eq(r.objects.header.qualifier, QUALIFIER_AVAILABLE_REDUCED);
    cr_assert(has_reason(&r.objects.header, REASON_CLOCK_JUMP));
    cr_assert(has_reason(&r.objects.header, REASON_WARMUP));
    cr_assert_eq(r.objects.header.clock_epoch, 1);
    rig_finish(&r);
}

Test(drive, frozen_and_dark_pictures)
{
    static uint8_t black[375][1242][3];
    struct frame_header h = rig_header(1, 0);
    bool frozen = false;

    start("fastestdet", "mode: lockstep");
    h.width = 1242;
    h.height = 375;
    h.stride_bytes = 3 * 1242;
    rig_send(&r, "front", &h, black, sizeof black);
    rig_answer(&r, "front", 1);
    cr_assert(has_reason(&r.objects.header, REASON_DARK));
    cr_assert_eq(r.objects.header.qualifier, QUALIFIER_BLIND);
    for (uint64_t i = 2; i < 60 && !frozen; i++) {
        struct frame_header same = rig_header(i, (int64_t)i * NS_PER_S / 10);

        same.encoding = ENCODING_JPEG;
        same.width = same.height = same.stride_bytes = 0;
        rig_send(&r, "front", &same, jpeg[0].data, jpeg[0].size);
        rig_answer(&r, "front", i);
        frozen = has_reason(&r.objects.header, REASON_FROZEN);
    }
    cr_assert(frozen);
    cr_assert_eq(r.objects.header.qualifier, QUALIFIER_NOT_AVAILABLE);
    cr_assert_eq(r.objects.n_objects, 0);
    rig_finish(&r);
}

Test(drive, a_picture_of_another_shape_is_refused)
{
    start("fastestdet", "mode: lockstep");
    rig_send_frame(&r, "front", 1, NS_PER_S); /* 4:3 */
    rig_answer(&r, "front", 1);
    cr_assert_eq(r.objects.header.qualifier, QUALIFIER_NOT_AVAILABLE);
    cr_assert(has_reason(&r.objects.header, REASON_CONFIG));
    rig_finish(&r);
}

Test(drive, the_newest_frame_wins)
{
    uint64_t lost = 0, seq;
    bool overload = false;

    start("twinlitenet", "");
    rig_status(&r, is_running);
    rig_objects(&r, "front", NULL);
    seq = r.objects.header.seq;
    for (uint64_t i = 1; i <= 100; i++) {
        send(i);
        usleep(2000);
    }
    do {
        rig_objects(&r, "front", NULL);
        cr_assert_eq(r.objects.header.seq, ++seq);
        lost += r.objects.header.drops.count[DROP_OVERWRITTEN];
        overload |= has_reason(&r.objects.header, REASON_OVERLOAD);
    } while (!r.objects.header.has_frame || r.objects.header.frame_id != 100);
    cr_assert_gt(lost, 0);
    cr_assert(overload);
    rig_finish(&r);
}

Test(drive, sigterm_does_not_wait_for_an_inference)
{
    int64_t begin_ns;

    start("twinlitenet", "cpu: c");
    rig_status(&r, is_running);
    send(1);
    usleep(50000);
    begin_ns = clock_now_ns();
    cr_assert_eq(rig_stop(&r, SIGTERM), 0);
    cr_assert_lt(clock_now_ns() - begin_ns, 2 * NS_PER_S);
    rig_finish(&r);
}
