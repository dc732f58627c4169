/*
 * explorer.c
 *		Plays schedules of a few sessions and judges each of them.
 *
 * Prints TAP: one test for each thousand schedules.  A schedule that breaks a
 * promise is told step by step, with its seed.
 *
 *		EXPLORER_SCHEDULES	how many, default 1000
 *		EXPLORER_SEED		plays the schedule of this seed and tells it; with
 *							EXPLORER_SCHEDULES those from this seed on
 *		EXPLORER_TELL		1: tells each schedule, also where all is well
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "explorer.h"

#define FIRST_SEED		1
#define GROUP			1000	/* schedules of one test */
#define MOST_TOLD		1		/* schedules that went wrong, after which it ends */
#define TRANSCRIPT		60000

World		world;
PGconn	   *control;

static uint64_t state;			/* of the random numbers */
static char transcript[TRANSCRIPT];
static size_t told;
static bool tells_all;
static int	nviolations;

void
die(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n# Schedule of EXPLORER_SEED=%llu\n%s", (unsigned long long) world.seed, transcript);
	/* A session that hangs may not even end. */
	if (world.violation[0] == '\0')
		printf("Bail out! The explorer could not go on.\n");
	else
		printf("not ok 1 - schedules up to seed %llu\n1..1\n", (unsigned long long) world.seed);
	exit(world.violation[0] == '\0' ? 2 : 1);
}

