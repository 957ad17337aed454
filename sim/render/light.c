#include "sim/render/light.h"

#include <stdbool.h>
#include <string.h>

static void put(float out[4], struct v3 c, float w)
{
    out[0] = c.x;
    out[1] = c.y;
    out[2] = c.z;
    out[3] = w;
}

/* White at noon, orange at the horizon, gone below it. */
static struct v3 sun_color(float elevation, float cloud)
{
    float high = smoothf(-0.03f, 0.5f, elevation), there = smoothf(-0.03f, 0.06f, elevation);
    struct v3 c = v3_mix(v3(2.6f, 1.15f, 0.42f), v3(3.3f, 3.1f, 2.75f), sqrtf(high));
    float through = 1 - smoothf(0.45f, 0.95f, cloud);

    return v3_scale(c, there * through);
}

void light_fill(const struct weather *w, double t, float gain, struct frame_block *f)
{
    float e = w->sun_elevation, a = w->sun_azimuth;
    float day = smoothf(-0.14f, 0.22f, e), night = smoothf(0.0f, -0.12f, e), grey = w->cloud;
    float red = smoothf(0.30f, 0.03f, e) * smoothf(-0.16f, 0.0f, e) * (1 - 0.75f * grey);
    struct v3 sun = sun_color(e, w->cloud);
    struct v3 zenith =
        v3_mix(v3(0.20f, 0.42f, 0.95f), v3(0.62f, 0.66f, 0.72f), smoothf(0.3f, 1, grey));
    struct v3 horizon =
        v3_mix(v3(0.85f, 0.98f, 1.12f), v3(0.82f, 0.85f, 0.88f), smoothf(0.3f, 1, grey));

    zenith = v3_mix(v3(0.0035f, 0.0045f, 0.0085f), zenith, day * day);
    horizon = v3_mix(v3(0.012f, 0.012f, 0.016f), horizon, day * day);
    horizon = v3_mix(horizon, v3(0.95f * day + 0.03f, 0.45f * day + 0.02f, 0.24f * day + 0.015f),
                     0.75f * red);
    struct v3 sky = v3_scale(v3_add(v3_scale(zenith, 0.62f), v3_scale(horizon, 0.38f)), 0.85f);
    struct v3 ground = v3_add(v3_scale(sky, 0.22f), v3_scale(sun, 0.065f * fmaxf(sinf(e), 0.1f)));
    struct v3 fog = v3_add(v3_scale(horizon, 0.86f), v3_scale(zenith, 0.06f));

    put(f->sun, v3(cosf(e) * cosf(a), cosf(e) * sinf(a), sinf(e)), 0);
    put(f->sun_color, sun, 0);
    put(f->sky_light, sky, 0);
    put(f->ground_light, ground, 0);
    put(f->horizon, horizon, 0);
    put(f->zenith, zenith, 0);
    put(f->fog, fog, fmaxf(w->fog, 0.0006f + 0.004f * w->rain));
    /* what a grey thing in the open sends back; cameras hold it near the middle, less so at night */
    float lit = 0.18f * (0.6f * (sky.x + sky.y + sky.z) / 3 +
                         0.5f * (sun.x + sun.y + sun.z) / 3 * fmaxf(sinf(e), 0.15f));
    put(f->air, v3(gain * 0.20f / (lit + 0.022f), w->wetness, w->cloud), night);
    f->eye[3] = (float)t;
}
