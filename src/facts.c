/*
 * facts.c
 *		From what was gathered to what the judge reads; see books.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "books.h"
#include "intent.h"
#include "merchant.h"
#include "module.h"

bool
la_is_counted(const LaBooks *books, LaScope scope)
{
	switch (scope)
	{
		case LA_CARD:
			return books->card != NULL;
		case LA_AGENT:
			return true;
		case LA_CUSTOMER:
			return books->tenant->customer_limit.set || la_rules_count(books->tenant->customer_rules);
		default:
			return books->tenant->organization_limit.set;
	}
}

/* The rules of a policy that are limits, each at its own scope. */
static const struct
{
	LaRuleId	id;
	LaFrequency frequency;
}			limit_rules[] =

{
	{LA_RULE_PER_AUTH, LA_PER_TRANSACTION},
	{LA_RULE_PER_DAY, LA_PER_24_HOURS},
	{LA_RULE_PER_MONTH, LA_PER_MONTH},
	{LA_RULE_CUMULATIVE_MAX, LA_ALL_TIME},
	{LA_RULE_MAX_AUTH_COUNT, LA_ALL_TIME},
};

static LaLimit *
add_limit(LaFacts *facts, LaScope scope, const char *rule, int64 limit, LaFrequency frequency)
{
	LaLimit    *added = &facts->limits[facts->nlimits++];

	memset(added, 0, sizeof(LaLimit));
	added->scope = scope;
	added->rule = rule;
	added->set = true;
	added->limit = limit;
	added->frequency = frequency;
	added->mode = LA_CALENDAR;
	added->action = LA_ACTION_DECLINE;
	added->counter_currency = scope == LA_CUSTOMER ? facts->currency : facts->agent_currency;
	added->currency = added->counter_currency;
	added->window.start = DT_NOBEGIN;
	added->window.end = DT_NOEND;
	return added;
}

static void
add_limits_of_rules(LaFacts *facts, LaScope scope)
{
	const LaRules *rules = facts->rules[scope];

	if (rules == NULL)
		return;
	for (int i = 0; i < lengthof(limit_rules); i++)
	{
		LaRuleId	id = limit_rules[i].id;
		const LaRuleSetting *setting = &rules->settings[id];
		LaLimit    *limit;

		if (!setting->set)
			continue;
		limit = add_limit(facts, scope, la_rule_name(id), setting->number, limit_rules[i].frequency);
		limit->from_template = setting->from_template;
		if (id == LA_RULE_MAX_AUTH_COUNT)
			limit->currency = NULL;
		else if (setting->from_template)
			limit->currency = facts->currency;
	}
}

static void
gather_limits(LaBooks *books)
{
	LaFacts    *facts = &books->facts;
	LaLimit    *of_card = &facts->limits[LA_CARD];

	memset(of_card, 0, sizeof(LaLimit));
	if (books->card != NULL)
		*of_card = books->card->limit;
	of_card->currency = of_card->counter_currency = facts->agent_currency;
	facts->limits[LA_AGENT] = books->agent->limit;
	facts->limits[LA_CUSTOMER] = books->tenant->customer_limit;
	facts->limits[LA_ORGANIZATION] = books->tenant->organization_limit;
	facts->nlimits = LA_SCOPES;
	for (int scope = LA_CARD; scope <= LA_CUSTOMER; scope++)
		add_limits_of_rules(facts, scope);
	if (books->card != NULL && books->card->has_max_amount)
		(void) add_limit(facts, LA_CARD, "maxAmount", books->card->max_amount, LA_PER_TRANSACTION);
}

void
la_books_facts(LaBooks *books)
{
	LaFacts    *facts = &books->facts;

	facts->zone = books->tenant->zone;
	facts->currency = books->tenant->currency;
	facts->agent_currency = books->agent->limit.currency;
	facts->organization_suspended = books->tenant->organization_suspended;
	facts->customer_suspended = books->tenant->customer_suspended;
	facts->agent_deregistered = books->agent->deregistered;
	facts->agent_suspended = books->agent->suspended;
	facts->has_cards = books->agent->has_cards;
	facts->card = books->card;
	facts->rules[LA_CUSTOMER] = books->tenant->customer_rules;
	/* The template judges what names no card; a card has its own. */
	facts->rules[LA_AGENT] = books->card != NULL ? books->agent->own_rules : books->agent->rules;
	facts->rules[LA_CARD] = books->card != NULL ? books->card->rules : NULL;
	gather_limits(books);
}

