/* What the user asks for: a YAML file, --set on top, checked against one table. */
#ifndef OUTRIDER_DAEMON_CONFIG_H
#define OUTRIDER_DAEMON_CONFIG_H

#include <stdio.h>

#include "daemon/log.h"
#include "perception/perception.h"
#include "proto/message.h"

enum {
    CONFIG_MAX_ENDPOINTS = 8,
    CONFIG_MAX_TEXT = 256,  /* bytes of an endpoint, with its end */
    CONFIG_MAX_PATH = 1024, /* bytes of a path */
};

struct endpoint {
    char text[CONFIG_MAX_TEXT];
};

struct bus_config {
    unsigned n_bind, n_connect;
    struct endpoint bind[CONFIG_MAX_ENDPOINTS], connect[CONFIG_MAX_ENDPOINTS];
};

struct network_config {
    char model[CONFIG_MAX_PATH]; /* joined to the folder of the file */
    char decoder[32];            /* "": found out from the model */
    float score_min, nms_iou;    /* NAN: the decoder's own */
};

struct calibration_config {
    struct camera camera; /* width 0: none */
    unsigned n_distortion;
};

struct camera_config {
    char name[MESSAGE_MAX_NAME];
    float rate_hz;
    struct calibration_config calibration;
    unsigned n_networks; /* 0: the common ones */
    struct network_config network[PERCEPTION_MAX_NETWORKS];
};

struct config {
    enum mode mode;
    char vehicle[MESSAGE_MAX_NAME];
    struct bus_config in, out;
    float status_hz;
    enum log_level log;
    int threads; /* for each camera; 0: its share of the cores */
    char cpu[MESSAGE_MAX_NAME];
    enum tracker_kind tracker;
    enum ego_choice ego;
    unsigned n_networks, n_cameras;
    struct network_config network[PERCEPTION_MAX_NETWORKS];
    struct camera_config camera[MESSAGE_MAX_CAMERAS];

    /* not in the file */
    unsigned cpu_mask;         /* what cpu says */
    char id[MESSAGE_MAX_NAME]; /* "cfg-" and a hash of text */
    char *text;                /* YAML: every key, defaults filled in */
};

/* Read the file, put sets ("cameras.0.rate_hz=20") on top, fill in defaults, check. On OK the
 * caller owns *out and ends it with config_close(); otherwise it is NULL and why says
 * "file.yaml:12: cameras[0].rate_hz: 5000 is above 1000". */
MUST_CHECK enum err config_load(const char *path, const char *const *sets, int n_sets,
                                struct config **out, struct why *why);
/* The same from memory; name and folder are those of the file. */
MUST_CHECK enum err config_parse(const char *text, size_t size, const char *name,
                                 const char *folder, const char *const *sets, int n_sets,
                                 struct config **out, struct why *why);
void config_close(struct config *c); /* NULL is fine */

void config_help(FILE *f); /* every key with its default, range and meaning */

int config_threads(const struct config *c); /* for each camera's pool */

/* What the networks and the tracker of camera i need; borrows from c and pool. */
struct perception_config config_perception(const struct config *c, int i, struct pool *pool);

#endif
