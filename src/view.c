/*
 * view.c
 *		The views of ledger_agents_api: who sees which rows, and what writing does.
 *
 * A view shows what the principal may see; who may see nothing gets an error, not
 * an empty list.  Writing to a row is a call of the JSON functions with what was
 * given, so that there is one way to do a thing: for an INSERT what is not null,
 * for an UPDATE what differs.  Errors bear the SQLSTATE PTnnn, where nnn is the
 * HTTP status: PostgREST answers with it (its documentation, "Errors from within
 * the database").
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "claims.h"
#include "document.h"
#include "errors.h"
#include "iso_time.h"
#include "json.h"
#include "json_value.h"
#include "module.h"
#include "principal.h"
#include "query.h"

PG_FUNCTION_INFO_V1(la_visible_organization);
PG_FUNCTION_INFO_V1(la_visible_agent);
PG_FUNCTION_INFO_V1(la_engine_time);
PG_FUNCTION_INFO_V1(la_iso_duration);
PG_FUNCTION_INFO_V1(la_write_view);

/* What writing to a view calls; NULL: it is not written so. */
typedef struct Writes
{
	const char *view;
	const char *id;				/* what the bodies of its functions call the
								 * id */
	const char *insert;
	const char *update;
	const char *delete;
	LaQuery		row;			/* reads a row of it, where one can be written */
} Writes;

static const Writes all_writes[] = {
	{"agents", "agentId", NULL, "update_agent", "deregister_agent", LA_Q_VIEW_AGENT},
	{"cards", "cardId", "create_card", "update_card", "close_card", LA_Q_VIEW_CARD},
	{"policies", "policyId", "create_policy", "update_policy", "delete_policy", LA_Q_VIEW_POLICY},
	{"intents", "intentId", "declare_intent", NULL, "cancel_intent", LA_Q_VIEW_INTENT},
	{"authorizations", "authorizationId", "authorize", NULL, NULL, LA_Q_VIEW_AUTHORIZATION},
	{"tokens", "tokenId", NULL, NULL, "revoke_agent_token"},
	{"events"},
};

/* Where a status is a verb of its own. */
static const struct Turn
{
	const char *view;
	const char *status;
	const char *function;
	const char *field;			/* a field that goes with it, or NULL */
	const char *member;			/* what the body calls that */
}			turns[] = {
	{"cards", "active", "unfreeze_card"},
	{"cards", "frozen", "freeze_card"},
	{"cards", "closed", "close_card"},
	{"intents", "pending", "approve_intent"},
	{"intents", "rejected", "reject_intent", "rejectionReason", "reason"},
	{"intents", "canceled", "cancel_intent"},
};

static const Writes *writes_of(const char *view);
static void require_written(const Writes *writes, TriggerEvent event);
static void insert_row(const Writes *writes, const TriggerData *trigger, pg_uuid_t *id);
static void update_row(const Writes *writes, const TriggerData *trigger, pg_uuid_t *id);
static void delete_row(const Writes *writes, const pg_uuid_t *id);
static HeapTuple read_row(const Writes *writes, const pg_uuid_t *id);

/*
 * ledger_agents.visible_organization(to_agents boolean) returns text
 *
 * The organization whose rows the caller sees.  An error for who is nobody, and
 * for an agent where to_agents is false.
 */
Datum
la_visible_organization(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;

	la_use_claims();
	caller = la_caller(fcinfo, LA_NO_ARGUMENT);
	if (caller.is_agent && (PG_ARGISNULL(0) || !PG_GETARG_BOOL(0)))
		ereport(ERROR,
				errcode(MAKE_SQLSTATE('P', 'T', '4', '0', '3')),
				errmsg("permission denied for an agent"),
				la_detail("not_allowed", NULL, "An agent may spend and read what is its own, nothing else."));
	PG_RETURN_TEXT_P(cstring_to_text(caller.organization_id));
}

/*
 * ledger_agents.visible_agent() returns uuid
 *
 * The one agent whose rows the caller sees; null: it sees those of all.
 */
