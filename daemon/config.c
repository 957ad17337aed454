/* The table below says everything about a key: name, type and place (to libcyaml), default, range
 * and meaning. The user's tree is settled against it into a second tree that holds every key, in
 * the table's order: unknown keys, types, ranges and lengths are judged there, where lines are
 * known. libcyaml then puts the settled text into struct config. */
#include "daemon/config.h"

#include <assert.h>
#include <cyaml/cyaml.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/tree.h"
#include "perception/kernels/kernels.h"

struct key {
    cyaml_schema_field_t field;
    const char *fallback;     /* as one would write it; NULL: must be given */
    double min, max;          /* of numbers */
    const struct key *inside; /* keys of the mapping, or of each mapping in the list */
    const char *help;
};

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define END                                                                                        \
    {                                                                                              \
        .field = CYAML_FIELD_END                                                                   \
    }
#define PLAIN CYAML_FLAG_DEFAULT

/* Places, as the macros of libcyaml take them: key, struct, member. */
#define TEXT(key, s, m, min) CYAML_FIELD_STRING(key, PLAIN, struct s, m, min)
#define REAL(key, s, m) CYAML_FIELD_FLOAT(key, PLAIN, struct s, m)
#define WHOLE(key, s, m) CYAML_FIELD_INT(key, PLAIN, struct s, m)
#define CHOICE(key, s, m, names)                                                                   \
    CYAML_FIELD_ENUM(key, CYAML_FLAG_STRICT, struct s, m, names, COUNT(names))
#define LIST(key, s, m, n, entry, min, max)                                                        \
    CYAML_FIELD_SEQUENCE_COUNT(key, PLAIN, struct s, m, n, entry, min, max)
#define GROUP(key, flags, s, m, fields) CYAML_FIELD_MAPPING(key, flags, struct s, m, fields)

/* ---- the table ----------------------------------------------------------------------------- */

