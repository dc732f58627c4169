/*
 * json_verb.h
 *		JSON functions that are functions of the SQL interface, in other words.
 *
 * Such a function is a row of a table: which member of the body is which
 * argument, and which column of the result is which member of the answer.  What
 * it does is what the SQL function of its name does; there is no second way, but
 * for what a body can say and arguments cannot: "absent" beside "null".
 */
#ifndef LA_JSON_VERB_H
#define LA_JSON_VERB_H

#include "postgres.h"

#include "fmgr.h"

#include "column.h"
#include "field.h"
#include "principal.h"

/* Members of bodies; each means the same wherever it is. */
typedef enum LaWord
{
	LA_WORD_END,
	LA_WORD_ORGANIZATION,		/* arguments that no body gives */
	LA_WORD_UNSAID,
	LA_WORD_CHANGES,			/* a document of what the verb's changes name */
	LA_WORD_RULES,				/* a document of the members that are rules */
	LA_WORD_ACK_UP_TO,
	LA_WORD_AFTER,
	LA_WORD_AGENT,
	LA_WORD_AMOUNT,
	LA_WORD_AS_OF,
	LA_WORD_AUTHORIZATION,
	LA_WORD_CARD,
	LA_WORD_CARD_TYPE,
	LA_WORD_CLIENT_INTENT,
	LA_WORD_CONSUMER,
	LA_WORD_CONTEXT,
	LA_WORD_COUNTRY,
	LA_WORD_CURRENCY,
	LA_WORD_CUSTOMER,
	LA_WORD_DECISION,
	LA_WORD_DEFAULT_CARD_FREQUENCY,
	LA_WORD_DEFAULT_CARD_LIMIT,
	LA_WORD_DEFAULT_POLICY,
	LA_WORD_DESCRIPTION,
	LA_WORD_EXPECTED_AMOUNT,
	LA_WORD_EXPECTED_CURRENCY,
	LA_WORD_EXPECTED_MCCS,
	LA_WORD_EXPECTED_MERCHANT,
	LA_WORD_EXPIRES_AT,
	LA_WORD_EXTERNAL_ID,
	LA_WORD_FINAL,
	LA_WORD_FORCE,
	LA_WORD_FREQUENCY,
	LA_WORD_GRACE,
	LA_WORD_HOLD_FOR,
	LA_WORD_INTENT,
	LA_WORD_KEY,
	LA_WORD_KEY_ID,
	LA_WORD_LIMIT,
	LA_WORD_LIMITS,
	LA_WORD_MAX_AMOUNT,
	LA_WORD_MAX_CARDS,
	LA_WORD_MCC,
	LA_WORD_MERCHANT,
	LA_WORD_METADATA,
	LA_WORD_NAME,
	LA_WORD_NEW_CUSTOMER,		/* what a new agent must have */
	LA_WORD_NEW_EXTERNAL_ID,
	LA_WORD_NEW_NAME,
	LA_WORD_NEW_USER,
	LA_WORD_ON_LIMIT_EXCEEDED,
	LA_WORD_OWN_METADATA,		/* never null: it is what something has */
	LA_WORD_OWN_POLICY,
	LA_WORD_POLICY,
	LA_WORD_POLL_LIMIT,
	LA_WORD_PURPOSE,
	LA_WORD_REASON,
	LA_WORD_SPENDING_LIMIT,
	LA_WORD_STATUS,
	LA_WORD_SUMMARY,
	LA_WORD_TOKEN,
	LA_WORD_TOLERANCE,
	LA_WORD_TOLERANCE_PERCENT,
	LA_WORD_TTL_MINUTES,
	LA_WORD_USER,
} LaWord;

#define LA_MAX_ARGUMENTS 19

/* The arguments of one call. */
typedef struct LaArguments
{
	NullableDatum values[LA_MAX_ARGUMENTS];
	bool		given[LA_MAX_ARGUMENTS];	/* the body has the member, if
											 * only as a null */
	int			count;
} LaArguments;

/* What a row of the result is in the answer; columns without a value are left out. */
typedef struct LaShape
{
	const char *object;			/* value of the member "object"; NULL: it has
								 * none */
	const LaColumn *columns;
	int			count;
	LaTimes		times;
	void		(*put_rest) (LaDocument *to, Datum row);	/* NULL: nothing more */
} LaShape;

/* What a verb is beside its words. */
#define LA_FOR_AGENTS	0x01	/* agents' tokens may call it, too */
#define LA_READS		0x02	/* it writes nothing */
#define LA_ONCE			0x04	/* the header Idempotency-Key is its key */
#define LA_DECIDES		0x08	/* a decline is a 402 for who prefers that */

typedef struct LaJsonVerb
{
	const char *name;			/* of the function, in both schemas */
	int			traits;
	const LaShape *shape;
	uint8		arguments[LA_MAX_ARGUMENTS + 1];	/* of the SQL function,
													 * words in order */
	const char *const *changes; /* ends with NULL */

	/*
	 * Does it instead of the SQL function, where its arguments cannot say
	 * what a body can; the result is a row.
	 */
	Datum		(*own) (const LaPrincipal *caller, const LaArguments *arguments);
} LaJsonVerb;

/* The verbs, by what they are about; each table ends with a name that is NULL. */
extern const LaJsonVerb la_spend_verbs[];
extern const LaJsonVerb la_agent_verbs[];
extern const LaJsonVerb la_card_verbs[];
extern const LaJsonVerb la_intent_verbs[];
extern const LaJsonVerb la_policy_verbs[];
extern const LaJsonVerb la_account_verbs[];

/* The verb of that name. */
extern const LaJsonVerb *la_json_verb(const char *name);

/*
 * Does what the verb says, and gives the answer.  A result of one row is an
 * object; one of a set is {"data": […]}, and where its words have LA_WORD_AFTER a
 * page: hasMore, and nextCursor while there is more.
 */
extern Jsonb *la_speak(const LaPrincipal *caller, const LaJsonVerb *verb, Jsonb *body);

/*
 * Reads the body, every member of which is an argument, or part of the one that
 * is a document, and the header that may be one, too.
 */
extern void la_read_words(const LaJsonVerb *verb, Jsonb *body, LaArguments *arguments);

/* Takes the first count arguments, as far as they are given, for those of the fields. */
extern void la_give_words(const LaArguments *arguments, const LaField *fields, const int *order,
						  int count, LaValues *to);

/* The place of the word among the arguments, or -1. */
extern int	la_word_place(const LaJsonVerb *verb, LaWord word);

/* 22023 unknown_field, naming the member. */
pg_noreturn extern void la_refuse_member(const char *path);

/* For a shape: onLimitExceeded, left out while it is our own decline. */
extern void la_put_action(LaDocument *to, Datum row);

#endif							/* LA_JSON_VERB_H */
