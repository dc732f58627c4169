#!/usr/bin/env python3
"""Clients of many tenants behind one pooler, for 012_pooler.pl.

Reads a document from standard input: "pooled" and "direct" (connection strings), "requests", "seed", and "clients", each
with its organization, name, agent, token, key, the organization's agents, and what is foreign to it.  Every client is a
thread with a connection of its own; what it does in each request is drawn by its seed.  The first answer that is not for
whom it was asked ends everything.  Prints a document: requests by kind, authorizations that each client has committed, server
processes that were met, and a problem or null.
"""
import collections
import json
import os
import random
import socket
import sys
import threading
import time

import psycopg

# Nobody waits longer for anything; far above what it takes.
PATIENCE = 500

AUTHENTICATE = "SELECT organization_id, agent_id::text, pg_backend_pid() FROM ledger_agents.authenticate(%s)"
# What an approval says of who asked for it.
SPEND = """SELECT organization_id, agent_id::text, merchant
             FROM ledger_agents.authorize(%(agent)s, 1, merchant => %(name)s, metadata => jsonb_build_object('client', %(name)s::text))"""
# Each answers with rows of an organization, an agent of it, and a text "<name> of <organization>".
QUESTIONS = {
    "agent": "SELECT organization_id, id::text, name FROM ledger_agents.get_agent(%(agent)s)",
    "agents": "SELECT organization_id, id::text, name FROM ledger_agents.list_agents(max_rows => 100)",
    "authorizations": "SELECT organization_id, agent_id::text, merchant FROM ledger_agents.list_authorizations(max_rows => 5)",
    "evaluation": "SELECT organization_id, agent_id::text, merchant FROM ledger_agents.evaluate(%(agent)s, 1, merchant => %(name)s)",
    "spend": SPEND,
    "other organization": """SELECT organization_id, id::text, name
                               FROM ledger_agents.get_agent(%(agent)s, organization_id => %(foreign_organization)s)""",
}
# For organization keys alone: this name is an agent in every organization.
SHOPPER = "SELECT organization_id, id::text, name FROM ledger_agents.get_agent(external_id => 'shopper')"
JSON_QUESTION = """SELECT a ->> 'id', a ->> 'name', a -> 'error' ->> 'code'
                     FROM ledger_agents_api.get_agent(jsonb_build_object('agentId', %(agent)s::text)) AS a"""
# Statements that fail, and how: at the end of a request they leave a transaction that is broken and has a principal.
FAILURES = {
    "22012": "SELECT 1 / 0",
    "22023": "SELECT ledger_agents.authorize(%(agent)s, 0)",
    "P0002": "SELECT ledger_agents.get_agent(%(foreign_agent)s)",
}
# What a careless client leaves behind in the session.
SETTINGS = [
    "SELECT set_config('ledger_agents.organization', %(foreign_organization)s, false)",
    "SELECT set_config('ledger_agents.organization', %(organization)s, false)",
    """SELECT set_config('request.jwt.claims', json_build_object('organization_id', %(organization)s::text)::text, false)""",
]
NOBODY = None

KINDS = {
    "committed": 300, "rolled_back": 130, "alone": 80, "nobody": 150, "nobody_in_transaction": 60, "failed": 90, "undone": 70,
    "released": 30, "twice": 20, "settings": 30, "prepared": 15, "left": 12, "canceled": 10, "canceled_waiting": 3,
}


class Problem(Exception):
    """Something that must never happen."""


class Run:
    """What all clients share."""

    def __init__(self, plan):
        self.pooled = plan["pooled"]
        self.watcher = psycopg.connect(plan["direct"], autocommit=True)
        self.left = plan["requests"]
        self.lock = threading.Lock()
        self.deadline = time.monotonic() + PATIENCE
        self.kinds = collections.Counter()
        self.backends = set()
        self.problem = None

    def next(self):
        """Whether there is one more request to make."""
        with self.lock:
            if self.problem or self.left == 0:
                return False
            self.left -= 1
            return True

    def failed(self, problem):
        with self.lock:
            self.problem = self.problem or problem

    def until_waiting(self, backend):
        """Returns when the statement that this server process runs is waiting."""
        while time.monotonic() < self.deadline:
            waits = self.watcher.execute(
                "SELECT state = 'active' AND wait_event_type IN ('Lock', 'Timeout') FROM pg_stat_activity WHERE pid = %s",
                [backend]).fetchone()
            if waits and waits[0]:
                return
            time.sleep(0.001)
        raise Problem("a statement did not begin to wait")


