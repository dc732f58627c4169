/*
 * oracle.c
 *		Whether what was decided in a schedule was right.
 *
 * It shares nothing with the extension.  It knows what was told, and when each
 * setting may have been in force: surely from the end of the COMMIT that made
 * it, perhaps from its beginning, to the end of the next one.  What is stored it
 * goes through in the order of time, and adds up itself.
 */
#include <stdio.h>
#include <string.h>

#include "explorer.h"

/* What is spent, and how many approvals count. */
typedef struct Sums
{
	int64_t		agents[MAX_AGENTS];
	int64_t		cards[MAX_AGENTS];
	int64_t		customers[MAX_CUSTOMERS];
	int64_t		organization;
	int			uses[MAX_AGENTS];	/* of cards */
	int			counts[MAX_AGENTS];	/* of agents */
	int64_t		last_sequence[MAX_AGENTS];
	int			intents[MAX_INTENTS];	/* that are used up */
	const char *first_merchants[MAX_AGENTS];	/* of cards */
} Sums;

static Sums sums;

static const Agent *
agent_of(const Row *row)
{
	return &world.agents[row->agent];
}

static bool
has_reason(const Fact *fact, const char *reason)
{
	const char *found = strstr(fact->reasons, reason);
	char		behind = found == NULL ? 'x' : found[strlen(reason)];

	return behind == '\0' || behind == ' ';
}

static void
add(const Row *row, int64_t amount)
{
	const Row  *hold = row->hold == NULL ? row : row->hold;

	sums.agents[row->agent] += amount;
	sums.customers[agent_of(row)->customer] += amount;
	sums.organization += amount;
	if (hold->card >= 0)
		sums.cards[hold->card] += amount;
}

/* Of one instant, what comes behind a decision: their order across agents is not known. */
static int64_t
same_instant(const Row *row, bool of_customer)
{
	int64_t		amount = 0;

	for (const Row *next = row + 1; next < rows + nrows && strcmp(next->at, row->at) == 0; next++)
		if (next->kind == 'd' && next->approved && (!of_customer || agent_of(next)->customer == agent_of(row)->customer))
			amount += next->amount;
	return amount;
}

static bool
limit_declines(const Agent *agent)
{
	return strcmp(agent->action, "decline") == 0 || strcmp(agent->action, "suspend") == 0;
}

/* As what is judged alone sees it: an increment with what is left of its hold. */
static int64_t
seen_alone(const Row *row)
{
	if (!row->increment || row->hold == NULL)
		return row->amount;
	return row->hold->total - row->hold->sums['r'] + row->amount;
}

static int64_t
seen_by_agent(const Row *row)
{
	if (agent_of(row)->per_transaction)
		return seen_alone(row);
	return sums.agents[row->agent] + row->amount;
}

static void
require_limit(const Row *row, const char *scope, int object, int64_t spent)
{
	int64_t		least;
	int64_t		most;

	range_of(row->fact, object, &least, &most);
	if (most != NO_LIMIT && spent > most)
		violate("%lld for agent %d is approved, and with it %lld is spent of the %lld of its %s", (long long) row->amount,
				row->agent + 1, (long long) spent, (long long) most, scope);
}

static void
check_limits(const Row *row)
{
	const Agent *agent = agent_of(row);

	if (limit_declines(agent))
		require_limit(row, "agent", AGENT_LIMIT + row->agent, seen_by_agent(row));
	require_limit(row, "customer", CUSTOMER_LIMIT + agent->customer, sums.customers[agent->customer] + row->amount);
	require_limit(row, "organization", ORGANIZATION_LIMIT, sums.organization + row->amount);
	if (row->card >= 0 && agent->card_limit != NO_LIMIT && sums.cards[row->card] + row->amount > agent->card_limit)
		violate("%lld is approved above the limit of the card of agent %d", (long long) row->amount, row->agent + 1);
}

static void
require_running(const Row *row, const char *what, int object)
{
	if (!may_be(row->fact, object, RUNNING))
		violate("%lld for agent %d is approved after its %s was stopped", (long long) row->amount, row->agent + 1, what);
}

static void
check_switches(const Row *row)
{
	const Fact *fact = row->fact;

	require_running(row, "agent", AGENT_STATUS + row->agent);
	require_running(row, "customer", CUSTOMER_STATUS + agent_of(row)->customer);
	require_running(row, "organization", ORGANIZATION_STATUS);
	if (fact->token >= 0)
		require_running(row, "token", TOKEN + fact->token);
	if (row->card >= 0)
		require_running(row, "card", CARD_STATUS + row->card);
	else if (!row->increment && !may_be(fact, CARD_REQUIRED + row->agent, false))
		violate("agent %d has a card, and spends without one", row->agent + 1);
}

