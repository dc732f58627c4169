/*
 * spend.c
 *		authorize() and evaluate(): gather, judge, apply.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/timestamp.h"

#include "amount.h"
#include "books.h"
#include "document.h"
#include "errors.h"
#include "event.h"
#include "field.h"
#include "lock.h"
#include "module.h"
#include "policy.h"
#include "spend.h"

PG_FUNCTION_INFO_V1(la_authorize);
PG_FUNCTION_INFO_V1(la_authorize_or_raise);
PG_FUNCTION_INFO_V1(la_evaluate);

/* Arguments of the three, in order. */
enum
{
	ARG_AGENT, ARG_AMOUNT, ARG_CURRENCY, ARG_MERCHANT, ARG_MCC, ARG_COUNTRY, ARG_CARD,
	ARG_INTENT, ARG_KEY, ARG_HOLD_FOR, ARG_METADATA, ARG_ORGANIZATION, ARG_AS_OF
};

static Datum decide(FunctionCallInfo fcinfo, bool raise);
static void read_request(FunctionCallInfo fcinfo, const LaPrincipal *caller,
						 LaRequest *request);
static Datum replay(LaBooks *books, LaRequest *request, bool raise);
static void judge(LaBooks *books, LaRequest *request, LaDecision *decision);
static bool apply(LaBooks *books, LaRequest *request, LaDecision *decision, pg_uuid_t *id);
static char *list_reasons(const LaVerdict *verdict);
static void refuse_declined(const char *reasons);

/*
 * ledger_agents.authorize(agent_id uuid, amount bigint, currency text, merchant text,
 *		mcc text, country text, card_id uuid, intent_id uuid, idempotency_key text,
 *		hold_for interval, metadata jsonb, organization_id text)
 *		returns ledger_agents.authorization_detail
 *
 * Decides, holds the money and stores the answer, in the caller's transaction.
 * No approval passes a limit that declines, whatever runs at once.
 */
Datum
la_authorize(PG_FUNCTION_ARGS)
{
	return decide(fcinfo, false);
}

/*
 * ledger_agents.authorize_or_raise(… as authorize …)
 *		returns ledger_agents.authorization_detail
 *
 * A decline is an error, which undoes what the decline recorded.
 */
Datum
la_authorize_or_raise(PG_FUNCTION_ARGS)
{
	return decide(fcinfo, true);
}

/*
 * ledger_agents.evaluate(… as authorize …, as_of timestamptz)
 *		returns ledger_agents.authorization_detail
 *
 * The same verdict from the statement's snapshot; nothing is written or locked.
 */
Datum
la_evaluate(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_caller(fcinfo, ARG_ORGANIZATION);
	LaRequest	request;
	LaBooks		books;
	LaDecision	decision;
	Datum		answer;

	read_request(fcinfo, &caller, &request);
	SPI_connect();
	la_books_init(&books, &caller, &request.agent_id, LA_STATEMENT);
	la_books_read(&books, &caller);
	la_measure(&books, PG_ARGISNULL(ARG_AS_OF) ? la_now() : PG_GETARG_TIMESTAMPTZ(ARG_AS_OF));
	judge(&books, &request, &decision);
	answer = la_answer(fcinfo, &books, &request, &decision, NULL);
	SPI_finish();
	return answer;
}

static Datum
decide(FunctionCallInfo fcinfo, bool raise)
{
	LaPrincipal caller;
	LaRequest	request;
	LaBooks		books;
	LaDecision	decision;
	pg_uuid_t	id;
	Datum		answer;
	bool		lock_row = false;

	PreventCommandIfReadOnly("authorize()");
	caller = la_caller(fcinfo, ARG_ORGANIZATION);
	read_request(fcinfo, &caller, &request);
	la_limit_waiting();
	SPI_connect();
	la_books_init(&books, &caller, &request.agent_id, LA_LATEST);
	for (;; lock_row = true)
	{
		la_books_open(&books, &caller, request.key, lock_row);
		if (books.key_known)
		{
			answer = replay(&books, &request, raise);
			break;
		}
		la_measure(&books, la_now());
		judge(&books, &request, &decision);
		if (raise && !decision.verdict.approved)
			refuse_declined(list_reasons(&decision.verdict));
		if (apply(&books, &request, &decision, &id))
		{
			answer = la_answer(fcinfo, &books, &request, &decision, &id);
			break;
		}
		if (lock_row)
			elog(ERROR, "the agent's counter was changed under its lock");
		/* The row is not the one that was judged: lock it, and judge anew. */
		la_books_close(&books);
	}
	la_books_close(&books);

	/*
	 * A suspension may wait for a change of the agent, and that one for the
	 * locks just given back.
	 */
	if (!books.key_known)
		la_follow(&books, &request, &decision);
	SPI_finish();
	return answer;
}

