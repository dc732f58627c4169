/*
 * lock.c
 *		Heavyweight locks of our own; see lock.h.
 *
 * A tag is an advisory lock's with a fourth field of 1000 and more, which the
 * server's own advisory functions (1 and 2) never use, and a number made of what
 * is locked: two things of one number only wait for each other.  Numbers are made
 * with a secret of the server: pg_locks shows them to everybody, and a tenant
 * that could choose an id for its number could keep another tenant waiting.
 */
#include "postgres.h"

#include <sched.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_control.h"
#if LA_MUTANT == 290
#include "common/hashfn.h"
#endif
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/timeout.h"

#include "compat.h"
#include "fault.h"
#include "lock.h"
#include "module.h"
#include "siphash.h"
#include "statistics.h"

typedef enum Kind
{
	QUEUE = 1000,
	CONFIGURATION = 1100,
	HISTORY = 1200,
	NEXT = 1300,
} Kind;

/* Microseconds for which who comes next in a queue looks out for its turn before it sleeps: two decisions, or a little more. */
#define LOOKOUT_US 100

/* Waits, at most, that are slept through because looking out was in vain. */
#define MAX_SLEPT 63

/* Queue locks that this transaction has taken. */
static int	queues_held = 0;

/* Configuration locks that it has taken to change something. */
static int	changes_held = 0;

/* The timer of those who look for a deadlock more than once; none yet. */
static TimeoutId looking = MAX_TIMEOUTS;

static void stop_looking(void);

static void
at_end_of_transaction(XactEvent event, void *arg)
{
	queues_held = changes_held = 0;
	stop_looking();
}

void
la_lock_init(void)
{
	RegisterXactCallback(at_end_of_transaction, NULL);
}

/*
 * Made of a nonce that initdb drew, which SQL cannot read: pg_control has it, and
 * so have all sessions, standbys, and prepared transactions after a restart.  The
 * server answers logins with hashes of that nonce, so it is no key itself.
 */
static const LaSipKey *
server_key(void)
{
	static const char label[] = "ledger_agents lock numbers";
	static LaSipKey key;
	static bool made = false;
	LaSipKey	halves[lengthof(key.words)];

	StaticAssertStmt(sizeof(halves) == MOCK_AUTH_NONCE_LEN, "the nonce has another length");
	if (made)
		return &key;
	memcpy(halves, GetMockAuthenticationNonce(), sizeof(halves));
	for (int i = 0; i < lengthof(halves); i++)
		key.words[i] = la_siphash(&halves[i], label, strlen(label));
	made = true;
	return &key;
}

/* The zero at the end of the organization's id, which no text has, keeps the two apart. */
uint64
la_lock_key(const char *organization_id, const void *id, int length)
{
#if LA_MUTANT != 290
	uint8		room[256];
	size_t		before = strlen(organization_id) + 1;
	size_t		total = before + length;
	uint8	   *both = total <= sizeof(room) ? room : palloc(total);
	uint64		key;

	memcpy(both, organization_id, before);
	memcpy(both + before, id, length);
	key = la_siphash(server_key(), both, total);
	if (both != room)
		pfree(both);
	return key;
#else
	return hash_bytes_extended(id, length, hash_bytes_extended((const unsigned char *) organization_id,
															   strlen(organization_id), 0));
#endif
}

static LOCKTAG
lock_tag(Kind kind, LaLevel level, uint64 key)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (key >> 32), (uint32) key,
						 kind + level);
	return tag;
}

static bool alone = false;

/*
 * The server looks for a deadlock once in each wait, and leaves it to the last
 * one who begins to wait to find it.  Where that one is patient, those before it
 * must look again.
 */
static void
keep_looking(void)
{
#if LA_MUTANT != 202
	if (looking == MAX_TIMEOUTS)
		looking = RegisterTimeout(USER_TIMEOUT, CheckDeadLockAlert);
	enable_timeout_every(looking,
						 TimestampTzPlusMilliseconds(GetCurrentTimestamp(), DeadlockTimeout),
						 DeadlockTimeout);
#endif
}

static void
stop_looking(void)
{
	if (looking != MAX_TIMEOUTS && get_timeout_active(looking))
		disable_timeout(looking, false);
}

/*
 * Both settings are undone at the end of the nest level that the function's own
 * SET clause made, or the function itself.
 */