static const cyaml_strval_t modes[] = {{"live", MODE_LIVE}, {"lockstep", MODE_LOCKSTEP}};
static const cyaml_strval_t levels[] = {
    {"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}};
static const cyaml_strval_t trackers[] = {{"kalman", TRACKER_KALMAN}};
static const cyaml_strval_t lenses[] = {{"pinhole", CAMERA_PINHOLE}, {"fisheye", CAMERA_FISHEYE}};

static const cyaml_schema_value_t endpoint = {
    CYAML_VALUE_STRING(PLAIN, struct endpoint, 1, CONFIG_MAX_TEXT - 1)};
static const cyaml_schema_value_t number = {CYAML_VALUE_FLOAT(PLAIN, float)};

static const struct key end_keys[] = {
    {LIST("bind", bus_config, bind, n_bind, &endpoint, 0, CONFIG_MAX_ENDPOINTS), "[]", 0, 0, NULL,
     "endpoints to open: tcp://ADDRESS:PORT, ipc://PATH"},
    {LIST("connect", bus_config, connect, n_connect, &endpoint, 0, CONFIG_MAX_ENDPOINTS), "[]", 0,
     0, NULL, "endpoints that others opened"},
    END};
static cyaml_schema_field_t end_fields[COUNT(end_keys)];

static const struct key bus_keys[] = {
    {GROUP("in", PLAIN, config, in, end_fields), "{bind: ['tcp://127.0.0.1:5701']}", 0, 0, end_keys,
     "where frames, ego motion and calibrations come from"},
    {GROUP("out", PLAIN, config, out, end_fields), "{bind: ['tcp://127.0.0.1:5702']}", 0, 0,
     end_keys, "where objects, lanes, calibrations and status go"},
    END};
static cyaml_schema_field_t bus_fields[COUNT(bus_keys)];

static const struct key network_keys[] = {
    {TEXT("model", network_config, model, 1), NULL, 0, 0, NULL,
     "ONNX file; relative to the folder of this file"},
    {TEXT("decoder", network_config, decoder, 0), "''", 0, 0, NULL,
     "ssd, yolox, fastestdet, lstr or lane-masks; empty: found out from the model"},
    {REAL("score_min", network_config, score_min), "nan", 0, 1, NULL,
     "weaker detections are left out; nan: the decoder's own"},
    {REAL("nms_iou", network_config, nms_iou), "nan", 0, 1, NULL,
     "boxes overlapping more are one; nan: the decoder's own"},
    END};
static cyaml_schema_field_t network_fields[COUNT(network_keys)];
static const cyaml_schema_value_t network = {
    CYAML_VALUE_MAPPING(PLAIN, struct network_config, network_fields)};

#define OF calibration_config
static const struct key calibration_keys[] = {
    {WHOLE("width", OF, camera.width), NULL, 1, IMAGE_MAX_SIDE, NULL,
     "px; the picture that fx to cy are for"},
    {WHOLE("height", OF, camera.height), NULL, 1, IMAGE_MAX_SIDE, NULL, "px"},
    {CHOICE("model", OF, camera.model, lenses), "pinhole", 0, 0, NULL, "of the lens"},
    {REAL("fx", OF, camera.fx), NULL, 1, 1e6, NULL, "px"},
    {REAL("fy", OF, camera.fy), NULL, 1, 1e6, NULL, "px"},
    {REAL("cx", OF, camera.cx), NULL, -1e6, 1e6, NULL, "px; 0 is the edge of the picture"},
    {REAL("cy", OF, camera.cy), NULL, -1e6, 1e6, NULL, "px"},
    {LIST("distortion", OF, camera.distortion, n_distortion, &number, 0, CAMERA_DISTORTION), "[]",
     -1e3, 1e3, NULL, "pinhole: k1 k2 p1 p2 k3 k4 k5 k6; fisheye: k1 k2 k3 k4"},
    {REAL("x_m", OF, camera.x_m), "0", -100, 100, NULL,
     "camera in front of the rear axle's centre"},
    {REAL("y_m", OF, camera.y_m), "0", -100, 100, NULL, "to the left of it"},
    {REAL("z_m", OF, camera.z_m), NULL, 0.1, 10, NULL, "above the ground"},
    {REAL("roll_rad", OF, camera.roll_rad), "0", -1.58, 1.58, NULL, "right side down > 0"},
    {REAL("pitch_rad", OF, camera.pitch_rad), "0", -1.58, 1.58, NULL, "nose down > 0"},
    {REAL("yaw_rad", OF, camera.yaw_rad), "0", -3.15, 3.15, NULL, "to the left > 0"},
    {REAL("sigma_pitch_rad", OF, camera.sigma_pitch_rad), "0", 0, 1, NULL,
     "of the mount and the body's motion; 0: 0.005"},
    {REAL("sigma_z_m", OF, camera.sigma_z_m), "0", 0, 10, NULL, "0: 0.03"},
    END};
#undef OF
static cyaml_schema_field_t calibration_fields[COUNT(calibration_keys)];

static const struct key camera_keys[] = {
    {TEXT("name", camera_config, name, 1), NULL, 0, 0, NULL,
     "frames come as frame/NAME; letters, digits and _ . -"},
    {REAL("rate_hz", camera_config, rate_hz), "20", 0.1, 1000, NULL,
     "frames a second to expect; messages leave at this rate"},
    {GROUP("calibration", CYAML_FLAG_OPTIONAL, camera_config, calibration, calibration_fields),
     NULL, 0, 0, calibration_keys, "without it objects and lanes stay in pixels"},
    {LIST("networks", camera_config, network, n_networks, &network, 0, PERCEPTION_MAX_NETWORKS),
     "[]", 0, 0, network_keys, "in place of the common ones"},
    END};
static cyaml_schema_field_t camera_fields[COUNT(camera_keys)];
static const cyaml_schema_value_t camera = {
    CYAML_VALUE_MAPPING(PLAIN, struct camera_config, camera_fields)};

static const struct key keys[] = {
    {CHOICE("mode", config, mode, modes), "live", 0, 0, NULL,
     "live: the newest frame wins; lockstep: every frame is answered, in order"},
    {TEXT("vehicle", config, vehicle, 1), "car", 0, 0, NULL, "ego motion comes as ego/NAME"},
    /* A mapping of its own for the eye only: its places are those of struct config. */
    {{.key = "bus", .value = {CYAML_VALUE_MAPPING(PLAIN, struct config, bus_fields)}},
     "{}",
     0,
     0,
     bus_keys,
     "ZeroMQ endpoints"},
    {REAL("status_hz", config, status_hz), "2", 2, 100, NULL, "status messages a second"},
    {CHOICE("log", config, log, levels), "info", 0, 0, NULL, "least important lines on stderr"},
    {WHOLE("threads", config, threads), "0", 0, 64, NULL,
     "for each camera's networks; 0: its share of the cores"},
    {TEXT("cpu", config, cpu, 1), "native", 0, 0, NULL,
     "instructions the kernels may use: c, avx2, avx512, vnni, neon, native"},
    {CHOICE("tracker", config, tracker, trackers), "kalman", 0, 0, NULL, "how tracks are filtered"},
    {LIST("networks", config, network, n_networks, &network, 0, PERCEPTION_MAX_NETWORKS), "[]", 0,
     0, network_keys, "of each kind of output the first that gives it wins"},
    {LIST("cameras", config, camera, n_cameras, &camera, 1, MESSAGE_MAX_CAMERAS), NULL, 0, 0,
     camera_keys, "one entry each"},
    END};
static cyaml_schema_field_t fields[COUNT(keys)];
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, fields)};

