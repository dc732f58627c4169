/*
 * tenant.h
 *		What a decision must know of an agent, its customer and its organization.
 */
#ifndef LA_TENANT_H
#define LA_TENANT_H

#include "postgres.h"

#include "judge.h"
#include "query.h"

typedef struct LaTenant
{
	bool		organization_suspended;
	bool		customer_suspended;
	LaLimit		organization_limit;
	LaLimit		customer_limit;
	char	   *zone;
	char	   *currency;		/* the organization's */
	int32		approaching_percent;
	int32		tolerance_percent;	/* of captures */
	bool		transaction_events;
	LaRules    *customer_rules; /* NULL: none; so below */
} LaTenant;

/*
 * With LA_LATEST the caller holds the configuration locks of both, and the
 * answer may be one that was read before; it lives to the end of the call.
 */
extern const LaTenant *la_tenant(const char *organization_id, const char *customer_id,
								 uint64 key, LaView view);

typedef struct LaAgentFacts
{
	char	   *customer_id;
	bool		deregistered;
	bool		suspended;
	LaLimit		limit;			/* its action included */
	bool		has_cards;		/* it has or ever had one */
	LaRules    *own_rules;		/* its own; they judge it with a card, too */
	LaRules    *rules;			/* with those of its template */
	bool		has_template;
	pg_uuid_t	template_id;
} LaAgentFacts;

/* The agent in the same way; P0002.  The caller holds its configuration lock. */
extern const LaAgentFacts *la_agent(const char *organization_id, const pg_uuid_t *id, uint64 key,
									LaView view);

/*
 * The card, as la_tenant() gives the customer; NULL: there is none.  The caller
 * holds the configuration lock of its agent.
 */
extern const LaCardFacts *la_card(const char *organization_id, const pg_uuid_t *id, LaView view);

#endif							/* LA_TENANT_H */
