/* How things look: asphalt, grass, paint and glass, leaves; and, in a second picture, which thing it
 * is. */
#include "sim/render/program.h"

/* uv are (s, d) in metres. v_color.a: how much road paint lies here; v_look.x: how worn it is. */
const char glsl_road[] =
    "in vec2 v_uv; in vec3 v_p; in vec3 v_n; in vec4 v_color; in vec4 v_look;\n"
    "layout(location = 0) out vec4 o_color; layout(location = 1) out uint o_id;\n"
    "flat in uint v_id;\n"
    "void main() {\n"
    "  vec3 n = normalize(v_n), v = -normalize(v_p);\n"
    "  vec4 fine = texture(t_noise, v_uv * 0.19), wide = texture(t_noise, v_uv * vec2(0.013, "
    "0.031));\n"
    "  vec3 base = mix(v_color.rgb, vec3(0.085), v_color.a);\n"
    "  vec3 c = base * (0.55 + 0.9 * fine.r) * (0.72 + 0.56 * wide.g);\n"
    "  c *= 1.0 - 0.40 * fine.a * smoothstep(0.55, 0.8, wide.b);\n"
    "  float worn = smoothstep(v_look.x - 0.25, v_look.x + 0.15, 0.6 * fine.g + 0.4 * fine.r + "
    "0.1);\n"
    "  float paint = v_color.a * (1.0 - 0.25 * (1.0 - fine.r)) * worn;\n"
    "  c = mix(c, v_color.rgb * (0.85 + 0.2 * fine.g), paint);\n"
    "  vec3 l = light(v_p, n, v_look.w);\n"
    "  float x = 1.0 - max(dot(n, v), 0.0), x2 = x * x, f = x2 * x2 * x;\n"
    "#ifdef WET\n"
    "  float wet = u_air.y;\n"
    "  float pool = wet * smoothstep(0.35, 0.7, wide.b * 0.7 + 0.3 * fine.g + 0.45 * wet - 0.2);\n"
    "  c *= 1.0 - 0.45 * wet;\n"
    "  vec3 r = reflect(-v, n + vec3(fine.rg - 0.5, 0.0) * 0.02); r.z = abs(r.z) + 0.03;\n"
    "  float mirror = (0.02 + 0.75 * f) * (0.55 * wet + 0.35 * pool) * v_look.w;\n"
    "  vec3 seen = mix(c * l, sky(normalize(r)), mirror);\n"
    "#else\n"
    "  vec3 seen = mix(c * l, u_horizon.rgb, 0.10 * f * v_look.w);\n"
    "#endif\n"
    "  o_id = v_id;\n"
    "  o_color = vec4(film(haze(seen, v_p)), 1.0);\n"
    "}\n";

const char glsl_terrain[] =
    "in vec2 v_uv; in vec3 v_p; in vec3 v_n; in vec4 v_color; in vec4 v_look;\n"
    "layout(location = 0) out vec4 o_color; layout(location = 1) out uint o_id;\n"
    "flat in uint v_id;\n"
    "void main() {\n"
    "  vec4 a = texture(t_noise, v_uv * 0.31), b = texture(t_noise, v_uv * 0.037);\n"
    "  vec3 c = v_color.rgb * (0.45 + 1.1 * a.g) * (0.6 + 0.8 * b.b);\n"
    "  c = mix(c, c * vec3(1.5, 1.25, 0.8), smoothstep(0.45, 0.75, b.g));\n"
    "  vec3 n = normalize(v_n + vec3(a.r - 0.5, b.r - 0.5, 0.0) * 0.5);\n"
    "  c *= 1.0 - 0.3 * u_air.y;\n"
    "  o_id = v_id;\n"
    "  o_color = vec4(film(haze(c * light(v_p, n, v_look.w), v_p)), 1.0);\n"
    "}\n";

