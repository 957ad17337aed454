/* Structs <-> bytes, with every bound checked: the one place where bus bytes are parsed.
 *
 * A struct wire holds the working memory of one thread; nothing allocates after wire_open().
 * *_pack writes the protobuf message into its own buffer and returns it (valid until the next call
 * on the same struct wire). *_unpack checks everything (lengths, ranges, finite numbers, enums,
 * schema_major) before it writes to *out, and names the field, the value and the limit in why. */
#ifndef OUTRIDER_PROTO_WIRE_H
#define OUTRIDER_PROTO_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "proto/message.h"

struct wire;

struct bytes { /* borrowed */
    const uint8_t *data;
    size_t size;
};

MUST_CHECK enum err wire_open(struct wire **out);
void wire_close(struct wire *w); /* NULL is fine */

struct bytes wire_frame_header_pack(struct wire *w, const struct frame_header *h);
struct bytes wire_ego_pack(struct wire *w, const struct ego *e);
struct bytes wire_calibration_pack(struct wire *w, const struct calibration_message *m);
struct bytes wire_objects_pack(struct wire *w, const struct objects_message *m);
struct bytes wire_lanes_pack(struct wire *w, const struct lanes_message *m);
struct bytes wire_status_pack(struct wire *w, const struct status_message *m);

/* frame_header also checks that pixel_bytes is enough (raw: exactly stride * height, NV12 1.5 times
 * that) and within the limits of message.h and image.h. */
MUST_CHECK enum err wire_frame_header_unpack(struct wire *w, struct bytes b, size_t pixel_bytes,
                                             struct frame_header *out, struct why *why);
MUST_CHECK enum err wire_ego_unpack(struct wire *w, struct bytes b, struct ego *out,
                                    struct why *why);
MUST_CHECK enum err wire_calibration_unpack(struct wire *w, struct bytes b,
                                            struct calibration_message *out, struct why *why);
MUST_CHECK enum err wire_objects_unpack(struct wire *w, struct bytes b,
                                        struct objects_message *out, struct why *why);
MUST_CHECK enum err wire_lanes_unpack(struct wire *w, struct bytes b, struct lanes_message *out,
                                      struct why *why);
MUST_CHECK enum err wire_status_unpack(struct wire *w, struct bytes b, struct status_message *out,
                                       struct why *why);

/* Topics: "frame/front" and its kin. */
enum topic {
    TOPIC_UNKNOWN,
    TOPIC_FRAME,
    TOPIC_EGO,
    TOPIC_CALIBRATION,
    TOPIC_OBJECTS,
    TOPIC_LANES,
    TOPIC_STATUS, /* has no name behind it */
    TOPIC_COUNT
};
/* "objects/front" -> TOPIC_OBJECTS, "front". TOPIC_UNKNOWN if it is no topic of ours, too long or
 * has a name with other characters than [A-Za-z0-9_.-]. */
enum topic topic_parse(struct bytes b, char name[MESSAGE_MAX_NAME]);
/* The reverse; out is terminated. Returns its length. */
size_t topic_format(enum topic t, const char *name, char out[MESSAGE_MAX_NAME + 16]);

#endif
