"""What differs."""


class Difference(Exception):
    def __init__(self, what, stored, expected):
        super().__init__("%s: stored %s, expected %s" % (what, stored, expected))


def same(what, stored, expected):
    if stored != expected:
        raise Difference(what, stored, expected)