int64_t
now_micros(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Splitmix: a counter that is stirred. */
static uint64_t
next_random(void)
{
	uint64_t	z = (state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

int
pick(int n)
{
	return (int) (next_random() % (uint64_t) n);
}

bool
chance(int percent)
{
	return pick(100) < percent;
}

/* A line of the schedule's story. */
void
note(const char *format,...)
{
	va_list		args;
	int			length;

	if (told + 2000 > TRANSCRIPT)
		return;
	told += (size_t) snprintf(transcript + told, TRANSCRIPT - told, "# ");
	va_start(args, format);
	length = vsnprintf(transcript + told, TRANSCRIPT - told, format, args);
	va_end(args);
	told += (size_t) (length > 1900 ? 1900 : length);
	told += (size_t) snprintf(transcript + told, TRANSCRIPT - told, "\n");
}

/* The first one of a schedule is told; what follows from it would only confuse. */
void
violate(const char *format,...)
{
	va_list		args;

	if (world.violation[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(world.violation, sizeof(world.violation), format, args);
	va_end(args);
	note("VIOLATION: %s", world.violation);
}

static bool
is_anybody_idle(void)
{
	for (int i = 0; i < world.nsessions; i++)
		if (!world.sessions[i].busy)
			return true;
	return false;
}

static Session *
pick_idle(void)
{
	for (;;)
	{
		Session    *session = &world.sessions[pick(world.nsessions)];

		if (!session->busy)
			return session;
	}
}

/* Whoever looks on ends what was prepared, because all others may wait for that. */
static void
finish_prepared(void)
{
	for (int i = 0; i < MAX_PREPARED; i++)
	{
		Prepared   *prepared = &world.prepared[i];
		bool		commit = chance(70);
		char		command[100];
		PGresult   *result;

		if (!prepared->used)
			continue;
		snprintf(command, sizeof(command), "%s PREPARED '%s'", commit ? "COMMIT" : "ROLLBACK", prepared->name);
		note("%s", command);
		world.tick++;
		result = PQexec(control, command);
		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			violate("%s: %s", command, PQerrorMessage(control));
		PQclear(result);
		tick_on();
		settle_facts(prepared->transaction, 0, commit ? COMMITTED : LOST, world.tick - 1);
		prepared->used = false;
		come_to_rest();
	}
}

/* Ends what is open, in the order of the sessions, until nobody waits any more. */
static void
finish(void)
{
	for (int round = 0; round < 4 * MAX_SESSIONS; round++)
	{
		bool		all = true;

		finish_prepared();

		for (int i = 0; i < world.nsessions; i++)
		{
			Session    *session = &world.sessions[i];

			if (!session->busy)
				finish_step(session);
			if (session->busy)
				come_to_rest();
			all = all && !session->busy && !session->open;
		}
		for (int i = 0; i < MAX_PREPARED; i++)
			all = all && !world.prepared[i].used;
		if (all)
			return;
	}
	violate("a session waits, and nobody is left whom it could wait for");
}

/* Nothing of a schedule that went wrong may stay in the way of the next. */
static void
sweep_up(void)
{
	for (int i = 0; i < MAX_SESSIONS; i++)
	{
		Session    *session = &world.sessions[i];

		if (session->conn == NULL)
			continue;
		terminate_session(session);
		connect_session(session);
	}
	for (int i = 0; i < MAX_PREPARED; i++)
	{
		char		command[100];

		if (!world.prepared[i].used)
			continue;
		snprintf(command, sizeof(command), "ROLLBACK PREPARED '%s'", world.prepared[i].name);
		PQclear(PQexec(control, command));
	}
}

/* Connections go on from one schedule to the next. */
static void
begin_world(uint64_t seed)
{
	Session		sessions[MAX_SESSIONS];

	memcpy(sessions, world.sessions, sizeof(sessions));
	memset(&world, 0, sizeof(world));
	memcpy(world.sessions, sessions, sizeof(sessions));
	world.seed = seed;
	state = seed * UINT64_C(0xd1342543de82ef95) + 1;
	told = 0;
	transcript[0] = '\0';
	for (int i = 0; i < 3; i++)
		(void) next_random();
}

static void
play(uint64_t seed)
{
	int			steps;

	begin_world(seed);
	make_world();
	steps = 6 + pick(5) + 2 * world.nsessions;
	for (int i = 0; i < steps && world.violation[0] == '\0'; i++)
	{
		if (!is_anybody_idle())
			break;
		if (!choose_step(pick_idle()))
			continue;
		come_to_rest();
	}
	if (world.violation[0] == '\0')
		finish();
	if (world.violation[0] == '\0')
		judge_schedule();
	else
		sweep_up();
	if (world.violation[0] != '\0' || tells_all)
		printf("# Schedule of EXPLORER_SEED=%llu\n%s", (unsigned long long) seed, transcript);
	nviolations += world.violation[0] != '\0';
}

/* What the extension itself says about all schedules so far; each has an organization of its own. */
static void
check_books(void)
{
	PGresult   *result = PQexec(control, "SELECT * FROM ledger_agents.check_invariants() LIMIT 5");

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die("check_invariants() failed: %s", PQerrorMessage(control));
	for (int i = 0; i < PQntuples(result); i++)
	{
		printf("# VIOLATION: check_invariants() says %s of %s in %s: %s\n", PQgetvalue(result, i, 0),
			   PQgetvalue(result, i, 2), PQgetvalue(result, i, 1), PQgetvalue(result, i, 3));
		nviolations++;
	}
	PQclear(result);
}

uint64_t
setting(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value == NULL || *value == '\0' ? otherwise : strtoull(value, NULL, 10);
}

/* At first often, so that what is wrong is found soon; then seldom, because it reads all that there is. */
static bool
is_time_to_check(uint64_t done)
{
	uint64_t	groups = done / GROUP;

	return done == 50 || done == 200 || done == 500 || (done % GROUP == 0 && (groups & (groups - 1)) == 0);
}

static void
play_all(uint64_t first, uint64_t count, int test)
{
	int			before = 0;

	for (uint64_t i = 0; i < count && nviolations < MOST_TOLD; i++)
	{
		play(first + i);
		if (is_time_to_check(i + 1) || i + 1 == count)
			check_books();
		if ((i + 1) % GROUP != 0 && i + 1 != count && nviolations < MOST_TOLD)
			continue;
		printf("%sok %d - schedules up to seed %llu\n", nviolations > before ? "not " : "", test++,
			   (unsigned long long) (first + i));
		fflush(stdout);
		before = nviolations;
	}
}

static void
play_connected(uint64_t first, uint64_t count, int test)
{
	control = open_connection(0);
	for (int i = 0; i < MAX_SESSIONS; i++)
	{
		world.sessions[i].number = i;
		connect_session(&world.sessions[i]);
	}
	play_all(first, count, test);
	for (int i = 0; i < MAX_SESSIONS; i++)
		PQfinish(world.sessions[i].conn);
	PQfinish(control);
}

static void
copy_out(FILE *from)
{
	char		line[4096];

	rewind(from);
	while (fgets(line, sizeof(line), from) != NULL)
		fputs(line, stdout);
}

/* Two processes, one after the other half of the seeds: while all of one wait, the other goes on. */
static bool
play_in_two(uint64_t first, uint64_t count)
{
	uint64_t	half = count / GROUP / 2 * GROUP;
	FILE	   *output = tmpfile();
	pid_t		other = output == NULL ? -1 : fork();
	int			status = 1;

	if (other < 0)
		die("there is no second process");
	if (other == 0)
	{
		if (dup2(fileno(output), STDOUT_FILENO) < 0)
			_exit(2);
		play_connected(first + half, count - half, (int) (half / GROUP) + 1);
		fflush(stdout);
		_exit(nviolations > 0);
	}
	play_connected(first, half, 1);
	fflush(stdout);
	(void) waitpid(other, &status, 0);
	copy_out(output);
	return status == 0;
}

int
main(void)
{
	bool		one = setting("EXPLORER_SEED", 0) != 0 && setting("EXPLORER_SCHEDULES", 0) == 0;
	uint64_t	first = setting("EXPLORER_SEED", FIRST_SEED);
	uint64_t	count = one ? 1 : setting("EXPLORER_SCHEDULES", GROUP);
	int64_t		began = now_micros();
	bool		well = true;

	tells_all = one || setting("EXPLORER_TELL", 0) != 0;
	if (count >= 2 * GROUP)
		well = play_in_two(first, count);
	else
		play_connected(first, count, 1);
	printf("1..%d\n", (int) ((count + GROUP - 1) / GROUP));
	printf("# %lld schedules a second\n", (long long) (count * 1000000 / (uint64_t) (now_micros() - began + 1)));
	return !well || nviolations > 0;
}
