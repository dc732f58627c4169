"""Takes the operations of one organization in their order through its reference, and looks at the end whether the books agree."""

from types import SimpleNamespace

import ending
from books import MOST, Refused
from judge import Request, judge, needs_approval, window
from difference import Difference, same
from organization import Organization
from rules import words

VERBS = {"capture": "capture", "reverse": "reverse", "refund": "refund"}
KINDS = {"capture": "capture", "reversal": "reverse", "refund": "refund"}


# How many orders are tried of operations that happened at one instant.
TRIES = 2000


def replay(history):
    """(number of operations, description of the first difference or None, number of the operation there)"""
    if history.log:
        return attempt(history, iter_log(history))
    groups = stored_groups(history)
    order = Order()
    best = None
    for _ in range(TRIES):
        order.begin()
        outcome = attempt(history, order.through(groups))
        if outcome[1] is None:
            return outcome
        if best is None or outcome[0] > best[0]:
            best = outcome
        if not order.next():
            break
    return best


def attempt(history, operations):
    run = Run(history)
    operation = None
    try:
        for operation in operations(run) if callable(operations) else operations:
            run.at = operation.operation
            run.take(operation)
            run.done += 1
        operation = None
        run.finish()
    except Difference as difference:
        where = "at the end" if operation is None else "operation %s, %s %s at %s" % (operation.operation, operation.verb, operation.answer or operation.object or "", operation.at)
        return run.done, "%s: %s%s" % (where, difference, told(run, operation)), run.at
    return run.done, None, None


class Order:
    """Which of several operations of one instant came first: where nobody has stored it, each that could have been is tried."""

    def __init__(self):
        self.chosen = []
        self.open = []

    def begin(self):
        self.depth = 0

    def next(self):
        """The next order, in which the last choice is another one; false when there is none."""
        while self.chosen and self.chosen[-1] + 1 >= self.open[-1]:
            self.chosen.pop()
            self.open.pop()
        if not self.chosen:
            return False
        self.chosen[-1] += 1
        return True

    def choose(self, number):
        if self.depth == len(self.chosen):
            self.chosen.append(0)
            self.open.append(number)
        self.depth += 1
        return self.chosen[self.depth - 1]

    def through(self, groups):
        def operations(run):
            for lines in groups:
                lines = [list(line) for line in lines]
                while len(lines) > 1:
                    heads = [line for line in lines if run.could_be_next(line[0])] or lines[:1]
                    line = heads[self.choose(len(heads))] if len(heads) > 1 else heads[0]
                    yield line.pop(0)
                    lines = [line for line in lines if line]
                for line in lines:
                    yield from line

        return operations


def told(run, operation):
    """The request of a decision and the rules that were in force, for who reads about a difference."""
    row = operation and run.history.decisions.get(operation.answer)
    if row is None:
        return ""
    o = run.organization
    g = o.agents[row.agent_id]
    rules = o.ruleset(g, o.cards.get(row.card_id))
    asked = ["%s %s" % (name, getattr(row, name)) for name in ("amount", "currency", "merchant", "mcc", "country", "card_id", "intent_id", "increment_of") if getattr(row, name) is not None]
    asked.append("agent %s %s" % (row.agent_id, g.currency))
    lists = {name: entries for name, entries in rules.lists.items() if entries}
    amounts = [(a.scope, a.rule, a.most, a.currency) for a in rules.amounts]
    return "\n\trequest: %s\n\trules: %s %s %s" % (", ".join(asked), rules.behaviour, lists, amounts)


def iter_log(history):
    return sorted(history.log, key=lambda row: (row.operation, row.part))


def stored_groups(history):
    """What is stored, by its instants. Of each instant the lines of which the order is known: of an agent's decisions, of its entries, and so on."""
    found = {}

    def add(at, line, number, verb, object=None, answer=None, **more):
        row = dict(operation="-", part=0, at=at, verb=verb, object=object, amount=None, final=None, force=None, answer=answer, replayed=False, told=None, figures=None, labels=None, request=None, error=None, key=None)
        row.update(more)
        found.setdefault(at, {}).setdefault(line, []).append((number, SimpleNamespace(**row)))

    for instant in {row.created_at for row in history.changes}:
        add(instant, "0", 0, "configure")
    for row in history.intent_rows:
        if not row.parked:
            add(row.created_at, "1 " + row.id, 0, "intent", row.agent_id, row.id)
    for row in history.attestations:
        add(row.created_at, "2", 0, "attest", row.agent_id)
    for row in history.authorizations:
        verb = "increment" if row.increment_of else "record" if row.recorded else "authorize"
        add(row.decided_at, "3 " + row.agent_id, row.sequence, verb, row.increment_of or row.agent_id, row.id, amount=row.amount, key=row.idempotency_key)
    for row in history.entries:
        if row.kind in KINDS and not (row.kind == "capture" and history.decisions[row.authorization_id].recorded):
            add(row.created_at, "4 " + row.agent_id, row.number, KINDS[row.kind], row.authorization_id, row.authorization_id, amount=row.requested_amount, final=row.final, force=row.forced, key=row.idempotency_key)
    return [[[row for number, row in sorted(line, key=lambda item: item[0])] for name, line in sorted(lines.items())] for at, lines in sorted(found.items())]


