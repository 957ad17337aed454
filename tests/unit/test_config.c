#include "daemon/config.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct config *c;
static struct why why;

static enum err parse(const char *text)
{
    return config_parse(text, strlen(text), "a.yaml", "/etc/o", NULL, 0, &c, &why);
}

static void refused(const char *text, const char *said)
{
    cr_expect_eq(parse(text), ERR_FORMAT, "%s", text);
    cr_expect_null(c);
    cr_expect_str_eq(why.text, said);
}

Test(config, defaults)
{
    cr_assert_eq(parse("cameras: [{name: front}]"), OK, "%s", why.text);
    cr_assert_eq(c->mode, MODE_LIVE);
    cr_assert_str_eq(c->in.bind[0].text, "tcp://127.0.0.1:5701");
    cr_assert_str_eq(c->out.bind[0].text, "tcp://127.0.0.1:5702");
    cr_assert_eq(c->in.n_bind, 1);
    cr_assert_eq(c->in.n_connect, 0);
    cr_assert_eq(c->status_hz, 2);
    cr_assert_eq(c->log, LOG_INFO);
    cr_assert_eq(c->tracker, TRACKER_LSTM);
    cr_assert_eq(c->n_networks, 0);
    cr_assert_eq(c->n_cameras, 1);
    cr_assert_eq(c->camera[0].rate_hz, 20);
    cr_assert_eq(c->camera[0].calibration.camera.width, 0);
    config_close(c);
}

Test(config, everything)
{
    cr_assert_eq(parse("mode: lockstep\n"
                       "vehicle: truck.2\n"
                       "bus:\n"
                       "  in: {bind: [], connect: ['ipc:///tmp/x', 'tcp://10.0.0.1:1']}\n"
                       "status_hz: 4.5\n"
                       "log: debug\n"
                       "threads: 3\n"
                       "cpu: c\n"
                       "networks: [{model: a.onnx, decoder: ssd, score_min: 0.25, nms_iou: 0.5}]\n"
                       "cameras:\n"
                       "  - name: front\n"
                       "  - name: rear\n"
                       "    rate_hz: 12.5\n"
                       "    networks: [{model: /m/b.onnx}]\n"
                       "    calibration:\n"
                       "      {width: 640, height: 480, model: fisheye, fx: 300.123456, fy: 300,\n"
                       "       cx: 320, cy: 240, distortion: [0.1, -0.02], x_m: 1, y_m: -0.5,\n"
                       "       z_m: 1.5, roll_rad: 0.01, pitch_rad: -0.02, yaw_rad: 3.1,\n"
                       "       sigma_pitch_rad: 0.004, sigma_z_m: 0.02}\n"),
                 OK, "%s", why.text);
    const struct camera *cam = &c->camera[1].calibration.camera;

    cr_assert_eq(c->mode, MODE_LOCKSTEP);
    cr_assert_str_eq(c->vehicle, "truck.2");
    cr_assert_eq(c->in.n_bind, 0);
    cr_assert_eq(c->in.n_connect, 2);
    cr_assert_str_eq(c->in.connect[1].text, "tcp://10.0.0.1:1");
    cr_assert_eq(c->threads, 3);
    cr_assert_eq(config_threads(c), 3);
    cr_assert_eq(c->cpu_mask, 0);
    cr_assert_eq(cam->model, CAMERA_FISHEYE);
    cr_assert_float_eq(cam->fx, 300.123456, 1e-4);
    cr_assert_eq(c->camera[1].calibration.n_distortion, 2);
    cr_assert_float_eq(cam->distortion[1], -0.02, 1e-6);
    cr_assert_eq(cam->distortion[2], 0);
    cr_assert_float_eq(cam->yaw_rad, 3.1, 1e-6);

    struct perception_config p = config_perception(c, 0, NULL);
    cr_assert_eq(p.n_networks, 1);
    cr_assert_str_eq(p.network[0].model, "/etc/o/a.onnx");
    cr_assert_str_eq(p.network[0].decoder, "ssd");
    cr_assert_float_eq(p.network[0].score_min, 0.25, 1e-6);
    p = config_perception(c, 1, NULL);
    cr_assert_str_eq(p.network[0].model, "/m/b.onnx");
    cr_assert_null(p.network[0].decoder);
    cr_assert(isnan(p.network[0].score_min));
    cr_assert_eq(p.camera.width, 640);
    config_close(c);
}

Test(config, errors_name_line_key_value_and_limit)
{
    refused("cameras:\n  - name: a\n    rate_hz: 5000\n",
            "a.yaml:3: cameras[0].rate_hz: 5000 is above 1000");
    refused("cameras:\n  - name: a\n    rate_hz: 0.01\n",
            "a.yaml:3: cameras[0].rate_hz: 0.01 is below 0.1");
    refused("cameras: [{name: a, rate_hz: fast}]",
            "a.yaml:1: cameras[0].rate_hz: 'fast' is not a number");
    refused("cameras: [{name: a, rate_hz: nan}]", "a.yaml:1: cameras[0].rate_hz: nan is below 0.1");
    refused("cameras: [{name: a, rate_hz: [1]}]",
            "a.yaml:1: cameras[0].rate_hz: is a list, must be one value");
    refused("cameras: [{name: a}]\nthreads: 1.5", "a.yaml:2: threads: 1.5 is not a whole number");
    refused("cameras: [{name: a}]\nmode: fast", "a.yaml:2: mode: 'fast' is none of live, lockstep");
    refused("cameras: {name: a}", "a.yaml:1: cameras: is a mapping, must be a list");
    refused("cameras: []", "a.yaml:1: cameras: 0 entries, at least 1");
    refused("mode: live\n", "a.yaml:1: key 'cameras' is missing");
    refused("cameras:\n- rate_hz: 5\n", "a.yaml:2: cameras[0]: key 'name' is missing");
    refused("- a\n", "a.yaml:1: is a list, must be a mapping");
    refused("cameras: [{name: a}]\nbus: {in: {bind: [1, 2, 3, 4, 5, 6, 7, 8, 9]}}",
            "a.yaml:2: bus.in.bind: 9 entries, at most 8");
    refused("cameras: [{name: ''}]", "a.yaml:1: cameras[0].name: is empty");
    refused("cameras: [{name: a}]\ncpu: z80",
            "a.yaml:2: cpu: cpu level 'z80' is not one of c, avx2, avx512, vnni, "
            "neon, native");
}

