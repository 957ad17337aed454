/* A decoder without its network: tensors from the test or from the golden files. */
#ifndef OUTRIDER_TESTS_HEADS_H
#define OUTRIDER_TESTS_HEADS_H

#include "perception/heads/decoder.h"

/* Float tensors with memory of their own, zeroed; kept until the test ends. */
struct tensor *tensor_new(const char *name, int rank, const int64_t *dim);
#define TENSOR(name, ...)                                                                          \
    tensor_new(name, (int)(sizeof(int64_t[]){__VA_ARGS__} / sizeof(int64_t)),                      \
               (int64_t[]){__VA_ARGS__})

/* One input (1, 3, height, width), no outputs yet. */
struct head_io io_new(int height, int width);
void io_output(struct head_io *io, const struct tensor *t);

/* Opened with the decoder's own limits, a score_min >= 0 instead of its own; then one decode of a
 * picture of that size. */
void decode_once(const struct head_decoder *d, const struct head_io *io, float score_min,
                 int picture_width, int picture_height, struct perceived *out);

/* Decode the golden outputs of a model and compare with its expected.json: the same number of
 * boxes, each within half a pixel, score within 0.002. class_of maps the file's classes, -1 ends.
 */
void check_golden_detections(const struct head_decoder *d, const char *model, float score_min,
                             const int class_of[][2]);

#endif
