/*
 * forecast.c
 *		Which wider queues a decision will want; see forecast.h.
 */
#include "postgres.h"

#include "forecast.h"

/* Agents of one place replace each other. */
#define FORECASTS 4096

static LaForecast forecasts[FORECASTS];

LaForecast
la_forecast(uint64 agent)
{
	LaForecast	none = {.agent = agent, .widest = LA_AGENT};
	const LaForecast *forecast = &forecasts[agent % FORECASTS];

	return forecast->agent == agent ? *forecast : none;
}

void
la_note_forecast(uint64 agent, uint64 customer, LaScope widest)
{
	LaForecast *forecast = &forecasts[agent % FORECASTS];

	forecast->agent = agent;
	forecast->customer = customer;
	forecast->widest = widest;
}
