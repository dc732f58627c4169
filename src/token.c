/*
 * token.c
 *		Secrets of agents: issue, check, revoke, rotate.
 *
 * A token is "at_live_" or "at_test_", 12 hexadecimal digits that may be shown,
 * and 64 that are the secret: 256 bits from the server's strong random source.
 * Stored are what may be shown and the SHA-256 of the whole.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "agent.h"
#include "document.h"
#include "errors.h"
#include "event.h"
#include "field.h"
#include "lock.h"
#include "module.h"
#include "organization.h"
#include "query.h"
#include "token.h"

PG_FUNCTION_INFO_V1(la_authenticate);
PG_FUNCTION_INFO_V1(la_create_agent_token);
PG_FUNCTION_INFO_V1(la_list_agent_tokens);
PG_FUNCTION_INFO_V1(la_revoke_agent_token);
PG_FUNCTION_INFO_V1(la_rotate_agent_token);

#define KIND_LENGTH 8			/* at_live_ */
#define SHOWN_BYTES 6
#define SECRET_BYTES 32
#define PREFIX_LENGTH (KIND_LENGTH + 2 * SHOWN_BYTES)
StaticAssertDecl(PREFIX_LENGTH == LA_TOKEN_PREFIX, "messages would show a part of the secret");
#define TOKEN_LENGTH (PREFIX_LENGTH + 2 * SECRET_BYTES)

/* A token row, as the verbs on tokens need it. */
typedef struct Stored
{
	pg_uuid_t	id;
	pg_uuid_t	agent_id;
	bool		revoked;
	bool		expired;
	char	   *name;
	TimestampTz expires_at;
} Stored;

static void hash_token(const char *token, uint8 *hash);
static bool find_principal(const char *token, LaPrincipal *found);
static void note_use(const LaPrincipal *principal);
static void find_token(const LaPrincipal *caller, const pg_uuid_t *id, LaView view, Stored *token);
static Datum get_token(const LaPrincipal *caller, const pg_uuid_t *id);
static void tell_revoked(const LaPrincipal *caller, const pg_uuid_t *agent_id);

/*
 * ledger_agents.authenticate(secret text, OUT organization_id text, OUT agent_id uuid)
 *
 * Fixes the principal for the rest of the transaction.  Says nothing about why
 * a secret is refused, and never repeats it.
 */
Datum
la_authenticate(PG_FUNCTION_ARGS)
{
	LaPrincipal found;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};
	bool		valid;

	if (PG_ARGISNULL(0))
		la_null_field("secret");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(&found, 0, sizeof(found));
	SPI_connect();
	valid = find_principal(text_to_cstring(PG_GETARG_TEXT_PP(0)), &found);
	if (!valid)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("authentication failed"),
				la_detail("invalid_token", "secret", "The secret is unknown, expired or revoked."));
	la_set_principal(&found);
	note_use(&found);
	SPI_finish();
	values[0] = CStringGetTextDatum(found.organization_id);
	values[1] = UUIDPGetDatum(&found.agent_id);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* All candidates are compared, each in constant time. */
static bool
find_principal(const char *token, LaPrincipal *found)
{
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	LaParams	params = {0};
	uint64		count;
	bool		valid = false;

	if (strlen(token) != TOKEN_LENGTH)
		return false;
	hash_token(token, hash);
	la_param_text(&params, pnstrdup(token, PREFIX_LENGTH));
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	count = la_run(LA_Q_TOKEN_CANDIDATES, &params,
				   RecoveryInProgress() ? LA_STATEMENT : LA_LATEST);
	for (uint64 i = 0; i < count; i++)
	{
		LaRow		row = la_row(i);
		bytea	   *stored = DatumGetByteaPP(row.values[3]);
		int			difference = 0;

		for (int b = 0; b < PG_SHA256_DIGEST_LENGTH; b++)
			difference |= hash[b] ^ ((uint8 *) VARDATA_ANY(stored))[b];
		if (difference != 0 || !DatumGetBool(row.values[4]))
			continue;
		valid = true;
		found->is_agent = true;
		strlcpy(found->organization_id, TextDatumGetCString(row.values[0]),
				sizeof(found->organization_id));
		found->token_id = *DatumGetUUIDP(row.values[1]);
		found->agent_id = *DatumGetUUIDP(row.values[2]);
	}
	return valid;
}

static void
hash_token(const char *token, uint8 *hash)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) token, strlen(token)) < 0 ||
		pg_cryptohash_final(context, hash, PG_SHA256_DIGEST_LENGTH) < 0)
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not compute a SHA-256 hash"));
	pg_cryptohash_free(context);
}

