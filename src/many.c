/*
 * many.c
 *		authorize_many(): many requests in one call.
 *
 * The queues of all agents are taken first, in the one order of their numbers,
 * so that batches which meet never wait for each other in a circle; those of
 * customers, and then the organization's, follow in the same way when a limit
 * there is met for the first time.  Then the requests are decided in the order
 * given, in memory where that is enough, and else each as a single call would be.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "adoption.h"
#include "batch.h"
#include "errors.h"
#include "field.h"
#include "lock.h"
#include "statistics.h"

PG_FUNCTION_INFO_V1(la_authorize_many);

/* Arguments, in order. */
enum
{
	REQUESTS, ALL_OR_NONE, ORGANIZATION
};

/* Fields of a spend_request: the arguments of authorize() before organization_id. */
#define REQUEST_FIELDS LA_ARG_ORGANIZATION

/* Which agent a request is about. */
typedef struct Place
{
	uint64		key;			/* the number of its queue */
	pg_uuid_t	agent_id;
	int			request;
} Place;

/* A call on its way. */
typedef struct Many
{
	LaBatch		batch;
	LaPrincipal caller;
	int			count;
	LaAsked    *asked;
	int			nmembers;
	LaMember   *members;		/* by number */
	LaScope		widest;			/* up to which queues are held */
	int			ncustomers;		/* of which we took the queue */
	uint64	   *customers;
	bool		organization;	/* and the organization's */
} Many;

static void read_requests(FunctionCallInfo fcinfo, Many *many);
static void read_request(Many *many, FunctionCallInfo place, Datum element, int i);
static int	compare_places(const void *one, const void *other);
static void find_members(Many *many);
static void note_repeats(Many *many);
static void decide_all(Many *many);
static void decide_alone(Many *many, const LaAsked *asked);
static void queue_up(Many *many);
static void queue_member(LaMember *member);
static void queue_wider(Many *many);
static void leave_queues(Many *many);

/*
 * ledger_agents.authorize_many(requests ledger_agents.spend_request[], all_or_none boolean,
 *		organization_id text) returns setof ledger_agents.authorization_detail
 *
 * The answers that single calls in the same order would give, in that order.  An
 * error of one request, and with all_or_none a decline, undoes all.
 */
Datum
la_authorize_many(PG_FUNCTION_ARGS)
{
	Many	   *many = palloc0(sizeof(Many));

	PreventCommandIfReadOnly("authorize_many()");
	many->caller = la_caller(fcinfo, ORGANIZATION);
	PG_TRY();
	{
		read_requests(fcinfo, many);
		find_members(many);
		note_repeats(many);
		la_limit_waiting();
		la_require_adopted();
		SPI_connect();
		la_batch_begin(&many->batch, fcinfo, &many->caller,
					   !PG_ARGISNULL(ALL_OR_NONE) && PG_GETARG_BOOL(ALL_OR_NONE));
		queue_up(many);
		decide_all(many);
		leave_queues(many);
		SPI_finish();
		la_count_batch(many->count);
	}
	PG_FINALLY();
	{
#if LA_MUTANT != 271
		la_number_request(0);
#endif
	}
	PG_END_TRY();
	return (Datum) 0;
}

static void
read_requests(FunctionCallInfo fcinfo, Many *many)
{
	FunctionCallInfo place = palloc0(SizeForFunctionCallInfo(LA_ARG_ORGANIZATION + 1));
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	int16		length;
	bool		by_value;
	char		align;

	if (PG_ARGISNULL(REQUESTS))
		la_null_field("requests");
	array = PG_GETARG_ARRAYTYPE_P(REQUESTS);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &elements, &nulls,
					  &many->count);
	if (many->count < 1 || many->count > LA_MAX_REQUESTS)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("wrong number of requests"),
				la_detail("out_of_range", "requests", "There are %d; it may be 1 to %d.", many->count,
						  LA_MAX_REQUESTS));
	memcpy(place, fcinfo, SizeForFunctionCallInfo(0));
	place->nargs = LA_ARG_ORGANIZATION + 1;
	place->args[LA_ARG_ORGANIZATION].isnull = true;
	many->asked = palloc0(sizeof(LaAsked) * many->count);
	for (int i = 0; i < many->count; i++)
	{
		la_number_request(i + 1);
		if (nulls[i])
			la_null_field("requests");
		read_request(many, place, elements[i], i);
	}
	la_number_request(0);
}

/* Its fields in the places of the arguments of authorize(). */
static void
read_request(Many *many, FunctionCallInfo place, Datum element, int i)
{
	Datum		values[REQUEST_FIELDS];
	bool		nulls[REQUEST_FIELDS];
	LaRow		row = {values, nulls};

	la_deform(element, REQUEST_FIELDS, row);
	for (int field = 0; field < REQUEST_FIELDS; field++)
	{
		place->args[field].value = values[field];
		place->args[field].isnull = nulls[field];
	}
	la_read_request(place, &many->caller, &many->asked[i].request);
}

static int
compare_places(const void *one, const void *other)
{
	const Place *a = one;
	const Place *b = other;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return memcmp(&a->agent_id, &b->agent_id, UUID_LEN);
}

