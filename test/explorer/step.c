/*
 * step.c
 *		What a session does next.
 *
 * A table of choices, each with its weight and what it takes; one of those that
 * are possible now is picked.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explorer.h"

typedef struct Choice
{
	int			weight;
	bool		(*prepare) (Session *session);	/* fills in the step; false: not possible now */
} Choice;

static void
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

static void show(Session *session, const char *format,...) __attribute__((format(printf, 2, 3)));

static void
show(Session *session, const char *format,...)
{
	char	   *shown = session->step.shown;
	size_t		length = strlen(shown);
	va_list		args;

	va_start(args, format);
	vsnprintf(shown + length, sizeof(session->step.shown) - length, format, args);
	va_end(args);
}

static void
give(Session *session, const char *text)
{
	Step	   *step = &session->step;

	step->params[step->nparams] = text == NULL || text[0] == '\0' ? NULL : step->texts[step->nparams];
	if (text != NULL)
		snprintf(step->texts[step->nparams], sizeof(step->texts[0]), "%s", text);
	step->nparams++;
}

static void
give_number(Session *session, int64_t number)
{
	char		text[24];

	snprintf(text, sizeof(text), "%lld", (long long) number);
	give(session, text);
}

static void
command(Session *session, Verb verb, const char *text)
{
	begin_step(session, verb);
	snprintf(session->step.command, sizeof(session->step.command), "%s", text);
	snprintf(session->step.shown, sizeof(session->step.shown), "%s", text);
}

/* Requests. */

static const int amounts[] = {1, 10, 25, 40, 40, 50, 50, 51, 60, 100, 101};

#define AMOUNTS	((int) (sizeof(amounts) / sizeof(amounts[0])))

static const char *const merchants[] = {"Paper Mill", "Ink & Co"};

/* What a key stands for, but for now and then. */
static void
key_request(Request *request)
{
	int			number = pick(3);

	snprintf(request->key, sizeof(request->key), "k%d", number);
	if (chance(93))
	{
		request->amount = amounts[(number * 4 + request->agent + (int) (world.seed % 5)) % AMOUNTS];
		request->merchant = number % 2;
	}
}

static void
make_request(Request *request)
{
	memset(request, 0, sizeof(Request));
	request->agent = pick(world.nagents);
	request->card = world.agents[request->agent].card[0] != '\0' && !chance(4) ? request->agent : -1;
	request->amount = amounts[pick(AMOUNTS)];
	request->merchant = pick(2);
	request->intent = -1;
	if (chance(30))
		key_request(request);
}

/* One that was declared or parked, and what it was for. */
static void
name_intent(Request *request)
{
	int			number = world.nintents == 0 ? -1 : pick(world.nintents);

	if (number < 0 || request->key[0] != '\0' || !chance(60))
		return;
	request->agent = world.intents[number].agent;
	request->card = world.intents[number].card;
	request->amount = world.intents[number].amount;
	request->merchant = world.intents[number].merchant;
	request->intent = number;
}

static const char *
card_of(const Request *request)
{
	return request->card < 0 ? NULL : world.agents[request->card].card;
}

static void
show_request(Session *session, const Request *request)
{
	show(session, " %lld for agent %d at %s", (long long) request->amount, request->agent + 1, merchants[request->merchant]);
	if (request->card >= 0)
		show(session, " with card of %d", request->card + 1);
	if (request->intent >= 0)
		show(session, " with intent %d", request->intent + 1);
	if (request->key[0] != '\0')
		show(session, " by key %s", request->key);
}

static void
give_request(Session *session, const Request *request)
{
	give_number(session, request->amount);
	give(session, merchants[request->merchant]);
	give(session, card_of(request));
	give(session, request->intent < 0 ? NULL : world.intents[request->intent].id);
	give(session, request->key);
	show_request(session, request);
}

static bool
choose_authorize(Session *session)
{
	Request    *request = &session->step.requests[0];

	begin_step(session, AUTHORIZE);
	session->step.nrequests = 1;
	make_request(request);
	/* Another agent's card is not there. */
	if (chance(2))
	{
		int			other = pick(world.nagents);

		request->card = world.agents[other].card[0] != '\0' ? other : request->card;
	}
	name_intent(request);
	give(session, world.agents[request->agent].id);
	give_request(session, request);
	give(session, world.organization);
	return true;
}

static bool
choose_authorize_as(Session *session)
{
	Request    *request = &session->step.requests[0];
	Agent	   *agent;

	if (session->open && session->token < 0)
		return false;
	begin_step(session, AUTHORIZE_AS);
	session->step.nrequests = 1;
	make_request(request);
	if (session->token >= 0 && request->agent != session->token)
	{
		request->agent = session->token;
		request->card = world.agents[session->token].card[0] != '\0' ? session->token : -1;
		request->key[0] = '\0';
	}
	agent = &world.agents[request->agent];
	session->step.token = request->agent;
	give(session, agent->token);
	give_request(session, request);
	return true;
}

