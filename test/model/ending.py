"""What must stand in the books at the end."""

from books import OPEN
from difference import same
from rules import words


def check(o, history, at):
    o.advance(at)
    authorizations(o, history)
    entries(o, history)
    for row in history.agents:
        g = o.agents[row.id]
        same("status of agent %s" % row.id, row.status, g.status)
    for row in history.cards:
        k = o.cards[row.id]
        same("card %s" % row.id, (row.status, row.status_reason), (k.status, k.why))
    for row in history.intents.values():
        stored = row.status
        intent = o.intents[row.id]
        if stored == "expired":
            same("intent %s" % row.id, stored, intent.status_at(at))
        else:
            same("intent %s" % row.id, (stored, row.authorization_id), (intent.status, intent.used_by))
    counters(o, history)


def authorizations(o, history):
    unnoted(o, history)
    for id, hold in o.holds.items():
        row = history.decisions[id]
        pending = id in o.unnoted
        if not pending:
            same("status of %s" % id, row.status, hold.status)
        for part in hold.parts:
            row = history.decisions[part.id]
            counted = part.counted + (part.lapsed if pending else 0)
            stored = (row.counted_amount, row.captured_amount or 0, row.reversed_amount or 0, row.refunded_amount or 0)
            same("counted, captured, reversed, refunded of %s" % part.id, stored, (counted, part.captured, part.reversed, part.refunded))
    for row in history.authorizations:
        if row.decision == "declined":
            same("declined %s" % row.id, (row.status, row.counted_amount), ("declined", 0))


def unnoted(o, history):
    """Holds that have expired and of which nobody took note: the rows stand as they were."""
    o.unnoted = {id for id, hold in o.holds.items() if hold.status not in OPEN and history.decisions[id].status in OPEN}
    for id, hold in o.holds.items():
        same("expired hold %s is noted" % id, id not in o.unnoted, hold.noted)


def entries(o, history):
    stored = {}
    for row in sorted(history.entries, key=lambda row: row.number):
        rows = stored.setdefault(row.agent_id, [])
        same("number of an entry", row.number, len(rows) + 1)
        rows.append(row)
    for id, g in o.agents.items():
        rows = stored.get(id, [])
        told = [(r.authorization_id, r.kind, r.amount, r.added_amount, r.released_amount, r.forced, r.final, r.requested_amount) for r in rows if r.kind != "expiry"]
        for number, (one, other) in enumerate(zip(told, g.entries)):
            same("entry %d of agent %s" % (number + 1, id), one, other)
        same("number of entries of agent %s" % id, len(told), len(g.entries))


def counters(o, history):
    for row in history.counters:
        owner = {"card": o.cards, "agent": o.agents, "customer": o.customers, "organization": {o.id: o}}[row.scope][row.scope_id]
        if row.scope in ("customer", "organization") and owner.limit is None:
            continue
        scope = owner.scope
        total, count = scope.total, scope.count
        sums = [s.get(start, 0) for s, start in zip(scope.sums, (row.day_start, row.week_start, row.month_start, row.year_start))]
        for id in o.unnoted:
            hold = o.holds[id]
            for part in hold.parts:
                if part.lapsed and any(s is scope for s, place in part.where):
                    total += part.lapsed
                    for place, start in enumerate((row.day_start, row.week_start, row.month_start, row.year_start)):
                        if part.starts[place] == start:
                            sums[place] += part.lapsed
            if hold.status == "expired" and any(s is scope for s in hold.scopes):
                count += 1
        what = "counter of %s %s" % (row.scope, row.scope_id)
        same(what + ": total, count", (row.total_spent, row.auth_count), (total, count))
        same(what + ": day, week, month, year", [row.day_spent, row.week_spent, row.month_spent, row.year_spent], sums)
        if row.scope == "agent":
            same(what + ": sequence", row.sequence, owner.sequence)
        if row.scope in ("agent", "card"):
            same(what + ": last approval, first merchant, attestation", (row.last_approved_at, words(row.first_merchant) or None, row.attested_at), (owner.last, owner.first, owner.attested))
        if row.scope == "card":
            same(what + ": uses, captured", (row.use_count, row.captured_amount or 0, row.captured_count or 0), (owner.uses, owner.captured, owner.captured_count))
