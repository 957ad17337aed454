/* What goes wrong between a camera and its reader, on purpose: `outrider sim --fault SPEC`.
 *
 *     loss=P  duplicate=P  reorder=P  corrupt=P      each frame with this probability
 *     stall=AT,FOR  freeze=AT,FOR  blocked=AT,FOR    seconds of the drive: no frames, the same
 *                                                    picture again, something over the lens
 *     clock=AT,STEP                                  the frames' clock jumps by so many seconds
 *     brightness=AT,FACTOR[,FOR]                     exposure times FACTOR
 *     calibration=PITCH,YAW                          degrees by which the stated mounting is wrong
 *
 * Everything is a function of the list, the seed and the frame: no state, and so the same in each
 * run. Several may be active at once. */
#ifndef OUTRIDER_SIM_FAULTS_H
#define OUTRIDER_SIM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "perception/geometry/camera.h"
#include "perception/image/image.h"

enum fault_kind {
    FAULT_LOSS,
    FAULT_DUPLICATE,
    FAULT_REORDER,
    FAULT_CORRUPT,
    FAULT_STALL,
    FAULT_FREEZE,
    FAULT_BLOCKED,
    FAULT_CLOCK,
    FAULT_BRIGHTNESS,
    FAULT_CALIBRATION,
    FAULT_KINDS
};
const char *fault_name(enum fault_kind k); /* "loss", ... */

struct fault {
    enum fault_kind kind;
    double p;               /* of those that have a probability; else 0 */
    double at_s, end_s;     /* when it is there: at_s <= t < end_s; end_s may be INFINITY */
    double amount, amount2; /* STEP s, FACTOR, PITCH and YAW rad; else 0 */
};

enum { FAULTS_MAX = 16 };

struct faults {
    int n;
    struct fault fault[FAULTS_MAX];
};

/* Add one SPEC. ERR_FORMAT or ERR_LIMIT: why names it and what there is. */
MUST_CHECK enum err faults_add(struct faults *f, const char *spec, struct why *why);

/* What happens to one frame on its way. */
struct fault_verdict {
    bool lost;       /* nobody gets it */
    bool frozen;     /* the pixels are those of the last frame that was not */
    bool twice;      /* it is sent once more */
    bool late;       /* it is sent after its successor */
    uint64_t damage; /* not 0: fault_damage() its bytes with it */
    int64_t shift_ns;
};
struct fault_verdict faults_frame(const struct faults *f, uint64_t seed, uint64_t frame,
                                  double t_s);

/* What the lens sees, in place: brightness and blocked. True: something was changed. */
bool faults_lens(const struct faults *f, double t_s, struct image *rgb);

/* The camera as it is stated to be, where the true one is c. */
struct camera faults_camera(const struct faults *f, const struct camera *c);

/* Bytes that were damaged on the way. Encoded ones (PNG, JPEG) no longer decode; raw ones keep
 * their size and turn into noise from some row on. Returns how many bytes are left. */
size_t fault_damage(uint64_t damage, bool encoded, uint8_t *bytes, size_t size);

#endif
