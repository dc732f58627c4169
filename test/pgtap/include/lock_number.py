#!/usr/bin/env python3
"""Prints the numbers under which this server locks what the argument names, for ../lock_number.sql.

SipHash is written here from the paper alone, and looked at with the values of its appendix.
"""
import json
import os
import struct
import subprocess
import sys
import uuid

MASK = 2 ** 64 - 1
LABEL = b'ledger_agents lock numbers'


def rotate(word, bits):
    return (word << bits | word >> 64 - bits) & MASK


def rounds(v, count):
    for _ in range(count):
        v[0] = (v[0] + v[1]) & MASK
        v[1] = rotate(v[1], 13) ^ v[0]
        v[0] = rotate(v[0], 32)
        v[2] = (v[2] + v[3]) & MASK
        v[3] = rotate(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & MASK
        v[3] = rotate(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & MASK
        v[1] = rotate(v[1], 17) ^ v[2]
        v[2] = rotate(v[2], 32)


def siphash(key, message):
    k = struct.unpack('<2Q', key)
    v = [k[i % 2] ^ word for i, word in enumerate(struct.unpack('>4Q', b'somepseudorandomlygeneratedbytes'))]
    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) % 256])
    for (word,) in struct.iter_unpack('<Q', padded):
        v[3] ^= word
        rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xff
    rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def server_key():
    shown = subprocess.run(['pg_controldata', '-D', os.environ['SERVER_DATA']], env={**os.environ, 'LC_ALL': 'C'},
                           check=True, capture_output=True, text=True).stdout
    nonce = bytes.fromhex(next(line for line in shown.splitlines() if line.startswith('Mock auth')).split()[-1])
    return b''.join(struct.pack('<Q', siphash(half, LABEL)) for half in (nonce[:16], nonce[16:]))


def number(key, name):
    of = uuid.UUID(name['agent']).bytes if name['agent'] else name['id'].encode()
    found = siphash(key, name['organization'].encode() + b'\0' + of)
    return found - 2 ** 64 if found >= 2 ** 63 else found


if siphash(bytes(range(16)), bytes(range(15))) != 0xa129ca6149be45e5:
    sys.exit('this is not SipHash-2-4')
secret = server_key()
print(json.dumps([{'kind': name['kind'], 'number': number(secret, name)} for name in json.loads(sys.argv[1])]))
