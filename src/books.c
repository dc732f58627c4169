/*
 * books.c
 *		Locking and gathering what stands about one agent; see books.h.
 *
 * The order: the agent's queue, then the configuration locks, then what they
 * guard, with the latest snapshot.  Where a wider scope has a limit,
 * or the agent's counter is being changed, the configuration locks are given
 * back before waiting, and everything is gathered again.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "authentication.h"
#include "books.h"
#include "errors.h"
#include "lock.h"
#include "module.h"

/* A card has no locks of its own: its agent's are its. */
static const LaLevel levels[LA_SCOPES] = {
	[LA_AGENT] = LA_LEVEL_AGENT,[LA_CUSTOMER] = LA_LEVEL_CUSTOMER,
	[LA_ORGANIZATION] = LA_LEVEL_ORGANIZATION
};

void
la_books_init(LaBooks *books, const LaPrincipal *caller, const pg_uuid_t *agent_id,
			  LaView view)
{
	memset(books, 0, sizeof(LaBooks));
	books->organization_id = caller->organization_id;
	books->agent_id = *agent_id;
	books->agent_text = la_uuid_text(agent_id);
	books->view = view;
	books->direct = la_direct_is_fit(view);
	books->keys[LA_AGENT] = la_lock_key(books->organization_id, agent_id, UUID_LEN);
	books->keys[LA_ORGANIZATION] = la_lock_key(books->organization_id, "", 0);
}

void
la_books_name(LaBooks *books, const pg_uuid_t *card_id, const pg_uuid_t *intent_id)
{
	books->card_id = card_id;
	books->card_text = card_id == NULL ? NULL : la_uuid_text(card_id);
	books->intent_id = intent_id;
}

/* Columns of LA_Q_GATHER; LA_Q_GATHER_CARD has one more. */
enum
{
	KEY_KNOWN, COUNTER_XMAX, COUNTER_ROW, CARD_COUNTER_ROW
};

/* An open transaction of somebody else has written or locked the row. */
static bool
is_busy(TransactionId writer)
{
	return TransactionIdIsNormal(writer) &&
		!TransactionIdIsCurrentTransactionId(writer) &&
		TransactionIdIsInProgress(writer);
}

static void
gather_agent(LaBooks *books)
{
	books->agent = la_agent(books->organization_id, &books->agent_id, books->keys[LA_AGENT],
							books->view);
	books->customer_id = books->agent->customer_id;
	books->keys[LA_CUSTOMER] = la_lock_key(books->organization_id, books->customer_id,
										   strlen(books->customer_id));
}

/* A card of another agent is as unknown as one that does not exist. */
static void
gather_card(LaBooks *books)
{
	if (books->card_id == NULL)
		return;
#if LA_MUTANT != 33
	books->card = la_card(books->organization_id, books->card_id, books->view);
#else
	books->card = la_card(books->organization_id, books->card_id, LA_STATEMENT);
#endif
#if LA_MUTANT != 34
	if (books->card != NULL && memcmp(&books->card->agent_id, &books->agent_id, UUID_LEN) != 0)
		books->card = NULL;
#endif
	if (books->card == NULL)
		la_unknown("card", books->card_text);
}

static const char *
scope_id(LaBooks *books, int i)
{
	if (i == LA_CARD)
		return books->card_text;
	if (i == LA_CUSTOMER)
		return books->customer_id;
	if (i == LA_ORGANIZATION)
		return books->organization_id;
	return books->agent_text;
}

/* Of the counters; what is configured is always read as it is now. */
static void
begin_reading(const LaBooks *books, LaView view)
{
	if (books->snapshot != NULL)
		PushActiveSnapshot(books->snapshot);
	else
		la_direct_begin(view);
}

static bool
find_counter(LaBooks *books, int i)
{
	return la_direct_counter(books->organization_id, i, scope_id(books, i), &books->counters[i],
							 &books->places[i]);
}

/*
 * The counter rows that must be locked before anything is judged: those of
 * wider scopes with a limit, and the agent's where it is busy; who waits for
 * nobody locks the agent's here, too, because it would keep what it cannot use.
 * The customer's queue comes before the organization's even if only the latter
 * has a limit, so that a limit which appears meanwhile changes no order.
 * True: some of them are not locked yet.
 */
