/*
 * malloc.c
 *		For 031_memory.pl: what a backend has of malloc() and has not given back.
 *
 * The server's memory contexts are in it, and what is allocated beside them.
 * What the kernel says of a process is no measure of that: it comes and goes by
 * megabytes, with what lies between the pieces.
 */
#include "postgres.h"

#include <malloc.h>

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(held_of_malloc);

/*
 * memory.of_malloc() returns bigint
 *		Bytes.
 */
Datum
held_of_malloc(PG_FUNCTION_ARGS)
{
	struct mallinfo2 info = mallinfo2();

	PG_RETURN_INT64(info.uordblks + info.hblkhd);
}