/* libcyaml wants its fields side by side. */
static void fields_from(const struct key *k, cyaml_schema_field_t *f)
{
    do
        *f++ = k->field;
    while (k++->field.key);
}

static void schema_init(void)
{
    fields_from(end_keys, end_fields);
    fields_from(bus_keys, bus_fields);
    fields_from(network_keys, network_fields);
    fields_from(calibration_keys, calibration_fields);
    fields_from(camera_keys, camera_fields);
    fields_from(keys, fields);
}

/* ---- settling: the user's tree -> every key, judged ---------------------------------------- */

struct settling {
    struct tree *from;
    yaml_document_t to;
    const char *name; /* of the file */
    struct why *why;
    char path[160]; /* "cameras[0].rate_hz": where we are */
    int node;       /* there, in from */
};

static int settle(struct settling *s, const struct key *k, int node); /* -> node in to; 0: why */

/* Always 0, after saying what is wrong with the value at s->path. */
static int refuse(struct settling *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int refuse(struct settling *s, const char *fmt, ...)
{
    int line = tree_line(s->from, s->node);
    struct why what;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what.text, sizeof what.text, fmt, ap);
    va_end(ap);
    if (line)
        err_say(s->why, ERR_FORMAT, "%s:%d: %s%s%s", s->name, line, s->path, *s->path ? ": " : "",
                what.text);
    else
        err_say(s->why, ERR_FORMAT, "%s: --set: %s: %s", s->name, s->path, what.text);
    return 0;
}

static const char *kind_name(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE     ? "one value"
           : n->type == YAML_SEQUENCE_NODE ? "a list"
                                           : "a mapping";
}

