/*
 * spend_step.c
 *		Steps that spend, and what becomes of what was spent.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "explorer.h"
#include "step.h"

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

void
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

bool
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

bool
choose_authorize_as(Session *session)
{
	Request    *request = &session->step.requests[0];
	Agent	   *agent;

	if (session->open && session->token < 0)
		return false;
	/* Told once, it need not be told again. */
	begin_step(session, session->known && chance(70) ? AUTHORIZE : AUTHORIZE_AS);
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
	give(session, session->step.verb == AUTHORIZE ? agent->id : agent->token);
	give_request(session, request);
	if (session->step.verb == AUTHORIZE)
		give(session, world.organization);
	return true;
}

bool
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

bool
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

bool
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

bool
choose_reverse(Session *session)
{
	if (!begin_verb(session, REVERSE, 40))
		return false;
	end_verb(session);
	return true;
}

bool
choose_refund(Session *session)
{
	if (!begin_verb(session, REFUND, 50))
		return false;
	end_verb(session);
	return true;
}

bool
choose_increment(Session *session)
{
	if (!begin_verb(session, INCREMENT, 100))
		return false;
	session->step.nrequests = 1;
	end_verb(session);
	return true;
}

