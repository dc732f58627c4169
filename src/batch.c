/*
 * batch.c
 *		Requests that are decided in memory, and written together; see batch.h.
 *
 * Books are gathered when the first request needs them, and kept to the end of
 * the run.  The caller holds the queues of all agents, so that nobody changes
 * their counters meanwhile; a counter of a customer or the organization is used
 * only if this transaction has locked or written its row before.  Whatever takes
 * a statement, or tells somebody something, is left to the caller, who ends the
 * run and decides it as a single call does: the answers are the same.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "batch.h"
#include "catalog.h"
#include "module.h"
#include "statistics.h"

struct LaHolding
{
	LaMember   *member;			/* whose books these are */
	LaHolding  *next;			/* of the same */
	LaBooks		books;
	LaShared	of_card;
	LaShared   *counters[LA_SCOPES];	/* of the scopes that are counted */
	bool		in_memory;		/* decisions need no more than this */
};

static bool decide(LaBatch *batch, const LaAsked *asked);
static LaHolding *find_holding(LaBatch *batch, const LaAsked *asked);
static LaHolding *open_holding(LaBatch *batch, const LaAsked *asked);
static void share_counters(LaHolding *holding, LaMember *member);
static void share_as(LaHolding *holding, LaScope scope, LaShared *shared);
static bool share_wide(LaBatch *batch, LaHolding *holding, LaScope scope);
static void copy_in(LaHolding *holding);
static void copy_out(LaHolding *holding);
static void open_table(LaBatch *batch);
static bool is_repeated(const LaBatch *batch, const LaBooks *books, const char *key);
static bool overflows(const LaBooks *books, int64 amount);
static bool measure(LaHolding *holding);
static bool weigh(LaBatch *batch, LaBooks *books, LaSpend *spend);
static bool add(LaBatch *batch, LaBooks *books, LaSpend *spend);
static void write_shared(const LaBatch *batch, LaShared *shared);

void
la_batch_begin(LaBatch *batch, FunctionCallInfo fcinfo, const LaPrincipal *caller, bool raise)
{
	memset(batch, 0, sizeof(LaBatch));
	batch->fcinfo = fcinfo;
	batch->desc = la_begin_set(fcinfo);
	batch->caller = caller;
	batch->raise = raise;
	batch->direct = la_direct_is_fit(LA_LATEST);
	batch->memory = AllocSetContextCreate(CurrentMemoryContext, "ledger_agents batch",
										  ALLOCSET_DEFAULT_SIZES);
}

bool
la_batch_decide(LaBatch *batch, const LaAsked *asked)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->memory);
	bool		decided = batch->direct && decide(batch, asked);

	MemoryContextSwitchTo(caller);
	return decided;
}

static bool
decide(LaBatch *batch, const LaAsked *asked)
{
	LaHolding  *holding;
	LaBooks    *books;
	LaSpend		spend;

	if (asked->repeats || asked->request.intent_id != NULL)
		return false;
	holding = find_holding(batch, asked);
	if (holding == NULL)
		holding = open_holding(batch, asked);
	if (holding == NULL || !holding->in_memory)
		return false;
	books = &holding->books;
	copy_in(holding);
	if (is_repeated(batch, books, asked->request.key) ||
		overflows(books, asked->request.amount) || !measure(holding))
		return false;
	spend.request = asked->request;
	if (!weigh(batch, books, &spend) || !add(batch, books, &spend))
		return false;
	copy_out(holding);
	return true;
}

static bool
same_card(const pg_uuid_t *one, const pg_uuid_t *other)
{
	if (one == NULL || other == NULL)
		return one == other;
	return memcmp(one, other, UUID_LEN) == 0;
}

static LaHolding *
find_holding(LaBatch *batch, const LaAsked *asked)
{
	LaHolding  *holding = asked->member->holdings;

	while (holding != NULL && !same_card(holding->books.card_id, asked->request.card_id))
		holding = holding->next;
	return holding;
}

