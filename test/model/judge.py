"""The judge: every check of the contract in its published order, on what the books say at one instant."""

from decimal import Decimal

from books import MOST
from rules import ORDER, begins, overlaps
from windows import DAY, LENGTH, MINUTE, PLACE, Zone, active, rolls


class Verdict:
    """What is to be answered, and what follows from it."""

    def __init__(self):
        self.reasons = []
        self.failed = []      # (scope, rule, limit, spent, remaining, window_start, next_reset)
        self.most = None      # max_approvable
        self.remaining = None
        self.attestation = None
        self.intent = None    # the intent that is used up, or waits
        self.mismatched = False
        self.drift = None     # what onDrift says, where the merchant is another one
        self.exceeded = False # the agent's own limit

    @property
    def approved(self):
        return not self.reasons


class Request:
    __slots__ = ("amount", "currency", "merchant", "name", "mcc", "country", "card", "intent")

    def __init__(self, amount, currency, merchant, name, mcc, country, card, intent):
        self.amount = amount
        self.currency = currency
        self.merchant = merchant
        self.name = name
        self.mcc = mcc
        self.country = country
        self.card = card
        self.intent = intent


def life_ends(card, behaviour):
    """The instant at which the card's life is over, or None."""
    ends = []
    if "ttlMinutes" in behaviour:
        ends.append(card.created_at + behaviour["ttlMinutes"] * MINUTE)
    if "ttlDays" in behaviour:
        ends.append(card.created_at + behaviour["ttlDays"] * DAY)
    return min(ends) if ends else None


def kill_switch(o, g, k, behaviour, at, increment):
    """The one reason that stops everything, or None."""
    if o.status == "suspended":
        return "organization_suspended"
    if o.customer(g.customer).status == "suspended":
        return "customer_suspended"
    if g.status != "active":
        return "agent_" + g.status
    if k is None:
        required = behaviour.get("requireCard", g.has_cards)
        return "card_required" if required and not increment else None
    if k.status != "active" and k.why != "ttl_expired":
        return "card_" + k.status
    ends = life_ends(k, behaviour)
    if k.status != "active" or ends is not None and at >= ends:
        return "card_expired"
    if k.single and k.uses > 0 and not increment:
        return "card_consumed"
    return None


class Limit:
    """One limit that applies: how much it leaves at this instant, and until when."""

    __slots__ = ("reason", "scope", "rule", "most", "spent", "currency", "mismatch", "start", "reset", "declines", "windowed")

    def __init__(self, scope, rule, most, spent, currency, start=None, reset=None, declines=True, windowed=True, mismatch=False):
        self.reason = scope + "_limit_exceeded"
        self.scope = scope
        self.rule = rule
        self.most = most
        self.spent = spent
        self.currency = currency
        self.mismatch = mismatch
        self.start = start
        self.reset = reset
        self.declines = declines
        self.windowed = windowed


def spending_limit(o, owner, scope, currency, at, had, declines=True):
    """The limit in the columns of an organization, a customer, an agent or a card."""
    frequency, mode = owner.frequency, owner.mode
    if frequency == "perTransaction":
        return Limit(scope.name, "spendingLimit", owner.limit, had, currency, declines=declines)
    bounds = o.bounds(at)
    spent = scope.spent(frequency, mode, at, bounds)
    start, reset = window(scope, frequency, mode, at, bounds)
    return Limit(scope.name, "spendingLimit", owner.limit, spent, currency, start, reset, declines)


def window(scope, frequency, mode, at, bounds):
    if frequency in ("perTransaction", "allTime"):
        return None, None
    if not rolls(frequency, mode):
        return bounds[PLACE[frequency]]
    oldest = scope.oldest(frequency, at)
    # The first instant inside, as for all windows.
    return at - LENGTH[frequency] + 1, None if oldest is None else oldest + LENGTH[frequency]


