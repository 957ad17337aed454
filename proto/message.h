/* The messages of the bus as plain C structs: what wire.c turns into bytes and back.
 * Field for field as in the *.proto files, which say what each number means. Unknown floats are
 * NAN, unknown times TIME_UNKNOWN, unknown texts empty. */
#ifndef OUTRIDER_PROTO_MESSAGE_H
#define OUTRIDER_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perception/geometry/camera.h"
#include "perception/geometry/mount_state.h"
#include "perception/scene.h"

enum {
    SCHEMA_MAJOR = 1,
    SCHEMA_MINOR = 0,
    MESSAGE_MAX_NAME = 64, /* bytes of a camera or vehicle name with its end, [A-Za-z0-9_.-]+ */
    MESSAGE_MAX_CAMERAS = 16,
    MESSAGE_MAX_TEXT = 256,
    FRAME_MAX_HEADER_BYTES = 4096,
    FRAME_MAX_PIXEL_BYTES = 64 << 20,
};

#define TIME_UNKNOWN INT64_MIN

enum clock_id { CLOCK_ID_UNKNOWN, CLOCK_ID_MONOTONIC, CLOCK_ID_TAI, CLOCK_ID_UTC, CLOCK_ID_SIM };

enum encoding {
    ENCODING_UNKNOWN,
    ENCODING_RGB8,
    ENCODING_BGR8,
    ENCODING_BGRA8,
    ENCODING_MONO8,
    ENCODING_NV12,
    ENCODING_YUYV,
    ENCODING_PNG,
    ENCODING_JPEG,
    ENCODING_COUNT
};
const char *encoding_name(enum encoding e); /* "RGB8", "JPEG", ... */
/* Bytes of a row without padding; of the Y plane for NV12; 0 for PNG and JPEG. */
size_t encoding_row_bytes(enum encoding e, int width);

struct frame_header {
    uint32_t schema_major, schema_minor;
    uint64_t frame_id;
    int64_t t_sof_ns, t_eof_ns; /* t_eof may be TIME_UNKNOWN */
    enum clock_id clock_id;
    uint32_t clock_epoch;
    enum encoding encoding;
    int width, height; /* px; 0: not given (PNG and JPEG only) */
    int stride_bytes;  /* filled in by the parser for raw encodings when absent */
    bool last;
};

struct ego {
    int64_t t_ns;
    enum clock_id clock_id;
    uint32_t clock_epoch;
    float speed_mps, speed_sigma_mps, yaw_rate_radps, yaw_rate_sigma_radps;
    float acceleration_mps2, steering_angle_rad;
};

#define CONTROL_MAX_VALID_NS INT64_C(2000000000)

struct control { /* what a planner wants the vehicle to do */
    int64_t t_ns, valid_until_ns;
    enum clock_id clock_id;
    uint32_t clock_epoch;
    bool has_frame; /* frame_id: the frame that it answers */
    uint64_t frame_id;
    float acceleration_mps2, steering_angle_rad; /* never NAN in what was read */
    char reason[MESSAGE_MAX_TEXT];               /* why it brakes; empty: it does not */
};

/* causes; the order of message Drops */
enum drop {
    DROP_OVERWRITTEN,
    DROP_MALFORMED,
    DROP_UNDECODABLE,
    DROP_DUPLICATE,
    DROP_OUT_OF_ORDER,
    DROP_UNKNOWN_CAMERA,
    DROP_COUNT
};

struct drops {
    uint64_t count[DROP_COUNT];
};

struct header {
    uint8_t run_uuid[16];
    char model_id[MESSAGE_MAX_TEXT], config_id[MESSAGE_MAX_NAME], calibration_id[MESSAGE_MAX_NAME];
    uint64_t seq;
    char camera[MESSAGE_MAX_NAME];
    bool has_frame; /* frame_id, t_sof and t_eof are those of a frame */
    uint64_t frame_id;
    int64_t t_sof_ns, t_eof_ns, t_recv_ns, t_infer_begin_ns, t_infer_end_ns, t_publish_ns;
    enum clock_id clock_id;
    uint32_t clock_epoch;
    int64_t state_time_ns, expected_period_ns, valid_until_ns;
    enum qualifier qualifier;
    uint32_t reasons; /* bits 1u << REASON_... */
    uint32_t degrade_level;
    struct drops drops;
    struct coverage coverage;
    struct ego_motion ego;
};
void header_clear(struct header *h); /* NOT_AVAILABLE, every time and number unknown, texts empty */

enum { REASONS_TEXT = 160 };
const char *qualifier_name(enum qualifier q);                /* "AVAILABLE_REDUCED" */
void reasons_text(uint32_t reasons, char out[REASONS_TEXT]); /* "DARK,BLUR"; "none" */

struct objects_message {
    struct header header;
    int n_objects;
    struct object object[SCENE_MAX_OBJECTS];
};

struct lanes_message {
    struct header header;
    int n_lanes;
    struct lane_boundary lane[SCENE_MAX_LANES];
    struct ego_lane ego_lane;
    struct road road;
};

enum calibration_source { CALIBRATION_NONE, CALIBRATION_CONFIG, CALIBRATION_MESSAGE };

struct calibration_message {
    bool has_header; /* out only */
    struct header header;
    struct camera camera;
    enum calibration_source source;
    struct mount_state mount; /* out only */
};

enum daemon_state { STATE_UNKNOWN, STATE_STARTING, STATE_RUNNING, STATE_STOPPING };
enum mode { MODE_UNKNOWN, MODE_LIVE, MODE_LOCKSTEP };

struct camera_status {
    char camera[MESSAGE_MAX_NAME];
    enum qualifier qualifier;
    uint32_t reasons;
    uint64_t frames_received, frames_answered;
    struct drops drops;
    float frame_rate_hz, latency_p50_ms, latency_p99_ms, decode_ms, infer_ms;
    char last_error[MESSAGE_MAX_TEXT];
};

struct status_message {
    uint8_t run_uuid[16];
    uint64_t seq;
    int64_t t_publish_ns;
    enum daemon_state state;
    enum mode mode;
    char version[MESSAGE_MAX_NAME], model_id[MESSAGE_MAX_TEXT], config_id[MESSAGE_MAX_NAME];
    char cpu_level[MESSAGE_MAX_NAME];
    int64_t uptime_ns;
    uint64_t messages_malformed, messages_unknown_topic;
    int n_cameras;
    struct camera_status camera[MESSAGE_MAX_CAMERAS];
};

#endif
