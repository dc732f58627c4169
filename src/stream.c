/*
 * stream.c
 *		The stream of events: positions, and consumers that read by them.
 *
 * A poll gives positions, without gaps, to the events that it can see in the
 * inbox, in the order of their ids.  Who gives them holds the row of the
 * organization's stream to the end of the transaction, so that the positions
 * that others see are always the first ones, and nothing comes in between later.
 *
 * The order of an agent's events: whoever writes one holds a lock of the agent
 * to the end where another event depends on it, so that the second is written
 * when the first has committed.  It has the later id, and no snapshot has it
 * without the first.  Events of two transactions that did not wait for each
 * other (a spend, and a change made while the spend's transaction was open)
 * have the order of their commits.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "column.h"
#include "document.h"
#include "errors.h"
#include "event.h"
#include "field.h"
#include "lock.h"
#include "module.h"
#include "organization.h"
#include "principal.h"
#include "query.h"

PG_FUNCTION_INFO_V1(la_poll_events);
PG_FUNCTION_INFO_V1(la_ack_events);
PG_FUNCTION_INFO_V1(la_list_event_consumers);
PG_FUNCTION_INFO_V1(la_delete_event_consumer);

#define MAX_POLL 1000
#define MAX_CONSUMER_NAME 255

/* Events that one poll gives positions to, so that a long backlog does not make it endless. */
#define MAX_NUMBERED 10000

/* A consumer, and the stream that it reads. */
typedef struct Consumer
{
	const char *organization_id;
	const char *name;
	int64		acked;
	int64		polled;
	int64		last;			/* position of the stream */
	bool		has_stream;
	bool		has_news;		/* there are events without position */
} Consumer;

static char *consumer_argument(FunctionCallInfo fcinfo);
static int32 max_rows_argument(FunctionCallInfo fcinfo);
static void open_consumer(Consumer *consumer);
static void number_news(Consumer *consumer);
static int64 claim(Consumer *consumer, int64 end);
static void lock_consumer(Consumer *consumer);
static int64 position_of(const Consumer *consumer, const pg_uuid_t *event_id);
static Datum acknowledge(const Consumer *consumer, int64 position);

static void
param_consumer(LaParams *params, const Consumer *consumer)
{
	la_param_text(params, consumer->organization_id);
	la_param_text(params, consumer->name);
}

/*
 * ledger_agents.poll_events(consumer text, max_rows integer, organization_id text)
 *		returns setof ledger_agents.event_detail
 *
 * None is ever skipped, and none ever waits for another poll, but for the first
 * ones of a consumer and of an organization.
 */
Datum
la_poll_events(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	LaParams	params = {0};
	Consumer	consumer = {0};
	int32		max_rows;
	int64		end;

	PreventCommandIfReadOnly("poll_events()");
	caller = la_operator(fcinfo, 2);
	consumer.organization_id = caller.organization_id;
	consumer.name = consumer_argument(fcinfo);
	max_rows = max_rows_argument(fcinfo);
	la_limit_waiting();
	SPI_connect();
	open_consumer(&consumer);
	if (consumer.has_news)
		number_news(&consumer);
	end = claim(&consumer, Min(consumer.acked + max_rows, consumer.last));
	la_param_text(&params, consumer.organization_id);
	la_param_int64(&params, consumer.acked);
	la_param_int64(&params, end);
	la_run_set(LA_Q_STREAM_READ, &params, LA_LATEST, fcinfo);
	SPI_finish();
	return (Datum) 0;
}

static char *
consumer_argument(FunctionCallInfo fcinfo)
{
	char	   *name;

	if (PG_ARGISNULL(0))
		la_null_field("consumer");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	la_check_length(name, 1, MAX_CONSUMER_NAME, "consumer");
	return name;
}

