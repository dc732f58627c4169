/*
 * agent.h
 *		Agents: registering and changing them, from SQL and from JSON alike.
 */
#ifndef LA_AGENT_H
#define LA_AGENT_H

#include "postgres.h"

#include "field.h"
#include "principal.h"
#include "token.h"

/*
 * Fields of an agent.  The first LA_AGENT_STORED are columns, in the order of
 * LA_Q_AGENT_READ and LA_Q_AGENT_WRITE; the two defaults after them are rules of
 * its policy; the last two are fixed at registration.
 */
enum
{
	LA_AGENT_NAME, LA_AGENT_DESCRIPTION, LA_AGENT_STATUS, LA_AGENT_LIMIT, LA_AGENT_FREQUENCY,
	LA_AGENT_MODE, LA_AGENT_ACTION, LA_AGENT_CURRENCY, LA_AGENT_MAX_CARDS,
	LA_AGENT_CARD_LIMIT, LA_AGENT_CARD_FREQUENCY, LA_AGENT_TEMPLATE, LA_AGENT_POLICY,
	LA_AGENT_METADATA, LA_AGENT_STORED,
	LA_AGENT_REQUIRE_APPROVAL = LA_AGENT_STORED, LA_AGENT_AUTO_APPROVE, LA_AGENT_EXTERNAL_ID,
	LA_AGENT_CUSTOMER, LA_AGENT_FIELDS
};

extern const LaField la_agent_fields[LA_AGENT_FIELDS];

typedef struct LaRegistration
{
	pg_uuid_t	id;
	bool		created;
	bool		issued;			/* token is set */
	LaIssued	token;
	Datum		differs;		/* text[], or 0 when created */
} LaRegistration;

/* Registers, idempotently; with_token: a new agent gets its first token. */
extern void la_register(const LaPrincipal *caller, LaValues *given, bool with_token,
						LaRegistration *result);

/* The stored values of an agent, by LA_Q_AGENT_READ or LA_Q_AGENT_LOCK; P0002. */
extern void la_read_agent(const LaPrincipal *caller, const pg_uuid_t *id, LaQuery query,
						  LaValues *stored);

/*
 * Locks an agent's row and its configuration for a change, and reads it.  The
 * row first, the configuration lock then: who holds the lock waits for nothing
 * that a decision could hold.
 */
extern void la_lock_agent(const LaPrincipal *caller, const pg_uuid_t *id, LaValues *stored);

/* 55000 when it is deregistered. */
extern void la_refuse_deregistered(const LaValues *stored);

/* Writes the two given defaults into the given policy, or into the stored one. */
extern void la_merge_defaults(LaValues *given, const LaValues *stored);

/* P0002 unless the template that is named exists. */
extern void la_require_template(const LaPrincipal *caller, const LaValues *values);

/* An event about an agent; its type says which fields it has. */
extern void la_tell_agent(const LaPrincipal *caller, const char *type, const pg_uuid_t *id,
						  const LaValues *stored, const char *previous_status);

/* Locks an agent's row, so that it is not deregistered meanwhile; P0002, or 55000 when it is. */
extern void la_keep_agent(const LaPrincipal *caller, const pg_uuid_t *agent_id);

/* P0002 unless there is such an agent. */
extern void la_require_agent(const LaPrincipal *caller, const pg_uuid_t *agent_id);

/* The agent as agent_detail; P0002. */
extern Datum la_agent_detail(const LaPrincipal *caller, const pg_uuid_t *agent_id, LaView view);

#endif							/* LA_AGENT_H */
