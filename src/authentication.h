/*
 * authentication.h
 *		From a secret to a principal, and whether that one still holds.
 */
#ifndef LA_AUTHENTICATION_H
#define LA_AUTHENTICATION_H

#include "postgres.h"

#include "principal.h"
#include "query.h"

/* Whose secret it is; false: nobody's, or no longer.  The caller has called SPI_connect(). */
extern bool la_find_principal(const char *secret, LaPrincipal *found);

/* Fixes it for the rest of the transaction, and notes that its secret was used. */
extern void la_take_principal(const LaPrincipal *principal);

/*
 * A revocation is in force from its commit on, whenever the caller
 * authenticated: 42501.  Operators always pass.  SPI as above.
 */
extern void la_require_valid(const LaPrincipal *caller, LaView view);
extern bool la_is_valid(const LaPrincipal *caller, LaView view);

/* What is committed by now, where that can be read. */
extern LaView la_current_view(void);

#endif							/* LA_AUTHENTICATION_H */
