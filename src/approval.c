/*
 * approval.c
 *		What is done to open intents: approve, reject, cancel.
 */
#include "postgres.h"

#include "authentication.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "errors.h"
#include "event.h"
#include "intent.h"
#include "lock.h"
#include "module.h"

PG_FUNCTION_INFO_V1(la_approve_intent);
PG_FUNCTION_INFO_V1(la_reject_intent);
PG_FUNCTION_INFO_V1(la_cancel_intent);

/* What can be done to an open intent. */
typedef enum Verb
{
	APPROVE,
	REJECT,
	CANCEL,
} Verb;

typedef struct Resolution
{
	const char *action;			/* in the record of changes */
	const char *done;			/* the status that it leads to */
	const char *event;
	LaQuery		query;
} Resolution;

static const Resolution resolutions[] = {
	[APPROVE] = {"approve", "pending", LA_EVENT_INTENT_APPROVED, LA_Q_INTENT_APPROVE},
	[REJECT] = {"reject", "rejected", LA_EVENT_INTENT_REJECTED, LA_Q_INTENT_REJECT},
	[CANCEL] = {"cancel", "canceled", LA_EVENT_INTENT_CANCELED, LA_Q_INTENT_CANCEL},
};

static Datum resolve(FunctionCallInfo fcinfo, const LaPrincipal *caller, Verb verb,
					 const char *reason);
static Datum resolve_intent(const LaPrincipal *caller, const pg_uuid_t *id, Verb verb,
							const char *reason);
static bool is_done(const LaLockedIntent *intent, Verb verb);
static void require_open(const LaLockedIntent *intent, Verb verb);
static Datum change_intent(const LaPrincipal *caller, const LaLockedIntent *intent,
						   Verb verb, const char *reason);

/*
 * ledger_agents.approve_intent(intent_id uuid, organization_id text)
 *		returns ledger_agents.intent_detail
 *
 * It waits for no counter: the bound of open intents there covers the new ttl.
 */
Datum
la_approve_intent(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;

	PreventCommandIfReadOnly("approve_intent()");
	caller = la_operator(fcinfo, 1);
	return resolve(fcinfo, &caller, APPROVE, NULL);
}

/*
 * ledger_agents.reject_intent(intent_id uuid, reason text, organization_id text)
 *		returns ledger_agents.intent_detail
 */
Datum
la_reject_intent(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;

	PreventCommandIfReadOnly("reject_intent()");
	caller = la_operator(fcinfo, 2);
	return resolve(fcinfo, &caller, REJECT,
				   PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)));
}

/*
 * ledger_agents.cancel_intent(intent_id uuid, organization_id text)
 *		returns ledger_agents.intent_detail
 *
 * From the commit on it satisfies no decision, also none that was waiting.
 */
Datum
la_cancel_intent(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;

	PreventCommandIfReadOnly("cancel_intent()");
	caller = la_caller(fcinfo, 1);
	return resolve(fcinfo, &caller, CANCEL, NULL);
}

static Datum
resolve(FunctionCallInfo fcinfo, const LaPrincipal *caller, Verb verb,
		const char *reason)
{
	Datum		answer;

	if (PG_ARGISNULL(0))
		la_null_field("intent_id");
	if (reason != NULL)
		la_check_length(reason, 1, LA_MAX_SUMMARY, "reason");
	la_limit_waiting();
	SPI_connect();
	answer = resolve_intent(caller, PG_GETARG_UUID_P(0), verb, reason);
	SPI_finish();
	return answer;
}

static Datum
resolve_intent(const LaPrincipal *caller, const pg_uuid_t *id, Verb verb,
			   const char *reason)
{
	LaParams	params = {0};
	LaLockedIntent intent;
	Datum		detail;

	la_lock_intent(caller, id, &intent);
	if (!is_done(&intent, verb))
	{
		require_open(&intent, verb);
		return change_intent(caller, &intent, verb, reason);
	}
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &intent.id);
	la_param_uuid(&params, NULL);
	la_param(&params, TimestampTzGetDatum(intent.now), false);
	if (!la_run_one(LA_Q_INTENT_GET, &params, LA_LATEST, &detail))
		elog(ERROR, "an intent that is locked is missing");
	return detail;
}

