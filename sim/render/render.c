#include "sim/render/render_internal.h"

#include <epoxy/gl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/render/shutter.h"
#include "sim/render/soften.h"

/* ---- open and close ------------------------------------------------------------------------------ */

static bool slow(const struct render_lens *l)
{
    return l->exposure_s > 0 || l->rolling_s > 0;
}

static bool reserve(struct render *r)
{
    size_t ideal = (size_t)r->view.width * (size_t)r->view.height;
    size_t real = (size_t)r->camera.width * (size_t)r->camera.height;

    r->rgba = malloc(4 * ideal);
    r->better = malloc(4 * ideal);
    r->flows = malloc(slow(&r->options.lens) ? ideal * sizeof *r->flows : 1);
    r->spare = malloc(ideal * sizeof *r->spare);
    r->raw_ids = malloc(ideal * sizeof *r->raw_ids);
    r->raw_depth = malloc(ideal * sizeof *r->raw_depth);
    r->rgb = malloc(3 * real);
    r->ids = malloc(real * sizeof *r->ids);
    r->mask = malloc(real * sizeof *r->mask);
    r->depth = malloc(real * sizeof *r->depth);
    return r->rgba && r->better && r->flows && r->spare && r->raw_ids && r->raw_depth && r->rgb &&
           r->ids && r->mask && r->depth;
}

static unsigned weather_needs(const struct render *r, const struct weather *w)
{
    bool sun = w->sun_elevation > -0.03f && w->cloud < 0.95f;

    return (sun ? WITH_SUN : 0) | (sun && r->options.shadows ? WITH_SHADOWS : 0) |
           (w->sun_elevation < 0.05f ? WITH_LAMPS : 0) | (w->wetness > 0.02f ? WITH_WET : 0);
}

static enum err set_up(struct render *r, const struct world *w, struct why *why)
{
    static const int shadow_size[] = {512, 640, 2048};
    int quality = r->options.quality < 0 ? 0 : r->options.quality > 2 ? 2 : r->options.quality;
    enum err e = context_open(&r->context, why);

    if (e != OK)
        return e;
    snprintf(r->device, sizeof r->device, "%s", (const char *)glGetString(GL_RENDERER));
    view_fit(&r->view, &r->camera);
    if (!reserve(r))
        return err_say(why, ERR_NOMEM, "pictures of %d x %d", r->camera.width, r->camera.height);
    programs_init(&r->sets);
    if ((e = programs_get(&r->sets, weather_needs(r, &w->weather), &r->programs, why)) != OK)
        return e;
    if ((e = textures_open(&r->textures)) != OK)
        return err_say(why, e, "textures");
    if ((e = models_open(r->model, why)) != OK)
        return e;
    if ((e = scene3d_open(&r->scene, w, why)) != OK)
        return e;
    if ((e = targets_open(&r->targets, r->view.width, r->view.height, quality > 1 ? 4 : 0,
                          shadow_size[quality], why)) != OK)
        return e;
    lamps_open(&r->lamps);
    if ((e = signals_open(r, w)) != OK)
        return err_say(why, e, "traffic lights");
    if ((e = lens_open(&r->lens, &r->camera, &r->view, r->options.lens.vignette)) != OK)
        return err_say(why, e, "table of the lens");
    e = sensor_open(&r->sensor, r->camera.width, r->camera.height, &r->options.lens,
                    r->options.seed);
    return e == OK ? OK : err_say(why, e, "sensor");
}

enum err render_open(const struct world *w, const struct camera *camera,
                     const struct render_options *o, struct render **out, struct why *why)
{
    enum err e = camera_check(camera, why);

    *out = NULL;
    if (e != OK)
        return e;
    struct render *r = calloc(1, sizeof *r);
    if (!r)
        return err_say(why, ERR_NOMEM, "renderer");
    r->camera = *camera;
    r->options = *o;
    e = set_up(r, w, why);
    if (e != OK)
        render_close(r);
    else
        *out = r;
    return e;
}

void render_close(struct render *r)
{
    if (!r)
        return;
    if (r->context.context) {
        context_use(&r->context);
        targets_close(&r->targets);
        lamps_close(&r->lamps);
        mesh_finish(&r->signal);
        scene3d_close(&r->scene);
        models_close(r->model);
        textures_close(&r->textures);
        programs_close(&r->sets);
    }
    lens_close(&r->lens);
    sensor_close(&r->sensor);
    context_close(&r->context);
    free(r->rgba);
    free(r->better);
    free(r->flows);
    free(r->spare);
    free(r->signals);
    free(r->raw_ids);
    free(r->raw_depth);
    free(r->rgb);
    free(r->ids);
    free(r->mask);
    free(r->depth);
    free(r);
}

