"""Names, mail addresses and telephone numbers of the demo's people, and the dirt on them.

Dirt is what people type: stray spaces, odd case, five ways to write one telephone number. A mail
address is never broken by it, so that dirt earns warnings and nothing more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataplatform.local.sources import words
from dataplatform.local.sources.dice import Dice, Ints, pick

Texts = NDArray[Any]

_ASCII = str.maketrans("áàâäãåçéèêëíìîïñóòôöõøúùûüýÿłßž", "aaaaaaceeeeiiiinoooooouuuuyylsz")
_COUNTRY_WEIGHTS = [country[4] for country in words.COUNTRIES]


def _plain(name: str) -> str:
    folded = name.lower().translate(_ASCII)
    return "".join(letter for letter in folded if letter.isalnum())


_PLAIN_FIRST = tuple(_plain(name) for name in words.FIRST_NAMES)
_PLAIN_LAST = tuple(_plain(name) for name in words.LAST_NAMES)


class People:
    """The customers as people: every system that knows one asks here, so they agree.

    Args:
        seed: of the whole demo.
    """

    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed, "people")

    def country(self, ids: Ints) -> Ints:
        """Return the index of each customer's country in ``words.COUNTRIES``."""
        return self._dice.choose("country", ids, _COUNTRY_WEIGHTS)

    def first_name(self, ids: Ints) -> Texts:
        return pick(words.FIRST_NAMES, self._dice.below("first", ids, len(words.FIRST_NAMES)))

    def last_name(self, ids: Ints) -> Texts:
        return pick(words.LAST_NAMES, self._dice.below("last", ids, len(words.LAST_NAMES)))

    def email(self, ids: Ints) -> Texts:
        """Return an address per customer, unlike every other's."""
        first = pick(_PLAIN_FIRST, self._dice.below("first", ids, len(words.FIRST_NAMES)))
        last = pick(_PLAIN_LAST, self._dice.below("last", ids, len(words.LAST_NAMES)))
        domain = pick(words.MAIL_DOMAINS, self._dice.below("domain", ids, len(words.MAIL_DOMAINS)))
        number = ids.astype(str).astype(object)
        return np.asarray(first + "." + last + number + "@" + domain, dtype=object)

    def city(self, ids: Ints) -> Texts:
        cities = np.asarray([country[5] for country in words.COUNTRIES], dtype=object)
        return np.asarray(cities[self.country(ids), self._dice.below("city", ids, 4)], dtype=object)

    def phone(self, ids: Ints, written: str = "phone") -> Texts:
        """Return each customer's one number; ``written`` decides in which of five ways."""
        codes = pick([country[3] for country in words.COUNTRIES], self.country(ids))
        area = 200 + self._dice.below("area", ids, 700)
        line = 1_000_000 + self._dice.below("line", ids, 9_000_000)
        form = self._dice.below(f"form of {written}", ids, len(_PHONE_FORMS))
        rows = zip(codes, area.tolist(), line.tolist(), form.tolist(), strict=True)
        return np.asarray(
            [_PHONE_FORMS[f](code, a, str(n)) for code, a, n, f in rows], dtype=object
        )


_PHONE_FORMS = (
    lambda code, area, line: f"+{code} {area} {line}",
    lambda code, area, line: f"+{code}-{area}-{line[:3]}-{line[3:]}",
    lambda code, area, line: f"00{code}{area}{line}",
    lambda code, area, line: f"(+{code}) {area} {line[:3]} {line[3:]}",
    lambda code, area, line: f"+{code}.{area}.{line[:3]}.{line[3:]}",
)


def smudge(texts: Texts, dice: Dice, field: str, rows: Ints, share: float) -> Texts:
    """Return the texts with stray spaces or odd case on a share of them."""
    touched = np.flatnonzero(dice.chance(f"{field} is smudged", rows, share))
    if not touched.size:
        return texts
    ways = dice.below(f"{field} smudge", rows[touched], len(_SMUDGES))
    smudged = texts.copy()
    for index, way in zip(touched.tolist(), ways.tolist(), strict=True):
        smudged[index] = _SMUDGES[way](texts[index])
    return smudged


_SMUDGES = (
    lambda text: f" {text}",
    lambda text: f"{text}  ",
    lambda text: text.upper(),
    lambda text: text.lower(),
    lambda text: f"  {text.swapcase()} ",
)