static void
check_policy(const Row *row)
{
	int64_t		amount = seen_alone(row);
	int64_t		least;
	int64_t		most;

	if (!world.has_policy || row->card >= 0 || may_be(row->fact, AGENT_POLICY + row->agent, false))
		return;
	range_of(row->fact, POLICY_AMOUNT, &least, &most);
	if (amount > most)
		violate("%lld for agent %d is approved, and its policy allows %lld", (long long) amount, row->agent + 1, (long long) most);
}

static void
check_card(const Row *row)
{
	const Agent *agent = agent_of(row);

	if (row->card < 0 || row->increment)
		return;
	if (agent->single && sums.uses[row->card] > 0)
		violate("the single card of agent %d is used twice", row->agent + 1);
	if (sums.first_merchants[row->card] == NULL)
		sums.first_merchants[row->card] = row->merchant;
	if (agent->locks_merchant && strcmp(sums.first_merchants[row->card], row->merchant) != 0)
		violate("the card of agent %d is locked to %s, and pays %s", row->agent + 1, sums.first_merchants[row->card], row->merchant);
}

static void
check_intent(const Row *row)
{
	int			intent = row->fact->intent;

	if (row->increment)
		return;
	if (agent_of(row)->requires_approval && row->amount >= APPROVE_FROM &&
		(intent < 0 || !may_be(row->fact, INTENT + intent, AGREED)))
		violate("%lld for agent %d is approved, and no human has agreed", (long long) row->amount, row->agent + 1);
	if (intent >= 0 && ++sums.intents[intent] > 1)
		violate("intent %d is used up twice", intent + 1);
}

static void
check_approval(const Row *row)
{
	check_limits(row);
	check_switches(row);
	check_policy(row);
	check_card(row);
	check_intent(row);
}

/* Declined for a limit that it would have kept, whichever was in force. */
static void
check_declining_limit(const Row *row, const char *reason, int object, int64_t spent)
{
	int64_t		least;
	int64_t		most;

	if (!has_reason(row->fact, reason))
		return;
	range_of(row->fact, object, &least, &most);
	if (least == NO_LIMIT || spent <= least)
		violate("%lld for agent %d is declined for %s, and with it only %lld of %lld would be spent", (long long) row->amount,
				row->agent + 1, reason, (long long) spent, (long long) least);
}

static void
check_decline(const Row *row)
{
	const Fact *fact = row->fact;
	const Agent *agent = agent_of(row);

	if ((has_reason(fact, "agent_suspended") && !may_be(fact, AGENT_STATUS + row->agent, STOPPED)) ||
		(has_reason(fact, "customer_suspended") && !may_be(fact, CUSTOMER_STATUS + agent->customer, STOPPED)) ||
		(has_reason(fact, "organization_suspended") && !may_be(fact, ORGANIZATION_STATUS, STOPPED)) ||
		(has_reason(fact, "card_frozen") && !may_be(fact, CARD_STATUS + row->card, STOPPED)) ||
		(has_reason(fact, "card_required") && !may_be(fact, CARD_REQUIRED + row->agent, true)) ||
		(has_reason(fact, "card_consumed") && (!agent->single || sums.uses[row->card] == 0)) ||
		(has_reason(fact, "merchant_locked") && !agent->locks_merchant) ||
		(has_reason(fact, "card_limit_exceeded") && agent->card_limit == NO_LIMIT && !world.has_policy))
		violate("%lld for agent %d is declined for %s, which cannot be", (long long) row->amount, row->agent + 1, fact->reasons);
	if (!world.has_policy)
		check_declining_limit(row, "agent_limit_exceeded", AGENT_LIMIT + row->agent, seen_by_agent(row));
	check_declining_limit(row, "customer_limit_exceeded", CUSTOMER_LIMIT + agent->customer,
						  sums.customers[agent->customer] + same_instant(row, true) + row->amount);
	check_declining_limit(row, "organization_limit_exceeded", ORGANIZATION_LIMIT,
						  sums.organization + same_instant(row, false) + row->amount);
}

