"""The community site's documents, made from the seed: users, posts, comments.

The shape is JSONPlaceholder's, so that the real one could stand in for this site.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dataplatform.local.sources import words
from dataplatform.local.sources.dice import Dice, Ints, pick
from dataplatform.local.sources.people import People, smudge
from dataplatform.local.sources.sizes import Sizes

Document = dict[str, Any]

# Members of the site are people of their own, numbered apart from customers and leads.
_MEMBERS = 3_000_000_000


class CommunityRecords:
    """The documents of one demo.

    Args:
        sizes: of the demo.
    """

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._people = People(sizes.seed)
        self._dice = {kind: Dice(sizes.seed, f"community {kind}") for kind in ("u", "p", "c")}

    def users(self, ids: Ints) -> Iterator[Document]:
        """Yield users."""
        dice, people, members = self._dice["u"], self._people, ids + _MEMBERS
        first, last = people.first_name(members), people.last_name(members)
        name = smudge(np.asarray(first + " " + last, dtype=object), dice, "name", ids, 0.06)
        email, phone = people.email(members), people.phone(members, "community")
        city = smudge(people.city(members), dice, "city", ids, 0.04)
        street = pick(words.STREETS, dice.below("street", ids, len(words.STREETS)))
        suite, code = dice.below("suite", ids, 900), 10_000 + dice.below("zip", ids, 89_999)
        north = dice.below("lat", ids, 1_800_000) - 900_000
        east = dice.below("lng", ids, 3_600_000) - 1_800_000
        word = [dice.below(f"company {i}", ids, 6).tolist() for i in range(4)]
        rootless = dice.chance("no suite", ids, 0.1)
        for i, number in enumerate(ids.tolist()):
            yield {
                "id": number,
                "name": name[i],
                "username": f"{first[i]}_{number}",
                "email": email[i],
                "address": {
                    "street": street[i],
                    "suite": None if rootless[i] else f"Suite {suite[i]}",
                    "city": city[i],
                    "zipcode": str(code[i]),
                    "geo": {"lat": f"{north[i] / 10_000:.4f}", "lng": f"{east[i] / 10_000:.4f}"},
                },
                "phone": phone[i],
                "website": f"member{number}.example",
                "company": {
                    "name": f"{words.COMPANY_WORDS[word[0][i]]} {words.COMPANY_KINDS[word[1][i]]}",
                    "catchPhrase": f"{words.CATCH[word[2][i]]} {words.TOPICS[word[3][i]]}",
                    "bs": f"{words.BUSINESS[word[3][i]]} {words.TOPICS[word[2][i]]}",
                },
            }

    def posts(self, ids: Ints) -> Iterator[Document]:
        """Yield posts, each by one of the users of the history."""
        dice = self._dice["p"]
        # A third of the users write nothing, and the first few a lot.
        writers = max(1, self._sizes.users * 2 // 3)
        share = dice.unit("user", ids)
        user = 1 + np.floor(np.where(dice.chance("keen", ids, 0.3), share / 8, share) * writers)
        topic = pick(words.TOPICS, dice.below("topic", ids, len(words.TOPICS)))
        phrase = pick(words.PHRASES, dice.below("phrase", ids, len(words.PHRASES)))
        for i, number in enumerate(ids.tolist()):
            yield {
                "userId": int(user[i]),
                "id": number,
                "title": f"About {topic[i]}",
                "body": f"A word on {topic[i]}:\nmine {phrase[i]}.",
            }

    def comments(self, ids: Ints) -> Iterator[Document]:
        """Yield comments on the history's posts, most of them by users, known by their mail."""
        dice, sizes = self._dice["c"], self._sizes
        post = 1 + dice.below("post", ids, sizes.posts)
        user = 1 + dice.below("user", ids, sizes.users)
        stranger = dice.chance("stranger", ids, 0.15)
        writer = np.where(stranger, ids + 2 * _MEMBERS, user + _MEMBERS)
        email, first = self._people.email(writer), self._people.first_name(writer)
        phrase = pick(words.PHRASES, dice.below("phrase", ids, len(words.PHRASES)))
        for i, number in enumerate(ids.tolist()):
            yield {
                "postId": int(post[i]),
                "id": number,
                "name": f"{first[i]} answers",
                "email": email[i],
                "body": f'I say it {phrase[i]}.\n"{first[i]}"',
            }
