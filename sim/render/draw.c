#include "sim/render/render_internal.h"

#include <epoxy/gl.h>
#include <stdlib.h>
#include <string.h>

/* ---- actors -------------------------------------------------------------------------------------- */

enum { SHADOW_REACH = 70 }; /* m */

static void see_one(struct render *r, const struct world *w, int i, bool front)
{
    const struct actor *a = &w->actor[i];
    struct pose root = view_actor(&r->view, a, 0);
    float ball = 0.5f * v3_length(v3((float)a->length, (float)a->width, (float)a->height));
    struct v3 middle = pose_point(&root, v3(0, 0, (float)a->height / 2));
    bool shown = view_sees(&r->view, middle, ball);
    struct seen *s = &r->seen[r->n_seen];

    if (shown != front || (!shown && v3_length(middle) > SHADOW_REACH))
        return;
    s->index = i;
    s->name = model_of(a);
    float tall = r->view.fy * (float)a->height / fmaxf(v3_length(middle) - ball, 1);
    s->detail = tall > 75 ? 0 : tall > 26 ? 1 : 2;
    model_dress(&r->model[s->name], s->name, a, w->t, r->block.air[3], &root, &s->dress);
    r->n_seen++;
}

/* Those in the picture first. */
void see_actors(struct render *r, const struct world *w)
{
    r->n_seen = 0;
    for (int i = 0; i < w->n_actors; i++)
        see_one(r, w, i, true);
    r->n_front = r->n_seen;
    for (int i = 0; i < w->n_actors; i++)
        see_one(r, w, i, false);
}

static void draw_mesh(const struct render *r, const struct dress *d, const struct mesh *m,
                      enum program with)
{
    const struct programs *p = r->programs;

    glUniform4fv(p->bone[with], 3 * (d->n_bones > 0 ? d->n_bones : 1), &d->bone[0].m[0][0]);
    if (p->paint[with] >= 0)
        glUniform3fv(p->paint[with], MAX_PAINTS + 1, &d->paint[0][0]);
    if (p->emit[with] >= 0)
        glUniform1fv(p->emit[with], EMIT_CHANNELS, d->emit);
    mesh_draw(m);
}

static void draw_actor(const struct render *r, const struct seen *s, enum program with)
{
    draw_mesh(r, &s->dress, &r->model[s->name].mesh[s->detail], with);
}

static void draw_actors(const struct render *r, enum program with)
{
    for (int i = 0; i < r->n_front; i++) {
        glUniform1ui(r->programs->tag[with], PIXEL_ID(PIXEL_ACTOR, r->seen[i].index));
        draw_actor(r, &r->seen[i], with);
    }
}

/* ---- traffic lights ------------------------------------------------------------------------------ */

enum err signals_open(struct render *r, const struct world *w)
{
    static const enum emission channel[3] = {EMIT_RED, EMIT_YELLOW, EMIT_GREEN};
    static const uint32_t glass[3] = {0x701010, 0x705010, 0x107030};
    struct builder b;

    for (int i = 0; i < w->n_props; i++)
        r->n_signals += w->prop[i].kind == PROP_TRAFFIC_LIGHT;
    r->signals = malloc(((size_t)r->n_signals + 1) * sizeof *r->signals);
    if (!r->signals)
        return ERR_NOMEM;
    for (int i = 0, n = 0; i < w->n_props; i++)
        if (w->prop[i].kind == PROP_TRAFFIC_LIGHT)
            r->signals[n++] = i;
    builder_init(&b);
    for (int i = 0; i < 3; i++) {
        builder_color(&b, glass[i], 0.05f, 0.7f);
        b.brush.emission = (uint8_t)channel[i];
        builder_ring(&b, v3(0.165f, 0, -0.17f - 0.3f * (float)i), v3(1, 0, 0), 0, 0.1f, 12);
    }
    enum err e = mesh_upload(&r->signal, &b);
    builder_finish(&b);
    return e;
}

