/*
 * hold.c
 *		What becomes of an authorization's money; see hold.h.
 */
#include "postgres.h"

#include "amount.h"
#include "errors.h"
#include "hold.h"

static const char *const status_labels[] = {
	"declined", "authorized", "partially_captured", "captured", "reversed", "expired", "refunded"
};

/* The state machine: which verb may be used in which state. */
static const bool allowed[LA_HOLD_VERBS][
										 lengthof(status_labels)] =
{
	[LA_INCREMENT] =
	{
		[LA_HOLD_AUTHORIZED] = true
	},
		[LA_CAPTURE] =
	{
		[LA_HOLD_AUTHORIZED] = true,[LA_HOLD_PARTIALLY_CAPTURED] = true
	},
		[LA_REVERSAL] =
	{
		[LA_HOLD_AUTHORIZED] = true,[LA_HOLD_PARTIALLY_CAPTURED] = true
	},
		[LA_REFUND] =
	{
		[LA_HOLD_PARTIALLY_CAPTURED] = true,[LA_HOLD_CAPTURED] = true
	},
		[LA_EXPIRY] =
	{
		[LA_HOLD_AUTHORIZED] = true,[LA_HOLD_PARTIALLY_CAPTURED] = true
	},
		[LA_FORCED_CAPTURE] =
	{
		[LA_HOLD_AUTHORIZED] = true,[LA_HOLD_PARTIALLY_CAPTURED] = true,
			[LA_HOLD_EXPIRED] = true
	},
};

LaHoldStatus
la_hold_status(const char *label)
{
	for (int i = 0; i < lengthof(status_labels); i++)
		if (strcmp(label, status_labels[i]) == 0)
			return i;
	elog(ERROR, "unknown status \"%s\"", label);
}

const char *
la_hold_status_label(LaHoldStatus status)
{
	return status_labels[status];
}

const char *
la_verb_label(LaHoldVerb verb)
{
	static const char *const labels[LA_HOLD_VERBS] = {
		"increment", "capture", "reversal", "refund", "expiry", "capture"
	};

	return labels[verb];
}

void
la_require_state(const LaHold *hold, LaHoldVerb verb)
{
	static const char *const participles[LA_HOLD_VERBS] = {
		"incremented", "captured", "reversed", "refunded", "expired", "captured"
	};

	if (allowed[verb][hold->status])
		return;
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("authorization cannot be %s", participles[verb]),
			la_detail("invalid_state", "authorization_id", "It is %s.",
					  status_labels[hold->status]),
			verb == LA_CAPTURE && hold->status == LA_HOLD_EXPIRED ?
			errhint("What the merchant takes all the same is captured with force => true.") : 0);
}

static int64
held(const LaPart *part)
{
	return la_subtract(part->counted, la_subtract(part->captured, part->refunded));
}

static int64
asked(const LaPart *part)
{
	return part->amount;
}

static int64
kept(const LaPart *part)
{
	return la_subtract(part->amount, part->reversed);
}

static int64
captured(const LaPart *part)
{
	return part->captured;
}

static int64
refunded(const LaPart *part)
{
	return part->refunded;
}

/* An amount of all parts together. */
static int64
sum(const LaHold *hold, int64 (*of) (const LaPart *part))
{
	int64		total = 0;

	for (int i = 0; i < hold->nparts; i++)
		total = la_add(total, of(&hold->parts[i]));
	return total;
}

int64
la_hold_authorized(const LaHold *hold)
{
	return sum(hold, asked);
}

int64
la_hold_total(const LaHold *hold)
{
	return sum(hold, kept);
}

int64
la_hold_held(const LaHold *hold)
{
	return sum(hold, held);
}

int64
la_hold_captured(const LaHold *hold)
{
	return sum(hold, captured);
}

int64
la_hold_refunded(const LaHold *hold)
{
	return sum(hold, refunded);
}

bool
la_hold_is_over(const LaHold *hold, TimestampTz at)
{
	return allowed[LA_EXPIRY][hold->status] && hold->expires && hold->expires_at <= at;
}

/* Nothing is held any more, and something was captured. */
static LaHoldStatus
settled_status(const LaHold *hold)
{
	return la_hold_refunded(hold) < la_hold_captured(hold) ? LA_HOLD_CAPTURED : LA_HOLD_REFUNDED;
}

/* Gives back so much of what is held, the newest first. */
static void
release(LaHold *hold, int64 amount, bool reversal)
{
	for (int i = hold->nparts - 1; i >= 0 && amount > 0; i--)
	{
		LaPart	   *part = &hold->parts[i];
		int64		share = Min(held(part), amount);

		part->counted = la_subtract(part->counted, share);
		part->released = la_add(part->released, share);
		if (reversal)
			part->reversed = la_add(part->reversed, share);
		part->changed = true;
		amount -= share;
	}
	Assert(amount == 0);
}

void
la_hold_capture(LaHold *hold, int64 amount, bool final)
{
	int64		above = amount;
	LaPart	   *first = &hold->parts[0];

	for (int i = 0; i < hold->nparts; i++)
	{
		LaPart	   *part = &hold->parts[i];
		int64		share = Min(held(part), above);

		part->captured = la_add(part->captured, share);
		above -= share;
		part->changed = true;
	}
	/* What is above the hold counts where the hold was decided. */
	first->captured = la_add(first->captured, above);
	first->counted = la_add(first->counted, above);
	first->added = la_add(first->added, above);
	if (final)
		release(hold, la_hold_held(hold), false);
	hold->status = la_hold_held(hold) == 0 ? settled_status(hold) : LA_HOLD_PARTIALLY_CAPTURED;
}

void
la_hold_reverse(LaHold *hold, int64 amount)
{
	release(hold, amount, true);
	if (la_hold_held(hold) > 0)
		return;
	hold->status = hold->status == LA_HOLD_AUTHORIZED ? LA_HOLD_REVERSED : settled_status(hold);
}

void
la_hold_refund(LaHold *hold, int64 amount)
{
	for (int i = hold->nparts - 1; i >= 0 && amount > 0; i--)
	{
		LaPart	   *part = &hold->parts[i];
		int64		share = Min(la_subtract(part->captured, part->refunded), amount);

		part->refunded = la_add(part->refunded, share);
		part->counted = la_subtract(part->counted, share);
		part->released = la_add(part->released, share);
		part->changed = true;
		amount -= share;
	}
	Assert(amount == 0);
	if (hold->status == LA_HOLD_CAPTURED)
		hold->status = settled_status(hold);
}

void
la_hold_expire(LaHold *hold)
{
	release(hold, la_hold_held(hold), false);
	hold->status = hold->status == LA_HOLD_AUTHORIZED ? LA_HOLD_EXPIRED : settled_status(hold);
}