/* `networks:` with nothing behind it is as good as absent. */
static bool is_empty(const yaml_node_t *n)
{
    return n->type == YAML_SCALAR_NODE && n->data.scalar.length == 0 &&
           n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static int add_text(struct settling *s, const char *text, yaml_scalar_style_t style)
{
    return yaml_document_add_scalar(&s->to, NULL, (const yaml_char_t *)text, -1, style);
}

static int settle_number(struct settling *s, const struct key *k, bool whole, const char *text)
{
    char *end, plain[32];
    double v;

    if (k->fallback && !strcmp(text, k->fallback))
        return add_text(s, text, YAML_PLAIN_SCALAR_STYLE);
    v = strtod(text, &end);
    if (end == text || *end)
        return refuse(s, "'%s' is not a number", text);
    if (!(v >= k->min))
        return refuse(s, "%s is below %.10g", text, k->min);
    if (!(v <= k->max))
        return refuse(s, "%s is above %.10g", text, k->max);
    if (whole && v != floor(v))
        return refuse(s, "%s is not a whole number", text);
    snprintf(plain, sizeof plain, "%.9g", v);
    return add_text(s, plain, YAML_PLAIN_SCALAR_STYLE);
}

static int settle_choice(struct settling *s, const cyaml_schema_value_t *v, const char *text)
{
    char known[160] = "";

    for (uint32_t i = 0; i < v->enumeration.count; i++) {
        size_t n = strlen(known);

        if (!strcmp(text, v->enumeration.strings[i].str))
            return add_text(s, text, YAML_PLAIN_SCALAR_STYLE);
        snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", v->enumeration.strings[i].str);
    }
    return refuse(s, "'%s' is none of %s", text, known);
}

static int settle_text(struct settling *s, const cyaml_schema_value_t *v, const char *text,
                       size_t size)
{
    if (size < v->string.min)
        return refuse(s, "is empty");
    if (size > v->string.max)
        return refuse(s, "%zu bytes, at most %u", size, v->string.max);
    return add_text(s, text, size ? YAML_ANY_SCALAR_STYLE : YAML_SINGLE_QUOTED_SCALAR_STYLE);
}

static int settle_scalar(struct settling *s, const struct key *k, const cyaml_schema_value_t *v,
                         const yaml_node_t *n)
{
    const char *text = (const char *)n->data.scalar.value;

    if (n->type != YAML_SCALAR_NODE)
        return refuse(s, "is %s, must be one value", kind_name(n));
    if (strlen(text) != n->data.scalar.length)
        return refuse(s, "has a zero byte");
    switch (v->type) {
    case CYAML_INT:
        return settle_number(s, k, true, text);
    case CYAML_FLOAT:
        return settle_number(s, k, false, text);
    case CYAML_ENUM:
        return settle_choice(s, v, text);
    default:
        return settle_text(s, v, text, n->data.scalar.length);
    }
}

/* How far the written word is from the key meant: changes from one to the other (Levenshtein), and
 * next to nothing for a key that was cut short. */
static unsigned distance(const char *a, const char *b)
{
    enum { MAX = 31 };
    unsigned row[MAX + 1];
    size_t n = strlen(b);

    assert(n <= MAX);
    if (*a && !strncmp(a, b, strlen(a)))
        return 1;
    for (unsigned i = 0; i <= n; i++)
        row[i] = i;
    for (unsigned k = 1; *a; a++, k++) {
        unsigned diagonal = row[0];

        row[0] = k;
        for (size_t i = 1; i <= n; i++) {
            unsigned change = diagonal + (*a != b[i - 1]);

            diagonal = row[i];
            row[i] = change < row[i] + 1 ? change : row[i] + 1;
            row[i] = row[i] < row[i - 1] + 1 ? row[i] : row[i - 1] + 1;
        }
    }
    return row[n];
}

/* Every key that the user wrote is one of ours, and there once. */
static bool check_keys(struct settling *s, const struct key *known, int node)
{
    yaml_node_t *n = yaml_document_get_node(&s->from->document, node);
    unsigned seen = 0;

    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *key = yaml_document_get_node(&s->from->document, p->key);
        const char *text = (const char *)key->data.scalar.value;
        const struct key *nearest = known, *k = known;

        s->node = p->key;
        if (key->type != YAML_SCALAR_NODE || key->data.scalar.length > 64)
            return refuse(s, "a key must be one short word");
        for (; k->field.key && strcmp(k->field.key, text); k++)
            if (distance(text, k->field.key) < distance(text, nearest->field.key))
                nearest = k;
        if (!k->field.key)
            return refuse(s, "unknown key '%s'; did you mean '%s'?", text, nearest->field.key);
        if (seen & 1u << (k - known))
            return refuse(s, "key '%s' is there twice", text);
        seen |= 1u << (k - known);
    }
    return true;
}

/* The value behind a key in a mapping; 0: absent. */
static int value_of(struct settling *s, int mapping, const char *name)
{
    yaml_node_t *n = yaml_document_get_node(&s->from->document, mapping);

    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        yaml_node_t *key = yaml_document_get_node(&s->from->document, p->key);

        if (!strcmp((const char *)key->data.scalar.value, name))
            return is_empty(yaml_document_get_node(&s->from->document, p->value)) ? 0 : p->value;
    }
    return 0;
}

