/*
 * module.c
 *		Loading, settings, durability, the clock, ids, what errors leave.
 *
 * Settings say how a session behaves.  What money may do is in rows.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "fmgr.h"
#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "compat.h"
#include "errors.h"
#include "indexes.h"
#include "module.h"

PG_MODULE_MAGIC;

char	   *la_organization_setting;
int			la_lock_timeout;
bool		la_direct_access;
bool		la_allow_drop;
static bool durable_approvals;
static char *clock_setting;
static TimestampTz clock_value; /* 0: the wall clock */

/* An approval was made in this transaction, or told once more. */
static bool approved_here = false;
static bool told_again = false;

void		_PG_init(void);

static bool keep_clock(TimestampTz at, char **newval, void **extra);

/* Only a superuser, not a role that was granted SET, may move the engine's clock. */
static bool
check_clock(char **newval, void **extra, GucSource source)
{
	TimestampTz at;

	if (*newval == NULL || **newval == '\0')
		return true;
	if (source >= PGC_S_INTERACTIVE && !superuser())
	{
		GUC_check_errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
		GUC_check_errmsg("only a superuser may set the clock of ledger_agents");
		return false;
	}
	at = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
												 CStringGetDatum(*newval),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1)));
	if (TIMESTAMP_NOT_FINITE(at))
	{
		GUC_check_errdetail("The clock cannot stand at infinity.");
		return false;
	}
	return keep_clock(at, newval, extra);
}

/*
 * The text becomes that of ISO 8601 with an offset: a parallel worker, which is
 * given the text, reads it before it knows names of time zones and styles.
 */
