"""What boto3 raises of an object store, as the end of a sentence with its remedy."""

from __future__ import annotations

_DENIED = "access is denied: the policy of the keys must allow it."
_WRONG_KEYS = "the access key or the secret key is wrong."
_WRONG_REGION = "the bucket is in another region: see lake.region."
_EXPIRED = "the keys have expired: fetch new ones."
_BUSY = "it asks to be called more slowly, after every try."
_BY_CODE = {
    "AccessDenied": _DENIED,
    "403": _DENIED,
    "AllAccessDisabled": _DENIED,
    "InvalidAccessKeyId": _WRONG_KEYS,
    "SignatureDoesNotMatch": _WRONG_KEYS,
    "ExpiredToken": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidToken": _EXPIRED,
    "RequestTimeTooSkewed": "this machine's clock is wrong.",
    "PermanentRedirect": _WRONG_REGION,
    "AuthorizationHeaderMalformed": _WRONG_REGION,
    "IllegalLocationConstraintException": _WRONG_REGION,
    "SlowDown": _BUSY,
    "ServiceUnavailable": _BUSY,
    "QuotaExceeded": "its quota is used up.",
    "EntityTooLarge": "the object is larger than it takes.",
}


def reason_of(error: BaseException) -> str:
    """Return why a request failed, as the end of a sentence; no key is told.

    Args:
        error: what boto3 raised.
    """
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        found = _BY_CODE.get(str(error.response.get("Error", {}).get("Code", "")))
        if found:
            return found
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return "it is given no keys: see lake.access_key and lake.secret_key."
    return str(error).splitlines()[0].rstrip(".") + "."
