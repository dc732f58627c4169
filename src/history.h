/*
 * history.h
 *		What a customer or an organization has spent before it had a limit.
 */
#ifndef LA_HISTORY_H
#define LA_HISTORY_H

/* Waits until every transaction that spent there, and is open now, has ended; customer_id NULL: the organization. */
extern void la_await_spending(const char *organization_id, const char *customer_id);

/* Makes or renews the counter from the authorizations; under the scope's configuration lock. */
extern void la_start_counting(const char *organization_id, const char *customer_id);

#endif							/* LA_HISTORY_H */
