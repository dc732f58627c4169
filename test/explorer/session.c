/*
 * session.c
 *		Connections, and who waits for whom.
 *
 * A session that has been sent something is busy until its answer is there.
 * After each step all come to rest: every busy session waits for a lock, in the
 * server's own books, and nobody who could let it go on is running.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explorer.h"

/* Seconds that anything may take at most that waits for nobody. */
#define PATIENCE	20

/* Milliseconds after which each session looks for deadlocks: so far apart that the first one finds them. */
static const int deadlock_timeouts[MAX_SESSIONS] = {1, 5, 20, 50};

/* What the server says of a session that was terminated. */
static void
ignore_notice(void *arg, const char *message)
{
	(void) arg;
	(void) message;
}

PGconn *
open_connection(int number)
{
	char		options[200];
	static const char *const names[] = {"application_name", "options", NULL};
	const char *const values[] = {"explorer", options, NULL};
	PGconn	   *conn;

	snprintf(options, sizeof(options), "-c synchronous_commit=off -c ledger_agents.durable_approvals=off -c deadlock_timeout=%d",
			 deadlock_timeouts[number]);
	conn = PQconnectdbParams(names, values, 0);
	if (PQstatus(conn) != CONNECTION_OK)
		die("no connection: %s", PQerrorMessage(conn));
	PQsetNoticeProcessor(conn, ignore_notice, NULL);
	return conn;
}

/* As new; what was sent before is forgotten. */
void
connect_session(Session *session)
{
	int			number = session->number;

	if (session->conn != NULL)
		PQfinish(session->conn);
	memset(session, 0, sizeof(Session));
	session->number = number;
	session->token = -1;
	session->conn = open_connection(number);
	session->pid = PQbackendPID(session->conn);
}

static void
prepare(Session *session, Verb verb)
{
	PGresult   *result;

	if (session->prepared[verb])
		return;
	result = PQprepare(session->conn, verb_name(verb), statements[verb], 0, NULL);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		die("%s cannot be prepared: %s", verb_name(verb), PQerrorMessage(session->conn));
	PQclear(result);
	session->prepared[verb] = true;
}

void
send_step(Session *session)
{
	Step	   *step = &session->step;
	int			sent;

	if (step->verb < PREPARED_VERBS)
	{
		prepare(session, step->verb);
		sent = PQsendQueryPrepared(session->conn, verb_name(step->verb), step->nparams, step->params,
								   NULL, NULL, 0);
	}
	else
		sent = PQsendQuery(session->conn, step->command);
	if (!sent)
		die("%s cannot be sent: %s", verb_name(step->verb), PQerrorMessage(session->conn));
	session->busy = true;
	session->waits = false;
	session->canceled = false;
	session->sent = session->began = ++world.tick;
	note("%d: %s", session->number + 1, step->shown);
}

/*
 * Who waits goes on when something has been done, and not before; in which
 * order, where there are several, nobody knows.
 */
void
tick_on(void)
{
	world.tick++;
	for (int i = 0; i < world.nsessions; i++)
		if (world.sessions[i].busy && world.sessions[i].waits)
			world.sessions[i].began = world.tick + 1;
	world.late_tick = world.tick + 2;
}

/* All who have waited answer at one tick. */
static void
count_tick(const Session *session)
{
	if (!session->waits)
		tick_on();
	else if (world.tick < world.late_tick)
		world.tick = world.late_tick;
	else if (world.tick > world.late_tick)
		world.late_tick = ++world.tick;
}

/* False: it is not there yet. */
static bool
take_if_there(Session *session)
{
	PGresult   *result;
	PGresult   *last = NULL;

	if (!PQconsumeInput(session->conn))
		die("session %d lost its connection: %s", session->number + 1, PQerrorMessage(session->conn));
	if (PQisBusy(session->conn))
		return false;
	while ((result = PQgetResult(session->conn)) != NULL)
	{
		PQclear(last);
		last = result;
	}
	session->busy = false;
	count_tick(session);
	session->waits = false;
	take_answer(session, last);
	PQclear(last);
	return true;
}

static int
count_busy(void)
{
	int			count = 0;

	for (int i = 0; i < world.nsessions; i++)
		count += world.sessions[i].busy;
	return count;
}

