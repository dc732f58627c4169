/*
 * card_status.c
 *		Freezing, unfreezing and closing cards: by hand, and with their agent.
 *
 * active and frozen may turn into each other and into closed, which is final.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/builtins.h"

#include "agent.h"
#include "books.h"
#include "card.h"
#include "check.h"
#include "errors.h"
#include "event.h"
#include "lock.h"
#include "module.h"

PG_FUNCTION_INFO_V1(la_freeze_card);
PG_FUNCTION_INFO_V1(la_unfreeze_card);
PG_FUNCTION_INFO_V1(la_close_card);

/* What may be done to a card by hand. */
typedef enum Verb
{
	FREEZE,
	UNFREEZE,
	CLOSE,
} Verb;

/* What a verb makes of a card, and how it is told. */
static const struct Turn
{
	const char *status;
	const char *event;
	const char *who;			/* the event's field */
	const char *action;			/* in the record of changes */
}			turns[] = {
	[FREEZE] = {"frozen", LA_EVENT_CARD_FROZEN, "frozenBy", "freeze"},
	[UNFREEZE] = {"active", LA_EVENT_CARD_UNFROZEN, "unfrozenBy", "unfreeze"},
	[CLOSE] = {"closed", LA_EVENT_CARD_CLOSED, "closedBy", "close"},
};

static Datum turn_by_hand(FunctionCallInfo fcinfo, const char *name, Verb verb);
static void turn(const LaPrincipal *caller, const pg_uuid_t *id, Verb verb);
static bool read_card(const LaPrincipal *caller, const pg_uuid_t *id, LaQuery query,
					  LaStoredCard *card);
static void set_status(const LaPrincipal *caller, const pg_uuid_t *id, const char *status,
					   const char *reason, const char *who);
static bool may_turn(const LaPrincipal *caller, const LaStoredCard *card, Verb verb);
static void refuse_expired(const LaPrincipal *caller, const LaStoredCard *card);
static void tell(const LaPrincipal *caller, const char *organization_id,
				 const LaStoredCard *card, Verb verb, const char *reason);

/*
 * ledger_agents.freeze_card(card_id uuid, organization_id text)
 *		returns ledger_agents.card_detail
 *
 * From the commit on nothing is spent with it, also not by a call that was
 * already waiting.
 */
Datum
la_freeze_card(PG_FUNCTION_ARGS)
{
	return turn_by_hand(fcinfo, "freeze_card()", FREEZE);
}

/*
 * ledger_agents.unfreeze_card(card_id uuid, organization_id text)
 *		returns ledger_agents.card_detail
 */
Datum
la_unfreeze_card(PG_FUNCTION_ARGS)
{
	return turn_by_hand(fcinfo, "unfreeze_card()", UNFREEZE);
}

/*
 * ledger_agents.close_card(card_id uuid, organization_id text)
 *		returns ledger_agents.card_detail
 */
Datum
la_close_card(PG_FUNCTION_ARGS)
{
	return turn_by_hand(fcinfo, "close_card()", CLOSE);
}

static Datum
turn_by_hand(FunctionCallInfo fcinfo, const char *name, Verb verb)
{
	LaPrincipal caller;
	Datum		answer;

	PreventCommandIfReadOnly(name);
	caller = la_operator(fcinfo, 1);
	if (PG_ARGISNULL(0))
		la_null_field("card_id");
	la_limit_waiting();
	SPI_connect();
	turn(&caller, PG_GETARG_UUID_P(0), verb);
	answer = la_card_detail(&caller, PG_GETARG_UUID_P(0), LA_LATEST);
	SPI_finish();
	return answer;
}

/* Nothing happens where it is so already. */
static void
turn(const LaPrincipal *caller, const pg_uuid_t *id, Verb verb)
{
	LaStoredCard card;
	const char *reason = verb == UNFREEZE ? NULL : "manual";

	la_lock_card(caller, id, &card);
	if (!may_turn(caller, &card, verb))
		return;
	set_status(caller, id, turns[verb].status, reason,
			   reason == NULL ? NULL : la_principal_name(caller));
	tell(caller, caller->organization_id, &card, verb, reason);
}