static int settle_mapping(struct settling *s, const struct key *known, int node)
{
    yaml_node_t *n = yaml_document_get_node(&s->from->document, node);
    size_t length = strlen(s->path);
    int out;

    s->node = node;
    if (n->type != YAML_MAPPING_NODE)
        return refuse(s, "is %s, must be a mapping", kind_name(n));
    if (!check_keys(s, known, node))
        return 0;
    out = yaml_document_add_mapping(&s->to, NULL, YAML_BLOCK_MAPPING_STYLE);
    for (const struct key *k = known; k->field.key; k++) {
        int from = value_of(s, node, k->field.key), name, value;

        if (!from && (k->field.value.flags & CYAML_FLAG_OPTIONAL))
            continue;
        s->node = node;
        if (!from && !k->fallback)
            return refuse(s, "key '%s' is missing", k->field.key);
        if (!from)
            from = tree_add(s->from, k->fallback);
        snprintf(s->path + length, sizeof s->path - length, "%s%s", length ? "." : "",
                 k->field.key);
        value = settle(s, k, from);
        s->path[length] = '\0';
        if (!value)
            return 0;
        name = add_text(s, k->field.key, YAML_PLAIN_SCALAR_STYLE);
        if (!name || !yaml_document_append_mapping_pair(&s->to, out, name, value))
            return refuse(s, "no memory");
    }
    return out;
}

static int settle_list(struct settling *s, const struct key *k, int node)
{
    yaml_node_t *n = yaml_document_get_node(&s->from->document, node);
    const cyaml_schema_value_t *v = &k->field.value;
    size_t length = strlen(s->path), count;
    int out;

    if (n->type != YAML_SEQUENCE_NODE)
        return refuse(s, "is %s, must be a list", kind_name(n));
    count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    if (count < v->sequence.min)
        return refuse(s, "%zu entries, at least %u", count, v->sequence.min);
    if (count > v->sequence.max)
        return refuse(s, "%zu entries, at most %u", count, v->sequence.max);
    out = yaml_document_add_sequence(
        &s->to, NULL, k->inside ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE);
    for (size_t i = 0; i < count; i++) {
        int item, from;

        n = yaml_document_get_node(&s->from->document, node); /* defaults may have moved it */
        from = s->node = n->data.sequence.items.start[i];
        snprintf(s->path + length, sizeof s->path - length, "[%zu]", i);
        item = k->inside ? settle_mapping(s, k->inside, from)
                         : settle_scalar(s, k, v->sequence.entry,
                                         yaml_document_get_node(&s->from->document, from));
        s->path[length] = '\0';
        if (!item)
            return 0;
        if (!yaml_document_append_sequence_item(&s->to, out, item))
            return refuse(s, "no memory");
    }
    return out;
}

static int settle(struct settling *s, const struct key *k, int node)
{
    yaml_node_t *n = yaml_document_get_node(&s->from->document, node);

    s->node = node;
    if (!n)
        return refuse(s, "no memory");
    switch (k->field.value.type) {
    case CYAML_MAPPING:
        return settle_mapping(s, k->inside, node);
    case CYAML_SEQUENCE:
        return settle_list(s, k, node);
    default:
        return settle_scalar(s, k, &k->field.value, n);
    }
}

/* ---- what one key alone cannot tell -------------------------------------------------------- */

