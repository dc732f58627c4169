/*
 * tally.c
 *		Numbers in memory that the sessions of a database share; see tally.h.
 *
 * Without shared_preload_libraries there is no part of the server's own shared
 * memory for us.  So the memory is a file that each session maps: one for each
 * database, in the server's directory for statistics that need not last, which
 * backups leave out.  The first one to come makes it, and the instant of the
 * server's start is part of its name: what an earlier run has left is never
 * taken for ours, and is removed.
 *
 * No decision may fail because of it.  A session that cannot have the file
 * says so in the server's log, once, and counts nothing.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/fd.h"

#include "errors.h"
#include "tally.h"

/* Sessions spread over them, so that few write to one line of the processor's cache. */
#define SLOTS 16

#define PREFIX "ledger_agents."

#define MAGIC UINT64CONST(0x6c615f74616c6c79)

/* Part of the file's name: sessions with an older library count in a file of their own. */
#define LAYOUT 1

#define IN_CACHE_LINES(size) TYPEALIGN(PG_CACHE_LINE_SIZE, size)

typedef union Slot
{
	pg_atomic_uint64 numbers[LA_TALLY_NUMBERS];
	char		padding[IN_CACHE_LINES(sizeof(pg_atomic_uint64) * LA_TALLY_NUMBERS)];
} Slot;

typedef struct Header
{
	uint64		magic;
	uint32		layout;
	uint32		size;
	pg_atomic_uint64 since;		/* a TimestampTz */
} Header;

typedef struct Tally
{
	union
	{
		Header		header;
		char		padding[IN_CACHE_LINES(sizeof(Header))];
	};
	Slot		slots[SLOTS];
} Tally;

static bool open_tally(char *path);
static Tally *map_file(const char *path);
static bool is_ours(const Tally *found);
static bool make_file(const char *path);
static bool write_file(const char *path);
static void remove_leftovers(void);

static Tally *tally = NULL;
static bool tried = false;

bool
la_tally_is_open(void)
{
	char		path[MAXPGPATH];

	if (likely(tally != NULL))
		return true;
	if (tried)
		return false;
	tried = true;
	if (open_tally(path))
		return true;
	ereport(LOG,
			errcode_for_file_access(),
			errmsg("decisions of this session are not counted: could not use file \"%s\": %m", path));
	return false;
}

void
la_require_tally(void)
{
	char		path[MAXPGPATH];
	int			problem;

	if (tally != NULL || open_tally(path))
		return;
	problem = errno;
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("statistics are not available"),
			la_detail("statistics_unavailable", NULL, "Could not use file \"%s\": %s.", path,
					  strerror(problem)));
}

/* False: errno says why. */
static bool
open_tally(char *path)
{
	snprintf(path, MAXPGPATH, "%s/" PREFIX "%llx.%d.%u", PG_STAT_TMP_DIR,
			 (unsigned long long) PgStartTime, LAYOUT, MyDatabaseId);
	tally = map_file(path);
	if (tally == NULL && errno == ENOENT && make_file(path))
		tally = map_file(path);
	return tally != NULL;
}

