/*
 * fuzz.h
 *		What targets of the fuzzer share; see fuzz.c.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "postgres.h"

/* What is left of an input; targets take what they need, zeros where it has ended. */
typedef struct Input
{
	const uint8 *next;
	size_t		left;
} Input;

extern uint8 take_byte(Input *input);
extern int64 take_int64(Input *input);
/* All that is left, as text of the database; NULL where it is none. */
extern char *take_text(Input *input);

/* Says what is wrong and ends the process: the fuzzer keeps the input. */
extern void wrong(const char *format,...) pg_attribute_printf(1, 2);

/* The SQLSTATE with which the action fails, 0 if it does not. */
extern int	sqlstate_of(void (*action) (void *), void *what);

/* Whether a text is of an extended regular expression. */
extern bool matches(const char *text, const char *expression);

extern void fuzz_window(Input *input);
extern void fuzz_amount(Input *input);
extern void fuzz_merchant(Input *input);
extern void fuzz_quoted(Input *input);
extern void fuzz_instant(Input *input);
extern void fuzz_duration(Input *input);
extern void fuzz_policy(Input *input);

#endif							/* FUZZ_H */
