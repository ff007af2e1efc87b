/* Stands between a gateway's process and its kernel: writes down what it does to the files of its
 * store, what it sends and what it acknowledges, in order and with the data; ends the process at
 * the n-th of these, or lets its disk fail from the n-th on. Preloaded by tests.torture.mortal,
 * asleep until torture_begin is called.
 *
 * The log survives SIGKILL: it is written with system calls of its own, one for each record. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_FDS = 1024, MOST_FILES = 64, PATH_BYTES = 512 };
enum { NONE = -1, FOLDER = -2, ACKS = -3, SOCKET = -4 };
enum mode { BEFORE, AFTER, HALF };

struct record {
    char op;        /* N name, C created, W write, T truncate, S sync, D folder synced,
                       U unlink, X send, A acknowledged, K killed, F failed */
    char detail;    /* of K and F: at which op */
    uint16_t unused;
    int32_t file;
    int64_t offset; /* of T: the new length */
    uint32_t number;
    uint32_t length;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char folder[PATH_BYTES];
static char names[MOST_FILES][PATH_BYTES];
static int files, kinds[MOST_FDS];
static char deadly[8];
static long count, watched, die_at, fail_from, fail_to;
static enum mode die_how;
static int fail_errno;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void put(char op, char detail, int file, int64_t offset, const void *data, size_t length) {
    struct record record = {op, detail, 0, file, offset, (uint32_t)count, (uint32_t)length};
    struct iovec parts[2] = {{&record, sizeof record}, {(void *)data, length}};
    syscall(SYS_writev, log_fd, parts, 2);
}

static void die(char op, int file) {
    put('K', op, file, 0, NULL, 0);
    syscall(SYS_kill, (int)syscall(SYS_getpid), SIGKILL);
    for (;;) pause();
}

static int is_last(char op) { return strchr(deadly, op) && watched == die_at; }

/* Counts an op; the lock is held. Dies before it, if it is the last one. */
static void arrive(char op, int file) {
    count++;
    if (strchr(deadly, op)) watched++;
    if (is_last(op) && die_how == BEFORE) die(op, file);
}

/* Whether the disk fails at this op on a file. A full disk can still sync. */
static int fails(char op, int file) {
    if (!fail_errno || count < fail_from || count >= fail_to) return 0;
    if (fail_errno == ENOSPC && op == 'S') return 0;
    put('F', op, file, 0, NULL, 0);
    return 1;
}

static void leave(char op, int file) {
    if (is_last(op) && die_how != BEFORE) die(op, file);
}

static int kind_of(int fd) {
    return log_fd >= 0 && fd >= 0 && fd < MOST_FDS ? kinds[fd] : NONE;
}

static int file_of(const char *path) {
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) != 0) return NONE;
    if (path[length] == 0) return FOLDER;
    if (path[length] != '/') return NONE;
    const char *name = path + length + 1;
    if (strcmp(name, "acks") == 0) return ACKS;
    if (strcmp(name, "usage.db") != 0 && strcmp(name, "usage.db-wal") != 0 &&
        strcmp(name, "usage.db-journal") != 0)
        return NONE;
    for (int file = 0; file < files; file++)
        if (strcmp(names[file], path) == 0) return file;
    if (files == MOST_FILES) abort();
    strcpy(names[files], path);
    put('N', 0, files, 0, name, strlen(name));
    return files++;
}

/* Called by the process when its story begins; what was open before is not looked at. It dies at
 * the `at`-th of the `ops`; its disk fails from the call `from` on until before the call `to`. */
void torture_begin(const char *where, const char *log, const char *ops, long at, int how,
                   long from, long to, int with) {
    for (int fd = 0; fd < MOST_FDS; fd++) kinds[fd] = NONE;
    snprintf(folder, sizeof folder, "%s", where);
    snprintf(deadly, sizeof deadly, "%s", ops);
    die_at = at, die_how = (enum mode)how, fail_from = from, fail_to = to, fail_errno = with;
    count = watched = files = 0;
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                          0600);
}