/* The agents, each once, in the order of their queues. */
static void
find_members(Many *many)
{
	Place	   *places = palloc(sizeof(Place) * many->count);
	LaMember   *member;

	for (int i = 0; i < many->count; i++)
	{
		places[i].agent_id = many->asked[i].request.agent_id;
		places[i].key = la_lock_key(many->caller.organization_id, &places[i].agent_id, UUID_LEN);
		places[i].request = i;
	}
	qsort(places, many->count, sizeof(Place), compare_places);
	for (int i = 0; i < many->count; i++)
		many->nmembers += i == 0 || compare_places(&places[i - 1], &places[i]) != 0;
	many->members = palloc0(sizeof(LaMember) * many->nmembers);
	member = many->members;
	for (int i = 0; i < many->count; i++)
	{
		if (i > 0 && compare_places(&places[i - 1], &places[i]) != 0)
			member++;
		member->key = places[i].key;
		member->id = places[i].agent_id;
		many->asked[places[i].request].member = member;
	}
}

/* Two keys of one number are taken for the same: then both are looked up when their turn has come. */
static void
note_repeats(Many *many)
{
	HASHCTL		control = {.keysize = sizeof(uint64), .entrysize = sizeof(uint64), .hcxt = CurrentMemoryContext};
	HTAB	   *keys = hash_create("ledger_agents keys", many->count, &control,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	for (int i = 0; i < many->count; i++)
	{
		LaAsked    *asked = &many->asked[i];
		const char *key = asked->request.key;
		uint64		number;

		if (key == NULL)
			continue;
		number = hash_bytes_extended((const unsigned char *) key, strlen(key), asked->member->key);
		(void) hash_search(keys, &number, HASH_ENTER, &asked->repeats);
	}
	hash_destroy(keys);
}

static void
decide_all(Many *many)
{
	for (int i = 0; i < many->count; i++)
	{
		const LaAsked *asked = &many->asked[i];

		CHECK_FOR_INTERRUPTS();
		la_number_request(i + 1);
		if (la_batch_decide(&many->batch, asked))
			continue;
		la_batch_flush(&many->batch);
		decide_alone(many, asked);
	}
	la_number_request(0);
	la_batch_flush(&many->batch);
}

/* As a single call does, under the queues that are held. */
static void
decide_alone(Many *many, const LaAsked *asked)
{
	LaBooks		books;
	LaSpend		spend;
	Datum		answer;

	for (;;)
	{
		spend.request = asked->request;
		la_books_init(&books, &many->caller, &asked->member->id, LA_LATEST);
		la_books_in_batch(&books, many->widest);
		if (la_decide_alone(many->batch.fcinfo, &many->caller, &books, &spend, many->batch.raise,
							&answer))
			break;
		queue_wider(many);
	}
	la_add_composite(many->batch.fcinfo, answer);
}

static void
queue_up(Many *many)
{
#if LA_MUTANT != 95
	for (int i = 0; i < many->nmembers; i++)
		queue_member(&many->members[i]);
#else
	for (int i = 0; i < many->count; i++)
		queue_member(many->asked[i].member);
#endif
	many->widest = LA_AGENT;
}

static void
queue_member(LaMember *member)
{
	if (!member->queued)
		member->newly_queued = la_queue(LA_LEVEL_AGENT, member->key);
	member->queued = true;
}

static int
compare_keys(const void *one, const void *other)
{
	uint64		a = *(const uint64 *) one;
	uint64		b = *(const uint64 *) other;

	return a < b ? -1 : a > b;
}

/* The queues of all customers: each may turn out to have a limit. */
static void
queue_customers(Many *many)
{
	uint64	   *keys = palloc(sizeof(uint64) * many->nmembers);

	for (int i = 0; i < many->nmembers; i++)
	{
		LaParams	params = {0};
		char	   *customer;

		la_param_text(&params, many->caller.organization_id);
		la_param_uuid(&params, &many->members[i].id);
		/* An agent's customer never changes: no lock is needed to read it. */
		if (la_run(LA_Q_AGENT_FACTS, &params, LA_LATEST) == 0)
			la_unknown_uuid("agent", &many->members[i].id);
		customer = la_row_text(la_row(0), 0);
		keys[i] = la_lock_key(many->caller.organization_id, customer, strlen(customer));
	}
	qsort(keys, many->nmembers, sizeof(uint64), compare_keys);
	many->customers = palloc(sizeof(uint64) * many->nmembers);
	for (int i = 0; i < many->nmembers; i++)
		if (la_queue(LA_LEVEL_CUSTOMER, keys[i]))
			many->customers[many->ncustomers++] = keys[i];
}

/* The next wider scope's. */
static void
queue_wider(Many *many)
{
	if (many->widest == LA_AGENT)
		queue_customers(many);
	else
		many->organization = la_queue(LA_LEVEL_ORGANIZATION,
									  la_lock_key(many->caller.organization_id, "", 0));
	many->widest++;
}

/* Those that were taken here, where the transaction holds too many. */
static void
leave_queues(Many *many)
{
	if (many->organization)
		la_leave_queue(LA_LEVEL_ORGANIZATION, la_lock_key(many->caller.organization_id, "", 0));
	for (int i = many->ncustomers - 1; i >= 0; i--)
		la_leave_queue(LA_LEVEL_CUSTOMER, many->customers[i]);
	for (int i = many->nmembers - 1; i >= 0; i--)
		if (many->members[i].newly_queued)
			la_leave_queue(LA_LEVEL_AGENT, many->members[i].key);
}
