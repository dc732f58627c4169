"""The books: what counts where, and what becomes of a hold.

A part is one approved amount: a hold itself, or one of its increments. It is counted in scopes (card, agent, customer, organization), each
with sums per calendar window and, where somebody asked for them, sums of rolling windows.
"""

from windows import LENGTH, PLACE, rolls

OPEN = ("authorized", "partially_captured")
MOST = 2**63 - 1


class Scope:
    """What is counted for one card, agent, customer or organization, in its currency."""

    def __init__(self, name, currency):
        self.name = name
        self.currency = currency
        self.total = 0
        self.unnoted = 0    # has expired, and the engine has not written it down
        self.count = 0
        self.sums = ({}, {}, {}, {})
        self.parts = []
        self.rolling = {}

    def spent(self, frequency, mode, at, bounds):
        """What counts in the window of a limit; nothing where each authorization is judged alone."""
        if frequency == "perTransaction":
            return 0
        if frequency == "allTime":
            return self.total
        if not rolls(frequency, mode):
            place = PLACE[frequency]
            return self.sums[place].get(bounds[place][0], 0)
        return self.roll(LENGTH[frequency], at)[1]

    def roll(self, length, at):
        """The first part inside the time (at - length, at], and the sum from there on."""
        window = self.rolling.setdefault(length, [0, sum(p.counted for p in self.parts)])
        first, parts = window[0], self.parts
        while first < len(parts) and parts[first].at <= at - length:
            window[1] -= parts[first].counted
            first += 1
        window[0] = first
        return window

    def oldest(self, frequency, at):
        """The oldest instant that counts in a rolling window, or None."""
        length = LENGTH[frequency]
        for i in range(self.roll(length, at)[0], len(self.parts)):
            if self.parts[i].counted:
                return self.parts[i].at
        return None


class Part:
    __slots__ = ("id", "at", "amount", "counted", "captured", "reversed", "refunded", "lapsed", "starts", "where", "expires_at")

    def __init__(self, id, at, amount, starts, scopes):
        self.id = id
        self.at = at
        self.amount = amount
        self.counted = self.captured = self.reversed = self.refunded = self.lapsed = 0
        self.starts = starts
        self.where = []
        self.expires_at = None
        for scope in scopes:
            self.where.append((scope, len(scope.parts)))
            scope.parts.append(self)
        self.count(amount)

    def count(self, more):
        self.counted += more
        starts = self.starts
        for scope, place in self.where:
            scope.total += more
            for sums, start in zip(scope.sums, starts):
                sums[start] = sums.get(start, 0) + more
            for window in scope.rolling.values():
                if place >= window[0]:
                    window[1] += more

    def held(self):
        return self.counted - self.captured + self.refunded


class Refused(Exception):
    """A verb that is an error, by its stable name."""


class Hold:
    """An approved authorization and its increments."""

    __slots__ = ("id", "agent", "card", "currency", "parts", "status", "expires_at", "recorded", "increments", "intent", "counts", "uses", "keys", "noted", "scopes")  # fmt: skip

    def __init__(self, id, agent, card, currency, expires_at, recorded, scopes):
        self.id = id
        self.agent = agent
        self.card = card
        self.currency = currency
        self.parts = []
        self.status = "authorized"
        self.expires_at = expires_at
        self.recorded = recorded
        self.increments = 0
        self.intent = None
        self.counts = self.uses = False
        self.keys = {}
        self.noted = True
        self.scopes = scopes

    def sum(self, what):
        return sum(getattr(part, what) for part in self.parts)

    def held(self):
        return sum(part.held() for part in self.parts) if self.status in OPEN else 0

    def start(self):
        """It counts from now on, as one more."""
        self.counts = True
        for scope in self.scopes:
            scope.count += 1

    def stop(self):
        """It is no longer one that counts."""
        if self.counts:
            self.counts = False
            for scope in self.scopes:
                scope.count -= 1

    def give_back(self, amount, why):
        """Takes amount off what is held, from the newest part on."""
        for part in reversed(self.parts):
            share = min(part.held(), amount)
            if share:
                part.count(-share)
                amount -= share
                if why is not None:
                    setattr(part, why, getattr(part, why) + share)

    def settled(self):
        return "refunded" if self.sum("refunded") == self.sum("captured") else "captured"

    def expire(self):
        """The instant of expiry: what is held counts no longer."""
        self.give_back(self.held(), "lapsed")
        for part in self.parts:
            for scope, place in part.where:
                scope.unnoted += part.lapsed
        if self.status == "authorized":
            self.status = "expired"
            self.stop()
        else:
            self.status = self.settled()
        self.noted = False

    def capture(self, asked, final, force, tolerance):
        """Amount, what counts more, what counts less, and whether only force let it pass."""
        if self.status not in OPEN and not (force and self.status == "expired"):
            raise Refused("invalid_state")
        late = self.status == "expired"
        captured = self.sum("captured")
        asked_for = self.sum("amount") - self.sum("reversed")
        amount = asked if asked is not None else (asked_for - captured if late else self.held())
        most = asked_for + asked_for * tolerance // 100
        forced = late or captured + amount > most
        if forced and not force:
            raise Refused("amount_too_large")
        rest = amount
        for part in self.parts:
            share = min(part.held(), rest)
            part.captured += share
            rest -= share
        if rest:
            self.parts[0].captured += rest
            self.parts[0].count(rest)
        released = 0
        if late and not self.counts:
            self.start()
        if final or late:
            released = sum(part.held() for part in self.parts)
            self.give_back(released, None)
        self.status = "partially_captured" if any(part.held() for part in self.parts) else self.settled()
        return amount, rest, released, forced

    def reverse(self, asked):
        if self.status not in OPEN:
            raise Refused("invalid_state")
        held = self.held()
        amount = held if asked is None else asked
        if amount > held:
            raise Refused("amount_too_large")
        self.give_back(amount, "reversed")
        if amount == held:
            if self.status == "authorized":
                self.status = "reversed"
                self.stop()
            else:
                self.status = self.settled()
        return amount

    def refund(self, asked):
        if self.status not in ("captured", "partially_captured"):
            raise Refused("invalid_state")
        left = self.sum("captured") - self.sum("refunded")
        amount = left if asked is None else asked
        if amount > left or left == 0:
            raise Refused("amount_too_large")
        rest = amount
        for part in reversed(self.parts):
            share = min(part.captured - part.refunded, rest)
            part.refunded += share
            part.count(-share)
            rest -= share
        if self.status == "captured":
            self.status = self.settled()
        return amount
