/*
 * errors.h
 *		Every error bears a SQLSTATE and a stable name.
 *
 * The name leads the DETAIL ("invalid_amount: ...") for people, and is the
 * error's constraint_name field for programs; the field that is at fault is
 * its column_name field.  Names never change; messages may.
 *
 *		ereport(ERROR,
 *				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
 *				errmsg("amount must be greater than zero"),
 *				la_detail("invalid_amount", "amount", "The amount is %lld.", ...));
 *
 * SQLSTATEs, by what went wrong (all errors of the extension are one of these):
 *		wrong value, unknown field, reused key	22023 INVALID_PARAMETER_VALUE
 *		null where none may be					22004 NULL_VALUE_NOT_ALLOWED
 *		overflow								22003 NUMERIC_VALUE_OUT_OF_RANGE
 *		unknown id								P0002 NO_DATA_FOUND
 *		taken external_id						23505 UNIQUE_VIOLATION
 *		wrong state								55000 OBJECT_NOT_IN_PREREQUISITE_STATE
 *		not allowed								42501 INSUFFICIENT_PRIVILEGE
 */
#ifndef LA_ERRORS_H
#define LA_ERRORS_H

#include "postgres.h"

/* A value is quoted in a message up to this many bytes; more is cut. */
#define LA_MAX_QUOTED 64

/* The part of a token that may be shown, in bytes. */
#define LA_TOKEN_PREFIX 20

extern int	la_detail(const char *name, const char *field,
					  const char *format,...) pg_attribute_printf(3, 4);

/* From here on details name the request of that number, of a batch; 0: none. */
extern void la_number_request(int number);

/* The value as it may stand in a message: cut at LA_MAX_QUOTED, never inside a character. */
extern char *la_quoted(const char *value);

#endif							/* LA_ERRORS_H */
