/*
 * query.h
 *		Running the statements of query.c.
 *
 * A statement that answers with rows of the public interface selects one
 * composite column, so that a function hands its answer on as it came.
 * Callers have called SPI_connect().
 */
#ifndef LA_QUERY_H
#define LA_QUERY_H

#include "postgres.h"

#include "executor/spi.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

typedef enum LaQuery
{
	/* 20 organization */
	LA_Q_ORGANIZATION_EXISTS,
	LA_Q_ORGANIZATION_INSERT,
	LA_Q_ORGANIZATION_MAKE,
	LA_Q_ORGANIZATION_READ,
	LA_Q_ORGANIZATION_WRITE,
	LA_Q_LIMITED_CUSTOMERS,
	LA_Q_ORGANIZATION_GET,
	LA_Q_ORGANIZATION_UNWRITTEN,
	LA_Q_ORGANIZATION_DEFAULTS,
	LA_Q_ORGANIZATION_SPENT,
	LA_Q_CUSTOMER_EXISTS,
	LA_Q_CUSTOMER_INSERT,
	LA_Q_CUSTOMER_READ,
	LA_Q_CUSTOMER_WRITE,
	LA_Q_CUSTOMER_GET,
	LA_Q_CUSTOMER_LIST,
	LA_Q_SCOPE_AGENTS,
	LA_Q_ORGANIZATION_ANY,

	/* 25 policy */
	LA_Q_POLICY_INSERT,
	LA_Q_POLICY_LOCK,
	LA_Q_POLICY_LOCK_KEY,
	LA_Q_POLICY_KEEP,
	LA_Q_POLICY_NAMED,
	LA_Q_POLICY_WRITE,
	LA_Q_POLICY_USED,
	LA_Q_POLICY_DELETE,
	LA_Q_POLICY_GET,
	LA_Q_POLICY_GET_NAMED,
	LA_Q_POLICY_LIST,

	/* 30 agent */
	LA_Q_AGENT_FIND,
	LA_Q_AGENT_INSERT,
	LA_Q_AGENT_READ,
	LA_Q_AGENT_LOCK,
	LA_Q_AGENT_TRY_LOCK,
	LA_Q_AGENT_WRITE,
	LA_Q_AGENT_SUSPEND,
	LA_Q_AGENT_DEREGISTER,
	LA_Q_AGENT_GET,
	LA_Q_AGENT_GET_EXTERNAL,
	LA_Q_AGENT_LIST,
	LA_Q_AGENT_BUDGET,
	LA_Q_AGENT_EXISTS,
	LA_Q_AGENT_SPENT,

	/* 35 token */
	LA_Q_TOKEN_INSERT,
	LA_Q_TOKEN_CANDIDATES,
	LA_Q_TOKEN_USED,
	LA_Q_TOKEN_FIND,
	LA_Q_TOKEN_GET,
	LA_Q_TOKEN_LIST,
	LA_Q_TOKEN_PAGE,
	LA_Q_TOKEN_VALID,
	LA_Q_TOKEN_REVOKE,
	LA_Q_TOKEN_REVOKE_ALL,
	LA_Q_TOKEN_EXPIRE,

	/* 36 key */
	LA_Q_KEY_INSERT,
	LA_Q_KEY_CANDIDATES,
	LA_Q_KEY_USED,
	LA_Q_KEY_FIND,
	LA_Q_KEY_GET,
	LA_Q_KEY_LIST,
	LA_Q_KEY_VALID,
	LA_Q_KEY_REVOKE,
	LA_Q_KEY_EXPIRE,

	/* 45 counter */
	LA_Q_COUNTER_INSERT,
	LA_Q_COUNTER_READ,
	LA_Q_COUNTER_LOCK,
	LA_Q_COUNTER_TRY_LOCK,
	LA_Q_COUNTER_WRITE,
	LA_Q_HISTORY,
	LA_Q_SPENT_BETWEEN,
	LA_Q_SPENT_BETWEEN_WIDE,
	LA_Q_EXPIRED,
	LA_Q_NEXT_EXPIRY,
	LA_Q_OLDEST,
	LA_Q_OLDEST_WIDE,
	LA_Q_FREED_AT,
	LA_Q_FREED_AT_WIDE,
	LA_Q_LEFT_AT,
	LA_Q_LEFT_AT_WIDE,
	LA_Q_COUNT_FREED_AT,

	/* 50 card */
	LA_Q_CARD_INSERT,
	LA_Q_AGENT_HAS_CARDS,
	LA_Q_CARD_READ,
	LA_Q_CARD_LOCK,
	LA_Q_CARD_TRY_LOCK,
	LA_Q_CARD_WRITE,
	LA_Q_CARD_STATUS,
	LA_Q_CARD_GET,
	LA_Q_CARD_LIST,
	LA_Q_CARD_LIST_AGENT,
	LA_Q_CARD_COUNT,
	LA_Q_AGENT_CARDS,
	LA_Q_CARDS_OPEN,
	LA_Q_CARDS_LOCK,
	LA_Q_CARDS_FREEZE,
	LA_Q_CARDS_UNFREEZE,
	LA_Q_CARDS_CLOSE,
	LA_Q_CARD_END,

	/* 60 intent */
	LA_Q_INTENT_CARD,
	LA_Q_INTENT_FIND,
	LA_Q_INTENT_COUNT_OPEN,
	LA_Q_INTENT_BOUND,
	LA_Q_INTENT_INSERT,
	LA_Q_INTENT_READ,
	LA_Q_INTENT_LOCK,
	LA_Q_INTENT_AWAIT,
	LA_Q_INTENT_APPROVE,
	LA_Q_INTENT_REJECT,
	LA_Q_INTENT_CANCEL,
	LA_Q_INTENT_GET,
	LA_Q_INTENT_GET_CLIENT,
	LA_Q_INTENT_LIST,
	LA_Q_INTENT_LIST_AGENT,
	LA_Q_ATTESTED,
	LA_Q_ATTESTATION_INSERT,
	LA_Q_ATTESTATION_LIST,
	LA_Q_ATTESTATION_LIST_AGENT,

	/* 70 authorization */
	LA_Q_GATHER,
	LA_Q_GATHER_CARD,
	LA_Q_INTENTS,
	LA_Q_INTENT,
	LA_Q_INTENT_SETTLE,
	LA_Q_INTENT_PARK,
	LA_Q_INTENT_REOPEN,
	LA_Q_CARD_DRIFT,
	LA_Q_TENANT,
	LA_Q_AGENT_FACTS,
	LA_Q_CARD,
	LA_Q_POLICY_RULES,
	LA_Q_AUTHORIZATION_INSERT,
	LA_Q_REPLAY,
	LA_Q_AUTHORIZATION_GET,
	LA_Q_AUTHORIZATION_LIST,
	LA_Q_AUTHORIZATION_LIST_AGENT,
	LA_Q_AUTHORIZATION_OWNER,
	LA_Q_PARTS_LOCK,
	LA_Q_PART_WRITE,
	LA_Q_SETTLE,
	LA_Q_INCREMENTED,
	LA_Q_HOLD_REQUEST,
	LA_Q_AUTHORIZATION_REQUEST,
	LA_Q_ENTRY_FIND,
	LA_Q_ENTRY_INSERT,

	/* 76 sweep */
	LA_Q_SWEEP_HOLDS,
	LA_Q_SWEEP_INTENTS,
	LA_Q_SWEEP_CARDS,
	LA_Q_SWEEP_COUNTERS,
	LA_Q_INTENTS_EXPIRE,

	/* 78 chain */
	LA_Q_SEAL_LAST,
	LA_Q_SEAL_LIST,
	LA_Q_SEAL_INSERT,
	LA_Q_SEAL_DETAIL,
	LA_Q_CHAIN_START,
	LA_Q_CHAIN_SLICE,
	LA_Q_CHAIN_DECISIONS,
	LA_Q_CHAIN_ENTRIES,

	/* 80 event */
	LA_Q_EVENT,
	LA_Q_CHANGE,

	/* 82 stream */
	LA_Q_CONSUMER_MAKE,
	LA_Q_CONSUMER_STANDS,
	LA_Q_CONSUMER_LOCK,
	LA_Q_CONSUMER_POLLED,
	LA_Q_CONSUMER_ACK,
	LA_Q_CONSUMER_GET,
	LA_Q_CONSUMER_LIST,
	LA_Q_CONSUMER_DELETE,
	LA_Q_STREAM_MAKE,
	LA_Q_STREAM_LOCK,
	LA_Q_STREAM_NUMBER,
	LA_Q_STREAM_READ,
	LA_Q_EVENT_POSITION,

	/* 83 purge */
	LA_Q_PURGE_AGENTS,
	LA_Q_PURGE_BOUND,
	LA_Q_PURGE_CUT,
	LA_Q_PURGE_REACH,
	LA_Q_PURGE_SEAL,
	LA_Q_PURGE_CARDS,
	LA_Q_PURGE_USED_INTENTS,
	LA_Q_PURGE_ENTRIES,
	LA_Q_PURGE_AUTHORIZATIONS,
	LA_Q_PURGE_SEALS,
	LA_Q_PURGE_START,
	LA_Q_PURGE_INTENTS,
	LA_Q_PURGE_ATTESTATIONS,
	LA_Q_PURGE_EVENTS,
	LA_Q_PURGE_RECORD,
	LA_Q_PURGE_DETAIL,

	/* 84 adoption */
	LA_Q_ADOPTION_LAST,
	LA_Q_ADOPTION_INSERT,

	/* 88 answer */
	LA_Q_ANSWER_FIND,
	LA_Q_ANSWER_FORGET,
	LA_Q_ANSWER_INSERT,
	LA_Q_ANSWER_CLEAN,

	/* 92 view */
	LA_Q_VIEW_AGENT,
	LA_Q_VIEW_CARD,
	LA_Q_VIEW_POLICY,
	LA_Q_VIEW_INTENT,
	LA_Q_VIEW_AUTHORIZATION,

	LA_Q_COUNT
} LaQuery;