static char *
text_argument(FunctionCallInfo fcinfo, int i, int most, const char *field)
{
	char	   *value;

	if (PG_ARGISNULL(i))
		return NULL;
	value = text_to_cstring(PG_GETARG_TEXT_PP(i));
	la_check_length(value, 1, most, field);
	return value;
}

/* Longest hold; the network's own are gone after 30 days or so. */
#define MAX_HOLD_DAYS 3660

static void
read_hold_for(FunctionCallInfo fcinfo, LaRequest *request)
{
	Interval	zero = {0};
	Interval	most = {.day = MAX_HOLD_DAYS};

	request->hold_for = PG_GETARG_INTERVAL_P(ARG_HOLD_FOR);
	if (!DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(request->hold_for),
										  IntervalPGetDatum(&zero))))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("hold_for must be longer than zero"),
				la_detail("invalid_value", "hold_for", "Leave it out for a hold that does not expire."));
	if (DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(request->hold_for),
										 IntervalPGetDatum(&most))))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("hold_for is too long"),
				la_detail("out_of_range", "hold_for", "It may be up to %d days.", MAX_HOLD_DAYS));
}

static void
refuse_form(const char *field, const char *value, const char *form)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s is not valid: \"%s\"", field, la_quoted(value)),
			la_detail("invalid_value", field, "It must be %s.", form));
}

/* What the merchant category, the country and the hold must look like. */
static void
read_facts_of_purchase(FunctionCallInfo fcinfo, LaRequest *request)
{
	request->merchant = text_argument(fcinfo, ARG_MERCHANT, 255, "merchant");
	request->mcc = text_argument(fcinfo, ARG_MCC, 255, "mcc");
	if (request->mcc != NULL &&
		(strlen(request->mcc) != 4 || strspn(request->mcc, "0123456789") != 4))
		refuse_form("mcc", request->mcc, "four digits");
	request->country = text_argument(fcinfo, ARG_COUNTRY, 255, "country");
	if (request->country != NULL)
	{
		request->country = asc_toupper(request->country, strlen(request->country));
		if (strlen(request->country) != 2 ||
			strspn(request->country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)
			refuse_form("country", request->country, "an ISO 3166 alpha-2 code");
	}
	if (!PG_ARGISNULL(ARG_HOLD_FOR))
		read_hold_for(fcinfo, request);
}

static void
read_amount(FunctionCallInfo fcinfo, LaRequest *request)
{
	if (PG_ARGISNULL(ARG_AMOUNT))
		la_null_field("amount");
	request->amount = PG_GETARG_INT64(ARG_AMOUNT);
	if (request->amount <= 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("amount must be greater than zero"),
				la_detail("invalid_amount", "amount", "It is %lld.", (long long) request->amount));
}

static void
read_request(FunctionCallInfo fcinfo, const LaPrincipal *caller, LaRequest *request)
{
	memset(request, 0, sizeof(LaRequest));
	if (!PG_ARGISNULL(ARG_AGENT))
		request->agent_id = *PG_GETARG_UUID_P(ARG_AGENT);
	else if (caller->is_agent)
		request->agent_id = caller->agent_id;
	else
		la_null_field("agent_id");
	la_require_own_agent(caller, &request->agent_id);
	read_amount(fcinfo, request);
	if (!PG_ARGISNULL(ARG_CURRENCY))
		request->currency = la_normal_currency(text_to_cstring(PG_GETARG_TEXT_PP(ARG_CURRENCY)),
											   "currency");
	read_facts_of_purchase(fcinfo, request);
	request->key = text_argument(fcinfo, ARG_KEY, 255, "idempotency_key");
	if (!PG_ARGISNULL(ARG_METADATA))
	{
		request->metadata = PG_GETARG_JSONB_P(ARG_METADATA);
		la_check_metadata(request->metadata, "metadata");
	}

	/*
	 * There are no cards and no intents yet, so that every id is an unknown
	 * one.
	 */
	if (!PG_ARGISNULL(ARG_CARD))
		la_unknown_uuid("card", PG_GETARG_UUID_P(ARG_CARD));
	if (!PG_ARGISNULL(ARG_INTENT))
		la_unknown_uuid("intent", PG_GETARG_UUID_P(ARG_INTENT));
}

/* The stored answer to the key; an error if it answered another request. */
static Datum
replay(LaBooks *books, LaRequest *request, bool raise)
{
	LaParams	params = {0};
	LaRow		row;
	char	   *differing;

	if (request->currency == NULL)
		request->currency = books->facts.limits[LA_AGENT_BOOK].currency;
	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &books->agent_id);
	la_param_text(&params, request->key);
	la_param_int64(&params, request->amount);
	la_param_text(&params, request->currency);
	la_param_text(&params, request->merchant);
	la_param_text(&params, request->mcc);
	la_param_text(&params, request->country);
	la_param_uuid(&params, NULL);
	la_param_uuid(&params, NULL);
	la_param(&params, IntervalPGetDatum(request->hold_for), request->hold_for == NULL);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (la_run(LA_Q_REPLAY, &params, LA_LATEST) != 1)
		elog(ERROR, "the answer to a known key is missing");
	row = la_row(0);
	differing = TextDatumGetCString(row.values[1]);
	if (differing[0] != '\0')
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("idempotency key was used for another request"),
				la_detail("idempotency_key_reused", "idempotency_key",
						  "These fields differ: %s.", differing),
				errhint("A new request needs a new key."));
	if (raise && !row.nulls[2])
		refuse_declined(TextDatumGetCString(row.values[2]));
	return SPI_datumTransfer(row.values[0], false, -1);
}

