#include "sim/render/render.h"

#include <epoxy/gl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/render/context.h"
#include "sim/render/lens.h"
#include "sim/render/light.h"
#include "sim/render/model.h"
#include "sim/render/program.h"
#include "sim/render/scene.h"
#include "sim/render/target.h"
#include "sim/render/texture.h"
#include "sim/render/view.h"

/* An actor that may be in the picture, dressed for this frame. */
struct seen {
    int index; /* in world.actor */
    enum model_name name;
    struct dress dress;
};

struct render {
    struct context context;
    struct program_sets sets;
    const struct programs *programs; /* for this frame's weather */
    struct textures textures;
    struct model model[MODELS];
    struct scene3d scene;
    struct targets targets;
    struct lens lens;
    struct camera camera;
    struct view view;
    struct render_options options;
    struct frame_block block;
    int n_seen; /* those before n_front are in the picture, the others only cast shadows */
    int n_front;
    struct seen seen[WORLD_MAX_ACTORS];

    uint8_t *rgba;     /* ideal picture as read back */
    uint32_t *raw_ids; /* the same size: ids, then masks */
    float *raw_depth;
    uint8_t *rgb; /* the camera's */
    uint32_t *ids, *mask;
    float *depth;
    uint32_t visible[WORLD_MAX_ACTORS], silhouette[WORLD_MAX_ACTORS];
    float full_box[WORLD_MAX_ACTORS][4];
    uint64_t frames;
    char device[96];
};

/* ---- open and close ------------------------------------------------------------------------------ */

static bool reserve(struct render *r)
{
    size_t ideal = (size_t)r->view.width * (size_t)r->view.height;
    size_t real = (size_t)r->camera.width * (size_t)r->camera.height;

    r->rgba = malloc(4 * ideal);
    r->raw_ids = malloc(ideal * sizeof *r->raw_ids);
    r->raw_depth = malloc(ideal * sizeof *r->raw_depth);
    r->rgb = malloc(3 * real);
    r->ids = malloc(real * sizeof *r->ids);
    r->mask = malloc(real * sizeof *r->mask);
    r->depth = malloc(real * sizeof *r->depth);
    return r->rgba && r->raw_ids && r->raw_depth && r->rgb && r->ids && r->mask && r->depth;
}

static unsigned weather_needs(const struct render *r, const struct weather *w)
{
    bool sun = w->sun_elevation > -0.03f && w->cloud < 0.95f;

    return (sun ? WITH_SUN : 0) | (sun && r->options.shadows ? WITH_SHADOWS : 0) |
           (w->sun_elevation < 0.05f ? WITH_LAMPS : 0) | (w->wetness > 0.02f ? WITH_WET : 0);
}

static enum err set_up(struct render *r, const struct world *w, struct why *why)
{
    static const int shadow_size[] = {512, 1024, 2048};
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
    return lens_open(&r->lens, &r->camera, &r->view, r->options.lens.vignette);
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
        scene3d_close(&r->scene);
        models_close(r->model);
        textures_close(&r->textures);
        programs_close(&r->sets);
    }
    lens_close(&r->lens);
    context_close(&r->context);
    free(r->rgba);
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

/* ---- actors -------------------------------------------------------------------------------------- */

enum { SHADOW_REACH = 70 }; /* m */

static void see_one(struct render *r, const struct world *w, int i, double dt, bool front)
{
    const struct actor *a = &w->actor[i];
    struct pose root = view_actor(&r->view, a, dt);
    float ball = 0.5f * v3_length(v3((float)a->length, (float)a->width, (float)a->height));
    struct v3 middle = pose_point(&root, v3(0, 0, (float)a->height / 2));
    bool shown = view_sees(&r->view, middle, ball);
    struct seen *s = &r->seen[r->n_seen];

    if (shown != front || (!shown && v3_length(middle) > SHADOW_REACH))
        return;
    s->index = i;
    s->name = model_of(a);
    model_dress(&r->model[s->name], s->name, a, w->t + dt, r->block.air[3], &root, &s->dress);
    r->n_seen++;
}

/* Those in the picture first. */
static void see_actors(struct render *r, const struct world *w, double dt)
{
    r->n_seen = 0;
    for (int i = 0; i < w->n_actors; i++)
        see_one(r, w, i, dt, true);
    r->n_front = r->n_seen;
    for (int i = 0; i < w->n_actors; i++)
        see_one(r, w, i, dt, false);
}

