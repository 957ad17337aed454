#include "sim/render/context.h"

#include <epoxy/egl.h>
#include <epoxy/gl.h>
#include <stdlib.h>

/* A display that needs no screen: Mesa's surfaceless platform, else the first EGL device. */
static EGLDisplay display_open(void)
{
    EGLDisplay d = EGL_NO_DISPLAY;

    if (epoxy_has_egl_extension(EGL_NO_DISPLAY, "EGL_MESA_platform_surfaceless"))
        d = eglGetPlatformDisplayEXT(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
    if (d != EGL_NO_DISPLAY && eglInitialize(d, NULL, NULL))
        return d;
    if (epoxy_has_egl_extension(EGL_NO_DISPLAY, "EGL_EXT_device_enumeration") &&
        epoxy_has_egl_extension(EGL_NO_DISPLAY, "EGL_EXT_platform_device")) {
        EGLDeviceEXT device;
        EGLint n = 0;

        if (eglQueryDevicesEXT(1, &device, &n) && n > 0) {
            d = eglGetPlatformDisplayEXT(EGL_PLATFORM_DEVICE_EXT, device, NULL);
            if (d != EGL_NO_DISPLAY && eglInitialize(d, NULL, NULL))
                return d;
        }
    }
    return EGL_NO_DISPLAY;
}

enum err context_open(struct context *c, struct why *why)
{
    static const EGLint wanted[] = {EGL_CONTEXT_MAJOR_VERSION,
                                    3,
                                    EGL_CONTEXT_MINOR_VERSION,
                                    3,
                                    EGL_CONTEXT_OPENGL_PROFILE_MASK,
                                    EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT,
                                    EGL_NONE};

    *c = (struct context){.display = display_open()};
    if (c->display == EGL_NO_DISPLAY)
        return err_say(why, ERR_UNSUPPORTED, "EGL: no display without a screen (error 0x%x)",
                       (unsigned)eglGetError());
    if (eglBindAPI(EGL_OPENGL_API))
        c->context = eglCreateContext(c->display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, wanted);
    if (c->context == EGL_NO_CONTEXT ||
        !eglMakeCurrent(c->display, EGL_NO_SURFACE, EGL_NO_SURFACE, c->context)) {
        enum err e = err_say(why, ERR_UNSUPPORTED, "EGL: no OpenGL 3.3 context (error 0x%x)",
                             (unsigned)eglGetError());

        context_close(c);
        return e;
    }
    return OK;
}

void context_use(const struct context *c)
{
    if (eglGetCurrentContext() != c->context)
        eglMakeCurrent(c->display, EGL_NO_SURFACE, EGL_NO_SURFACE, c->context);
}

/* The display stays initialised: it belongs to the process, and another context may use it. */
void context_close(struct context *c)
{
    if (c->context) {
        if (eglGetCurrentContext() == c->context)
            eglMakeCurrent(c->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
        eglDestroyContext(c->display, c->context);
    }
    *c = (struct context){0};
}
