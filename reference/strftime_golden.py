"""What Python's strftime says of the date that chat templates see here as today, in the C locale."""

from __future__ import annotations

import locale
from datetime import datetime
from string import ascii_letters

from common import write_golden

TODAY = datetime(2024, 7, 26)
# Zones and seconds since 1970 are those of the machine; %E, %O, %P, %g, %k, %l and %s are not Python's.
LETTERS = [letter for letter in ascii_letters if letter not in "ELNOPQZgkloqsvz"]
FORMATS = ["%d %b %Y", "%B %d, %Y", "%Y-%m-%d", "%A, %-d %B %Y", "100 %%d", "100 %", "%-y|%-j|%-e"]


def main() -> None:
    locale.setlocale(locale.LC_ALL, "C")
    formats = [f"%{letter}" for letter in LETTERS] + [f"%-{letter}" for letter in "dmHIMSj"] + FORMATS
    write_golden(
        "strftime",
        __file__,
        [],
        {"today": TODAY.isoformat(), "formats": {text: TODAY.strftime(text) for text in formats}},
    )


if __name__ == "__main__":
    main()
