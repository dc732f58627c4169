#!/usr/bin/env python3
"""Runs statements whose parameters a driver binds, for 006_secrets.pl.

Reads a document from standard input: "connection", "client_side" (the driver writes the parameters into the statement, as
old ones do), and "steps", each a statement with %s and its parameters.  They are one transaction.  Prints what they
answer, each row a line, or what the error says, with all its fields.
"""
import json
import sys

import psycopg

plan = json.load(sys.stdin)
cursor_class = psycopg.ClientCursor if plan.get("client_side") else psycopg.Cursor
with psycopg.connect(plan["connection"], prepare_threshold=None) as connection:
    cursor = cursor_class(connection)
    try:
        for statement, parameters in plan["steps"]:
            cursor.execute(statement, parameters)
            for row in cursor.fetchall() if cursor.description else []:
                print(*row, sep="|")
    except psycopg.Error as error:
        diag = error.diag
        print("error:", error, diag.message_detail, diag.message_hint, diag.context, diag.internal_query)
        connection.rollback()
