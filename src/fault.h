/*
 * fault.h
 *		Failing on purpose; only in what make FAULT=1 builds, which is for tests.
 *
 * la_fault() stands wherever the server is asked for a statement, a row or a lock:
 * before, and where something has been done then, also after.  Elsewhere than in
 * such a build it is nothing.
 */
#ifndef LA_FAULT_H
#define LA_FAULT_H

#ifdef LA_FAULT
/* Fails here if it is this place's turn; see fault.c. */
extern void la_fault(const char *place);
#else
#define la_fault(place) ((void) 0)
#endif

#endif							/* LA_FAULT_H */
