/*
 * explanation.c
 *		Why: the rules in force, and how a request stands against each.
 *
 * The rows come from the judge itself, which tells of every check that it makes.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "amount.h"
#include "catalog.h"
#include "check.h"
#include "errors.h"
#include "field.h"
#include "module.h"
#include "spend.h"

PG_FUNCTION_INFO_V1(la_explain_authorization);
PG_FUNCTION_INFO_V1(la_effective_policy);

/* Columns of rule_detail; effective_policy() leaves the last four out. */
enum
{
	RULE, VALUE, SCOPE, SOURCE, SOURCE_ID, REASON, ACTUAL, PASSED, PASSED_THEN, COLUMNS
};

typedef struct Report
{
	FunctionCallInfo fcinfo;
	TupleDesc	desc;
	LaBooks    *books;
	LaRequest  *request;
	const char *reasons;		/* of the stored decline, with commas; NULL:
								 * none */
	bool		stored;
} Report;

static void report_finding(const LaFinding *finding, void *arg);
static void read_stored(const LaPrincipal *caller, const pg_uuid_t *id, LaRequest *request,
						Report *report);
static void put_row(Report *report, LaFinding *finding, Datum value, Datum actual, bool judged);

/* A document of one value, or of the values that belong together. */
static void
begin_value(LaDocument *document)
{
	la_begin_object(document);
}

static Datum
end_value(LaDocument *document, bool single)
{
	Datum		object = JsonbPGetDatum(la_end_object(document));

	return single ? DirectFunctionCall2(jsonb_object_field, object, CStringGetTextDatum("v"))
		: object;
}

static void
open_books(LaBooks *books, const LaPrincipal *caller, const pg_uuid_t *agent_id,
		   const pg_uuid_t *card_id, const pg_uuid_t *intent_id, TimestampTz at)
{
	la_books_init(books, caller, agent_id, LA_STATEMENT);
	la_books_name(books, card_id, intent_id);
	la_books_read(books, caller, at);
	la_measure(books, at);
}

/*
 * ledger_agents.explain_authorization(authorization_id uuid, … as evaluate …)
 *		returns setof ledger_agents.rule_detail
 *
 * One row for each rule in force, for the request of a stored authorization or
 * for one that is given; judged now (or at as_of), from the statement's snapshot.
 */
Datum
la_explain_authorization(PG_FUNCTION_ARGS)
{
	FunctionCallInfo arguments = la_arguments_behind(fcinfo, 1);
	LaPrincipal caller = la_caller(arguments, LA_ARG_ORGANIZATION);
	LaRequest	request;
	LaBooks		books;
	Report		report = {.fcinfo = fcinfo, .books = &books, .request = &request};

	report.desc = la_begin_set(fcinfo);
	SPI_connect();
	if (PG_ARGISNULL(0))
		la_read_request(arguments, &caller, &request);
	else
		read_stored(&caller, PG_GETARG_UUID_P(0), &request, &report);
	open_books(&books, &caller, &request.agent_id, request.card_id, request.intent_id,
			   arguments->args[LA_ARG_AS_OF].isnull ? la_now()
			   : DatumGetTimestampTz(arguments->args[LA_ARG_AS_OF].value));
	if (request.currency == NULL)
		request.currency = books.facts.agent_currency;
	if (request.increment_of != NULL)
		la_see_increment(&books.facts, &request);
	la_explain(&books.facts, &request, report_finding, &report);
	SPI_finish();
	return (Datum) 0;
}

/* The request of a stored authorization; an agent's token sees its own only. */
static void
read_stored(const LaPrincipal *caller, const pg_uuid_t *id, LaRequest *request, Report *report)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	if (la_run(LA_Q_AUTHORIZATION_REQUEST, &params, LA_STATEMENT) == 0)
		la_unknown_uuid("authorization", id);
	row = la_row(0);
	memset(request, 0, sizeof(LaRequest));
	request->agent_id = *DatumGetUUIDP(row.values[0]);
	if (caller->is_agent && memcmp(&caller->agent_id, &request->agent_id, UUID_LEN) != 0)
		la_unknown_uuid("authorization", id);
	request->amount = DatumGetInt64(row.values[1]);
	request->currency = la_row_text(row, 2);
	la_name_merchant(request, la_row_text(row, 3));
	request->mcc = la_row_text(row, 4);
	request->country = la_row_text(row, 5);
	request->card_id = row.nulls[6] ? NULL : DatumGetUUIDP(row.values[6]);
	request->intent_id = row.nulls[7] ? NULL : DatumGetUUIDP(row.values[7]);
	report->reasons = la_row_text(row, 8);
	request->increment_of = row.nulls[9] ? NULL : DatumGetUUIDP(row.values[9]);
	request->held = row.nulls[10] ? 0 : DatumGetInt64(row.values[10]);
	report->stored = true;
}