Datum
la_visible_agent(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;

	la_use_claims();
	caller = la_caller(fcinfo, LA_NO_ARGUMENT);
#if LA_MUTANT == 94
	PG_RETURN_NULL();
#endif
	if (!caller.is_agent)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(memcpy(palloc(sizeof(pg_uuid_t)), &caller.agent_id, sizeof(pg_uuid_t)));
}

/*
 * ledger_agents.engine_time() returns timestamptz
 *
 * The instant that a decision would be made at now.
 */
Datum
la_engine_time(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(la_now());
}

/*
 * ledger_agents.iso_duration(duration interval) returns text
 */
Datum
la_iso_duration(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(la_duration_text(PG_GETARG_INTERVAL_P(0))));
}

/*
 * ledger_agents.write_view() returns trigger
 *
 * INSTEAD OF INSERT, UPDATE or DELETE on a row of a view.  What comes back is the
 * row as the view then shows it.
 */
Datum
la_write_view(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const Writes *writes;
	pg_uuid_t	id;
	bool		isnull;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "not called as a trigger");
	writes = writes_of(RelationGetRelationName(trigger->tg_relation));
	require_written(writes, trigger->tg_event);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		insert_row(writes, trigger, &id);
	else
	{
		TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
		int			number = SPI_fnumber(desc, "id");

		id = *DatumGetUUIDP(SPI_getbinval(trigger->tg_trigtuple, desc, number, &isnull));
		if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		{
			delete_row(writes, &id);
			PG_RETURN_POINTER(trigger->tg_trigtuple);
		}
		update_row(writes, trigger, &id);
	}
	PG_RETURN_POINTER(read_row(writes, &id));
}

static const Writes *
writes_of(const char *view)
{
	for (int i = 0; i < lengthof(all_writes); i++)
		if (strcmp(all_writes[i].view, view) == 0)
			return &all_writes[i];
	elog(ERROR, "nothing is written through \"%s\"", view);
}

static bool
has_turns(const char *view)
{
	for (int i = 0; i < lengthof(turns); i++)
		if (strcmp(turns[i].view, view) == 0)
			return true;
	return false;
}

/*
 * Every view has the trigger for everything: without one, the server would
 * refuse before it looks at rights, as if the interface had failed.  So only who
 * has all rights comes here for what a view does not do.
 */
static void
require_written(const Writes *writes, TriggerEvent event)
{
	const char *function = writes->update;

	if (TRIGGER_FIRED_BY_INSERT(event))
		function = writes->insert;
	else if (TRIGGER_FIRED_BY_DELETE(event))
		function = writes->delete;
	else if (has_turns(writes->view))
		return;
	if (function == NULL)
		ereport(ERROR,
				errcode(MAKE_SQLSTATE('P', 'T', '4', '0', '5')),
				errmsg("rows of %s are not written so", writes->view),
				la_detail("not_supported", NULL, "The comment of the view says what can be written to it."));
}

/* A row as an object, its fields under the names of the columns. */
static Jsonb *
object_of(HeapTuple row, TupleDesc desc)
{
	Datum		json = DirectFunctionCall1(row_to_json, heap_copy_tuple_as_datum(row, desc));

	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(json))));
}

/* The fields of the new row that are given: not null, or other than in the old one. */
static Jsonb *
given_fields(const TriggerData *trigger, HeapTuple row, HeapTuple old)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	Jsonb	   *before = old == NULL ? NULL : object_of(old, desc);
	JsonbIterator *iterator = JsonbIteratorInit(&object_of(row, desc)->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	LaDocument	given;

	la_begin_object(&given);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		Jsonb	   *now;
		bool		differs;

		if (token != WJB_KEY)
			continue;
		name = la_json_cstring(&value);
		(void) JsonbIteratorNext(&iterator, &value, true);
		differs = value.type != jbvNull;
		now = JsonbValueToJsonb(&value);
		if (before != NULL)
			differs = compareJsonbContainers(&now->root,
											 &JsonbValueToJsonb(la_member(before, name))->root) != 0;
		if (differs)
			la_put_jsonb(&given, name, now);
	}
	return la_end_object(&given);
}

