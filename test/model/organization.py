"""One organization: its configuration, its books, and what each operation makes of them.

Each operation is judged here first; then the answer that is stored is compared. A difference ends the replay of the organization, because
all that follows would differ, too.
"""

import heapq

import retry
import rules
from books import MOST, OPEN, Hold, Part, Refused, Scope
from judge import Request, judge, life_ends
from difference import Difference, same
from windows import MINUTE, Zone


# Of declines the one whose retry_at is looked at; it sums anew.
RETRY_EVERY = 5


class Limited:
    """Whatever has a limit in its columns."""

    def __init__(self):
        self.limit = None
        self.frequency = "perMonth"
        self.mode = None
        self.status = "active"
        self.policy = None

    def take(self, values):
        for field, name in self.FIELDS.items():
            if field in values:
                setattr(self, name, values[field])

    FIELDS = {"spending_limit": "limit", "spending_limit_frequency": "frequency", "window_mode": "mode", "status": "status", "policy": "policy"}


class Customer(Limited):
    def __init__(self, currency):
        super().__init__()
        self.scope = Scope("customer", currency)


class Agent(Limited):
    FIELDS = dict(Limited.FIELDS, on_limit_exceeded="on_exceeded", default_policy_id="template")

    def __init__(self, id, customer, currency):
        super().__init__()
        self.id = id
        self.customer = customer
        self.currency = currency
        self.scope = Scope("agent", currency)
        self.on_exceeded = "decline"
        self.template = None
        self.has_cards = False
        self.cards = []
        self.first = self.last = self.attested = None
        self.sequence = 0
        self.entries = []
        self.keys = {}
        self.intents = []

    def open_intents(self, at):
        """Those that wait, the oldest first."""
        for intent in self.intents:
            if intent.status in ("pending", "pending_approval") and at < intent.expires_at:
                yield intent


class Card(Limited):
    FIELDS = dict(Limited.FIELDS, max_amount="max_amount", policy_id="template")

    def __init__(self, id, agent, values, at):
        super().__init__()
        self.id = id
        self.agent = agent
        self.single = values["type"] == "single"
        self.created_at = at
        self.scope = Scope("card", agent.currency)
        self.why = None
        self.max_amount = self.template = None
        self.first = self.last = self.attested = None
        self.uses = 0
        self.captured = self.captured_count = 0

    def become(self, status, why):
        self.status = status
        self.why = why


class Intent:
    def __init__(self, row, name):
        self.id = row.id
        self.agent = row.agent_id
        self.card = row.card_id
        self.amount = row.expected_amount
        self.currency = row.expected_currency
        self.name = name
        self.mccs = row.expected_mccs
        self.tolerance = row.tolerance
        self.percent = row.tolerance_percent
        self.ttl = row.ttl_minutes * MINUTE
        self.created_at = row.created_at
        self.expires_at = row.created_at + self.ttl
        self.parked = row.parked
        self.approved = False
        self.status = None
        self.used_by = None

    def status_at(self, at):
        if self.status in ("pending", "pending_approval") and at >= self.expires_at:
            return "expired"
        return self.status


