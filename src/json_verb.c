/*
 * json_verb.c
 *		JSON functions that are functions of the SQL interface; see json_verb.h.
 *
 * The SQL function is called as SQL would call it, but without a statement: its
 * checks of rights and values are made there, and only there.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "json.h"
#include "json_verb.h"
#include "query.h"
#include "request_header.h"

static const LaJsonVerb *const tables[] = {
	la_spend_verbs, la_agent_verbs, la_card_verbs, la_intent_verbs, la_policy_verbs,
	la_account_verbs
};

static List *call_rows(const LaJsonVerb *verb, const LaArguments *arguments, bool *is_set);
static Jsonb *answer_page(const LaJsonVerb *verb, LaArguments *arguments, List *rows);
static void put_row(LaDocument *to, const LaShape *shape, Datum row);
static bool is_declined(Datum row);

const LaJsonVerb *
la_json_verb(const char *name)
{
	for (int i = 0; i < lengthof(tables); i++)
		for (const LaJsonVerb *verb = tables[i]; verb->name != NULL; verb++)
			if (strcmp(verb->name, name) == 0)
				return verb;
	elog(ERROR, "no verb has the name \"%s\"", name);
}

Jsonb *
la_speak(const LaPrincipal *caller, const LaJsonVerb *verb, Jsonb *body)
{
	LaArguments arguments;
	LaDocument	answer;
	List	   *rows;
	bool		is_set = false;

	la_read_words(verb, body, &arguments);
	if (verb->own != NULL)
		rows = list_make1(DatumGetPointer(verb->own(caller, &arguments)));
	else
		rows = call_rows(verb, &arguments, &is_set);
	if (is_set)
		return answer_page(verb, &arguments, rows);
	if ((verb->traits & LA_DECIDES) != 0 && is_declined(PointerGetDatum(linitial(rows))) &&
		la_request_prefers("decline=402"))
		la_set_status(402);
	la_begin_object(&answer);
	put_row(&answer, verb->shape, PointerGetDatum(linitial(rows)));
	return la_end_object(&answer);
}

/* All rows of a set. */
static List *
rows_of(ReturnSetInfo *set, Oid type)
{
	TupleDesc	desc = set->setDesc;
	TupleTableSlot *slot;
	List	   *rows = NIL;

	desc = desc != NULL ? BlessTupleDesc(desc) : lookup_rowtype_tupdesc_copy(type, -1);
	slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(set->setResult, true, false, slot))
		rows = lappend(rows, DatumGetPointer(ExecFetchSlotHeapTupleDatum(slot)));
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(set->setResult);
	return rows;
}

/* There is one of the name with so many arguments. */
static Oid
find_function(const LaJsonVerb *verb, int count)
{
	List	   *name = list_make2(makeString("ledger_agents"), makeString(pstrdup(verb->name)));
	FuncCandidateList candidates = FuncnameGetCandidates(name, count, NIL, false, false, false, true);

	if (candidates == NULL || candidates->next != NULL)
		elog(ERROR, "no function of %d arguments has the name \"ledger_agents.%s\"", count, verb->name);
	return candidates->oid;
}

/* The rows, as composite values, that the SQL function of the name returns. */
static List *
call_rows(const LaJsonVerb *verb, const LaArguments *arguments, bool *is_set)
{
	LOCAL_FCINFO(fcinfo, LA_MAX_ARGUMENTS);
	ReturnSetInfo set = {.type = T_ReturnSetInfo, .allowedModes = SFRM_Materialize};
	FmgrInfo	function;
	Oid			id;
	Datum		result;

	id = find_function(verb, arguments->count);
	fmgr_info(id, &function);
	*is_set = function.fn_retset;
	set.econtext = CreateStandaloneExprContext();
	InitFunctionCallInfoData(*fcinfo, &function, arguments->count, InvalidOid, NULL,
							 *is_set ? (fmNodePtr) &set : NULL);
	memcpy(fcinfo->args, arguments->values, sizeof(NullableDatum) * arguments->count);
	result = FunctionCallInvoke(fcinfo);
	return *is_set ? rows_of(&set, get_func_rettype(id)) : list_make1(DatumGetPointer(result));
}

/* Whether there is a row behind the last one; its cursor in that case. */
static bool
has_more(const LaJsonVerb *verb, LaArguments *arguments, List *rows, int after)
{
	int			limit = la_word_place(verb, LA_WORD_LIMIT);
	bool		isnull;
	bool		is_set;

	if (list_length(rows) < DatumGetInt32(arguments->values[limit].value))
		return false;
	arguments->values[limit].value = Int32GetDatum(1);
	arguments->values[after].value = GetAttributeByName(DatumGetHeapTupleHeader(PointerGetDatum(llast(rows))),
														"cursor", &isnull);
	arguments->values[after].isnull = isnull;
	return call_rows(verb, arguments, &is_set) != NIL;
}

static Jsonb *
answer_page(const LaJsonVerb *verb, LaArguments *arguments, List *rows)
{
	int			after = la_word_place(verb, LA_WORD_AFTER);
	LaDocument	answer;
	ListCell   *cell;
	bool		more;

	la_begin_object(&answer);
	la_open_list(&answer, "data");
	foreach(cell, rows)
	{
		la_open_object(&answer, NULL);
		put_row(&answer, verb->shape, PointerGetDatum(lfirst(cell)));
		la_close_object(&answer);
	}
	la_close_list(&answer);
	if (after >= 0)
	{
		more = has_more(verb, arguments, rows, after);
		la_put_bool(&answer, "hasMore", more);
		if (more)
			la_put_text(&answer, "nextCursor", TextDatumGetCString(arguments->values[after].value));
	}
	return la_end_object(&answer);
}

static void
put_row(LaDocument *to, const LaShape *shape, Datum row)
{
	if (shape->object != NULL)
		la_put_text(to, "object", shape->object);
	la_put_columns(to, row, shape->columns, shape->count, shape->times);
	if (shape->put_rest != NULL)
		shape->put_rest(to, row);
}

void
la_put_action(LaDocument *to, Datum row)
{
	bool		isnull;
	Datum		action = GetAttributeByName(DatumGetHeapTupleHeader(row), "on_limit_exceeded", &isnull);

	if (!isnull && strcmp(la_enum_label(action), "decline") != 0)
		la_put_text(to, "onLimitExceeded", la_enum_label(action));
}

static bool
is_declined(Datum row)
{
	bool		isnull;
	Datum		decision = GetAttributeByName(DatumGetHeapTupleHeader(row), "decision", &isnull);

	return strcmp(la_enum_label(decision), "declined") == 0;
}
