/*
 * forecast.h
 *		Which wider queues a decision will want, before anything has been read.
 *
 * A guess from the agent's last decision in this backend.  With it the queues
 * of the customer and the organization are taken before the configuration
 * locks, and one gathering does; without it everything is gathered twice.  A
 * wrong guess costs a wait or a second gathering, never a wrong answer.
 */
#ifndef LA_FORECAST_H
#define LA_FORECAST_H

#include "postgres.h"

#include "counter.h"

typedef struct LaForecast
{
	uint64		agent;			/* the number of the agent's lock */
	uint64		customer;		/* that of its customer's */
	LaScope		widest;			/* whose queue was wanted; LA_AGENT: none but
								 * the agent's */
} LaForecast;

/* LA_AGENT where nothing is known. */
extern LaForecast la_forecast(uint64 agent);
extern void la_note_forecast(uint64 agent, uint64 customer, LaScope widest);

#endif							/* LA_FORECAST_H */