/* NULL: somebody is in the way. */
static LaHolding *
open_holding(LaBatch *batch, const LaAsked *asked)
{
	LaMember   *member = asked->member;
	LaHolding  *holding;
	LaBooks    *books;

	if (batch->nopen == LA_MAX_OPEN_BOOKS)
		la_batch_flush(batch);
	holding = palloc0(sizeof(LaHolding));
	books = &holding->books;
	la_books_init(books, batch->caller, &member->id, LA_LATEST);
	la_books_name(books, asked->request.card_id, NULL);
	/* One for all: whoever has changed a counter since then is seen to have. */
	if (batch->snapshot == NULL)
		batch->snapshot = RegisterSnapshot(GetLatestSnapshot());
	books->snapshot = batch->snapshot;
	if (!la_books_join(books, batch->caller))
		return NULL;
	share_counters(holding, member);
	holding->in_memory = !books->tenant->transaction_events &&
		share_wide(batch, holding, LA_CUSTOMER) && share_wide(batch, holding, LA_ORGANIZATION);
	holding->member = member;
	holding->next = member->holdings;
	member->holdings = holding;
	batch->open[batch->nopen++] = holding;
	return holding;
}

/* The agent's, which another card may have brought into the run, and the card's. */
static void
share_counters(LaHolding *holding, LaMember *member)
{
	if (member->holdings == NULL)
		share_as(holding, LA_AGENT, &member->counter);
	else
		holding->counters[LA_AGENT] = &member->counter;
	if (holding->books.card != NULL)
		share_as(holding, LA_CARD, &holding->of_card);
}

/* As it was read. */
static void
share_as(LaHolding *holding, LaScope scope, LaShared *shared)
{
	const LaBooks *books = &holding->books;

	shared->scope = scope;
	shared->key = books->keys[scope];
	shared->scope_id = scope == LA_AGENT ? books->agent_text : scope == LA_CARD ? books->card_text
		: scope == LA_CUSTOMER ? books->customer_id : books->organization_id;
	shared->counter = books->counters[scope];
	shared->place = books->places[scope];
	shared->changed = false;
	holding->counters[scope] = shared;
}

/* False: it is kept up, but not ours. */
static bool
share_wide(LaBatch *batch, LaHolding *holding, LaScope scope)
{
	LaBooks    *books = &holding->books;

	if (!la_is_counted(books, scope))
		return true;
	books->counted[scope] = true;
	for (int i = 0; i < batch->nwide; i++)
	{
		LaShared   *shared = batch->wide[i];

		if (shared->scope != scope || shared->key != books->keys[scope])
			continue;
		holding->counters[scope] = shared;
		/* Two customers may have one number. */
		return scope == LA_ORGANIZATION || strcmp(shared->scope_id, books->customer_id) == 0;
	}
#if LA_MUTANT != 96
	if (!la_books_find(books, scope) || !books->places[scope].mine)
		return false;
#else
	(void) la_books_find(books, scope);
#endif
	batch->wide[batch->nwide] = palloc(sizeof(LaShared));
	share_as(holding, scope, batch->wide[batch->nwide++]);
	return true;
}

static void
copy_in(LaHolding *holding)
{
	for (int i = 0; i < LA_SCOPES; i++)
		if (holding->counters[i] != NULL)
			holding->books.counters[i] = holding->counters[i]->counter;
}

static void
copy_out(LaHolding *holding)
{
	for (int i = 0; i < LA_SCOPES; i++)
		if (holding->counters[i] != NULL)
		{
			holding->counters[i]->counter = holding->books.counters[i];
			holding->counters[i]->changed = true;
		}
}

/* It stays open to the end of the run. */
static void
open_table(LaBatch *batch)
{
	if (batch->authorizations != NULL)
		return;
	batch->authorizations = la_open_table("authorizations", RowExclusiveLock);
	batch->appender = la_append_begin(batch->authorizations);
	la_spend_types(RelationGetDescr(batch->authorizations), &batch->types);
}

/*
 * Keys are taken for new until one is not, which leaves a dead row; who repeats
 * one request is likely to repeat all of them.
 */
static bool
is_repeated(const LaBatch *batch, const LaBooks *books, const char *key)
{
	bool		known;

#if LA_MUTANT != 297
	if (!batch->repeats)
		return false;
#else
	return false;
#endif
	la_direct_begin(LA_LATEST);
	known = la_direct_knows_key(books->organization_id, &books->agent_id, key);
	la_direct_end(LA_LATEST);
	return known;
}

/* Whether an approval would be an error, which it must not be before its key was looked for. */
static bool
overflows(const LaBooks *books, int64 amount)
{
	int64		sum;

#if LA_MUTANT != 299
	for (int i = 0; i < LA_SCOPES; i++)
		if (books->counted[i] && pg_add_s64_overflow(books->counters[i].total, amount, &sum))
			return true;
#endif
	return false;
}

