#include "sim/render/program.h"

#include <epoxy/gl.h>

/* What each program is put together from. ACTOR: bones move it; LEAVES: has holes. */
static const struct {
    const char *name, *defines, *vertex, *fragment;
} table[PROGRAMS] = {
    [PROGRAM_SKY] = {"sky", "", glsl_sky_vertex, glsl_sky},
    [PROGRAM_ROAD] = {"road", "", glsl_vertex, glsl_road},
    [PROGRAM_TERRAIN] = {"terrain", "", glsl_vertex, glsl_terrain},
    [PROGRAM_SOLID] = {"solid", "", glsl_vertex, glsl_solid},
    [PROGRAM_FOLIAGE] = {"foliage", "#define LEAVES\n", glsl_vertex, glsl_foliage},
    [PROGRAM_ACTOR] = {"actor", "#define ACTOR\n", glsl_vertex, glsl_solid},
    [PROGRAM_BLOB] = {"blob", "#define ACTOR\n", glsl_vertex, glsl_blob},
    [PROGRAM_GLOW] = {"glow", "", glsl_glow_vertex, glsl_glow},
    [PROGRAM_ID_SOLID] = {"id", "#define PLAIN\n", glsl_vertex, glsl_id},
    [PROGRAM_ID_FOLIAGE] = {"id of leaves", "#define PLAIN\n#define LEAVES\n", glsl_vertex,
                            glsl_id},
    [PROGRAM_ID_ACTOR] = {"id of actors", "#define PLAIN\n#define ACTOR\n", glsl_vertex, glsl_id},
    [PROGRAM_MASK_ACTOR] = {"mask", "#define PLAIN\n#define ACTOR\n", glsl_vertex, glsl_mask},
    [PROGRAM_DEPTH_SOLID] = {"depth", "#define PLAIN\n", glsl_vertex, glsl_depth},
    [PROGRAM_DEPTH_FOLIAGE] = {"depth of leaves", "#define PLAIN\n#define LEAVES\n", glsl_vertex,
                               glsl_depth},
    [PROGRAM_DEPTH_ACTOR] = {"depth of actors", "#define PLAIN\n#define ACTOR\n", glsl_vertex,
                             glsl_depth},
};

static enum err compile(unsigned kind, int which, unsigned with, const char *body, unsigned *out,
                        struct why *why)
{
    const char *part[] = {"#version 330 core\n",
                          with & WITH_SUN ? "#define SUN\n" : "",
                          with & WITH_SHADOWS ? "#define SHADOWS\n" : "",
                          with & WITH_LAMPS ? "#define LAMPS\n" : "",
                          with & WITH_WET ? "#define WET\n" : "",
                          table[which].defines,
                          glsl_frame,
                          kind == GL_FRAGMENT_SHADER ? glsl_light : "",
                          body};
    int ok = 0;

    *out = glCreateShader(kind);
    glShaderSource(*out, sizeof part / sizeof *part, part, NULL);
    glCompileShader(*out);
    glGetShaderiv(*out, GL_COMPILE_STATUS, &ok);
    if (!ok) {
        char log[256] = "";

        glGetShaderInfoLog(*out, sizeof log, NULL, log);
        return err_say(why, ERR_UNSUPPORTED, "shader '%s': %s", table[which].name, log);
    }
    return OK;
}

static void find_uniforms(struct programs *p, int i)
{
    static const char *const sampler[] = {"t_noise", "t_leaves", "t_atlas", "t_shadow0",
                                          "t_shadow1"};
    unsigned id = p->id[i], block = glGetUniformBlockIndex(id, "Frame");

    if (block != GL_INVALID_INDEX)
        glUniformBlockBinding(id, block, 0);
    p->offset[i] = glGetUniformLocation(id, "u_offset");
    p->bone[i] = glGetUniformLocation(id, "u_bone");
    p->paint[i] = glGetUniformLocation(id, "u_paint");
    p->emit[i] = glGetUniformLocation(id, "u_emit");
    p->tag[i] = glGetUniformLocation(id, "u_tag");
    glUseProgram(id);
    for (int t = 0; t < (int)(sizeof sampler / sizeof *sampler); t++)
        glUniform1i(glGetUniformLocation(id, sampler[t]), t);
}

static enum err link_one(struct programs *p, int i, unsigned with, struct why *why)
{
    unsigned vertex = 0, fragment = 0;
    int ok = 0;
    enum err e = compile(GL_VERTEX_SHADER, i, with, table[i].vertex, &vertex, why);

    if (e == OK)
        e = compile(GL_FRAGMENT_SHADER, i, with, table[i].fragment, &fragment, why);
    if (e == OK) {
        p->id[i] = glCreateProgram();
        glAttachShader(p->id[i], vertex);
        glAttachShader(p->id[i], fragment);
        glLinkProgram(p->id[i]);
        glGetProgramiv(p->id[i], GL_LINK_STATUS, &ok);
        if (!ok)
            e = err_say(why, ERR_UNSUPPORTED, "shader '%s' does not link", table[i].name);
    }
    glDeleteShader(vertex);
    glDeleteShader(fragment);
    if (e == OK)
        find_uniforms(p, i);
    return e;
}

void programs_init(struct program_sets *p)
{
    *p = (struct program_sets){0};
    glGenBuffers(1, &p->block);
    glBindBuffer(GL_UNIFORM_BUFFER, p->block);
    glBufferData(GL_UNIFORM_BUFFER, sizeof(struct frame_block), NULL, GL_DYNAMIC_DRAW);
}

enum err programs_get(struct program_sets *p, unsigned with, const struct programs **out,
                      struct why *why)
{
    struct programs *set = &p->set[with];

    for (int i = 0; i < PROGRAMS && !set->there; i++) {
        enum err e = link_one(set, i, with, why);

        if (e != OK)
            return e;
    }
    set->there = true;
    *out = set;
    return OK;
}

void programs_close(struct program_sets *p)
{
    for (int k = 0; k < VARIANTS; k++)
        for (int i = 0; i < PROGRAMS; i++)
            if (p->set[k].id[i])
                glDeleteProgram(p->set[k].id[i]);
    if (p->block)
        glDeleteBuffers(1, &p->block);
    *p = (struct program_sets){0};
}

void programs_frame(const struct program_sets *p, const struct frame_block *f)
{
    glBindBuffer(GL_UNIFORM_BUFFER, p->block);
    glBufferSubData(GL_UNIFORM_BUFFER, 0, sizeof *f, f);
    glBindBufferBase(GL_UNIFORM_BUFFER, 0, p->block);
}
