/* An OpenGL 3.3 core context without a window, current in the calling thread while it is open. */
#ifndef OUTRIDER_SIM_RENDER_CONTEXT_H
#define OUTRIDER_SIM_RENDER_CONTEXT_H

#include "perception/base/err.h"

struct context {
    void *display, *context; /* EGL's */
};

/* ERR_UNSUPPORTED; why says what is missing. */
MUST_CHECK enum err context_open(struct context *c, struct why *why);
void context_use(const struct context *c); /* make it current again */
void context_close(struct context *c);

#endif