/* Rules are stored but not judged yet, so that nothing may be decided where there are any. */
static void
refuse_rules(LaBooks *books)
{
	const char *rule = books->tenant->customer_rule;

	if (rule == NULL)
		rule = books->agent->rule;
	if (rule == NULL && books->agent->has_template)
	{
		LaParams	params = {0};

		la_param_text(&params, books->organization_id);
		la_param_uuid(&params, &books->agent->template_id);
		if (la_run(LA_Q_POLICY_RULES, &params, books->view) == 1)
			rule = la_first_rule(DatumGetJsonbP(la_row(0).values[0]));
	}
	if (rule != NULL)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("rule \"%s\" cannot be enforced yet", rule),
				la_detail("rule_not_enforced", rule, "A rule that is stored and not enforced must not let a spend pass."));
}

static void
put_window(LaDocument *document, LaBooks *books, int i)
{
	LaLimit    *limit = &books->facts.limits[i];
	TimestampTz reset;

	la_put_time(document, "window_start", limit->window.start);
	if (la_next_reset(books, i, &reset))
		la_put_time(document, "next_reset", reset);
	else
		la_put_null(document, "next_reset");
}

/* One object a limit that failed, or that is in another currency. */
static Jsonb *
describe_failures(LaBooks *books, const LaVerdict *verdict)
{
	LaDocument	document;

	la_begin_array(&document);
	for (int i = 0; i < LA_LIMITS; i++)
	{
		LaLimit    *limit = &books->facts.limits[i];

		if (!verdict->failed[i] && !verdict->mismatched[i])
			continue;
		la_open_object(&document, NULL);
		la_put_text(&document, "scope", la_scope_label(limit->scope));
		if (verdict->mismatched[i])
		{
			la_put_text(&document, "rule", "currency");
			la_put_text(&document, "currency", limit->currency);
		}
		else
		{
			la_put_text(&document, "rule", "spendingLimit");
			la_put_int64(&document, "limit", limit->limit);
			la_put_int64(&document, "spent", limit->spent);
			la_put_int64(&document, "remaining", la_remaining(limit->limit, limit->spent));
			put_window(&document, books, i);
		}
		la_close_object(&document);
	}
	return la_end_array(&document);
}

/* When all limits that failed pass by time alone; no other reason ever does. */
static bool
find_retry(LaBooks *books, const LaRequest *request, const LaVerdict *verdict,
		   TimestampTz *retry_at)
{
	*retry_at = DT_NOBEGIN;
	for (int i = 0; i < LA_LIMITS; i++)
	{
		TimestampTz instant;

		if (verdict->mismatched[i])
			return false;
		if (!verdict->failed[i])
			continue;
		if (!la_passes_at(books, i, request->amount, &instant))
			return false;
		*retry_at = Max(*retry_at, instant);
	}
	return *retry_at != DT_NOBEGIN;
}

/* Books an approval on the counters in memory; elsewhere they only move on. */
static void
count_approval(LaBooks *books, const LaRequest *request, const LaDecision *decision)
{
	for (int i = 0; i < LA_LIMITS; i++)
	{
		LaCounter  *counter = &books->counters[i];

		if (!books->counted[i] ||
			strcmp(books->facts.limits[i].currency, request->currency) != 0)
			continue;
		la_counter_add(counter, request->amount);
		if (request->hold_for == NULL)
			continue;
		if (!counter->expires || decision->expires_at < counter->next_expiry)
			counter->next_expiry = decision->expires_at;
		counter->expires = true;
	}
}

