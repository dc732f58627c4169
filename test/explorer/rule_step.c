/*
 * rule_step.c
 *		Steps that change who may spend: statuses, limits, policies, tokens, cards, intents.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "explorer.h"
#include "step.h"

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

bool
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

bool
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

bool
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

bool
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

bool
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

bool
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

bool
choose_freeze(Session *session)
{
	int			number;

	if (!begin_card_verb(session, FREEZE_CARD, &number))
		return false;
	set(session, CARD_STATUS + number, STOPPED);
	return true;
}

bool
choose_unfreeze(Session *session)
{
	int			number;

	if (!begin_card_verb(session, UNFREEZE_CARD, &number))
		return false;
	set(session, CARD_STATUS + number, RUNNING);
	return true;
}

bool
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

bool
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

bool
choose_approval(Session *session)
{
	return begin_intent_verb(session, APPROVE_INTENT, AGREED);
}

bool
choose_rejection(Session *session)
{
	return begin_intent_verb(session, REJECT_INTENT, OVER);
}

bool
choose_cancellation(Session *session)
{
	return begin_intent_verb(session, CANCEL_INTENT, OVER);
}

