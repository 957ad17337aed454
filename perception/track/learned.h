/* The tracker's two networks on the engine: attention before the assignment, memory after it. Rows
 * are the tracker's slots; an empty slot's row is computed too, so that the cost is the same for any
 * traffic. One thread at a time; no allocation after opening. */
#ifndef OUTRIDER_TRACK_LEARNED_H
#define OUTRIDER_TRACK_LEARNED_H

#include "perception/base/err.h"
#include "perception/track/answers.h"

struct asked { /* by slot */
    float track[ASKED_TRACKS][TRACK_FEATURES];
    float pair[ASKED_TRACKS][ASKED_CANDIDATES][PAIR_FEATURES];
    int candidate[ASKED_TRACKS][ASKED_CANDIDATES]; /* detection; -1: none */
};

struct weights { /* two ONNX files in memory, borrowed while opening */
    const void *memory, *attention;
    size_t memory_bytes, attention_bytes;
};
/* Those of perception/models, which are part of the program. */
struct weights weights_built_in(bool lstm);

struct learned;

/* What net_open_memory() refuses, and ERR_MISMATCH: a network of another shape. */
MUST_CHECK enum err learned_open(const struct weights *w, unsigned cpu_mask, struct learned **out,
                                 struct why *why);
void learned_close(struct learned *l);            /* NULL is fine */
void learned_forget(struct learned *l, int slot); /* its memory starts anew */

/* Per slot and candidate how probable it is that this detection is the track, and last that none is:
 * logits of a softmax (ASKED_TRACKS, ASKED_CANDIDATES + 1), valid until the next call; where there is
 * no candidate they say nothing. */
const float (*learned_attend(struct learned *l, const struct asked *a))[ASKED_CANDIDATES + 1];
/* One step of the memories: (ASKED_TRACKS, ANSWERS), valid until the next call. */
const float (*learned_remember(struct learned *l, const struct asked *a))[ANSWERS];

#endif
