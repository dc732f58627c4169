/*
 * books.c
 *		Locking and gathering what stands about one agent; see books.h.
 *
 * The order: the agent's queue, then the configuration locks, then everything
 * in one statement with the latest snapshot.  Where a wider scope has a limit,
 * or the agent's counter is being changed, the configuration locks are given
 * back before waiting, and everything is gathered again.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "books.h"
#include "errors.h"
#include "lock.h"
#include "module.h"

/* Agents whose customer is remembered. */
#define MAX_HINTS 32768

static const LaLevel levels[LA_LIMITS] = {
	LA_LEVEL_AGENT, LA_LEVEL_CUSTOMER, LA_LEVEL_ORGANIZATION
};

/*
 * The customer of an agent never changes, but its lock must be taken before the
 * row is read that names it.  So the lock's number is remembered; what is read
 * under the lock must agree, or it was the wrong lock.
 */
typedef struct Hint
{
	uint64		agent;			/* key: the number of the agent's lock */
	uint64		customer;
} Hint;

static HTAB *hints = NULL;

static uint64
recall_customer(uint64 agent)
{
	Hint	   *hint = NULL;

	if (hints != NULL)
		hint = hash_search(hints, &agent, HASH_FIND, NULL);
	return hint == NULL ? 0 : hint->customer;
}

static void
remember_customer(uint64 agent, uint64 customer)
{
	HASHCTL		control = {.keysize = sizeof(uint64), .entrysize = sizeof(Hint)};
	Hint	   *hint;

	if (hints != NULL && hash_get_num_entries(hints) >= MAX_HINTS)
	{
		hash_destroy(hints);
		hints = NULL;
	}
	if (hints == NULL)
		hints = hash_create("ledger_agents customers of agents", 1024, &control,
							HASH_ELEM | HASH_BLOBS);
	hint = hash_search(hints, &agent, HASH_ENTER, NULL);
	hint->customer = customer;
}

static char *
uuid_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}

void
la_books_init(LaBooks *books, const LaPrincipal *caller, const pg_uuid_t *agent_id,
			  LaView view)
{
	memset(books, 0, sizeof(LaBooks));
	books->organization_id = caller->organization_id;
	books->agent_id = *agent_id;
	books->agent_text = uuid_text(agent_id);
	books->view = view;
	books->keys[LA_AGENT_BOOK] = la_lock_key(books->organization_id, agent_id, UUID_LEN);
	books->keys[LA_CUSTOMER_BOOK] = recall_customer(books->keys[LA_AGENT_BOOK]);
	books->keys[LA_ORGANIZATION_BOOK] = la_lock_key(books->organization_id, "", 0);
}

/* Columns of LA_Q_GATHER. */
enum
{
	AGENT_CUSTOMER, AGENT_STATUS, AGENT_CURRENCY, AGENT_LIMIT, AGENT_FREQUENCY, AGENT_MODE,
	AGENT_ACTION, AGENT_POLICY, AGENT_TEMPLATE,
	CUSTOMER_STATUS, CUSTOMER_LIMIT, CUSTOMER_FREQUENCY, CUSTOMER_MODE, CUSTOMER_POLICY,
	ORGANIZATION_STATUS, ORGANIZATION_LIMIT, ORGANIZATION_FREQUENCY, ORGANIZATION_MODE,
	ORGANIZATION_ZONE, ORGANIZATION_CURRENCY, APPROACHING_PERCENT,
	KEY_KNOWN, COUNTER_XMAX, COUNTER_ROW
};

static char *
text_of(LaRow row, int column)
{
	return row.nulls[column] ? NULL : TextDatumGetCString(row.values[column]);
}

static bool
has_label(LaRow row, int column, const char *label)
{
	return strcmp(la_enum_label(row.values[column]), label) == 0;
}

/* Columns from first on: limit, frequency, mode. */
static void
read_limit(LaLimit *limit, LaScope scope, LaRow row, int first, const char *currency)
{
	limit->scope = scope;
	limit->set = !row.nulls[first];
	limit->limit = limit->set ? DatumGetInt64(row.values[first]) : 0;
	limit->currency = currency;
	limit->action = LA_ACTION_DECLINE;
	if (!limit->set && scope != LA_AGENT)
		return;
	limit->stored_frequency = row.values[first + 1];
	limit->frequency = la_frequency(la_enum_label(limit->stored_frequency), "spending_limit_frequency");
	limit->mode = la_effective_mode(limit->frequency,
									la_window_mode(row.nulls[first + 2] ? NULL :
												   la_enum_label(row.values[first + 2]),
												   "window_mode"));
}