static void draw_signals(const struct render *r, const struct world *w, enum program with)
{
    for (int i = 0; i < r->n_signals; i++) {
        const struct prop *p = &w->prop[r->signals[i]];
        struct seen s = {0};
        struct pose move = pose_move((float)(p->x - r->view.eye[0]), (float)(p->y - r->view.eye[1]),
                                     (float)(p->z + p->height - r->view.eye[2]));
        struct pose turn = pose_turn_z((float)p->heading);

        if (!view_sees(&r->view, v3(move.m[0][3], move.m[1][3], move.m[2][3]), 1))
            continue;
        s.dress.bone[0] = pose_mul(&move, &turn);
        for (int k = 0; k <= MAX_PAINTS; k++)
            s.dress.paint[k][0] = s.dress.paint[k][1] = s.dress.paint[k][2] = 1;
        s.dress.emit[EMIT_RED] = p->state == LIGHT_RED || p->state == LIGHT_RED_YELLOW ? 9.0f : 0;
        s.dress.emit[EMIT_YELLOW] =
            p->state == LIGHT_YELLOW || p->state == LIGHT_RED_YELLOW ? 9.0f : 0;
        s.dress.emit[EMIT_GREEN] = p->state == LIGHT_GREEN ? 9.0f : 0;
        glUniform1ui(r->programs->tag[with], PIXEL_ID(PIXEL_PROP, r->signals[i]));
        draw_mesh(r, &s.dress, &r->signal, with);
    }
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
    struct v3 s = v3(sun[0], sun[1], sun[2]), up = fabsf(s.z) < 0.99f ? v3(0, 0, 1) : v3(1, 0, 0),
              u = v3_unit(v3_cross(up, s)), v = v3_cross(s, u);
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

/* Shadows need less. */
static int coarse(int detail)
{
    return detail < DETAILS - 1 ? detail + 1 : detail;
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
            draw_mesh(r, &r->seen[k].dress,
                      &r->model[r->seen[k].name].mesh[coarse(r->seen[k].detail)],
                      PROGRAM_DEPTH_ACTOR);
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
void draw_shadows(struct render *r)
{
    static const float radius[SHADOW_MAPS] = {14, 60};
    const float *c = r->block.sun_color;

    memset(r->block.shadow, 0, sizeof r->block.shadow);
    if (!r->options.shadows || c[0] + c[1] + c[2] < 0.02f)
        return;
    for (int i = 0; i < SHADOW_MAPS; i++)
        draw_shadow(r, i, radius[i]);
}

void draw_color(struct render *r, const struct world *w)
{
    static const unsigned none[4] = {0};

    targets_use(&r->targets, TARGET_COLOR);
    glClear(GL_DEPTH_BUFFER_BIT);
    glColorMaski(1, true, true, true, true);
    if (r->targets.samples == 0)
        glClearBufferuiv(GL_COLOR, 1, none);
    use(r, PROGRAM_ACTOR);
    draw_actors(r, PROGRAM_ACTOR);
    draw_signals(r, w, PROGRAM_ACTOR);
    static_lamps(r, PROGRAM_SOLID);
    draw_static(r, LAYER_SOLID, PROGRAM_SOLID, 700);
    draw_static(r, LAYER_ROAD, PROGRAM_ROAD, 1500);
    draw_static(r, LAYER_TERRAIN, PROGRAM_TERRAIN, 2500);
    draw_static(r, LAYER_LEAVES, PROGRAM_FOLIAGE, 700);
    glColorMaski(1, false, false, false, false); /* what follows is no thing */
    glDepthFunc(GL_LEQUAL);
    use(r, PROGRAM_SKY);
    mesh_cover(&r->model[0].blob);
    glDepthFunc(GL_LESS);
    glEnable(GL_BLEND);
    glDepthMask(GL_FALSE);
    glBlendFunc(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA);
    use(r, PROGRAM_BLOB);
    for (int i = 0; i < r->n_front; i++)
        draw_mesh(r, &r->seen[i].dress, &r->model[r->seen[i].name].blob, PROGRAM_BLOB);
    glBlendFunc(GL_ONE, GL_ONE);
    use(r, PROGRAM_GLOW);
    lamps_draw(&r->lamps);
    glDepthMask(GL_TRUE);
    glDisable(GL_BLEND);
}

void draw_ids(struct render *r, const struct world *w)
{
    static const unsigned none[4] = {0};

    targets_use(&r->targets, TARGET_ID);
    if (r->targets.samples == 0)
        return; /* drawn with the colours */
    glClearBufferuiv(GL_COLOR, 0, none);
    glClear(GL_DEPTH_BUFFER_BIT);
    use(r, PROGRAM_ID_ACTOR);
    draw_actors(r, PROGRAM_ID_ACTOR);
    draw_signals(r, w, PROGRAM_ID_ACTOR);
    draw_static(r, LAYER_SOLID, PROGRAM_ID_SOLID, 700);
    draw_static(r, LAYER_ROAD, PROGRAM_ID_SOLID, 1500);
    draw_static(r, LAYER_TERRAIN, PROGRAM_ID_SOLID, 2500);
    draw_static(r, LAYER_LEAVES, PROGRAM_ID_FOLIAGE, 700);
}

void draw_mask(struct render *r, const int *which, int n)
{
    static const unsigned none[4] = {0};

    targets_use(&r->targets, TARGET_MASK);
    glClearBufferuiv(GL_COLOR, 0, none);
    glDisable(GL_DEPTH_TEST);
    glEnable(GL_COLOR_LOGIC_OP);
    glLogicOp(GL_OR);
    use(r, PROGRAM_MASK_ACTOR);
    for (int i = 0; i < n; i++) {
        glUniform1ui(r->programs->tag[PROGRAM_MASK_ACTOR], 1u << i);
        draw_actor(r, &r->seen[which[i]], PROGRAM_MASK_ACTOR);
    }
    glDisable(GL_COLOR_LOGIC_OP);
    glEnable(GL_DEPTH_TEST);
}