static bool
choose_authorize_many(Session *session)
{
	Step	   *step = &session->step;
	char		array[600] = "{";
	size_t		length = 1;

	begin_step(session, AUTHORIZE_MANY);
	step->nrequests = 2 + pick(MAX_BATCH - 1);
	for (int i = 0; i < step->nrequests; i++)
	{
		Request    *request = &step->requests[i];
		const char *card;

		make_request(request);
		card = card_of(request);
		length += (size_t) snprintf(array + length, sizeof(array) - length, "%s\"(%s,%lld,,\\\"%s\\\",,,%s,,%s,,)\"", i > 0 ? "," : "",
									world.agents[request->agent].id, (long long) request->amount, merchants[request->merchant],
									card == NULL ? "" : card, request->key);
		show_request(session, request);
	}
	snprintf(array + length, sizeof(array) - length, "}");
	give(session, array);
	give(session, world.organization);
	return true;
}

static bool
choose_evaluate(Session *session)
{
	Request    *request = &session->step.requests[0];

	begin_step(session, EVALUATE);
	make_request(request);
	give(session, world.agents[request->agent].id);
	give_number(session, request->amount);
	give(session, merchants[request->merchant]);
	give(session, card_of(request));
	give(session, world.organization);
	show_request(session, request);
	return true;
}

/* What becomes of holds. */

/* A hold that somebody was told of, also where that was taken back; -1: none. */
static int
pick_hold(void)
{
	int			numbers[MAX_FACTS];
	int			count = 0;

	for (int i = 0; i < world.nfacts; i++)
		if (world.facts[i].kind == DECISION && world.facts[i].approved && !world.facts[i].increment &&
			(world.facts[i].fate != LOST || chance(5)))
			numbers[count++] = i;
	return count == 0 ? -1 : numbers[pick(count)];
}

static bool
begin_verb(Session *session, Verb verb, int part_percent)
{
	Step	   *step = &session->step;
	int			hold = pick_hold();
	int64_t		amount;

	if (hold < 0)
		return false;
	begin_step(session, verb);
	step->hold = hold;
	give(session, world.facts[hold].id);
	amount = verb == INCREMENT || chance(part_percent) ? amounts[pick(AMOUNTS)] : 0;
	show(session, " hold of %lld", (long long) world.facts[hold].amount);
	if (amount > 0)
	{
		give_number(session, amount);
		show(session, ", %lld", (long long) amount);
	}
	else
		give(session, NULL);
	step->requests[0] = (Request)
	{
		.agent = world.facts[hold].agent, .card = world.facts[hold].card, .amount = amount, .intent = -1,
			.merchant = world.facts[hold].merchant
	};
	return true;
}

static void
end_verb(Session *session)
{
	char		key[8] = "";

	if (chance(25))
		snprintf(key, sizeof(key), "v%d", pick(2));
	give(session, key);
	give(session, world.organization);
	if (key[0] != '\0')
		show(session, " by key %s", key);
}

static bool
choose_capture(Session *session)
{
	bool		final = chance(65);

	if (!begin_verb(session, CAPTURE, 60))
		return false;
	give(session, final ? "true" : "false");
	show(session, final ? ", the last" : ", more to come");
	end_verb(session);
	return true;
}

static bool
choose_reverse(Session *session)
{
	if (!begin_verb(session, REVERSE, 40))
		return false;
	end_verb(session);
	return true;
}

static bool
choose_refund(Session *session)
{
	if (!begin_verb(session, REFUND, 50))
		return false;
	end_verb(session);
	return true;
}

static bool
choose_increment(Session *session)
{
	if (!begin_verb(session, INCREMENT, 100))
		return false;
	session->step.nrequests = 1;
	end_verb(session);
	return true;
}

/* Configuration. */

static void
set(Session *session, int object, int64_t value)
{
	session->step.object = object;
	session->step.value = value;
}

static void
give_changes(Session *session, const char *format,...) __attribute__((format(printf, 2, 3)));

static void
give_changes(Session *session, const char *format,...)
{
	char		changes[200];
	va_list		args;

	va_start(args, format);
	vsnprintf(changes, sizeof(changes), format, args);
	va_end(args);
	give(session, changes);
	show(session, " %s", changes);
}

static void
give_status(Session *session, int object)
{
	bool		running = chance(50);

	give_changes(session, "{\"status\": \"%s\"}", running ? "active" : "suspended");
	set(session, object, running ? RUNNING : STOPPED);
}

static void
give_limit(Session *session, int object)
{
	static const int64_t limits[] = {0, 50, 60, 100, 150, NO_LIMIT};
	int64_t		limit = limits[pick(6)];

	if (limit == NO_LIMIT)
		give_changes(session, "{\"spending_limit\": null}");
	else
		give_changes(session, "{\"spending_limit\": %lld, \"spending_limit_frequency\": \"allTime\"}", (long long) limit);
	set(session, object, limit);
}

