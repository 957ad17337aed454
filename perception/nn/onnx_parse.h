/* Between the two halves of the ONNX reader: onnx_parse.c bounds what the protobuf library does
 * with outside bytes, onnx_tensor.c reads numbers. */
#ifndef OUTRIDER_NN_ONNX_PARSE_H
#define OUTRIDER_NN_ONNX_PARSE_H

#include <protobuf-c/protobuf-c.h>

#include "onnx/onnx.pb-c.h"
#include "perception/base/err.h"
#include "perception/nn/tensor.h"

/* Unpack with bounded nesting and memory; NULL with the reason in why. The result is released with
 * protobuf_c_message_free_unpacked(m, NULL). */
ProtobufCMessage *onnx_unpack(const ProtobufCMessageDescriptor *type, const void *bytes, size_t n,
                              enum err *e, struct why *why);

/* Shape, type and data (allocated) of p. folder as in onnx_read_model(); name is for errors. */
MUST_CHECK enum err onnx_tensor(const Onnx__TensorProto *p, const char *folder, const char *name,
                                struct tensor *t, struct why *why);

#endif