static void
go_through_decision(Row *row)
{
	if (row->number != ++sums.last_sequence[row->agent])
		violate("agent %d has no decision number %lld", row->agent + 1, (long long) sums.last_sequence[row->agent]);
	if (row->approved)
	{
		check_approval(row);
		add(row, row->amount);
		if (row->increment && row->hold != NULL)
			row->hold->total += row->amount;
		else
		{
			sums.counts[row->agent]++;
			if (row->card >= 0)
				sums.uses[row->card]++;
		}
	}
	else
		check_decline(row);
	if (!agent_of(row)->per_transaction && row->agent_spent != sums.agents[row->agent])
		violate("decision %lld of agent %d says that %lld is spent; it is %lld", (long long) row->number, row->agent + 1,
				(long long) row->agent_spent, (long long) sums.agents[row->agent]);
}

static void
go_through_entry(const Row *row)
{
	Row		   *hold = row->hold;

	if (hold == NULL)
	{
		violate("an entry has no authorization");
		return;
	}
	hold->sums[(int) row->kind] += row->amount;
	if (row->kind == 'i')
		return;
	hold->all_added += row->added;
	hold->all_released += row->released;
	add(row, row->added - row->released);
	/* All of it given back, and nothing captured: as if it had never been. */
	if (row->kind != 'r' || hold->sums['r'] < hold->total || hold->sums['c'] > 0)
		return;
	sums.counts[hold->agent]--;
	if (hold->card >= 0)
		sums.uses[hold->card]--;
	if (hold->fact->intent >= 0)
		sums.intents[hold->fact->intent]--;
}

/* A hold and its increments. */
static void
check_hold(const Row *hold)
{
	int64_t		counted = 0;
	int64_t		captured = 0;
	int64_t		reversed = 0;
	int64_t		refunded = 0;

	for (int i = 0; i < nrows; i++)
	{
		const Row  *part = &rows[i];

		if (part != hold && !(part->kind == 'd' && part->increment && part->hold == hold))
			continue;
		counted += part->counted;
		captured += part->captured;
		reversed += part->reversed;
		refunded += part->refunded;
	}
	if (captured != hold->sums['c'] || reversed != hold->sums['r'] || refunded != hold->sums['f'])
		violate("a hold of %lld differs from its entries", (long long) hold->total);
	if (captured + reversed > hold->total)
		violate("of a hold of %lld %lld is captured and %lld reversed", (long long) hold->total, (long long) captured, (long long) reversed);
	if (refunded > captured)
		violate("of %lld captured %lld is refunded", (long long) captured, (long long) refunded);
	if (counted != hold->total + hold->all_added - hold->all_released || hold->all_added > 0 || counted < captured - refunded)
		violate("a hold of %lld counts as %lld; %lld was added and %lld released", (long long) hold->total, (long long) counted,
				(long long) hold->all_added, (long long) hold->all_released);
}

static void
require_counter(const Row *row, int64_t total, int64_t count)
{
	if (row->amount != total)
		violate("the counter of the %s stands at %lld, and %lld is spent", row->merchant, (long long) row->amount, (long long) total);
	if (count >= 0 && row->number != count)
		violate("the counter of the %s knows of %lld approvals, and %lld count", row->merchant, (long long) row->number, (long long) count);
}

/* Those of customers and organizations are kept while there is a limit. */
static void
check_counter(const Row *row)
{
	if (strcmp(row->merchant, "agent") == 0)
		require_counter(row, sums.agents[row->agent], sums.counts[row->agent]);
	else if (strcmp(row->merchant, "card") == 0 && row->card >= 0)
		require_counter(row, sums.cards[row->card], sums.uses[row->card]);
	else if (strcmp(row->merchant, "customer") == 0 && last_value(CUSTOMER_LIMIT + row->agent) != NO_LIMIT)
		require_counter(row, sums.customers[row->agent], -1);
	else if (strcmp(row->merchant, "organization") == 0 && last_value(ORGANIZATION_LIMIT) != NO_LIMIT)
		require_counter(row, sums.organization, -1);
}

void
judge_schedule(void)
{
	memset(&sums, 0, sizeof(sums));
	read_rows();
	match_answers();
	for (int i = 0; i < nrows && world.violation[0] == '\0'; i++)
	{
		Row		   *row = &rows[i];

		if (row->kind == 'd')
			go_through_decision(row);
		else if (row->kind != 'k')
			go_through_entry(row);
		else
			check_counter(row);
	}
	for (int i = 0; i < nrows && world.violation[0] == '\0'; i++)
		if (rows[i].kind == 'd' && rows[i].approved && !rows[i].increment)
			check_hold(&rows[i]);
}