static void
read_facts(LaBooks *books, LaRow row)
{
	LaFacts    *facts = &books->facts;

	facts->agent_deregistered = has_label(row, AGENT_STATUS, "deregistered");
	facts->agent_suspended = has_label(row, AGENT_STATUS, "suspended");
	facts->customer_suspended = has_label(row, CUSTOMER_STATUS, "suspended");
	facts->organization_suspended = has_label(row, ORGANIZATION_STATUS, "suspended");
	read_limit(&facts->limits[LA_AGENT_BOOK], LA_AGENT, row, AGENT_LIMIT,
			   text_of(row, AGENT_CURRENCY));
	facts->limits[LA_AGENT_BOOK].stored_action = row.values[AGENT_ACTION];
	facts->limits[LA_AGENT_BOOK].action =
		la_action(la_enum_label(row.values[AGENT_ACTION]), "on_limit_exceeded");
	read_limit(&facts->limits[LA_CUSTOMER_BOOK], LA_CUSTOMER, row, CUSTOMER_LIMIT,
			   books->organization_currency);
	read_limit(&facts->limits[LA_ORGANIZATION_BOOK], LA_ORGANIZATION, row,
			   ORGANIZATION_LIMIT, books->organization_currency);
}

/* An open transaction of somebody else has written the row, or holds its lock. */
static bool
is_busy(LaRow row)
{
	TransactionId xmax = DatumGetTransactionId(row.values[COUNTER_XMAX]);

	return TransactionIdIsNormal(xmax) &&
		!TransactionIdIsCurrentTransactionId(xmax) &&
		TransactionIdIsInProgress(xmax);
}

static Jsonb *
jsonb_of(LaRow row, int column)
{
	return row.nulls[column] ? NULL : DatumGetJsonbP(row.values[column]);
}

/* A revocation is in force from its commit on, whenever the caller authenticated. */
static void
require_valid_token(const LaPrincipal *caller, LaView view)
{
	LaParams	params = {0};

#if LA_MUTANT == 6
	return;
#endif
	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, &caller->token_id);
	la_param_uuid(&params, &caller->agent_id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (la_run(LA_Q_TOKEN_VALID, &params, view) == 0)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("the token is no longer valid"),
				la_detail("invalid_token", NULL, "It was revoked, or has expired."));
}

static void
gather(LaBooks *books, const LaPrincipal *caller, const char *key)
{
	LaParams	params = {0};
	LaRow		row;

	if (caller->is_agent)
		require_valid_token(caller, books->view);
	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &books->agent_id);
	la_param_text(&params, key);
	la_param_text(&params, books->agent_text);
#if LA_MUTANT != 3
	if (la_run(LA_Q_GATHER, &params, books->view) == 0)
#else
	if (la_run(LA_Q_GATHER, &params, LA_STATEMENT) == 0)
#endif
		la_unknown("agent", books->agent_text);
	row = la_row(0);
	books->customer_id = text_of(row, AGENT_CUSTOMER);
	books->zone = text_of(row, ORGANIZATION_ZONE);
	books->organization_currency = text_of(row, ORGANIZATION_CURRENCY);
	books->approaching_percent = DatumGetInt32(row.values[APPROACHING_PERCENT]);
	books->agent_policy = jsonb_of(row, AGENT_POLICY);
	books->customer_policy = jsonb_of(row, CUSTOMER_POLICY);
	books->has_template = !row.nulls[AGENT_TEMPLATE];
	if (books->has_template)
		books->template_id = *DatumGetUUIDP(row.values[AGENT_TEMPLATE]);
	books->key_known = DatumGetBool(row.values[KEY_KNOWN]);
	books->counter_busy = books->view != LA_STATEMENT && is_busy(row);
	read_facts(books, row);
	la_counter_read(&books->counters[LA_AGENT_BOOK], row.values[COUNTER_ROW]);
	books->counted[LA_AGENT_BOOK] = true;
}

static const char *
scope_id(LaBooks *books, int i)
{
	if (i == LA_CUSTOMER_BOOK)
		return books->customer_id;
	if (i == LA_ORGANIZATION_BOOK)
		return books->organization_id;
	return books->agent_text;
}

static void
read_counter(LaBooks *books, int i, LaQuery query, LaView view)
{
	LaParams	params = {0};

	la_param_text(&params, books->organization_id);
	la_param_text(&params, scope_id(books, i));
	la_param_text(&params, la_scope_label(books->facts.limits[i].scope));
	if (la_run(query, &params, view) == 0)
		elog(ERROR, "counter of %s \"%s\" is missing",
			 la_scope_label(books->facts.limits[i].scope), scope_id(books, i));
	la_counter_read(&books->counters[i], la_row(0).values[0]);
	books->counted[i] = true;
}

static void
take_queue(LaBooks *books, int i)
{
	if (!books->queued[i])
		books->newly_queued[i] = la_queue(levels[i], books->keys[i]);
	books->queued[i] = true;
}