static void draw_actor(const struct render *r, const struct seen *s, enum program with, bool blob)
{
    const struct programs *p = r->programs;
    const struct model *m = &r->model[s->name];

    glUniform4fv(p->bone[with], 3 * MAX_BONES, &s->dress.bone[0].m[0][0]);
    if (p->paint[with] >= 0)
        glUniform3fv(p->paint[with], MAX_PAINTS + 1, &s->dress.paint[0][0]);
    if (p->emit[with] >= 0)
        glUniform1fv(p->emit[with], EMIT_CHANNELS, s->dress.emit);
    mesh_draw(blob ? &m->blob : &m->mesh);
}

/* ---- passes -------------------------------------------------------------------------------------- */

static void use(const struct render *r, enum program p)
{
    glUseProgram(r->programs->id[p]);
}

static void draw_static(const struct render *r, enum layer layer, enum program with, float reach)
{
    use(r, with);
    scene3d_draw(&r->scene, layer, r->programs, with, &r->view, reach);
}

/* What shines of what stands still. */
static void static_lamps(const struct render *r, enum program with)
{
    float emit[EMIT_CHANNELS] = {0}, night = r->block.air[3];

    use(r, with);
    emit[EMIT_WINDOW] = 0.5f * night;
    emit[EMIT_LAMP] = 6 * night;
    emit[EMIT_SIGN] = 0.10f * night;
    emit[EMIT_TUNNEL] = 2.5f;
    glUniform1fv(r->programs->emit[with], EMIT_CHANNELS, emit);
}

static void shadow_matrix(struct render *r, int i, float radius, struct v3 *centre)
{
    const float *sun = r->block.sun;
    struct v3 s = v3(sun[0], sun[1], sun[2]), u = v3_unit(v3_cross(v3(0, 0, 1), s)),
              v = v3_cross(s, u);
    struct v3 fwd = v3_unit(v3(r->view.axes[2][0], r->view.axes[2][1], 0));
    struct v3 c = v3_scale(fwd, radius * 0.8f);
    double texel = 2.0 * radius / r->targets.shadow_size;
    /* in whole texels of the world, so that shadows do not crawl */
    double du = 0, dv = 0;
    const float cu[3] = {u.x, u.y, u.z}, cv[3] = {v.x, v.y, v.z}, cc[3] = {c.x, c.y, c.z};
    for (int k = 0; k < 3; k++) {
        du += cu[k] * (r->view.eye[k] + cc[k]);
        dv += cv[k] * (r->view.eye[k] + cc[k]);
    }
    c = v3_add(c, v3_add(v3_scale(u, (float)(floor(du / texel) * texel - du)),
                         v3_scale(v, (float)(floor(dv / texel) * texel - dv))));
    float deep = radius + 60, *m = r->block.shadow[i];
    const float us[3] = {u.x, u.y, u.z}, vs[3] = {v.x, v.y, v.z}, ss[3] = {s.x, s.y, s.z};
    memset(m, 0, 16 * sizeof *m);
    for (int k = 0; k < 3; k++) {
        m[4 * k] = us[k] / (2 * radius);
        m[4 * k + 1] = vs[k] / (2 * radius);
        m[4 * k + 2] = -ss[k] / (2 * deep);
    }
    m[12] = 0.5f - v3_dot(u, c) / (2 * radius);
    m[13] = 0.5f - v3_dot(v, c) / (2 * radius);
    m[14] = 0.5f + v3_dot(s, c) / (2 * deep);
    m[15] = 1;
    *centre = c;
}

static void draw_shadow(struct render *r, int i, float radius)
{
    struct v3 centre;
    struct frame_block block;

    shadow_matrix(r, i, radius, &centre);
    block = r->block;
    /* texture coordinates 0..1 -> clip space -1..1 */
    for (int k = 0; k < 4; k++)
        for (int j = 0; j < 3; j++)
            block.view[4 * k + j] = 2 * r->block.shadow[i][4 * k + j] - (k == 3 ? 1 : 0);
    for (int k = 0; k < 4; k++)
        block.view[4 * k + 3] = k == 3;
    programs_frame(&r->sets, &block);
    targets_use(&r->targets, (enum target)(TARGET_SHADOW + i));
    glClear(GL_DEPTH_BUFFER_BIT);
    glEnable(GL_POLYGON_OFFSET_FILL);
    glPolygonOffset(2, 4);
    use(r, PROGRAM_DEPTH_ACTOR);
    for (int k = 0; k < r->n_seen; k++) {
        const struct pose *root = &r->seen[k].dress.bone[0];

        if (v3_length(v3_sub(v3(root->m[0][3], root->m[1][3], root->m[2][3]), centre)) <
            1.5f * radius + 10)
            draw_actor(r, &r->seen[k], PROGRAM_DEPTH_ACTOR, false);
    }
    use(r, PROGRAM_DEPTH_SOLID);
    scene3d_draw_near(&r->scene, LAYER_SOLID, r->programs, PROGRAM_DEPTH_SOLID, &r->view, centre,
                      radius);
    use(r, PROGRAM_DEPTH_FOLIAGE);
    scene3d_draw_near(&r->scene, LAYER_LEAVES, r->programs, PROGRAM_DEPTH_FOLIAGE, &r->view, centre,
                      radius);
    glDisable(GL_POLYGON_OFFSET_FILL);
}

