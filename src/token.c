/*
 * token.c
 *		Tokens: secrets of agents.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "agent.h"
#include "credential.h"
#include "errors.h"
#include "event.h"
#include "field.h"
#include "lock.h"
#include "module.h"
#include "organization.h"
#include "query.h"
#include "token.h"

PG_FUNCTION_INFO_V1(la_create_agent_token);
PG_FUNCTION_INFO_V1(la_list_agent_tokens);
PG_FUNCTION_INFO_V1(la_page_of_agent_tokens);
PG_FUNCTION_INFO_V1(la_revoke_agent_token);
PG_FUNCTION_INFO_V1(la_rotate_agent_token);

static const LaCredential tokens = {
	"token", "agent_token", LA_TOKEN_LIVE, LA_TOKEN_TEST, LA_Q_TOKEN_FIND, LA_Q_TOKEN_GET, LA_Q_TOKEN_EXPIRE
};

static void tell_revoked(const LaPrincipal *caller, const pg_uuid_t *agent_id, TimestampTz at);

static Jsonb *
token_event(const pg_uuid_t *agent_id, const pg_uuid_t *id, const char *prefix, const char *name)
{
	LaDocument	data;

	la_begin_object(&data);
	la_put_uuid(&data, "agentId", agent_id);
	la_put_uuid(&data, "tokenId", id);
	la_put_text(&data, "tokenPrefix", prefix);
	if (name != NULL)
		la_put_text(&data, "name", name);
	return la_end_object(&data);
}

void
la_issue_token(const LaPrincipal *caller, const pg_uuid_t *agent_id, bool livemode,
			   LaIssued *token)
{
	LaParams	params = {0};
	Jsonb	   *data;

	la_make_credential(&tokens, livemode, token);
	la_param_issued(&params, caller, agent_id, token);
	(void) la_run_one(LA_Q_TOKEN_INSERT, &params, LA_WRITE, &token->detail);
	data = token_event(agent_id, &token->id, token->secret.prefix, token->name);
	la_event(caller->organization_id, LA_EVENT_TOKEN_CREATED, agent_id, data);
	la_record_issued(&tokens, caller, token, data);
}

/*
 * ledger_agents.create_agent_token(agent_id uuid, name text, expires_at timestamptz,
 *		organization_id text) returns ledger_agents.agent_token_detail
 */
Datum
la_create_agent_token(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	pg_uuid_t  *agent_id;
	LaIssued	token;

	PreventCommandIfReadOnly("create_agent_token()");
	caller = la_operator(fcinfo, 3);
	if (PG_ARGISNULL(0))
		la_null_field("agent_id");
	agent_id = PG_GETARG_UUID_P(0);
	la_issue_arguments(fcinfo, 1, &token);
	la_limit_waiting();
	SPI_connect();
	la_keep_agent(&caller, agent_id);
	la_issue_token(&caller, agent_id, la_need_organization(caller.organization_id), &token);
	SPI_finish();
	return token.detail;
}

/* The first argument is the agent. */
static void
begin_listing(FunctionCallInfo fcinfo, const LaPrincipal *caller, LaParams *params)
{
	if (PG_ARGISNULL(0))
		la_null_field("agent_id");
	SPI_connect();
	la_require_agent(caller, PG_GETARG_UUID_P(0));
	la_param_text(params, caller->organization_id);
	la_param_uuid(params, PG_GETARG_UUID_P(0));
}

/*
 * ledger_agents.list_agent_tokens(agent_id uuid, organization_id text)
 *		returns setof ledger_agents.agent_token_detail
 *
 * All, newest first: what it was in 1.0, for a database that was not updated yet.
 * A function whose arguments change has another name here, so that a session with
 * the library of before does not take the one for the other.
 */
Datum
la_list_agent_tokens(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_operator(fcinfo, 1);
	LaParams	params = {0};

	begin_listing(fcinfo, &caller, &params);
	la_run_set(LA_Q_TOKEN_LIST, &params, LA_STATEMENT, fcinfo);
	SPI_finish();
	return (Datum) 0;
}

/*
 * ledger_agents.list_agent_tokens(agent_id uuid, max_rows integer, after text,
 *		organization_id text) returns setof ledger_agents.agent_token_summary
 *
 * Newest first; a page behind a cursor is not shifted by what is made meanwhile.
 */
