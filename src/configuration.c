/*
 * configuration.c
 *		The rows that say what agents, cards, customers and organizations may do; see configuration.h.
 *
 * Each is read directly where that is possible, and by a statement where rows
 * are elsewhere.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "configuration.h"
#include "direct.h"

/* Columns of LA_Q_TENANT, and of the tables behind it: the customer's, then the organization's. */
enum
{
	CUSTOMER_STATUS, CUSTOMER_LIMIT, CUSTOMER_FREQUENCY, CUSTOMER_MODE, CUSTOMER_POLICY,
	CUSTOMER_COLUMNS
};
enum
{
	ORGANIZATION_STATUS, ORGANIZATION_LIMIT, ORGANIZATION_FREQUENCY, ORGANIZATION_MODE,
	ORGANIZATION_ZONE, ORGANIZATION_CURRENCY, APPROACHING_PERCENT, TOLERANCE_PERCENT,
	TRANSACTION_EVENTS
};

/* Columns of a row from first on: limit, frequency, mode. */
static void
read_limit(LaLimit *limit, LaScope scope, LaRow row, int first, const char *currency)
{
	memset(limit, 0, sizeof(LaLimit));
	limit->scope = scope;
	limit->rule = "spendingLimit";
	limit->set = !row.nulls[first];
	limit->limit = limit->set ? DatumGetInt64(row.values[first]) : 0;
	limit->currency = limit->counter_currency = currency;
	limit->action = LA_ACTION_DECLINE;
	limit->stored_frequency = row.values[first + 1];
	limit->frequency = la_frequency(la_enum_label(limit->stored_frequency));
	limit->mode = la_effective_mode(limit->frequency,
									la_window_mode(row.nulls[first + 2] ? NULL :
												   la_enum_label(row.values[first + 2])));
}

static bool
is_suspended(LaRow row, int column)
{
	return strcmp(la_enum_label(row.values[column]), "suspended") == 0;
}

static const char *const customer_columns[] = {
	"status", "spending_limit", "spending_limit_frequency", "window_mode", "policy"
};
static LaDirectTable customer_table = {
	"customers", "tt", customer_columns, lengthof(customer_columns)
};
static const char *const organization_columns[] = {
	"status", "spending_limit", "spending_limit_frequency", "window_mode", "timezone", "currency",
	"limit_approaching_percent", "capture_tolerance_percent", "transaction_events"
};
static LaDirectTable organization_table = {
	"organizations", "t", organization_columns, lengthof(organization_columns)
};

static void
take_organization(LaTenant *tenant, LaRow row)
{
	tenant->organization_suspended = is_suspended(row, ORGANIZATION_STATUS);
	tenant->zone = TextDatumGetCString(row.values[ORGANIZATION_ZONE]);
	tenant->currency = TextDatumGetCString(row.values[ORGANIZATION_CURRENCY]);
	tenant->approaching_percent = DatumGetInt32(row.values[APPROACHING_PERCENT]);
	tenant->tolerance_percent = DatumGetInt32(row.values[TOLERANCE_PERCENT]);
	tenant->transaction_events = DatumGetBool(row.values[TRANSACTION_EVENTS]);
	read_limit(&tenant->organization_limit, LA_ORGANIZATION, row, ORGANIZATION_LIMIT,
			   tenant->currency);
}

/* After its organization. */
static void
take_customer(LaTenant *tenant, LaRow row)
{
	tenant->customer_rules = la_parse_rules(la_row_document(row, CUSTOMER_POLICY), NULL);
	tenant->customer_suspended = is_suspended(row, CUSTOMER_STATUS);
	read_limit(&tenant->customer_limit, LA_CUSTOMER, row, CUSTOMER_LIMIT, tenant->currency);
}

/* False: the rows are not here. */
static bool
read_directly(const LaParams *key, LaView view, const LaTenant *sibling, LaTenant *tenant)
{
	LaRow		row;

	if (sibling != NULL)
		*tenant = *sibling;
	else if (la_direct_row(&organization_table, key, view, &row))
		take_organization(tenant, row);
	else
		return false;
	if (!la_direct_row(&customer_table, key, view, &row))
		return false;
	take_customer(tenant, row);
	return true;
}

void
la_read_tenant(const char *organization_id, const char *customer_id, LaView view,
			   const LaTenant *sibling, LaTenant *tenant)
{
	LaParams	params = {0};
	LaRow		row;
	LaRow		organization;

	la_param_text(&params, organization_id);
	la_param_text(&params, customer_id);
	if (la_direct_is_fit(view) && read_directly(&params, view, sibling, tenant))
		return;
	if (la_run(LA_Q_TENANT, &params, view) == 0)
		elog(ERROR, "customer \"%s\" of organization \"%s\" is missing", customer_id, organization_id);
	row = la_row(0);
	organization.values = row.values + CUSTOMER_COLUMNS;
	organization.nulls = row.nulls + CUSTOMER_COLUMNS;
	take_organization(tenant, organization);
	take_customer(tenant, row);
}

/* Columns of LA_Q_AGENT_FACTS and of agent_table. */
enum
{
	AGENT_CUSTOMER, AGENT_STATUS, AGENT_CURRENCY, AGENT_LIMIT, AGENT_FREQUENCY, AGENT_MODE,
	AGENT_ACTION, AGENT_POLICY, AGENT_TEMPLATE, AGENT_HAS_CARDS
};

