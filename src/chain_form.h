/*
 * chain_form.h
 *		What of a history is hashed, byte for byte.
 *
 * No SQL, no clock.  README.md describes the form; a change of it is a new
 * version, and this one must stay able to verify what it has sealed.
 */
#ifndef LA_CHAIN_FORM_H
#define LA_CHAIN_FORM_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/uuid.h"

#define LA_CHAIN_VERSION 1
#define LA_HEAD_LENGTH 32

typedef enum LaItemKind
{
	LA_ITEM_AUTHORIZATION = 'A',
	LA_ITEM_ENTRY = 'E',
	LA_ITEM_SEAL = 'S',
} LaItemKind;

typedef struct LaSeal
{
	int64		number;			/* 0: nothing is sealed; then only the head
								 * means something */
	int64		sequence;
	int64		entry_number;
	TimestampTz decided_at;
	uint8		head[LA_HEAD_LENGTH];
	bool		is_start;		/* known from chain_starts alone, or not made
								 * yet: it has no sealed_at */
	TimestampTz sealed_at;
} LaSeal;

/* The head before the first item of an agent. */
extern void la_first_head(uint8 *head, const char *organization_id, const pg_uuid_t *agent_id);

/* The form of a row of authorizations, authorization_entries or chain_seals. */
extern void la_form_row(StringInfo form, LaItemKind kind, Datum row);

/* The form of a seal that is no row yet. */
extern void la_form_seal(StringInfo form, const char *organization_id, const pg_uuid_t *agent_id,
						 const LaSeal *seal);

/* The head behind an item of that form. */
extern void la_hash_item(uint8 *head, const StringInfoData *form);

#endif							/* LA_CHAIN_FORM_H */
