/*
 * step.c
 *		What a session does next.
 *
 * A table of choices, each with its weight and what it takes; one of those that
 * are possible now is picked.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "explorer.h"
#include "step.h"

typedef struct Choice
{
	int			weight;
	bool		(*prepare) (Session *session);	/* fills in the step; false: not possible now */
} Choice;

void
begin_step(Session *session, Verb verb)
{
	Step	   *step = &session->step;

	memset(step, 0, offsetof(Step, texts));
	step->verb = verb;
	step->nparams = step->nrequests = 0;
	step->token = step->hold = step->object = -1;
	step->command[0] = '\0';
	snprintf(step->shown, sizeof(step->shown), "%s", verb_name(verb));
}

void
show(Session *session, const char *format,...)
{
	char	   *shown = session->step.shown;
	size_t		length = strlen(shown);
	va_list		args;

	va_start(args, format);
	vsnprintf(shown + length, sizeof(session->step.shown) - length, format, args);
	va_end(args);
}

void
give(Session *session, const char *text)
{
	Step	   *step = &session->step;

	step->params[step->nparams] = text == NULL || text[0] == '\0' ? NULL : step->texts[step->nparams];
	if (text != NULL)
		snprintf(step->texts[step->nparams], sizeof(step->texts[0]), "%s", text);
	step->nparams++;
}

void
give_number(Session *session, int64_t number)
{
	char		text[24];

	snprintf(text, sizeof(text), "%lld", (long long) number);
	give(session, text);
}

void
command(Session *session, Verb verb, const char *text)
{
	begin_step(session, verb);
	snprintf(session->step.command, sizeof(session->step.command), "%s", text);
	snprintf(session->step.shown, sizeof(session->step.shown), "%s", text);
}

static bool
choose_look(Session *session)
{
	if (!session->open || session->isolation == 0)
		return false;
	begin_step(session, LOOK);
	give(session, world.organization);
	return true;
}

/* Transactions. */

static bool
choose_begin(Session *session)
{
	static const char *const levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
	int			level = chance(60) ? 0 : 1 + chance(40);
	char		text[60];

	if (session->open)
		return false;
	/* A snapshot that may be old before anything is done with it. */
	snprintf(text, sizeof(text), "BEGIN ISOLATION LEVEL %s%s", levels[level], level > 0 && chance(60) ? "; SELECT" : "");
	command(session, BEGIN, text);
	session->step.isolation = level;
	session->step.token = chance(10) ? pick(world.nagents) : -1;
	return true;
}

static bool
choose_savepoint(Session *session)
{
	char		text[40];

	if (!session->open || session->nsavepoints == MAX_SAVEPOINTS)
		return false;
	snprintf(text, sizeof(text), "SAVEPOINT s%d", session->nsavepoints + 1);
	command(session, SAVEPOINT, text);
	return true;
}

static bool
choose_rollback_to(Session *session)
{
	char		text[40];

	if (!session->open || session->nsavepoints == 0)
		return false;
	snprintf(text, sizeof(text), "ROLLBACK TO SAVEPOINT s%d", session->nsavepoints);
	command(session, ROLLBACK_TO, text);
	return true;
}

static bool
choose_release(Session *session)
{
	char		text[40];

	if (!session->open || session->nsavepoints == 0)
		return false;
	snprintf(text, sizeof(text), "RELEASE SAVEPOINT s%d", session->nsavepoints);
	command(session, RELEASE, text);
	return true;
}

static bool
choose_commit(Session *session)
{
	if (!session->open)
		return false;
	command(session, COMMIT, "COMMIT");
	return true;
}

static bool
choose_rollback(Session *session)
{
	if (!session->open)
		return false;
	command(session, ROLLBACK, "ROLLBACK");
	return true;
}

static bool
choose_prepare(Session *session)
{
	for (int i = 0; i < MAX_PREPARED && session->open && world.prepares; i++)
	{
		Prepared   *prepared = &world.prepared[i];
		char		text[100];

		if (prepared->used)
			continue;
		snprintf(prepared->name, sizeof(prepared->name), "%.40s/%d", world.organization, i);
		snprintf(text, sizeof(text), "PREPARE TRANSACTION '%s'", prepared->name);
		command(session, PREPARE, text);
		session->step.target = i;
		return true;
	}
	return false;
}