/* The agent of an intent, which never changes; P0002 unless the caller may see it. */
static void
find_agent(const LaPrincipal *caller, LaLockedIntent *intent)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &intent->id);
	if (la_run(LA_Q_INTENT_READ, &params, LA_LATEST) == 0)
		la_unknown_uuid("intent", &intent->id);
	intent->agent_id = *DatumGetUUIDP(la_column(0, 0));
	if (caller->is_agent && memcmp(&caller->agent_id, &intent->agent_id, UUID_LEN) != 0)
		la_unknown_uuid("intent", &intent->id);
}

/* False: an open transaction has changed the row, or locked it. */
static bool
try_row(const LaPrincipal *caller, LaLockedIntent *intent)
{
	LaParams	params = {0};
	LaRow		row;

	intent->now = la_now();
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &intent->id);
	la_param(&params, TimestampTzGetDatum(intent->now), false);
	if (la_run(LA_Q_INTENT_LOCK, &params, LA_WRITE) == 0)
		return false;
	row = la_row(0);
	intent->status = TextDatumGetCString(row.values[0]);
	intent->approved = DatumGetBool(row.values[1]);
	intent->customer_id = TextDatumGetCString(row.values[2]);
	return true;
}

/* To be called without the configuration lock. */
static void
await_row(const LaPrincipal *caller, const LaLockedIntent *intent)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &intent->id);
	la_wait_patiently();
	la_run(LA_Q_INTENT_AWAIT, &params, LA_WRITE);
}

/*
 * Decisions hold the agent's configuration lock shared while they claim an
 * intent, so that nobody can claim it while it is held here, and what was
 * decided for the intent has been decided against what it was.
 *
 * Where a transaction that is still open has used the intent up, it is waited
 * for in the agent's queue, and without the configuration lock: nothing else of
 * the agent, and no change of it, is to hang on somebody's idle session.  A
 * transaction over very many agents has left the queue: then its row lock is
 * what there is to wait for, and nobody decides for the agent meanwhile.
 */
void
la_lock_intent(const LaPrincipal *caller, const pg_uuid_t *id, LaLockedIntent *intent)
{
	uint64		key;

	memset(intent, 0, sizeof(LaLockedIntent));
	intent->id = *id;
	find_agent(caller, intent);
	key = la_lock_key(caller->organization_id, &intent->agent_id, UUID_LEN);
	la_change_configuration(LA_LEVEL_AGENT, key);
	while (!try_row(caller, intent))
	{
#if LA_MUTANT != 60
		la_leave_configuration(LA_LEVEL_AGENT, key);
#endif
		(void) la_queue(LA_LEVEL_AGENT, key);
		await_row(caller, intent);
		la_change_configuration(LA_LEVEL_AGENT, key);
	}
	la_require_valid(caller, LA_LATEST);
}

/* It was done before: doing it again changes nothing. */
static bool
is_done(const LaLockedIntent *intent, Verb verb)
{
	return strcmp(intent->status, resolutions[verb].done) == 0 &&
		(verb != APPROVE || intent->approved);
}

static void
require_open(const LaLockedIntent *intent, Verb verb)
{
	if (strcmp(intent->status, "pending_approval") == 0 ||
		(verb == CANCEL && strcmp(intent->status, "pending") == 0))
		return;
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("intent is %s", intent->status),
			la_detail(psprintf("intent_%s", intent->status), "intent_id",
					  verb == CANCEL ? "Only an open one can be canceled."
					  : "Only one in pending_approval can be approved or rejected."));
}

static Datum
change_intent(const LaPrincipal *caller, const LaLockedIntent *intent, Verb verb,
			  const char *reason)
{
	const Resolution *how = &resolutions[verb];
	LaParams	params = {0};
	LaDocument	old_values;
	LaDocument	new_values;
	Datum		detail;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &intent->id);
	la_param(&params, TimestampTzGetDatum(intent->now), false);
	la_param_text(&params, la_principal_name(caller));
	if (verb == REJECT)
		la_param_text(&params, reason);
	if (!la_run_one(how->query, &params, LA_WRITE, &detail))
		elog(ERROR, "an intent that is locked is missing");
	la_tell_intent(caller->organization_id, how->event, intent->customer_id, detail);
	la_begin_object(&old_values);
	la_put_text(&old_values, "status", intent->status);
	la_begin_object(&new_values);
	la_put_text(&new_values, "status", how->done);
	if (reason != NULL)
		la_put_text(&new_values, "rejection_reason", reason);
	la_record_change(caller, caller->organization_id, "intent", la_uuid_text(&intent->id),
					 how->action, la_end_object(&old_values), la_end_object(&new_values));
	return detail;
}