const char *render_device(const struct render *r)
{
    return r->device;
}

/* ---- a frame ------------------------------------------------------------------------------------- */

static void state(void)
{
    glEnable(GL_DEPTH_TEST);
    glDepthFunc(GL_LESS);
    glDepthMask(GL_TRUE);
    glDisable(GL_BLEND);
    glDisable(GL_CULL_FACE);
    glPixelStorei(GL_PACK_ALIGNMENT, 1);
}

/* Everything about this frame that does not depend on the pass. */
static void prepare(struct render *r, const struct world *w)
{
    float gain = (r->options.lens.gain > 0 ? r->options.lens.gain : 1) * r->sensor.meter;

    view_place(&r->view, &r->camera, &w->ego);
    light_fill(&w->weather, w->t, gain, &r->block);
    view_fill(&r->view, &r->block);
    see_actors(r, w);
    lamps_gather(&r->lamps, w, &r->view, &w->ego, &r->block);
}

static void read_back(struct render *r, const struct world *w)
{
    int width = r->view.width, height = r->view.height;

    targets_resolve(&r->targets);
    glReadPixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE, r->rgba);
    draw_ids(r, w);
    glReadPixels(0, 0, width, height, GL_RED_INTEGER, GL_UNSIGNED_INT, r->raw_ids);
    glReadPixels(0, 0, width, height, GL_DEPTH_COMPONENT, GL_FLOAT, r->raw_depth);
}

/* How strongly the sun blinds: where it stands, unless something hides it. */
static struct glare glare_of(const struct render *r)
{
    const float *s = r->block.sun, *c = r->block.sun_color;
    struct v3 p = view_turn(&r->view, v3(s[0], s[1], s[2]));
    struct camera free = r->camera;
    float px[2], strength = r->options.lens.flare * fminf(1, (c[0] + c[1] + c[2]) / 6);

    free.roll_rad = free.pitch_rad = free.yaw_rad = free.x_m = free.y_m = free.z_m = 0;
    if (strength <= 0 || p.z < 0.3f || !camera_project(&free, (float[3]){p.z, -p.x, -p.y}, px))
        return (struct glare){0};
    int x = (int)px[0], y = (int)px[1];
    bool inside = x >= 0 && y >= 0 && x < r->camera.width && y < r->camera.height;
    if (inside && r->ids[y * r->camera.width + x] != 0)
        strength *= 0.15f;
    return (struct glare){px[0], px[1], 0.9f * strength};
}

/* Ideal picture -> that of the camera. */
static void develop(struct render *r, const struct world *w)
{
    const struct render_lens *l = &r->options.lens;
    uint8_t *now = r->rgba, *next = r->better;

    if (r->targets.samples == 0) {
        soften(now, r->view.width, r->view.height, next);
        now = r->better;
        next = r->rgba;
    }
    if (slow(l)) {
        struct motion m = motion_of(&r->view, w, &r->camera);
        struct shutter_words words = {r->raw_ids, r->raw_depth, r->spare, r->flows};

        shutter(&m, l->exposure_s, l->rolling_s, now, &words, next);
        now = next;
    }
    lens_color(&r->lens, now, r->rgb);
    lens_ids(&r->lens, r->raw_ids, r->ids);
    lens_depth(&r->lens, r->raw_depth, r->depth);
}

enum err render_frame(struct render *r, const struct world *w, struct rendered *out,
                      struct why *why)
{
    context_use(&r->context);
    enum err e = programs_get(&r->sets, weather_needs(r, &w->weather), &r->programs, why);

    if (e != OK)
        return e;
    state();
    textures_bind(&r->textures);
    prepare(r, w);
    draw_shadows(r);
    programs_frame(&r->sets, &r->block);
    draw_color(r, w);
    read_back(r, w);
    develop(r, w);
    count_actors(r);
    sensor_meter(&r->sensor, r->rgb, mixf(0.45f, 0.20f, r->block.air[3]));
    struct glare glare = glare_of(r);
    sensor_expose(&r->sensor, &w->weather, &glare, r->frames++, r->rgb);
    *out = (struct rendered){r->camera.width, r->camera.height, r->rgb,        r->depth,   r->ids,
                             w->n_actors,     r->visible,       r->silhouette, r->full_box};
    if (glGetError() != GL_NO_ERROR)
        return err_say(why, ERR_NOMEM, "OpenGL ran out of something while drawing");
    return OK;
}
