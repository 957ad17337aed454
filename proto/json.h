/* Messages of the bus as JSON, for people and scripts.
 * Field names and enum values as in the *.proto files; what is absent is left out; bytes are hex
 * digits, 64 bit integers plain numbers, floats the shortest text that reads back the same, and a
 * NaN inside a list is null. Nothing but the form of the bytes is checked here. */
#ifndef OUTRIDER_PROTO_JSON_H
#define OUTRIDER_PROTO_JSON_H

#include <stdio.h>

#include <protobuf-c/protobuf-c.h>

#include "proto/wire.h"

enum json_style { JSON_LINE, JSON_INDENTED }; /* neither ends in a newline */

/* Any protobuf-c message, by its descriptor. */
void json_print(FILE *f, const ProtobufCMessage *m, enum json_style style);

/* The message (a frame's header) that came on a topic, with "topic" as its first member.
 * ERR_FORMAT or ERR_LIMIT: not such a message, nothing printed; ERR_UNSUPPORTED: no topic of ours.
 */
MUST_CHECK enum err json_message(struct wire *w, struct bytes topic, struct bytes body,
                                 enum json_style style, FILE *f, struct why *why);

#endif