static int opened(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
    if (log_fd < 0) return real(path, flags, mode);
    pthread_mutex_lock(&lock);
    int file = file_of(path);
    int is_new = file >= 0 && (flags & O_CREAT) && access(path, F_OK) != 0;
    int fd = real(path, flags, mode);
    if (fd >= 0 && fd < MOST_FDS) {
        kinds[fd] = file;
        if (is_new) put('C', 0, file, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPEN(name)                                                        \
    int name(const char *path, int flags, ...) {                          \
        va_list more;                                                     \
        va_start(more, flags);                                            \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                     \
        return opened(REAL(name), path, flags, mode);                     \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    if (fd >= 0 && fd < MOST_FDS) kinds[fd] = NONE;
    return REAL(close)(fd);
}

/* A write at `offset`; the lock is taken. A disk that gets full takes half of the first one. */
static ssize_t written(int file, int fd, const void *data, size_t length, off64_t offset) {
    pthread_mutex_lock(&lock);
    arrive('W', file);
    int failed = fails('W', file), fault = 0;
    size_t part = length;
    if (is_last('W') && die_how == HALF) part = length / 2;
    if (failed) part = count == fail_from && fail_errno == ENOSPC ? length / 2 : 0;
    ssize_t done = part ? REAL(pwrite64)(fd, data, part, offset) : 0;
    if (done < 0) fault = errno;
    if (done > 0) put('W', 0, file, offset, data, (size_t)done);
    leave('W', file);
    if (failed && done == 0) done = -1, fault = fail_errno;
    pthread_mutex_unlock(&lock);
    errno = fault;
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    int file = kind_of(fd);
    if (file < 0) return REAL(pwrite64)(fd, data, length, offset);
    return written(file, fd, data, length, offset);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    return pwrite64(fd, data, length, offset);
}

ssize_t write(int fd, const void *data, size_t length) {
    int file = kind_of(fd);
    if (file >= 0) {
        off64_t offset = lseek64(fd, 0, SEEK_CUR);
        ssize_t done = written(file, fd, data, length, offset);
        if (done > 0) lseek64(fd, offset + done, SEEK_SET);
        return done;
    }
    ssize_t done = REAL(write)(fd, data, length);
    if (file == ACKS && done > 0) {
        pthread_mutex_lock(&lock);
        put('A', 0, file, 0, data, (size_t)done);
        pthread_mutex_unlock(&lock);
    }
    return done;
}

static int synced(int fd, int (*real)(int)) {
    int file = kind_of(fd);
    if (file == FOLDER) {
        pthread_mutex_lock(&lock);
        int done = real(fd);
        put('D', 0, file, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
        return done;
    }
    if (file < 0) return real(fd);
    pthread_mutex_lock(&lock);
    int done = -1, fault = fail_errno;
    arrive('S', file);
    if (!fails('S', file)) {
        done = real(fd), fault = errno;
        put('S', 0, file, 0, NULL, 0);
    }
    leave('S', file);
    pthread_mutex_unlock(&lock);
    errno = fault;
    return done;
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }

int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

int ftruncate64(int fd, off64_t length) {
    int file = kind_of(fd);
    if (file < 0) return REAL(ftruncate64)(fd, length);
    pthread_mutex_lock(&lock);
    arrive('T', file);
    int done = -1, fault = fail_errno;
    if (!fails('T', file)) done = REAL(ftruncate64)(fd, length), fault = errno;
    if (done == 0) put('T', 0, file, length, NULL, 0);
    leave('T', file);
    pthread_mutex_unlock(&lock);
    errno = fault;
    return done;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int unlink(const char *path) {
    if (log_fd < 0) return REAL(unlink)(path);
    pthread_mutex_lock(&lock);
    int file = file_of(path), done, fault;
    if (file >= 0) arrive('U', file);
    done = REAL(unlink)(path);
    fault = errno;
    if (file >= 0 && done == 0) put('U', 0, file, 0, NULL, 0);
    if (file >= 0) leave('U', file);
    pthread_mutex_unlock(&lock);
    errno = fault;
    return done;
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
    if (log_fd >= 0 && fd >= 0 && fd < MOST_FDS)
        kinds[fd] = address->sa_family == AF_INET ? SOCKET : NONE;
    return REAL(connect)(fd, address, length);
}

ssize_t send(int fd, const void *data, size_t length, int flags) {
    if (kind_of(fd) != SOCKET) return REAL(send)(fd, data, length, flags);
    pthread_mutex_lock(&lock);
    arrive('X', SOCKET);
    put('X', 0, SOCKET, 0, data, length);
    ssize_t done = REAL(send)(fd, data, length, flags);
    int fault = errno;
    leave('X', SOCKET);
    pthread_mutex_unlock(&lock);
    errno = fault;
    return done;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    if (kind_of(fd) != SOCKET) return REAL(sendmsg)(fd, message, flags);
    pthread_mutex_lock(&lock);
    arrive('X', SOCKET);
    for (size_t part = 0; part < message->msg_iovlen; part++)
        put('X', 0, SOCKET, 0, message->msg_iov[part].iov_base, message->msg_iov[part].iov_len);
    ssize_t done = REAL(sendmsg)(fd, message, flags);
    int fault = errno;
    leave('X', SOCKET);
    pthread_mutex_unlock(&lock);
    errno = fault;
    return done;
}
