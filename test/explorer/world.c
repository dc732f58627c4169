/*
 * world.c
 *		The world of a schedule: an organization and who spends in it.
 *
 * Small, so that all that happens collides.  Every limit is for all time or
 * rolls over more time than a schedule takes, so that no window ends meanwhile.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "explorer.h"

static char script[8000];
static size_t length;

static void add(const char *format,...) __attribute__((format(printf, 1, 2)));

static void
add(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	length += (size_t) vsnprintf(script + length, sizeof(script) - length, format, args);
	va_end(args);
	if (length >= sizeof(script))
		die("the script of a world is too long");
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

static const char *
limit_text(int64_t limit)
{
	static char text[2][24];
	static int	turn = 0;

	turn = !turn;
	if (limit == NO_LIMIT)
		return "NULL";
	snprintf(text[turn], sizeof(text[turn]), "%lld", (long long) limit);
	return text[turn];
}

static void
add_organization(void)
{
	int64_t		limit = chance(20) ? 100 + 50 * pick(2) : NO_LIMIT;

	add("SELECT o.id FROM ledger_agents.create_organization('%s', spending_limit => %s, spending_limit_frequency => 'allTime',"
		" transaction_events => %s) AS o;", world.organization, limit_text(limit), chance(10) ? "true" : "false");
	start_with(ORGANIZATION_LIMIT, limit);
	start_with(ORGANIZATION_STATUS, RUNNING);
}

static void
add_customers(void)
{
	for (int i = 0; i < world.ncustomers; i++)
	{
		int64_t		limit = chance(35) ? 80 + 20 * pick(3) : NO_LIMIT;

		start_with(CUSTOMER_LIMIT + i, limit);
		start_with(CUSTOMER_STATUS + i, RUNNING);
		if (limit != NO_LIMIT)
			add("SELECT c.id FROM ledger_agents.update_customer('c%d', '{\"spending_limit\": %lld, \"spending_limit_frequency\": \"%s\","
				" \"window_mode\": \"rolling\"}', '%s') AS c;", i, (long long) limit, chance(50) ? "allTime" : "perYear", world.organization);
	}
}

static void
add_policy(void)
{
	start_with(POLICY_AMOUNT, 60);
	if (world.has_policy)
		add("SELECT p.id FROM ledger_agents.create_policy('p', '{\"limits\": {\"perAuth\": 60}}', '%s') AS p;", world.organization);
}

/* As a column behind that of the agent r. */
static void
add_card(Agent *agent)
{
	bool		limited = chance(30);

	agent->single = chance(30);
	agent->locks_merchant = !agent->single && chance(50);
	agent->card_limit = limited ? 60 + 20 * pick(2) : NO_LIMIT;
	world.has_single = world.has_single || agent->single;
	strcpy(agent->card, "?");
	add(", (SELECT c.id FROM ledger_agents.create_card(r.id, type => '%s', spending_limit => %s, spending_limit_frequency => 'allTime',"
		" policy => %s, organization_id => '%s') AS c)", agent->single ? "single" : "multi", limit_text(agent->card_limit),
		agent->locks_merchant ? "'{\"lockToFirstMerchant\": true}'" : "NULL", world.organization);
}

static const char *
pick_frequency(Agent *agent)
{
	static const char *const frequencies[] = {"allTime", "allTime", "allTime", "perYear", "per24HourPeriod", "perMonth"};

	agent->per_transaction = chance(4);
	return agent->per_transaction ? "perTransaction" : frequencies[pick(6)];
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
	add("SELECT r.id, r.token, r.token_id");
	if (with_cards && chance(75))
		add_card(agent);
	agent->may_get_card = agent->card[0] == '\0' && chance(10);
	add(" FROM ledger_agents.register_agent('a%d', 'c%d', spending_limit => %s, spending_limit_frequency => '%s',"
		" window_mode => 'rolling', on_limit_exceeded => '%s', organization_id => '%s'", i, agent->customer, limit_text(limit),
		pick_frequency(agent), agent->action, world.organization);
	if (agent->requires_approval)
		add(", default_require_approval => true, default_auto_approve_below => %d", APPROVE_FROM);
	if (world.has_policy)
		add(", default_policy_id => (SELECT p.id FROM ledger_agents.policies AS p WHERE p.organization_id = '%s')", world.organization);
	add(") AS r;");
	start_with(AGENT_LIMIT + i, limit);
	start_with(AGENT_STATUS + i, RUNNING);
	start_with(AGENT_POLICY + i, world.has_policy);
	start_with(TOKEN + i, RUNNING);
	start_with(CARD_STATUS + i, RUNNING);
	start_with(CARD_REQUIRED + i, agent->card[0] != '\0');
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

static void
run_script(void)
{
	PGresult   *result;
	int			agent = 0;

	if (!PQsendQuery(control, script))
		die("the world cannot be made: %s", PQerrorMessage(control));
	while ((result = PQgetResult(control)) != NULL)
	{
		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			die("the world cannot be made: %s", PQerrorMessage(control));
		if (PQnfields(result) > 1)
			take_agent(&world.agents[agent++], result);
		else if (strlen(PQgetvalue(result, 0, 0)) == 36)
			snprintf(world.policy, ID_LENGTH, "%s", PQgetvalue(result, 0, 0));
		PQclear(result);
	}
}

void
make_world(void)
{
	bool		with_cards = chance(35);

	length = 0;
	snprintf(world.organization, sizeof(world.organization), "explorer-%llu", (unsigned long long) world.seed);
	world.nsessions = 2 + pick(MAX_SESSIONS - 1);
	world.nagents = 1 + pick(MAX_AGENTS);
	world.ncustomers = 1 + chance(30);
	world.has_policy = chance(20);
	world.has_approval = chance(20);
	world.prepares = chance(25);
	add_organization();
	add_policy();
	add_customers();
	for (int i = 0; i < world.nagents; i++)
		add_agent(i, with_cards);
	run_script();
	for (char *line = strtok(script, ";"); line != NULL; line = strtok(NULL, ";"))
		note("%s", line);
}
