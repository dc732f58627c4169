/*
 * event.h
 *		Writing events and the record of configuration changes.
 */
#ifndef LA_EVENT_H
#define LA_EVENT_H

#include "postgres.h"

#include "document.h"
#include "principal.h"
#include "query.h"

/* Labels of the type event_type. */
#define LA_EVENT_REGISTERED "agent.registered"
#define LA_EVENT_UPDATED "agent.updated"
#define LA_EVENT_SUSPENDED "agent.suspended"
#define LA_EVENT_ACTIVATED "agent.activated"
#define LA_EVENT_DEREGISTERED "agent.deregistered"
#define LA_EVENT_LIMIT_EXCEEDED "agent.limit_exceeded"
#define LA_EVENT_LIMIT_APPROACHING "agent.limit_approaching"
#define LA_EVENT_TOKEN_CREATED "agent.token.created"
#define LA_EVENT_TOKEN_REVOKED "agent.token.revoked"
#define LA_EVENT_CARD_CREATED "card.created"
#define LA_EVENT_CARD_FROZEN "card.frozen"
#define LA_EVENT_CARD_UNFROZEN "card.unfrozen"
#define LA_EVENT_CARD_CLOSED "card.closed"
#define LA_EVENT_CARD_DRIFT "card.merchant_drift"
#define LA_EVENT_INTENT_PENDING_APPROVAL "intent.pending_approval"
#define LA_EVENT_INTENT_APPROVED "intent.approved"
#define LA_EVENT_INTENT_REJECTED "intent.rejected"
#define LA_EVENT_INTENT_MATCHED "intent.matched"
#define LA_EVENT_INTENT_MISMATCHED "intent.mismatched"
#define LA_EVENT_INTENT_CANCELED "intent.canceled"
#define LA_EVENT_UNATTESTED "spend.unattested"
#define LA_EVENT_CARD_EXPIRED "card.expired"
#define LA_EVENT_INTENT_EXPIRED "intent.expired"
#define LA_EVENT_AUTHORIZED "transaction.authorized"
#define LA_EVENT_DECLINED "transaction.declined"
#define LA_EVENT_COMPLETED "transaction.completed"
#define LA_EVENT_REVERSED "transaction.reversed"
#define LA_EVENT_REFUNDED "transaction.refunded"
#define LA_EVENT_EXPIRED "transaction.expired"

/* Writes an event about an agent. */
extern void la_event(const char *organization_id, const char *type,
					 const pg_uuid_t *agent_id, Jsonb *data);

/* Records a change of configuration; principal NULL: the engine did it ("system"). */
extern void la_record_change(const LaPrincipal *principal, const char *organization_id,
							 const char *object_type, const char *object_id,
							 const char *action, Jsonb *old_values, Jsonb *new_values);

/* A document of which status is all, for the record. */
extern Jsonb *la_status_document(const char *status);

/* Runs a statement that removes rows which the guards of append-only tables keep from everybody else. */
extern uint64 la_forget(LaQuery query, LaParams *params);

#endif							/* LA_EVENT_H */
