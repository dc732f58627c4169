/*
 * adoption.c
 *		Which database may spend; see adoption.h.
 *
 * A dump, a template and a replica of rows all carry the money, and two of them
 * that both decide would spend it twice.  So the rows say where they may be
 * spent: by the identifier that initdb gave to the server and the number of the
 * database in it, which a physical standby shares with its primary and no copy
 * by rows does.  The youngest row is in force.  Each session remembers what it
 * says and hears of a new one as of any other change of configuration.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/namespace.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "adoption.h"
#include "catalog.h"
#include "direct.h"
#include "errors.h"
#include "field.h"
#include "lock.h"
#include "module.h"
#include "principal.h"
#include "query.h"

PG_FUNCTION_INFO_V1(la_adopt);
PG_FUNCTION_INFO_V1(la_disown);

/* Most characters of a reason. */
#define MAX_REASON 1000

typedef enum Standing
{
	UNKNOWN,
	HERE,						/* this database may spend */
	ELSEWHERE,					/* another one */
	NOWHERE,					/* it was disowned */
	UNSAID,						/* there are rows, and none says where */
	UNUSED						/* nothing was ever written */
} Standing;

/* Columns of LA_Q_ADOPTION_LAST. */
enum
{
	SYSTEM_IDENTIFIER, DATABASE_OID, CREATED_AT
};

static Datum change_hands(FunctionCallInfo fcinfo, bool here);
static LaPrincipal require_operator(void);
static void check_reason(FunctionCallInfo fcinfo);
static Standing read_standing(TimestampTz *since);
static Datum add_row(const char *principal, const char *reason, bool here, TimestampTz since);

/* What the youngest row says; UNKNOWN: it must be read. */
static Standing remembered = UNKNOWN;
static bool unheard = false;	/* of no change since that was last read */
static Oid	watched_index = InvalidOid;
static Oid	counters = InvalidOid;	/* the table, as long as that is known */

/*
 * ledger_agents.adopt(reason text) returns ledger_agents.adoptions
 *
 * From its commit on this database may spend.
 */
Datum
la_adopt(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("adopt()");
	return change_hands(fcinfo, true);
}

/*
 * ledger_agents.disown(reason text) returns ledger_agents.adoptions
 *
 * Once it returns nothing more is spent here, not even by calls that were
 * already under way.
 */
Datum
la_disown(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("disown()");
	return change_hands(fcinfo, false);
}

static Datum
change_hands(FunctionCallInfo fcinfo, bool here)
{
	LaPrincipal caller = require_operator();
	TimestampTz since = DT_NOBEGIN;
	Datum		answer;

	check_reason(fcinfo);
	la_limit_waiting();
	la_wait_patiently();
	SPI_connect();
	/* Whoever may be spending holds this one; whoever comes later looks anew. */
	if (!here)
		la_close_table(la_open_table("counters", ExclusiveLock));
	la_close_table(la_open_table("adoptions", ShareRowExclusiveLock));
	(void) read_standing(&since);
	answer = add_row(la_principal_name(&caller),
					 PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)), here, since);
	SPI_finish();
	return answer;
}

static LaPrincipal
require_operator(void)
{
	LaPrincipal caller = la_operator(NULL, LA_NO_ARGUMENT);

	la_require_operator(&caller);
	return caller;
}

static void
check_reason(FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(0))
		la_check_length(text_to_cstring(PG_GETARG_TEXT_PP(0)), 1, MAX_REASON, "reason");
}

