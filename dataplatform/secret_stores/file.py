"""Secrets in files: what Docker, Kubernetes and agents of vaults put beside a program."""

from __future__ import annotations

from pathlib import Path

from dataplatform.secret_stores.stored import SecretError, Stored, from_text


class Files:
    """Files by path.

    Args:
        root: where relative paths start.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> Stored:
        """Return a file's text without the line break at its end."""
        try:
            text = (self._root / Path(path).expanduser()).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise SecretError(
                f"The file {path}, which a secret is read from, is missing."
            ) from None
        except UnicodeDecodeError:
            raise SecretError(f"The file {path} of a secret is not a text in UTF-8.") from None
        except OSError as error:
            raise SecretError(
                f"The file {path} of a secret cannot be read: {error.strerror}."
            ) from None
        return Stored(from_text(text.removesuffix("\n").removesuffix("\r")))
