"""Tell the pipeline's dagster.yaml, which it replaces, from an operator's, which it keeps.

Does not import Dagster, as `status` and `doctor` use it.
"""

from hashlib import sha256
from pathlib import Path

_TEXT = Path(__file__).with_name("instance.yaml")
_SIGNED = (
    "# analytics-pipeline replaces this file at every start, unless you edit it. Unedited: {}\n"
)
_EARLIER = frozenset(
    {
        "f28941578f56c5a0d5de2042541a814fb38894fe6f74611113f7cb91094d59e6",
        "5513f6deef709c93c644b7db50045c711c7acaa61965b08983363c8ea8a21a7a",
    }
)
"""SHA-256 of the files of earlier releases, which did not sign them."""


def is_ours(path: Path) -> bool:
    """Return whether a release wrote the file and nobody edited it since.

    A missing file counts as ours.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return True
    return sha256(content).hexdigest() in _EARLIER or content == signed(content.partition(b"\n")[2])


def our_text() -> bytes:
    """Return the file as this release writes it."""
    return signed(_TEXT.read_bytes())


def signed(text: bytes) -> bytes:
    """Return the text of a dagster.yaml with a first line that identifies it as ours."""
    return _SIGNED.format(sha256(text).hexdigest()).encode() + text
