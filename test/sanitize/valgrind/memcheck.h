/*
 * valgrind/memcheck.h
 *		What the server tells valgrind of its memory, told to AddressSanitizer.
 *
 * Built with USE_VALGRIND the server announces what may be touched: a chunk of
 * palloc() until pfree() or until its context is reset, a buffer as long as it is
 * pinned.  Without this the sanitizer knows of whole blocks and of nothing in
 * shared memory.  What is readable but not yet written is valgrind's business.
 */
#ifndef LA_MEMCHECK_H
#define LA_MEMCHECK_H

#include <sanitizer/asan_interface.h>

#define VALGRIND_MAKE_MEM_NOACCESS(address, size) \
	ASAN_POISON_MEMORY_REGION((address), (size))
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size) \
	ASAN_UNPOISON_MEMORY_REGION((address), (size))
#define VALGRIND_MAKE_MEM_DEFINED(address, size) \
	ASAN_UNPOISON_MEMORY_REGION((address), (size))
#define VALGRIND_CHECK_MEM_IS_DEFINED(address, size) ((void) 0)

/* What is freed the server has overwritten before (CLOBBER_FREED_MEMORY), and then forbidden. */
#define VALGRIND_CREATE_MEMPOOL(pool, redzone, zeroed) ((void) 0)
#define VALGRIND_DESTROY_MEMPOOL(pool) ((void) 0)
#define VALGRIND_MEMPOOL_TRIM(pool, address, size) ((void) 0)
#define VALGRIND_MEMPOOL_FREE(pool, address) ((void) 0)
#define VALGRIND_MEMPOOL_ALLOC(pool, address, size) \
	ASAN_UNPOISON_MEMORY_REGION((address), (size))
#define VALGRIND_MEMPOOL_CHANGE(pool, old_address, address, size) \
	ASAN_UNPOISON_MEMORY_REGION((address), (size))

#endif							/* LA_MEMCHECK_H */