/*
 * A statement does not see what the run has decided: it may tell only of scopes
 * that are as they were read.  A rolling window of the others is known for the
 * instant at which it was measured last.
 */
static bool
measure(LaHolding *holding)
{
	LaBooks    *books = &holding->books;
	TimestampTz now = la_now();
	bool		changed[LA_SCOPES];

	/* Somebody waits for it, or the agent said what it would buy. */
	if (books->counters[LA_AGENT].intents_until > now)
		return false;
	for (int i = 0; i < LA_SCOPES; i++)
		changed[i] = holding->counters[i] != NULL && holding->counters[i]->changed;
	if (!la_measures_in_memory(books, now, changed))
	{
		now = DT_NOBEGIN;
		if (!changed[LA_AGENT] || !la_measures_in_memory(books, now, changed))
			return false;
	}
	la_measure(books, now);
	return true;
}

/* False: it takes a statement, or something is to be told or done. */
static bool
weigh(LaBatch *batch, LaBooks *books, LaSpend *spend)
{
	LaDecision *decision = &spend->decision;
	LaVerdict  *verdict = &decision->verdict;
	bool		approved = la_weigh(books, &spend->request, decision);

	if (verdict->intent != NULL || verdict->parks || verdict->drifted || verdict->tell_unattested ||
		verdict->freezes_card ||
		(verdict->exceeded && books->facts.limits[LA_AGENT].action == LA_ACTION_SUSPEND))
		return false;
	/* A known key has an answer, and is no error. */
#if LA_MUTANT != 298
	if (!approved && batch->raise)
		return false;
#else
	if (!approved && batch->raise)
		la_refuse_declined(verdict);
#endif
	if (!approved && !la_declines_in_memory(books, verdict))
		return false;
	if (approved)
		la_approve(books, &spend->request, decision);
	else
		la_describe_decline(books, &spend->request, decision);
	return !decision->tell_exceeded && !decision->tell_approaching;
}

static bool
append(LaBatch *batch, LaSpend *spend)
{
	if (spend->request.key == NULL || batch->repeats)
		la_append(batch->appender, spend->values, spend->nulls);
	else if (!la_append_new(batch->appender, spend->values, spend->nulls))
	{
		batch->repeats = true;
		return false;
	}
	return true;
}

/* False: there is an answer to its key. */
static bool
add(LaBatch *batch, LaBooks *books, LaSpend *spend)
{
	Datum		values[LA_ANSWER_COLUMNS];
	bool		nulls[LA_ANSWER_COLUMNS];

	open_table(batch);
	la_begin_entry(books, spend);
	la_describe(books, spend, &batch->types);
	if (!append(batch, spend))
		return false;
	la_answer_row(books, spend, &batch->types, values, nulls);
	la_add_row(batch->fcinfo, batch->desc, values, nulls);
	if (spend->decision.verdict.approved)
		la_must_be_durable();
	la_count_decision(&spend->decision.verdict);
	return true;
}

void
la_batch_flush(LaBatch *batch)
{
	for (int i = 0; i < batch->nopen; i++)
		for (int scope = LA_CARD; scope <= LA_AGENT; scope++)
			if (batch->open[i]->counters[scope] != NULL)
				write_shared(batch, batch->open[i]->counters[scope]);
	for (int i = 0; i < batch->nwide; i++)
		write_shared(batch, batch->wide[i]);
	if (batch->authorizations != NULL)
	{
		la_append_end(batch->appender);
		la_close_table(batch->authorizations);
		batch->authorizations = NULL;
	}
	if (batch->snapshot != NULL)
		UnregisterSnapshot(batch->snapshot);
	batch->snapshot = NULL;
	for (int i = 0; i < batch->nopen; i++)
	{
		la_books_close(&batch->open[i]->books);
		batch->open[i]->member->holdings = NULL;
	}
	batch->nopen = batch->nwide = 0;
	MemoryContextReset(batch->memory);
}

/* Nobody can be waited for: the rows are ours, or those of agents whose queues are held. */
static void
write_shared(const LaBatch *batch, LaShared *shared)
{
	if (!shared->changed)
		return;
	if (!la_direct_write_counter(batch->caller->organization_id, shared->scope, shared->scope_id,
								 &shared->counter, &shared->place, true))
		elog(ERROR, "counter of %s \"%s\" was changed under its lock",
			 la_scope_label(shared->scope), shared->scope_id);
	shared->changed = false;
}
