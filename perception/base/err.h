/* Errors of the world (socket, file, bytes): an enum err and, where a person will read it, a
 * struct why with one line that names the thing, its value and the limit it broke.
 * Mistakes in our own code are assert(), which stays in release builds. */
#ifndef OUTRIDER_BASE_ERR_H
#define OUTRIDER_BASE_ERR_H

enum err {
    OK = 0,
    ERR_AGAIN,       /* nothing to return yet; not a fault */
    ERR_NOMEM,       /* only while opening */
    ERR_IO,          /* the operating system refused; errno says why */
    ERR_FORMAT,      /* bytes from outside did not parse */
    ERR_LIMIT,       /* well-formed, but larger than a stated bound */
    ERR_MISMATCH,    /* well-formed, but not for this model, camera or version */
    ERR_UNSUPPORTED, /* well-formed, but something we do not do; struct why names it */
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

struct why {
    char text[320]; /* one line, no trailing newline, always terminated */
};

/* Write the reason into why (NULL is fine) and hand e back: `return err_say(why, ERR_LIMIT, ...)`. */
enum err err_say(struct why *why, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Put context in front of what is there: "model.onnx: node 'conv1': ...". Returns e. */
enum err err_prefix(struct why *why, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);

const char *err_name(enum err e); /* "format", "limit", ... */

#endif
