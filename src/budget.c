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

/*
 * ledger_agents.current_card_spend(organization_id text, card_id uuid) returns bigint
 *
 * For the statements behind card_detail; the caller has decided who may see it.
 */
Datum
la_current_card_spend(PG_FUNCTION_ARGS)
{
	LaPrincipal nobody;
	const LaCardFacts *card;
	LaBooks		books;
	int64		spent;

	memset(&nobody, 0, sizeof(nobody));
	text_to_cstring_buffer(PG_GETARG_TEXT_PP(0), nobody.organization_id,
						   sizeof(nobody.organization_id));
	SPI_connect();
	card = la_card(nobody.organization_id, PG_GETARG_UUID_P(1), LA_STATEMENT);
	if (card == NULL)
		la_unknown_uuid("card", PG_GETARG_UUID_P(1));
	la_books_init(&books, &nobody, &card->agent_id, LA_STATEMENT);
	la_books_name(&books, PG_GETARG_UUID_P(1), NULL);
	la_books_read(&books, &nobody, la_now());
	la_measure(&books, la_now());
	spent = books.facts.limits[LA_CARD].spent;
	SPI_finish();
	PG_RETURN_INT64(spent);
}