/* Without a sun (night, cloud, not asked for) the maps are left out: a matrix of zeros is outside
 * of them everywhere. */
static void draw_shadows(struct render *r)
{
    static const float radius[SHADOW_MAPS] = {14, 60};
    const float *c = r->block.sun_color;

    memset(r->block.shadow, 0, sizeof r->block.shadow);
    if (!r->options.shadows || c[0] + c[1] + c[2] < 0.02f)
        return;
    for (int i = 0; i < SHADOW_MAPS; i++)
        draw_shadow(r, i, radius[i]);
}

static void draw_color(struct render *r)
{
    targets_use(&r->targets, TARGET_COLOR);
    glClear(GL_DEPTH_BUFFER_BIT);
    use(r, PROGRAM_ACTOR);
    for (int i = 0; i < r->n_front; i++)
        draw_actor(r, &r->seen[i], PROGRAM_ACTOR, false);
    static_lamps(r, PROGRAM_SOLID);
    draw_static(r, LAYER_SOLID, PROGRAM_SOLID, 700);
    draw_static(r, LAYER_ROAD, PROGRAM_ROAD, 1500);
    draw_static(r, LAYER_TERRAIN, PROGRAM_TERRAIN, 2500);
    draw_static(r, LAYER_LEAVES, PROGRAM_FOLIAGE, 700);
    glDepthFunc(GL_LEQUAL);
    use(r, PROGRAM_SKY);
    mesh_cover(&r->model[0].blob);
    glDepthFunc(GL_LESS);
    glEnable(GL_BLEND);
    glDepthMask(GL_FALSE);
    glBlendFunc(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA);
    use(r, PROGRAM_BLOB);
    for (int i = 0; i < r->n_front; i++)
        draw_actor(r, &r->seen[i], PROGRAM_BLOB, true);
    glDepthMask(GL_TRUE);
    glDisable(GL_BLEND);
}

static void draw_ids(struct render *r)
{
    static const unsigned none[4] = {0};
    const struct programs *p = r->programs;

    targets_use(&r->targets, TARGET_ID);
    glClearBufferuiv(GL_COLOR, 0, none);
    glClear(GL_DEPTH_BUFFER_BIT);
    use(r, PROGRAM_ID_ACTOR);
    for (int i = 0; i < r->n_front; i++) {
        glUniform1ui(p->tag[PROGRAM_ID_ACTOR], PIXEL_ID(PIXEL_ACTOR, r->seen[i].index));
        draw_actor(r, &r->seen[i], PROGRAM_ID_ACTOR, false);
    }
    draw_static(r, LAYER_SOLID, PROGRAM_ID_SOLID, 700);
    draw_static(r, LAYER_ROAD, PROGRAM_ID_SOLID, 1500);
    draw_static(r, LAYER_TERRAIN, PROGRAM_ID_SOLID, 2500);
    draw_static(r, LAYER_LEAVES, PROGRAM_ID_FOLIAGE, 700);
}

/* ---- what is counted ----------------------------------------------------------------------------- */