/* Columns of INTENT_FACTS. */
enum
{
	ID, STATUS, CARD, APPROVED, PARKED, AMOUNT, CURRENCY, MERCHANT, MCCS, TOLERANCE, PERCENT,
	EXPIRES_AT
};

static void
read_mccs(LaIntent *intent, Datum list)
{
	Datum	   *values;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(list), TEXTOID, -1, false, TYPALIGN_INT, &values, NULL,
					  &count);
	intent->mccs = palloc(sizeof(char *) * count);
	intent->nmccs = count;
	for (int i = 0; i < count; i++)
		intent->mccs[i] = TextDatumGetCString(values[i]);
}

static LaIntentState
state_of(const char *status)
{
	if (strcmp(status, "pending") == 0)
		return LA_INTENT_PENDING;
	return strcmp(status, "pending_approval") == 0 ? LA_INTENT_PENDING_APPROVAL : LA_INTENT_OVER;
}

static void
read_intent(LaBooks *books, LaRow row, LaIntent *intent)
{
	const char *merchant = la_row_text(row, MERCHANT);
	const pg_uuid_t *card = row.nulls[CARD] ? NULL : DatumGetUUIDP(row.values[CARD]);
	bool		same_card = card != NULL && books->card_id != NULL &&
	memcmp(card, books->card_id, UUID_LEN) == 0;

	memset(intent, 0, sizeof(LaIntent));
	intent->id = *DatumGetUUIDP(row.values[ID]);
	intent->state = state_of(TextDatumGetCString(row.values[STATUS]));
	intent->fits_card = card == NULL || same_card;
	intent->card_given = same_card || (card == NULL && books->card_id == NULL);
	intent->approved = DatumGetBool(row.values[APPROVED]);
	intent->parked = DatumGetBool(row.values[PARKED]);
	intent->has_amount = !row.nulls[AMOUNT];
	intent->amount = intent->has_amount ? DatumGetInt64(row.values[AMOUNT]) : 0;
	intent->currency = la_row_text(row, CURRENCY);
	intent->merchant = merchant == NULL ? NULL : la_normal_merchant(merchant);
	if (!row.nulls[MCCS])
		read_mccs(intent, row.values[MCCS]);
	intent->has_tolerance = !row.nulls[TOLERANCE];
	intent->tolerance = intent->has_tolerance ? DatumGetInt64(row.values[TOLERANCE]) : 0;
	intent->has_percent = !row.nulls[PERCENT];
	intent->percent = intent->has_percent ? DatumGetInt32(row.values[PERCENT]) : 0;
	intent->expires_at = DatumGetTimestampTz(row.values[EXPIRES_AT]);
}

/* The intent that the request names, in whatever state; it must be the agent's. */
static void
gather_named(LaBooks *books, LaIntent *intent, TimestampTz at)
{
	LaParams	params = {0};

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &books->agent_id);
	la_param_uuid(&params, books->intent_id);
	if (la_run(LA_Q_INTENT, &params, books->view) == 0)
		la_unknown_uuid("intent", books->intent_id);
	read_intent(books, la_row(0), intent);
	if (intent->expires_at <= at)
		intent->state = LA_INTENT_OVER;
	books->facts.named_intent = intent;
}

int
la_open_intents(LaBooks *books, TimestampTz at, LaIntent **intents)
{
	LaParams	params = {0};
	int			count;

	*intents = NULL;
	if (books->counters[LA_AGENT].intents_until <= at)
		return 0;

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &books->agent_id);
	la_param(&params, TimestampTzGetDatum(at), false);
	la_param(&params, Int32GetDatum(LA_MAX_OPEN_INTENTS), false);
	count = la_run(LA_Q_INTENTS, &params, books->view);
	*intents = palloc(sizeof(LaIntent) * Max(count, 1));
	for (int i = 0; i < count; i++)
		read_intent(books, la_row(i), &(*intents)[i]);
	return count;
}

void
la_books_intents(LaBooks *books, TimestampTz at)
{
#if LA_MUTANT == 35
	if (books->intents != NULL)
		return;
#endif
	books->facts.named_intent = NULL;
	books->nintents = 0;
	if (books->intent_id != NULL)
	{
		books->intents = palloc(sizeof(LaIntent));
		gather_named(books, books->intents, at);
	}
	else
		books->nintents = la_open_intents(books, at, &books->intents);
	books->facts.intents = books->intents;
	books->facts.nintents = books->nintents;
}
