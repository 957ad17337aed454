#include "tests/limited_net.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perception/nn/inspect.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum {
    ROOM = 320 << 20, /* all that loading may take: tensors, constants, tables, the file unpacked */
    SECONDS = 60,
};

static void limit_child(void)
{
    struct rlimit cpu = {SECONDS, SECONDS}, space;
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    cr_assert(f && fscanf(f, "%lu", &pages) == 1);
    fclose(f);
    space.rlim_cur = space.rlim_max = pages * (unsigned long)sysconf(_SC_PAGESIZE) + ROOM;
    setrlimit(RLIMIT_CPU, &cpu);
    if (!SANITIZED)
        setrlimit(RLIMIT_AS, &space);
}

struct answer open_limited(const char *path, const void *bytes, size_t n)
{
    const struct net_options opt = {.cpu_mask = ~0u, .memory_limit = LIMITED_MEMORY};
    struct answer a = {.e = ERR_AGAIN};
    struct why why = {""};
    struct net *net;
    int fd[2], status;
    pid_t pid;

    cr_assert_eq(pipe(fd), 0);
    if ((pid = fork()) == 0) {
        limit_child();
        a.e = path ? net_open(path, &opt, &net, &why) : net_open_memory(bytes, n, &opt, &net, &why);
        a.n_nodes = a.e == OK ? net_graph(net)->n_nodes : 0;
        memcpy(a.text, why.text, sizeof a.text);
        _exit(write(fd[1], &a, sizeof a) != sizeof a);
    }
    close(fd[1]);
    cr_assert_geq(pid, 0);
    const ssize_t got = read(fd[0], &a, sizeof a);

    close(fd[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(got == sizeof a && WIFEXITED(status) && WEXITSTATUS(status) == 0,
              "ended by signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return a;
}

struct answer open_limited_model(struct model *m)
{
    size_t n;
    const uint8_t *bytes = model_pack(m, &n);
    const struct answer a = open_limited(NULL, bytes, n);

    model_free(m);
    return a;
}

void limited_node_refused(struct model *m, const char *type)
{
    char named[64];

    snprintf(named, sizeof named, "(%s): ", type);
    model_output(m, "y");
    const struct answer a = open_limited_model(m);

    cr_assert(a.e != OK && a.e != ERR_NOMEM, "%s: %s: %s", type, err_name(a.e), a.text);
    cr_assert(strstr(a.text, named), "'%s' is not in: %s", named, a.text);
}

int limited_nodes_left(struct model *m)
{
    const struct answer a = open_limited_model(m);

    cr_assert_eq(a.e, OK, "%s", a.text);
    return a.n_nodes;
}
