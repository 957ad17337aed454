#include "sim/render/target.h"

#include <epoxy/gl.h>
#include <stdlib.h>

static unsigned storage(int samples, unsigned format, int width, int height)
{
    unsigned id;

    glGenRenderbuffers(1, &id);
    glBindRenderbuffer(GL_RENDERBUFFER, id);
    glRenderbufferStorageMultisample(GL_RENDERBUFFER, samples, format, width, height);
    return id;
}

static void attach(struct targets *t, enum target which, int samples, unsigned color,
                   unsigned depth)
{
    glBindFramebuffer(GL_FRAMEBUFFER, t->frame[which]);
    t->color[which] = storage(samples, color, t->width, t->height);
    glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER,
                              t->color[which]);
    if (!depth)
        return;
    t->depth[which] = storage(samples, depth, t->width, t->height);
    glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER,
                              t->depth[which]);
}

/* One pass draws colour, identity and depth. */
static void share(struct targets *t)
{
    static const unsigned both[] = {GL_COLOR_ATTACHMENT0, GL_COLOR_ATTACHMENT1};

    glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER,
                              t->depth[TARGET_COLOR]);
    glBindFramebuffer(GL_FRAMEBUFFER, t->frame[TARGET_COLOR]);
    glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT1, GL_RENDERBUFFER,
                              t->color[TARGET_ID]);
    glDrawBuffers(2, both);
}

/* Texture units 3 and up; compared with hardware's four-tap filter. */
static void attach_shadow(struct targets *t, int i)
{
    enum target which = (enum target)(TARGET_SHADOW + i);

    glGenTextures(1, &t->depth[which]);
    glActiveTexture(GL_TEXTURE3 + (unsigned)i);
    glBindTexture(GL_TEXTURE_2D, t->depth[which]);
    glTexImage2D(GL_TEXTURE_2D, 0, GL_DEPTH_COMPONENT24, t->shadow_size, t->shadow_size, 0,
                 GL_DEPTH_COMPONENT, GL_UNSIGNED_INT, NULL);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_COMPARE_MODE, GL_COMPARE_REF_TO_TEXTURE);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_COMPARE_FUNC, GL_LEQUAL);
    glBindFramebuffer(GL_FRAMEBUFFER, t->frame[which]);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_TEXTURE_2D, t->depth[which], 0);
    glDrawBuffer(GL_NONE);
    glReadBuffer(GL_NONE);
}

enum err targets_open(struct targets *t, int width, int height, int samples, int shadow_size,
                      struct why *why)
{
    *t = (struct targets){
        .width = width, .height = height, .samples = samples, .shadow_size = shadow_size};
    glGenFramebuffers(TARGETS, t->frame);
    attach(t, TARGET_COLOR, samples, GL_RGBA8, GL_DEPTH_COMPONENT32F);
    attach(t, TARGET_FLAT, 0, GL_RGBA8, 0);
    attach(t, TARGET_ID, 0, GL_R32UI, samples > 0 ? GL_DEPTH_COMPONENT32F : 0);
    if (samples == 0)
        share(t);
    attach(t, TARGET_MASK, 0, GL_R32UI, 0);
    for (int i = 0; i < SHADOW_MAPS; i++)
        attach_shadow(t, i);
    for (int i = 0; i < TARGETS; i++) {
        glBindFramebuffer(GL_FRAMEBUFFER, t->frame[i]);
        unsigned status = glCheckFramebufferStatus(GL_FRAMEBUFFER);

        if (status != GL_FRAMEBUFFER_COMPLETE) {
            targets_close(t);
            return err_say(why, ERR_UNSUPPORTED, "framebuffer %d of %d x %d: status 0x%x", i, width,
                           height, status);
        }
    }
    return OK;
}

void targets_close(struct targets *t)
{
    if (t->frame[0])
        glDeleteFramebuffers(TARGETS, t->frame);
    for (int i = 0; i < TARGETS; i++) {
        if (t->color[i])
            glDeleteRenderbuffers(1, &t->color[i]);
        if (i < TARGET_SHADOW && t->depth[i])
            glDeleteRenderbuffers(1, &t->depth[i]);
        if (i >= TARGET_SHADOW && t->depth[i])
            glDeleteTextures(1, &t->depth[i]);
    }
    *t = (struct targets){0};
}

void targets_use(const struct targets *t, enum target which)
{
    int w = which >= TARGET_SHADOW ? t->shadow_size : t->width;
    int h = which >= TARGET_SHADOW ? t->shadow_size : t->height;

    glBindFramebuffer(GL_FRAMEBUFFER, t->frame[which]);
    glViewport(0, 0, w, h);
}

void targets_resolve(const struct targets *t)
{
    glBindFramebuffer(GL_READ_FRAMEBUFFER, t->frame[TARGET_COLOR]);
    if (t->samples == 0)
        return;
    glBindFramebuffer(GL_DRAW_FRAMEBUFFER, t->frame[TARGET_FLAT]);
    glBlitFramebuffer(0, 0, t->width, t->height, 0, 0, t->width, t->height, GL_COLOR_BUFFER_BIT,
                      GL_NEAREST);
    glBindFramebuffer(GL_READ_FRAMEBUFFER, t->frame[TARGET_FLAT]);
}
