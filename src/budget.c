/*
 * budget.c
 *		What an agent has left of its limit, and what is spent with a card.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "amount.h"
#include "books.h"
#include "field.h"
#include "module.h"

PG_FUNCTION_INFO_V1(la_agent_budget);
PG_FUNCTION_INFO_V1(la_current_spend);
PG_FUNCTION_INFO_V1(la_current_card_spend);

static Datum budget_row(LaBooks *books);

/*
 * ledger_agents.agent_budget(agent_id uuid, organization_id text)
 *		returns ledger_agents.agent_budget_detail
 */
Datum
la_agent_budget(PG_FUNCTION_ARGS)
{
	LaPrincipal caller = la_caller(fcinfo, 1);
	pg_uuid_t  *agent_id = PG_ARGISNULL(0) ? NULL : PG_GETARG_UUID_P(0);
	LaBooks		books;
	Datum		answer;

	if (agent_id == NULL && !caller.is_agent)
		la_null_field("agent_id");
	if (agent_id == NULL)
		agent_id = &caller.agent_id;
	la_require_own_agent(&caller, agent_id);
	SPI_connect();
	la_books_init(&books, &caller, agent_id, LA_STATEMENT);
	la_books_read(&books, &caller, la_now());
	la_measure(&books, la_now());
	answer = budget_row(&books);
	SPI_finish();
	return answer;
}

static Datum
budget_row(LaBooks *books)
{
	LaLimit    *own = &books->facts.limits[LA_AGENT];
	LaParams	params = {0};
	TimestampTz reset;
	bool		resets = la_next_reset(books, own, &reset);
	Datum		answer;

	la_param_uuid(&params, &books->agent_id);
	la_param(&params, Int64GetDatum(own->limit), !own->set);
	la_param_text(&params, la_frequency_label(own->frequency));
	la_param_text(&params, la_window_mode_label(own->mode));
	la_param_text(&params, own->currency);
	la_param_int64(&params, own->spent);
	la_param(&params, Int64GetDatum(la_remaining(own->limit, own->spent)), !own->set);
	la_param(&params,
			 Int32GetDatum(own->limit > 0 ? la_percent(own->spent, own->limit) : 0),
			 !own->set || own->limit == 0);
	la_param(&params, TimestampTzGetDatum(own->window.start), own->window.start == DT_NOBEGIN);
	la_param(&params, TimestampTzGetDatum(reset), !resets);
	(void) la_run_one(LA_Q_AGENT_BUDGET, &params, LA_STATEMENT, &answer);
	return answer;
}

/*
 * ledger_agents.current_spend(organization_id text, agent_id uuid) returns bigint
 *
 * For the statements behind agent_detail; the caller has decided who may see it.
 */
Datum
la_current_spend(PG_FUNCTION_ARGS)
{
	LaPrincipal nobody;
	LaBooks		books;
	int64		spent;

	memset(&nobody, 0, sizeof(nobody));
	text_to_cstring_buffer(PG_GETARG_TEXT_PP(0), nobody.organization_id,
						   sizeof(nobody.organization_id));
	SPI_connect();
	la_books_init(&books, &nobody, PG_GETARG_UUID_P(1), LA_STATEMENT);
	la_books_read(&books, &nobody, la_now());
	la_measure(&books, la_now());
	spent = books.facts.limits[LA_AGENT].spent;
	SPI_finish();
	PG_RETURN_INT64(spent);
}

/* A card's spending, as it stands in the statement's snapshot. */
typedef struct CardBook
{
	char	   *organization_id;
	pg_uuid_t	id;
	pg_uuid_t	agent_id;
	LaFrequency frequency;
	LaWindowMode mode;
	char	   *currency;
	char	   *zone;
	LaCounter	counter;
	TimestampTz at;
} CardBook;

static void read_card_book(CardBook *book);
static int64 spent_with_card(CardBook *book);

/*
 * ledger_agents.current_card_spend(organization_id text, card_id uuid) returns bigint
 *
 * For the statements behind card_detail; the caller has decided who may see it.
 */
Datum
la_current_card_spend(PG_FUNCTION_ARGS)
{
	CardBook	book;
	int64		spent;

	memset(&book, 0, sizeof(book));
	book.organization_id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	book.id = *PG_GETARG_UUID_P(1);
	SPI_connect();
	read_card_book(&book);
	spent = spent_with_card(&book);
	SPI_finish();
	PG_RETURN_INT64(spent);
}

static void
read_card_book(CardBook *book)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, book->organization_id);
	la_param_uuid(&params, &book->id);
	la_param_text(&params, la_uuid_text(&book->id));
	if (la_run(LA_Q_CARD_COUNTER, &params, LA_STATEMENT) == 0)
		elog(ERROR, "counter of card \"%s\" is missing", la_uuid_text(&book->id));
	row = la_row(0);
	la_counter_read(&book->counter, row.values[0]);
	book->agent_id = *DatumGetUUIDP(row.values[1]);
	book->frequency = la_frequency(TextDatumGetCString(row.values[2]), "spending_limit_frequency");
	book->mode = la_effective_mode(book->frequency,
								   la_window_mode(row.nulls[3] ? NULL :
												  TextDatumGetCString(row.values[3]), "window_mode"));
	book->currency = TextDatumGetCString(row.values[4]);
	book->zone = TextDatumGetCString(row.values[5]);
	book->at = Max(la_now(), book->counter.decided_at);
}

/* A sum over what was decided from that instant on. */
static int64
card_sum(const CardBook *book, LaQuery query, TimestampTz from)
{
	LaParams	params = {0};
	pg_uuid_t	first = {{0}};

	if (from != DT_NOBEGIN)
		la_first_id(&first, from);
	la_param_text(&params, book->organization_id);
	la_param_uuid(&params, &book->agent_id);
	la_param_uuid(&params, &book->id);
	la_param_uuid(&params, &first);
	la_param_text(&params, book->currency);
	la_param(&params, TimestampTzGetDatum(book->at), false);
	la_run(query, &params, LA_STATEMENT);
	return DatumGetInt64(la_column(0, 0));
}

/* Calendar windows are in the counter, holds that have expired included; a rolling one is summed up. */
static int64
spent_with_card(CardBook *book)
{
	LaCounter  *counter = &book->counter;
	LaWindow	window;
	int64		spent;

	if (book->mode == LA_ROLLING && book->frequency != LA_PER_TRANSACTION &&
		book->frequency != LA_ALL_TIME)
		return card_sum(book, LA_Q_CARD_SPENT, book->at - la_rolling_length(book->frequency) + 1);
	la_counter_roll(counter, book->at, book->zone);
	window = la_counter_window(counter, book->frequency, &spent);
	if (counter->expires && counter->next_expiry <= book->at && spent > 0)
		spent = la_subtract(spent, card_sum(book, LA_Q_CARD_EXPIRED, window.start));
	return spent;
}