/* The rules that one check reads beside its own. */
static const LaRuleId companions[][5] = {
	{LA_RULE_TTL_MINUTES, LA_RULE_TTL_DAYS, LA_RULES},
	{LA_RULE_HOURS_START, LA_RULE_HOURS_END, LA_RULE_TIMEZONE, LA_RULE_DAYS, LA_RULES},
	{LA_RULE_REQUIRE_APPROVAL, LA_RULE_AUTO_APPROVE_BELOW, LA_RULES},
	{LA_RULE_REQUIRE_ATTESTATION, LA_RULE_ATTESTATION_WINDOW, LA_RULES},
	{LA_RULE_ON_DRIFT, LA_RULE_MERCHANT_HINT, LA_RULES},
	{LA_RULE_ON_INTENT_MISMATCH, LA_RULE_INTENT_TOLERANCE, LA_RULES},
};

static void
put_effective(LaDocument *document, const LaFacts *facts, LaRuleId id)
{
	int			level = la_effective_level(facts, id);

	if (level >= 0)
		la_put_rule(document, la_rule_name(id), facts->rules[level], id);
}

/* What the rule of a finding says. */
static Datum
value_of(const LaFacts *facts, const LaFinding *finding)
{
	LaDocument	document;

	begin_value(&document);
	if (finding->limit != NULL)
	{
		la_put_int64(&document, "v", finding->limit->limit);
		return end_value(&document, true);
	}
	for (int i = 0; i < lengthof(companions) && finding->by_rule; i++)
	{
		if (companions[i][0] != finding->rule)
			continue;
		for (const LaRuleId *id = companions[i]; *id != LA_RULES; id++)
			put_effective(&document, facts, *id);
		return end_value(&document, false);
	}
	if (finding->rule == LA_RULES || !la_rule_set(facts->rules[finding->scope], finding->rule))
		la_put_bool(&document, "v", true);
	else
		la_put_rule(&document, "v", facts->rules[finding->scope], finding->rule);
	return end_value(&document, true);
}

static void
put_intent(LaDocument *document, const LaFacts *facts, const LaRequest *request)
{
	LaCase		c = {.facts = facts, .request = request, .amount = request->amount};

	la_settle_intent(&c);
	if (c.intent == NULL)
		la_put_null(document, "v");
	else
		la_put_uuid(document, "v", &c.intent->id);
}

/* What the request, or what stands in the books, says to it. */
static Datum
actual_of(const Report *report, const LaFinding *finding)
{
	const LaFacts *facts = &report->books->facts;
	const LaRequest *request = report->request;
	LaDocument	document;

	begin_value(&document);
	switch (finding->reason)
	{
		case LA_CARD_EXPIRED:
			if (la_card_end(facts) == DT_NOEND)
				la_put_null(&document, "v");
			else
				la_put_time(&document, "v", la_card_end(facts));
			break;
		case LA_CARD_CONSUMED:
			la_put_int64(&document, "v", facts->use_count);
			break;
		case LA_CARD_REQUIRED:
			la_put_bool(&document, "v", facts->card != NULL);
			break;
		case LA_OUTSIDE_ACTIVE_HOURS:
			la_put_time(&document, "v", facts->at);
			break;
		case LA_MCC_BLOCKED:
		case LA_MCC_NOT_ALLOWED:
			la_put_text(&document, "v", request->mcc);
			break;
		case LA_COUNTRY_BLOCKED:
		case LA_COUNTRY_NOT_ALLOWED:
			la_put_text(&document, "v", request->country);
			break;
		case LA_MERCHANT_BLOCKED:
		case LA_MERCHANT_NOT_ALLOWED:
		case LA_MERCHANT_DRIFT:
			la_put_text(&document, "v", request->normal_merchant);
			break;
		case LA_MERCHANT_LOCKED:
			la_put_text(&document, "v", facts->first_merchant);
			break;
		case LA_COOLDOWN_ACTIVE:
			la_put_time(&document, "v", facts->last_approved_at);
			break;
		case LA_ATTESTATION_REQUIRED:
			la_put_text(&document, "v", la_attestation_label(la_attestation(facts)));
			break;
		case LA_INTENT_REQUIRED:
		case LA_INTENT_NOT_USABLE:
		case LA_INTENT_MISMATCH:
		case LA_APPROVAL_REQUIRED:
			put_intent(&document, facts, request);
			break;
		default:
			la_put_bool(&document, "v", finding->passed);
	}
	return end_value(&document, true);
}

/* Of a limit: what is spent, or how often, and what that leaves. */
static Datum
state_of_limit(const LaLimit *limit)
{
	LaDocument	document;

	begin_value(&document);
	la_put_int64(&document, "spent", limit->spent);
	la_put_int64(&document, "remaining", la_remaining(limit->limit, limit->spent));
	if (limit->currency != NULL)
		la_put_text(&document, "currency", limit->currency);
	return end_value(&document, false);
}

static void
report_finding(const LaFinding *finding, void *arg)
{
	Report	   *report = arg;
	LaFinding	row = *finding;

	put_row(report, &row, value_of(&report->books->facts, finding),
			finding->limit != NULL ? state_of_limit(finding->limit) : actual_of(report, finding),
			true);
}