/* Where noting it could wait, fail or be refused it is not noted. */
static void
note_use(const LaPrincipal *principal)
{
	LaParams	params = {0};

	if (XactReadOnly || RecoveryInProgress() || IsolationUsesXactSnapshot())
		return;
	la_param_text(&params, principal->organization_id);
	la_param_uuid(&params, &principal->token_id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_run(LA_Q_TOKEN_USED, &params, LA_WRITE);
}

void
la_require_valid_token(const LaPrincipal *caller, LaView view)
{
	LaParams	params = {0};

#if LA_MUTANT == 6
	return;
#endif
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &caller->token_id);
	la_param_uuid(&params, &caller->agent_id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (la_run(LA_Q_TOKEN_VALID, &params, view) == 0)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("the token is no longer valid"),
				la_detail("invalid_token", NULL, "It was revoked, or has expired."));
}

static void
put_hex(StringInfo to, int bytes)
{
	uint8		random[SECRET_BYTES];

	if (!pg_strong_random(random, bytes))
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not generate random bytes"));
	for (int i = 0; i < bytes; i++)
		appendStringInfo(to, "%02x", random[i]);
}

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
la_issue_token(const LaPrincipal *caller, const pg_uuid_t *agent_id, const char *name,
			   TimestampTz expires_at, bool livemode, LaToken *token)
{
	LaParams	params = {0};
	StringInfoData secret;
	bytea	   *hash = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	TimestampTz now = la_now();
	char	   *prefix;
	Jsonb	   *data;

	initStringInfo(&secret);
	appendStringInfoString(&secret, livemode ? "at_live_" : "at_test_");
	put_hex(&secret, SHOWN_BYTES);
	put_hex(&secret, SECRET_BYTES);
	SET_VARSIZE(hash, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	hash_token(secret.data, (uint8 *) VARDATA(hash));
	prefix = pnstrdup(secret.data, PREFIX_LENGTH);
	la_new_id(&token->id, now);
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &token->id);
	la_param_uuid(&params, agent_id);
	la_param_text(&params, name);
	la_param_text(&params, prefix);
	la_param(&params, PointerGetDatum(hash), false);
	la_param(&params, TimestampTzGetDatum(now), false);
	la_param(&params, TimestampTzGetDatum(expires_at), expires_at == DT_NOEND);
	la_param_text(&params, secret.data);
	(void) la_run_one(LA_Q_TOKEN_INSERT, &params, LA_WRITE, &token->detail);
	token->secret = secret.data;
	data = token_event(agent_id, &token->id, prefix, name);
	la_event(caller->organization_id, LA_EVENT_TOKEN_CREATED, agent_id, data);
	la_record_change(caller, caller->organization_id, "agent_token", la_uuid_text(&token->id),
					 "create", NULL, data);
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
	char	   *name = NULL;
	TimestampTz expires_at = PG_ARGISNULL(2) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(2);
	LaToken		token;

	PreventCommandIfReadOnly("create_agent_token()");
	caller = la_operator(fcinfo, 3);
	if (PG_ARGISNULL(0))
		la_null_field("agent_id");
	agent_id = PG_GETARG_UUID_P(0);
	if (!PG_ARGISNULL(1))
	{
		name = text_to_cstring(PG_GETARG_TEXT_PP(1));
		la_check_length(name, 1, 255, "name");
	}
	if (expires_at <= la_now())
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("expires_at must lie in the future"),
				la_detail("invalid_value", "expires_at", "Leave it out for a token that does not expire."));
	la_limit_waiting();
	SPI_connect();
	la_keep_agent(&caller, agent_id);
	la_issue_token(&caller, agent_id, name, expires_at,
				   la_need_organization(caller.organization_id), &token);
	SPI_finish();
	return token.detail;
}

/*
 * ledger_agents.list_agent_tokens(agent_id uuid, organization_id text)
 *		returns setof ledger_agents.agent_token_detail
 */
Datum
la_list_agent_tokens(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_operator(fcinfo, 1);
	LaParams	params = {0};

	if (PG_ARGISNULL(0))
		la_null_field("agent_id");
	SPI_connect();
	la_require_agent(&caller, PG_GETARG_UUID_P(0));
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, PG_GETARG_UUID_P(0));
	la_run_set(LA_Q_TOKEN_LIST, &params, LA_STATEMENT, fcinfo);
	SPI_finish();
	return (Datum) 0;
}

