"""Reading secrets where they lie: Vault, AWS, Google, a file; at the time of use, kept for a while.

One module per store, each with one class that reads one secret. What a reference looks like and
where the stores are declared is the business of ``declarations.secrets``. A secret's value appears
in no message, no log and no ``repr``.
"""

from __future__ import annotations

from dataplatform.secret_stores.reading import read_secret
from dataplatform.secret_stores.stored import SecretError

__all__ = ["SecretError", "read_secret"]