Test(config, unknown_and_double_keys)
{
    refused("camera: [{name: a}]", "a.yaml:1: unknown key 'camera'; did you mean 'cameras'?");
    refused("cameras:\n- name: a\n  rate: 3\n",
            "a.yaml:3: cameras[0]: unknown key 'rate'; did you mean 'rate_hz'?");
    refused("cameras: [{name: a}]\nbus:\n  ni: {}\n",
            "a.yaml:3: bus: unknown key 'ni'; did you mean 'in'?");
    refused("mode: live\nmode: live\ncameras: [{name: a}]", "a.yaml:2: key 'mode' is there twice");
    refused("cameras: [{name: a}]\n? [x]\n: y\n", "a.yaml:2: a key must be one short word");
}

Test(config, what_belongs_together)
{
    refused("cameras:\n- name: a\n- name: b\n- name: a\n",
            "a.yaml:4: cameras[2].name: another camera has this name");
    refused("cameras:\n- name: a/b\n",
            "a.yaml:2: cameras[0].name: only letters, digits and _ . - may be in a name");
    refused("cameras: [{name: a}]\nbus:\n  out: {bind: []}\n",
            "a.yaml:3: bus.out: needs an endpoint to bind or to connect");
    cr_expect_eq(parse("cameras:\n- name: a\n  calibration: {width: 640, height: 480, fx: 300,\n"
                       "    fy: 300, cx: 9000, cy: 240, z_m: 1.5}\n"),
                 ERR_FORMAT);
    cr_expect_eq(strncmp(why.text, "a.yaml:3: cameras[0].calibration: ", 34), 0, "%s", why.text);
}

Test(config, set_goes_on_top_before_judgement)
{
    const char *text = "cameras: [{name: a, rate_hz: 5000}]";
    const char *good[] = {"cameras.0.rate_hz=10", "cameras.1={name: b}",
                          "bus.in.bind=['ipc://@x']"};
    const char *bad[] = {"cameras.0.rate_hz=-1"};

    cr_assert_eq(config_parse(text, strlen(text), "a.yaml", "", good, 3, &c, &why), OK, "%s",
                 why.text);
    cr_assert_eq(c->camera[0].rate_hz, 10);
    cr_assert_str_eq(c->camera[1].name, "b");
    cr_assert_str_eq(c->in.bind[0].text, "ipc://@x");
    config_close(c);
    cr_assert_eq(config_parse(text, strlen(text), "a.yaml", "", bad, 1, &c, &why), ERR_FORMAT);
    cr_assert_str_eq(why.text, "a.yaml: --set: cameras[0].rate_hz: -1 is below 0.1");
}

Test(config, effective_text_is_canonical)
{
    struct config *again;
    char id[MESSAGE_MAX_NAME];

    cr_assert_eq(parse("cameras: [{rate_hz: 2e1, name: a}]\nmode: live # as ever\nlog:\n"), OK);
    cr_assert_eq(config_parse(c->text, strlen(c->text), "b.yaml", "/", NULL, 0, &again, &why), OK,
                 "%s", why.text);
    cr_assert_str_eq(c->text, again->text);
    cr_assert_str_eq(c->id, again->id);
    cr_assert_eq(strncmp(c->id, "cfg-", 4), 0);
    strcpy(id, c->id);
    config_close(again);
    config_close(c);
    cr_assert_eq(parse("cameras: [{name: a}]"), OK);
    cr_assert_str_eq(c->id, id, "a default is the same written out");
    config_close(c);
    cr_assert_eq(parse("cameras: [{name: a, rate_hz: 21}]"), OK);
    cr_assert_str_neq(c->id, id);
    config_close(c);
}

Test(config, aliases_are_followed_and_cycles_are_not)
{
    cr_assert_eq(parse("networks: [&n {model: m.onnx}]\ncameras: [{name: a, networks: [*n]}]"), OK,
                 "%s", why.text);
    cr_assert_str_eq(c->camera[0].network[0].model, "/etc/o/m.onnx");
    config_close(c);
    cr_assert_eq(parse("cameras: &c [{name: a, networks: *c}]"), ERR_FORMAT);
    cr_assert_eq(parse("&x ? *x : *x"), ERR_FORMAT);
}

Test(config, the_example_is_good)
{
    cr_assert_eq(config_load("daemon/outriderd.yaml", NULL, 0, &c, &why), OK, "%s", why.text);
    config_close(c);
    cr_assert_eq(config_load("daemon/none.yaml", NULL, 0, &c, &why), ERR_IO);
    cr_assert_str_eq(why.text, "daemon/none.yaml: No such file or directory");
}

Test(config, help_has_every_key)
{
    char *text;
    size_t n;
    FILE *f = open_memstream(&text, &n);

    config_help(f);
    fclose(f);
    cr_assert(strstr(text, "rate_hz:"));
    cr_assert(strstr(text, "0.1 .. 1000"));
    cr_assert(strstr(text, "live|lockstep"));
    cr_assert(strstr(text, "sigma_pitch_rad:"));
    free(text);
}
