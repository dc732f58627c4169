/*
 * history.h
 *		What a customer or an organization has spent before it had a limit.
 */
#ifndef LA_HISTORY_H
#define LA_HISTORY_H

#include "postgres.h"

#include "utils/uuid.h"

/*
 * Takes the configuration lock of a customer (or, with NULL, the organization) at
 * a moment at which no other open transaction has spent there, and locks the row
 * of its counter, if there is one; with all_customers also those of all
 * customers that have a limit.  55P03 when that took longer than lock_timeout.
 */
extern void la_change_limited(const char *organization_id, const char *customer_id,
							  bool all_customers);

/* Makes or renews the counter from the authorizations, after la_change_limited(). */
extern void la_start_counting(const char *organization_id, const char *customer_id);

/* The counters of all customers that have a limit, in the organization's new currency. */
extern void la_count_all_anew(const char *organization_id);

/* The counters of the agent and its cards in another currency; its queue and its counter's row are locked. */
extern void la_count_agent_anew(const char *organization_id, const pg_uuid_t *agent_id,
								const char *currency);

#endif							/* LA_HISTORY_H */
