/*
 * row.c
 *		What is stored when a schedule is over, and whether it is what was told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explorer.h"

#define MAX_ROWS	600

Row			rows[MAX_ROWS];
int			nrows;

/* In the order of time; of one instant in the order of the numbers.  Counters come last. */
static const char *const query =
"SELECT 'd', x.id, x.increment_of, x.agent_id::text, x.decided_at, x.sequence, x.amount, x.decision = 'approved',"
" x.card_id::text, x.merchant, x.idempotency_key, x.agent_spent, x.counted_amount, coalesce(x.captured_amount, 0),"
" coalesce(x.reversed_amount, 0), coalesce(x.refunded_amount, 0), 0::bigint, 0::bigint"
" FROM ledger_agents.authorizations AS x WHERE x.organization_id = $1"
" UNION ALL "
"SELECT CASE e.kind WHEN 'capture' THEN 'c' WHEN 'reversal' THEN 'r' WHEN 'refund' THEN 'f' WHEN 'increment' THEN 'i' ELSE 'e' END,"
" e.id, e.authorization_id, e.agent_id::text, e.created_at, e.number, e.amount, true,"
" NULL, NULL, NULL, 0, 0, 0, 0, 0, e.added_amount, e.released_amount"
" FROM ledger_agents.authorization_entries AS e WHERE e.organization_id = $1"
" UNION ALL "
"SELECT 'k', NULL, NULL, k.scope_id, 'infinity', k.auth_count, k.total_spent, true,"
" NULL, k.scope::text, NULL, 0, 0, 0, 0, 0, 0, 0"
" FROM ledger_agents.counters AS k WHERE k.organization_id = $1"
" ORDER BY 5, 1 DESC, 6";

enum
{
	KIND, ID, HOLD, AGENT, AT, NUMBER, AMOUNT, APPROVED, CARD, MERCHANT, KEY, SPENT, COUNTED,
	CAPTURED, REVERSED, REFUNDED, ADDED, RELEASED
};

static Row *
row_of(const char *id)
{
	for (int i = 0; i < nrows; i++)
		if (rows[i].kind == 'd' && strcmp(rows[i].id, id) == 0)
			return &rows[i];
	return NULL;
}

static int64_t
number_in(PGresult *result, int row, int column)
{
	return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

static int
agent_of(const char *id, bool by_card)
{
	for (int i = 0; i < world.nagents; i++)
		if (id[0] != '\0' && strcmp(by_card ? world.agents[i].card : world.agents[i].id, id) == 0)
			return i;
	return -1;
}

static void
take_row(PGresult *result, int i)
{
	Row		   *row = &rows[nrows];

	memset(row, 0, sizeof(Row));
	row->kind = PQgetvalue(result, i, KIND)[0];
	snprintf(row->id, ID_LENGTH, "%s", PQgetvalue(result, i, ID));
	row->agent = agent_of(PQgetvalue(result, i, AGENT), false);
	snprintf(row->at, sizeof(row->at), "%s", PQgetvalue(result, i, AT));
	row->number = number_in(result, i, NUMBER);
	row->total = row->amount = number_in(result, i, AMOUNT);
	row->approved = PQgetvalue(result, i, APPROVED)[0] == 't';
	row->card = agent_of(PQgetvalue(result, i, CARD), true);
	snprintf(row->merchant, sizeof(row->merchant), "%s", PQgetvalue(result, i, MERCHANT));
	snprintf(row->key, sizeof(row->key), "%s", PQgetvalue(result, i, KEY));
	row->agent_spent = number_in(result, i, SPENT);
	row->counted = number_in(result, i, COUNTED);
	row->captured = number_in(result, i, CAPTURED);
	row->reversed = number_in(result, i, REVERSED);
	row->refunded = number_in(result, i, REFUNDED);
	row->added = number_in(result, i, ADDED);
	row->released = number_in(result, i, RELEASED);
	row->increment = row->kind == 'd' && !PQgetisnull(result, i, HOLD);
	if (row->kind == 'k')
	{
		row->card = agent_of(PQgetvalue(result, i, AGENT), true);
		/* Of a customer its number. */
		if (row->merchant[0] == 'c' && row->merchant[1] == 'u')
			row->agent = atoi(PQgetvalue(result, i, AGENT) + 1);
	}
	nrows++;
}

void
read_rows(void)
{
	static bool is_prepared = false;
	const char *params[] = {world.organization};
	PGresult   *result;

	if (!is_prepared)
		PQclear(PQprepare(control, "rows", query, 0, NULL));
	is_prepared = true;
	result = PQexecPrepared(control, "rows", 1, params, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) > MAX_ROWS)
		die("what is stored cannot be read: %s", PQerrorMessage(control));
	nrows = 0;
	for (int i = 0; i < PQntuples(result); i++)
		take_row(result, i);
	for (int i = 0; i < nrows; i++)
		if (!PQgetisnull(result, i, HOLD))
			rows[i].hold = row_of(PQgetvalue(result, i, HOLD));
	PQclear(result);
}