static bool
want_rows(const LaBooks *books, bool *wanted)
{
	bool		missing = false;

	wanted[LA_AGENT] = books->counter_busy || books->tries;
	wanted[LA_CARD] = false;
	for (int i = LA_CUSTOMER; i < LA_SCOPES; i++)
		wanted[i] = la_is_counted(books, i);
	for (int i = 0; i < LA_SCOPES; i++)
		missing = missing || (wanted[i] && !books->row_locked[i]);
	return missing;
}

/* False: the rows are not here; where tables are distributed a statement finds them. */
static bool
gather_directly(LaBooks *books, const char *key)
{
	bool		wanted[LA_SCOPES];
	bool		found;

	begin_reading(books, books->view);
	found = find_counter(books, LA_AGENT) &&
#if LA_MUTANT == 36
		(books->counted[LA_CARD] || books->card == NULL || find_counter(books, LA_CARD));
#else
		(books->card == NULL || find_counter(books, LA_CARD));
#endif
	if (found)
	{
		books->counter_busy = books->view != LA_STATEMENT && books->places[LA_AGENT].busy;
		/* Where rows have to be locked first, all is gathered again. */
		books->key_known = (books->view == LA_STATEMENT || !want_rows(books, wanted)) &&
			la_direct_knows_key(books->organization_id, &books->agent_id, key);
	}
	la_direct_end(books->view);
	return found;
}

static void
gather_by_statement(LaBooks *books, const char *key)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, books->organization_id);
	la_param_uuid(&params, &books->agent_id);
	la_param_text(&params, key);
	la_param_text(&params, books->agent_text);
	if (books->card != NULL)
		la_param_text(&params, books->card_text);
	if (la_run(books->card != NULL ? LA_Q_GATHER_CARD : LA_Q_GATHER, &params,
			   books->view) == 0)
		la_unknown("agent", books->agent_text);
	row = la_row(0);
	books->key_known = DatumGetBool(row.values[KEY_KNOWN]);
	books->counter_busy = books->view != LA_STATEMENT &&
		is_busy(DatumGetTransactionId(row.values[COUNTER_XMAX]));
	la_counter_read(&books->counters[LA_AGENT], row.values[COUNTER_ROW]);
#if LA_MUTANT == 36
	if (books->counted[LA_CARD])
		return;
#endif
	if (books->card != NULL)
		la_counter_read(&books->counters[LA_CARD], row.values[CARD_COUNTER_ROW]);
}

/* The agent's counter, with its card's, and whether the key is known. */
static void
gather_counters(LaBooks *books, const char *key)
{
	books->direct = books->direct && gather_directly(books, key);
	if (!books->direct)
		gather_by_statement(books, key);
	books->counted[LA_AGENT] = true;
	books->counted[LA_CARD] = books->card != NULL;
}

/* What its organization and customer have to say. */
static void
gather_tenant(LaBooks *books)
{
	books->tenant = la_tenant(books->organization_id, books->customer_id,
							  books->keys[LA_CUSTOMER], books->view);
}

/* False: its row could not be locked. */
static bool
read_counter(LaBooks *books, int i, LaQuery query, LaView view)
{
	LaParams	params = {0};

	la_param_text(&params, books->organization_id);
	la_param_text(&params, scope_id(books, i));
	la_param_text(&params, la_scope_label(i));
	if (la_run(query, &params, view) == 0 && query == LA_Q_COUNTER_TRY_LOCK)
		return false;
	if (SPI_processed == 0 && i == LA_AGENT)
		la_unknown("agent", books->agent_text);
	if (SPI_processed == 0)
		elog(ERROR, "counter of %s \"%s\" is missing",
			 la_scope_label(i), scope_id(books, i));
	la_counter_read(&books->counters[i], la_row(0).values[0]);
	return true;
}

/* As it is now; false: it is not here. */
static bool
read_directly(LaBooks *books, int i, LaView view)
{
	bool		found;

	begin_reading(books, view);
	found = find_counter(books, i);
	la_direct_end(view);
	return found;
}

/* As it is now, and locked; false: waiting for it, or finding it, takes a statement. */
static bool
lock_directly(LaBooks *books, int i)
{
	return read_directly(books, i, LA_LATEST) && !books->places[i].busy &&
		la_direct_lock(&books->places[i]);
}

/* False: others are in it, and the caller does not wait. */
static bool
take_queue(LaBooks *books, int i)
{
	if (books->queued[i])
		return true;
	if (books->in_batch)
		return false;
	if (!books->tries)
		books->newly_queued[i] = la_queue(levels[i], books->keys[i]);
	else if (!la_try_queue(levels[i], books->keys[i], &books->newly_queued[i]))
		return false;
	books->queued[i] = true;
	return true;
}