/* Of a card whose row is locked. */
static void
set_status(const LaPrincipal *caller, const pg_uuid_t *id, const char *status, const char *reason,
		   const char *who)
{
	LaParams	params = {0};

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_param_text(&params, status);
	la_param_text(&params, reason);
	la_param_text(&params, who);
	la_run(LA_Q_CARD_STATUS, &params, LA_WRITE);
}

/*
 * The agent's configuration lock, exclusively, then the card's row.  Decisions
 * freeze cards, too, and keep the row to the end of their transaction: who holds
 * the lock must not wait for that, or one idle session would stop the agent's
 * newcomers and, through them, every wider change.  So the lock is given back,
 * and the waiting is done in the agent's queue.  Whoever holds that may wait for
 * the row, too: nobody decides for the agent meanwhile.
 */
void
la_lock_card(const LaPrincipal *caller, const pg_uuid_t *id, LaStoredCard *card)
{
	uint64		key;

	/* The agent of a card never changes: it may be read before the lock. */
	if (!read_card(caller, id, LA_Q_CARD_READ, card))
		la_unknown_uuid("card", id);
	key = la_lock_key(caller->organization_id, &card->agent_id, UUID_LEN);
	la_change_configuration(LA_LEVEL_AGENT, key);
#if LA_MUTANT != 51
	if (read_card(caller, id, LA_Q_CARD_TRY_LOCK, card))
#else
	if (read_card(caller, id, LA_Q_CARD_LOCK, card))
#endif
		return;
	la_leave_configuration(LA_LEVEL_AGENT, key);
	(void) la_queue(LA_LEVEL_AGENT, key);
	la_wait_patiently();
	if (!read_card(caller, id, LA_Q_CARD_LOCK, card))
		la_unknown_uuid("card", id);
	la_change_configuration(LA_LEVEL_AGENT, key);
}

/* Columns of LA_Q_CARD_READ in front of the fields. */
enum
{
	AGENT_ID, STATUS, REASON, FIRST_FIELD
};

static bool
read_card(const LaPrincipal *caller, const pg_uuid_t *id, LaQuery query, LaStoredCard *card)
{
	LaParams	params = {0};
	LaRow		row;

	la_param_text(&params, caller->organization_id);
	la_param_uuid(&params, id);
	if (la_run(query, &params, query == LA_Q_CARD_READ ? LA_LATEST : LA_WRITE) == 0)
		return false;
	row = la_row(0);
	card->id = *id;
	card->agent_id = *DatumGetUUIDP(row.values[AGENT_ID]);
	card->status = TextDatumGetCString(row.values[STATUS]);
	card->reason = row.nulls[REASON] ? NULL : TextDatumGetCString(row.values[REASON]);
	la_stored_values(row, FIRST_FIELD, LA_CARD_STORED, &card->values);
	return true;
}

void
la_refuse_closed(const LaStoredCard *card)
{
	if (strcmp(card->status, "closed") == 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("card is closed"),
				la_detail("card_closed", "card_id", "A closed card cannot be changed."));
}

void
la_refuse_inactive(const LaValues *agent)
{
	la_refuse_deregistered(agent);
	if (strcmp(TextDatumGetCString(agent->values[LA_AGENT_STATUS]), "suspended") == 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("agent is suspended"),
				la_detail("agent_suspended", "agent_id", "A suspended agent gets no card, and its cards stay frozen."),
				errhint("Activate the agent first."));
}