def limits(o, g, k, rules, at, had):
    """All limits of all scopes that apply, from the narrowest to the widest."""
    found = []
    customer = o.customer(g.customer)
    if k is not None:
        if k.max_amount is not None:
            found.append(Limit("card", "maxAmount", k.max_amount, had, g.currency, windowed=False))
        if k.limit is not None:
            found.append(spending_limit(o, k, k.scope, g.currency, at, had))
    if g.limit is not None:
        found.append(spending_limit(o, g, g.scope, g.currency, at, had, g.on_exceeded in ("decline", "suspend")))
    if customer.limit is not None:
        found.append(spending_limit(o, customer, customer.scope, o.currency, at, had))
    if o.limit is not None:
        found.append(spending_limit(o, o, o.scope, o.currency, at, had))
    scopes = {"card": k, "agent": g, "customer": customer}
    for amount in rules.amounts:
        scope = scopes[amount.scope].scope
        if amount.rule == "perAuth":
            found.append(Limit(scope.name, "perAuth", amount.most, had, amount.currency, windowed=False))
        elif amount.rule == "cumulativeMax":
            found.append(Limit(scope.name, "cumulativeMax", amount.most, scope.total, amount.currency, mismatch=amount.always_mismatch))
        elif amount.rule != "maxAuthCount":
            bounds = o.bounds(at)[0 if amount.rule == "perDay" else 2]
            spent = scope.sums[0 if amount.rule == "perDay" else 2].get(bounds[0], 0)
            found.append(Limit(scope.name, amount.rule, amount.most, spent, amount.currency, *bounds, mismatch=amount.always_mismatch))
    return found


def behave(o, g, k, rules, request, at, verdict):
    """Hours, lists, merchants, cooldown, counts and attestations."""
    behaviour = rules.behaviour
    memory = g if k is None else k
    reasons = verdict.reasons
    if "activeHoursStart" in behaviour or "activeDays" in behaviour:
        zone = Zone.named(behaviour["activeTimezone"]) if "activeTimezone" in behaviour else o.zone
        if not active(zone, at, behaviour.get("activeHoursStart"), behaviour.get("activeHoursEnd"), behaviour.get("activeDays")):
            reasons.append("outside_active_hours")
    name = request.name
    reasons += rules.list_reasons(request.mcc, request.country, name)
    if behaviour.get("lockToFirstMerchant") and (not name or memory.first is not None and not begins(name, memory.first)):
        reasons.append("merchant_locked")
    drift = behaviour.get("onDrift", "allow")
    if drift != "allow":
        hint = o.words(behaviour["merchantHint"]) if "merchantHint" in behaviour else None
        expected = hint if hint is not None else memory.first
        other = expected is not None and not overlaps(name, expected)
        if other:
            verdict.drift = drift
            if drift != "alert":
                reasons.append("merchant_drift")
    if "cooldownMinutes" in behaviour and memory.last is not None and at < memory.last + behaviour["cooldownMinutes"] * MINUTE:
        reasons.append("cooldown_active")
    scopes = {"card": k, "agent": g, "customer": o.customer(g.customer)}
    for amount in rules.amounts:
        if amount.rule == "maxAuthCount" and scopes[amount.scope].scope.count >= amount.most:
            if "auth_count_exceeded" not in reasons:
                reasons.append("auth_count_exceeded")
            count = scopes[amount.scope].scope.count
            verdict.failed.append((amount.scope, "maxAuthCount", amount.most, count, 0, None, None))
    if memory.attested is not None:
        fresh = at < memory.attested + behaviour.get("attestationWindowMinutes", 10) * MINUTE
        verdict.attestation = "attested" if fresh else "stale"
    if behaviour.get("requireAttestation") and verdict.attestation != "attested":
        reasons.append("attestation_required")


def fits(intent, request, tolerance):
    """Whether an intent is for this request."""
    if intent.card is not None and intent.card != request.card or intent.currency != request.currency:
        return False
    if intent.parked and (intent.card != request.card or intent.name != request.name):
        return False
    if intent.amount is not None:
        off = abs(request.amount - intent.amount)
        if intent.tolerance is not None:
            if off > intent.tolerance:
                return False
        elif intent.percent is not None:
            if off * 100 > intent.amount * intent.percent:
                return False
        elif off > intent.amount * tolerance:
            return False
    if intent.name and not overlaps(request.name, intent.name):
        return False
    return intent.mccs is None or request.mcc in intent.mccs


def needs_approval(rules, amount, currency):
    """An amount of another currency is not known to be below autoApproveBelow."""
    behaviour = rules.behaviour
    if not behaviour.get("requireApproval"):
        return False
    return amount is None or not ("autoApproveBelow" in behaviour and rules.approval_currency == currency and amount < behaviour["autoApproveBelow"])