/* Whether an answer came within so many milliseconds, of one session or of any. */
static bool
take_answers(const Session *only, int timeout)
{
	struct pollfd fds[MAX_SESSIONS];
	int			numbers[MAX_SESSIONS];
	int			count = 0;
	bool		taken = false;

	for (int i = 0; i < world.nsessions; i++)
	{
		if (!world.sessions[i].busy || (only != NULL && only->number != i))
			continue;
		numbers[count] = i;
		fds[count].fd = PQsocket(world.sessions[i].conn);
		fds[count++].events = POLLIN;
	}
	if (poll(fds, (nfds_t) count, timeout) <= 0)
		return false;
	for (int i = 0; i < count; i++)
		if (fds[i].revents != 0)
			taken = take_if_there(&world.sessions[numbers[i]]) || taken;
	return taken;
}

static Session *
session_of(int pid)
{
	for (int i = 0; i < world.nsessions; i++)
		if (world.sessions[i].pid == pid)
			return &world.sessions[i];
	return NULL;
}

/*
 * For each busy session the sessions that it waits for, as bits; false: one of
 * them waits for no lock, or for one that nobody holds for long, as to make a
 * file longer.  The server looks at who waits first and then, one after the
 * other, for whom: who by then waits for nobody has gone on, or was ended for
 * a deadlock and is about to say so.
 */
