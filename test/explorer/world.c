/*
 * world.c
 *		The world of a schedule: an organization and who spends in it.
 *
 * Small, so that all that happens collides.  Every limit is for all time or
 * rolls over more time than a schedule takes, so that no window ends meanwhile.
 */
#include <stdio.h>
#include <string.h>

#include "explorer.h"

typedef enum Making
{
	ORGANIZATION, POLICY, CUSTOMER, WITHOUT_CARD, WITH_CARD, MAKINGS
} Making;

#define REGISTER \
	" FROM ledger_agents.register_agent($1, $2, spending_limit => $3, spending_limit_frequency => $4, window_mode => 'rolling'," \
	" on_limit_exceeded => $5, default_require_approval => $6, default_auto_approve_below => $7," \
	" default_policy_id => (SELECT p.id FROM ledger_agents.policies AS p WHERE p.organization_id = $8), organization_id => $8) AS r"

static const char *const makings[MAKINGS] = {
	[ORGANIZATION] = "SELECT o.id FROM ledger_agents.create_organization($1, spending_limit => $2, spending_limit_frequency => 'allTime',"
	" transaction_events => $3) AS o",
	[POLICY] = "SELECT p.id FROM ledger_agents.create_policy('p', '{\"limits\": {\"perAuth\": 60}}', $1) AS p",
	[CUSTOMER] = "SELECT c.id FROM ledger_agents.update_customer($1, $2, $3) AS c",
	[WITHOUT_CARD] = "SELECT r.id, r.token, r.token_id" REGISTER,
	[WITH_CARD] = "SELECT r.id, r.token, r.token_id, (SELECT c.id FROM ledger_agents.create_card(r.id, type => $9, spending_limit => $10,"
	" spending_limit_frequency => 'allTime', policy => $11, organization_id => $8) AS c)" REGISTER,
};

#define MAX_MAKING_PARAMS	11

static const char *const making_names[MAKINGS] = {"organization", "policy", "customer", "agent", "agent with a card"};

/* One after another, all in one round trip and one transaction. */
static void
make(Making making, int nparams, const char *const *params)
{
	char		shown[600] = "";
	size_t		length = 0;

	if (!PQsendQueryPrepared(control, making_names[making], nparams, params, NULL, NULL, 0))
		die("the world cannot be made: %s", PQerrorMessage(control));
	for (int i = 0; i < nparams && length < sizeof(shown); i++)
		length += (size_t) snprintf(shown + length, sizeof(shown) - length, " %s", params[i] == NULL ? "-" : params[i]);
	note("%s:%s", making_names[making], shown);
}

static void
prepare_makings(void)
{
	static bool done = false;

	for (int i = 0; i < MAKINGS && !done; i++)
	{
		PGresult   *result = PQprepare(control, making_names[i], makings[i], 0, NULL);

		if (PQresultStatus(result) != PGRES_COMMAND_OK)
			die("the world cannot be made: %s", PQerrorMessage(control));
		PQclear(result);
	}
	done = true;
}

/* What stands before the first step. */
static void
start_with(int object, int64_t value)
{
	Fact	   *fact = new_fact(&world.sessions[0], SETTING);

	fact->object = object;
	fact->value = value;
	fact->fate = COMMITTED;
	fact->transaction = 0;
	fact->began = fact->answered = fact->commit_sent = fact->commit_done = 0;
}

/* Null where there is none. */
static const char *
limit_text(int64_t limit, char *text, size_t size)
{
	snprintf(text, size, "%lld", (long long) limit);
	return limit == NO_LIMIT ? NULL : text;
}

static void
add_organization(void)
{
	int64_t		limit = chance(20) ? 100 + 50 * pick(2) : NO_LIMIT;
	char		text[24];
	const char *params[] = {world.organization, limit_text(limit, text, sizeof(text)), chance(10) ? "true" : "false"};

	make(ORGANIZATION, 3, params);
	start_with(ORGANIZATION_LIMIT, limit);
	start_with(ORGANIZATION_STATUS, RUNNING);
}

static void
add_customer(int i)
{
	int64_t		limit = chance(35) ? 80 + 20 * pick(3) : NO_LIMIT;
	char		id[8];
	char		changes[200];
	const char *params[] = {id, changes, world.organization};

	start_with(CUSTOMER_LIMIT + i, limit);
	start_with(CUSTOMER_STATUS + i, RUNNING);
	if (limit == NO_LIMIT)
		return;
	snprintf(id, sizeof(id), "c%d", i);
	snprintf(changes, sizeof(changes), "{\"spending_limit\": %lld, \"spending_limit_frequency\": \"%s\", \"window_mode\": \"rolling\"}",
			 (long long) limit, chance(50) ? "allTime" : "perYear");
	make(CUSTOMER, 3, params);
}

static void
add_policy(void)
{
	const char *params[] = {world.organization};

	start_with(POLICY_AMOUNT, 60);
	if (world.has_policy)
		make(POLICY, 1, params);
}

