#!/usr/bin/env python3
"""Prints the vectors of ../chain.sql, from the description of the form in README.md alone."""
import hashlib
import struct
import uuid
from datetime import datetime, timezone

NULL = b'\xff\xff\xff\xff'


def sized(value):
    return NULL if value is None else struct.pack('>I', len(value)) + value


def number(value):
    return struct.pack('>q', value)


def instant(year, month, day, hour=0, minute=0, second=0, microsecond=0):
    whole = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    return number(int(whole.timestamp()) * 1000000 + microsecond)


def text(value):
    return value.encode('utf-8')


def identity(value):
    return uuid.UUID(value).bytes


def interval(months, days, microseconds):
    return number(months) + number(days) + number(microseconds)


def array(values):
    return struct.pack('>I', len(values)) + b''.join(sized(text(value)) for value in values)


def item(kind, *values):
    return b'\x01' + kind + b''.join(sized(value) for value in values)


organization = text('tést')
agent = identity('01890a5d-ac96-774b-bcce-b302099a8057')
authorization = item(
    b'A', organization, identity('01890a5d-ac97-7000-8000-000000000001'), agent, number(7),
    instant(2023, 6, 29, 22, 10, 30, 999999), number(9007199254740993), number(-1), number(0), None,
    number(12), instant(1969, 12, 31, 23, 59, 59, 999999), None, None, b'\x01',
    identity('01890a5d-ac96-774b-bcce-b302099a8058'), None, None, text('declined'),
    text('mcc_blocked'), text('per24HourPeriod'), text('decline'), text('stale'), text('customer'),
    text('USD'), text(''), text('Käse & Söhne'), text('0742'), None,
    interval(14, -3, 3723000004), array(['mcc_blocked', 'agent_limit_exceeded']),
    text('[{"rule": "perDay", "limit": 10}]'), text('{"a": [1, 2.50, null], "bb": "é"}'))
entry = item(
    b'E', organization, identity('01890a5d-ac97-7000-8000-000000000002'),
    identity('01890a5d-ac97-7000-8000-000000000001'), agent, number(1), text('capture'), number(5),
    None, number(0), number(3), b'\x00', b'\x01', instant(2023, 6, 30), None)
seal = item(b'S', organization, agent, number(1), number(7), number(1),
            instant(2023, 6, 29, 22, 10, 30, 999999), number(1), instant(2023, 7, 1))

head = hashlib.sha256(bytes(32) + b'ledger_agents chain 1' + agent + organization).digest()
print('first head   ', head.hex())
for name, form in (('authorization', authorization), ('entry        ', entry), ('seal         ', seal)):
    head = hashlib.sha256(head + form).digest()
    print(name, form.hex(), head.hex(), sep='\n  ')
