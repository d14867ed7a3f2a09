"""Passwords and tokens in addresses: what is shown, logged or recorded goes through here."""

import re

MASK = "***"
"""What stands where a secret was."""

# What stands before the host's @. A password with a / in it, which should be %2F, ends at the last @. Everything has a
# largest length: a text may be any file's, and the time would grow with its square.
_LOGIN = re.compile(r"(?<=://)(?:[^/?#\s]{,4000}@|[^/?#\s:@\[]{,4000}:(?!\d{1,9}(?:[/?#\s]|$))\S{,4000}@)")
_SECRET_VALUE = re.compile(
    r"(?i)([?&;#](?:[\w.-]{,64}(?:token|signature|secret|passw|pwd|auth|credential|api[_-]?key|access[_-]?key|session)[\w.-]{,64}"
    r"|sig|key|key-pair-id|policy|jwt|pass|code)=)[^&;#\s'\"]*[^&;#\s'\").,:]"
)


def masked(text: str) -> str:
    """`text` with every address in it shown without its ``user:password@`` and the values of its secret parameters.

    Parameters are secret by their names: ``token``, ``sig``, ``X-Amz-Signature``, ``api_key`` and the like.
    """
    return _SECRET_VALUE.sub(rf"\g<1>{MASK}", _LOGIN.sub("", text))