/* v_look: specular at right angles, gloss, light of its own, ambient occlusion. */
const char glsl_solid[] =
    "in vec2 v_uv; in vec3 v_p; in vec3 v_n; in vec4 v_color; in vec4 v_look;\n"
    "layout(location = 0) out vec4 o_color; layout(location = 1) out uint o_id;\n"
    "flat in uint v_id;\n"
    "void main() {\n"
    "  vec3 n = normalize(v_n), v = -normalize(v_p);\n"
    "  float c0 = dot(n, v); n = c0 < 0.0 ? -n : n; float x = 1.0 - abs(c0);\n"
    "  vec3 c = v_color.rgb * light(v_p, n, v_look.w);\n"
    "  float x2 = x * x, f = v_look.x + (1.0 - v_look.x) * x2 * x2 * x;\n"
    "  vec3 r = reflect(-v, n);\n"
    "  vec3 env = sky(r) * v_look.w;\n"
    "  c = mix(c, env, f * v_look.y);\n"
    "#ifdef SUN\n"
    "  float e = exp2(3.0 + 7.0 * v_look.y);\n"
    "  c += u_sun_color.rgb * min(exp2(1.44 * e * (dot(r, u_sun.xyz) - 1.0)) * e * 0.06, 12.0) * f "
    "* v_look.y;\n"
    "#endif\n"
    "  c += v_color.rgb * v_look.z;\n"
    "  o_id = v_id;\n"
    "  o_color = vec4(film(haze(c, v_p)), 1.0);\n"
    "}\n";

const char glsl_foliage[] =
    "in vec2 v_uv; in vec3 v_p; in vec3 v_n; in vec4 v_color; in vec4 v_look;\n"
    "layout(location = 0) out vec4 o_color; layout(location = 1) out uint o_id;\n"
    "flat in uint v_id;\n"
    "void main() {\n"
    "  vec4 t = texture(t_leaves, v_uv);\n"
    "  if (t.a < 0.5) discard;\n"
    "  vec3 n = normalize(v_n);\n"
    "  vec3 l = mix(u_ground_light.rgb, u_sky_light.rgb, 0.5 + 0.5 * n.z) * v_look.w;\n"
    "#ifdef SUN\n"
    "  l += u_sun_color.rgb * (0.3 + 0.5 * max(dot(n, u_sun.xyz), 0.0)) * sunlit(v_p, n * 4.0);\n"
    "#endif\n"
    "#ifdef LAMPS\n"
    "  l += lamplight(v_p, n);\n"
    "#endif\n"
    "  o_id = v_id;\n"
    "  o_color = vec4(film(haze(v_color.rgb * (0.5 + t.g) * l, v_p)), 1.0);\n"
    "}\n";

/* uv -1..1 over the footprint; uv length 1 is its rim. */
const char glsl_blob[] =
    "in vec2 v_uv; in vec3 v_p; in vec3 v_n; in vec4 v_color; in vec4 v_look;\n"
    "layout(location = 0) out vec4 o_color;\n"
    "void main() {\n"
    "  vec2 q = max(abs(v_uv) - vec2(0.55), 0.0) / 0.45;\n"
    "  float a = 1.0 - clamp(length(q), 0.0, 1.0);\n"
    "  o_color = vec4(0.0, 0.0, 0.0, v_look.w * a * (2.0 - a) * 0.85);\n"
    "}\n";

/* Sprites that add light: four corners round a place. */
const char glsl_glow_vertex[] =
    "layout(location = 0) in vec4 a_place; layout(location = 1) in vec4 a_color;\n"
    "out vec2 v_q; out vec3 v_c;\n"
    "void main() {\n"
    "  vec2 q = vec2(gl_VertexID % 4 == 1 || gl_VertexID % 4 == 2 ? 1.0 : -1.0,\n"
    "                gl_VertexID % 4 >= 2 ? 1.0 : -1.0);\n"
    "  vec3 right = normalize(u_ray[0].xyz), down = normalize(u_ray[1].xyz);\n"
    "  vec3 p = a_place.xyz * 0.995 + (right * q.x + down * q.y) * a_place.w;\n"
    "  gl_Position = u_view * vec4(p, 1.0); v_q = q;\n"
    "  v_c = a_color.rgb * exp(-length(a_place.xyz) * u_fog.w);\n"
    "}\n";

const char glsl_glow[] = "in vec2 v_q; in vec3 v_c; layout(location = 0) out vec4 o_color;\n"
                         "void main() {\n"
                         "  float r = dot(v_q, v_q), k = max(1.0 - r, 0.0); k *= k;\n"
                         "  float core = k * k * k;\n"
                         "  o_color = vec4(v_c * (0.35 * k * k + core * core), 1.0);\n"
                         "}\n";