static void
insert_row(const Writes *writes, const TriggerData *trigger, pg_uuid_t *id)
{
	Jsonb	   *answer = la_json_invoke(writes->insert,
										given_fields(trigger, trigger->tg_trigtuple, NULL));

	*id = *DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(la_json_cstring(la_member(answer, "id")))));
}

static Jsonb *
without(Jsonb *object, const char *member)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(object),
											  CStringGetTextDatum(member)));
}

/* The body of a function that has an id, and beside it the members of the object. */
static Jsonb *
body_about(const Writes *writes, const pg_uuid_t *id, Jsonb *members)
{
	LaDocument	body;

	la_begin_object(&body);
	la_put_uuid(&body, writes->id, id);
	if (members != NULL)
		la_put_members(&body, members);
	return la_end_object(&body);
}

/* The verb behind a status that was given, or NULL. */
static const struct Turn *
turn_of(const Writes *writes, JsonbValue *status)
{
	if (status == NULL || status->type != jbvString)
		return NULL;
	for (int i = 0; i < lengthof(turns); i++)
		if (strcmp(turns[i].view, writes->view) == 0 &&
			strcmp(turns[i].status, la_json_cstring(status)) == 0)
			return &turns[i];
	return NULL;
}

/* What is given beside the status; of a view that has no function for it, nothing may be. */
static void
update_fields(const Writes *writes, const pg_uuid_t *id, Jsonb *given, bool turned)
{
	JsonbIterator *iterator = JsonbIteratorInit(&given->root);
	JsonbValue	first;

	(void) JsonbIteratorNext(&iterator, &first, true);
	if (JsonbIteratorNext(&iterator, &first, true) == WJB_KEY && writes->update == NULL)
		ereport(ERROR,
				errcode(MAKE_SQLSTATE('P', 'T', '4', '0', '0')),
				errmsg("%s cannot be changed so", la_quoted(la_json_cstring(&first))),
				la_detail("immutable_field", la_quoted(la_json_cstring(&first)),
						  "Of an intent only the status can be: pending, rejected (with rejectionReason) or canceled."));
	if (writes->update != NULL && (JB_ROOT_COUNT(given) > 0 || !turned))
		(void) la_json_invoke(writes->update, body_about(writes, id, given));
}

static void
update_row(const Writes *writes, const TriggerData *trigger, pg_uuid_t *id)
{
	Jsonb	   *given = given_fields(trigger, trigger->tg_newtuple, trigger->tg_trigtuple);
	const struct Turn *turn = turn_of(writes, la_member(given, "status"));
	Jsonb	   *beside = NULL;

	if (turn != NULL)
	{
		JsonbValue *value = turn->field == NULL ? NULL : la_member(given, turn->field);

		if (value != NULL)
		{
			LaDocument	members;

			la_begin_object(&members);
			la_put_jsonb(&members, turn->member, JsonbValueToJsonb(value));
			beside = la_end_object(&members);
			given = without(given, turn->field);
		}
		given = without(given, "status");
	}
	update_fields(writes, id, given, turn != NULL);
	if (turn != NULL)
		(void) la_json_invoke(turn->function, body_about(writes, id, beside));
}

static void
delete_row(const Writes *writes, const pg_uuid_t *id)
{
	(void) la_json_invoke(writes->delete, body_about(writes, id, NULL));
}

static HeapTuple
read_row(const Writes *writes, const pg_uuid_t *id)
{
	LaParams	params = {0};
	HeapTuple	row;

	SPI_connect();
	la_param_uuid(&params, id);
	if (la_run(writes->row, &params, LA_LATEST) != 1)
		elog(ERROR, "the row of \"%s\" that was written is not there", writes->view);
	row = SPI_copytuple(SPI_tuptable->vals[0]);
	SPI_finish();
	return row;
}
