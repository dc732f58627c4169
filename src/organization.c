/*
 * organization.c
 *		Organizations and customers.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "adoption.h"
#include "errors.h"
#include "event.h"
#include "field.h"
#include "history.h"
#include "lock.h"
#include "module.h"
#include "organization.h"
#include "ruleset.h"

PG_FUNCTION_INFO_V1(la_create_organization);
PG_FUNCTION_INFO_V1(la_update_organization);
PG_FUNCTION_INFO_V1(la_get_organization);
PG_FUNCTION_INFO_V1(la_update_customer);
PG_FUNCTION_INFO_V1(la_get_customer);

/* In the order of LA_Q_ORGANIZATION_READ and LA_Q_ORGANIZATION_WRITE. */
enum
{
	ORG_NAME, ORG_STATUS, ORG_TIMEZONE, ORG_CURRENCY, ORG_LIMIT, ORG_FREQUENCY, ORG_MODE,
	ORG_PERCENT, ORG_TOLERANCE, ORG_TRANSACTION_EVENTS, ORG_FIELDS
};

static const LaField organization_fields[ORG_FIELDS] = {
	[ORG_NAME] = {"name", LA_KIND_TEXT, true, false, 1, 255},
	[ORG_STATUS] = {"status", LA_KIND_LABEL, .labels = la_account_labels},
	[ORG_TIMEZONE] = {"timezone", LA_KIND_ZONE},
	[ORG_CURRENCY] = {"currency", LA_KIND_CURRENCY},
	[ORG_LIMIT] = {"spending_limit", LA_KIND_AMOUNT, true},
	[ORG_FREQUENCY] = {"spending_limit_frequency", LA_KIND_LABEL,
	.labels = la_frequency_labels},
	[ORG_MODE] = {"window_mode", LA_KIND_LABEL, true, .labels = la_mode_labels},
	[ORG_PERCENT] = {"limit_approaching_percent", LA_KIND_NUMBER,
	.least = 1, .most = 100},
	[ORG_TOLERANCE] = {"capture_tolerance_percent", LA_KIND_NUMBER,
	.least = 0, .most = 100},
	[ORG_TRANSACTION_EVENTS] = {"transaction_events", LA_KIND_FLAG},
};

static const char *const organization_fixed[] = {
	"id", "livemode", "created_at", "updated_at", NULL
};

/* In the order of LA_Q_CUSTOMER_READ and LA_Q_CUSTOMER_WRITE. */
enum
{
	CUS_NAME, CUS_STATUS, CUS_LIMIT, CUS_FREQUENCY, CUS_MODE, CUS_POLICY, CUS_FIELDS
};

static const LaField customer_fields[CUS_FIELDS] = {
	[CUS_NAME] = {"name", LA_KIND_TEXT, true, false, 1, 255},
	[CUS_STATUS] = {"status", LA_KIND_LABEL, .labels = la_account_labels},
	[CUS_LIMIT] = {"spending_limit", LA_KIND_AMOUNT, true},
	[CUS_FREQUENCY] = {"spending_limit_frequency", LA_KIND_LABEL,
	.labels = la_frequency_labels},
	[CUS_MODE] = {"window_mode", LA_KIND_LABEL, true, .labels = la_mode_labels},
	[CUS_POLICY] = {"policy", LA_KIND_RULES, true},
};

static const char *const customer_fixed[] = {
	"id", "organization_id", "created_at", "updated_at", NULL
};

static bool insert_organization(const char *id, bool livemode, const LaValues *values,
								Datum *answer);
static Datum write_organization(const LaPrincipal *caller, const LaValues *given);
static Datum write_customer(const LaPrincipal *caller, const char *id, const LaValues *given);

/*
 * ledger_agents.create_organization(organization_id text, name text, livemode boolean,
 *		timezone text, currency text, spending_limit bigint, spending_limit_frequency text,
 *		window_mode text, limit_approaching_percent integer,
 *		capture_tolerance_percent integer, transaction_events boolean)
 *		returns ledger_agents.organizations
 */
