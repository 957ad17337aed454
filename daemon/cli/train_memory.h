/* The training of a network with a memory, on sequences that a simulator draws: options, batches,
 * progress, checkpoints. What the sequences are, and which network learns from them, is the pupil's. */
#ifndef OUTRIDER_DAEMON_CLI_TRAIN_MEMORY_H
#define OUTRIDER_DAEMON_CLI_TRAIN_MEMORY_H

#include "perception/train/train.h"

enum { MEMORY_ROWS = 64, MEMORY_STEPS = 16 /* of a batch: sequences, frames of each */ };

struct memory_options {
    const char *out; /* ends in .onnx */
    bool rnn, resume;
    int steps, seed, follow;
    double rate;
};
struct train_recipe memory_recipe(const struct memory_options *o);

struct memory_pupil {
    const char *command, *usage;
    const char *const *terms; /* names of the losses */
    struct memory_options usual;
    void *self; /* handed to: */
    enum err (*open)(void *self, const struct memory_options *o, struct why *why);
    void (*close)(void *self); /* also after a failed open */
    struct train *(*train)(void *self);
    /* Another sequence for that row; *n: of so many frames. */
    enum err (*next)(void *self, int row, int *n, struct why *why);
    /* Frame `at` of the row's sequence into a step of the batch; -1: nothing. */
    void (*put)(void *self, int row, int step, int at);
    enum err (*write)(void *self, const char *out, struct why *why);
    enum err (*follow)(void *self, struct why *why); /* sequences come from what it has learnt */
    uint64_t (*drives)(void *self);                  /* drawn so far */
    void (*skip)(void *self, uint64_t drives);
    enum err (*finish)(void *self, const char *out, struct why *why); /* after all; NULL: nothing */
};
/* A subcommand's main(). */
int train_memory(const struct memory_pupil *p, int argc, char **argv);

enum err memory_write_file(const char *path, const void *bytes, size_t n, struct why *why);

#endif
