#!/usr/bin/env python3
"""Clients that spend and write down, outside of the database, what they were told; for Load.pm.

The first line of standard input is a document: "conninfo", "seed", "directory", "clients" (each with its name, options of its
session, an agent of its own, and whether it "spends_only" and "keeps_declines"), "prepares" (whether in two phases, too),
"events" (whether somebody reads them), "agents" (each with a card or null) and "passing", the SQLSTATEs that are asked again,
too.  Then commands come, a line each, and each is answered by a line: count, pause, resume, stop.

Every client is a thread with a connection and a journal of its own.  Before it asks for anything it writes the keys that it is
going to use, and once COMMIT has been answered it writes what it was told.  When the connection breaks it connects again and
asks the same again, with the same keys, until it is told: that is what keys are for, and it makes the journals complete in the
end.  A wrong answer ends everything.

Lines of a journal, with tabs between: what (sent, told, entry, event), client, key, kind, agent, id, decision, by how much
that changed what is spent, the transaction.
"""
import json
import logging
import os
import random
import sys
import threading
import time

import psycopg

# Nobody waits longer for anything; far above what it takes.
PATIENCE = 120

AUTHORIZE = "ledger_agents.authorize(%(agent)s, %(amount)s, card_id => %(card)s, idempotency_key => %(key)s)"
RECORD = "ledger_agents.record_spend(%(agent)s, %(amount)s, card_id => %(card)s, idempotency_key => %(key)s)"
ANSWER = "SELECT id::text, decision::text, replayed, pg_current_xact_id_if_assigned()::text FROM "
BOUGHT = "INSERT INTO purchases VALUES (%(key)s, %(id)s) ON CONFLICT DO NOTHING"
ROW = '"(%(agent)s,%(amount)s,,,,,%(card)s,,%(key)s,,)"'
MANY = """SELECT idempotency_key, agent_id::text, amount, id::text, decision::text, pg_current_xact_id_if_assigned()::text
            FROM ledger_agents.authorize_many(%s::ledger_agents.spend_request[])"""
# Writes, and so waits, and changes nothing.
WAIT_FOR_STANDBY = "SELECT pg_logical_emit_message(true, '', '')"
POLL = "SELECT position, id::text FROM ledger_agents.poll_events('consumer', 40)"

KINDS = {
    "spend": 40, "purchase": 12, "undone": 6, "taken_back": 4, "many": 6, "capture": 9, "reverse": 7, "refund": 5, "increment": 4,
    "record": 4, "again": 6, "prepare": 3, "prepare_and_undo": 2,
}
# A session with synchronous_commit off may lose what is no approval, and could not go on from there.
SPENDS = {"spend": 40, "purchase": 10, "undone": 5, "taken_back": 4, "many": 6, "again": 6}


class Problem(Exception):
    """Something that must never happen."""


class Run:
    """What all clients share."""

    def __init__(self, plan):
        self.plan = plan
        self.lock = threading.Condition()
        self.paused = False
        self.stopping = False
        self.resting = 0
        self.told = 0
        self.connected = 0
        self.interrupted = 0
        self.outlived = 0
        self.problem = None

    def goes_on(self, client):
        """Waits while there is a pause; whether there is more to do."""
        with self.lock:
            self.resting += 1
            client.doing = "resting"
            self.lock.notify_all()
            while self.paused and not self.stopping:
                self.lock.wait()
            client.doing = "working"
            self.resting -= 1
            return not self.stopping and self.problem is None

    def failed(self, problem):
        with self.lock:
            self.problem = self.problem or problem
            self.lock.notify_all()

    def pause(self, clients):
        with self.lock:
            self.paused = True
            self.lock.wait_for(lambda: self.resting == len(clients) or self.problem, PATIENCE)
            if self.resting != len(clients) and not self.problem:
                self.problem = "these did not come to an end: " + ", ".join(
                    f"{client.name} ({client.doing})" for client in clients if client.doing != "resting")

    def resume(self):
        with self.lock:
            self.paused = False
            self.lock.notify_all()

    def stop(self, clients):
        with self.lock:
            self.stopping = True
            self.lock.notify_all()
        for client in clients:
            client.join(PATIENCE)
            if client.is_alive():
                self.failed(f"{client.name} did not come to an end")