void
la_limit_waiting(void)
{
	char		value[16];

	stop_looking();
	alone = queues_held == 0 && !TransactionIdIsValid(GetTopTransactionIdIfAny());
#if LA_MUTANT != 201
	/* A change that changed nothing has no transaction id, but its locks. */
	alone = alone && changes_held == 0;
#endif
	if (la_lock_timeout == 0)
		return;
	snprintf(value, sizeof(value), "%d", la_lock_timeout);
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * A call that is all of its transaction takes its locks in an order that makes
 * no deadlock with its like, only with transactions of several calls.  One of
 * those is to find it, and to be the one that is ended.
 */
void
la_wait_patiently(void)
{
	if (alone)
		(void) set_config_option("deadlock_timeout", "2147483647", PGC_SUSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	else
		keep_looking();
}

bool
la_is_alone(void)
{
	return alone;
}

/* As what waits for the lock are counted. */
static LaWaitKind
wait_kind(const LOCKTAG *tag)
{
	static const LaWaitKind queues[] = {
		[LA_LEVEL_AGENT] = LA_WAIT_AGENT,[LA_LEVEL_CUSTOMER] = LA_WAIT_CUSTOMER,
		[LA_LEVEL_ORGANIZATION] = LA_WAIT_ORGANIZATION,
		[LA_LEVEL_EXTERNAL_ID] = LA_WAIT_EXTERNAL_ID,[LA_LEVEL_ANSWER] = LA_WAIT_ANSWER
	};

	if (tag->locktag_field4 >= HISTORY)
		return LA_WAIT_HISTORY;
	if (tag->locktag_field4 >= CONFIGURATION)
		return LA_WAIT_CONFIGURATION;
	return queues[tag->locktag_field4 - QUEUE];
}

/* At once or not at all. */
static LockAcquireResult
attempt(const LOCKTAG *tag, LOCKMODE mode)
{
	LockAcquireResult result;

	la_fault("before a lock");
	result = LockAcquire(tag, mode, false, true);
	la_fault("after a lock");
	return result;
}

/* False: it is not free yet. */
static bool
look_out(const LOCKTAG *tag, LockAcquireResult *result)
{
	static int	slept = 0,
				to_sleep = 0;
	instr_time	begun,
				now;

	if (to_sleep > 0)
	{
		to_sleep--;
		return false;
	}
	INSTR_TIME_SET_CURRENT(begun);
	do
	{
		*result = LockAcquire(tag, ExclusiveLock, false, true);
		if (*result != LOCKACQUIRE_NOT_AVAIL)
		{
			slept = 0;
			return true;
		}
		sched_yield();
		INSTR_TIME_SET_CURRENT(now);
		INSTR_TIME_SUBTRACT(now, begun);
	}
	while (INSTR_TIME_GET_MICROSEC(now) < LOOKOUT_US);
	/* Whoever waits for a disk holds it for longer. */
	to_sleep = slept = Min(2 * slept + 1, MAX_SLEPT);
	return false;
}

/* What is left of a timeout after a wait; 0 would be none. */
static int
rest_of(int timeout, TimestampTz begun)
{
	long		waited = TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp());

	return waited < timeout ? timeout - waited : 1;
}

void
la_wait_no_longer(TimestampTz begun, int timeout)
{
	if (timeout == 0)
		return;
	if (TimestampDifferenceMilliseconds(begun, GetCurrentTimestamp()) >= timeout)
		ereport(ERROR,
				errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				errmsg("canceling statement due to lock timeout"));
	LockTimeout = rest_of(timeout, begun);
}

/*
 * Waiters wait for being next, and only who is next waits for the queue itself:
 * it was woken while the one before it was still at work, and takes over within
 * microseconds.  To wake a process takes as long as a decision.
 */
static LockAcquireResult
wait_in_queue(const LOCKTAG *tag)
{
	LOCKTAG		next = *tag;
	LockAcquireResult result;
	TimestampTz begun = LockTimeout > 0 ? GetCurrentTimestamp() : 0;

	next.locktag_field4 += NEXT - QUEUE;
	(void) LockAcquire(&next, ExclusiveLock, false, false);

	/*
	 * A timeout of this wait may have come with its end; the next one's would
	 * hide which it was.
	 */
	CHECK_FOR_INTERRUPTS();
	la_fault("next in a queue");
	if (!look_out(tag, &result))
	{
#if LA_MUTANT != 286
		/* Both waits together are one. */
		if (LockTimeout > 0)
			LockTimeout = rest_of(LockTimeout, begun);
#endif
		result = LockAcquire(tag, ExclusiveLock, false, false);
	}
#if LA_MUTANT != 285
	(void) LockRelease(&next, ExclusiveLock, false);
#endif
	return result;
}

static LockAcquireResult
acquire(const LOCKTAG *tag, LOCKMODE mode)
{
	volatile LockAcquireResult result;
	int			deadlock_timeout = DeadlockTimeout;
	int			lock_timeout = LockTimeout;
	LaWait		wait;

	result = attempt(tag, mode);
	if (result != LOCKACQUIRE_NOT_AVAIL)
		return result;

	/*
	 * What la_wait_patiently() does, without what a setting costs: this is
	 * where hot rows wait.
	 */
	if (alone)
		DeadlockTimeout = PG_INT32_MAX;
	else
		keep_looking();
	la_begin_wait(&wait, wait_kind(tag));
	PG_TRY();
	{
		la_fault("before a wait");
		if (tag->locktag_field4 < CONFIGURATION)
			result = wait_in_queue(tag);
		else
			result = LockAcquire(tag, mode, false, false);
	}
	PG_FINALLY();
	{
		DeadlockTimeout = deadlock_timeout;
		LockTimeout = lock_timeout;
		stop_looking();
		la_end_wait(&wait);
	}
	PG_END_TRY();
	return result;
}

bool
la_queue(LaLevel level, uint64 key)
{
#if LA_MUTANT != 1
	LOCKTAG		tag = lock_tag(QUEUE, level, key);

	if (acquire(&tag, ExclusiveLock) == LOCKACQUIRE_OK)
	{
		queues_held++;
		return true;
	}
#endif
	return false;
}

bool
la_try_queue(LaLevel level, uint64 key, bool *newly)
{
	LOCKTAG		tag = lock_tag(QUEUE, level, key);
#if LA_MUTANT != 84
	LockAcquireResult result = attempt(&tag, ExclusiveLock);
#else
	LockAcquireResult result = acquire(&tag, ExclusiveLock);
#endif

	*newly = result == LOCKACQUIRE_OK;
	if (*newly)
		queues_held++;
	return result != LOCKACQUIRE_NOT_AVAIL;
}

void
la_give_back_queue(LaLevel level, uint64 key)
{
	LOCKTAG		tag = lock_tag(QUEUE, level, key);

	(void) LockRelease(&tag, ExclusiveLock, false);
	queues_held--;
}

/*
 * A transaction over very many agents would fill the server's lock table.  The
 * row lock that it holds on the counter, and the counter's version, then keep
 * the others right.
 */
void
la_leave_queue(LaLevel level, uint64 key)
{
	if (queues_held > LA_MAX_QUEUES)
		la_give_back_queue(level, key);
}

bool
la_try_configuration(LaLevel level, uint64 key)
{
	LOCKTAG		tag = lock_tag(CONFIGURATION, level, key);

	if (attempt(&tag, ShareLock) != LOCKACQUIRE_NOT_AVAIL)
		return true;
#if LA_MUTANT != 200

	/*
	 * Somebody waits for a change that this transaction has made: it cannot
	 * be waited for.  The server lets its holder go first, but not on trial.
	 */
	if (LockHeldByMe(&tag, ExclusiveLock, false))
	{
		(void) LockAcquire(&tag, ShareLock, false, false);
		return true;
	}
#endif
	return false;
}

void
la_share_configuration(LaLevel level, uint64 key)
{
	LOCKTAG		tag = lock_tag(CONFIGURATION, level, key);

	(void) acquire(&tag, ShareLock);
}

void
la_release_configuration(LaLevel level, uint64 key)
{
	LOCKTAG		tag = lock_tag(CONFIGURATION, level, key);

	(void) LockRelease(&tag, ShareLock, false);
}

void
la_change_configuration(LaLevel level, uint64 key)
{
	LOCKTAG		tag = lock_tag(CONFIGURATION, level, key);

	(void) acquire(&tag, ExclusiveLock);
	changes_held++;
}

bool
la_try_change_configuration(LaLevel level, uint64 key)
{
	LOCKTAG		tag = lock_tag(CONFIGURATION, level, key);

	if (attempt(&tag, ExclusiveLock) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	changes_held++;
	return true;
}

void
la_leave_configuration(LaLevel level, uint64 key)
{
	LOCKTAG		tag = lock_tag(CONFIGURATION, level, key);

	(void) LockRelease(&tag, ExclusiveLock, false);
	changes_held--;
}

void
la_share_history(LaLevel level, uint64 key)
{
	LOCKTAG		tag = lock_tag(HISTORY, level, key);

	(void) acquire(&tag, ShareLock);
}

bool
la_has_history(LaLevel level, uint64 key)
{
	LOCKTAG		tag = lock_tag(HISTORY, level, key);
	int			count;

	pfree(GetLockConflicts(&tag, ExclusiveLock, &count));
	return count > 0;
}

void
la_await_history(LaLevel level, uint64 key)
{
	LaWait		wait;

	if (!la_has_history(level, key))
		return;
	la_wait_patiently();
	la_begin_wait(&wait, LA_WAIT_HISTORY);
	PG_TRY();
	{
		la_fault("before a wait for history");
		WaitForLockers(lock_tag(HISTORY, level, key), ExclusiveLock, false);
	}
	PG_FINALLY();
	{
		la_end_wait(&wait);
	}
	PG_END_TRY();
}

bool
la_queues_are_full(void)
{
	return queues_held > LA_MAX_QUEUES;
}