static void
find_token(const LaPrincipal *caller, const pg_uuid_t *id, LaView view, Stored *token)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (la_run(LA_Q_TOKEN_FIND, &params, view) == 0)
		la_unknown_uuid("token", id);
	row = la_row(0);
	token->id = *id;
	token->agent_id = *DatumGetUUIDP(row.values[0]);
	token->revoked = DatumGetBool(row.values[1]);
	token->expired = !row.nulls[2] && DatumGetBool(row.values[2]);
	token->name = row.nulls[3] ? NULL : TextDatumGetCString(row.values[3]);
	token->expires_at = row.nulls[4] ? DT_NOEND : DatumGetTimestampTz(row.values[4]);
}

static Datum
get_token(const LaPrincipal *caller, const pg_uuid_t *id)
{
	LaParams	params = {0};
	Datum		detail;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	if (!la_run_one(LA_Q_TOKEN_GET, &params, LA_LATEST, &detail))
		la_unknown_uuid("token", id);
	return detail;
}

/* The rows that a statement has just revoked. */
static void
tell_revoked(const LaPrincipal *caller, const pg_uuid_t *agent_id)
{
	SPITupleTable *table = SPI_tuptable;
	uint64		count = SPI_processed;

	for (uint64 i = 0; i < count; i++)
	{
		LaRow		row;
		Jsonb	   *data;

		SPI_tuptable = table;
		row = la_row(i);
		data = token_event(agent_id, DatumGetUUIDP(row.values[0]), TextDatumGetCString(row.values[1]),
						   row.nulls[2] ? NULL : TextDatumGetCString(row.values[2]));
		la_event(caller->organization_id, LA_EVENT_TOKEN_REVOKED, agent_id, data);
		la_record_change(caller, caller->organization_id, "agent_token",
						 la_uuid_text(DatumGetUUIDP(row.values[0])), "revoke", NULL, data);
	}
}

void
la_revoke_tokens(const LaPrincipal *caller, const pg_uuid_t *agent_id)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, agent_id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_run(LA_Q_TOKEN_REVOKE_ALL, &params, LA_WRITE);
	tell_revoked(caller, agent_id);
}

/* The configuration lock of the token's agent, and the token as it is under it. */
static void
lock_token(const LaPrincipal *caller, const pg_uuid_t *id, Stored *token)
{
	find_token(caller, id, LA_LATEST, token);
	la_change_configuration(LA_LEVEL_AGENT,
							la_lock_key(caller->organization_id, &token->agent_id, UUID_LEN));
	find_token(caller, id, LA_LATEST, token);
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
	Stored		token;
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
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (!token.revoked && la_run(LA_Q_TOKEN_REVOKE, &params, LA_WRITE) > 0)
		tell_revoked(&caller, &token.agent_id);
	detail = get_token(&caller, &token.id);
	SPI_finish();
	return detail;
}

static TimestampTz
end_of_grace(FunctionCallInfo fcinfo)
{
	Interval	zero = {0};
	Interval   *grace;

	if (PG_ARGISNULL(1))
		la_null_field("grace");
	grace = PG_GETARG_INTERVAL_P(1);
	if (DatumGetBool(DirectFunctionCall2(interval_lt, IntervalPGetDatum(grace),
										 IntervalPGetDatum(&zero))))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("grace must not be negative"),
				la_detail("invalid_value", "grace", "0 ends the old token at once."));
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(la_now()),
												   IntervalPGetDatum(grace)));
}

static Jsonb *
expiry_document(TimestampTz expires_at)
{
	LaDocument	document;

	la_begin_object(&document);
	la_put_time(&document, "expires_at", expires_at);
	return la_end_object(&document);
}

/* The old token lasts to the end of the grace period at most. */
static void
end_token(const LaPrincipal *caller, const Stored *token, TimestampTz ends)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &token->id);
	la_param(&params, TimestampTzGetDatum(ends), false);
	if (la_run(LA_Q_TOKEN_EXPIRE, &params, LA_WRITE) > 0)
		la_record_change(caller, caller->organization_id, "agent_token", la_uuid_text(&token->id),
						 "update", expiry_document(token->expires_at), expiry_document(ends));
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
	Stored		old;
	LaToken		token;

	PreventCommandIfReadOnly("rotate_agent_token()");
	caller = la_operator(fcinfo, 2);
	if (PG_ARGISNULL(0))
		la_null_field("token_id");
	ends = end_of_grace(fcinfo);
	la_limit_waiting();
	SPI_connect();
	lock_token(&caller, PG_GETARG_UUID_P(0), &old);
	if (old.revoked || old.expired)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("token cannot be rotated"),
				la_detail("invalid_state", "token_id", "It is %s.", old.revoked ? "revoked" : "expired"));
	end_token(&caller, &old, ends);
	la_issue_token(&caller, &old.agent_id, old.name, old.expires_at,
				   la_need_organization(caller.organization_id), &token);
	SPI_finish();
	return token.detail;
}