class Client(threading.Thread):
    def __init__(self, run, who, seed):
        super().__init__(daemon=True)
        self.shared = run
        self.who = who
        self.random = random.Random(seed)
        self.spent = 0
        self.principals = {
            who["token"]: {who["agent"]},
            who["key"]: set(who["agents"]),
        }
        self.connect()

    def run(self):
        kind = None
        try:
            while self.shared.next():
                kind = self.random.choices(list(KINDS), KINDS.values())[0]
                getattr(self, kind)()
                with self.shared.lock:
                    self.shared.kinds[kind] += 1
        except Exception as error:
            self.shared.failed(f"{self.who['name']}, {kind}: {type(error).__name__}: {error}")
        finally:
            # In the middle of a transaction it would keep all others waiting.
            self.connection.close()

    def connect(self):
        # Nothing prepared: a pooler in transaction mode may not know of it.
        self.connection = psycopg.connect(self.shared.pooled, autocommit=True, prepare_threshold=None)

    def execute(self, statement):
        # A statement without parameters is sent as it stands.
        return self.connection.execute(statement, self.who if "%(" in statement else None)

    def refused(self, statement, sqlstate, name=None):
        """The statement must fail, and so."""
        try:
            self.execute(statement)
        except psycopg.Error as error:
            if error.sqlstate != sqlstate or name not in (None, error.diag.constraint_name):
                raise
        else:
            raise Problem(f"not refused ({name or sqlstate}): {statement}")

    #
    # Who one is
    #

    def authenticate(self, secret=None):
        secret = secret or self.random.choice(list(self.principals))
        organization, agent, self.backend = self.connection.execute(AUTHENTICATE, [secret]).fetchone()
        expected = self.who["agent"] if secret == self.who["token"] else None
        if (organization, agent) != (self.who["organization"], expected):
            raise Problem(f"authenticated as {agent} of {organization}")
        with self.shared.lock:
            self.shared.backends.add(self.backend)
        return secret

    def ask(self, secret, question=None):
        """A question, whose answer must be for this principal; nobody must get none.  Returns what it has spent."""
        if question is None:
            question = self.random.choice(list(QUESTIONS.values()) + [JSON_QUESTION])
        if question is JSON_QUESTION:
            self.ask_json(secret)
        elif secret is NOBODY:
            self.refused(question, "42501", "not_authenticated")
        else:
            self.check(secret, question, self.execute(question).fetchall())
        return question is SPEND

    def ask_json(self, secret):
        answer = self.execute(JSON_QUESTION).fetchone()
        if answer != ((None, None, "not_authenticated") if secret is NOBODY else (self.who["agent"], self.who["name"], None)):
            raise Problem(f"{answer} from {JSON_QUESTION}")

    def check(self, secret, question, rows):
        mine = self.who["organization"]
        for organization, agent, text in rows:
            if organization != mine or agent not in self.principals[secret] or not text.endswith(f" of {mine}"):
                raise Problem(f"{text}, {agent} of {organization} came from {question}")
        if "list_authorizations" not in question and not rows:
            raise Problem(f"no answer from {question}")

    def ask_some(self, secret):
        return sum(self.ask(secret) for _ in range(self.random.randint(1, 3)))

    #
    # Requests, by kind
    #

    def committed(self):
        self.execute("BEGIN")
        secret = self.authenticate()
        if secret == self.who["key"]:
            self.ask(secret, SHOPPER)
        spent = self.ask_some(secret)
        self.execute("COMMIT")
        self.spent += spent

    def rolled_back(self):
        self.execute("BEGIN")
        self.ask_some(self.authenticate())
        self.execute("ROLLBACK")

    def alone(self):
        """Forgot to begin a transaction: it has authenticated for nothing."""
        self.authenticate()

    def nobody(self):
        self.ask(NOBODY)

    def nobody_in_transaction(self):
        self.execute("BEGIN")
        self.ask(NOBODY)
        self.execute(self.random.choice(["COMMIT", "ROLLBACK"]))

    def failed(self):
        self.execute("BEGIN")
        self.ask_some(self.authenticate())
        sqlstate = self.random.choice(list(FAILURES))
        self.refused(FAILURES[sqlstate], sqlstate)
        self.refused("SELECT 1", "25P02")
        # Either ends it; what was spent is gone.
        self.execute(self.random.choice(["COMMIT", "ROLLBACK"]))

    def undone(self):
        """Rolls back to before it authenticated, is nobody, and may then be somebody else."""
        self.execute("BEGIN")
        self.execute("SAVEPOINT before")
        nested = self.random.random() < 0.5
        if nested:
            self.execute("SAVEPOINT nested")
        self.ask(self.authenticate())
        if nested:
            self.execute("RELEASE nested")
        self.execute("ROLLBACK TO before")
        self.ask(NOBODY)
        self.execute("ROLLBACK TO before")
        spent = self.ask(self.authenticate())
        self.execute("COMMIT")
        self.spent += spent

    def released(self):
        """A savepoint that is released, or one set later that is rolled back to, takes nothing away."""
        self.execute("BEGIN")
        self.execute("SAVEPOINT before")
        secret = self.authenticate()
        self.execute("RELEASE before")
        spent = self.ask(secret)
        self.execute("SAVEPOINT after")
        self.refused("SELECT 1 / 0", "22012")
        self.execute("ROLLBACK TO after")
        spent += self.ask(secret)
        self.execute("COMMIT")
        self.spent += spent

    def twice(self):
        self.execute("BEGIN")
        secret = self.authenticate()
        self.authenticate(secret)
        other = "key" if secret == self.who["token"] else "token"
        self.refused(f"SELECT ledger_agents.authenticate(%({other})s)", "42501", "principal_is_set")
        self.execute("ROLLBACK")

    def settings(self):
        self.execute(self.random.choice(SETTINGS))
        self.ask(NOBODY)

    def prepared(self):
        """Its agent is nobody else's: whoever waited for it would keep the one server process from who could end that."""
        transaction = self.who["name"]
        self.execute("BEGIN")
        self.ask(self.authenticate(), SPEND)
        self.execute(f"PREPARE TRANSACTION '{transaction}'")
        self.ask(NOBODY)
        commits = self.random.random() < 0.5
        self.execute(f"{'COMMIT' if commits else 'ROLLBACK'} PREPARED '{transaction}'")
        self.ask(NOBODY)
        self.spent += commits

    def left(self):
        """Hangs up in the middle, with or without saying so."""
        self.execute("BEGIN")
        self.ask_some(self.authenticate())
        if self.random.random() < 0.5:
            with socket.socket(fileno=os.dup(self.connection.fileno())) as wire:
                wire.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        self.connect()
        self.ask(NOBODY)

    def cancel_when_waiting(self):
        try:
            self.shared.until_waiting(self.backend)
            self.connection.cancel()
        except Exception as error:
            self.shared.failed(f"cancel: {error}")

    def canceled(self, statement=f"SELECT pg_sleep({PATIENCE})", secret=None):
        self.execute("BEGIN")
        self.authenticate(secret)
        canceler = threading.Thread(target=self.cancel_when_waiting, daemon=True)
        canceler.start()
        self.refused(statement, "57014")
        canceler.join(PATIENCE)
        self.execute("ROLLBACK")
        if self.random.random() < 0.5:
            self.ask(NOBODY)

    def canceled_waiting(self):
        """Waits for an agent for whom another transaction decides."""
        self.canceled("SELECT ledger_agents.authorize(%(busy_agent)s, 1)", self.who["key"])


def main():
    plan = json.load(sys.stdin)
    run = Run(plan)
    # Decides for the busy agents, until the end.
    busy = psycopg.connect(plan["direct"])
    for agent, organization in sorted({(who["busy_agent"], who["organization"]) for who in plan["clients"]}):
        busy.execute("SELECT ledger_agents.authorize(%s, 1, organization_id => %s)", [agent, organization])
    clients = [Client(run, who, f"{plan['seed']} {who['name']}") for who in plan["clients"]]
    for client in clients:
        client.start()
    for client in clients:
        client.join(max(0, run.deadline - time.monotonic()))
        if client.is_alive():
            run.failed(f"{client.who['name']} has not come to an end")
    busy.rollback()
    json.dump({
        "kinds": run.kinds,
        "spent": {client.who["name"]: client.spent for client in clients},
        "backends": len(run.backends),
        "problem": run.problem,
    }, sys.stdout)
    sys.stdout.flush()
    # Threads that hang must not keep the process.
    os._exit(0)


main()
