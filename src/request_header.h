/*
 * request_header.h
 *		Headers of the HTTP request that PostgREST is answering.
 */
#ifndef LA_REQUEST_HEADER_H
#define LA_REQUEST_HEADER_H

/* The value of the header of that name, in lower case; NULL: the request has none, or there is no request. */
extern const char *la_request_header(const char *name);

#endif							/* LA_REQUEST_HEADER_H */
