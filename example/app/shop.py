#!/usr/bin/env python3
"""An agent's order, and the permission to pay for it, in one transaction.  README.md beside this file says more.

    SHOP_KEY=lk_live_... ./shop.py shopper 1 12900 STAPLES
"""
import datetime
import os
import random
import sys
import time

import psycopg
from psycopg.rows import namedtuple_row

TRIES = 5
PAUSE = 0.05

# Somebody else was faster, or a lock could not be had: the transaction is undone, and the same one may pass now.
AGAIN = {"40001", "40P01", "55P03"}

REGISTER = "SELECT id, created, token FROM ledger_agents.register_agent(%s, 'acme-labs', spending_limit => 50000)"
NEW_TOKEN = "SELECT token FROM ledger_agents.create_agent_token(%s, 'shop')"
AUTHORIZE = """SELECT id, decision, reason, coalesce(max_approvable, 0) AS max_approvable, retry_at, replayed
                 FROM ledger_agents.authorize(amount => %s, merchant => %s, idempotency_key => %s)"""
INSERT = """INSERT INTO shop.orders (id, merchant, amount, decision, reason, authorization_id)
            VALUES (%s, %s, %s, %s, %s, %s)"""


def say(text):
    print(text, flush=True)


def connect():
    # PGHOST, PGUSER and so on say where.  Nothing is prepared by name, so that poolers in transaction mode are fine.
    return psycopg.connect(autocommit=True, connect_timeout=10, prepare_threshold=None, row_factory=namedtuple_row)


class Shop:
    def __init__(self):
        self.connection = connect()

    def transaction(self, step, secret, work):
        """The work, done by whoever the secret belongs to: all or nothing, and all of it where it is tried again."""
        for attempt in range(1, TRIES + 1):
            try:
                if self.connection.closed:
                    self.connection = connect()
                with self.connection.transaction():
                    self.connection.execute("SELECT FROM ledger_agents.authenticate(%s)", [secret])
                    return work(self.connection)
            except psycopg.Error as error:
                # If it was lost at COMMIT, nobody knows whether that was done.  The same key finds out.
                lost = self.connection.closed
                why = "connection lost" if lost else error.sqlstate or type(error).__name__
                if attempt == TRIES or not (lost or why in AGAIN):
                    say(f"{step}: failed: {why} {error.diag.constraint_name or ''}".rstrip())
                    raise
                say(f"{step}: {why}, trying again")
            time.sleep(PAUSE * 2 ** attempt * random.uniform(0.5, 1.5))

    def register(self, key, name):
        """The agent's token.  It is shown once: if it did not get here, or was lost since, there is a new one."""
        step = f"agent {name}"
        token_file = f"{name}.token"    # that only its owner may read stands for a secret store
        agent = self.transaction(step, key, lambda c: c.execute(REGISTER, [name]).fetchone())
        if not agent.created and os.path.exists(token_file):
            say(f"{step}: known")
            with open(token_file) as file:
                return file.read()
        token = agent.token or self.transaction(step, key, lambda c: c.execute(NEW_TOKEN, [agent.id]).fetchone().token)
        with open(os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(token)
        say(f"{step}: {'registered' if agent.created else 'known, new token'}")
        return token

    def order(self, token, id, amount, merchant):
        def work(connection):
            # The key is the order's: however often this is done, it is decided once.
            answer = connection.execute(AUTHORIZE, [amount, merchant, f"order-{id}"]).fetchone()
            # Replayed: an earlier try was committed, and with it the order.
            if not answer.replayed:
                connection.execute(INSERT, [id, merchant, amount, answer.decision, answer.reason, answer.id])
            return answer

        answer = self.transaction(f"order {id}", token, work)
        before = " (decided before)" if answer.replayed else ""
        if answer.decision == "approved":
            say(f"order {id}: approved{before}")
        else:
            say(f"order {id}: declined: {answer.reason}; {answer.max_approvable} would pass now, "
                f"{amount} {when(answer.retry_at)}{before}")


def when(instant):
    return instant.astimezone(datetime.timezone.utc).strftime("from %Y-%m-%dT%H:%MZ") if instant else "never"


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: shop.py AGENT ORDER AMOUNT MERCHANT")
    agent, id, amount, merchant = sys.argv[1:]
    shop = Shop()
    shop.order(shop.register(os.environ["SHOP_KEY"], agent), id, int(amount), merchant)
