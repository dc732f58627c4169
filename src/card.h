/*
 * card.h
 *		Cards: making and changing them, by hand and with their agent.
 */
#ifndef LA_CARD_H
#define LA_CARD_H

#include "postgres.h"

#include "field.h"
#include "principal.h"

/*
 * Fields of a card.  The first LA_CARD_STORED are columns that can be set, in the
 * order of LA_Q_CARD_READ and LA_Q_CARD_WRITE; the others are fixed when it is made.
 */
enum
{
	LA_CARD_PURPOSE, LA_CARD_MAX_AMOUNT, LA_CARD_LIMIT, LA_CARD_FREQUENCY, LA_CARD_MODE,
	LA_CARD_TEMPLATE, LA_CARD_POLICY, LA_CARD_METADATA, LA_CARD_STORED,
	LA_CARD_TYPE = LA_CARD_STORED, LA_CARD_AGENT, LA_CARD_FIELDS
};

extern const LaField la_card_fields[LA_CARD_FIELDS];

/* A card's row, as the verbs on cards need it. */
typedef struct LaStoredCard
{
	pg_uuid_t	id;
	pg_uuid_t	agent_id;
	char	   *status;
	char	   *reason;			/* NULL while it is active */
	LaValues	values;
} LaStoredCard;

/* Makes a card of an active agent; what is not given is the agent's default. */
extern void la_make_card(const LaPrincipal *caller, LaValues *given, pg_uuid_t *id);

/* Locks a card, and the configuration of its agent, for a change; P0002. */
extern void la_lock_card(const LaPrincipal *caller, const pg_uuid_t *id, LaStoredCard *card);

/* 55000 when it is closed. */
extern void la_refuse_closed(const LaStoredCard *card);

/* 55000 unless the agent may have cards in use. */
extern void la_refuse_inactive(const LaValues *agent);

/*
 * With their agent: active cards are frozen, those that were frozen for that
 * alone become active again, all are closed.  The caller holds the agent's
 * configuration lock, or decides for it; NULL: the engine did it ("system").
 * Cards that an open transaction has written are not frozen.
 */
extern void la_freeze_cards(const LaPrincipal *caller, const char *organization_id,
							const pg_uuid_t *agent_id);
extern void la_unfreeze_cards(const LaPrincipal *caller, const char *organization_id,
							  const pg_uuid_t *agent_id);
extern void la_close_cards(const LaPrincipal *caller, const char *organization_id,
						   const pg_uuid_t *agent_id);

/*
 * The engine closes a card whose agent's books the caller has open; false: it
 * was closed already.
 */
extern bool la_end_card(const char *organization_id, const pg_uuid_t *agent_id,
						const pg_uuid_t *card_id, const char *reason);

/* A card whose ttl is over. */
typedef struct LaCardExpiry
{
	pg_uuid_t	card_id;
	const char *customer_id;
	bool		freeze;			/* else close; what onExpiry says */
	TimestampTz expires_at;
	int64		ttl_minutes;
} LaCardExpiry;

/*
 * The engine freezes or closes it, with the event card.expired instead of
 * another.  The caller holds the agent's configuration lock.  False: it is so
 * already, or an open transaction has locked it.
 */
extern bool la_expire_card(const LaPrincipal *caller, const LaCardExpiry *expiry);

/* Whether an open transaction of somebody else has written or locked a card that is not closed. */
extern bool la_cards_are_busy(const char *organization_id, const pg_uuid_t *agent_id);

/* Waits for all cards that are not closed; the caller holds the agent's queue. */
extern void la_lock_cards(const char *organization_id, const pg_uuid_t *agent_id);

/* The card as card_detail; P0002, also for agents that do not own it. */
extern Datum la_card_detail(const LaPrincipal *caller, const pg_uuid_t *id, LaView view);

#endif							/* LA_CARD_H */
