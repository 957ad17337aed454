/* Real programs, real sockets: start an outriderd of one's own, send frames, read what it says.
 *
 * Every wait is bounded; the programs die with the test that started them. Endpoints are ipc:// in
 * a folder of the test's own, so tests do not meet each other. */
#ifndef OUTRIDER_TESTS_E2E_HARNESS_H
#define OUTRIDER_TESTS_E2E_HARNESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/wire.h"

/* Long enough for a busy machine: for a message, for a program's end. Only failing tests wait for it. */
enum { WAIT_MS = 20000, END_MS = 60000 };

struct rig {
    char folder[64];
    char in[96], out[96]; /* endpoints */
    pid_t daemon;         /* 0: not running */
    void *zmq, *pub, *sub;
    struct wire *wire;

    /* the message that rig_take() returned */
    enum topic topic;
    char name[MESSAGE_MAX_NAME];
    struct objects_message objects;
    struct lanes_message lanes;
    struct calibration_message calibration;
    struct status_message status;
};

/* yaml: the configuration without `bus`. Returns once daemon and test hear each other. */
void rig_start(struct rig *r, const char *yaml);
void rig_finish(struct rig *r);

/* The parts of rig_start(), for tests of starting itself. */
void rig_init(struct rig *r, const char *yaml);
void rig_spawn(struct rig *r);
void rig_meet(struct rig *r); /* wait until the daemon subscribes to us and speaks to us */

/* End the daemon with a signal; returns its exit status, 128 + the signal it died of. */
int rig_stop(struct rig *r, int signal);

/* The next message of any topic, unpacked into the rig. False: none in time. */
bool rig_take(struct rig *r, int at_most_ms);

/* Take until this topic of this camera (NULL: any) and, if given, want says yes; fails the test if
 * that does not come in time. */
const struct objects_message *rig_objects(struct rig *r, const char *camera,
                                          bool (*want)(const struct objects_message *));
const struct status_message *rig_status(struct rig *r, bool (*want)(const struct status_message *));

/* The answer to one frame: objects, then lanes, into the rig. */
const struct objects_message *rig_answer(struct rig *r, const char *camera, uint64_t frame_id);

struct frame_header rig_header(uint64_t frame_id, int64_t t_ns); /* RGB8, 64 x 48, SIM clock */
void rig_send(struct rig *r, const char *camera, const struct frame_header *h, const void *pixels,
              size_t size);
/* A picture of rig_header()'s kind, different for every frame_id. */
void rig_send_frame(struct rig *r, const char *camera, uint64_t frame_id, int64_t t_ns);
void rig_send_parts(struct rig *r, int n, const void *const *part, const size_t *size);

/* Run a program of the build to its end, at most END_MS; returns its exit status and what it wrote
 * on stdout and stderr together (at most size - 1 bytes). */
int program_run(const char *const *argv, char *output, size_t size);

/* The same beside the test. argv[0] may be a path from the root; output is a file's. */
pid_t program_start(const char *const *argv, const char *output);
int program_wait(pid_t pid); /* -1: did not end within END_MS and was killed */

bool has_reason(const struct header *h, enum reason r);

#endif