static const char *
source_of(const LaFinding *finding)
{
	if (finding->from_template)
		return "template";
	return finding->by_rule ||
		(finding->limit != NULL && strcmp(finding->limit->rule, "spendingLimit") != 0 &&
		 strcmp(finding->limit->rule, "maxAmount") != 0) ? "inline" : "own";
}

/* The row that a rule comes from. */
static const char *
source_id_of(const LaBooks *books, const LaFinding *finding)
{
	if (finding->from_template)
		return la_uuid_text(finding->scope == LA_CARD ? &books->card->template_id
							: &books->agent->template_id);
	switch (finding->scope)
	{
		case LA_CARD:
			return books->card_text;
		case LA_AGENT:
			return books->agent_text;
		case LA_CUSTOMER:
			return books->customer_id;
		default:
			return books->organization_id;
	}
}

static bool
contains_reason(const char *reasons, const char *reason)
{
	int			length = strlen(reason);

	for (const char *found = strstr(reasons, reason); found != NULL; found = strstr(found + 1, reason))
		if ((found == reasons || found[-1] == ',') && (found[length] == ',' || found[length] == '\0'))
			return true;
	return false;
}

static Datum
label_of(TupleDesc desc, int column, const char *label)
{
	return la_enum_value(TupleDescAttr(desc, column)->atttypid, label);
}

static void
put_row(Report *report, LaFinding *finding, Datum value, Datum actual, bool judged)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS] = {0};
	const char *reason = la_reason_label(finding->reason);

	values[RULE] = CStringGetTextDatum(finding->name);
	values[VALUE] = value;
	values[SCOPE] = label_of(report->desc, SCOPE, la_scope_label(finding->scope));
	values[SOURCE] = CStringGetTextDatum(source_of(finding));
	values[SOURCE_ID] = CStringGetTextDatum(source_id_of(report->books, finding));
	if (judged)
	{
		values[REASON] = label_of(report->desc, REASON, reason);
		values[ACTUAL] = actual;
		values[PASSED] = BoolGetDatum(finding->passed);
		nulls[PASSED_THEN] = !report->stored;
		values[PASSED_THEN] = BoolGetDatum(report->reasons == NULL ||
										   !contains_reason(report->reasons, reason));
	}
	la_add_row(report->fcinfo, report->desc, values, nulls);
}

/* Rules of a policy that count at every level: lists and limits. */
static bool
counts_at_every_level(LaRuleId id)
{
	return id >= LA_RULE_PER_AUTH && id <= LA_RULE_BLOCKED_COUNTRIES;
}

static void
report_limit(Report *report, const LaLimit *limit)
{
	LaFinding	finding = {
		.scope = limit->scope, .rule = LA_RULES, .name = limit->rule, .limit = limit
	};

	if (limit->set)
		put_row(report, &finding, value_of(&report->books->facts, &finding), (Datum) 0, false);
}

static void
report_rule(Report *report, LaRuleId id, int level)
{
	const LaFacts *facts = &report->books->facts;
	const LaRules *rules = facts->rules[level];
	LaFinding	finding = {.scope = level, .rule = id, .name = la_rule_name(id), .by_rule = true};
	LaDocument	document;

	if (!la_rule_set(rules, id) ||
		(!counts_at_every_level(id) && la_effective_level(facts, id) != level))
		return;
	finding.from_template = rules->settings[id].from_template;
	begin_value(&document);
	la_put_rule(&document, "v", rules, id);
	put_row(report, &finding, end_value(&document, true), (Datum) 0, false);
}

/*
 * ledger_agents.effective_policy(agent_id uuid, card_id uuid, organization_id text)
 *		returns table (rule text, value jsonb, scope limit_scope, source text, source_id text)
 *
 * Every rule and limit that is in force, with its value and where it comes from.
 */
Datum
la_effective_policy(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_caller(fcinfo, 2);
	LaBooks		books;
	Report		report = {.fcinfo = fcinfo, .books = &books};
	pg_uuid_t	agent_id;

	if (PG_ARGISNULL(0) && !caller.is_agent)
		la_null_field("agent_id");
	agent_id = PG_ARGISNULL(0) ? caller.agent_id : *PG_GETARG_UUID_P(0);
	la_require_own_agent(&caller, &agent_id);
	report.desc = la_begin_set(fcinfo);
	SPI_connect();
	open_books(&books, &caller, &agent_id, PG_ARGISNULL(1) ? NULL : PG_GETARG_UUID_P(1), NULL,
			   la_now());
	for (int id = 0; id < LA_RULES; id++)
		for (int level = LA_CUSTOMER; level >= LA_CARD; level--)
			report_rule(&report, id, level);
	for (int i = books.facts.nlimits - 1; i >= 0; i--)
		if (i < LA_SCOPES || strcmp(books.facts.limits[i].rule, "maxAmount") == 0)
			report_limit(&report, &books.facts.limits[i]);
	SPI_finish();
	return (Datum) 0;
}