/* NULL: errno says why.  Memory behind the end of a file that is too short would be a signal, too. */
static Tally *
map_file(const char *path)
{
	int			file = BasicOpenFile(path, O_RDWR | PG_BINARY);
	struct stat status;
	void	   *found = MAP_FAILED;
	int			problem;

	if (file < 0)
		return NULL;
	if (fstat(file, &status) == 0)
	{
		errno = EINVAL;
#if LA_MUTANT != 111
		if (status.st_size == sizeof(Tally))
#endif
			found = mmap(NULL, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	}
	problem = errno;
	close(file);
	errno = problem;
	if (found == MAP_FAILED || is_ours(found))
		return found == MAP_FAILED ? NULL : found;
	munmap(found, sizeof(Tally));
	errno = EINVAL;
	return NULL;
}

static bool
is_ours(const Tally *found)
{
	return found->header.magic == MAGIC && found->header.layout == LAYOUT &&
		found->header.size == sizeof(Tally);
}

/* Where several come first at once, the file of one of them gets the name, whole. */
static bool
make_file(const char *path)
{
	char		unfinished[MAXPGPATH];
	bool		made;
	int			problem;

	snprintf(unfinished, MAXPGPATH, "%s.%d", path, MyProcPid);
	made = write_file(unfinished);
	if (made && link(unfinished, path) == 0)
		remove_leftovers();
	else if (made)
		made = errno == EEXIST;
	problem = errno;
	unlink(unfinished);
	errno = problem;
	return made;
}

/*
 * All of it is written: a page for which the disk turns out to have no room only
 * when it is touched would be a signal that ends the server.
 */
static bool
write_file(const char *path)
{
	int			file = BasicOpenFile(path, O_RDWR | O_CREAT | O_TRUNC | PG_BINARY);
	Tally	   *empty = calloc(1, sizeof(Tally));
	bool		written = false;
	int			problem;

	errno = file < 0 ? errno : ENOMEM;
	if (file >= 0 && empty != NULL)
	{
		empty->header.magic = MAGIC;
		empty->header.layout = LAYOUT;
		empty->header.size = sizeof(Tally);
		pg_atomic_init_u64(&empty->header.since, GetCurrentTimestamp());
		errno = ENOSPC;
#if LA_MUTANT != 262
		written = write(file, empty, sizeof(Tally)) == sizeof(Tally);
#else
		written = write(file, empty, sizeof(Header)) == sizeof(Header) && ftruncate(file, sizeof(Tally)) == 0;
#endif
	}
	problem = errno;
	free(empty);
	if (file >= 0)
		close(file);
	errno = problem;
	return written;
}

/* Files of earlier runs of the server, also those of databases that are no more. */
static void
remove_leftovers(void)
{
	DIR		   *directory = opendir(PG_STAT_TMP_DIR);
	struct dirent *entry;
	char		ours[NAMEDATALEN];
	char		path[MAXPGPATH];

	if (directory == NULL)
		return;
	snprintf(ours, sizeof(ours), PREFIX "%llx.", (unsigned long long) PgStartTime);
	while ((entry = readdir(directory)) != NULL)
	{
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 ||
			strncmp(entry->d_name, ours, strlen(ours)) == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", PG_STAT_TMP_DIR, entry->d_name);
		unlink(path);
	}
	closedir(directory);
}

static pg_atomic_uint64 *
own(int number)
{
	return &tally->slots[MyProcPid % SLOTS].numbers[number];
}

void
la_tally_add(int number, uint64 amount)
{
	pg_atomic_fetch_add_u64(own(number), amount);
}

void
la_tally_raise(int number, uint64 least)
{
	uint64		seen = pg_atomic_read_u64(own(number));

	while (seen < least && !pg_atomic_compare_exchange_u64(own(number), &seen, least))
		;
}

uint64
la_tally_sum(int number)
{
	uint64		sum = 0;

	for (int i = 0; i < SLOTS; i++)
		sum += pg_atomic_read_u64(&tally->slots[i].numbers[number]);
	return sum;
}

uint64
la_tally_greatest(int number)
{
	uint64		greatest = 0;

	for (int i = 0; i < SLOTS; i++)
	{
		uint64		one = pg_atomic_read_u64(&tally->slots[i].numbers[number]);

		greatest = Max(greatest, one);
	}
	return greatest;
}

/* What others add meanwhile is either before it or after it, and never lost in between. */
TimestampTz
la_tally_reset(void)
{
	TimestampTz since = GetCurrentTimestamp();

	for (int i = 0; i < SLOTS; i++)
		for (int number = 0; number < LA_TALLY_NUMBERS; number++)
			(void) pg_atomic_exchange_u64(&tally->slots[i].numbers[number], 0);
	(void) pg_atomic_exchange_u64(&tally->header.since, since);
	return since;
}

TimestampTz
la_tally_since(void)
{
	return pg_atomic_read_u64(&tally->header.since);
}
