"""Rules: which are in force for an agent or its card, and how names of merchants compare."""

REASONS = (
    "organization_suspended", "customer_suspended", "agent_deregistered", "agent_suspended",
    "card_closed", "card_frozen", "card_expired", "card_consumed", "card_required",
    "currency_mismatch", "outside_active_hours",
    "mcc_blocked", "mcc_not_allowed", "country_blocked", "country_not_allowed",
    "merchant_blocked", "merchant_not_allowed", "merchant_locked", "merchant_drift",
    "cooldown_active", "auth_count_exceeded", "attestation_required",
    "intent_required", "intent_not_usable", "intent_mismatch", "approval_required",
    "card_limit_exceeded", "agent_limit_exceeded", "customer_limit_exceeded", "organization_limit_exceeded",
)  # fmt: skip
ORDER = {reason: place for place, reason in enumerate(REASONS)}

AMOUNTS = ("perAuth", "perDay", "perMonth")
TOTALS = ("cumulativeMax", "maxAuthCount")
LISTS = ("allowedMccs", "blockedMccs", "allowedCountries", "blockedCountries", "allowedMerchants", "blockedMerchants")

known_words = {}


def words(name):
    """A name as it is compared: its words in lower case; what is no letter and no digit separates."""
    if name is None:
        return ()
    if name not in known_words:
        known_words[name] = tuple("".join(c if c.isalnum() else " " for c in name.lower()).split())
    return known_words[name]


def begins(name, entry):
    """Strict: the name is the entry, or begins with its words."""
    return bool(entry) and name[: len(entry)] == entry


def overlaps(one, other):
    """Not strict: the words of one are in the other, whole and next to each other."""
    if len(one) < len(other):
        one, other = other, one
    n = len(other)
    return n > 0 and any(one[i : i + n] == other for i in range(len(one) - n + 1))


class Amount:
    """An amount or count of a level's rules, with the scope where it counts."""

    __slots__ = ("scope", "rule", "most", "currency", "always_mismatch")

    def __init__(self, scope, rule, most, currency, always_mismatch):
        self.scope = scope
        self.rule = rule
        self.most = most
        self.currency = currency
        self.always_mismatch = always_mismatch


class Ruleset:
    """What is in force: behaviour by the lowest level that sets it, amounts and lists of every level.

    levels, the lowest first: (scope's name, inline rules, rules of the template, currency of inline amounts).
    """

    def __init__(self, levels, template_currency):
        self.behaviour = {}
        self.approval_currency = None  # that autoApproveBelow is an amount of
        self.amounts = []
        self.lists = {name: [] for name in LISTS}
        for scope, inline, template, currency in levels:
            for rules, of_template in ((inline, False), (template, True)):
                self.take(scope, rules or {}, of_template, currency, template_currency, inline or {})
        # A list that blocks nothing is none.
        for name in ("blockedMccs", "blockedCountries", "blockedMerchants"):
            self.lists[name] = [entries for entries in self.lists[name] if entries]

    def take(self, scope, rules, of_template, currency, template_currency, inline):
        limits = rules.get("limits") or {}
        given = [(rule, limits.get(rule)) for rule in AMOUNTS] + [(rule, rules.get(rule)) for rule in TOTALS]
        for rule, value in given:
            beaten = of_template and (inline.get("limits") or {} if rule in AMOUNTS else inline).get(rule) is not None
            if value is not None and not beaten:
                own = template_currency if of_template else currency
                counts_elsewhere = of_template and own != currency and rule not in ("perAuth", "maxAuthCount")
                self.amounts.append(Amount(scope, rule, value, own, counts_elsewhere))
        for name in LISTS:
            if rules.get(name) is not None and not (of_template and inline.get(name) is not None):
                entries = rules[name]
                self.lists[name].append([words(e) for e in entries] if "Merchants" in name else set(entries))
        for name, value in rules.items():
            if name not in LISTS and name not in TOTALS and name != "limits" and value is not None:
                if name == "autoApproveBelow" and name not in self.behaviour:
                    self.approval_currency = template_currency if of_template else currency
                self.behaviour.setdefault(name, value)

    def list_reasons(self, mcc, country, name):
        """Of the six lists, those that decline, in order. A fact that is not given fails, blocked lists included."""
        lists = self.lists
        found = []
        for fact, blocked, allowed, of in (
            (mcc, "blockedMccs", "allowedMccs", "mcc"),
            (country, "blockedCountries", "allowedCountries", "country"),
        ):
            if lists[blocked] and (fact is None or any(fact in entries for entries in lists[blocked])):
                found.append(of + "_blocked")
            if lists[allowed] and (fact is None or not all(fact in entries for entries in lists[allowed])):
                found.append(of + "_not_allowed")
        blocked, allowed = lists["blockedMerchants"], lists["allowedMerchants"]
        if blocked and (not name or any(overlaps(name, e) for entries in blocked for e in entries)):
            found.append("merchant_blocked")
        if allowed and (not name or not all(any(begins(name, e) for e in entries) for entries in allowed)):
            found.append("merchant_not_allowed")
        return found
