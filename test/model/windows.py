"""Instants, local days and windows, by the contract's words. An instant is a whole number of microseconds since 1970 in UTC."""

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

SECOND = 1000000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

LENGTH = {"per24HourPeriod": DAY, "perWeek": 7 * DAY, "perMonth": 30 * DAY, "perYear": 365 * DAY}
# Where the sum of a calendar window is found among the four that are kept.
PLACE = {"per24HourPeriod": 0, "perWeek": 1, "perMonth": 2, "perYear": 3}


class Zone:
    """A time zone, with the first instant of each local day that was asked for."""

    known = {}

    def __init__(self, name):
        self.info = ZoneInfo(name)
        self.midnights = {}
        self.bounds = None

    @classmethod
    def named(cls, name):
        if name not in cls.known:
            cls.known[name] = cls(name)
        return cls.known[name]

    def local(self, at):
        return datetime.fromtimestamp(at // SECOND, self.info)

    def midnight(self, day):
        """The first instant of a local day, given by its ordinal: 00:00, or where that is skipped, when the clock goes on."""
        if day not in self.midnights:
            noon = datetime.combine(date.fromordinal(day), datetime.min.time(), self.info).replace(hour=12)
            late = int(noon.timestamp())
            early = late - 36 * 3600
            while late - early > 1:
                middle = (late + early) // 2
                if datetime.fromtimestamp(middle, self.info).toordinal() >= day:
                    late = middle
                else:
                    early = middle
            self.midnights[day] = late * SECOND
        return self.midnights[day]

    def windows(self, at):
        """Start and end of the local day, week, month and year around an instant: four pairs."""
        if self.bounds is None or not self.bounds[0][0] <= at < self.bounds[0][1]:
            day = self.local(at).date()
            monday = day.toordinal() - day.weekday()
            first = day.replace(day=1)
            after = (first + timedelta(days=32)).replace(day=1)
            spans = (
                (day.toordinal(), day.toordinal() + 1),
                (monday, monday + 7),
                (first.toordinal(), after.toordinal()),
                (date(day.year, 1, 1).toordinal(), date(day.year + 1, 1, 1).toordinal()),
            )
            self.bounds = tuple((self.midnight(start), self.midnight(end)) for start, end in spans)
        return self.bounds


def rolls(frequency, mode):
    """Whether the limit's window is the time that ends now."""
    return frequency in LENGTH and (mode == "rolling" or mode is None and frequency == "per24HourPeriod")


def active(zone, at, start, end, days):
    """Whether an instant is inside the hours [start, end) of a day in days; None: all. A night belongs to the day on which it began."""
    local = zone.local(at)
    day = local.date()
    if start is not None:
        hour = local.hour
        if start < end:
            if not start <= hour < end:
                return False
        elif hour < end:
            day -= timedelta(days=1)
        elif hour < start:
            return False
    return days is None or day.isoweekday() % 7 in days