def consent(o, g, rules, request, at):
    """Intents and approval: the reasons, the intent that is used or waits, whether it is mismatched."""
    behaviour = rules.behaviour
    need_intent = behaviour.get("requireIntent", False)
    need_yes = needs_approval(rules, request.amount, request.currency)
    tolerance = behaviour.get("intentTolerance", Decimal("0.1"))
    on_mismatch = behaviour.get("onIntentMismatch", "alert")
    reasons = []

    def mismatch(intent):
        if need_intent or need_yes or on_mismatch == "decline":
            reasons.append("intent_mismatch")
            if need_yes:
                reasons.append("approval_required")
            return reasons, None, False
        return reasons, intent, True

    if request.intent is not None:
        intent = o.intents[request.intent]
        status = intent.status_at(at)
        if status == "pending_approval":
            return ["approval_required"], intent, False
        if status != "pending":
            return ["intent_not_usable"] + ["approval_required"] * need_yes, None, False
        if not fits(intent, request, tolerance):
            return mismatch(intent)
        if need_yes and not intent.approved:
            return ["approval_required"], None, False
        return [], intent, False

    pending = [i for i in g.open_intents(at) if i.status == "pending" and i.card in (None, request.card)]
    matching = [i for i in pending if fits(i, request, tolerance)]
    if need_yes:
        usable = [i for i in matching if i.approved]
        if usable:
            return [], usable[0], False
        if matching:
            return ["approval_required"], None, False
    if matching:
        return [], matching[0], False
    if pending:
        return mismatch(pending[0])
    return ["intent_required"] * need_intent + ["approval_required"] * need_yes, None, False


def judge(o, g, k, request, at, had=None):
    """had: what the hold has that is to get more; None: a new authorization."""
    verdict = Verdict()
    increment = had is not None
    rules = o.ruleset(g, k)
    switch = kill_switch(o, g, k, rules.behaviour, at, increment)
    if switch is not None:
        verdict.reasons = [switch]
        memory = g if k is None else k
        if memory.attested is not None and not increment:
            fresh = at < memory.attested + rules.behaviour.get("attestationWindowMinutes", 10) * MINUTE
            verdict.attestation = "attested" if fresh else "stale"
        return verdict
    if not increment:
        behave(o, g, k, rules, request, at, verdict)

    amount = request.amount
    room = MOST
    remaining = None
    hard = False
    over = set()
    for limit in limits(o, g, k, rules, at, had or 0):
        if limit.currency != request.currency or limit.mismatch:
            over.add("currency_mismatch")
            hard = True
            verdict.failed.append((limit.scope, "currency", None, None, None, None, None))
            continue
        left = limit.most - limit.spent
        if limit.declines:
            room = min(room, left)
        if limit.windowed:
            remaining = left - amount if remaining is None else min(remaining, left - amount)
        if amount > left:
            if limit.scope == "agent" and limit.rule == "spendingLimit":
                verdict.exceeded = True
            if limit.declines:
                over.add(limit.reason)
                verdict.failed.append((limit.scope, limit.rule, limit.most, limit.spent, max(left, 0), limit.start, limit.reset))
    verdict.reasons += over
    before = bool(verdict.reasons) and any(not r.endswith("_limit_exceeded") for r in verdict.reasons)
    if not increment:
        why, verdict.intent, verdict.mismatched = consent(o, g, rules, request, at)
        verdict.reasons += why
    verdict.reasons.sort(key=ORDER.get)
    if not before and not hard:
        verdict.most = most(o, g, k, rules, request, at, room, increment)
    if verdict.approved:
        verdict.remaining = None if remaining is None else max(remaining, 0)
    return verdict


def most(o, g, k, rules, request, at, room, increment):
    """The largest amount that passes all checks that look at amounts, or None. What intents say changes only beside their bounds."""
    room = min([room, MOST] + [MOST - s.total for s in (g.scope, k and k.scope) if s and s.currency == request.currency])
    if room < 1:
        return None
    behaviour = rules.behaviour
    if increment or request.intent is None and not (behaviour.get("requireIntent") or behaviour.get("requireApproval")) and not any(True for _ in g.open_intents(at)):
        return room
    bounds = {room}
    if "autoApproveBelow" in behaviour:
        bounds.add(behaviour["autoApproveBelow"] - 1)
    tolerance = behaviour.get("intentTolerance", Decimal("0.1"))
    named = [o.intents[request.intent]] if request.intent is not None else g.open_intents(at)
    for intent in named:
        if intent.amount is not None:
            share = intent.tolerance if intent.tolerance is not None else int(
                intent.amount * intent.percent // 100 if intent.percent is not None else intent.amount * tolerance)
            bounds.add(intent.amount + share)
            bounds.add(intent.amount - share - 1)
    asked = request.amount
    try:
        for bound in sorted(bounds, reverse=True):
            if 1 <= bound <= room:
                request.amount = bound
                if not consent(o, g, rules, request, at)[0]:
                    return bound
    finally:
        request.amount = asked
    return None