class Run:
    def __init__(self, history):
        self.history = history
        self.organization = Organization(history)
        self.done = 0
        self.at = 0
        self.changes = sorted(history.changes, key=lambda row: (row.created_at, row.action != "create", ("organization", "policy", "customer", "agent", "card").index(row.object_type) if row.object_type in ("organization", "policy", "customer", "agent", "card") else 9))
        self.changed = 0
        self.attested = sorted(history.attestations, key=lambda row: row.created_at)
        self.attestation = 0
        self.noted = sorted((row for row in history.entries if row.kind == "expiry"), key=lambda row: (row.created_at, row.number))
        self.expired = 0
        self.last = 0

    def take(self, row):
        o = self.organization
        o.advance(row.at)
        self.last = row.at
        self.expiries(row.at)
        if row.verb in ("configure", "sweep", "approve", "reject", "cancel"):
            self.configure(row, row.at)
        else:
            self.configure(row, row.at - 1)
        if row.verb in ("authorize", "record"):
            self.decision(row)
        elif row.verb in VERBS or row.verb == "increment":
            self.verb(row)
        else:
            getattr(self, row.verb)(row)

    def could_be_next(self, row):
        """Whether a decision would come out as it is stored; of anything else that is not known before."""
        if row.verb != "authorize":
            return True
        o = self.organization
        stored = self.history.decisions[row.answer]
        g = o.agents.get(stored.agent_id)
        if g is None or stored.card_id and stored.card_id not in o.cards or stored.intent_id and stored.intent_id not in o.intents:
            return False
        o.advance(row.at)
        request = Request(stored.amount, stored.currency, stored.merchant, words(stored.merchant), stored.mcc, stored.country, stored.card_id, stored.intent_id)
        verdict = judge(o, g, o.cards.get(stored.card_id), request, row.at)
        return (stored.reasons, stored.remaining) == (verdict.reasons or None, verdict.remaining) and (stored.max_approvable == verdict.most or verdict.most is not None and verdict.most > MOST // 2)

    def expiries(self, until):
        """What somebody has written down of holds that are over: a verb, a decision, a sweep."""
        while self.expired < len(self.noted) and self.noted[self.expired].created_at <= until:
            entry = self.noted[self.expired]
            self.expired += 1
            self.organization.note(entry)

    def configure(self, row, until=None):
        """Configuration changes up to an instant."""
        o = self.organization
        if until is None:
            return
        while self.changed < len(self.changes) and self.changes[self.changed].created_at <= until:
            change = self.changes[self.changed]
            self.changed += 1
            if change.object_type == "intent":
                self.intent_change(change)
            elif change.principal != "system" or (change.new_values or {}).get("status_reason") == "ttl_expired":
                o.configure(change)

    def intent_change(self, change):
        o = self.organization
        intent = o.intents[change.object_id]
        same("intent %s before %s" % (change.object_id, change.action), change.old_values["status"], intent.status_at(change.created_at))
        if change.action == "approve":
            intent.status = "pending"
            intent.approved = True
            intent.expires_at = change.created_at + intent.ttl
        else:
            intent.status = {"reject": "rejected", "cancel": "canceled"}[change.action]
        same("intent", change.new_values["status"], intent.status)

    def decision(self, row):
        o = self.organization
        if row.error is not None:
            return self.refused(row)
        stored = self.history.decisions[row.answer]
        if row.replayed:
            same("replayed", o.agents[row.object].keys.get(stored.idempotency_key), row.answer)
            return
        same("decided_at", stored.decided_at, row.at)
        o.decide(stored)

    def refused(self, row):
        if row.amount is not None and row.amount <= 0:
            same("error", row.error, "invalid_amount")
        elif row.error not in ("unknown_intent", "unknown_card", "idempotency_key_reused", "amount_overflow"):
            raise Difference("error", row.error, "an answer")

    def replay(self, row):
        o = self.organization
        stored = self.history.decisions[row.object]
        if row.amount != stored.amount:
            return same("error", row.error, "idempotency_key_reused")
        same("replay", (row.answer, row.replayed, row.error), (stored.id, True, None))

    def verb(self, row):
        o = self.organization
        hold = o.holds[row.object]
        try:
            if row.verb == "increment":
                replayed = self.increment(row, hold)
            else:
                replayed = o.settle(row.verb, hold, row.amount, row.final, row.force, row.key)
        except Refused as refused:
            return same("error", row.error, str(refused))
        same("error", row.error, None)
        same("replayed", bool(row.replayed), replayed)
        if row.figures is None or row.verb == "increment":
            return
        same("status", row.told, hold.status)
        told = [hold.held(), hold.sum("counted"), hold.sum("captured"), hold.sum("reversed"), hold.sum("refunded"), sum(part.amount for part in hold.parts[1:])]
        same("held, counted, captured, reversed, refunded, incremented", [v or 0 for v in row.figures], told)

    def increment(self, row, hold):
        asked = ("increment", row.amount, False)
        if row.key is not None and row.key in hold.keys:
            if hold.keys[row.key] != asked:
                raise Refused("idempotency_key_reused")
            return True
        if row.amount <= 0:
            raise Refused("invalid_amount")
        if hold.status != "authorized":
            raise Refused("invalid_state")
        if row.error is not None:
            raise Refused("an answer")
        self.organization.decide(self.history.decisions[row.answer])
        if row.key is not None:
            hold.keys[row.key] = asked
        return False

    def intent(self, row):
        if row.error is not None:
            return
        o = self.organization
        stored = self.history.intents[row.answer]
        g = o.agents[stored.agent_id]
        k = o.cards[stored.card_id] if stored.card_id else None
        needed = needs_approval(o.ruleset(g, k), stored.expected_amount, stored.expected_currency)
        o.declare(stored, "pending_approval" if needed else "pending")
        if row.told is not None:
            same("status of the intent", row.told, o.intents[row.answer].status)

    def approve(self, row):
        pass

    reject = cancel = seal = approve

    def batch(self, row):
        self.refused(row)

    def sweep(self, row):
        pass

    def attest(self, row):
        o = self.organization
        while self.attestation < len(self.attested) and self.attested[self.attestation].created_at <= row.at:
            stored = self.attested[self.attestation]
            self.attestation += 1
            memory = o.cards[stored.card_id] if stored.card_id else o.agents[stored.agent_id]
            memory.attested = stored.created_at

    def evaluate(self, row):
        verdict = self.judged(row)
        if verdict is not None:
            same("reasons", row.labels, verdict.reasons or None)
            g = self.organization.agents[row.object]
            o = self.organization
            o.same_most(g, o.cards.get(row.request[4]), row.figures[0], verdict.most)
            same("remaining", row.figures[1], verdict.remaining)

    def explain(self, row):
        verdict = self.judged(row)
        if verdict is None:
            return
        stored = [v for v in row.labels]
        kill = len(verdict.reasons) == 1 and verdict.reasons[0] in stored
        if not kill:
            same("reasons that are explained", stored, verdict.reasons)

    def judged(self, row):
        if row.error is not None:
            self.refused(row)
            return None
        o = self.organization
        currency, merchant, mcc, country, card, intent = row.request
        g = o.agents[row.object]
        request = Request(row.amount, (currency or g.currency).upper(), merchant, words(merchant), mcc, country, card, intent)
        return judge(o, g, o.cards[card] if card else None, request, row.at)

    def budget(self, row):
        o = self.organization
        g = o.agents[row.object]
        spent = g.scope.spent(g.frequency, g.mode, row.at, o.bounds(row.at))
        start, reset = window(g.scope, g.frequency, g.mode, row.at, o.bounds(row.at))
        remaining = None if g.limit is None else max(g.limit - spent, 0)
        percent = None if g.limit is None else None if g.limit == 0 else min(spent * 100 // g.limit, 2**31 - 1)
        same("budget", row.figures, [g.limit, spent, remaining, start, reset, percent])

    def finish(self):
        self.configure(None, float("inf"))
        self.expiries(float("inf"))
        ending.check(self.organization, self.history, self.last)