/* A row is younger than the one before it also where the clock was set back, or is another machine's. */
static Datum
add_row(const char *principal, const char *reason, bool here, TimestampTz since)
{
	LaParams	params = {0};
#if LA_MUTANT != 246
	TimestampTz now = la_now_from(since + 1);
#else
	TimestampTz now = la_now();
#endif
	pg_uuid_t	id;
	Datum		answer;

	la_new_id(&id, now);
	la_param_uuid(&params, &id);
	la_param(&params, Int64GetDatum((int64) GetSystemIdentifier()), !here);
	la_param(&params, Int64GetDatum((int64) MyDatabaseId), !here);
	la_param_text(&params, get_database_name(MyDatabaseId));
	la_param_text(&params, reason);
	la_param_text(&params, principal);
	la_param_text(&params, la_outer_role());
	la_param(&params, TimestampTzGetDatum(now), false);
	(void) la_run_one(LA_Q_ADOPTION_INSERT, &params, LA_WRITE, &answer);
	return answer;
}

static Standing
read_standing(TimestampTz *since)
{
	LaParams	params = {0};
	LaRow		row;

	if (la_run(LA_Q_ADOPTION_LAST, &params, LA_LATEST) == 0)
#if LA_MUTANT != 244
		return la_run(LA_Q_ORGANIZATION_ANY, &params, LA_LATEST) > 0 ? UNSAID : UNUSED;
#else
		return UNUSED;
#endif
	row = la_row(0);
	*since = DatumGetTimestampTz(row.values[CREATED_AT]);
	if (row.nulls[SYSTEM_IDENTIFIER])
		return NOWHERE;
	if (DatumGetInt64(row.values[SYSTEM_IDENTIFIER]) != (int64) GetSystemIdentifier())
		return ELSEWHERE;
#if LA_MUTANT != 245
	if (DatumGetInt64(row.values[DATABASE_OID]) != (int64) MyDatabaseId)
		return ELSEWHERE;
#endif
	return HERE;
}

/*
 * False in a database whose extension is of before there were adoptions: this
 * is the newer library, and the update of the extension is still to come.
 */
static bool
has_adoptions(void)
{
	return OidIsValid(get_relname_relid("adoptions", get_namespace_oid("ledger_agents", false)));
}

/* What is watched is watched before it is read: what changes in between is heard of. */
static Standing
standing(void)
{
	TimestampTz since;
	Standing	found;

	if (remembered != UNKNOWN)
		return remembered;
	if (!has_adoptions())
		return HERE;
	watched_index = get_relname_relid("adoptions_pkey",
									  get_namespace_oid("ledger_agents", false));
	unheard = true;
	SPI_connect();
	found = read_standing(&since);
	SPI_finish();
	if (unheard && found != UNUSED)
	{
		remembered = found;
		counters = get_relname_relid("counters", get_namespace_oid("ledger_agents", false));
	}
	return found;
}

void
la_forget_adoption(Oid relation)
{
#if LA_MUTANT != 242
	if (relation != InvalidOid && relation != watched_index)
		return;
	remembered = UNKNOWN;
	unheard = false;
	counters = InvalidOid;
#endif
}

static const char *
what_is_known(Standing found)
{
	if (found == NOWHERE)
		return "It was disowned.";
	if (found == UNSAID)
		return "It has rows and no database that adopted them.";
	return "It is a copy of the database that may, or rows of that one arrive here.";
}

/*
 * Before it is asked who may spend: disown() waits for this lock, or this one
 * for disown().  The decision needs it anyway.
 */
static void
lock_counters(void)
{
#if LA_MUTANT != 241
	if (OidIsValid(counters))
		LockRelationOid(counters, RowExclusiveLock);
	else
		la_close_table(la_open_table("counters", RowExclusiveLock));
#endif
}

void
la_require_adopted(void)
{
#if LA_MUTANT != 240
	Standing	found;

	lock_counters();
	found = standing();
	if (found != HERE && found != UNUSED)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("this database may not spend"),
				la_detail("not_adopted", NULL, "%s", what_is_known(found)),
				errhint("Where no other copy of it spends any more, an operator calls ledger_agents.adopt()."));
#endif
}

void
la_adopt_at_first_use(void)
{
	TimestampTz since = DT_NOBEGIN;

	if (remembered != HERE && has_adoptions() && read_standing(&since) == UNUSED)
		(void) add_row("system", "first use", true, since);
}
