"""Waiting: whether a declined request passes at a later instant, if nothing is spent, released or changed before.

What counts then is summed anew from the parts, so that this also proves the sums that are kept.
"""

from books import OPEN
from judge import life_ends
from difference import Difference
from windows import LENGTH, MINUTE, PLACE, Zone, active, rolls

# Of these, some pass by time alone.
HEALS = {"cooldown_active", "outside_active_hours", "auth_count_exceeded", "card_limit_exceeded", "agent_limit_exceeded", "customer_limit_exceeded", "organization_limit_exceeded"}


def spent_then(o, scope, frequency, mode, then):
    total = 0
    bounds = None if frequency == "allTime" or rolls(frequency, mode) else o.bounds(then)[PLACE[frequency]]
    for part in scope.parts:
        if bounds is not None and not bounds[0] <= part.at < bounds[1]:
            continue
        if bounds is None and frequency != "allTime" and part.at <= then - LENGTH[frequency]:
            continue
        over = part.expires_at is not None and part.expires_at <= then
        total += part.captured - part.refunded if over and part.held() > 0 else part.counted
    return total


def counting_then(o, scope, then):
    return sum(1 for hold in o.holds.values() if hold.counts and scope in hold.scopes and not (hold.status == "authorized" and hold.expires_at is not None and hold.expires_at <= then))


def passes(o, g, k, request, had, then):
    """Every check that time may turn, for a request without open intents."""
    rules = o.ruleset(g, k)
    behaviour = rules.behaviour
    memory = g if k is None else k
    customer = o.customer(g.customer)
    if k is not None:
        ends = life_ends(k, behaviour)
        if ends is not None and then >= ends:
            return False
    owners = [(o, o.scope), (customer, customer.scope)] + ([(g, g.scope)] if g.on_exceeded in ("decline", "suspend") else []) + ([(k, k.scope)] if k is not None else [])
    for owner, scope in owners:
        if owner.limit is not None:
            spent = had or 0 if owner.frequency == "perTransaction" else spent_then(o, scope, owner.frequency, owner.mode, then)
            if spent + request.amount > owner.limit:
                return False
    if k is not None and k.max_amount is not None and (had or 0) + request.amount > k.max_amount:
        return False
    scopes = {"card": k and k.scope, "agent": g.scope, "customer": customer.scope}
    for amount in rules.amounts:
        scope = scopes[amount.scope]
        if amount.rule == "maxAuthCount":
            if had is None and counting_then(o, scope, then) >= amount.most:
                return False
            continue
        frequency = {"perDay": "per24HourPeriod", "perMonth": "perMonth", "cumulativeMax": "allTime"}.get(amount.rule)
        spent = had or 0 if frequency is None else spent_then(o, scope, frequency, "calendar", then)
        if spent + request.amount > amount.most:
            return False
    if had is not None:
        return True
    if "cooldownMinutes" in behaviour and memory.last is not None and then < memory.last + behaviour["cooldownMinutes"] * MINUTE:
        return False
    if behaviour.get("requireAttestation") and then >= memory.attested + behaviour.get("attestationWindowMinutes", 10) * MINUTE:
        return False
    zone = Zone.named(behaviour["activeTimezone"]) if "activeTimezone" in behaviour else o.zone
    return active(zone, then, behaviour.get("activeHoursStart"), behaviour.get("activeHoursEnd"), behaviour.get("activeDays"))


def check(o, g, k, request, had, row, over):
    """The instant that a decline told: it passes then, and not just before. None: not at an instant at which something ends, either.

    over: when the hold ends that was to get more; from then on nobody is told to try again.
    """
    if not set(row.reasons) <= HEALS:
        if "intent_mismatch" not in row.reasons and "approval_required" not in row.reasons and "intent_required" not in row.reasons and row.retry_at is not None:
            raise Difference("retry_at of what time does not heal", row.retry_at, None)
        return
    if had is None and (request.intent is not None or any(True for _ in g.open_intents(row.decided_at))):
        return
    then = row.retry_at
    if then is None:
        ends = {hold.expires_at for hold in o.holds.values() if hold.expires_at is not None and hold.status in OPEN}
        for other in sorted(ends | {end for start, end in o.bounds(row.decided_at)}):
            if row.decided_at < other and (over is None or other < over) and passes(o, g, k, request, had, other):
                raise Difference("retry_at", None, other)
    elif not passes(o, g, k, request, had, then):
        raise Difference("retry_at: passes then", then, False)
    elif then > row.decided_at and passes(o, g, k, request, had, then - 1):
        raise Difference("retry_at: passes before", then, True)
