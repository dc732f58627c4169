/*
 * books.c
 *		Locking and gathering what stands about one agent; see books.h.
 *
 * The order: the queues, then the configuration locks, then what they guard,
 * with the latest snapshot.  Where a queue or a row of a wider scope has still
 * to be waited for, or the agent's counter is being changed, the configuration
 * locks are given back before waiting, and everything is gathered again.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "append.h"
#include "authentication.h"
#include "books_counter.h"
#include "errors.h"
#include "forecast.h"
#include "lock.h"
#include "module.h"

/* A card has no locks of its own: its agent's are its. */
static const LaLevel levels[LA_SCOPES] = {
	[LA_AGENT] = LA_LEVEL_AGENT,[LA_CUSTOMER] = LA_LEVEL_CUSTOMER,
	[LA_ORGANIZATION] = LA_LEVEL_ORGANIZATION
};

static void leave_wrong_queues(LaBooks *books, uint64 customer);

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
	leave_wrong_queues(books, la_lock_key(books->organization_id, books->customer_id,
										  strlen(books->customer_id)));
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

/* The rows of wider scopes whose queues are held.  False: some of the rows that are wanted take waiting. */
static bool
lock_at_once(LaBooks *books)
{
	bool		wanted[LA_SCOPES];

	if (!want_rows(books, wanted))
		return true;
	if (books->tries || wanted[LA_AGENT])
		return false;
	for (int i = LA_CUSTOMER; i < LA_SCOPES; i++)
		if (wanted[i] && !books->row_locked[i])
		{
			if (!books->queued[LA_CUSTOMER] || !books->queued[i] || !la_lock_directly(books, i))
				return false;
			books->row_locked[i] = books->counted[i] = true;
		}
	return true;
}

/* False: the rows are not here; where tables are distributed a statement finds them. */
static bool
gather_directly(LaBooks *books, const char *key)
{
	bool		found;

	la_begin_reading(books, books->view);
	found = la_find_counter(books, LA_AGENT) &&
#if LA_MUTANT == 36
		(books->counted[LA_CARD] || books->card == NULL || la_find_counter(books, LA_CARD));
#else
		(books->card == NULL || la_find_counter(books, LA_CARD));
#endif
	if (found)
	{
		books->counter_busy = books->view != LA_STATEMENT && books->places[LA_AGENT].busy;
		/* Where rows have to be locked first, all is gathered again. */
		books->key_known = (books->view == LA_STATEMENT || lock_at_once(books)) &&
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

void
la_books_make_history(LaBooks *books)
{
	if (books->in_history)
		return;
	if (la_queues_are_full())
		la_share_history(LA_LEVEL_ORGANIZATION, books->keys[LA_ORGANIZATION]);
	else
		la_share_history(LA_LEVEL_AGENT, books->keys[LA_AGENT]);
	books->in_history = true;
}

/* False: somebody has locked it, and the caller does not wait. */
static bool
lock_row_of(LaBooks *books, int i)
{
	if (!books->tries)
		la_wait_patiently();
	books->row_locked[i] = la_lock_counter(books, i);
	books->counted[i] = books->counted[i] || books->row_locked[i];
	return books->row_locked[i];
}

/* Before anything is read. */
static void
take_foreseen_queues(LaBooks *books)
{
	LaForecast	forecast = la_forecast(books->keys[LA_AGENT]);

	if (books->in_batch || books->tries)
		return;
	books->keys[LA_CUSTOMER] = forecast.customer;
	for (int i = LA_CUSTOMER; i <= (int) forecast.widest; i++)
		(void) take_queue(books, i);
}

/* An agent's customer never changes; but after DROP EXTENSION and a restore it may be another agent.  The queues have one order. */
static void
leave_wrong_queues(LaBooks *books, uint64 customer)
{
	if (books->queued[LA_CUSTOMER] && books->keys[LA_CUSTOMER] != customer && !books->in_batch)
		for (int i = LA_SCOPES - 1; i >= LA_CUSTOMER; i--)
		{
			if (books->newly_queued[i])
				la_give_back_queue(levels[i], books->keys[i]);
			books->queued[i] = books->newly_queued[i] = false;
		}
	books->keys[LA_CUSTOMER] = customer;
}

static void
note_wide_queues(const LaBooks *books)
{
	LaScope		widest = LA_AGENT;

	for (int i = LA_CUSTOMER; i < LA_SCOPES; i++)
		if (la_is_counted(books, i))
			widest = i;
	la_note_forecast(books->keys[LA_AGENT], books->keys[LA_CUSTOMER], widest);
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
#if LA_MUTANT == 210
	return !books->gave_up;
#endif
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
	take_foreseen_queues(books);
	if (lock_row && !books->tries && !books->row_locked[LA_AGENT])
		(void) lock_row_of(books, LA_AGENT);
	while (!books->gave_up &&
		   (!gather_locked(books, caller, key) || !rows_are_locked(books)))
		;
	if (books->gave_up)
		return false;
	note_wide_queues(books);
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
	la_books_make_history(books);
	return true;
}

bool
la_books_find(LaBooks *books, LaScope scope)
{
	return la_read_directly(books, scope, LA_LATEST) && !books->places[scope].busy;
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

	/*
	 * Opened once more, they are read anew: what was decided has changed them
	 * in memory.
	 */
	memset(books->row_locked, 0, sizeof(books->row_locked));
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
		if (books->counted[i] && !(books->direct && la_read_directly(books, i, books->view)))
			(void) la_read_counter(books, i, LA_Q_COUNTER_READ, books->view);
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