Datum
la_page_of_agent_tokens(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_operator(fcinfo, 3);
	LaParams	params = {0};

	begin_listing(fcinfo, &caller, &params);
	la_param_uuid(&params, la_parse_cursor(PG_ARGISNULL(2) ? NULL :
										   text_to_cstring(PG_GETARG_TEXT_PP(2))));
	la_param(&params, Int32GetDatum(la_check_page(PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1))), false);
	la_run_set(LA_Q_TOKEN_PAGE, &params, LA_STATEMENT, fcinfo);
	SPI_finish();
	return (Datum) 0;
}

/* The rows that a statement has just revoked. */
static void
tell_revoked(const LaPrincipal *caller, const pg_uuid_t *agent_id, TimestampTz at)
{
	SPITupleTable *table = SPI_tuptable;
	uint64		count = SPI_processed;

	for (uint64 i = 0; i < count; i++)
	{
		LaRow		row;
		pg_uuid_t  *id;
		Jsonb	   *data;

		SPI_tuptable = table;
		row = la_row(i);
		id = DatumGetUUIDP(row.values[0]);
		data = token_event(agent_id, id, TextDatumGetCString(row.values[1]), la_row_text(row, 2));
		la_event(caller->organization_id, LA_EVENT_TOKEN_REVOKED, agent_id, data);
		la_record_revoked(&tokens, caller, id, at, data);
	}
}

void
la_revoke_tokens(const LaPrincipal *caller, const pg_uuid_t *agent_id)
{
	LaParams	params = {0};
	TimestampTz now = la_now();

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, agent_id);
	la_param(&params, TimestampTzGetDatum(now), false);
	la_run(LA_Q_TOKEN_REVOKE_ALL, &params, LA_WRITE);
	tell_revoked(caller, agent_id, now);
}

/* The configuration lock of the token's agent, and the token as it is under it. */
static void
lock_token(const LaPrincipal *caller, const pg_uuid_t *id, LaStored *token)
{
	la_find_credential(&tokens, caller, id, token);
	la_change_configuration(LA_LEVEL_AGENT,
							la_lock_key(caller->organization_id, &token->agent_id, UUID_LEN));
	la_find_credential(&tokens, caller, id, token);
}

/*
 * ledger_agents.revoke_agent_token(token_id uuid, organization_id text)
 *		returns ledger_agents.agent_token_detail
 *
 * From the commit on nothing is decided for the token, also not by a call that
 * was already waiting.
 */
Datum
la_revoke_agent_token(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaParams	params = {0};
	LaStored	token;
	TimestampTz now;
	Datum		detail;

	PreventCommandIfReadOnly("revoke_agent_token()");
	caller = la_operator(fcinfo, 1);
	if (PG_ARGISNULL(0))
		la_null_field("token_id");
	la_limit_waiting();
	SPI_connect();
	lock_token(&caller, PG_GETARG_UUID_P(0), &token);
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, &token.id);
	now = la_now();
	la_param(&params, TimestampTzGetDatum(now), false);
	if (!token.revoked && la_run(LA_Q_TOKEN_REVOKE, &params, LA_WRITE) > 0)
		tell_revoked(&caller, &token.agent_id, now);
	detail = la_credential_detail(&tokens, &caller, &token.id);
	SPI_finish();
	return detail;
}

/*
 * ledger_agents.rotate_agent_token(token_id uuid, grace interval, organization_id text)
 *		returns ledger_agents.agent_token_detail
 *
 * The old token works for the grace period, or to its own expiry if that is earlier.
 */
Datum
la_rotate_agent_token(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	TimestampTz ends;
	LaStored	old;
	LaIssued	token;

	PreventCommandIfReadOnly("rotate_agent_token()");
	caller = la_operator(fcinfo, 2);
	if (PG_ARGISNULL(0))
		la_null_field("token_id");
	ends = la_end_of_grace(fcinfo);
	la_limit_waiting();
	SPI_connect();
	lock_token(&caller, PG_GETARG_UUID_P(0), &old);
	la_expire_credential(&tokens, &caller, &old, ends);
	token.name = old.name;
	token.expires_at = old.expires_at;
	la_issue_token(&caller, &old.agent_id, la_need_organization(caller.organization_id), &token);
	SPI_finish();
	return token.detail;
}
