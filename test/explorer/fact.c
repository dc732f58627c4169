/*
 * fact.c
 *		What sessions were told, and what of it came to stay.
 *
 * A fact belongs to a transaction and is pending until that ends; a savepoint
 * that is rolled back takes with it what was told since.
 */
#include <stdio.h>
#include <string.h>

#include "explorer.h"

Fact *
new_fact(Session *session, FactKind kind)
{
	Fact	   *fact = &world.facts[world.nfacts++];

	if (world.nfacts > MAX_FACTS)
		die("a schedule has too many facts");
	memset(fact, 0, sizeof(Fact));
	fact->kind = kind;
	fact->session = session->number;
	fact->transaction = session->transaction;
	fact->began = session->began;
	fact->answered = world.tick;
	fact->card = fact->intent = fact->token = -1;
	fact->object = -1;
	return fact;
}

void
set_fact(Session *session, int object, int64_t value, bool unsure)
{
	Fact	   *fact = new_fact(session, SETTING);

	fact->object = object;
	fact->value = value;
	fact->unsure = unsure;
}

/* Of the transaction, what was told since the fact of this number. */
void
settle_facts(int transaction, int from, Fate fate, int commit_sent)
{
	for (int i = from; i < world.nfacts; i++)
	{
		Fact	   *fact = &world.facts[i];

		if (fact->transaction != transaction || fact->fate != PENDING)
			continue;
		fact->fate = fate;
		fact->commit_sent = commit_sent;
		fact->commit_done = world.tick;
	}
}

/* Its own transaction has set it before: that is what it sees. */
static const Fact *
own_setting(const Fact *decision, int object)
{
	for (const Fact *fact = decision - 1; fact >= world.facts; fact--)
		if (fact->kind == SETTING && fact->object == object && !fact->unsure &&
			fact->transaction == decision->transaction && fact->fate == decision->fate)
			return fact;
	return NULL;
}

/* Another one was surely in force when the decision began; of one transaction only the last ever is. */
static bool
is_superseded(const Fact *setting, const Fact *decision)
{
	for (const Fact *fact = world.facts; fact < world.facts + world.nfacts; fact++)
		if (fact->kind == SETTING && fact->object == setting->object && fact->fate == COMMITTED &&
			!fact->unsure && fact->commit_done < decision->began &&
			(fact->commit_sent > setting->commit_done ||
			 (fact->transaction == setting->transaction && fact > setting)))
			return true;
	return false;
}

/* Calls back for each value that may have been in force when it was decided. */
static void
each_value(const Fact *decision, int object, void (*found) (int64_t value, void *arg), void *arg)
{
	const Fact *own = own_setting(decision, object);

	if (own != NULL)
		found(own->value, arg);
	for (const Fact *fact = world.facts; fact < world.facts + world.nfacts && own == NULL; fact++)
		if (fact->kind == SETTING && fact->object == object && fact->fate == COMMITTED &&
			fact->commit_sent <= decision->answered && !is_superseded(fact, decision))
			found(fact->value, arg);
	/* What its own transaction may have set since. */
	for (const Fact *fact = own != NULL ? own : world.facts; fact < decision; fact++)
		if (fact->kind == SETTING && fact->object == object && fact->unsure &&
			fact->transaction == decision->transaction)
			found(fact->value, arg);
}

typedef struct Range
{
	int64_t		least;
	int64_t		most;
	int64_t		wanted;
	bool		found;
} Range;

static void
widen(int64_t value, void *arg)
{
	Range	   *range = arg;

	if (value < range->least)
		range->least = value;
	if (value > range->most)
		range->most = value;
	range->found = range->found || value == range->wanted;
}

/* The least and the most that it may have been; NO_LIMIT where there may have been none. */
void
range_of(const Fact *decision, int object, int64_t *least, int64_t *most)
{
	Range		range = {INT64_MAX, INT64_MIN, 0, false};

	each_value(decision, object, widen, &range);
	if (range.most == INT64_MIN)
		range.most = NO_LIMIT;
	*least = range.least;
	*most = range.most;
}

bool
may_be(const Fact *decision, int object, int64_t value)
{
	Range		range = {INT64_MAX, INT64_MIN, value, false};

	each_value(decision, object, widen, &range);
	return range.found;
}

/* What is in force when all is over. */
int64_t
last_value(int object)
{
	const Fact *last = NULL;

	for (const Fact *fact = world.facts; fact < world.facts + world.nfacts; fact++)
		if (fact->kind == SETTING && fact->object == object && fact->fate == COMMITTED &&
			(last == NULL || fact->commit_done >= last->commit_done))
			last = fact;
	return last == NULL ? NO_LIMIT : last->value;
}
