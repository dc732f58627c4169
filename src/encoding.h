/*
 * encoding.h
 *		Texts that can leave the database.
 *
 * Seals and webhooks are made of UTF-8, whatever the database's encoding is.  A
 * text that UTF-8 does not have must not be stored: it would make them fail
 * whenever they came to it.
 */
#ifndef LA_ENCODING_H
#define LA_ENCODING_H

/* Errors: 22P05 or 22021, the server's own.  In a database of UTF8 there are none. */
extern void la_check_encoding(const char *text);

#endif							/* LA_ENCODING_H */