static bool
keep_clock(TimestampTz at, char **newval, void **extra)
{
	char	   *text = guc_malloc(LOG, MAXDATELEN + 1);
	TimestampTz *value = guc_malloc(LOG, sizeof(TimestampTz));
	struct pg_tm tm;
	fsec_t		fsec;

	if (text == NULL || value == NULL || timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		return false;
	EncodeDateTime(&tm, fsec, true, 0, NULL, USE_ISO_DATES, text);
	guc_free(*newval);
	*newval = text;

	*value = at;
	*extra = value;
	return true;
}

static void
assign_clock(const char *newval, void *extra)
{
	clock_value = extra == NULL ? 0 : *(TimestampTz *) extra;
}

/*
 * What is told once more has committed here, but perhaps not on the synchronous
 * standby: its COMMIT was still waiting for that when it was canceled, or when
 * the server crashed.  Only a commit that has written something waits by itself.
 */
static void
wait_for_standby(void)
{
	if (!XLogRecPtrIsInvalid(XactLastRecEnd) && TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return;
	HOLD_INTERRUPTS();
	SyncRepWaitForLSN(GetFlushRecPtr(NULL), true);
	RESUME_INTERRUPTS();
}

/*
 * Approvals survive a crash, and the loss of the primary where there is a
 * synchronous standby, whatever the session has set: a merchant was told.
 * Raised here it is in force for this commit, which a setting of a function
 * would not be.
 */
static void
at_end_of_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
	{
#if LA_MUTANT != 260
		if (approved_here && durable_approvals &&
			synchronous_commit < SYNCHRONOUS_COMMIT_REMOTE_FLUSH)
			(void) set_config_option("synchronous_commit", "on", PGC_USERSET,
									 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
#endif
#if LA_MUTANT != 263
		if (told_again && durable_approvals)
			wait_for_standby();
#endif
	}
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
			 event == XACT_EVENT_PREPARE)
		approved_here = told_again = false;
}

void
la_must_be_durable(void)
{
	approved_here = true;
}

void
la_told_again(void)
{
	approved_here = told_again = true;
}

/*
 * glibc gives the top of the heap back to the kernel whenever 128 kB of it are
 * free, which the index scans of one decision are enough for: every call then
 * pays for brk() and page faults, a quarter of its time.  Having once freed a
 * larger block it keeps twice that block's size (mallopt(3), M_MMAP_THRESHOLD).
 */
static void
keep_heap(void)
{
	pfree(MemoryContextAlloc(TopMemoryContext, 512 * 1024));
}

void
_PG_init(void)
{
	DefineCustomStringVariable("ledger_agents.organization",
							   "Organization of calls that name none.",
							   "Keys and tokens have one of their own; for them this has no effect.",
							   &la_organization_setting, "default",
							   PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ledger_agents.lock_timeout",
							"Longest time that a call of ledger_agents waits for a lock.",
							"After it the call fails with 55P03 and nothing is recorded. 0: the server's lock_timeout holds.",
							&la_lock_timeout, 0, 0, PG_INT32_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomBoolVariable("ledger_agents.durable_approvals",
							 "Commits approvals durably whatever synchronous_commit says.",
							 "Off: the session's synchronous_commit holds, and a crash may lose approvals that were already told.",
							 &durable_approvals, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ledger_agents.direct_access",
							 "Reads and writes the rows of a decision without SQL statements where that is possible.",
							 "The answers are the same; off: every row is read and written by a statement, which takes longer.",
							 &la_direct_access, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ledger_agents.allow_drop",
							 "Lets DROP EXTENSION ledger_agents remove authorizations.",
							 "To be set for one transaction.",
							 &la_allow_drop, false,
							 PGC_SUSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomStringVariable("ledger_agents.clock",
							   "Instant at which the engine's clock stands, for tests; empty: the wall clock.",
							   "Only a superuser may set it.",
							   &clock_setting, "",
							   PGC_SUSET, GUC_NOT_IN_SAMPLE, check_clock, assign_clock, NULL);
	MarkGUCPrefixReserved("ledger_agents");
	RegisterXactCallback(at_end_of_transaction, NULL);
	la_principal_init();
	la_lock_init();
	la_query_init();
	la_catalog_init();
	la_indexes_init();
	la_tenant_init();
	la_statistics_init();
	la_keep_init();
	keep_heap();
}

TimestampTz
la_now(void)
{
	return clock_value != 0 ? clock_value : GetCurrentTimestamp();
}

TimestampTz
la_now_from(TimestampTz earliest)
{
	TimestampTz now = la_now();

	return Max(now, earliest);
}

/*
 * RFC 9562, version 7: 48 bits of Unix milliseconds, then the version, then 12
 * bits that here hold the rest of the microseconds (its method 3), then the
 * variant and 62 random bits.
 */
static void
stamp_id(pg_uuid_t *id, TimestampTz at)
{
	int64		unix_us = at + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	uint64		ms = Max(unix_us, 0) / 1000;
	uint64		fraction = (Max(unix_us, 0) % 1000) * 4096 / 1000;

	for (int i = 0; i < 6; i++)
		id->data[i] = (unsigned char) (ms >> (40 - 8 * i));
	id->data[6] = 0x70 | (unsigned char) (fraction >> 8);
	id->data[7] = (unsigned char) fraction;
}

/* Random bytes are fetched for many ids at once: a fetch costs as much as an index probe. */
void
la_new_id(pg_uuid_t *id, TimestampTz at)
{
	static uint8 pool[64 * UUID_LEN / 2];
	static int	used = sizeof(pool);

	if (used == sizeof(pool))
	{
		if (!pg_strong_random(pool, sizeof(pool)))
			ereport(ERROR,
					errcode(ERRCODE_INTERNAL_ERROR),
					errmsg("could not generate random bytes"));
		used = 0;
	}
	memcpy(id->data + UUID_LEN / 2, pool + used, UUID_LEN / 2);
	used += UUID_LEN / 2;
	stamp_id(id, at);
	id->data[8] = 0x80 | (id->data[8] & 0x3f);
}

char *
la_uuid_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}

void
la_first_id(pg_uuid_t *id, TimestampTz at)
{
	memset(id->data, 0, UUID_LEN);
	stamp_id(id, at);
	id->data[8] = 0x80;
}

ErrorData *
la_end_failed(MemoryContext memory, ResourceOwner owner)
{
	ErrorData  *error;

	MemoryContextSwitchTo(memory);
	error = CopyErrorData();
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
	return error;
}