static void
judge(LaBooks *books, LaRequest *request, LaDecision *decision)
{
	LaLimit    *own = &books->facts.limits[LA_AGENT_BOOK];
	LaVerdict  *verdict = &decision->verdict;

	memset(decision, 0, sizeof(LaDecision));
	refuse_rules(books);
	if (request->currency == NULL)
		request->currency = own->currency;
	la_judge(&books->facts, request, verdict);
	decision->spent_before = own->spent;
	decision->spent_after = own->spent;
	if (!verdict->approved)
	{
		decision->failed_limits = describe_failures(books, verdict);
		decision->retries = find_retry(books, request, verdict, &decision->retry_at);
		return;
	}
	if (request->hold_for != NULL)
		decision->expires_at =
			DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													TimestampTzGetDatum(books->at),
													IntervalPGetDatum(request->hold_for)));
	count_approval(books, request, decision);
	if (own->frequency != LA_PER_TRANSACTION && strcmp(own->currency, request->currency) == 0)
		decision->spent_after = la_add(own->spent, request->amount);
	la_mark_events(books, decision);
}

static Datum
reason_array(const LaVerdict *verdict)
{
	Datum		labels[LA_MAX_REASONS];

	for (int i = 0; i < verdict->nreasons; i++)
		labels[i] = CStringGetTextDatum(la_reason_label(verdict->reasons[i]));
	return PointerGetDatum(construct_array(labels, verdict->nreasons, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/* Parameters from the id to the metadata: what approvals and declines both have. */
static void
param_decision(LaParams *params, LaBooks *books, const LaRequest *request,
			   const LaDecision *decision, const pg_uuid_t *id)
{
	const LaVerdict *verdict = &decision->verdict;
	const LaLimit *own = &books->facts.limits[LA_AGENT_BOOK];

	la_param_uuid(params, id);
	la_param_int64(params, request->amount);
	la_param_int64(params, verdict->approved ? request->amount : 0);
	la_param_int64(params, decision->spent_after);
	la_param(params, Int64GetDatum(own->limit), !own->set);
	la_param(params, Int64GetDatum(verdict->max_approvable), verdict->max_approvable == 0);
	la_param(params, own->stored_frequency, false);
	la_param(params, own->stored_action, false);
	la_param_text(params, books->customer_id);
	la_param_text(params, request->currency);
	la_param_text(params, request->key);
	la_param_text(params, request->merchant);
	la_param_text(params, request->mcc);
	la_param_text(params, request->country);
	la_param(params, IntervalPGetDatum(request->hold_for), request->hold_for == NULL);
	la_param(params, JsonbPGetDatum(request->metadata), request->metadata == NULL);
	la_param_text(params, books->agent_text);
}

/* Books the decision; false: the counter is no longer the one that was judged. */
static bool
apply(LaBooks *books, LaRequest *request, LaDecision *decision, pg_uuid_t *id)
{
	const LaVerdict *verdict = &decision->verdict;
	LaParams	params = {0};

	la_new_id(id, books->at);
	books->counters[LA_AGENT_BOOK].sequence++;
	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &books->agent_id);
	la_param_counter(&params, &books->counters[LA_AGENT_BOOK]);
	param_decision(&params, books, request, decision, id);
	if (verdict->approved)
	{
		la_param(&params, Int64GetDatum(verdict->remaining), !verdict->limited);
		la_param(&params, TimestampTzGetDatum(decision->expires_at), request->hold_for == NULL);
		return la_run(la_counter_kept_windows(&books->agent_counter_read,
											  &books->counters[LA_AGENT_BOOK])
					  ? LA_Q_APPROVE : LA_Q_APPROVE_MOVED, &params, LA_WRITE) == 1;
	}
	la_param(&params, TimestampTzGetDatum(decision->retry_at), !decision->retries);
	la_param_text(&params, la_reason_label(verdict->reasons[0]));
	la_param(&params, reason_array(verdict), false);
	la_param(&params, JsonbPGetDatum(decision->failed_limits), false);
	return la_run(LA_Q_DECLINE, &params, LA_WRITE) == 1;
}

/* The reasons as the error lists them. */
static char *
list_reasons(const LaVerdict *verdict)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < verdict->nreasons; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", la_reason_label(verdict->reasons[i]));
	return list.data;
}

static void
refuse_declined(const char *reasons)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("authorization declined: %.*s", (int) strcspn(reasons, ","), reasons),
			la_detail("authorization_declined", NULL, "All reasons: %s.", reasons));
}
