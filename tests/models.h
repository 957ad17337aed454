/* What tests take from the folders of ready-made models: golden tensors (ONNX backend-test layout),
 * the frame they were made from, and what it shows. Found through OUTRIDER_SHARED. */
#ifndef OUTRIDER_TESTS_MODELS_H
#define OUTRIDER_TESTS_MODELS_H

#include <stdbool.h>

#include "perception/image/image.h"
#include "perception/nn/tensor.h"

/* OUTRIDER_SHARED/what, in static memory that holds until the fourth call from now. */
const char *shared_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void need_shared(void); /* skips the test where there is none */

/* models/MODEL/test_data_set_0/FILE; the caller releases with tensor_free(). */
struct tensor *golden_tensor(const char *model, const char *file);
void tensor_free(struct tensor *t);

/* A JPEG of ours; the caller frees data. */
struct image jpeg_read(const char *path);

/* models/MODEL/expected.json, its detections: x1 y1 x2 y2 score class. Returns how many. */
enum { EXPECTED_MAX = 64 };
int expected_detections(const char *model, double (*rows)[6]);

#endif