static bool name_ok(const char *name)
{
    return name[strspn(
               name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")] == '\0';
}

static int refuse_at(struct settling *s, const char *tree_path, const char *path, const char *what)
{
    int node = tree_find(s->from, tree_path);

    s->node = node ? node : 1;
    snprintf(s->path, sizeof s->path, "%s", path);
    return refuse(s, "%s", what);
}

static bool check_camera(struct settling *s, const struct config *c, unsigned i)
{
    const struct camera_config *cam = &c->camera[i];
    char at[64], path[64];
    struct why why;

    snprintf(at, sizeof at, "cameras.%u.name", i);
    snprintf(path, sizeof path, "cameras[%u].name", i);
    if (!name_ok(cam->name))
        return refuse_at(s, at, path, "only letters, digits and _ . - may be in a name");
    for (unsigned k = 0; k < i; k++)
        if (!strcmp(cam->name, c->camera[k].name))
            return refuse_at(s, at, path, "another camera has this name");
    snprintf(at, sizeof at, "cameras.%u.calibration", i);
    snprintf(path, sizeof path, "cameras[%u].calibration", i);
    if (cam->calibration.camera.width && camera_check(&cam->calibration.camera, &why) != OK)
        return refuse_at(s, at, path, why.text);
    return true;
}

static bool check_whole(struct settling *s, struct config *c)
{
    struct why why;

    for (unsigned i = 0; i < c->n_cameras; i++)
        if (!check_camera(s, c, i))
            return false;
    if (!name_ok(c->vehicle))
        return refuse_at(s, "vehicle", "vehicle",
                         "only letters, digits and _ . - may be in a name");
    if (c->in.n_bind + c->in.n_connect == 0)
        return refuse_at(s, "bus.in", "bus.in", "needs an endpoint to bind or to connect");
    if (c->out.n_bind + c->out.n_connect == 0)
        return refuse_at(s, "bus.out", "bus.out", "needs an endpoint to bind or to connect");
    if (cpu_parse(c->cpu, &c->cpu_mask, &why) != OK)
        return refuse_at(s, "cpu", "cpu", why.text);
    return true;
}

/* ---- loading ------------------------------------------------------------------------------- */

static const cyaml_config_t cyaml = {.mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};

void config_close(struct config *c)
{
    if (!c)
        return;
    free(c->text);
    cyaml_free(&cyaml, &schema, c, 0);
}

/* Relative paths start in the folder of the file. */
static enum err join_paths(struct network_config *n, unsigned count, const char *folder,
                           struct why *why)
{
    for (unsigned i = 0; i < count; i++) {
        char given[CONFIG_MAX_PATH];

        if (n[i].model[0] == '/' || !*folder)
            continue;
        memcpy(given, n[i].model, sizeof given);
        if (snprintf(n[i].model, sizeof n[i].model, "%s/%s", folder, given) >=
            (int)sizeof n[i].model)
            return err_say(why, ERR_LIMIT, "networks[%u].model: path of more than %d bytes", i,
                           CONFIG_MAX_PATH - 1);
    }
    return OK;
}

static void make_id(struct config *c)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    for (const char *t = c->text; *t; t++)
        hash = (hash ^ (unsigned char)*t) * 1099511628211u;
    snprintf(c->id, sizeof c->id, "cfg-%016" PRIx64, hash);
}

static enum err config_settled(struct settling *s, const char *folder, struct config **out)
{
    char *text = NULL;
    size_t size;
    cyaml_err_t ce;
    enum err e;

    if (!yaml_document_initialize(&s->to, NULL, NULL, NULL, 1, 1))
        return err_say(s->why, ERR_NOMEM, "%s: no memory", s->name);
    if (!settle_mapping(s, keys, 1)) {
        yaml_document_delete(&s->to);
        return ERR_FORMAT;
    }
    if (tree_text(&s->to, &text, &size) != OK)
        return err_say(s->why, ERR_NOMEM, "%s: no memory", s->name);
    schema_init();
    ce = cyaml_load_data((const uint8_t *)text, size, &cyaml, &schema, (void **)out, NULL);
    if (ce != CYAML_OK) {
        free(text);
        *out = NULL;
        return err_say(s->why, ERR_FORMAT, "%s: %s", s->name, cyaml_strerror(ce));
    }
    (*out)->text = text;
    make_id(*out);
    e = check_whole(s, *out) ? OK : ERR_FORMAT;
    if (e == OK)
        e = join_paths((*out)->network, (*out)->n_networks, folder, s->why);
    for (unsigned i = 0; e == OK && i < (*out)->n_cameras; i++)
        e = join_paths((*out)->camera[i].network, (*out)->camera[i].n_networks, folder, s->why);
    if (e != OK) {
        config_close(*out);
        *out = NULL;
    }
    return e;
}

enum err config_parse(const char *text, size_t size, const char *name, const char *folder,
                      const char *const *sets, int n_sets, struct config **out, struct why *why)
{
    struct tree t;
    struct settling s = {.from = &t, .name = name, .why = why};
    enum err e = tree_parse(&t, text, size, name, why);

    *out = NULL;
    if (e != OK)
        return e;
    for (int i = 0; e == OK && i < n_sets; i++)
        e = tree_set(&t, sets[i], why);
    if (e == OK)
        e = config_settled(&s, folder, out);
    tree_finish(&t);
    return e;
}

enum err config_load(const char *path, const char *const *sets, int n_sets, struct config **out,
                     struct why *why)
{
    char *text = malloc(TREE_MAX_BYTES + 1), *folder = strdup(path), *slash;
    FILE *f = fopen(path, "rb");
    size_t size;
    enum err e;

    *out = NULL;
    if (!text || !folder) {
        e = err_say(why, ERR_NOMEM, "%s: no memory", path);
    } else if (!f) {
        e = err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    } else {
        size = fread(text, 1, TREE_MAX_BYTES + 1, f);
        slash = strrchr(folder, '/');
        if (slash)
            *slash = '\0';
        if (ferror(f))
            e = err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
        else
            e = config_parse(text, size, path,
                             !slash    ? ""
                             : *folder ? folder
                                       : "/",
                             sets, n_sets, out, why);
    }
    if (f)
        fclose(f);
    free(folder);
    free(text);
    return e;
}

/* ---- reading it ---------------------------------------------------------------------------- */

static void range_text(const struct key *k, char *out, size_t size)
{
    const cyaml_schema_value_t *v = &k->field.value;

    out[0] = '\0';
    if (v->type == CYAML_SEQUENCE && v->sequence.entry->type != CYAML_FLOAT)
        snprintf(out, size, "up to %u", v->sequence.max);
    else if (k->min < k->max)
        snprintf(out, size, "%g .. %g", k->min, k->max);
    else if (v->type == CYAML_ENUM)
        for (uint32_t i = 0; i < v->enumeration.count; i++)
            snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? "|" : "",
                     v->enumeration.strings[i].str);
}

