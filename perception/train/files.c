/* Files that are whole or not there, and reading them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perception/train/graph.h"

/* The folder too, or a crash may forget the new name. */
static void sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    int fd;

    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!fsync(fd); /* not every file system can */
        close(fd);
    }
}

enum err file_replace(const char *path, const void *bytes, size_t n, struct why *why)
{
    char part[4096];
    FILE *f;
    bool fine;

    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return err_say(why, ERR_LIMIT, "%.80s...: the path is longer than %zu", path, sizeof part);
    if (!(f = fopen(part, "wbe")))
        return err_say(why, ERR_IO, "%s: %s", part, strerror(errno));
    fine = fwrite(bytes, 1, n, f) == n && fflush(f) == 0 && fsync(fileno(f)) == 0;
    if (fclose(f) != 0 || !fine || rename(part, path) != 0) {
        err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
        unlink(part);
        return ERR_IO;
    }
    sync_folder(path);
    return OK;
}

enum err file_bytes(const char *path, size_t most, unsigned char **bytes, size_t *n,
                    struct why *why)
{
    FILE *f = fopen(path, "rbe");
    const int error = errno;
    struct stat about;
    enum err e = OK;

    *bytes = NULL;
    if (!f) {
        err_say(why, ERR_IO, "%s: %s", path, strerror(error));
        errno = error;
        return ERR_IO;
    }
    if (fstat(fileno(f), &about) != 0 || !S_ISREG(about.st_mode))
        e = err_say(why, ERR_IO, "%s: not a regular file", path);
    *n = e == OK && (size_t)about.st_size <= most ? (size_t)about.st_size : most + 1;
    if (e == OK && !(*bytes = malloc(*n + 1)))
        e = err_say(why, ERR_NOMEM, "%s: no memory for %zu bytes", path, *n);
    if (e == OK)
        *n = fread(*bytes, 1, *n, f);
    if (e == OK && ferror(f))
        e = err_say(why, ERR_IO, "%s: cannot read", path);
    fclose(f);
    return e;
}
