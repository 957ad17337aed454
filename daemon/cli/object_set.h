/* A folder of labelled pictures: images/ and labels/NAME.txt (YOLO: class cx cy w h, normalised, and perhaps how
 * sure the label is, 0..1),
 * ignore/NAME.txt in the same form (regions that count neither as a miss nor as a false alarm),
 * classes.txt (names, one a line), set.json (classes_labelled: those the set says anything about;
 * merged: label -> the classes it stands for). Without ignore/ nothing is to be ignored, without
 * set.json every class is labelled and none merged. */
#ifndef OUTRIDER_DAEMON_CLI_OBJECT_SET_H
#define OUTRIDER_DAEMON_CLI_OBJECT_SET_H

#include "daemon/cli/set_choice.h"
#include "perception/eval/average_precision.h"
#include "perception/scene.h"

enum { OBJECT_SET_MAX_LABELS = 4096 }; /* in one file */

struct object_labels { /* of one picture, normalised: x and y in 0..1 */
    struct ap_truth *truth;
    size_t n;
};

struct object_set {
    const char *path;                    /* borrowed */
    struct pictures pictures;            /* of images/, by name */
    struct object_labels *labels;        /* for each of them */
    unsigned scored[OBJECT_CLASS_COUNT]; /* by enum object_class: if the set labels it, the bits of
                                            the classes that its label stands for; else 0 */
};

/* The classes that a name stands for, as bits: vehicle and sign_or_light are several. */
unsigned object_class_bits(enum object_class c);
/* OBJECT_CLASS_COUNT if no class is called that. */
enum object_class object_class_named(const char *name);

/* Read everything but the pictures. ERR_IO, ERR_FORMAT or ERR_LIMIT with file, line and field. */
MUST_CHECK enum err object_set_read(const char *path, struct object_set *out, struct why *why);
/* The same, of some of its pictures. */
MUST_CHECK enum err object_set_read_some(const struct set_choice *choice, struct object_set *out,
                                         struct why *why);
void object_set_finish(struct object_set *s); /* zeroed is fine */

#endif
