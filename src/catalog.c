/*
 * catalog.c
 *		What every decision needs of the server's catalogs; see catalog.h.
 *
 * The server tells of every change before it lets anybody use a table that was
 * changed, and with a table or a type that is dropped.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "compat.h"
#include "fault.h"

typedef struct KnownTable
{
	const char *name;
	Oid			oid;
	bool		examined;
	bool		plain;			/* where examined */
} KnownTable;

typedef struct KnownLabel
{
	Oid			type;
	Oid			value;
	NameData	label;
} KnownLabel;

static KnownTable tables[8];
static int	ntables = 0;
static KnownLabel labels[64];
static int	nlabels = 0;

static void
forget_tables(Datum arg, Oid relation)
{
	for (int i = 0; i < ntables; i++)
		if (relation == InvalidOid || relation == tables[i].oid)
		{
			ntables = 0;
			return;
		}
}

static void
forget_labels(Datum arg, int cache, uint32 hash)
{
	nlabels = 0;
}

void
la_catalog_init(void)
{
	CacheRegisterRelcacheCallback(forget_tables, (Datum) 0);
	CacheRegisterSyscacheCallback(ENUMTYPOIDNAME, forget_labels, (Datum) 0);
}

static KnownTable *
find_table(const char *name)
{
	for (int i = 0; i < ntables; i++)
		if (strcmp(tables[i].name, name) == 0)
			return &tables[i];
	return NULL;
}

/* Names are literals. */
static Oid
table_named(const char *name)
{
	const KnownTable *known = find_table(name);
	Oid			oid;

	if (known != NULL)
		return known->oid;
	oid = get_relname_relid(name, get_namespace_oid("ledger_agents", false));
	if (OidIsValid(oid) && ntables < lengthof(tables))
		tables[ntables++] = (KnownTable)
	{
		.name = name, .oid = oid
	};
	return oid;
}

Relation
la_open_table(const char *name, LOCKMODE mode)
{
	la_fault("before opening a table");
	return table_open(table_named(name), mode);
}

void
la_close_table(Relation relation)
{
	table_close(relation, NoLock);
}

bool
la_is_ordinary(Relation relation)
{
	return relation->rd_rel->relkind == RELKIND_RELATION &&
		relation->rd_tableam == GetHeapamTableAmRoutine() &&
		relation->rd_rules == NULL && !relation->rd_rel->relrowsecurity;
}

static bool
is_fired(const TriggerDesc *triggers)
{
	return triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		triggers->trig_insert_before_statement || triggers->trig_insert_after_statement ||
		triggers->trig_update_before_row || triggers->trig_update_after_row ||
		triggers->trig_update_before_statement || triggers->trig_update_after_statement;
}

/* Those of somebody's own; only statements look at them where a row is changed. */
static bool
is_checked(Relation relation)
{
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;

	return constraints != NULL && constraints->num_check > 0;
}

/* A table that was changed is opened once more, which is when the server tells. */
bool
la_is_plain(const char *name, int columns)
{
	KnownTable *known = find_table(name);
	Relation	relation;
	bool		plain;

	if (known != NULL && known->examined)
		return known->plain;
	relation = la_open_table(name, AccessShareLock);
	plain = la_is_ordinary(relation) && !is_checked(relation) &&
#if LA_MUTANT != 302
		RelationGetDescr(relation)->natts == columns &&
#endif
		(relation->trigdesc == NULL || !is_fired(relation->trigdesc));
	la_close_table(relation);
	known = find_table(name);
	if (known != NULL)
	{
		known->examined = true;
		known->plain = plain;
	}
	return plain;
}

static void
know_label(Oid type, const char *label, Oid value)
{
	KnownLabel *known = &labels[nlabels];

	if (!OidIsValid(value) || nlabels == lengthof(labels))
		return;
	known->type = type;
	known->value = value;
	namestrcpy(&known->label, label);
	nlabels++;
}

Datum
la_enum_value(Oid type, const char *label)
{
	Oid			value;

	for (int i = 0; i < nlabels; i++)
		if (labels[i].type == type && strcmp(NameStr(labels[i].label), label) == 0)
			return ObjectIdGetDatum(labels[i].value);
	value = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(type),
							CStringGetDatum(label));
	know_label(type, label, value);
	return ObjectIdGetDatum(value);
}
