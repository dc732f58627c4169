"""The stored history of a database, read organization by organization through psql, as text of COPY."""

import json
import subprocess
from datetime import datetime, timezone
from decimal import Decimal
from itertools import groupby


def whole(text):
    return int(text)


def flag(text):
    return text == "t"


def labels(text):
    return text[1:-1].split(",") if len(text) > 2 else []


def plain(text):
    """Text as COPY writes it."""
    if "\\" not in text:
        return text
    return text.replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t").replace("\0", "\\")


def document(text):
    return json.loads(plain(text), parse_float=Decimal)


known_instants = {}


def instant(text):
    if text is None:
        return None
    if text not in known_instants:
        stamp = datetime.fromisoformat(text.replace("Z", "+00:00"))
        known_instants[text] = (int(stamp.replace(microsecond=0).timestamp())) * 1000000 + stamp.microsecond
    return known_instants[text]


def failed(text):
    return [(f["scope"], f["rule"], f.get("limit"), f.get("spent"), f.get("remaining"), instant(f.get("window_start")), instant(f.get("next_reset"))) for f in document(text)]


def figures(text):
    return [None if v == "NULL" else int(v) for v in text[1:-1].split(",")]


# Column, how it is read, and its expression where it is not the column itself. A time is read as microseconds.
def at(name):
    return name, whole, "CASE WHEN isfinite(%s) THEN (extract(epoch FROM %s) * 1000000)::bigint END" % (name, name)


def is_text(*names):
    return [(name, plain, name) for name in names]


def is_whole(*names):
    return [(name, whole, name) for name in names]


TABLES = {
    "authorizations": (
        "ledger_agents.authorizations", "model.authorizations",
        is_text("id", "agent_id") + is_whole("sequence") + [at("decided_at")]
        + is_whole("amount", "counted_amount", "agent_spent", "agent_limit", "remaining", "max_approvable")
        + [at("retry_at"), at("expires_at")]
        + is_whole("captured_amount", "reversed_amount", "refunded_amount", "incremented_amount")
        + is_text("increment_of") + [("recorded", flag, "recorded")] + is_text("card_id", "intent_id", "linked_intent_id", "decision", "status", "reason", "agent_limit_frequency", "on_limit_exceeded", "attestation", "customer_id", "currency", "idempotency_key", "merchant", "mcc", "country")
        + [("reasons", labels, "reasons"), ("failed_limits", failed, "failed_limits")],
    ),
    "entries": (
        "ledger_agents.authorization_entries", "model.entries",
        is_text("id", "authorization_id", "agent_id") + is_whole("number") + is_text("kind")
        + is_whole("amount", "requested_amount", "added_amount", "released_amount")
        + [("forced", flag, "forced"), ("final", flag, "final"), at("created_at")] + is_text("idempotency_key"),
    ),
    "intents": (
        "ledger_agents.intents", "model.intents",
        is_text("id", "agent_id", "card_id", "status") + is_whole("expected_amount") + is_text("expected_currency", "expected_merchant")
        + [("expected_mccs", labels, "expected_mccs")] + is_whole("tolerance", "tolerance_percent", "ttl_minutes")
        + [at("expires_at"), ("parked", flag, "parked"), at("approved_at")] + is_text("authorization_id") + [at("created_at")],
    ),
    "attestations": (
        "ledger_agents.attestations", "model.attestations",
        is_text("id", "agent_id", "card_id") + [at("created_at")],
    ),
    "changes": (
        "ledger_agents.configuration_changes", None,
        is_text("id", "object_type", "object_id", "action") + [("old_values", document, "old_values"), ("new_values", document, "new_values")] + is_text("principal") + [at("created_at")],
    ),
    "agents": ("ledger_agents.agents", None, is_text("id", "customer_id", "status", "suspended_reason")),
    "cards": ("ledger_agents.cards", None, is_text("id", "status", "status_reason")),
    "counters": (
        "ledger_agents.counters", None,
        is_text("scope", "scope_id") + [at("day_start"), at("week_start"), at("month_start"), at("year_start")]
        + is_whole("use_count", "auth_count", "total_spent", "day_spent", "week_spent", "month_spent", "year_spent", "sequence", "entry_count", "captured_amount", "captured_count")
        + [at("last_approved_at"), at("attested_at")] + is_text("first_merchant"),
    ),
    "purges": ("ledger_agents.purges", None, is_text("id")),
    "log": (
        "model.log", None,
        is_whole("operation", "part") + [at("at")] + is_text("verb", "object") + is_whole("amount") + [("final", flag, "final"), ("force", flag, "force")]
        + is_text("answer") + [("replayed", flag, "replayed")] + is_text("told") + [("figures", figures, "figures"), ("labels", labels, "labels"), ("request", document, "to_json(request)")] + is_text("error", "key"),
    ),
}  # fmt: skip


def row_class(name, columns):
    return type(name, (), {"__slots__": tuple(column[0] for column in columns)})


def psql(statement):
    return subprocess.Popen(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement], stdout=subprocess.PIPE, text=True, bufsize=1 << 20)


def stream(name, kept, only):
    """Lines of a table by organization: (organization, rows)."""
    table, beside, columns = TABLES[name]
    selected = "organization_id, " if name != "log" else "organization, "
    selected += ", ".join(column[2] for column in columns)
    key = selected.split(",")[0]
    sources = [table] + ([beside] if beside and kept else [])
    condition = " WHERE %s = '%s'" % (key, only.replace("'", "''")) if only else ""
    union = " UNION ALL ".join("SELECT %s FROM %s%s" % (selected, source, condition) for source in sources)
    process = psql("SET timezone = 'UTC'; COPY (%s ORDER BY 1) TO STDOUT" % union)
    made = row_class(name, columns)
    readers = [(column[0], column[1]) for column in columns]
    for organization, lines in groupby((line.rstrip("\n").split("\t") for line in process.stdout), key=lambda fields: fields[0]):
        rows = []
        for fields in lines:
            row = made()
            for (column, read), value in zip(readers, fields[1:]):
                setattr(row, column, None if value == "\\N" else read(value))
            rows.append(row)
        yield organization, rows
    if process.wait():
        raise SystemExit("psql failed")


class History:
    """What is stored of one organization: a list for each table."""

    def __init__(self, id):
        self.id = id
        for name in TABLES:
            setattr(self, name, [])

    def index(self):
        self.decisions = {row.id: row for row in self.authorizations}
        self.intent_rows = self.intents
        self.intents = {row.id: row for row in self.intents}
        self.customer_of = {row.id: row.customer_id for row in self.agents}
        return self


def histories(with_log, only=None):
    """Of each organization that anything is known of, in order; the logs of a generator and what it kept, where there are any."""
    streams = {name: stream(name, with_log, only) for name in TABLES if name != "log" or with_log}
    heads = {name: next(rows, None) for name, rows in streams.items()}
    while any(heads.values()):
        id = min(head[0] for head in heads.values() if head)
        history = History(id)
        for name, head in heads.items():
            if head and head[0] == id:
                setattr(history, name, head[1])
                heads[name] = next(streams[name], None)
        yield history.index()