static void
match_decision(const Fact *fact)
{
	Row		   *row = row_of(fact->id);

	if (row == NULL)
		violate("the answer of %lld for agent %d to session %d was committed and is not stored",
				(long long) fact->amount, fact->agent + 1, fact->session + 1);
	else if (row->approved != fact->approved || row->amount != fact->amount || row->agent != fact->agent ||
			 strcmp(row->increment ? fact->key : row->key, fact->key) != 0)
		violate("the stored answer of %lld for agent %d differs from what session %d was told",
				(long long) fact->amount, fact->agent + 1, fact->session + 1);
	else if (!fact->replayed && row->fact != NULL)
		violate("sessions %d and %d were told of one decision as if each had made it", row->fact->session + 1, fact->session + 1);
	else if (!fact->replayed)
		row->fact = fact;
}

/* Each key of an agent has one answer, whoever asks and however often. */
static void
match_key(const Fact *fact)
{
	for (const Fact *other = world.facts; other < fact; other++)
		if (other->kind == DECISION && other->fate == COMMITTED && other->agent == fact->agent && !other->increment &&
			strcmp(other->key, fact->key) == 0 && strcmp(other->id, fact->id) != 0)
			violate("key %s of agent %d has two answers", fact->key, fact->agent + 1);
}

static int
count_told(const char *hold, char verb)
{
	int			count = 0;

	for (const Fact *fact = world.facts; fact < world.facts + world.nfacts; fact++)
		count += fact->kind == ENTRY && fact->fate == COMMITTED && !fact->replayed && fact->verb == verb &&
			strcmp(fact->id, hold) == 0;
	return count;
}

static int
count_stored(const Row *hold, char verb)
{
	int			count = 0;

	for (int i = 0; i < nrows; i++)
		count += rows[i].kind == verb && rows[i].hold == hold;
	return count;
}

/* What was committed is stored, and nothing else is. */
void
match_answers(void)
{
	for (const Fact *fact = world.facts; fact < world.facts + world.nfacts; fact++)
	{
		if (fact->kind != DECISION || fact->fate != COMMITTED)
			continue;
		match_decision(fact);
		if (fact->key[0] != '\0' && !fact->increment)
			match_key(fact);
	}
	for (int i = 0; i < nrows; i++)
	{
		const Row  *row = &rows[i];

		if (row->kind != 'd')
			continue;
		if (row->fact == NULL)
			violate("a decision of %lld for agent %d is stored, and nobody was told of it who committed",
					(long long) row->amount, row->agent + 1);
		for (const char *verb = "crf"; *verb != '\0'; verb++)
			if (count_told(row->id, *verb) != count_stored(row, *verb))
				violate("a hold of %lld has %d entries of kind %c, and %d were told of and committed", (long long) row->amount,
						count_stored(row, *verb), *verb, count_told(row->id, *verb));
	}
}