Datum
la_create_organization(PG_FUNCTION_ARGS)
{
	/* The argument of each field; a new organization is active. */
	static const int arguments[ORG_FIELDS] = {
		[ORG_NAME] = 1,[ORG_STATUS] = -1,[ORG_TIMEZONE] = 3,[ORG_CURRENCY] = 4,[ORG_LIMIT] = 5,
		[ORG_FREQUENCY] = 6,[ORG_MODE] = 7,[ORG_PERCENT] = 8,[ORG_TOLERANCE] = 9,
		[ORG_TRANSACTION_EVENTS] = 10
	};
	LaPrincipal caller;
	LaValues	values = {0};
	Datum		answer;

	PreventCommandIfReadOnly("create_organization()");
	caller = la_operator(fcinfo, 0);
	la_require_operator(&caller);
	if (PG_ARGISNULL(0))
		la_null_field("organization_id");
	if (PG_ARGISNULL(2))
		la_null_field("livemode");
	for (int i = 0; i < ORG_FIELDS; i++)
		if (i != ORG_STATUS)
			la_give(organization_fields, i, PG_GETARG_DATUM(arguments[i]),
					PG_ARGISNULL(arguments[i]), &values);
	values.nulls[ORG_STATUS] = true;
	la_limit_waiting();
	SPI_connect();
	if (!insert_organization(caller.organization_id, PG_GETARG_BOOL(2), &values, &answer))
		ereport(ERROR,
				errcode(ERRCODE_UNIQUE_VIOLATION),
				errmsg("organization \"%s\" exists", la_quoted(caller.organization_id)),
				la_detail("organization_id_taken", "organization_id", "Ids of organizations are unique."));
	if (!values.nulls[ORG_LIMIT])
		la_start_counting(caller.organization_id, NULL);
	la_record_change(&caller, caller.organization_id, "organization", caller.organization_id,
					 "create", NULL, la_values_document(organization_fields, ORG_FIELDS, &values));
	SPI_finish();
	return answer;
}

/* False if the id is taken. */
static bool
insert_organization(const char *id, bool livemode, const LaValues *values, Datum *answer)
{
	LaParams	params = {0};

	la_adopt_at_first_use();
	la_param_text(&params, id);
	la_param(&params, values->values[ORG_NAME], values->nulls[ORG_NAME]);
	la_param(&params, BoolGetDatum(livemode), false);
	for (int i = ORG_TIMEZONE; i < ORG_FIELDS; i++)
		la_param(&params, values->values[i], values->nulls[i]);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	return la_run_one(LA_Q_ORGANIZATION_INSERT, &params, LA_WRITE, answer);
}

static bool
find_organization(const char *id, bool *livemode)
{
	LaParams	params = {0};

	la_param_text(&params, id);
	if (la_run(LA_Q_ORGANIZATION_EXISTS, &params, LA_LATEST) == 0)
		return false;
	*livemode = DatumGetBool(la_row(0).values[0]);
	return true;
}

/*
 * A row that somebody else has just made is waited for by a lock and then seen
 * by the latest snapshot: an insert that met it would be a 40001 at REPEATABLE
 * READ, and the first calls of a new tenant would fail.
 */
