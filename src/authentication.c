/*
 * authentication.c
 *		From a secret to a principal, and whether that one still holds; see
 *		authentication.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "authentication.h"
#include "errors.h"
#include "field.h"
#include "module.h"
#include "secret.h"

PG_FUNCTION_INFO_V1(la_authenticate);

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

	if (PG_ARGISNULL(0))
		la_null_field("secret");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	SPI_connect();
	if (!la_find_principal(text_to_cstring(PG_GETARG_TEXT_PP(0)), &found))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("authentication failed"),
				la_detail("invalid_token", "secret", "The secret is unknown, expired or revoked."));
	la_take_principal(&found);
	SPI_finish();
	values[0] = CStringGetTextDatum(found.organization_id);
	values[1] = UUIDPGetDatum(&found.agent_id);
	nulls[1] = !found.is_agent;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* Which table the secret is looked for in; what begins otherwise is found in neither. */
static LaPrincipalKind
kind_of(const LaSecret *secret)
{
	if (strncmp(secret->prefix, LA_KEY_LIVE, strlen(LA_KEY_LIVE)) == 0 ||
		strncmp(secret->prefix, LA_KEY_TEST, strlen(LA_KEY_TEST)) == 0)
		return LA_KEY;
	return LA_TOKEN;
}

/* All candidates are compared, each in constant time. */
bool
la_find_principal(const char *given, LaPrincipal *found)
{
	LaSecret	secret;
	LaPrincipalKind kind;
	LaParams	params = {0};
	uint64		count;
	bool		valid = false;

	memset(found, 0, sizeof(LaPrincipal));
	if (!la_read_secret(given, &secret))
		return false;
	kind = kind_of(&secret);
	la_param_text(&params, secret.prefix);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	count = la_run(kind == LA_KEY ? LA_Q_KEY_CANDIDATES : LA_Q_TOKEN_CANDIDATES, &params,
				   la_current_view());
	for (uint64 i = 0; i < count; i++)
	{
		LaRow		row = la_row(i);

		if (!la_same_hash(secret.hash, DatumGetByteaPP(row.values[2])) ||
			!DatumGetBool(row.values[3]))
			continue;
		valid = true;
		found->kind = kind;
		found->is_agent = kind == LA_TOKEN;
		strlcpy(found->organization_id, TextDatumGetCString(row.values[0]),
				sizeof(found->organization_id));
		found->secret_id = *DatumGetUUIDP(row.values[1]);
		if (found->is_agent)
			found->agent_id = *DatumGetUUIDP(row.values[4]);
	}
	return valid;
}

/* Where noting it could wait, fail or be refused it is not noted. */
static void
note_use(const LaPrincipal *principal)
{
	LaParams	params = {0};

	if (XactReadOnly || RecoveryInProgress() || IsolationUsesXactSnapshot())
		return;
	la_param_text(&params, principal->organization_id);
	la_param_uuid(&params, &principal->secret_id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_run(principal->kind == LA_KEY ? LA_Q_KEY_USED : LA_Q_TOKEN_USED, &params, LA_WRITE);
}

void
la_take_principal(const LaPrincipal *principal)
{
	la_set_principal(principal);
	note_use(principal);
}

LaView
la_current_view(void)
{
	return RecoveryInProgress() || IsInParallelMode() ? LA_STATEMENT : LA_LATEST;
}

void
la_require_valid(const LaPrincipal *caller, LaView view)
{
	static const char *const names[] = {
		[LA_KEY] = "key",[LA_TOKEN] = "token",[LA_CLAIMS] = "principal of the claims"
	};

	if (la_is_valid(caller, view))
		return;
	ereport(ERROR,
			errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			errmsg("the %s is no longer valid", names[caller->kind]),
			la_detail("invalid_token", NULL, "It was revoked, or has expired."));
}

static bool
run_check(LaQuery query, const LaPrincipal *caller, LaView view)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &caller->secret_id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	return la_run(query, &params, view) > 0;
}

static bool
agent_exists(const LaPrincipal *caller, LaView view)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &caller->agent_id);
	return la_run(LA_Q_AGENT_EXISTS, &params, view) > 0;
}

bool
la_is_valid(const LaPrincipal *caller, LaView view)
{
#if LA_MUTANT == 6
	if (caller->kind == LA_TOKEN)
		return true;
#elif LA_MUTANT == 90
	if (caller->kind == LA_KEY)
		return true;
#endif
	switch (caller->kind)
	{
		case LA_OPERATOR:
			break;
		case LA_KEY:
			return run_check(LA_Q_KEY_VALID, caller, view);
		case LA_TOKEN:
			return run_check(LA_Q_TOKEN_VALID, caller, view);
		case LA_CLAIMS:
			return !caller->is_agent || agent_exists(caller, view);
	}
	return true;
}