static bool
choose_agent_change(Session *session)
{
	int			number = pick(world.nagents);
	Agent	   *agent = &world.agents[number];

	begin_step(session, UPDATE_AGENT);
	show(session, " %d", number + 1);
	give(session, agent->id);
	if (world.has_policy && agent->card[0] == '\0' && chance(25))
	{
		bool		assigned = chance(50);

		if (assigned)
			give_changes(session, "{\"default_policy_id\": \"%s\"}", world.policy);
		else
			give_changes(session, "{\"default_policy_id\": null}");
		set(session, AGENT_POLICY + number, assigned);
	}
	else if (chance(50) || agent->per_transaction)
		give_status(session, AGENT_STATUS + number);
	else
		give_limit(session, AGENT_LIMIT + number);
	give(session, world.organization);
	return true;
}

static bool
choose_customer_change(Session *session)
{
	int			number = pick(world.ncustomers);
	char		id[8];

	begin_step(session, UPDATE_CUSTOMER);
	snprintf(id, sizeof(id), "c%d", number);
	give(session, id);
	show(session, " %s", id);
	if (chance(50))
		give_status(session, CUSTOMER_STATUS + number);
	else
		give_limit(session, CUSTOMER_LIMIT + number);
	give(session, world.organization);
	return true;
}

static bool
choose_organization_change(Session *session)
{
	begin_step(session, UPDATE_ORGANIZATION);
	if (chance(50))
		give_status(session, ORGANIZATION_STATUS);
	else
		give_limit(session, ORGANIZATION_LIMIT);
	give(session, world.organization);
	return true;
}

static bool
choose_policy_change(Session *session)
{
	static const int limits[] = {20, 60, 200};
	int			limit = limits[pick(3)];

	if (!world.has_policy)
		return false;
	begin_step(session, UPDATE_POLICY);
	give(session, world.policy);
	give_changes(session, "{\"rules\": {\"limits\": {\"perAuth\": %d}}}", limit);
	give(session, world.organization);
	set(session, POLICY_AMOUNT, limit);
	return true;
}

static bool
choose_policy_creation(Session *session)
{
	char		name[16];

	if (!world.has_policy)
		return false;
	begin_step(session, MAKE_POLICY);
	snprintf(name, sizeof(name), "q%d", world.nkeys++);
	give(session, name);
	give(session, "{\"requireIntent\": true}");
	give(session, world.organization);
	return true;
}

static bool
choose_revocation(Session *session)
{
	int			number = pick(world.nagents);

	begin_step(session, REVOKE_TOKEN);
	give(session, world.agents[number].token_id);
	give(session, world.organization);
	show(session, " of agent %d", number + 1);
	set(session, TOKEN + number, STOPPED);
	return true;
}

static bool
begin_card_verb(Session *session, Verb verb, int *number)
{
	*number = pick(world.nagents);
	if (world.agents[*number].card[0] == '\0')
		return false;
	begin_step(session, verb);
	give(session, world.agents[*number].card);
	give(session, world.organization);
	show(session, " of agent %d", *number + 1);
	return true;
}

static bool
choose_freeze(Session *session)
{
	int			number;

	if (!begin_card_verb(session, FREEZE_CARD, &number))
		return false;
	set(session, CARD_STATUS + number, STOPPED);
	return true;
}

static bool
choose_unfreeze(Session *session)
{
	int			number;

	if (!begin_card_verb(session, UNFREEZE_CARD, &number))
		return false;
	set(session, CARD_STATUS + number, RUNNING);
	return true;
}

static bool
choose_card_creation(Session *session)
{
	int			number = pick(world.nagents);

	if (!world.agents[number].may_get_card)
		return false;
	begin_step(session, MAKE_CARD);
	give(session, world.agents[number].id);
	give(session, world.organization);
	show(session, " of agent %d", number + 1);
	set(session, CARD_REQUIRED + number, true);
	return true;
}

/* Intents. */

static bool
choose_declaration(Session *session)
{
	Request    *request = &session->step.requests[0];

	if (!world.has_approval)
		return false;
	begin_step(session, DECLARE);
	make_request(request);
	request->card = -1;
	give(session, world.agents[request->agent].id);
	give_number(session, request->amount);
	give(session, world.organization);
	show(session, " %lld for agent %d", (long long) request->amount, request->agent + 1);
	return true;
}

static bool
begin_intent_verb(Session *session, Verb verb, int value)
{
	int			number;

	if (world.nintents == 0)
		return false;
	number = pick(world.nintents);
	begin_step(session, verb);
	give(session, world.intents[number].id);
	give(session, world.organization);
	show(session, " %d", number + 1);
	set(session, INTENT + number, value);
	return true;
}

static bool
choose_approval(Session *session)
{
	return begin_intent_verb(session, APPROVE_INTENT, AGREED);
}

static bool
choose_rejection(Session *session)
{
	return begin_intent_verb(session, REJECT_INTENT, OVER);
}

static bool
choose_cancellation(Session *session)
{
	return begin_intent_verb(session, CANCEL_INTENT, OVER);
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
	snprintf(text, sizeof(text), "BEGIN ISOLATION LEVEL %s", levels[level]);
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
	{5, choose_declaration}, {9, choose_approval}, {2, choose_rejection}, {2, choose_cancellation}, {5, choose_look},
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
	world.tick++;
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
