/* One filled-in struct of every message, for the tests of the wire and of what reads it. */
#ifndef OUTRIDER_TESTS_WIRE_SAMPLES_H
#define OUTRIDER_TESTS_WIRE_SAMPLES_H

#include "proto/message.h"

/* Every field set; lists with a few entries. */
void sample_header(struct header *h);
void sample_frame(struct frame_header *h); /* raw RGB8, 640 x 4 with padding */
void sample_ego(struct ego *e);
void sample_control(struct control *c);
void sample_calibration(struct calibration_message *c);
void sample_objects(struct objects_message *m, int n);
void sample_lanes(struct lanes_message *m, int n);
void sample_status(struct status_message *s, int n);

#endif
