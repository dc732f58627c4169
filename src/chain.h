/*
 * chain.h
 *		The history of an agent in its order, and its seals.
 */
#ifndef LA_CHAIN_H
#define LA_CHAIN_H

#include "postgres.h"

#include "executor/spi.h"

#include "chain_form.h"
#include "compat.h"
#include "query.h"

/* Most decisions of one seal. */
#define LA_SEALED_DECISIONS 1000

/* Rows in their order, one after the other, of which few are in memory. */
typedef struct LaItems
{
	LaQuery		query;
	const char *organization_id;
	const pg_uuid_t *agent_id;
	LaView		view;
	pg_uuid_t	after;			/* of decisions: those up to this id are read */
	bool		last_slice;
	int64		after_number;	/* of entries */
	Portal		portal;
	SPITupleTable *rows;
	uint64		count;
	uint64		next;

	/* The row that is at hand. */
	bool		ended;			/* there is none */
	int64		number;
	TimestampTz at;
	Datum		row;
} LaItems;

/* Decisions from that instant on; entries behind that number. */
extern void la_open_decisions(LaItems *items, const char *organization_id,
							  const pg_uuid_t *agent_id, TimestampTz since, LaView view);
extern void la_open_entries(LaItems *items, const char *organization_id,
							const pg_uuid_t *agent_id, int64 after, LaView view);
extern void la_next_item(LaItems *items);
extern void la_close_items(LaItems *items);

/* Hashes a row, and a seal; scratch is empty afterwards. */
extern void la_hash_row(uint8 *head, MemoryContext scratch, LaItemKind kind, Datum row);
extern void la_hash_seal(uint8 *head, const char *organization_id, const pg_uuid_t *agent_id,
						 const LaSeal *seal);

/* A context for la_hash_row(), which is the caller's to delete. */
extern MemoryContext la_scratch(void);

/* Where the chain begins: number 0, or behind what a purge has forgotten. */
extern void la_chain_start(LaSeal *seal, const char *organization_id, const pg_uuid_t *agent_id,
						   LaView view);

/* The last seal; where there is none, the start. */
extern void la_last_seal(LaSeal *seal, const char *organization_id, const pg_uuid_t *agent_id,
						 LaView view);

/* From a row of a statement that selects SEAL_COLUMNS. */
extern void la_read_seal(LaSeal *seal, Datum *values, bool *nulls);

/*
 * Seals on from seal, which is the last one and becomes the new last one, up to
 * that decision and that entry, by at most so many seals; says how many it made.
 * The agent's queue and its counter's row are locked.  55000 chain_broken.
 */
extern int	la_seal_up_to(LaSeal *seal, const char *organization_id, const pg_uuid_t *agent_id,
						  int64 sequence, int64 entry_number, int most);

/* 55000 chain_broken: of the agent this is missing. */
pg_noreturn extern void la_chain_is_broken(const pg_uuid_t *agent_id, const char *what, int64 number);

#endif							/* LA_CHAIN_H */
