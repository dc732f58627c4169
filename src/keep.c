/*
 * keep.c
 *		No DROP takes the money with it by mistake.
 *
 * DROP EXTENSION needs no CASCADE to remove every table of an extension.  An
 * event trigger has the library loaded before any command that can lead there;
 * the server then tells the hook below of each object before it goes, on
 * whatever way, so that nothing has to be guessed from the command's text.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "commands/event_trigger.h"
#include "fmgr.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "errors.h"
#include "module.h"

PG_FUNCTION_INFO_V1(la_keep_money);

static void refuse_loss(ObjectAccessType access, Oid class, Oid object, int column, void *arg);

static object_access_hook_type next_hook = NULL;

void
la_keep_init(void)
{
	next_hook = object_access_hook;
	object_access_hook = refuse_loss;
}

/*
 * ledger_agents.keep_money() returns event_trigger
 *		To call it loads the library, and that is all it is for.
 */
Datum
la_keep_money(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("keep_money() must be called as an event trigger"));
	PG_RETURN_NULL();
}

/* The tables without whose rows money would be forgotten. */
static bool
has_money(Oid relation)
{
	static const char *const tables[] = {"authorizations", "purged_totals"};
	const char *name = get_rel_name(relation);

	if (name == NULL || get_rel_relkind(relation) != RELKIND_RELATION ||
		get_rel_namespace(relation) != get_namespace_oid("ledger_agents", true))
		return false;
	for (int i = 0; i < lengthof(tables); i++)
		if (strcmp(name, tables[i]) == 0)
			return true;
	return false;
}

/* Whoever drops it has locked it against everybody else. */
static bool
is_empty(Oid oid)
{
	Relation	relation = table_open(oid, NoLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	bool		found = table_scan_getnextslot(scan, ForwardScanDirection, slot);

	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(relation, NoLock);
	return !found;
}

static void
refuse_loss(ObjectAccessType access, Oid class, Oid object, int column, void *arg)
{
	if (next_hook != NULL)
		next_hook(access, class, object, column, arg);
	if (access != OAT_DROP || class != RelationRelationId || column != 0)
		return;
#if LA_MUTANT != 243
	if (has_money(object) && !la_allow_drop && !is_empty(object))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("there is money in \"%s\"", get_rel_name(object)),
				la_detail("money_would_be_lost", NULL, "Every authorization would be gone, and with it what holds and limits rest on."),
				errhint("Where that is meant: BEGIN; SET LOCAL ledger_agents.allow_drop = on; then the same command."));
#endif
}