class Organization(Limited):
    words = staticmethod(rules.words)

    def __init__(self, history):
        super().__init__()
        self.history = history
        self.id = history.id
        self.currency = "USD"
        self.zone = Zone.named("UTC")
        self.tolerance = 0
        self.scope = Scope("organization", "USD")
        self.customers = {}
        self.agents = {}
        self.cards = {}
        self.templates = {}
        self.intents = {}
        self.holds = {}
        self.parts = {}
        self.expiring = []
        self.rulesets = {}
        self.at = None

    # What is known of it.

    def bounds(self, at):
        return self.zone.windows(at)

    def customer(self, id):
        if id not in self.customers:
            self.customers[id] = Customer(self.currency)
        return self.customers[id]

    def scopes_of(self, g, k):
        found = [g.scope, self.customer(g.customer).scope, self.scope]
        return found if k is None else [k.scope] + found

    def ruleset(self, g, k):
        key = (g.id, k and k.id)
        if key not in self.rulesets:
            levels = [("card", k.policy, self.templates.get(k.template), g.currency)] if k is not None else []
            levels.append(("agent", g.policy, self.templates.get(g.template) if k is None else None, g.currency))
            levels.append(("customer", self.customer(g.customer).policy, None, self.currency))
            self.rulesets[key] = rules.Ruleset(levels, self.currency)
        return self.rulesets[key]

    def advance(self, at):
        """Time goes on: what expires in between counts no longer."""
        self.at = at
        while self.expiring and self.expiring[0][0] <= at:
            hold = heapq.heappop(self.expiring)[2]
            if hold.status in OPEN:
                hold.expire()

    # Configuration, as configuration_changes tell it.

    def configure(self, row):
        values = row.new_values or {}
        kind, id = row.object_type, row.object_id
        self.rulesets.clear()
        if kind == "organization":
            self.take(values)
            if "currency" in values:
                self.currency = self.scope.currency = values["currency"]
            if "timezone" in values:
                self.zone = Zone.named(values["timezone"])
            self.tolerance = values.get("capture_tolerance_percent", self.tolerance)
        elif kind == "customer":
            self.customer(id).take(values)
        elif kind == "policy":
            if "rules" in values:
                self.templates[id] = values["rules"]
        elif kind == "agent":
            self.configure_agent(id, row.action, values)
        elif kind == "card":
            self.configure_card(id, row, values)

    def configure_agent(self, id, action, values):
        if action == "create":
            self.agents[id] = Agent(id, self.history.customer_of[id], values["currency"])
            self.customer(self.agents[id].customer)
        g = self.agents[id]
        before = g.status
        g.take(values)
        if action == "deregister":
            g.status = "deregistered"
            for k in g.cards:
                if k.status != "closed":
                    k.become("closed", "agent_deregistered")
        elif g.status != before:
            self.cards_follow(g)

    def cards_follow(self, g):
        for k in g.cards:
            if g.status == "suspended" and k.status == "active":
                k.become("frozen", "agent_suspended")
            elif g.status == "active" and k.status == "frozen" and k.why == "agent_suspended":
                k.become("active", None)

    def configure_card(self, id, row, values):
        if row.action == "create":
            g = self.agents[values["agent_id"]]
            k = self.cards[id] = Card(id, g, values, row.created_at)
            g.cards.append(k)
            g.has_cards = True
            k.take(values)
            return
        k = self.cards[id]
        why = values.get("status_reason")
        if row.action in ("freeze", "unfreeze", "close"):
            if why == "ttl_expired":
                behaviour = self.ruleset(k.agent, k).behaviour
                ends = life_ends(k, behaviour)
                if ends is None or ends > self.at:
                    raise Difference("life of card %s" % id, "over", ends)
                same("status of card %s swept" % id, values.get("status", k.status), "frozen" if behaviour.get("onExpiry") == "freeze" else "closed")
            elif why not in (None, "manual"):
                return
            elif row.action == "unfreeze" and row.old_values.get("status_reason") == "agent_suspended" and k.status == "active":
                return
            k.become(values.get("status", k.status), why)
        else:
            k.take(values)

    # Decisions.

    def decide(self, row):
        """A stored decision, increment or recorded spend: judged, compared, booked."""
        at = row.decided_at
        self.advance(at)
        g = self.agents[row.agent_id]
        g.sequence += 1
        same("sequence", row.sequence, g.sequence)
        same("customer", row.customer_id, g.customer)
        k = self.cards[row.card_id] if row.card_id else None
        if row.idempotency_key is not None and not row.increment_of:
            same("key is new", row.idempotency_key in g.keys, False)
            g.keys[row.idempotency_key] = row.id
        if row.recorded:
            return self.record(row, g, k)
        request = Request(row.amount, row.currency, row.merchant, rules.words(row.merchant), row.mcc, row.country, row.card_id, row.intent_id)
        had = None
        if row.increment_of:
            hold = self.holds[row.increment_of]
            had = hold.sum("amount") - hold.sum("reversed")
        verdict = judge(self, g, k, request, at, had)
        self.compare(row, verdict)
        if row.reasons and g.sequence % RETRY_EVERY == 0:
            retry.check(self, g, k, request, had, row, hold.expires_at if row.increment_of else None)
        if had is None:
            self.follow(row, g, k, request, verdict)
        else:
            self.book_increment(row, hold, verdict)
        spent = g.scope.spent(g.frequency, g.mode, at, self.bounds(at))
        same("agent_spent", row.agent_spent, spent)
        same("agent_limit", (row.agent_limit, row.agent_limit_frequency, row.on_limit_exceeded), (g.limit, g.frequency, g.on_exceeded_then))

    def compare(self, row, verdict):
        same("reasons", row.reasons, verdict.reasons or None)
        same("decision", row.decision, "approved" if verdict.approved else "declined")
        same("reason", row.reason, verdict.reasons[0] if verdict.reasons else None)
        if row.decision == "declined":
            stored = sorted(
                ((f[0], "currency", None, None, None, None, None) if f[1] == "currency" else f for f in row.failed_limits), key=repr)
            same("failed_limits", stored, sorted(verdict.failed, key=repr))
        self.same_most(self.agents[row.agent_id], self.cards.get(row.card_id), row.max_approvable, verdict.most)
        same("remaining", row.remaining, verdict.remaining)
        if not row.increment_of:
            same("attestation", row.attestation, verdict.attestation)
        g = self.agents[row.agent_id]
        g.on_exceeded_then = g.on_exceeded

    def same_most(self, g, k, stored, expected):
        """Without a limit it is what the counters can still hold; they may still hold what has expired and was not noted."""
        if expected is not None and expected > MOST // 2 and stored is not None:
            least = MOST - max(s.total + s.unnoted for s in self.scopes_of(g, k))
            same("max_approvable is one of %d to %d" % (least, expected), stored, min(max(stored, least), expected))
        else:
            same("max_approvable", stored, expected)

    def part_of(self, row, g, k):
        scopes = [s for s in self.scopes_of(g, k) if s.currency == row.currency]
        part = Part(row.id, row.decided_at, row.amount, [start for start, end in self.bounds(row.decided_at)], scopes)
        self.parts[row.id] = part
        part.expires_at = row.expires_at
        return part

    def hold_of(self, row, g, k):
        scopes = self.scopes_of(g, k)
        hold = Hold(row.id, g, k, row.currency, row.expires_at, bool(row.recorded), scopes)
        hold.parts.append(self.part_of(row, g, k))
        hold.start()
        self.holds[row.id] = hold
        if k is not None:
            k.uses += 1
            hold.uses = True
        if row.expires_at is not None:
            heapq.heappush(self.expiring, (row.expires_at, row.id, hold))
        return hold

    def follow(self, row, g, k, request, verdict):
        """What a decision changes."""
        memory = g if k is None else k
        if verdict.approved:
            hold = self.hold_of(row, g, k)
            memory.last = row.decided_at
            if memory.first is None and request.name:
                memory.first = request.name
            if verdict.intent is not None:
                hold.intent = verdict.intent
                verdict.intent.status = "mismatched" if verdict.mismatched else "matched"
                verdict.intent.used_by = row.id
            same("linked_intent_id", row.linked_intent_id, verdict.intent and verdict.intent.id)
            return
        if verdict.reasons == ["approval_required"]:
            self.park(row, g, request, verdict)
        else:
            same("linked_intent_id", row.linked_intent_id, None)
        if verdict.drift == "freeze" and k is not None:
            k.become("frozen", "merchant_drift")
        if verdict.reasons == ["agent_limit_exceeded"] and verdict.exceeded and g.on_exceeded == "suspend" and all(f[1] == "spendingLimit" for f in verdict.failed):
            self.suspend(g)

    def suspend(self, g):
        if g.status == "active":
            g.status = "suspended"
            self.cards_follow(g)

    def park(self, row, g, request, verdict):
        """The intent that waits for a human: the one that was named, one for the same request, or a new one."""
        if verdict.intent is not None:
            return same("linked_intent_id", row.linked_intent_id, verdict.intent.id)
        at = row.decided_at
        waiting = list(g.open_intents(at))
        for i in waiting:
            if i.parked and i.status == "pending_approval" and (i.card, i.amount, i.currency, i.name) == (request.card, request.amount, request.currency, request.name):
                return same("linked_intent_id (open already)", row.linked_intent_id, i.id)
        if len(waiting) >= 100:
            return same("linked_intent_id (too many)", row.linked_intent_id, None)
        stored = self.history.intents.get(row.linked_intent_id)
        if stored is None or row.linked_intent_id in self.intents:
            raise Difference("linked_intent_id", row.linked_intent_id, "a new intent")
        same("parked intent", (stored.agent_id, stored.card_id, stored.expected_amount, stored.expected_currency, rules.words(stored.expected_merchant), stored.tolerance, stored.parked, stored.created_at),
             (g.id, request.card, request.amount, request.currency, request.name, 0, True, at))
        self.declare(stored, "pending_approval")

    def declare(self, row, status):
        intent = Intent(row, rules.words(row.expected_merchant))
        intent.status = status
        self.intents[row.id] = intent
        g = self.agents[row.agent_id]
        g.intents = [i for i in g.intents if i.status in ("pending", "pending_approval", "matched", "mismatched")] + [intent]

    def book_increment(self, row, hold, verdict):
        approved = verdict.approved
        g = hold.agent
        self.entry(hold, "increment", row.amount, row.amount if approved else 0, 0, False, False, row.amount)
        if approved:
            part = self.part_of(row, g, hold.card)
            hold.parts.append(part)
            hold.increments += 1
        elif verdict.reasons == ["agent_limit_exceeded"] and verdict.exceeded and g.on_exceeded == "suspend" and all(f[1] == "spendingLimit" for f in verdict.failed):
            self.suspend(g)

    def record(self, row, g, k):
        hold = self.hold_of(row, g, k)
        part = hold.parts[0]
        part.captured = row.amount
        hold.status = "captured"
        g.on_exceeded_then = g.on_exceeded
        self.entry(hold, "capture", row.amount, 0, 0, True, True, row.amount)
        self.captured(hold, 0, row.amount, True)
        self.exceeded_afterwards(hold, row.amount)
        same("agent_spent", row.agent_spent, g.scope.spent(g.frequency, g.mode, row.decided_at, self.bounds(row.decided_at)))

    # What becomes of holds.

    def entry(self, hold, *what):
        hold.agent.entries.append((hold.id,) + what)

    def note(self, entry):
        """Somebody has written down that a hold is over; a single card of which something was captured is closed then."""
        hold = self.holds[entry.authorization_id]
        same("hold %s is over, and noted for the first time" % hold.id, (hold.expires_at is not None and hold.expires_at <= entry.created_at, hold.noted), (True, False))
        same("expiry of %s" % hold.id, (entry.amount, entry.added_amount, entry.released_amount), (hold.sum("lapsed"), 0, hold.sum("lapsed")))
        hold.noted = True
        for part in hold.parts:
            for scope, place in part.where:
                scope.unnoted -= part.lapsed
        self.close_single(hold)

    def close_single(self, hold):
        if hold.status in ("captured", "refunded") and hold.card is not None and hold.card.single and hold.card.status != "closed":
            hold.card.become("closed", "captured")

    def captured(self, hold, before, amount, last):
        """What captures do to the card."""
        k = hold.card
        if k is None:
            return
        if before == 0:
            k.captured_count += 1
        if hold.currency == k.scope.currency:
            k.captured += amount
        if k.single and last and k.status != "closed":
            k.become("closed", "captured")
        if k.status == "closed":
            return
        for a in self.ruleset(hold.agent, k).amounts:
            if a.scope == "card" and (a.rule == "cumulativeMax" and k.captured >= a.most or a.rule == "maxAuthCount" and k.captured_count >= a.most):
                k.become("closed", "limit_reached")

    def exceeded_afterwards(self, hold, more):
        g = hold.agent
        if more and g.limit is not None and g.on_exceeded == "suspend" and hold.currency == g.currency:
            spent = g.scope.spent(g.frequency, g.mode, self.at, self.bounds(self.at))
            if g.frequency == "perTransaction":
                spent = hold.sum("counted")
            if spent > g.limit:
                self.suspend(g)

    def settle(self, verb, hold, amount, final, force, key):
        """A verb on a hold; returns whether it was a replay. Raises Refused."""
        asked = (verb, amount, final)
        if key is not None and key in hold.keys:
            if hold.keys[key] != asked:
                raise Refused("idempotency_key_reused")
            return True
        if amount is not None and amount <= 0:
            raise Refused("invalid_amount")
        before = hold.sum("captured")
        if verb == "capture":
            done, added, released, forced = hold.capture(amount, final, force, self.tolerance)
            self.entry(hold, "capture", done, added, released, forced, final, amount)
            self.captured(hold, before, done, final or not hold.held())
            self.exceeded_afterwards(hold, added)
        elif verb == "reverse":
            done = hold.reverse(amount)
            self.entry(hold, "reversal", done, 0, done, False, False, amount)
            if hold.status == "reversed":
                self.give_back(hold)
            else:
                self.close_single(hold)
        else:
            done = hold.refund(amount)
            self.entry(hold, "refund", done, 0, done, False, False, amount)
            if hold.card is not None and hold.currency == hold.card.scope.currency:
                hold.card.captured -= done
        same("expiry is noted before the verb", hold.noted, True)
        if key is not None:
            hold.keys[key] = asked
        return False

    def give_back(self, hold):
        """A full reversal gives back the single card and the intent."""
        if hold.uses:
            hold.uses = False
            hold.card.uses -= 1
        if hold.intent is not None and hold.intent.used_by == hold.id:
            hold.intent.status = "pending"
            hold.intent.used_by = None
