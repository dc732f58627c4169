/*
 * event.h
 *		Writing events and the record of configuration changes.
 */
#ifndef LA_EVENT_H
#define LA_EVENT_H

#include "postgres.h"

#include "document.h"
#include "principal.h"

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

/* Writes an event about an agent. */
extern void la_event(const char *organization_id, const char *type,
					 const pg_uuid_t *agent_id, Jsonb *data);

/* Records a change of configuration; principal NULL: the engine did it ("system"). */
extern void la_record_change(const LaPrincipal *principal, const char *organization_id,
							 const char *object_type, const char *object_id,
							 const char *action, Jsonb *old_values, Jsonb *new_values);

#endif							/* LA_EVENT_H */
