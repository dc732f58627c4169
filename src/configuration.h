/*
 * configuration.h
 *		Reading the rows that say what agents, cards, customers and organizations may do.
 *
 * Everything is made in the current memory context.  tenant.h is what remembers.
 */
#ifndef LA_CONFIGURATION_H
#define LA_CONFIGURATION_H

#include "postgres.h"

#include "query.h"
#include "tenant.h"

/*
 * The customer and its organization; sibling: another customer of it, so that
 * the organization is known, or NULL.
 */
extern void la_read_tenant(const char *organization_id, const char *customer_id, LaView view,
						   const LaTenant *sibling, LaTenant *tenant);

/* NULL: there is none; so with the card. */
extern LaAgentFacts *la_read_agent_facts(const char *organization_id, const pg_uuid_t *id,
										 LaView view);
extern LaCardFacts *la_read_card_facts(const char *organization_id, const pg_uuid_t *id,
									   LaView view);

#endif							/* LA_CONFIGURATION_H */