static void
release_configuration(LaBooks *books)
{
	for (int i = 0; i < LA_SCOPES; i++)
	{
		if (books->shared[i])
			la_release_configuration(levels[i], books->keys[i]);
		books->shared[i] = false;
	}
}

/*
 * Takes the configuration lock of a level, or gives back those that are held,
 * waits until it could be had, and returns false: who waits for a change of one
 * level must not hold up a change of another.
 */
static bool
share_configuration(LaBooks *books, int i)
{
#if LA_MUTANT != 2
	books->shared[i] = la_try_configuration(levels[i], books->keys[i]);
	if (books->shared[i])
		return true;
	release_configuration(books);
	books->gave_up = books->tries;
	if (books->tries)
		return false;
	la_share_configuration(levels[i], books->keys[i]);
	la_release_configuration(levels[i], books->keys[i]);
	return false;
#else
	return true;
#endif
}

/* Tells those who will sum up history that some is being made, to the end of the transaction. */
static void
share_history(LaBooks *books)
{
	if (books->in_history)
		return;
	if (la_queues_are_full())
		la_share_history(LA_LEVEL_ORGANIZATION, books->keys[LA_ORGANIZATION]);
	else
		la_share_history(LA_LEVEL_AGENT, books->keys[LA_AGENT]);
	books->in_history = true;
}

static bool
lock_counter(LaBooks *books, int i)
{
#if LA_MUTANT == 5
	return read_counter(books, i, LA_Q_COUNTER_READ, LA_LATEST);
#endif
	if (books->direct && lock_directly(books, i))
		return true;
	if (!read_counter(books, i, books->tries ? LA_Q_COUNTER_TRY_LOCK : LA_Q_COUNTER_LOCK, LA_WRITE))
		return false;
	/* Where it lies now. */
	books->direct = books->direct && read_directly(books, i, LA_LATEST);
	return true;
}

/* False: somebody has locked it, and the caller does not wait. */
static bool
lock_row_of(LaBooks *books, int i)
{
	if (!books->tries)
		la_wait_patiently();
	books->row_locked[i] = lock_counter(books, i);
	books->counted[i] = books->counted[i] || books->row_locked[i];
	return books->row_locked[i];
}

/* The queues of wider scopes, then the rows; false: somebody is in the way. */
static bool
lock_rows(LaBooks *books, const bool *wanted)
{
	if ((wanted[LA_CUSTOMER] || wanted[LA_ORGANIZATION]) && !take_queue(books, LA_CUSTOMER))
		return false;
	if (wanted[LA_ORGANIZATION] && !take_queue(books, LA_ORGANIZATION))
		return false;
	for (int i = 0; i < LA_SCOPES; i++)
		if (wanted[i] && !books->row_locked[i] && !lock_row_of(books, i))
			return false;
	return true;
}

/* False: they are now, or somebody is in the way; what was gathered is old. */
static bool
rows_are_locked(LaBooks *books)
{
	bool		wanted[LA_SCOPES];

	if (!want_rows(books, wanted))
		return true;
	release_configuration(books);
	if (!lock_rows(books, wanted))
		books->gave_up = true;
	return false;
}

/*
 * The customer is known, and can be locked, when the agent has been read.  False:
 * a configuration lock had to be waited for, and none is held.
 */
static bool
gather_rules(LaBooks *books, const LaPrincipal *caller)
{
	if (!share_configuration(books, LA_ORGANIZATION) ||
		!share_configuration(books, LA_AGENT))
		return false;
	la_require_valid(caller, books->view);
	gather_agent(books);
	gather_card(books);
	if (!share_configuration(books, LA_CUSTOMER))
		return false;
	gather_tenant(books);
	la_books_facts(books);
	return true;
}

/* False as above. */
static bool
gather_locked(LaBooks *books, const LaPrincipal *caller, const char *key)
{
	if (!gather_rules(books, caller))
		return false;
	gather_counters(books, key);
	if (!books->key_known)
		la_books_intents(books, la_now());
	return true;
}

