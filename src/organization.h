/*
 * organization.h
 *		Organizations and customers: those that a call needs.
 */
#ifndef LA_ORGANIZATION_H
#define LA_ORGANIZATION_H

#include "postgres.h"

/* Is there before it has a row. */
#define LA_DEFAULT_ORGANIZATION "default"

/* Makes "default" where it has no row yet; P0002 for any other that is missing.  Returns its livemode. */
extern bool la_need_organization(const char *id);

/* The same P0002, and nothing is made. */
extern void la_require_organization(const char *id);

/* Makes the customer where it has no row yet. */
extern void la_need_customer(const char *organization_id, const char *id);

/* The currency of agents that name none. */
extern char *la_organization_default_currency(const char *id);

#endif							/* LA_ORGANIZATION_H */
