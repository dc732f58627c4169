/*
 * event.c
 *		Events and the record of configuration changes; see event.h.
 *
 * Both are written in the transaction that did what they tell of, and go with
 * its rollback.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"

#include "document.h"
#include "errors.h"
#include "event.h"
#include "module.h"
#include "query.h"

PG_FUNCTION_INFO_V1(la_refuse_change);

/* A statement of la_forget() is under way: no setting, so that nobody else can say so. */
static bool forgetting = false;

/*
 * ledger_agents.refuse_change() returns trigger
 *		Refuses UPDATE, DELETE and TRUNCATE of append-only tables, for everyone
 *		but the purge, which deletes rows.
 */
Datum
la_refuse_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("refuse_change() must be called as a trigger"));
	if (forgetting && TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
							   trigger->tg_newtuple : trigger->tg_trigtuple);
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("rows of \"%s\" cannot be changed or removed",
				   RelationGetRelationName(trigger->tg_relation)),
			la_detail("append_only", NULL, "The table only grows."));
}

/*
 * Ids are ordered by their instant, and what one transaction tells of an agent
 * has the order of its ids: each is later than the one before, also where the
 * clock stands still or was set back.
 */
static void
new_event_id(pg_uuid_t *id, TimestampTz now)
{
	static TimestampTz last = DT_NOBEGIN;

#if LA_MUTANT != 73
	last = now > last ? now : last + 1;
#else
	last = now;
#endif
	la_new_id(id, last);
}

uint64
la_forget(LaQuery query, LaParams *params)
{
	uint64		count;

	forgetting = true;
	PG_TRY();
	{
		count = la_run(query, params, LA_WRITE);
	}
	PG_FINALLY();
	{
		forgetting = false;
	}
	PG_END_TRY();
	return count;
}

void
la_event(const char *organization_id, const char *type, const pg_uuid_t *agent_id,
		 Jsonb *data)
{
	LaParams	params = {0};
	TimestampTz now = la_now();
	pg_uuid_t	id;

	new_event_id(&id, now);
	la_param_text(&params, organization_id);
	la_param_uuid(&params, &id);
	la_param_text(&params, type);
	la_param_uuid(&params, agent_id);
	la_param(&params, JsonbPGetDatum(data), false);
	la_param(&params, TimestampTzGetDatum(now), false);
	la_run(LA_Q_EVENT, &params, LA_WRITE);
}

void
la_record_change(const LaPrincipal *principal, const char *organization_id,
				 const char *object_type, const char *object_id,
				 const char *action, Jsonb *old_values, Jsonb *new_values)
{
	LaParams	params = {0};
	TimestampTz now = la_now();
	pg_uuid_t	id;

	la_new_id(&id, now);
	la_param_text(&params, organization_id);
	la_param_uuid(&params, &id);
	la_param_text(&params, object_type);
	la_param_text(&params, object_id);
	la_param_text(&params, action);
	la_param(&params, JsonbPGetDatum(old_values), old_values == NULL);
	la_param(&params, JsonbPGetDatum(new_values), new_values == NULL);
	la_param_text(&params, principal == NULL ? "system" : la_principal_name(principal));
	la_param_text(&params, la_outer_role());
	la_param(&params, TimestampTzGetDatum(now), false);
	la_run(LA_Q_CHANGE, &params, LA_WRITE);
}

Jsonb *
la_status_document(const char *status)
{
	LaDocument	document;

	la_begin_object(&document);
	la_put_text(&document, "status", status);
	return la_end_object(&document);
}