static int32
max_rows_argument(FunctionCallInfo fcinfo)
{
	int32		max_rows;

	if (PG_ARGISNULL(1))
		la_null_field("max_rows");
	max_rows = PG_GETARG_INT32(1);
	if (max_rows < 1 || max_rows > MAX_POLL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("max_rows must be between 1 and %d", MAX_POLL),
				la_detail("out_of_range", "max_rows", "It is %d.", max_rows));
	return max_rows;
}

/* Where the consumer stands; false: there is none. */
static bool
read_consumer(Consumer *consumer)
{
	LaParams	params = {0};
	LaRow		row;

	param_consumer(&params, consumer);
	if (la_run(LA_Q_CONSUMER_STANDS, &params, LA_LATEST) == 0)
		return false;
	row = la_row(0);
	consumer->acked = DatumGetInt64(row.values[0]);
	consumer->polled = DatumGetInt64(row.values[1]);
	consumer->has_stream = !row.nulls[2];
	consumer->last = row.nulls[2] ? 0 : DatumGetInt64(row.values[2]);
	consumer->has_news = DatumGetBool(row.values[3]);
	return true;
}

static void
open_consumer(Consumer *consumer)
{
	while (!read_consumer(consumer))
	{
		LaParams	params = {0};

		(void) la_need_organization(consumer->organization_id);
		param_consumer(&params, consumer);
		la_param(&params, TimestampTzGetDatum(la_now()), false);
		la_wait_patiently();
		la_run(LA_Q_CONSUMER_MAKE, &params, LA_WRITE);
	}
}

/*
 * Moves events from the inbox to positions, unless an open transaction is doing
 * so: what it has numbered cannot be seen, and nothing may come before that.  A
 * rollback undoes it; the same events may then get other positions.
 */
static void
number_news(Consumer *consumer)
{
	LaParams	params = {0};

	la_param_text(&params, consumer->organization_id);
	if (!consumer->has_stream)
	{
		la_wait_patiently();
		la_run(LA_Q_STREAM_MAKE, &params, LA_WRITE);
	}
	if (la_run(LA_Q_STREAM_LOCK, &params, LA_WRITE) == 0)
		return;
	consumer->last = DatumGetInt64(la_column(0, 0));
	la_param_int64(&params, consumer->last);
	la_param(&params, Int32GetDatum(MAX_NUMBERED), false);
	if (la_run(LA_Q_STREAM_NUMBER, &params, LA_WRITE) > 0)
		consumer->last = DatumGetInt64(la_column(0, 0));
}

/*
 * Notes that the consumer is given everything up to end, and returns how far it
 * may be: where another transaction is just writing to the consumer that is not
 * waited for, and only what was given before is given again.
 */
static int64
claim(Consumer *consumer, int64 end)
{
	LaParams	params = {0};

	if (end <= consumer->polled)
		return end;
	param_consumer(&params, consumer);
	la_param_int64(&params, end);
	if (la_run(LA_Q_CONSUMER_POLLED, &params, LA_WRITE) > 0)
		return end;
	if (!read_consumer(consumer))
		return consumer->acked;
	return Min(end, consumer->polled);
}

/*
 * ledger_agents.ack_events(consumer text, up_to uuid, organization_id text)
 *		returns ledger_agents.event_consumer_detail
 *
 * Events that come later stand behind it, whatever their ids.
 */
Datum
la_ack_events(PG_FUNCTION_ARGS)
{
	LaPrincipal caller;
	Consumer	consumer = {0};
	Datum		answer;

	PreventCommandIfReadOnly("ack_events()");
	caller = la_operator(fcinfo, 2);
	consumer.organization_id = caller.organization_id;
	consumer.name = consumer_argument(fcinfo);
	if (PG_ARGISNULL(1))
		la_null_field("up_to");
	la_limit_waiting();
	SPI_connect();
	lock_consumer(&consumer);
	answer = acknowledge(&consumer, position_of(&consumer, PG_GETARG_UUID_P(1)));
	SPI_finish();
	return answer;
}

static void
unknown_consumer(const Consumer *consumer)
{
	la_unknown_field("consumer", "consumer", consumer->name);
}

