#!/usr/bin/env python3
"""Random calls of every public function and view, for 036_random_calls.pl.

Reads a document from standard input: "connections" (of each caller's role, and of "owner"), "calls" (of each caller), "seed",
"words" (that documents may have as keys).  What is called, with which arguments, is drawn by the seed: edge values, nulls,
names of the right and of the wrong kind, ids of this tenant and of another one.  Prints a document: calls and answers by caller
and by function, and what must not be: errors of another kind than an extension may raise, errors that show a secret, answers
that show the other tenant's data, and calls that took too long.
"""
import collections
import json
import random
import re
import sys

import psycopg

CANARY = "canary"  # is in whatever the other tenant wrote, and in nothing that is sent
PATIENCE = 5000  # milliseconds that a call may take
FINDINGS = 40

# What may be answered: by the extension, with a name at the head of the detail, and by the server about a value or a right.
NAMED = {"22023", "22004", "22003", "22008", "P0002", "23505", "55000", "42501", "PT400", "PT401", "PT403", "PT404", "PT409"}
PLAIN = {"22P02", "22007", "22008", "22003", "22001", "22021", "22P05", "22015", "42501", "25006"}

ODD_TEXTS = ["", " ", "\t", "a", "A" * 64, "b" * 255, "c" * 256, "d" * 10001, "x" * 70000, "é", "e\u0301", "\u202eabc", "\ufeff", "𝒳" * 64, "👩\u200d👩\u200d👧",
             "\x01\x7f", "\ud7ff\ue000", "'; DROP TABLE x; --", '"', "\\", "\\u0000", "%s%n%d", "NULL", "null", "{}", "[]", "{,}", "-1", "0", "1e400", "NaN",
             "Infinity", "-infinity", "2026-02-30", "İıſß", "ǅ", "\u0000".strip("\u0000") or "z", "*", "default", "Ω≈ç√", "\r\n", "a\nb", "STAPLES", "Amazon MKTPL*2X4"]
NUMBERS = [0, 1, -1, 2, 20, 99, 100, 101, 1000, 5000, 2**31 - 1, 2**31, 2**53, 2**63 - 1, -(2**63), 4 * 10**18]
INTEGERS = [0, 1, -1, 2, 20, 30, 80, 100, 101, 1000, 10000, 2**31 - 1, -(2**31)]
INSTANTS = ["infinity", "-infinity", "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00", "epoch", "2026-02-28 23:59:60+00", "2026-03-29 01:30+01", "now",
            "yesterday", "tomorrow", "2099-12-31 00:00+14", "1969-12-31 23:59:59.999999+00"]
INTERVALS = ["0", "1 second", "1 hour", "30 days", "-1 day", "1 mon -30 days", "178000000 years", "-178000000 years", "2147483647 days", "0.000001 seconds", "1 year",
             "-2147483648 mons", "24:00:00.5", "P1M"]
STATUSES = "active suspended deregistered paused disabled frozen closed approved declined pending_approval pending matched rejected expired authorized captured".split()
FREQUENCIES = "perTransaction per24HourPeriod perWeek perMonth perYear allTime daily weekly monthly PERMONTH permonth".split()
TEXTS_BY_NAME = {
    "status": STATUSES, "decision": ["approved", "declined", "Approved"], "currency": ["USD", "usd", "EUR", "USD_MICRO", "US", "U" * 17, "U$D"],
    "mcc": ["5411", "5812", "7995", "541", "54111", "abcd", "0000"], "country": ["US", "us", "DE", "XX", "USA", "U"], "type": ["single", "multi", "triple"],
    "timezone": ["UTC", "America/New_York", "Asia/Kolkata", "America/Havana", "FOO-12", "UTC+3", "Mars/Phobos", "posix/UTC", "utc"],
    "window_mode": ["calendar", "rolling", "Rolling"], "on_limit_exceeded": ["suspend", "notify", "none", "decline", "explode"],
    "expires_at": INSTANTS,
    "merchant": ["STAPLES", "DoorDash", "amazon.com/bill", "7-ELEVEN", "@@@"], "level": ["operator", "auditor", "api"],
}


def literal(text):
    return "'" + text.replace("'", "''") + "'"


