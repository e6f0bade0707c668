// A file system and a machine with faults: loaded into a process with LD_PRELOAD. Each fault is asked for by a variable:
//   TRACE=FILE         writes down what is done to files, a line a call
//   LINKS=none         hard links are refused
//   LINKS=symbolic     hard links become symbolic links
//   RENAMES=replacing  a rename that does not replace is refused
//   KILL_AT=TEXT       the process dies before it writes into a file whose path holds TEXT
//   UNREADABLE=TEXT    the names in a folder whose path holds TEXT cannot be read
//   BUSY=TEXT          files whose path holds TEXT cannot be removed; with STUCK set, not renamed either
//   STALE=TEXT         fsync of a file whose path holds TEXT says that it is stale
//   THREADS=N          the process gets no more than N threads
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

typedef char text[8192];

static void path_of(int file, const char *name, text path) {
    char link[64];
    if (name && name[0] == '/') { snprintf(path, sizeof(text), "%s", name); return; }
    snprintf(link, sizeof link, file == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, 4095);
    if (length < 0) length = 0;
    path[length] = 0;
    if (name) snprintf(path + length, sizeof(text) - length, "/%s", name);
}

static int asks(const char *fault, const char *path) {
    const char *part = getenv(fault);
    return part && *part && strstr(path, part);
}

static int is(const char *fault, const char *value) {
    const char *found = getenv(fault);
    return found && strcmp(found, value) == 0;
}

static void trace(const char *call, const char *path, const char *other) {
    static atomic_int file = -1;
    const char *name = getenv("TRACE");
    if (!name) return;
    int saved = errno;
    if (file < 0) file = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    char line[20000];
    int length = snprintf(line, sizeof line, "%s\t%s\t%s\n", call, path, other);
    syscall(SYS_write, file, line, length);
    errno = saved;
}

int linkat(int a, const char *p, int b, const char *q, int flags) {
    text from, to;
    path_of(a, p, from);
    path_of(b, q, to);
    int result;
    if (is("LINKS", "none")) { errno = EPERM; result = -1; }
    else if (is("LINKS", "symbolic")) result = symlinkat(from, b, q);
    else result = REAL(linkat)(a, p, b, q, flags);
    if (result == 0) trace("link", from, to);
    return result;
}

static int may_rename(const char *from) {
    if (!getenv("STUCK") || !asks("BUSY", from)) return 1;
    errno = EBUSY;
    return 0;
}

int renameat(int a, const char *p, int b, const char *q) {
    text from, to;
    path_of(a, p, from);
    path_of(b, q, to);
    if (!may_rename(from)) return -1;
    int result = REAL(renameat)(a, p, b, q);
    if (result == 0) trace("rename", from, to);
    return result;
}

int renameat2(int a, const char *p, int b, const char *q, unsigned flags) {
    text from, to;
    path_of(a, p, from);
    path_of(b, q, to);
    if (is("RENAMES", "replacing")) { errno = EINVAL; return -1; }
    int result = (int)syscall(SYS_renameat2, a, p, b, q, flags);
    if (result == 0) trace("rename", from, to);
    return result;
}

int unlinkat(int a, const char *p, int flags) {
    text path;
    path_of(a, p, path);
    if (asks("BUSY", path)) { errno = EBUSY; return -1; }
    int result = REAL(unlinkat)(a, p, flags);
    if (result == 0) trace(flags & AT_REMOVEDIR ? "rmdir" : "unlink", path, "");
    return result;
}

int fsync(int file) {
    text path;
    path_of(file, NULL, path);
    if (asks("STALE", path)) { errno = ESTALE; return -1; }
    int result = REAL(fsync)(file);
    if (result == 0) trace("fsync", path, "");
    return result;
}

static void will_write(int file) {
    text path;
    path_of(file, NULL, path);
    if (asks("KILL_AT", path)) kill(getpid(), SIGKILL);
    trace("write", path, "");
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    will_write(file);
    return syscall(SYS_pwrite64, file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    return pwrite(file, bytes, count, offset);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
    will_write(file);
    return REAL(pwritev)(file, parts, count, offset);
}

struct dirent *readdir(DIR *folder) {
    text path;
    path_of(dirfd(folder), NULL, path);
    if (asks("UNREADABLE", path)) { errno = EIO; return NULL; }
    return REAL(readdir)(folder);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    static atomic_int started;
    const char *most = getenv("THREADS");
    if (most && atomic_fetch_add(&started, 1) >= atoi(most)) return EAGAIN;
    return REAL(pthread_create)(thread, attributes, body, argument);
}