class Client(threading.Thread):
    def __init__(self, run, who, seed):
        super().__init__(name=who["name"], daemon=True)
        self.shared = run
        self.who = who
        self.random = random.Random(seed)
        kinds = SPENDS if who["spends_only"] else KINDS
        self.kinds = {kind: weight for kind, weight in kinds.items() if run.plan["prepares"] or not kind.startswith("prepare")}
        self.journal = open(os.path.join(run.plan["directory"], f"journal_{self.name}"), "ab", buffering=0)
        self.number = 0
        self.breaks = 0
        self.connection = None
        self.doing = "working"
        self.holds = []
        self.captured = []
        self.answers = []

    def run(self):
        try:
            self.work()
        except Exception as error:
            self.shared.failed(f"{self.name}: {type(error).__name__}: {error}")
        finally:
            with self.shared.lock:
                self.shared.resting += 1
                self.shared.lock.notify_all()

    def work(self):
        while self.shared.goes_on(self):
            kind = self.random.choices(list(self.kinds), self.kinds.values())[0]
            getattr(self, kind)()

    # Writing down

    def write(self, what, key, kind="", agent="", id="", decision="", change=0, transaction=""):
        line = "\t".join(map(str, [what, self.name, key, kind, agent, id, decision, change, transaction or ""]))
        self.journal.write((line + "\n").encode())
        if what != "sent":
            with self.shared.lock:
                self.shared.told += 1

    # Asking, until there is an answer

    def connect(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.doing = "connecting"
                self.connection = psycopg.connect(self.shared.plan["conninfo"], autocommit=True, options=self.who["options"],
                                                  connect_timeout=10)
                self.doing = f"connected to {self.connection.info.backend_pid}"
                with self.shared.lock:
                    self.shared.connected += 1
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def until_told(self, ask):
        """What ask() returns, which is called again whenever the connection breaks in it."""
        while True:
            if self.connection is None:
                self.connect()
            try:
                return ask(self.connection)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                # No SQLSTATE: nothing came any more. 57P..: the server said that it ends.
                if error.sqlstate and not error.sqlstate.startswith("57P") and error.sqlstate not in self.shared.plan["passing"]:
                    raise
                self.breaks += 1
                with self.shared.lock:
                    self.shared.interrupted += 1
                    self.shared.connected -= 1
                self.connection.close()
                self.connection = None
                time.sleep(0.002)

    def ask_in_transaction(self, body, end="COMMIT"):
        def ask(connection):
            connection.execute("BEGIN")
            answer = body(connection)
            connection.execute(end)
            return answer
        return self.until_told(ask)

    # What a client does

    def draw(self, kind, agent=None):
        """A request with a new key, written down as sent."""
        self.number += 1
        agent, card = (agent, None) if agent else self.random.choice(self.shared.plan["agents"])
        request = {"key": f"{kind}-{self.name}-{self.number}", "agent": agent, "card": card, "amount": self.random.randint(1, 100)}
        self.write("sent", request["key"], kind, agent)
        return request

    def was_told(self, request, row, kind):
        id, decision, _, transaction = row
        approved = decision == "approved"
        self.write("told", request["key"], kind, request["agent"], id, decision, request["amount"] if approved else 0, transaction)
        if approved and request["amount"] > 5 and kind != "record":
            self.holds.append({"id": id, "key": request["key"], "agent": request["agent"], "left": request["amount"]})
        if approved or self.who["keeps_declines"]:
            self.answers.append((request, id, decision))

    def spend(self):
        request = self.draw("spend")
        self.was_told(request, self.until_told(lambda c: c.execute(ANSWER + AUTHORIZE, request).fetchone()), "spend")

    def purchase(self):
        request = self.draw("purchase")

        def body(connection):
            row = connection.execute(ANSWER + AUTHORIZE, request).fetchone()
            if row[1] == "approved":
                connection.execute(BOUGHT, {"key": request["key"], "id": row[0]})
            return row
        self.was_told(request, self.ask_in_transaction(body), "purchase")

    def undone(self):
        request = self.draw("undone")

        def body(connection):
            connection.execute(ANSWER + AUTHORIZE, request)
            connection.execute(BOUGHT, {"key": request["key"], "id": "00000000-0000-0000-0000-000000000000"})
        self.ask_in_transaction(body, "ROLLBACK")

    def taken_back(self):
        request = self.draw("spend")
        undone = {**request, "key": self.draw("undone")["key"]}

        def body(connection):
            connection.execute("SAVEPOINT s")
            connection.execute(ANSWER + AUTHORIZE, undone)
            connection.execute("ROLLBACK TO s")
            return connection.execute(ANSWER + AUTHORIZE, request).fetchone()
        self.was_told(request, self.ask_in_transaction(body), "spend")

    def many(self):
        requests = {request["key"]: request for request in (self.draw("many") for _ in range(5))}
        rows = "{%s}" % ",".join(ROW % {**request, "card": request["card"] or ""} for request in requests.values())
        for key, agent, amount, id, decision, transaction in self.until_told(lambda c: c.execute(MANY, [rows]).fetchall()):
            if (requests[key]["agent"], requests[key]["amount"]) != (agent, amount):
                raise Problem(f"{key} is about something else")
            self.was_told(requests[key], (id, decision, False, transaction), "many")

    def record(self):
        request = self.draw("record")
        self.was_told(request, self.until_told(lambda c: c.execute(ANSWER + RECORD, request).fetchone()), "record")

    def entry(self, verb, hold, amount, change, extra=""):
        self.number += 1
        key = f"{verb}-{self.name}-{self.number}"
        self.write("sent", key, verb, hold["agent"], hold["id"])
        call = f"ledger_agents.{verb}(%s, %s{extra}, idempotency_key => %s)"
        row = self.until_told(lambda c: c.execute(ANSWER + call, [hold["id"], amount, key]).fetchone())
        self.write("entry", key, verb, hold["agent"], row[0], row[1], change if row[1] == "approved" else 0, row[3])
        return row[1] == "approved"

    def take(self, holds):
        return holds.pop(self.random.randrange(len(holds)))

    def capture(self):
        if not self.holds:
            return self.spend()
        hold = self.take(self.holds)
        amount = self.random.randint(1, hold["left"])
        if self.random.random() < 0.5:
            self.entry("capture", hold, amount, amount - hold["left"])
            self.captured.append({**hold, "left": amount})
        else:
            self.entry("capture", hold, amount, 0, ", final => false")
            if hold["left"] > amount:
                self.holds.append({**hold, "left": hold["left"] - amount, "partly": True})

    def reverse(self):
        if not self.holds:
            return self.spend()
        hold = self.take(self.holds)
        amount = self.random.randint(1, hold["left"])
        self.entry("reverse", hold, amount, -amount)
        if hold["left"] > amount:
            self.holds.append({**hold, "left": hold["left"] - amount})

    def refund(self):
        if not self.captured:
            return self.capture()
        taken = self.take(self.captured)
        amount = self.random.randint(1, taken["left"])
        self.entry("refund", taken, amount, -amount)
        if taken["left"] > amount:
            self.captured.append({**taken, "left": taken["left"] - amount})

    def increment(self):
        hold = self.take(self.holds) if self.holds else None
        if hold is None or hold.get("partly"):
            return self.spend()
        amount = self.random.randint(1, 20)
        if self.entry("increment", hold, amount, amount):
            hold = {**hold, "left": hold["left"] + amount}
        self.holds.append(hold)

    def again(self):
        """What was told is told again."""
        if not self.answers:
            return self.spend()
        request, id, decision = self.random.choice(self.answers)
        call = RECORD if request["key"].startswith("record") else AUTHORIZE
        row = self.until_told(lambda c: c.execute(ANSWER + call, request).fetchone())
        if row[:3] != (id, decision, True):
            raise Problem(f"{request['key']} was {decision} as {id}, and now is {row}")

    def prepare(self):
        self.prepared("COMMIT")

    def prepare_and_undo(self):
        self.prepared("ROLLBACK")

    def prepared(self, end):
        """Two phases, whatever happens in between. Its agent is this client's own: others would have to wait.

        What a server shows need not outlive it: a primary that crashed while somebody waited for its standby shows what it has
        committed by itself, and the standby that takes over has it not. So everything that follows PREPARE is asked again as one,
        up to an answer that the standby has, too; and only a PREPARE that was answered must be found again.
        """
        request = self.draw("prepared" if end == "COMMIT" else "undone", self.who["agent"])
        gid = request["key"]

        def is_there(connection):
            return connection.execute("SELECT count(*) FROM pg_prepared_xacts WHERE gid = %s", [gid]).fetchone()[0]

        def first(connection):
            # It may be there already, and the answer got lost.
            if is_there(connection):
                return None
            connection.execute("BEGIN")
            row = connection.execute(ANSWER + AUTHORIZE, request).fetchone()
            connection.execute(f"PREPARE TRANSACTION '{gid}'")
            return row

        def second(connection):
            while is_there(connection):
                try:
                    connection.execute(f"{end} PREPARED '{gid}'")
                except psycopg.errors.ObjectNotInPrerequisiteState as error:
                    # Whoever was at it has just died, and the server does not know yet.
                    if "is busy" not in str(error):
                        raise
                    time.sleep(0.002)
            # Either waits for the standby, also when the end was there before.
            return connection.execute(ANSWER + AUTHORIZE, request).fetchone() if end == "COMMIT" else connection.execute(WAIT_FOR_STANDBY)

        row = self.until_told(first)
        if self.random.random() < 0.5:
            time.sleep(self.random.random() / 20)
        breaks = self.breaks
        stored = self.until_told(second)
        if self.breaks > breaks:
            with self.shared.lock:
                self.shared.outlived += 1
        if end == "ROLLBACK":
            return
        if row is not None and (not stored[2] or row[:2] != stored[:2]):
            raise Problem(f"{gid} was prepared as {row}, and now is {stored}")
        self.was_told(request, stored, "prepared")


class Poller(Client):
    """The consumer of the events: polls, writes down what came once that has committed, and acknowledges it."""

    def work(self):
        position = 0
        while self.shared.goes_on(self):
            rows = self.until_told(lambda c: c.execute(POLL).fetchall())
            # As often as not it is over before it could acknowledge.
            again = rows if self.random.random() < 0.5 else self.until_told(lambda c: c.execute(POLL).fetchall())
            if again[:len(rows)] != rows:
                raise Problem(f"events {rows} came again as {again}")
            for at, id in rows:
                if at != position + 1:
                    raise Problem(f"after event {position} came {at}")
                position = at
                self.write("event", at, "event", "", id)
            if rows:
                last = rows[-1][1]
                self.until_told(lambda c: c.execute("SELECT FROM ledger_agents.ack_events('consumer', %s)", [last]))
            else:
                time.sleep(0.01)


def main():
    # A connection that breaks is no news here.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    plan = json.loads(sys.stdin.readline())
    run = Run(plan)
    clients = [Client(run, who, f"{plan['seed']} {who['name']}") for who in plan["clients"]]
    if plan["events"]:
        clients.append(Poller(run, {"name": "poller", "options": "", "spends_only": False}, f"{plan['seed']} poller"))
    for client in clients:
        client.start()
    for command in map(str.strip, sys.stdin):
        if command == "pause":
            run.pause(clients)
        elif command == "resume":
            run.resume()
        elif command == "stop":
            run.stop(clients)
        with run.lock:
            print(json.dumps({"told": run.told, "connected": run.connected, "interrupted": run.interrupted, "outlived": run.outlived, "problem": run.problem}), flush=True)
        if command == "stop":
            return


main()