/* Most parameters that a statement has. */
#define LA_MAX_PARAMS 80

typedef struct LaParams
{
	int			count;
	Datum		values[LA_MAX_PARAMS];
	char		nulls[LA_MAX_PARAMS];
} LaParams;

/* What a statement sees. */
typedef enum LaView
{
	LA_STATEMENT,				/* reads what the calling statement sees */
	LA_LATEST,					/* reads what is committed by now */
	LA_WRITE,					/* writes what is committed by now; 40001
								 * where the transaction's snapshot is older */
} LaView;

/* Runs it and returns the number of rows, which are in SPI_tuptable. */
extern uint64 la_run(LaQuery query, LaParams *params, LaView view);

/*
 * A statement that reads, row by row: SPI_cursor_fetch() gives them,
 * SPI_cursor_close() ends it.
 */
extern Portal la_open(LaQuery query, LaParams *params, LaView view);

/* The first row's first column, copied to the caller of SPI_connect(); false if there is no row. */
extern bool la_run_one(LaQuery query, LaParams *params, LaView view, Datum *result);

/* Rows of one composite column each, as the result of a set-returning function. */
extern void la_run_set(LaQuery query, LaParams *params, LaView view,
					   FunctionCallInfo fcinfo);

/* The result of a set-returning function, row by row, and the description of a row. */
extern TupleDesc la_begin_set(FunctionCallInfo fcinfo);
extern void la_add_row(FunctionCallInfo fcinfo, TupleDesc desc, Datum *values, bool *nulls);

/* A row of it that is a composite value. */
extern void la_add_composite(FunctionCallInfo fcinfo, Datum row);

/* The columns of one row of SPI_tuptable. */
typedef struct LaRow
{
	Datum	   *values;
	bool	   *nulls;
} LaRow;

extern LaRow la_row(uint64 number);
extern Jsonb *la_row_document(LaRow row, int column);	/* null: NULL */
extern char *la_row_text(LaRow row, int column);	/* null: NULL */
extern Datum la_column(uint64 number, int column);	/* of one that is not null */

/* The columns of a composite value that has count of them. */
extern void la_deform(Datum composite, int count, LaRow row);

/* The label of an enum's value. */
extern const char *la_enum_label(Datum value);

static inline void
la_param(LaParams *params, Datum value, bool isnull)
{
	Assert(params->count < LA_MAX_PARAMS);
	params->values[params->count] = value;
	params->nulls[params->count] = isnull ? 'n' : ' ';
	params->count++;
}

extern void la_param_text(LaParams *params, const char *value); /* NULL: null */
extern void la_param_int64(LaParams *params, int64 value);
extern void la_param_uuid(LaParams *params, const pg_uuid_t *value);	/* NULL: null */

#endif							/* LA_QUERY_H */