/* False: it is so already.  A card that is frozen for another reason is frozen by hand from now on. */
static bool
may_turn(const LaPrincipal *caller, const LaStoredCard *card, Verb verb)
{
	LaValues	agent;

	if (verb != CLOSE)
		la_refuse_closed(card);
	if (strcmp(card->status, turns[verb].status) == 0)
		return verb == FREEZE && strcmp(card->reason, "manual") != 0;
	if (verb == UNFREEZE)
	{
		la_read_agent(caller, &card->agent_id, LA_Q_AGENT_READ, &agent);
		la_refuse_inactive(&agent);
		refuse_expired(caller, card);
	}
	return true;
}

/* What was frozen because its life was over would be active for nobody, and swept again. */
static void
refuse_expired(const LaPrincipal *caller, const LaStoredCard *card)
{
	LaBooks    *books = palloc(sizeof(LaBooks));
	TimestampTz end;

	if (strcmp(card->reason, "ttl_expired") != 0)
		return;
	la_books_init(books, caller, &card->agent_id, LA_LATEST);
	la_books_name(books, &card->id, NULL);
	la_books_rules(books);
	end = la_card_end(&books->facts);
	if (end <= la_now())
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("card has expired"),
				la_detail("card_expired", "card_id", "Its life ended at %s.",
						  timestamptz_to_str(end)),
				errhint("Change ttlMinutes or ttlDays first."));
}

static void
put_status(LaDocument *document, const char *status, const char *reason)
{
	la_begin_object(document);
	la_put_text(document, "status", status);
	la_put_text(document, "status_reason", reason);
}

/* The event and the record; card is as it was before.  An unfreezing tells what it had been frozen for. */
static void
tell(const LaPrincipal *caller, const char *organization_id, const LaStoredCard *card,
	 Verb verb, const char *reason)
{
	const struct Turn *turn = &turns[verb];
	LaDocument	data;
	LaDocument	before;
	LaDocument	after;

	la_begin_object(&data);
	la_put_uuid(&data, "cardId", &card->id);
	la_put_uuid(&data, "agentId", &card->agent_id);
	la_put_text(&data, "reason", verb == UNFREEZE ? card->reason : reason);
	la_put_text(&data, turn->who, caller == NULL ? "system" : la_principal_name(caller));
	la_event(organization_id, turn->event, &card->agent_id, la_end_object(&data));
	put_status(&before, card->status, card->reason);
	put_status(&after, turn->status, reason);
	la_record_change(caller, organization_id, "card", la_uuid_text(&card->id), turn->action,
					 la_end_object(&before), la_end_object(&after));
}

/* Cards of an agent, or one of them, by one statement, which returns what they were.  Returns their number. */
static uint64
turn_cards(const LaPrincipal *caller, const char *organization_id, const pg_uuid_t *agent_id,
		   const pg_uuid_t *card_id, LaQuery query, Verb verb, const char *reason)
{
	LaParams	params = {0};
	SPITupleTable *table;
	uint64		count;
	const char *who = caller == NULL ? "system" : la_principal_name(caller);

	la_param_text(&params, organization_id);
	la_param_uuid(&params, agent_id);
	la_param(&params, TimestampTzGetDatum(la_now()), false);
	la_param_text(&params, turns[verb].status);
	la_param_text(&params, reason);
	la_param_text(&params, reason == NULL ? NULL : who);
	if (card_id != NULL)
		la_param_uuid(&params, card_id);
	count = la_run(query, &params, LA_WRITE);
	table = SPI_tuptable;
	for (uint64 i = 0; i < count; i++)
	{
		LaStoredCard card = {.agent_id = *agent_id};
		LaRow		row;

		SPI_tuptable = table;
		row = la_row(i);
		card.id = *DatumGetUUIDP(row.values[0]);
		card.status = TextDatumGetCString(row.values[1]);
		card.reason = row.nulls[2] ? NULL : TextDatumGetCString(row.values[2]);
		tell(caller, organization_id, &card, verb, reason);
	}
	return count;
}