static void help(FILE *f, const struct key *k, int indent)
{
    for (; k->field.key; k++) {
        const cyaml_schema_value_t *v = &k->field.value;
        const char *fallback = k->fallback                        ? k->fallback
                               : (v->flags & CYAML_FLAG_OPTIONAL) ? "absent"
                                                                  : "(required)";
        char range[80];

        range_text(k, range, sizeof range);
        fprintf(f, "%*s%s:%*s %-11s %-18s %s\n", 2 * indent, "", k->field.key,
                (int)(19 - 2 * (size_t)indent - strlen(k->field.key)), "",
                !strcmp(fallback, "{}") ? "" : fallback, range, k->help);
        if (k->inside)
            help(f, k->inside, indent + 1);
    }
}

void config_help(FILE *f)
{
    fprintf(f, "%-20s %-11s %-18s %s\n", "key", "default", "range", "meaning");
    help(f, keys, 0);
}

static unsigned share_of_cores(unsigned n_cameras)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores > (long)n_cameras ? (unsigned)cores / n_cameras : 1;
}

int config_threads(const struct config *c)
{
    return c->threads ? c->threads : (int)share_of_cores(c->n_cameras);
}

struct perception_config config_perception(const struct config *c, int i, struct pool *pool)
{
    const struct camera_config *cam = &c->camera[i];
    const struct network_config *n = cam->n_networks ? cam->network : c->network;
    struct perception_config p = {.n_networks =
                                      (int)(cam->n_networks ? cam->n_networks : c->n_networks),
                                  .camera = cam->calibration.camera,
                                  .tracker = c->tracker};

    for (int k = 0; k < p.n_networks; k++)
        p.network[k] = (struct head_config){.model = n[k].model,
                                            .decoder = *n[k].decoder ? n[k].decoder : NULL,
                                            .score_min = n[k].score_min,
                                            .nms_iou = n[k].nms_iou,
                                            .cpu_mask = c->cpu_mask,
                                            .pool = pool};
    return p;
}
