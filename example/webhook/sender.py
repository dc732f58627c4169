#!/usr/bin/env python3
"""Sends the events of one organization to one URL, signed.  README.md beside this file says what it promises."""
import argparse
import http.client
import os
import random
import signal
import sys
import time
import urllib.request

import psycopg

# After the first try and after each of these, in seconds: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 24 h.
RETRIES = "5,300,1800,7200,18000,36000,86400"

# A receiver may refuse a signature that is older than five minutes, so events are polled and signed anew after this.
FRESH = 60

# One statement polls and signs.  The secret is a parameter: the server logs no literal, and no other process sees it.
POLL = """SELECT e.id::text, e.agent_id::text, s.body, s.header
            FROM ledger_agents.poll_events(%(consumer)s, 1000, %(organization)s) AS e,
                 ledger_agents.sign_event(e, %(secret)s) AS s
           ORDER BY e.position"""
ACK = "SELECT FROM ledger_agents.ack_events(%(consumer)s, %(up_to)s, %(organization)s)"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET without body: better no success."""

    def redirect_request(self, *_):
        return None


class Sender:
    def __init__(self, options, secret):
        self.options = options
        self.arguments = {"consumer": options.consumer, "organization": options.organization, "secret": secret}
        self.retries = [float(pause) for pause in options.retries.split(",") if pause]
        self.opener = urllib.request.build_opener(NoRedirect)
        self.done = set()      # ids that need not be sent again and are not acknowledged yet
        self.failures = {}     # id: how often it has failed
        self.due = {}          # id: when it is tried next

    def post(self, body, header):
        """Whether the receiver has taken it: any 2xx in time."""
        request = urllib.request.Request(
            self.options.url, body.encode(), {"Content-Type": "application/json", "Webhook-Signature": header})
        try:
            with self.opener.open(request, timeout=self.options.timeout) as answer:
                return 200 <= answer.status < 300
        except (http.client.HTTPException, OSError) as error:
            print(f"not delivered: {error}", file=sys.stderr)
            return False

    def attempt(self, id, body, header):
        if self.post(body, header):
            self.done.add(id)
            return
        failures = self.failures[id] = self.failures.get(id, 0) + 1
        if failures > len(self.retries):
            print(f"given up after {failures} attempts: {body}", file=sys.stderr)
            self.done.add(id)
        else:
            # A tenth more or less, so that what failed together does not come back together.
            self.due[id] = time.monotonic() + self.retries[failures - 1] * random.uniform(0.9, 1.1)

    def send(self, events):
        """Tries what is due, in order.  What is not delivered holds back the later events of its agent, and no others."""
        began = time.monotonic()
        blocked = set()
        for id, agent, body, header in events:
            if id in self.done or agent in blocked:
                continue
            if time.monotonic() - began > FRESH:
                return
            if self.due.get(id, 0) <= time.monotonic():
                self.attempt(id, body, header)
            if id not in self.done:
                blocked.add(agent)

    def acknowledge(self, connection, events):
        """An acknowledgment covers everything before it: so only the first events, as far as all of them are done."""
        last = None
        for id, *_ in events:
            if id not in self.done:
                break
            last = id
        if last is None:
            return
        connection.execute(ACK, self.arguments | {"up_to": last})
        for id, *_ in events:
            self.done.discard(id)
            self.failures.pop(id, None)
            self.due.pop(id, None)
            if id == last:
                break

    def pause(self, events):
        """Until the next poll, or until something is due before that."""
        now = time.monotonic()
        waits = [self.due[id] - now for id, *_ in events if id in self.due and id not in self.done]
        time.sleep(min([self.options.interval] + [max(wait, 0) for wait in waits]))

    def run(self):
        # Nothing prepared: so it works behind a pooler in transaction mode, too.
        with psycopg.connect(self.options.database, autocommit=True, client_encoding="utf8",
                             prepare_threshold=None) as connection:
            while True:
                events = connection.execute(POLL, self.arguments).fetchall()
                if not events and self.options.until_empty:
                    return
                self.send(events)
                self.acknowledge(connection, events)
                if any(id not in self.done for id, *_ in events) or not events:
                    self.pause(events)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="where to send events")
    parser.add_argument("--database", default="", help="connection string; default: PGHOST and so on")
    parser.add_argument("--consumer", default="webhook", help="its name in the database (%(default)s)")
    parser.add_argument("--organization", help="default: that of the setting")
    parser.add_argument("--timeout", type=float, default=30, help="seconds for an answer (%(default)s)")
    parser.add_argument("--interval", type=float, default=1, help="seconds between polls when nothing happens (%(default)s)")
    parser.add_argument("--retries", default=RETRIES, help="seconds between attempts (%(default)s)")
    parser.add_argument("--until-empty", action="store_true", help="end when everything was delivered")
    options = parser.parse_args()
    secret = os.environ.pop("WEBHOOK_SECRET", "") or sys.exit("WEBHOOK_SECRET must hold the secret")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sender = Sender(options, secret)
    while True:
        try:
            return sender.run()
        except psycopg.OperationalError as error:
            # What was delivered is remembered, so that a lost connection repeats nothing.
            print(f"database: {error}", file=sys.stderr)
            time.sleep(options.interval)


if __name__ == "__main__":
    main()
