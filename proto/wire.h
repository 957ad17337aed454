/* Structs <-> bytes, with every bound checked: the one place where bus bytes are parsed.
 *
 * A struct wire holds the working memory of one thread; nothing allocates after wire_open().
 *
 * *_pack writes the protobuf message into its own buffer and returns it (valid until the next call
 * on the same struct wire). It always stamps this build's schema version. What is not known is left
 * out: NAN and infinities, negative sigmas, TIME_UNKNOWN, empty texts, an empty box. Probabilities
 * are clamped to 0..1, so that nothing is ever packed that *_unpack would refuse. Lists longer than
 * the structs hold, and objects or boundaries with id 0, are mistakes of the caller: assert().
 *
 * *_unpack checks everything (lengths, ranges, finite numbers, enums, schema_major) before it
 * writes to *out, and names the field, the value and the limit in why. What is absent reads as
 * message.h says: NAN, TIME_UNKNOWN, empty; counts read 0. Enum values that only a newer minor
 * version knows read as unknown (a qualifier as NOT_AVAILABLE); class, type and colour candidates
 * and reasons of that kind are left out. Only the encoding and the clock of inputs, without which
 * they cannot be used, are refused.
 *   ERR_FORMAT    not such a message; a required field is absent; a value contradicts itself
 *   ERR_LIMIT     too many bytes or entries, or a number outside its range
 *   ERR_MISMATCH  another schema_major
 *   ERR_UNSUPPORTED  an encoding or clock that this build does not know */
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
struct bytes wire_control_pack(struct wire *w, const struct control *c);
struct bytes wire_calibration_pack(struct wire *w, const struct calibration_message *m);
struct bytes wire_objects_pack(struct wire *w, const struct objects_message *m);
struct bytes wire_lanes_pack(struct wire *w, const struct lanes_message *m);
struct bytes wire_status_pack(struct wire *w, const struct status_message *m);

/* frame_header also checks pixel_bytes (raw: exactly stride * height, the last row padded like the
 * others; NV12 1.5 times that) and the limits of message.h and image.h.
 * calibration checks its form; camera_check() judges whether such a camera can be. A picture width
 * of 0 (only in messages with a header) says that the camera is not calibrated. */
MUST_CHECK enum err wire_frame_header_unpack(struct wire *w, struct bytes b, size_t pixel_bytes,
                                             struct frame_header *out, struct why *why);
MUST_CHECK enum err wire_ego_unpack(struct wire *w, struct bytes b, struct ego *out,
                                    struct why *why);
MUST_CHECK enum err wire_control_unpack(struct wire *w, struct bytes b, struct control *out,
                                        struct why *why);
MUST_CHECK enum err wire_calibration_unpack(struct wire *w, struct bytes b,
                                            struct calibration_message *out, struct why *why);
MUST_CHECK enum err wire_objects_unpack(struct wire *w, struct bytes b, struct objects_message *out,
                                        struct why *why);
MUST_CHECK enum err wire_lanes_unpack(struct wire *w, struct bytes b, struct lanes_message *out,
                                      struct why *why);
MUST_CHECK enum err wire_status_unpack(struct wire *w, struct bytes b, struct status_message *out,
                                       struct why *why);

/* Topics: "frame/front" and its kin. */
enum topic {
    TOPIC_UNKNOWN,
    TOPIC_FRAME,
    TOPIC_EGO,
    TOPIC_CONTROL,
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

/* A simulator says what really is under the topics of the answers, with "truth/" before them:
 * "truth/objects/front" -> "objects/front". b itself where that is not how it begins. */
struct bytes topic_without_truth(struct bytes b);

#endif