void
la_freeze_cards(const LaPrincipal *caller, const char *organization_id, const pg_uuid_t *agent_id)
{
	(void) turn_cards(caller, organization_id, agent_id, NULL, LA_Q_CARDS_FREEZE, FREEZE, "agent_suspended");
}

void
la_unfreeze_cards(const LaPrincipal *caller, const char *organization_id, const pg_uuid_t *agent_id)
{
	(void) turn_cards(caller, organization_id, agent_id, NULL, LA_Q_CARDS_UNFREEZE, UNFREEZE, NULL);
}

void
la_close_cards(const LaPrincipal *caller, const char *organization_id, const pg_uuid_t *agent_id)
{
	(void) turn_cards(caller, organization_id, agent_id, NULL, LA_Q_CARDS_CLOSE, CLOSE, "agent_deregistered");
}

bool
la_end_card(const char *organization_id, const pg_uuid_t *agent_id, const pg_uuid_t *card_id,
			const char *reason)
{
	return turn_cards(NULL, organization_id, agent_id, card_id, LA_Q_CARD_END, CLOSE, reason) > 0;
}

static void
tell_expired(const LaPrincipal *caller, const LaStoredCard *card, const LaCardExpiry *expiry)
{
	const struct Turn *turn = &turns[expiry->freeze ? FREEZE : CLOSE];
	LaDocument	data;

	la_begin_object(&data);
	la_put_uuid(&data, "cardId", &card->id);
	la_put_uuid(&data, "agentId", &card->agent_id);
	la_put_text(&data, "userId", expiry->customer_id);
	la_put_text(&data, "action", turn->action);
	la_put_text(&data, "previousStatus", card->status);
	la_put_text(&data, "newStatus", turn->status);
	la_put_millis(&data, "expiresAt", expiry->expires_at);
	la_put_int64(&data, "ttlMinutes", expiry->ttl_minutes);
	la_put_text(&data, "reason", "ttl_expired");
	la_event(caller->organization_id, LA_EVENT_CARD_EXPIRED, &card->agent_id, la_end_object(&data));
}

bool
la_expire_card(const LaPrincipal *caller, const LaCardExpiry *expiry)
{
	const struct Turn *turn = &turns[expiry->freeze ? FREEZE : CLOSE];
	LaStoredCard card;
	LaDocument	before;
	LaDocument	after;

	if (!read_card(caller, &expiry->card_id, LA_Q_CARD_TRY_LOCK, &card) ||
		strcmp(card.status, "closed") == 0 ||
		(expiry->freeze && card.reason != NULL && strcmp(card.reason, "ttl_expired") == 0))
		return false;
	set_status(caller, &card.id, turn->status, "ttl_expired", "system");
	tell_expired(caller, &card, expiry);
	put_status(&before, card.status, card.reason);
	put_status(&after, turn->status, "ttl_expired");
	la_record_change(NULL, caller->organization_id, "card", la_uuid_text(&card.id), turn->action,
					 la_end_object(&before), la_end_object(&after));
	return true;
}

bool
la_cards_are_busy(const char *organization_id, const pg_uuid_t *agent_id)
{
	LaParams	params = {0};
	uint64		count;
	bool		busy = false;

	la_param_text(&params, organization_id);
	la_param_uuid(&params, agent_id);
	count = la_run(LA_Q_CARDS_OPEN, &params, LA_LATEST);
	for (uint64 i = 0; i < count && !busy; i++)
	{
		TransactionId writer = DatumGetTransactionId(la_column(i, 0));

		busy = TransactionIdIsNormal(writer) && !TransactionIdIsCurrentTransactionId(writer) &&
			TransactionIdIsInProgress(writer);
	}
	return busy;
}

void
la_lock_cards(const char *organization_id, const pg_uuid_t *agent_id)
{
	LaParams	params = {0};

	la_param_text(&params, organization_id);
	la_param_uuid(&params, agent_id);
	la_run(LA_Q_CARDS_LOCK, &params, LA_WRITE);
}
