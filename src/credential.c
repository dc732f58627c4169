/*
 * credential.c
 *		Rows of secrets: what agents' tokens and organizations' keys share; see
 *		credential.h.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "credential.h"
#include "document.h"
#include "errors.h"
#include "event.h"
#include "field.h"
#include "iso_time.h"
#include "module.h"

void
la_issue_arguments(FunctionCallInfo fcinfo, int first, LaIssued *issued)
{
	issued->name = NULL;
	issued->expires_at = PG_ARGISNULL(first + 1) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(first + 1);
	if (!PG_ARGISNULL(first))
	{
		issued->name = text_to_cstring(PG_GETARG_TEXT_PP(first));
		la_check_length(issued->name, 1, 255, "name");
	}
	if (issued->expires_at <= la_now())
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("expires_at must lie in the future"),
				la_detail("invalid_value", "expires_at", "Leave it out for a secret that does not expire."));
}

void
la_make_credential(const LaCredential *kind, bool livemode, LaIssued *issued)
{
	issued->created_at = la_now();
	la_new_id(&issued->id, issued->created_at);
	la_make_secret(livemode ? kind->live : kind->test, &issued->secret);
}

void
la_param_issued(LaParams *params, const LaPrincipal *caller, const pg_uuid_t *agent_id,
				const LaIssued *issued)
{
	la_param_text(params, caller->organization_id);
	la_param_uuid(params, &issued->id);
	la_param_text(params, issued->name);
	la_param_text(params, issued->secret.prefix);
	la_param(params, PointerGetDatum(issued->secret.hash), false);
	la_param(params, TimestampTzGetDatum(issued->created_at), false);
	la_param(params, TimestampTzGetDatum(issued->expires_at), issued->expires_at == DT_NOEND);
	la_param_text(params, issued->secret.text);
	if (agent_id != NULL)
		la_param_uuid(params, agent_id);
}

void
la_find_credential(const LaCredential *kind, const LaPrincipal *caller, const pg_uuid_t *id,
				   LaStored *stored)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (la_run(kind->find, &params, LA_LATEST) == 0)
		la_unknown_uuid(kind->what, id);
	row = la_row(0);
	memset(stored, 0, sizeof(LaStored));
	stored->id = *id;
	stored->revoked = DatumGetBool(row.values[0]);
	stored->expired = !row.nulls[1] && DatumGetBool(row.values[1]);
	stored->name = la_row_text(row, 2);
	stored->expires_at = row.nulls[3] ? DT_NOEND : DatumGetTimestampTz(row.values[3]);
	if (!row.nulls[4])
		stored->agent_id = *DatumGetUUIDP(row.values[4]);
}

Datum
la_credential_detail(const LaCredential *kind, const LaPrincipal *caller, const pg_uuid_t *id)
{
	LaParams	params = {0};
	Datum		detail;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	if (!la_run_one(kind->get, &params, LA_LATEST, &detail))
		la_unknown_uuid(kind->what, id);
	return detail;
}

TimestampTz
la_end_of_grace(FunctionCallInfo fcinfo)
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
				la_detail("invalid_value", "grace", "0 ends the old secret at once."));
	return la_after(la_now(), grace, "grace");
}

/* The members of one document, and an instant. */
static Jsonb *
with_time(Jsonb *members, const char *key, TimestampTz at)
{
	LaDocument	document;

	la_begin_object(&document);
	if (members != NULL)
		la_put_members(&document, members);
	la_put_time(&document, key, at);
	return la_end_object(&document);
}

void
la_record_issued(const LaCredential *kind, const LaPrincipal *caller, const LaIssued *issued,
				 Jsonb *what)
{
	if (issued->expires_at != DT_NOEND)
		what = with_time(what, "expires_at", issued->expires_at);
	la_record_change(caller, caller->organization_id, kind->object_type,
					 la_uuid_text(&issued->id), "create", NULL, what);
}

void
la_record_revoked(const LaCredential *kind, const LaPrincipal *caller, const pg_uuid_t *id,
				  TimestampTz revoked_at, Jsonb *what)
{
	la_record_change(caller, caller->organization_id, kind->object_type, la_uuid_text(id),
					 "revoke", with_time(NULL, "revoked_at", DT_NOEND),
					 with_time(what, "revoked_at", revoked_at));
}

void
la_expire_credential(const LaCredential *kind, const LaPrincipal *caller, const LaStored *stored,
					 TimestampTz ends)
{
	LaParams	params = {0};

	if (stored->revoked || stored->expired)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("%s cannot be rotated", kind->what),
				la_detail("invalid_state", psprintf("%s_id", kind->what), "It is %s.",
						  stored->revoked ? "revoked" : "expired"));
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &stored->id);
	la_param(&params, TimestampTzGetDatum(ends), false);
	if (la_run(kind->expire, &params, LA_WRITE) > 0)
		la_record_change(caller, caller->organization_id, kind->object_type,
						 la_uuid_text(&stored->id), "update",
						 with_time(NULL, "expires_at", stored->expires_at),
						 with_time(NULL, "expires_at", ends));
}