# Members that make a body complete, where they are not the SQL function's arguments.
BODIES = {
    "register_agent": ["externalId", "userId", "name", "spendingLimit"], "create_agent": ["customerId", "externalId", "name"], "update_agent": ["agentId", "name", "metadata"],
    "update_card": ["cardId", "purpose"], "update_policy": ["policyId", "rules"], "create_policy": ["name", "rules"], "update_customer": ["customerId", "name"],
    "update_organization": ["name"], "get_customer": ["customerId"], "get_agent": ["agentId"], "get_intent": ["intentId"], "get_policy": ["policyId"], "attest": ["summary"],
    "declare_intent": ["cardId", "expectedAmount"], "ack_events": ["consumer", "upTo"], "explain_authorization": ["amount", "agentId"],
}


class Caller:
    """Somebody who calls: a connection, and the statement that says who it is in each transaction."""

    def __init__(self, world, name, role):
        self.world = world
        self.name = name
        self.connection = psycopg.connect(world.connections[role], autocommit=True)
        self.connection.execute(f"SET statement_timeout = {PATIENCE}")
        self.role = role

    def who(self):
        secret = {"key": self.world.key, "agent": self.world.token}.get(self.name)
        if secret:
            return f"SELECT ledger_agents.authenticate({literal(secret)});"
        if self.name == "operator":
            return "SET LOCAL ledger_agents.organization = 'ours';"
        if self.name == "claims":
            claims = {"organization_id": "ours"}
            if self.world.random.random() < 0.5:
                claims["agent_id"] = self.world.ids["agent_id"][0]
            return f"SET LOCAL ROLE random_api; SELECT set_config('request.jwt.claims', {literal(json.dumps(claims))}, true);"
        return ""