static bool
end_prepared(Session *session, bool commit)
{
	for (int i = 0; i < MAX_PREPARED && !session->open; i++)
	{
		char		text[100];

		if (!world.prepared[i].used)
			continue;
		snprintf(text, sizeof(text), "%s PREPARED '%s'", commit ? "COMMIT" : "ROLLBACK", world.prepared[i].name);
		command(session, commit ? COMMIT_PREPARED : ROLLBACK_PREPARED, text);
		session->step.target = i;
		return true;
	}
	return false;
}

static bool
choose_commit_prepared(Session *session)
{
	return end_prepared(session, true);
}

static bool
choose_rollback_prepared(Session *session)
{
	return end_prepared(session, false);
}

/* What is done to another session: who waits is canceled, anybody's backend is ended. */

static bool
choose_cancel(Session *session)
{
	int			number = pick(world.nsessions);

	if (!world.sessions[number].waits)
		return false;
	begin_step(session, CANCEL);
	session->step.target = number;
	return true;
}

static bool
choose_terminate(Session *session)
{
	int			number = pick(world.nsessions);

	if (number == session->number || !(world.sessions[number].waits || world.sessions[number].open))
		return false;
	begin_step(session, TERMINATE);
	session->step.target = number;
	return true;
}

static const Choice choices[] = {
	{40, choose_authorize}, {8, choose_authorize_as}, {7, choose_authorize_many}, {2, choose_evaluate},
	{9, choose_capture}, {8, choose_reverse}, {5, choose_refund}, {6, choose_increment},
	{10, choose_agent_change}, {5, choose_customer_change}, {4, choose_organization_change},
	{4, choose_policy_change}, {1, choose_policy_creation}, {2, choose_revocation},
	{2, choose_freeze}, {2, choose_unfreeze}, {2, choose_card_creation},
	{5, choose_declaration}, {9, choose_approval}, {2, choose_rejection}, {2, choose_cancellation}, {12, choose_look},
	{25, choose_begin}, {6, choose_savepoint}, {6, choose_rollback_to}, {2, choose_release},
	{14, choose_commit}, {5, choose_rollback}, {5, choose_prepare},
	{8, choose_commit_prepared}, {4, choose_rollback_prepared}, {4, choose_cancel}, {2, choose_terminate},
};

/* Whoever has failed can only go back. */
static const Choice ways_back[] = {{5, choose_rollback_to}, {4, choose_rollback}, {1, choose_commit}};

/* Whoever is an agent does nothing else. */
static const Choice of_agents[] = {
	{40, choose_authorize_as}, {6, choose_savepoint}, {6, choose_rollback_to}, {2, choose_release},
	{14, choose_commit}, {5, choose_rollback}, {2, choose_prepare},
};

static bool
pick_choice(Session *session, const Choice *list, int count)
{
	int			total = 0;

	for (int i = 0; i < count; i++)
		total += list[i].weight;
	for (int attempt = 0; attempt < 50; attempt++)
	{
		int			weight = pick(total);
		int			i = 0;

		while (weight >= list[i].weight)
			weight -= list[i++].weight;
		if (list[i].prepare(session))
			return true;
	}
	return false;
}

#define PICK(session, list) pick_choice(session, list, (int) (sizeof(list) / sizeof(list[0])))

/* Cancels or ends the other one. */
static void
interfere(Session *session)
{
	Session    *other = &world.sessions[session->step.target];

	note("%d is %s", other->number + 1, session->step.verb == CANCEL ? "canceled" : "terminated");
	if (session->step.verb == CANCEL)
	{
		cancel_session(other);
		return;
	}
	terminate_session(other);
	tick_on();
	settle_facts(other->transaction, 0, LOST, 0);
	connect_session(other);
}

static void
start_step(Session *session)
{
	Step	   *step = &session->step;

	if (step->verb == CANCEL || step->verb == TERMINATE)
	{
		interfere(session);
		return;
	}
	if (step->verb == BEGIN || !session->open)
		session->transaction = ++world.ntransactions;
	if (step->verb == BEGIN)
		session->token = step->token;
	send_step(session);
}

/* Sends the next step of an idle session, or does it; false: there is nothing that it could do. */
bool
choose_step(Session *session)
{
	bool		found;

	if (session->failed)
		found = PICK(session, ways_back);
	else if (session->token >= 0)
		found = PICK(session, of_agents);
	else
		found = PICK(session, choices);
	if (found)
		start_step(session);
	return found;
}

/* Towards the end of the schedule. */
void
finish_step(Session *session)
{
	if (!session->open)
		return;
	if (session->failed || chance(30))
		(void) choose_rollback(session);
	else
		(void) choose_commit(session);
	start_step(session);
}