/*
 * All three or none: who waits for a change of one level must not hold up a
 * change of another.
 */
static void
share_configuration(LaBooks *books)
{
#if LA_MUTANT != 2
	for (int i = 0; i < LA_LIMITS; i++)
	{
		if (la_try_configuration(levels[i], books->keys[i]))
			continue;
		for (int held = 0; held < i; held++)
			la_release_configuration(levels[held], books->keys[held]);
		la_share_configuration(levels[i], books->keys[i]);
		la_release_configuration(levels[i], books->keys[i]);
		i = -1;					/* from the beginning */
	}
#endif
}

static void
release_configuration(LaBooks *books)
{
#if LA_MUTANT != 2
	for (int i = 0; i < LA_LIMITS; i++)
		la_release_configuration(levels[i], books->keys[i]);
#endif
}

/* The customer's lock was the right one; if not, the right one is known now. */
static bool
found_customer(LaBooks *books)
{
	uint64		key = la_lock_key(books->organization_id, books->customer_id,
								  strlen(books->customer_id));

	if (books->keys[LA_CUSTOMER_BOOK] == key)
		return true;
	release_configuration(books);
	books->keys[LA_CUSTOMER_BOOK] = key;
	remember_customer(books->keys[LA_AGENT_BOOK], key);
	return false;
}

/*
 * The counter rows that must be locked before anything is judged: those of
 * wider scopes with a limit, and the agent's where it is busy or asked for.
 * The customer's queue comes before the organization's even if only the latter
 * has a limit, so that a limit which appears meanwhile changes no order.
 */
static bool
rows_are_locked(LaBooks *books, bool lock_row)
{
	bool		wanted[LA_LIMITS];
	bool		waiting = false;

	wanted[LA_AGENT_BOOK] = lock_row || books->counter_busy;
	for (int i = LA_CUSTOMER_BOOK; i < LA_LIMITS; i++)
		wanted[i] = books->facts.limits[i].set;
	for (int i = 0; i < LA_LIMITS; i++)
		waiting = waiting || (wanted[i] && !books->row_locked[i]);
	if (!waiting)
		return true;
	release_configuration(books);
	if (wanted[LA_CUSTOMER_BOOK] || wanted[LA_ORGANIZATION_BOOK])
		take_queue(books, LA_CUSTOMER_BOOK);
	if (wanted[LA_ORGANIZATION_BOOK])
		take_queue(books, LA_ORGANIZATION_BOOK);
	for (int i = 0; i < LA_LIMITS; i++)
	{
		if (!wanted[i] || books->row_locked[i])
			continue;
		la_wait_patiently();
#if LA_MUTANT != 5
		read_counter(books, i, LA_Q_COUNTER_LOCK, LA_WRITE);
#else
		read_counter(books, i, LA_Q_COUNTER_READ, LA_LATEST);
#endif
		books->row_locked[i] = true;
	}
	return false;
}

void
la_books_open(LaBooks *books, const LaPrincipal *caller, const char *key, bool lock_row)
{
	take_queue(books, LA_AGENT_BOOK);
	for (;;)
	{
		share_configuration(books);
		gather(books, caller, key);
		if (!found_customer(books))
			continue;
		if (rows_are_locked(books, lock_row))
			break;
	}

	/*
	 * Now that the configuration locks are held: what follows will be
	 * history.
	 */
	if (la_queues_are_full())
		la_share_history(LA_LEVEL_ORGANIZATION, books->keys[LA_ORGANIZATION_BOOK]);
	else
		la_share_history(LA_LEVEL_AGENT, books->keys[LA_AGENT_BOOK]);
}

void
la_books_close(LaBooks *books)
{
	release_configuration(books);
	for (int i = LA_LIMITS - 1; i >= 0; i--)
		if (books->newly_queued[i])
			la_leave_queue(levels[i], books->keys[i]);
}

void
la_books_read(LaBooks *books, const LaPrincipal *caller)
{
	gather(books, caller, NULL);
	for (int i = LA_CUSTOMER_BOOK; i < LA_LIMITS; i++)
		if (books->facts.limits[i].set)
			read_counter(books, i, LA_Q_COUNTER_READ, books->view);
}

void
la_write_counter(LaBooks *books, int i)
{
	LaParams	params = {0};

	la_param_text(&params, books->organization_id);
	la_param_text(&params, scope_id(books, i));
	la_param_counter(&params, &books->counters[i]);
	la_param_text(&params, la_scope_label(books->facts.limits[i].scope));
	if (la_run(LA_Q_COUNTER_WRITE, &params, LA_WRITE) != 1)
		elog(ERROR, "counter of %s \"%s\" was changed under its lock",
			 la_scope_label(books->facts.limits[i].scope), scope_id(books, i));
}