static bool
open_books(LaBooks *books, const LaPrincipal *caller, const char *key, bool lock_row)
{
	books->gave_up = !take_queue(books, LA_AGENT);
	if (lock_row && !books->tries && !books->row_locked[LA_AGENT])
		(void) lock_row_of(books, LA_AGENT);
	while (!books->gave_up &&
		   (!gather_locked(books, caller, key) || !rows_are_locked(books)))
		;
	if (books->gave_up)
		return false;
	share_history(books);
	return true;
}

bool
la_books_open(LaBooks *books, const LaPrincipal *caller, const char *key, bool lock_row)
{
	return open_books(books, caller, key, lock_row);
}

void
la_books_in_batch(LaBooks *books, LaScope widest)
{
	books->in_batch = true;
	for (int i = LA_AGENT; i <= widest; i++)
		books->queued[i] = true;
}

bool
la_books_join(LaBooks *books, const LaPrincipal *caller)
{
	books->tries = true;
	if (!gather_rules(books, caller))
		return false;
	if (!gather_directly(books, NULL) || books->counter_busy)
	{
		release_configuration(books);
		return false;
	}
	books->counted[LA_AGENT] = true;
	books->counted[LA_CARD] = books->card != NULL;
	share_history(books);
	return true;
}

bool
la_books_find(LaBooks *books, LaScope scope)
{
	return read_directly(books, scope, LA_LATEST) && !books->places[scope].busy;
}

bool
la_books_try(LaBooks *books, const LaPrincipal *caller)
{
	books->tries = true;
	if (open_books(books, caller, NULL, true))
		return true;
	release_configuration(books);
	for (int i = LA_SCOPES - 1; i >= 0; i--)
		if (books->newly_queued[i])
			la_give_back_queue(levels[i], books->keys[i]);
	return false;
}

void
la_books_close(LaBooks *books)
{
	release_configuration(books);
	for (int i = LA_SCOPES - 1; i >= 0; i--)
		if (books->newly_queued[i])
			la_leave_queue(levels[i], books->keys[i]);
}

void
la_books_read(LaBooks *books, const LaPrincipal *caller, TimestampTz at)
{
	la_require_valid(caller, books->view);
	gather_agent(books);
	gather_card(books);
	gather_tenant(books);
	la_books_facts(books);
	gather_counters(books, NULL);
	for (int i = LA_CUSTOMER; i < LA_SCOPES; i++)
	{
		books->counted[i] = la_is_counted(books, i);
		if (books->counted[i] && !(books->direct && read_directly(books, i, books->view)))
			(void) read_counter(books, i, LA_Q_COUNTER_READ, books->view);
	}
	la_books_intents(books, at);
}

void
la_books_rules(LaBooks *books)
{
	gather_agent(books);
	gather_card(books);
	gather_tenant(books);
	la_books_facts(books);
}

bool
la_needs_approval(const LaPrincipal *caller, const pg_uuid_t *agent_id, const pg_uuid_t *card_id,
				  bool has_amount, int64 amount, const char *currency)
{
	LaBooks		books;

	la_books_init(&books, caller, agent_id, LA_LATEST);
	la_books_name(&books, card_id, NULL);
	la_books_rules(&books);
	return la_approval_is_needed(&books.facts, currency, has_amount ? amount : PG_INT64_MAX);
}

/* False: the row is no longer the one that was read; or, unless it may be waited for, somebody is in the way. */
static bool
write_counter(LaBooks *books, int i, bool may_wait)
{
	LaParams	params = {0};

	bool		written;

	if (books->direct)
		written = la_direct_write_counter(books->organization_id, i, scope_id(books, i),
										  &books->counters[i], &books->places[i], may_wait);
	else
	{
		la_param_text(&params, books->organization_id);
		la_param_text(&params, scope_id(books, i));
		la_param_counter(&params, &books->counters[i]);
		la_param_text(&params, la_scope_label(i));
		written = la_run(LA_Q_COUNTER_WRITE, &params, LA_WRITE) == 1;
	}
	books->counters[i].version += written;
	return written;
}

/* Who holds configuration locks waits for nobody but itself. */
bool
la_try_write_counter(LaBooks *books, int i)
{
	return write_counter(books, i, books->row_locked[i] || books->places[i].mine);
}

/* Nobody can be waited for: either the row is locked or it is a card's, which goes with its agent's. */
void
la_write_counter(LaBooks *books, int i)
{
	if (!write_counter(books, i, true))
		elog(ERROR, "counter of %s \"%s\" was changed under its lock",
			 la_scope_label(i), scope_id(books, i));
}
