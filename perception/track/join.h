/* What a network calls two things at one place is one thing. Its classes exclude each other, so where it wavers between
 * a person and a cyclist neither score says how sure it is that somebody is there: their sum does. */
#ifndef OUTRIDER_TRACK_JOIN_H
#define OUTRIDER_TRACK_JOIN_H

#include "perception/heads/head.h"

/* Detections of different classes of people and riders that overlap by more than 0.6 become one: box and class of the
 * better one, the sum of their scores, and what of it speaks for the other class (struct detection).
 * from (n), best first; out has room for n and may not be from. Returns how many there are then, best
 * first by the scores that they had. */
int detections_join(const struct detection *from, int n, struct detection *out);

#endif