static const char *const agent_columns[] = {
	"customer_id", "status", "currency", "spending_limit", "spending_limit_frequency",
	"window_mode", "on_limit_exceeded", "policy", "default_policy_id", "has_cards"
};
static LaDirectTable agent_table = {"agents", "tu", agent_columns, lengthof(agent_columns)};

static bool
find_agent(const char *organization_id, const pg_uuid_t *id, LaView view, LaRow *row)
{
	LaParams	params = {0};

	la_param_text(&params, organization_id);
	la_param_uuid(&params, id);
	if (la_direct_is_fit(view) && la_direct_row(&agent_table, &params, view, row))
		return true;
	if (la_run(LA_Q_AGENT_FACTS, &params, view) == 0)
		return false;
	*row = la_row(0);
	return true;
}

/* The rules of the template in that column; null: NULL. */
static Jsonb *
read_template(const char *organization_id, LaRow row, int column, LaView view)
{
	LaParams	params = {0};

	if (row.nulls[column])
		return NULL;
	la_param_text(&params, organization_id);
	la_param(&params, row.values[column], false);
	if (la_run(LA_Q_POLICY_RULES, &params, view) == 0)
		elog(ERROR, "policy is missing");
	return la_row_document(la_row(0), 0);
}

LaAgentFacts *
la_read_agent_facts(const char *organization_id, const pg_uuid_t *id, LaView view)
{
	LaAgentFacts *facts;
	const char *status;
	LaRow		row;

	if (!find_agent(organization_id, id, view, &row))
		return NULL;
	facts = palloc0(sizeof(LaAgentFacts));
	status = la_enum_label(row.values[AGENT_STATUS]);
	facts->customer_id = la_row_text(row, AGENT_CUSTOMER);
	facts->deregistered = strcmp(status, "deregistered") == 0;
	facts->suspended = strcmp(status, "suspended") == 0;
	read_limit(&facts->limit, LA_AGENT, row, AGENT_LIMIT, la_row_text(row, AGENT_CURRENCY));
	facts->limit.stored_action = row.values[AGENT_ACTION];
	facts->limit.action = la_action(la_enum_label(row.values[AGENT_ACTION]));
	facts->has_cards = DatumGetBool(row.values[AGENT_HAS_CARDS]);
	facts->own_rules = la_parse_rules(la_row_document(row, AGENT_POLICY), NULL);
	facts->rules = la_parse_rules(la_row_document(row, AGENT_POLICY),
								  read_template(organization_id, row, AGENT_TEMPLATE, view));
	facts->has_template = !row.nulls[AGENT_TEMPLATE];
	if (facts->has_template)
		facts->template_id = *DatumGetUUIDP(row.values[AGENT_TEMPLATE]);
	return facts;
}

/* Columns of LA_Q_CARD and of card_table. */
enum
{
	CARD_AGENT, CARD_STATUS, CARD_TYPE, CARD_CREATED_AT, CARD_MAX_AMOUNT, CARD_LIMIT,
	CARD_FREQUENCY, CARD_MODE, CARD_POLICY, CARD_TEMPLATE, CARD_STATUS_REASON
};

static const char *const card_columns[] = {
	"agent_id", "status", "type", "created_at", "max_amount", "spending_limit",
	"spending_limit_frequency", "window_mode", "policy", "policy_id", "status_reason"
};
static LaDirectTable card_table = {"cards", "tu", card_columns, lengthof(card_columns)};

static bool
find_card(const char *organization_id, const pg_uuid_t *id, LaView view, LaRow *row)
{
	LaParams	params = {0};

	la_param_text(&params, organization_id);
	la_param_uuid(&params, id);
	if (la_direct_is_fit(view) && la_direct_row(&card_table, &params, view, row))
		return true;
	if (la_run(LA_Q_CARD, &params, view) == 0)
		return false;
	*row = la_row(0);
	return true;
}

LaCardFacts *
la_read_card_facts(const char *organization_id, const pg_uuid_t *id, LaView view)
{
	LaCardFacts *facts;
	const char *status;
	LaRow		row;

	if (!find_card(organization_id, id, view, &row))
		return NULL;
	facts = palloc0(sizeof(LaCardFacts));
	status = la_enum_label(row.values[CARD_STATUS]);
	facts->agent_id = *DatumGetUUIDP(row.values[CARD_AGENT]);
	facts->status = strcmp(status, "active") == 0 ? LA_CARD_IS_ACTIVE
		: strcmp(status, "frozen") == 0 ? LA_CARD_IS_FROZEN : LA_CARD_IS_CLOSED;
	facts->ended = !row.nulls[CARD_STATUS_REASON] &&
		strcmp(la_enum_label(row.values[CARD_STATUS_REASON]), "ttl_expired") == 0;
	facts->single = strcmp(la_enum_label(row.values[CARD_TYPE]), "single") == 0;
	facts->created_at = DatumGetTimestampTz(row.values[CARD_CREATED_AT]);
	facts->has_max_amount = !row.nulls[CARD_MAX_AMOUNT];
	facts->max_amount = facts->has_max_amount ? DatumGetInt64(row.values[CARD_MAX_AMOUNT]) : 0;
	/* Its currency is its agent's. */
	read_limit(&facts->limit, LA_CARD, row, CARD_LIMIT, NULL);
	facts->rules = la_parse_rules(la_row_document(row, CARD_POLICY),
								  read_template(organization_id, row, CARD_TEMPLATE, view));
	facts->has_template = !row.nulls[CARD_TEMPLATE];
	if (facts->has_template)
		facts->template_id = *DatumGetUUIDP(row.values[CARD_TEMPLATE]);
	return facts;
}
