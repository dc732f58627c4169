/*
 * valgrind/valgrind.h
 *		The rest of what a server built with USE_VALGRIND asks for; see memcheck.h.
 */
#ifndef LA_VALGRIND_H
#define LA_VALGRIND_H

#define RUNNING_ON_VALGRIND 0
#define VALGRIND_COUNT_ERRORS 0
#define VALGRIND_PRINTF(...) ((void) 0)

#endif							/* LA_VALGRIND_H */
