/*
 * key.c
 *		Keys: secrets with which a caller has full rights in one organization.
 *
 * Operators manage them, and so do keys: whoever has full rights may pass them
 * on.  What ends a key holds the organization's configuration lock to commit, so
 * that decisions, which read the key's row under it, know.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "authentication.h"
#include "credential.h"
#include "document.h"
#include "event.h"
#include "field.h"
#include "lock.h"
#include "module.h"
#include "organization.h"
#include "query.h"

PG_FUNCTION_INFO_V1(la_create_organization_key);
PG_FUNCTION_INFO_V1(la_list_organization_keys);
PG_FUNCTION_INFO_V1(la_revoke_organization_key);
PG_FUNCTION_INFO_V1(la_rotate_organization_key);

static const LaCredential keys = {
	"key", "organization_key", LA_KEY_LIVE, LA_KEY_TEST, LA_Q_KEY_FIND, LA_Q_KEY_GET, LA_Q_KEY_EXPIRE
};

static void issue_key(const LaPrincipal *caller, LaIssued *key);
static Jsonb *key_document(const char *prefix, const char *name);
static void lock_key(const LaPrincipal *caller, const pg_uuid_t *id, LaStored *key);

/*
 * ledger_agents.create_organization_key(name text, expires_at timestamptz,
 *		organization_id text) returns ledger_agents.organization_key_detail
 *
 * A key that is no longer valid issues none.
 */
Datum
la_create_organization_key(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaIssued	key;
	uint64		lock;

	PreventCommandIfReadOnly("create_organization_key()");
	caller = la_operator(fcinfo, 2);
	la_issue_arguments(fcinfo, 0, &key);
	la_limit_waiting();
	SPI_connect();
	lock = la_lock_key(caller.organization_id, "", 0);
	la_share_configuration(LA_LEVEL_ORGANIZATION, lock);
	la_require_valid(&caller, LA_LATEST);
	issue_key(&caller, &key);
	la_release_configuration(LA_LEVEL_ORGANIZATION, lock);
	SPI_finish();
	return key.detail;
}

static void
issue_key(const LaPrincipal *caller, LaIssued *key)
{
	LaParams	params = {0};

	la_make_credential(&keys, la_need_organization(caller->organization_id), key);
	la_param_issued(&params, caller, NULL, key);
	(void) la_run_one(LA_Q_KEY_INSERT, &params, LA_WRITE, &key->detail);
	la_record_issued(&keys, caller, key, key_document(key->secret.prefix, key->name));
}

static Jsonb *
key_document(const char *prefix, const char *name)
{
	LaDocument	data;

	la_begin_object(&data);
	la_put_text(&data, "prefix", prefix);
	if (name != NULL)
		la_put_text(&data, "name", name);
	return la_end_object(&data);
}

/*
 * ledger_agents.list_organization_keys(max_rows integer, after text, organization_id text)
 *		returns setof ledger_agents.organization_key_detail
 *
 * Newest first; a page behind a cursor is not shifted by what is made meanwhile.
 */
Datum
la_list_organization_keys(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_operator(fcinfo, 2);
	LaParams	params = {0};

	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, la_parse_cursor(PG_ARGISNULL(1) ? NULL :
										   text_to_cstring(PG_GETARG_TEXT_PP(1))));
	la_param(&params, Int32GetDatum(la_check_page(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0))), false);
	la_run_set(LA_Q_KEY_LIST, &params, LA_STATEMENT, fcinfo);
	SPI_finish();
	return (Datum) 0;
}

/*
 * ledger_agents.revoke_organization_key(key_id uuid, organization_id text)
 *		returns ledger_agents.organization_key_detail
 *
 * From the commit on nothing is decided for the key, also not by a call that
 * was already waiting.
 */
Datum
la_revoke_organization_key(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaParams	params = {0};
	LaStored	key;
	TimestampTz now;
	Datum		detail;

	PreventCommandIfReadOnly("revoke_organization_key()");
	caller = la_operator(fcinfo, 1);
	if (PG_ARGISNULL(0))
		la_null_field("key_id");
	la_limit_waiting();
	SPI_connect();
	lock_key(&caller, PG_GETARG_UUID_P(0), &key);
	la_param_text(&params, caller.organization_id);
	la_param_uuid(&params, &key.id);
	now = la_now();
	la_param(&params, TimestampTzGetDatum(now), false);
	if (!key.revoked && la_run(LA_Q_KEY_REVOKE, &params, LA_WRITE) > 0)
		la_record_revoked(&keys, &caller, &key.id, now,
						  key_document(TextDatumGetCString(la_column(0, 1)), key.name));
	detail = la_credential_detail(&keys, &caller, &key.id);
	SPI_finish();
	return detail;
}

/* The configuration lock of the organization, and the key as it is under it. */
static void
lock_key(const LaPrincipal *caller, const pg_uuid_t *id, LaStored *key)
{
	la_find_credential(&keys, caller, id, key);
	la_change_configuration(LA_LEVEL_ORGANIZATION, la_lock_key(caller->organization_id, "", 0));
	la_require_valid(caller, LA_LATEST);
	la_find_credential(&keys, caller, id, key);
}

/*
 * ledger_agents.rotate_organization_key(key_id uuid, grace interval, organization_id text)
 *		returns ledger_agents.organization_key_detail
 *
 * The old key works for the grace period, or to its own expiry if that is earlier.
 */
Datum
la_rotate_organization_key(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	TimestampTz ends;
	LaStored	old;
	LaIssued	key;

	PreventCommandIfReadOnly("rotate_organization_key()");
	caller = la_operator(fcinfo, 2);
	if (PG_ARGISNULL(0))
		la_null_field("key_id");
	ends = la_end_of_grace(fcinfo);
	la_limit_waiting();
	SPI_connect();
	lock_key(&caller, PG_GETARG_UUID_P(0), &old);
	la_expire_credential(&keys, &caller, &old, ends);
	key.name = old.name;
	key.expires_at = old.expires_at;
	issue_key(&caller, &key);
	SPI_finish();
	return key.detail;
}