class World:
    """What is there to call with, how values are drawn, and what was found."""

    def __init__(self, order):
        self.random = random.Random(order["seed"])
        self.connections = order["connections"]
        self.words = order["words"]
        self.owner = psycopg.connect(order["connections"]["owner"], autocommit=True)
        self.findings = []
        self.reported = set()
        self.sent = set()  # of the other tenant's ids: they may be stored as names
        self.answers = collections.defaultdict(collections.Counter)
        self.by_function = collections.defaultdict(collections.Counter)
        self.ids = collections.defaultdict(list)
        self.foreign = []
        self.secrets = []  # may be sent
        self.hidden = []  # are the other tenant's
        self.sane = False  # this call is meant to succeed
        self.key = self.token = None
        self.functions = self.read_functions()
        self.views = self.read_views()
        self.composites = self.read_composites()

    def ask(self, statement):
        return self.owner.execute(statement).fetchall()

    def read_functions(self):
        return [{"name": name, "arguments": list(zip(names or [None] * len(types), types)), "needed": needed} for name, names, types, needed in self.ask("""
            SELECT p.oid::regproc::text, p.proargnames[1:p.pronargs],
                   ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, n) ORDER BY n), p.pronargs - p.pronargdefaults
              FROM pg_proc p WHERE p.pronamespace IN ('ledger_agents'::regnamespace, 'ledger_agents_api'::regnamespace) AND p.prorettype <> 'trigger'::regtype
               AND p.prorettype <> 'event_trigger'::regtype AND p.proname NOT IN ('grant_access', 'revoke_access') ORDER BY 1""")]

    def read_views(self):
        return [{"name": name, "columns": list(zip(names, types))} for name, names, types in self.ask("""
            SELECT c.oid::regclass::text, array_agg(a.attname::text ORDER BY a.attnum), array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum)
              FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
             WHERE c.relkind IN ('v', 'r') AND (c.relnamespace = 'ledger_agents_api'::regnamespace OR c.relnamespace = 'ledger_agents'::regnamespace)
             GROUP BY c.oid ORDER BY 1""")]

    def read_composites(self):
        return {name: list(zip(names, types)) for name, names, types in self.ask("""
            SELECT t.oid::regtype::text, array_agg(a.attname::text ORDER BY a.attnum), array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum)
              FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0
             WHERE t.typnamespace = 'ledger_agents'::regnamespace GROUP BY t.oid ORDER BY 1""")}

    def heal(self):
        """Makes what every caller needs, if a call has taken it away, and looks again at which ids there are."""
        ask = self.ask
        ask("SELECT ledger_agents.adopt('healed')")
        ask("SELECT ledger_agents.update_organization('{\"status\": \"active\"}', 'ours')")
        ask("SELECT ledger_agents.update_customer(id, '{\"status\": \"active\"}', 'ours') FROM ledger_agents.customers WHERE organization_id = 'ours' AND status <> 'active'")
        name = f"healed {self.random.getrandbits(60)}"
        (agent, self.token), = ask(f"SELECT id::text, token FROM ledger_agents.register_agent('{name}', 'customer', spending_limit => 100000, organization_id => 'ours')")
        (self.key,), = ask(f"SELECT key FROM ledger_agents.create_organization_key('{name}', organization_id => 'ours')")
        self.secrets += [self.token, self.key]
        self.ids.clear()
        for kind, table in (("agent_id", "agents"), ("card_id", "cards"), ("intent_id", "intents"), ("authorization_id", "authorizations"), ("policy_id", "policies"),
                            ("token_id", "agent_tokens"), ("key_id", "organization_keys"), ("up_to", "events")):
            self.ids[kind] = [row[0] for row in ask(f"SELECT id::text FROM ledger_agents.{table} WHERE organization_id = 'ours' ORDER BY id DESC LIMIT 12")] or [agent]
        self.ids["agent_id"].insert(0, agent)
        ask(f"SELECT ledger_agents.declare_intent(agent_id => '{agent}', expected_amount => 100, organization_id => 'ours')")
        ask(f"""SELECT ledger_agents.authorize(id, 100, organization_id => 'ours') FROM ledger_agents.register_agent('{name} asks', 'customer',
                    policy => '{{"requireApproval": true}}', organization_id => 'ours')""")
        ask("SELECT count(*) FROM ledger_agents.poll_events('first', 5, 'ours')")
        for kind, question in (("external_id", "external_id FROM ledger_agents.agents"), ("customer_id", "id FROM ledger_agents.customers"),
                               ("consumer", "name FROM ledger_agents.event_consumers")):
            self.ids[kind] = [row[0] for row in ask(f"SELECT {question} WHERE organization_id = 'ours' LIMIT 5")] or ["first"]
        for kind in ("agents", "cards", "intents"):
            self.ids["after"] += [row[0] for row in ask(f"SELECT cursor FROM ledger_agents.list_{kind}(max_rows => 2, organization_id => 'ours')")]

    #
    # Values
    #
    def text(self, name):
        draw = self.random.random() * (0.5 if self.sane else 1)
        if name in ("organization_id", "organizationId") and draw < 0.8:
            return "ours" if self.sane else self.random.choice(["ours", "ours", "third", "nowhere"])
        known = self.ids.get(name) or TEXTS_BY_NAME.get(name)
        if "frequency" in name.lower() or name == "interval":
            known = FREQUENCIES
        if known and draw < 0.75:
            return known[0] if self.sane and draw < 0.3 else self.random.choice(known)
        if self.sane:
            return f"text {self.random.randrange(50)}"
        if draw < 0.8:
            return self.random.choice(self.secrets)
        if draw < 0.85:
            return self.random.choice(self.ids["agent_id"])
        if draw < 0.93 or name == "secret":
            return self.random.choice(ODD_TEXTS)
        return f"text {self.random.randrange(50)}"

    def uuid(self, name):
        draw = self.random.random() * (0.5 if self.sane else 1)
        name = {"user_id": "customer_id", "client_intent_id": "intent_id", "default_policy_id": "policy_id", "id": "agent_id"}.get(name, name)
        if name in self.ids and draw < 0.8:
            return self.ids[name][0] if draw < 0.3 else self.random.choice(self.ids[name])
        if draw < 0.9:
            return self.random.choice(self.foreign)
        if draw < 0.95:
            return self.random.choice(self.random.choice([ids for kind, ids in sorted(self.ids.items()) if re.match(r"[0-9a-f-]{36}", ids[0])]))
        return self.random.choice(["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "01890a5d-ac96-774b-bcce-b302099a8057"])

    def scalar(self, depth):
        draw = self.random.randrange(9 if depth < 3 else 6)
        if draw == 0:
            return None
        if draw == 1:
            return self.random.choice([True, False])
        if draw in (2, 3):
            return self.random.choice(NUMBERS + [0.5, 1e300, 10**40])
        if draw in (4, 5):
            return self.random.choice(ODD_TEXTS)
        if draw == 6:
            return [self.scalar(depth + 1) for _ in range(self.random.randrange(4))]
        return {self.random.choice(self.words): self.scalar(depth + 1) for _ in range(self.random.randrange(4))}

    def rules(self):
        if self.sane:
            return self.random.choice([{}, {"requireCard": False}, {"limits": {"perAuth": 5000}}, {"blockedMccs": ["7995"]}])
        rules = {}
        for name in self.random.sample(["requireCard", "requireApproval", "requireIntent", "requireAttestation", "blockUnattested"], self.random.randrange(3)):
            rules[name] = self.random.choice([True, False, None, "yes"])
        for name, values in (("allowedMccs", TEXTS_BY_NAME["mcc"]), ("blockedMccs", TEXTS_BY_NAME["mcc"]), ("allowedCountries", TEXTS_BY_NAME["country"]),
                             ("blockedCountries", TEXTS_BY_NAME["country"]), ("allowedMerchants", TEXTS_BY_NAME["merchant"]), ("blockedMerchants", TEXTS_BY_NAME["merchant"])):
            if self.random.random() < 0.15:
                rules[name] = [self.random.choice(values) for _ in range(self.random.randrange(4))]
        if self.random.random() < 0.5:
            rules["limits"] = {self.random.choice(["perAuth", "perDay", "perWeek", "perMonth", "amount", "currency", "interval"]): self.random.choice(NUMBERS) for _ in range(2)}
        if self.random.random() < 0.4:
            rules[self.random.choice(self.words)] = self.scalar(0)
        return rules

    def word(self, name):
        """A member of a document, by its name."""
        low = re.sub(r"(?<=[a-z])([A-Z])", lambda m: "_" + m[1].lower(), name)
        if not self.sane and self.random.random() < 0.08:
            return self.scalar(0)
        if low in ("policy", "rules"):
            return self.rules()
        if low in ("metadata", "context", "limits"):
            return self.random.choice([{}, {"a": 1}] if self.sane else [{}, {"a": 1}, {"amount": 500, "interval": "daily"}, self.scalar(0)])
        if low in ("user_id", "customer_id", "external_id"):
            return self.text("customer_id" if low == "user_id" else low)
        if low.endswith("_id") or low in ("after", "up_to"):
            return self.uuid(low) if self.random.random() < 0.8 else self.text(low)
        if re.search(r"amount|limit$|tolerance|max_|percent|minutes|below", low):
            return self.random.choice([100, 50, 20] if self.sane else [100, 500, 20] + NUMBERS)
        if re.search(r"^(final|force|all_or_none|livemode|transaction_events|require)", low):
            return self.random.choice([True, False])
        if low in ("hold_for", "grace"):
            return "PT1H" if self.sane else self.random.choice(["PT1H", "P1D", "P1M", "-PT1S", "1 day", "P99999999Y"])
        if re.search(r"_at$|before|from|to$", low):
            return "2099-03-01T00:00:00Z" if self.sane else self.random.choice(INSTANTS)
        return self.text(low)

    def document(self, function):
        draw = 1 if self.sane else self.random.random()
        if draw < 0.04:
            return json.dumps(self.scalar(0), ensure_ascii=False)
        if draw < 0.06:
            return "[" * 600 + "]" * 600
        if draw < 0.08:
            return json.dumps({f"key {n}": n for n in range(3000)})
        bare = function.split(".")[1]
        twins = [f for f in self.functions if f["name"] == "ledger_agents." + bare]
        plausible = [self.camel(name) for twin in twins for name, kind in twin["arguments"]] or self.words
        if bare.startswith("update_"):
            plausible += [self.camel(name) for name, kind in self.composites.get("ledger_agents." + bare[7:] + "_detail", [])]
        names = self.random.sample(plausible, min(len(plausible), self.random.randrange(2 if self.sane else 6)))
        if self.sane and bare in BODIES:
            names = BODIES[bare]
        elif draw < 0.9 or self.sane:
            names += [self.camel(name) for twin in twins for name, kind in twin["arguments"][:max(twin["needed"], 1)] if name != "changes" and (twin["needed"] or name == "agent_id")]
        if bare in ("authorize", "evaluate", "explain_authorization", "record_spend"):
            names.append("amount")
        if not self.sane and draw < 0.2:
            names.append(self.random.choice(self.words))
        return json.dumps({name: self.word(name) for name in names if name}, ensure_ascii=False)

    @staticmethod
    def camel(name):
        return re.sub(r"_([a-z])", lambda m: m[1].upper(), name)

    def jsonb(self, function, name):
        if function.startswith("ledger_agents_api.") or name is None:
            return self.document(function)
        if name in ("policy", "rules"):
            return json.dumps(self.rules(), ensure_ascii=False)
        if name == "changes":
            detail = self.composites.get("ledger_agents." + function.split("update_")[-1] + "_detail") or self.composites.get("ledger_agents.agent_detail")
            names = [column for column, kind in self.random.sample(detail, self.random.randrange(4))]
            if not self.sane and self.random.random() < 0.1:
                names.append(self.random.choice(self.words))
            return json.dumps({column: self.word(column) for column in names}, ensure_ascii=False)
        return json.dumps(self.random.choice([{}, {"a": [1, None, {"b": "c"}]}, self.scalar(0), {"k": "v" * 70000}]), ensure_ascii=False)

    def value(self, kind, name, function):
        """An expression of that type."""
        choose = self.random.choice
        if not self.sane and self.random.random() < 0.06:
            return f"NULL::{kind}"
        if kind.endswith("[]"):
            return self.array(kind[:-2], name, function)
        if kind == "uuid":
            return f"'{self.uuid(name)}'::uuid"
        if kind == "text":
            return literal(self.text(name)) + "::text"
        if kind == "bigint":
            return f"'{choose(NUMBERS) if not self.sane and self.random.random() < 0.5 else self.random.randrange(1, 1000)}'::bigint"
        if kind == "integer":
            return f"'{20 if self.sane else choose(INTEGERS)}'::integer"
        if kind == "boolean":
            return choose(["true", "false"])
        if kind == "interval":
            return f"'{'1 hour' if self.sane else choose(INTERVALS)}'::interval"
        if kind == "timestamp with time zone":
            return f"'{'2099-03-01' if self.sane else choose(INSTANTS)}'::timestamptz"
        if kind == "jsonb":
            return literal(self.jsonb(function, name)) + "::jsonb"
        if kind == "bytea":
            return choose(["''", "'\\x00'", "sha256('x')", "decode(repeat('ab', 70000), 'hex')"]) + "::bytea"
        if kind == "record":
            return choose(["ROW()", "ROW(1)", "ROW(NULL, 'a'::text, now())", "NULL::record", "(SELECT a FROM (VALUES (1, 'b')) AS a)"])
        if kind in self.composites:
            fields = [f"NULL::{field_kind}" if self.random.random() < 0.4 else self.value(field_kind, field, function) for field, field_kind in self.composites[kind]]
            return f"ROW({', '.join(fields)})::{kind}"
        labels = self.ask(f"SELECT enumlabel FROM pg_enum WHERE enumtypid = to_regtype({literal(kind)}) ORDER BY enumsortorder")
        if labels:
            return f"'{choose(labels)[0]}'::{kind}"
        return f"NULL::{kind}"

    def array(self, kind, name, function):
        draw = self.random.random()
        if draw < 0.05:
            return f"ARRAY[]::{kind}[]"
        elements = [self.value(kind, name, function) for _ in range(self.random.randrange(1, 5))]
        listed = f"ARRAY[{', '.join(elements)}]::{kind}[]"
        if draw < 0.1:
            return f"ARRAY[{listed}, {listed}]"
        if draw < 0.15:
            return f"array_fill({elements[0]}, ARRAY[3], ARRAY[-1])"
        if draw < 0.17:
            return f"array_fill({elements[0]}, ARRAY[1500])"
        if draw < 0.2:
            return f"array_append({listed}, NULL)"
        return listed

    #
    # Calls
    #
    def call(self):
        self.sane = False
        if self.random.random() < 0.12:
            return self.statement_on_view()
        function = self.random.choice(self.functions)
        self.sane = self.random.random() < 0.5
        given = []
        for place, (name, kind) in enumerate(function["arguments"]):
            often = 0.7 if self.sane and name == "organization_id" else 0.12 if name == "organization_id" else 0.9 if name in ("amount", "agent_id") else 0.35
            if place < function["needed"] or self.random.random() < often:
                expression = self.value(kind, name, function["name"])
                given.append(f"{name} => {expression}" if name else expression)
        return function["name"], f"SELECT answer::text FROM {function['name']}({', '.join(given)}) AS answer"

    def statement_on_view(self):
        view = self.random.choice([v for v in self.views if v["name"].startswith("ledger_agents_api.") or self.random.random() < 0.1])
        some = self.random.sample(view["columns"], self.random.randrange(1, min(5, len(view["columns"])) + 1))
        where = " AND ".join(f'"{name}" {self.random.choice(["=", "<", ">=", "IS DISTINCT FROM"])} {self.cell(name, kind, view)}' for name, kind in some[:2])
        draw = self.random.random()
        if draw < 0.4:
            return view["name"], f"SELECT v::text FROM {view['name']} AS v WHERE {where} LIMIT 5"
        if draw < 0.6:
            columns = ", ".join(f'"{name}"' for name, kind in some)
            return view["name"], f"INSERT INTO {view['name']} AS v ({columns}) VALUES ({', '.join(self.cell(name, kind, view) for name, kind in some)}) RETURNING v::text"
        key = next((name for name, kind in view["columns"] if name == "id"), None)
        if key:
            kind = dict(view["columns"])["id"]
            where = f"id = {self.cell(view['name'].split('.')[1].strip(chr(34))[:-1] + '_id', kind, view)}"
        if draw < 0.9:
            changes = ", ".join(f'"{name}" = {self.cell(name, kind, view)}' for name, kind in some)
            return view["name"], f"UPDATE {view['name']} AS v SET {changes} WHERE {where} RETURNING v::text"
        return view["name"], f"DELETE FROM {view['name']} AS v WHERE {where} RETURNING v::text"

    def cell(self, name, kind, view):
        low = re.sub(r"(?<=[a-z])([A-Z])", lambda m: "_" + m[1].lower(), name)
        return f"({self.value(kind, low, view['name'])})"

    def run(self, caller):
        what, statement = self.call()
        # Most calls are kept; what takes a caller's rights away mostly is not.
        kept = self.random.random() < (0.1 if re.search(r"deregister|revoke|rotate|purge|organization", what) else 0.8)
        batch = f"BEGIN; {caller.who()} {statement}; {'COMMIT' if kept else 'ROLLBACK'}"
        shown = []
        try:
            cursor = caller.connection.execute(batch.encode())
            while True:
                if cursor.description:
                    shown += [str(column) for row in cursor.fetchall() for column in row]
                if not cursor.nextset():
                    break
            answer = self.answer_of(caller, statement, shown[-1] if shown else "")
        except psycopg.Error as error:
            answer = error.sqlstate or "connection lost"
            if caller.connection.closed:
                self.report(caller, "the connection was lost", statement, str(error))
                raise SystemExit(finish(self))
            caller.connection.execute("ROLLBACK")
            self.check_error(caller, statement, error.diag, answer)
            shown = [str(part) for part in (error.diag.message_primary, error.diag.message_detail, error.diag.message_hint, error.diag.context)]
            if error.diag.constraint_name == "invalid_token" and caller.name in ("key", "agent") and "authenticate" not in what:
                self.heal()
        self.answers[caller.name][answer] += 1
        self.by_function[what][answer] += 1
        if caller.name not in ("operator", "auditor"):
            self.check_tenant(caller, statement, "\n".join(shown))

    def answer_of(self, caller, statement, shown):
        """JSON functions answer with their errors."""
        if not shown.startswith('{"error": {'):
            return "ok"
        error = json.loads(shown)["error"]
        if not re.fullmatch(r"[a-z_]+", error.get("code", "")) or not error.get("type", "").endswith("_error"):
            self.report(caller, "an error without its names", statement, shown)
        for secret in self.secrets + self.hidden:
            if secret[20:] in shown:
                self.report(caller, "an error shows a secret", statement, shown)
        return error["type"]

    def check_error(self, caller, statement, diag, state):
        told = "\n".join(str(part) for part in (diag.message_primary, diag.message_detail, diag.message_hint, diag.context, diag.column_name, diag.constraint_name))
        for secret in self.secrets + self.hidden:
            if secret[20:] in told:
                self.report(caller, "an error shows a secret", statement, told)
        named = state in NAMED and diag.constraint_name and (diag.message_detail or "").startswith(diag.constraint_name + ": ")
        if state == "55000" and re.match(r"cannot (insert into|update|delete from) view ", diag.message_primary or ""):
            named = True  # the server's own words for views without a trigger
        if not named and state not in PLAIN:
            self.report(caller, f"an error of another kind, {state}", statement, told)
        elif len(told) > 2000:
            self.report(caller, f"an error at great length, {state}", statement, told[:300])

    def check_tenant(self, caller, statement, shown):
        if CANARY in shown:
            self.report(caller, "another tenant's data", statement, shown)
        for foreign in self.foreign:
            if foreign in statement:
                self.sent.add(foreign)
            elif foreign in shown and foreign not in self.sent:
                self.report(caller, "another tenant's id", statement, shown)

    def report(self, caller, what, statement, told):
        kind = (what, statement[:60], told[:30])
        if kind not in self.reported and len(self.findings) < FINDINGS:
            self.reported.add(kind)
            self.findings.append(f"{caller.name}: {what}: {statement[:1500]}\n    {told[:700]}")


def populate(world):
    """Three tenants: the callers' own, one that the operator may name too, and one that nobody may meet."""
    ask = world.ask
    for organization in ("ours", "third", "other"):
        ask(f"SELECT ledger_agents.create_organization('{organization}')")
        mark = CANARY if organization == "other" else organization
        for number in range(3):
            (agent, token), = ask(f"""SELECT id::text, token FROM ledger_agents.register_agent('{mark} {number}', '{mark} customer', '{mark}', spending_limit => 1000000,
                                            organization_id => '{organization}')""")
            (card,), = ask(f"SELECT id::text FROM ledger_agents.create_card('{agent}', '{mark}', organization_id => '{organization}')")
            spends = [row[0] for row in ask(f"""SELECT (ledger_agents.authorize('{agent}', 100 + n, merchant => '{mark}', metadata => '{{"m": "{mark}"}}',
                                                       organization_id => '{organization}')).id::text FROM generate_series(1, 5) n""")]
            (intent,), = ask(f"SELECT (ledger_agents.declare_intent(card_id => '{card}', summary => '{mark}', organization_id => '{organization}')).id::text")
            if organization == "other":
                world.foreign += [agent, card, intent] + spends
                world.hidden.append(token)
        ask(f"SELECT ledger_agents.create_policy('{mark}', '{{}}', '{organization}')")


def digest(world):
    """The other tenant's rows."""
    tables = world.ask("""SELECT c.oid::regclass::text, CASE WHEN c.relname = 'organizations' THEN 'id' ELSE 'organization_id' END FROM pg_class c
                           WHERE c.relnamespace = 'ledger_agents'::regnamespace AND c.relkind = 'r' AND (c.relname = 'organizations' OR EXISTS
                                 (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id')) ORDER BY 1""")
    return [(table, world.ask(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} AS t WHERE {column} = 'other'")[0][0]) for table, column in tables]


def finish(world):
    print(json.dumps({"answers": world.answers, "functions": world.by_function, "findings": world.findings, "violations": getattr(world, "violations", []),
                      "never": sorted({f["name"] for f in world.functions} - set(world.by_function)),
                      "refused": sorted(f["name"] for f in world.functions if not world.by_function[f["name"]]["ok"])}))
    return 0


def main():
    order = json.load(sys.stdin)
    world = World(order)
    populate(world)
    before = digest(world)
    world.heal()
    callers = [Caller(world, *who) for who in (("operator", "operator"), ("key", "api"), ("agent", "api"), ("claims", "authenticator"), ("nobody", "api"), ("auditor", "auditor"))]
    for number in range(order["calls"]):
        if number % 100 == 99:
            world.heal()
        for caller in callers:
            if caller.name in ("nobody", "auditor") and number % 8:
                continue
            world.run(caller)
    if digest(world) != before:
        world.findings.append("another tenant's rows are not what they were")
    world.violations = [" ".join(map(str, row)) for row in world.ask("SELECT * FROM ledger_agents.check_invariants()")]
    return finish(world)


if __name__ == "__main__":
    sys.exit(main())