/* Every actor alone: one bit each of 32, or'ed into a picture of integers without depth. */
static void count_silhouettes(struct render *r)
{
    static const unsigned none[4] = {0};
    size_t n = (size_t)r->camera.width * (size_t)r->camera.height;

    for (int first = 0; first < r->n_front; first += 32) {
        targets_use(&r->targets, TARGET_MASK);
        glClearBufferuiv(GL_COLOR, 0, none);
        glDisable(GL_DEPTH_TEST);
        glEnable(GL_COLOR_LOGIC_OP);
        glLogicOp(GL_OR);
        use(r, PROGRAM_MASK_ACTOR);
        for (int i = first; i < r->n_front && i < first + 32; i++) {
            glUniform1ui(r->programs->tag[PROGRAM_MASK_ACTOR], 1u << (i - first));
            draw_actor(r, &r->seen[i], PROGRAM_MASK_ACTOR, false);
        }
        glDisable(GL_COLOR_LOGIC_OP);
        glEnable(GL_DEPTH_TEST);
        glReadPixels(0, 0, r->view.width, r->view.height, GL_RED_INTEGER, GL_UNSIGNED_INT,
                     r->raw_ids);
        lens_ids(&r->lens, r->raw_ids, r->mask);
        for (size_t i = 0; i < n; i++)
            for (uint32_t m = r->mask[i]; m; m &= m - 1)
                r->silhouette[r->seen[first + __builtin_ctz(m)].index]++;
    }
}

static void count_visible(struct render *r)
{
    size_t n = (size_t)r->camera.width * (size_t)r->camera.height;

    for (size_t i = 0; i < n; i++)
        if (r->ids[i] >> 16 == PIXEL_ACTOR && (r->ids[i] & 0xffff) - 1 < WORLD_MAX_ACTORS)
            r->visible[(r->ids[i] & 0xffff) - 1]++;
}

/* Through the real lens; what lies behind it is put just in front. */
static void box_one(struct render *r, const struct seen *s, float box[4])
{
    const struct model *m = &r->model[s->name];
    struct camera free = r->camera;
    bool any = false;

    free.roll_rad = free.pitch_rad = free.yaw_rad = free.x_m = free.y_m = free.z_m = 0;
    for (int i = 0; i < m->n_hull; i++) {
        struct v3 p = view_turn(&r->view, pose_point(&s->dress.bone[m->hull_bone[i]], m->hull[i]));
        float at[3] = {fmaxf(p.z, VIEW_NEAR), -p.x, -p.y}, px[2];

        if (!camera_project(&free, at, px))
            continue;
        box[0] = any ? fminf(box[0], px[0]) : px[0];
        box[1] = any ? fminf(box[1], px[1]) : px[1];
        box[2] = any ? fmaxf(box[2], px[0]) : px[0];
        box[3] = any ? fmaxf(box[3], px[1]) : px[1];
        any = true;
    }
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

enum err render_frame(struct render *r, const struct world *w, struct rendered *out,
                      struct why *why)
{
    int width = r->view.width, height = r->view.height;

    context_use(&r->context);
    enum err e = programs_get(&r->sets, weather_needs(r, &w->weather), &r->programs, why);

    if (e != OK)
        return e;
    state();
    textures_bind(&r->textures);
    struct ego_car ego = view_ego(&w->ego, 0);
    view_place(&r->view, &r->camera, &ego);
    light_fill(&w->weather, w->t, r->options.lens.gain > 0 ? r->options.lens.gain : 1, &r->block);
    view_fill(&r->view, &r->block);
    see_actors(r, w, 0);
    draw_shadows(r);
    programs_frame(&r->sets, &r->block);
    draw_color(r);
    targets_resolve(&r->targets);
    glReadPixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE, r->rgba);
    draw_ids(r);
    glReadPixels(0, 0, width, height, GL_RED_INTEGER, GL_UNSIGNED_INT, r->raw_ids);
    glReadPixels(0, 0, width, height, GL_DEPTH_COMPONENT, GL_FLOAT, r->raw_depth);
    lens_color(&r->lens, r->rgba, r->rgb);
    lens_ids(&r->lens, r->raw_ids, r->ids);
    lens_depth(&r->lens, r->raw_depth, r->depth);
    memset(r->visible, 0, sizeof r->visible);
    memset(r->silhouette, 0, sizeof r->silhouette);
    memset(r->full_box, 0, sizeof r->full_box);
    count_visible(r);
    count_silhouettes(r);
    for (int i = 0; i < r->n_front; i++)
        box_one(r, &r->seen[i], r->full_box[r->seen[i].index]);
    r->frames++;
    *out = (struct rendered){r->camera.width, r->camera.height, r->rgb,        r->depth,   r->ids,
                             w->n_actors,     r->visible,       r->silhouette, r->full_box};
    if (glGetError() != GL_NO_ERROR)
        return err_say(why, ERR_NOMEM, "OpenGL ran out of something while drawing");
    return OK;
}