static bool
read_waiting(unsigned *waits_for, unsigned *waiting)
{
	static bool is_prepared = false;
	char		pids[100];
	const char *params[] = {pids};
	PGresult   *result;
	int			length = 0;
	int			found;
	bool		rested;

	*waiting = 0;
	if (!is_prepared)
		PQclear(PQprepare(control, "waiting",
						  "SELECT l.pid, pg_catalog.pg_blocking_pids(l.pid) FROM pg_catalog.pg_lock_status() AS l"
						  " WHERE NOT l.granted AND l.pid = ANY ($1::int[])"
						  " AND l.locktype IN ('advisory', 'transactionid', 'virtualxid', 'tuple')", 0, NULL));
	is_prepared = true;
	for (int i = 0; i < world.nsessions; i++)
		if (world.sessions[i].busy)
			length += snprintf(pids + length, sizeof(pids) - (size_t) length, "%c%d", length ? ',' : '{', world.sessions[i].pid);
	snprintf(pids + length, sizeof(pids) - (size_t) length, "}");
	result = PQexecPrepared(control, "waiting", 1, params, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die("who waits cannot be read: %s", PQerrorMessage(control));
	memset(waits_for, 0, sizeof(unsigned) * MAX_SESSIONS);
	found = PQntuples(result);
	rested = found == count_busy();
	for (int i = 0; i < found; i++)
	{
		Session    *session = session_of(atoi(PQgetvalue(result, i, 0)));
		char	   *next = PQgetvalue(result, i, 1) + 1;

		*waiting |= 1u << session->number;
		rested = rested && *next != '}';
		for (; *next != '\0' && *next != '}'; next += *next == ',')
		{
			Session    *other = session_of((int) strtol(next, &next, 10));

			if (other != NULL)
				waits_for[session->number] |= 1u << other->number;
		}
	}
	PQclear(result);
	return rested;
}

/* Somebody waits for itself, through others: the server is about to end one of them. */
static bool
is_deadlock(const unsigned *waits_for)
{
	for (int i = 0; i < world.nsessions; i++)
	{
		unsigned	reached = waits_for[i];

		for (int round = 0; round < world.nsessions; round++)
			for (int j = 0; j < world.nsessions; j++)
				if (reached & (1u << j))
					reached |= waits_for[j];
		if (reached & (1u << i))
			return true;
	}
	return false;
}

static bool
awaits_end(void)
{
	for (int i = 0; i < world.nsessions; i++)
		if (world.sessions[i].busy && world.sessions[i].canceled)
			return true;
	return false;
}

/* Who was sent something and has neither answered nor been seen to wait, or NULL. */
static Session *
fresh_session(void)
{
	for (int i = 0; i < world.nsessions; i++)
		if (world.sessions[i].busy && !world.sessions[i].waits)
			return &world.sessions[i];
	return NULL;
}

/* A switch that all who decide meet, and that waits for no sum of what was spent before. */
static bool
is_switch(const Step *step)
{
	return step->object >= 0 && step->object < CARD_STATUS && (step->object & ~31) != CUSTOMER_LIMIT &&
		(step->object & ~31) != ORGANIZATION_LIMIT;
}

/* Somebody else has changed something, or is about to, and has not committed. */
static bool
is_change_open(const Session *but)
{
	for (int i = 0; i < world.nsessions; i++)
	{
		const Session *session = &world.sessions[i];

		if (session != but && (session->changed || (session->busy && session->step.object >= 0 && session->step.object < INTENT)))
			return true;
	}
	for (int i = 0; i < MAX_PREPARED; i++)
		if (world.prepared[i].used && world.prepared[i].changed)
			return true;
	return false;
}

/* What is decided from now on is decided with all that is committed by now. */
static void
begin_to_wait(Session *session)
{
	if (!session->waits)
		note("%d: ... waits", session->number + 1);
	session->waits = true;
	session->began = world.tick;
}

/*
 * An activation that has met an open change took a place in its agent's queue,
 * and keeps it when that change is gone.
 */
static bool
has_place(const Session *session)
{
	const Step *step = &session->step;

	return session->waits && (step->object & ~31) == AGENT_STATUS &&
		step->value == RUNNING;
}

static void
mark_waiting(void)
{
	for (int i = 0; i < world.nsessions; i++)
	{
		Session    *session = &world.sessions[i];
		bool		stays = has_place(session);

		if (!session->busy)
			continue;
		begin_to_wait(session);
		if (session->step.verb == EVALUATE || session->step.verb == LOOK)
			violate("%s waits for a lock", verb_name(session->step.verb));
		if (!stays && is_switch(&session->step) && !is_change_open(session))
			violate("%s waits for transactions that have changed nothing", verb_name(session->step.verb));
	}
}

void
come_to_rest(void)
{
	int64_t		patience = (int64_t) setting("EXPLORER_PATIENCE", PATIENCE) * 1000000;
	int64_t		began = now_micros();
	int			timeout = fresh_session() != NULL || awaits_end() ? 1 : 0;

	while (count_busy() > 0 && world.violation[0] == '\0')
	{
		Session    *fresh = fresh_session();
		unsigned	waits_for[MAX_SESSIONS];
		unsigned	waiting;
		bool		rested;

		if (take_answers(fresh, timeout))
		{
			timeout = 0;
			continue;
		}
		timeout = 1;
		if (now_micros() - began > patience)
			violate("a session neither answers nor comes to rest");
		if (awaits_end())
			continue;
		rested = read_waiting(waits_for, &waiting) && !is_deadlock(waits_for);
		if (fresh != NULL && (waiting & (1u << fresh->number)))
			begin_to_wait(fresh);
		/* An answer that came while the locks were read tells of somebody who went on. */
		if (!rested || take_answers(NULL, 0))
			continue;
		mark_waiting();
		return;
	}
}

/* Whatever it is doing; its backend is gone when this returns. */
void
terminate_session(Session *session)
{
	char		command[100];

	snprintf(command, sizeof(command), "SELECT pg_catalog.pg_terminate_backend(%d)", session->pid);
	PQclear(PQexec(control, command));
	while (PQstatus(session->conn) == CONNECTION_OK)
	{
		struct pollfd fd = {PQsocket(session->conn), POLLIN, 0};

		if (poll(&fd, 1, 5000) <= 0)
			die("session %d does not end", session->number + 1);
		if (!PQconsumeInput(session->conn))
			break;
		while (!PQisBusy(session->conn))
		{
			PGresult   *result = PQgetResult(session->conn);

			if (result == NULL)
				break;
			PQclear(result);
		}
	}
}

void
cancel_session(Session *session)
{
	PGcancel   *cancel = PQgetCancel(session->conn);
	char		message[256];

	if (!PQcancel(cancel, message, sizeof(message)))
		die("session %d cannot be canceled: %s", session->number + 1, message);
	PQfreeCancel(cancel);
	session->canceled = true;
}