bool
la_need_organization(const char *id)
{
	LaParams	params = {0};
	bool		livemode = true;

	if (find_organization(id, &livemode))
		return livemode;
	if (strcmp(id, LA_DEFAULT_ORGANIZATION) != 0)
		la_unknown("organization", id);
	la_queue(LA_LEVEL_EXTERNAL_ID, la_lock_key(id, "", 0));
	if (find_organization(id, &livemode))
		return livemode;
	la_adopt_at_first_use();
	la_param_text(&params, id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_run(LA_Q_ORGANIZATION_MAKE, &params, LA_WRITE);
	return livemode;
}

void
la_require_organization(const char *id)
{
	bool		livemode;

	if (strcmp(id, LA_DEFAULT_ORGANIZATION) != 0 && !find_organization(id, &livemode))
		la_unknown("organization", id);
}

static bool
customer_exists(const char *organization_id, const char *id)
{
	LaParams	params = {0};

	la_param_text(&params, organization_id);
	la_param_text(&params, id);
	return la_run(LA_Q_CUSTOMER_EXISTS, &params, LA_LATEST) > 0;
}

void
la_need_customer(const char *organization_id, const char *id)
{
	uint64		key = la_lock_key(organization_id, id, strlen(id)) + 1;
	LaParams	params = {0};
	bool		queued;

	if (customer_exists(organization_id, id))
		return;
	queued = la_queue(LA_LEVEL_EXTERNAL_ID, key);
	if (!customer_exists(organization_id, id))
	{
		la_param_text(&params, organization_id);
		la_param_text(&params, id);
		la_param(&params, TimestampTzGetDatum(la_now()), false);
		la_run(LA_Q_CUSTOMER_INSERT, &params, LA_WRITE);
	}
	if (queued)
		la_leave_queue(LA_LEVEL_EXTERNAL_ID, key);
}

char *
la_organization_default_currency(const char *id)
{
	LaParams	params = {0};

	la_param_text(&params, id);
	if (la_run(LA_Q_ORGANIZATION_DEFAULTS, &params, LA_LATEST) == 0)
		la_unknown("organization", id);
	return TextDatumGetCString(la_row(0).values[0]);
}

/*
 * ledger_agents.update_organization(changes jsonb, organization_id text)
 *		returns ledger_agents.organizations
 *
 * In force for every decision from the commit on.
 */
Datum
la_update_organization(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaValues	given = {0};
	Datum		answer;

	PreventCommandIfReadOnly("update_organization()");
	caller = la_operator(fcinfo, 1);
	if (PG_ARGISNULL(0))
		la_null_field("changes");
	la_give_document(organization_fields, ORG_FIELDS, PG_GETARG_JSONB_P(0),
					 organization_fixed, &given);
	la_limit_waiting();
	SPI_connect();
	(void) la_need_organization(caller.organization_id);
	answer = write_organization(&caller, &given);
	SPI_finish();
	return answer;
}

/* Limits are in the currency: once something was spent it stays. */
static void
check_currency_is_unused(const char *organization_id, Datum currency)
{
	LaParams	params = {0};

	la_param_text(&params, organization_id);
	la_param(&params, currency, false);
	if (la_run(LA_Q_ORGANIZATION_SPENT, &params, LA_LATEST) > 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("currency cannot be changed once something was spent in it"),
				la_detail("currency_in_use", "currency", "Its limits are in %s.",
						  TextDatumGetCString(currency)));
}

static Datum
get_organization(const char *id, LaView view)
{
	LaParams	params = {0};
	Datum		answer;

	la_param_text(&params, id);
	if (la_run_one(LA_Q_ORGANIZATION_GET, &params, view, &answer))
		return answer;
	if (strcmp(id, LA_DEFAULT_ORGANIZATION) != 0)
		la_unknown("organization", id);
	(void) la_run_one(LA_Q_ORGANIZATION_UNWRITTEN, &params, view, &answer);
	return answer;
}

static bool
is_first_limit(const LaValues *given, const LaValues *stored, int field)
{
	return stored->nulls[field] && given->given[field] && !given->nulls[field];
}

static void
read_organization(const char *id, LaValues *stored)
{
	LaParams	params = {0};

	la_param_text(&params, id);
	la_run(LA_Q_ORGANIZATION_READ, &params, LA_LATEST);
	la_stored_values(la_row(0), 0, ORG_FIELDS, stored);
}

/* A first limit and another currency need to know all that was spent. */
static bool
needs_history(const LaValues *given, const LaValues *stored)
{
	return is_first_limit(given, stored, ORG_LIMIT) ||
		la_differs(organization_fields, ORG_CURRENCY, given, stored);
}

/*
 * Whoever changes the row holds its configuration lock, so that what is read
 * under it stays.  What was read before only says which way to take the lock.
 */
static void
lock_organization(const char *id, const LaValues *given, LaValues *stored)
{
	uint64		key = la_lock_key(id, "", 0);

	read_organization(id, stored);
	if (!needs_history(given, stored))
	{
		la_change_configuration(LA_LEVEL_ORGANIZATION, key);
		read_organization(id, stored);
		if (!needs_history(given, stored))
			return;
		la_leave_configuration(LA_LEVEL_ORGANIZATION, key);
	}
	la_change_limited(id, NULL, given->given[ORG_CURRENCY]);
	read_organization(id, stored);
}

static Datum
write_organization(const LaPrincipal *caller, const LaValues *given)
{
	const char *id = caller->organization_id;
	LaParams	params = {0};
	LaValues	stored;
	Jsonb	   *old_values;
	Jsonb	   *new_values;
	bool		first_limit;

	lock_organization(id, given, &stored);
	first_limit = is_first_limit(given, &stored, ORG_LIMIT);
	if (la_differs(organization_fields, ORG_CURRENCY, given, &stored))
		check_currency_is_unused(id, stored.values[ORG_CURRENCY]);
	if (la_change(organization_fields, ORG_FIELDS, given, &stored, &old_values, &new_values))
	{
		la_param_text(&params, id);
		la_param_values(&params, &stored, ORG_FIELDS);
		la_param(&params, TimestampTzGetDatum(la_now()), false);
		la_run(LA_Q_ORGANIZATION_WRITE, &params, LA_WRITE);
		if (stored.given[ORG_CURRENCY])
			la_count_all_anew(id);
		if (!stored.nulls[ORG_LIMIT] && (first_limit || stored.given[ORG_CURRENCY]))
			la_start_counting(id, NULL);
		la_record_change(caller, id, "organization", id, "update", old_values, new_values);
	}
	return get_organization(id, LA_LATEST);
}

/*
 * ledger_agents.get_organization(organization_id text) returns ledger_agents.organizations
 */
Datum
la_get_organization(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_operator(fcinfo, 0);
	Datum		answer;

	SPI_connect();
	answer = get_organization(caller.organization_id, LA_STATEMENT);
	SPI_finish();
	return answer;
}

static char *
customer_argument(FunctionCallInfo fcinfo)
{
	char	   *id;

	if (PG_ARGISNULL(0))
		la_null_field("customer_id");
	id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	la_check_length(id, 1, 255, "customer_id");
	return id;
}

/*
 * ledger_agents.update_customer(customer_id text, changes jsonb, organization_id text)
 *		returns ledger_agents.customers
 *
 * Makes the customer when it is new.  In force for every decision from the commit on.
 */
Datum
la_update_customer(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaValues	given = {0};
	char	   *id;
	Datum		answer;

	PreventCommandIfReadOnly("update_customer()");
	caller = la_operator(fcinfo, 2);
	id = customer_argument(fcinfo);
	if (PG_ARGISNULL(1))
		la_null_field("changes");
	la_give_document(customer_fields, CUS_FIELDS, PG_GETARG_JSONB_P(1), customer_fixed,
					 &given);
	la_limit_waiting();
	SPI_connect();
	(void) la_need_organization(caller.organization_id);
	la_need_customer(caller.organization_id, id);
	answer = write_customer(&caller, id, &given);
	SPI_finish();
	return answer;
}

static Datum
get_customer(const char *organization_id, const char *id, LaView view)
{
	LaParams	params = {0};
	Datum		answer;

	la_param_text(&params, organization_id);
	la_param_text(&params, id);
	if (!la_run_one(LA_Q_CUSTOMER_GET, &params, view, &answer))
		la_unknown("customer", id);
	return answer;
}

static void
read_customer(const char *organization_id, const char *id, LaValues *stored)
{
	LaParams	params = {0};

	la_param_text(&params, organization_id);
	la_param_text(&params, id);
	la_run(LA_Q_CUSTOMER_READ, &params, LA_LATEST);
	la_stored_values(la_row(0), 0, CUS_FIELDS, stored);
}

static bool
is_counted(const LaValues *values)
{
	return !values->nulls[CUS_LIMIT] ||
		(!values->nulls[CUS_POLICY] &&
		 la_rules_count(la_parse_rules(DatumGetJsonbP(values->values[CUS_POLICY]), NULL)));
}

/* What is given makes a customer counted that was not: a limit, or a rule that sums or counts. */
static bool
starts_counting(const LaValues *given, const LaValues *stored)
{
	LaValues	changed = *stored;

	for (int i = 0; i < CUS_FIELDS; i++)
		if (given->given[i])
		{
			changed.values[i] = given->values[i];
			changed.nulls[i] = given->nulls[i];
		}
	return !is_counted(stored) && is_counted(&changed);
}

/* As lock_organization(). */
static void
lock_customer(const char *organization_id, const char *id, const LaValues *given,
			  LaValues *stored)
{
	uint64		key = la_lock_key(organization_id, id, strlen(id));

	read_customer(organization_id, id, stored);
	if (!starts_counting(given, stored))
	{
		la_change_configuration(LA_LEVEL_CUSTOMER, key);
		read_customer(organization_id, id, stored);
		if (!starts_counting(given, stored))
			return;
		la_leave_configuration(LA_LEVEL_CUSTOMER, key);
	}
	la_change_limited(organization_id, id, false);
	read_customer(organization_id, id, stored);
}

static Datum
write_customer(const LaPrincipal *caller, const char *id, const LaValues *given)
{
	const char *organization_id = caller->organization_id;
	LaParams	params = {0};
	LaValues	stored;
	Jsonb	   *old_values;
	Jsonb	   *new_values;
	bool		starts;

	lock_customer(organization_id, id, given, &stored);
	starts = starts_counting(given, &stored);
	if (la_change(customer_fields, CUS_FIELDS, given, &stored, &old_values, &new_values))
	{
		la_param_text(&params, organization_id);
		la_param_text(&params, id);
		la_param_values(&params, &stored, CUS_FIELDS);
		la_param(&params, TimestampTzGetDatum(la_now()), false);
		la_run(LA_Q_CUSTOMER_WRITE, &params, LA_WRITE);
		if (starts)
			la_start_counting(organization_id, id);
		la_record_change(caller, organization_id, "customer", id, "update", old_values, new_values);
	}
	return get_customer(organization_id, id, LA_LATEST);
}

/*
 * ledger_agents.get_customer(customer_id text, organization_id text)
 *		returns ledger_agents.customers
 */
Datum
la_get_customer(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_operator(fcinfo, 1);
	char	   *id = customer_argument(fcinfo);
	Datum		answer;

	SPI_connect();
	answer = get_customer(caller.organization_id, id, LA_STATEMENT);
	SPI_finish();
	return answer;
}