static void
lock_consumer(Consumer *consumer)
{
	LaParams	params = {0};

	param_consumer(&params, consumer);
	la_wait_patiently();
	if (la_run(LA_Q_CONSUMER_LOCK, &params, LA_WRITE) == 0)
		unknown_consumer(consumer);
	consumer->acked = DatumGetInt64(la_column(0, 0));
	consumer->polled = DatumGetInt64(la_column(0, 1));
}

/*
 * The consumer must have been given it by a poll that has committed, or by this
 * transaction: after the rollback of a poll other events, which the consumer
 * has never seen, may have come before it.
 */
static int64
position_of(const Consumer *consumer, const pg_uuid_t *event_id)
{
	LaParams	params = {0};
	int64		position;

	la_param_text(&params, consumer->organization_id);
	la_param_uuid(&params, event_id);
	if (la_run(LA_Q_EVENT_POSITION, &params, LA_LATEST) == 0)
		ereport(ERROR,
				errcode(ERRCODE_NO_DATA_FOUND),
				errmsg("unknown event"),
				la_detail("unknown_event", "up_to", "There is no event \"%s\" that polls have returned.",
						  la_uuid_text(event_id)));
	position = DatumGetInt64(la_column(0, 0));
#if LA_MUTANT != 72
	if (position > consumer->polled)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("event was not returned to the consumer"),
				la_detail("event_not_polled", "up_to",
						  "Polls that have committed ended before it, at position %lld.",
						  (long long) consumer->polled),
				errhint("Poll again; events that came before it may be new to the consumer."));
#endif
	return position;
}

static Datum
acknowledge(const Consumer *consumer, int64 position)
{
	LaParams	params = {0};
	bool		is_new = position > consumer->acked;
	Datum		answer;

	param_consumer(&params, consumer);
	if (is_new)
		la_param_int64(&params, position);
	la_param_int64(&params, is_new ? position - consumer->acked : 0);
	if (is_new)
		la_param(&params, TimestampTzGetDatum(la_now()), false);
	if (!la_run_one(is_new ? LA_Q_CONSUMER_ACK : LA_Q_CONSUMER_GET, &params,
					is_new ? LA_WRITE : LA_LATEST, &answer))
		elog(ERROR, "a consumer that is locked is missing");
	return answer;
}

/*
 * ledger_agents.list_event_consumers(organization_id text)
 *		returns setof ledger_agents.event_consumer_detail
 */
Datum
la_list_event_consumers(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_operator(fcinfo, 0);
	LaParams	params = {0};

	SPI_connect();
	la_param_text(&params, caller.organization_id);
	la_run_set(LA_Q_CONSUMER_LIST, &params, LA_STATEMENT, fcinfo);
	SPI_finish();
	return (Datum) 0;
}

/*
 * ledger_agents.delete_event_consumer(consumer text, organization_id text)
 *		returns ledger_agents.event_consumer_detail
 */
Datum
la_delete_event_consumer(PG_FUNCTION_ARGS)
{
	static const LaColumn stood[] = {
		{"acked_position", "acked_position"}, {"polled_position", "polled_position"}
	};
	LaPrincipal caller;
	LaParams	params = {0};
	Consumer	consumer = {0};
	LaDocument	was;
	Datum		answer;

	PreventCommandIfReadOnly("delete_event_consumer()");
	caller = la_operator(fcinfo, 1);
	consumer.organization_id = caller.organization_id;
	consumer.name = consumer_argument(fcinfo);
	la_limit_waiting();
	SPI_connect();
	param_consumer(&params, &consumer);
	la_wait_patiently();
	if (!la_run_one(LA_Q_CONSUMER_DELETE, &params, LA_WRITE, &answer))
		unknown_consumer(&consumer);
	la_begin_object(&was);
	la_put_columns(&was, answer, stood, lengthof(stood), LA_TIMES_ISO);
	la_record_change(&caller, caller.organization_id, "event_consumer", consumer.name, "delete",
					 la_end_object(&was), NULL);
	SPI_finish();
	return answer;
}
