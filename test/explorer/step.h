/*
 * step.h
 *		How steps are put together, and those that there are.
 */
#ifndef STEP_H
#define STEP_H

#include "explorer.h"

/* step.c: a step begins with its verb, is given its parameters, and told in words. */
extern void begin_step(Session *session, Verb verb);
extern void give(Session *session, const char *text);
extern void give_number(Session *session, int64_t number);
extern void show(Session *session, const char *format,...) __attribute__((format(printf, 2, 3)));

/* spend_step.c; of each: false where it is not possible now. */
extern void make_request(Request *request);
extern bool choose_authorize(Session *session);
extern bool choose_authorize_as(Session *session);
extern bool choose_authorize_many(Session *session);
extern bool choose_evaluate(Session *session);
extern bool choose_capture(Session *session);
extern bool choose_reverse(Session *session);
extern bool choose_refund(Session *session);
extern bool choose_increment(Session *session);

/* rule_step.c */
extern bool choose_agent_change(Session *session);
extern bool choose_customer_change(Session *session);
extern bool choose_organization_change(Session *session);
extern bool choose_policy_change(Session *session);
extern bool choose_policy_creation(Session *session);
extern bool choose_revocation(Session *session);
extern bool choose_freeze(Session *session);
extern bool choose_unfreeze(Session *session);
extern bool choose_card_creation(Session *session);
extern bool choose_declaration(Session *session);
extern bool choose_approval(Session *session);
extern bool choose_rejection(Session *session);
extern bool choose_cancellation(Session *session);

#endif
