/*
 * machine.c
 *		A machine whose disk fills up, whose clock is set and whose processes die
 *		at a named point: preloaded into a server by Machine.pm.
 *
 * It stands between the server and the C library. What it does is told by a
 * file that the test writes and every process has mapped, so that it changes
 * while the server runs. Unlike a disk that is really full it says no where it
 * was told to, on any machine, without anybody's rights.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What is full; Machine.pm has the same numbers. */
enum
{
	DATA = 1, WAL = 2, STATISTICS = 4
};

/* When a process dies: before it writes WAL, halfway through, or after. */
enum
{
	NEVER, BEFORE, HALFWAY, AFTER
};

/* As Machine.pm packs it: six times eight bytes. */
typedef struct Control
{
	volatile int64_t full;		/* kinds of files for which there is no room */
	volatile int64_t death;		/* one of the points above */
	int64_t		countdown;		/* the process that brings it to 0 dies */
	volatile int64_t offset;	/* of the clock, microseconds */
	int64_t		refused;		/* how often there was no room */
	int64_t		died;			/* how many died */
} Control;

static Control *control;

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("MACHINE_CONTROL");
	int			file = path == NULL ? -1 : open(path, O_RDWR);
	void	   *found;

	if (file < 0)
		return;
	found = mmap(NULL, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if (found != MAP_FAILED)
		control = found;
}

#define REAL(name) \
	static __typeof__(&name) real; \
	if (real == NULL) \
		real = (__typeof__(&name)) dlsym(RTLD_NEXT, #name)

static int
kind_of_path(const char *path)
{
	if (strstr(path, "pg_wal/") != NULL)
		return WAL;
	if (strstr(path, "pg_stat_tmp/") != NULL)
		return STATISTICS;
	if (strstr(path, "base/") != NULL || strstr(path, "global/") != NULL || strstr(path, "pg_xact/") != NULL ||
		strstr(path, "pg_subtrans/") != NULL || strstr(path, "pg_multixact/") != NULL || strstr(path, "pg_twophase/") != NULL)
		return DATA;
	return 0;
}

static int
kind_of_file(int file)
{
	char		link[64];
	char		path[4096];
	ssize_t		length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	length = readlink(link, path, sizeof(path) - 1);
	if (length <= 0)
		return 0;
	path[length] = '\0';
	return kind_of_path(path);
}

static int
is_full(int kind)
{
	if ((control->full & kind) == 0)
		return 0;
	__atomic_add_fetch(&control->refused, 1, __ATOMIC_SEQ_CST);
	errno = ENOSPC;
	return 1;
}

/* Only room that is not there yet can be missing: what a file has already may be written again. */
static int
lacks_room(int file, off_t end)
{
	off_t		here;
	off_t		size;

	if (control == NULL || control->full == 0 || !is_full(kind_of_file(file)))
		return 0;
	here = lseek(file, 0, SEEK_CUR);
	size = lseek(file, 0, SEEK_END);
	lseek(file, here, SEEK_SET);
	if (end < 0)
		end = here - end;
	if (size >= 0 && end > size)
		return 1;
	__atomic_sub_fetch(&control->refused, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int
dies_here(int file)
{
	return control != NULL && control->death != NEVER && kind_of_file(file) == WAL &&
		__atomic_sub_fetch(&control->countdown, 1, __ATOMIC_SEQ_CST) == 0;
}

static void
die(void)
{
	control->death = NEVER;
	__atomic_add_fetch(&control->died, 1, __ATOMIC_SEQ_CST);
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

ssize_t
pwrite(int file, const void *bytes, size_t length, off_t at)
{
	REAL(pwrite);
	if (lacks_room(file, at + (off_t) length))
		return -1;
	if (dies_here(file))
	{
		if (control->death == HALFWAY)
			(void) !real(file, bytes, length / 2, at);
		else if (control->death == AFTER)
			(void) !real(file, bytes, length, at);
		die();
	}
	return real(file, bytes, length, at);
}

ssize_t
pwrite64(int file, const void *bytes, size_t length, off64_t at)
{
	return pwrite(file, bytes, length, at);
}

static size_t
total(const struct iovec *parts, int count)
{
	size_t		sum = 0;

	for (int i = 0; i < count; i++)
		sum += parts[i].iov_len;
	return sum;
}

ssize_t
pwritev(int file, const struct iovec *parts, int count, off_t at)
{
	REAL(pwritev);
	if (lacks_room(file, at + (off_t) total(parts, count)))
		return -1;
	return real(file, parts, count, at);
}

ssize_t
pwritev64(int file, const struct iovec *parts, int count, off64_t at)
{
	return pwritev(file, parts, count, at);
}

ssize_t
write(int file, const void *bytes, size_t length)
{
	REAL(write);
	if (lacks_room(file, -(off_t) length))
		return -1;
	return real(file, bytes, length);
}

int
posix_fallocate(int file, off_t at, off_t length)
{
	REAL(posix_fallocate);
	if (lacks_room(file, at + length))
		return ENOSPC;
	return real(file, at, length);
}

int
posix_fallocate64(int file, off64_t at, off64_t length)
{
	return posix_fallocate(file, at, length);
}

/* A new file needs room in its directory. */
int
open(const char *path, int flags,...)
{
	va_list		arguments;
	mode_t		mode = 0;

	REAL(open);
	if (flags & (O_CREAT | __O_TMPFILE))
	{
		va_start(arguments, flags);
		mode = va_arg(arguments, mode_t);
		va_end(arguments);
	}
	if (control != NULL && (flags & O_CREAT) && control->full != 0 && access(path, F_OK) != 0 && is_full(kind_of_path(path)))
		return -1;
	return real(path, flags, mode);
}

int
open64(const char *path, int flags,...)
{
	va_list		arguments;
	mode_t		mode;

	va_start(arguments, flags);
	mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return open(path, flags, mode);
}

/* The clock on the wall. The one by which is measured how long something takes goes on as it is. */
int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	int			(*real) (struct timeval *restrict, void *restrict) = dlsym(RTLD_NEXT, "gettimeofday");
	int			status = real(now, zone);
	int64_t		us;

	if (control != NULL && control->offset != 0)
	{
		us = (int64_t) now->tv_sec * 1000000 + now->tv_usec + control->offset;
		now->tv_sec = us / 1000000;
		now->tv_usec = us % 1000000;
	}
	return status;
}

int
clock_gettime(clockid_t which, struct timespec *now)
{
	int			status;

	REAL(clock_gettime);
	status = real(which, now);
	if (control != NULL && control->offset != 0 && which == CLOCK_REALTIME)
	{
		now->tv_sec += control->offset / 1000000;
		now->tv_nsec += control->offset % 1000000 * 1000;
		if (now->tv_nsec >= 1000000000)
		{
			now->tv_sec++;
			now->tv_nsec -= 1000000000;
		}
		else if (now->tv_nsec < 0)
		{
			now->tv_sec--;
			now->tv_nsec += 1000000000;
		}
	}
	return status;
}

time_t
time(time_t *result)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	if (result != NULL)
		*result = now.tv_sec;
	return now.tv_sec;
}
