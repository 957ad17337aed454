/* Nothing of the wire allocates after wire_open(), protobuf-c's part of it included: malloc and its
 * kin are replaced for the whole program here, and counted. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "proto/wire.h"
#include "tests/wire_samples.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REPLACED 0 /* the sanitizers bring their own */
#else
#define REPLACED 1
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
static atomic_int calls;

void *malloc(size_t size)
{
    calls++;
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    calls++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    calls++;
    return __libc_realloc(p, size);
}
#endif

Test(wire_noalloc, packing_and_unpacking)
{
#if REPLACED
    static struct objects_message objects;
    static struct lanes_message lanes;
    static struct status_message status;
    static struct calibration_message calibration;
    static uint8_t copy[64 << 10];
    struct frame_header frame;
    struct ego ego;
    struct control control;
    struct why why;
    struct wire *w;
    struct bytes b;
    int before;

    sample_objects(&objects, SCENE_MAX_OBJECTS);
    sample_lanes(&lanes, SCENE_MAX_LANES);
    sample_status(&status, MESSAGE_MAX_CAMERAS);
    sample_calibration(&calibration);
    sample_frame(&frame);
    sample_ego(&ego);
    sample_control(&control);
    before = calls;
    cr_assert_eq(wire_open(&w), OK);
    cr_expect_gt(calls, before, "the counter does not count");
    before = calls;
#define ROUND(name, m, ...)                                                                        \
    do {                                                                                           \
        b = wire_##name##_pack(w, &(m));                                                           \
        memcpy(copy, b.data, b.size);                                                              \
        b.data = copy;                                                                             \
        if (wire_##name##_unpack(w, b, __VA_ARGS__ & (m), &why) != OK)                             \
            cr_assert_fail("%s", why.text);                                                        \
        b.size--;                                                                                  \
        if (wire_##name##_unpack(w, b, __VA_ARGS__ & (m), &why) == OK)                             \
            cr_assert_fail("truncated, and not noticed");                                          \
    } while (0)
    for (int i = 0; i < 100; i++) {
        ROUND(objects, objects, );
        ROUND(lanes, lanes, );
        ROUND(status, status, );
        ROUND(calibration, calibration, );
        ROUND(ego, ego, );
        ROUND(control, control, );
        ROUND(frame_header, frame, 1984 * 4, );
    }
    cr_expect_eq(calls - before, 0, "%d calls", calls - before);
    wire_close(w);
#else
    cr_skip_test("a sanitizer replaces malloc itself");
#endif
}
