#include "proto/message.h"

#include <stdio.h>

#include "proto/frame.pb-c.h"

_Static_assert((int)ENCODING_UNKNOWN == OUTRIDER__ENCODING__ENCODING_UNKNOWN, "");
_Static_assert((int)ENCODING_RGB8 == OUTRIDER__ENCODING__RGB8, "");
_Static_assert((int)ENCODING_BGR8 == OUTRIDER__ENCODING__BGR8, "");
_Static_assert((int)ENCODING_BGRA8 == OUTRIDER__ENCODING__BGRA8, "");
_Static_assert((int)ENCODING_MONO8 == OUTRIDER__ENCODING__MONO8, "");
_Static_assert((int)ENCODING_NV12 == OUTRIDER__ENCODING__NV12, "");
_Static_assert((int)ENCODING_YUYV == OUTRIDER__ENCODING__YUYV, "");
_Static_assert((int)ENCODING_PNG == OUTRIDER__ENCODING__PNG, "");
_Static_assert((int)ENCODING_JPEG == OUTRIDER__ENCODING__JPEG, "");

const char *encoding_name(enum encoding e)
{
    static const char *const name[ENCODING_COUNT] = {
        [ENCODING_UNKNOWN] = "?",   [ENCODING_RGB8] = "RGB8",   [ENCODING_BGR8] = "BGR8",
        [ENCODING_BGRA8] = "BGRA8", [ENCODING_MONO8] = "MONO8", [ENCODING_NV12] = "NV12",
        [ENCODING_YUYV] = "YUYV",   [ENCODING_PNG] = "PNG",     [ENCODING_JPEG] = "JPEG",
    };

    return (unsigned)e < ENCODING_COUNT ? name[e] : "?";
}

size_t encoding_row_bytes(enum encoding e, int width)
{
    static const uint8_t bytes_per_pixel[ENCODING_COUNT] = {
        [ENCODING_RGB8] = 3,  [ENCODING_BGR8] = 3, [ENCODING_BGRA8] = 4,
        [ENCODING_MONO8] = 1, [ENCODING_NV12] = 1, [ENCODING_YUYV] = 2,
    };

    return (unsigned)e < ENCODING_COUNT && width > 0 ? (size_t)width * bytes_per_pixel[e] : 0;
}

void header_clear(struct header *h)
{
    *h = (struct header){
        .t_sof_ns = TIME_UNKNOWN,
        .t_eof_ns = TIME_UNKNOWN,
        .t_recv_ns = TIME_UNKNOWN,
        .t_infer_begin_ns = TIME_UNKNOWN,
        .t_infer_end_ns = TIME_UNKNOWN,
        .t_publish_ns = TIME_UNKNOWN,
        .state_time_ns = TIME_UNKNOWN,
        .expected_period_ns = TIME_UNKNOWN,
        .valid_until_ns = TIME_UNKNOWN,
        .coverage = {NAN, NAN, NAN},
        .ego = ego_unknown(),
    };
}

const char *qualifier_name(enum qualifier q)
{
    static const char *const name[] = {"NOT_AVAILABLE", "AVAILABLE", "AVAILABLE_REDUCED", "BLIND"};

    return name[q];
}

void reasons_text(uint32_t reasons, char out[REASONS_TEXT])
{
    static const char *const name[REASON_COUNT] = {
        [REASON_NO_FRAMES] = "NO_FRAMES", [REASON_FROZEN] = "FROZEN",
        [REASON_DUPLICATE] = "DUPLICATE", [REASON_DARK] = "DARK",
        [REASON_GLARE] = "GLARE",         [REASON_BLUR] = "BLUR",
        [REASON_BLOCKED] = "BLOCKED",     [REASON_UNCALIBRATED] = "UNCALIBRATED",
        [REASON_OVERLOAD] = "OVERLOAD",   [REASON_CLOCK_JUMP] = "CLOCK_JUMP",
        [REASON_WARMUP] = "WARMUP",       [REASON_MODEL_FAULT] = "MODEL_FAULT",
        [REASON_CONFIG] = "CONFIG",       [REASON_UNDECODABLE] = "UNDECODABLE",
    };
    size_t n = 0;

    snprintf(out, REASONS_TEXT, "none");
    for (int i = 0; i < REASON_COUNT; i++)
        if ((reasons & 1u << i) && name[i])
            n += (size_t)snprintf(out + n, REASONS_TEXT - n, "%s%s", n ? "," : "", name[i]);
}