static void
describe_card(Agent *agent)
{
	agent->single = chance(30);
	agent->locks_merchant = !agent->single && chance(50);
	agent->card_limit = chance(30) ? 60 + 20 * pick(2) : NO_LIMIT;
	world.has_single = world.has_single || agent->single;
	strcpy(agent->card, "?");
}

static const char *
pick_frequency(Agent *agent)
{
	static const char *const frequencies[] = {"allTime", "allTime", "allTime", "perYear", "per24HourPeriod", "perMonth"};

	agent->per_transaction = chance(4);
	return agent->per_transaction ? "perTransaction" : frequencies[pick(6)];
}

static void
start_agent(int i, int64_t limit)
{
	start_with(AGENT_LIMIT + i, limit);
	start_with(AGENT_STATUS + i, RUNNING);
	start_with(AGENT_POLICY + i, world.has_policy);
	start_with(TOKEN + i, RUNNING);
	start_with(CARD_STATUS + i, RUNNING);
	start_with(CARD_REQUIRED + i, world.agents[i].card[0] != '\0');
}

static void
register_agent(int i, int64_t limit)
{
	Agent	   *agent = &world.agents[i];
	char		id[8];
	char		customer[8];
	char		text[24];
	char		card_text[24];
	char		below[8];
	const char *params[MAX_MAKING_PARAMS] = {
		id, customer, limit_text(limit, text, sizeof(text)), pick_frequency(agent), agent->action,
		agent->requires_approval ? "true" : NULL, agent->requires_approval ? below : NULL, world.organization,
		agent->single ? "single" : "multi", limit_text(agent->card_limit, card_text, sizeof(card_text)),
		agent->locks_merchant ? "{\"lockToFirstMerchant\": true}" : NULL
	};

	snprintf(id, sizeof(id), "a%d", i);
	snprintf(customer, sizeof(customer), "c%d", agent->customer);
	snprintf(below, sizeof(below), "%d", APPROVE_FROM);
	if (agent->card[0] != '\0')
		make(WITH_CARD, MAX_MAKING_PARAMS, params);
	else
		make(WITHOUT_CARD, MAX_MAKING_PARAMS - 3, params);
}

static void
add_agent(int i, bool with_cards)
{
	static const char *const actions[] = {"suspend", "suspend", "suspend", "notify", "none"};
	Agent	   *agent = &world.agents[i];
	int64_t		limit = chance(80) ? 50 + 50 * pick(2) : NO_LIMIT;

	agent->customer = pick(world.ncustomers);
	agent->requires_approval = world.has_approval && chance(70);
	agent->card_limit = NO_LIMIT;
	snprintf(agent->action, sizeof(agent->action), "%s", chance(25) ? actions[pick(5)] : "decline");
	if (with_cards && chance(75))
		describe_card(agent);
	agent->may_get_card = agent->card[0] == '\0' && chance(10);
	register_agent(i, limit);
	start_agent(i, limit);
}

static void
take_agent(Agent *agent, PGresult *result)
{
	snprintf(agent->id, ID_LENGTH, "%s", PQgetvalue(result, 0, 0));
	snprintf(agent->token, sizeof(agent->token), "%s", PQgetvalue(result, 0, 1));
	snprintf(agent->token_id, ID_LENGTH, "%s", PQgetvalue(result, 0, 2));
	if (agent->card[0] != '\0')
		snprintf(agent->card, ID_LENGTH, "%s", PQgetvalue(result, 0, 3));
}

/* The answers, in the order of the requests; a null ends each, a sync all. */
static void
take_world(void)
{
	int			agent = 0;

	if (!PQpipelineSync(control))
		die("the world cannot be made: %s", PQerrorMessage(control));
	for (;;)
	{
		PGresult   *result = PQgetResult(control);
		ExecStatusType status = PQresultStatus(result);

		if (result == NULL)
			continue;
		if (status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_SYNC)
			die("the world cannot be made: %s", PQerrorMessage(control));
		if (PQnfields(result) > 1)
			take_agent(&world.agents[agent++], result);
		else if (status == PGRES_TUPLES_OK && strlen(PQgetvalue(result, 0, 0)) == 36)
			snprintf(world.policy, ID_LENGTH, "%s", PQgetvalue(result, 0, 0));
		PQclear(result);
		if (status == PGRES_PIPELINE_SYNC)
			break;
	}
	if (!PQexitPipelineMode(control))
		die("the world cannot be left: %s", PQerrorMessage(control));
}

void
make_world(void)
{
	bool		with_cards = chance(35);

	snprintf(world.organization, sizeof(world.organization), "explorer-%llu", (unsigned long long) world.seed);
	world.nsessions = 2 + pick(MAX_SESSIONS - 1);
	world.nagents = 1 + pick(MAX_AGENTS);
	world.ncustomers = 1 + chance(30);
	world.has_policy = chance(20);
	world.has_approval = chance(20);
	world.prepares = chance(25);
	prepare_makings();
	if (!PQenterPipelineMode(control))
		die("the world cannot be made: %s", PQerrorMessage(control));
	add_organization();
	add_policy();
	for (int i = 0; i < world.ncustomers; i++)
		add_customer(i);
	for (int i = 0; i < world.nagents; i++)
		add_agent(i, with_cards);
	take_world();
}
