"""The errors of the lake: one class a code, in the same closed list as the engine's."""

from __future__ import annotations


class Error(Exception):
    """What went wrong, in one line; `code` is the engine's word for it, such as ``not_found``."""

    code = "internal"


class InvalidArgumentError(Error, ValueError):
    """An argument, name or input that is not valid."""

    code = "invalid_argument"


class NotFoundError(Error, LookupError):
    """A lake, table, collection, record or file that is not there."""

    code = "not_found"


class AlreadyExistsError(Error):
    """A name that is taken: an upload that waits, a version of a collection."""

    code = "already_exists"


class ConflictError(Error):
    """Someone else changed it first."""

    code = "conflict"


class PermissionDeniedError(Error, PermissionError):
    """The system or the lake does not allow it."""

    code = "permission_denied"


class ResourceExhaustedError(Error):
    """No space, no memory, or over a limit."""

    code = "resource_exhausted"


class CorruptionError(Error):
    """Bytes that are not what was written."""

    code = "corruption"


class IoError(Error, OSError):
    """The disk or the network failed."""

    code = "io"


class UnavailableError(Error, ConnectionError):
    """A server that does not answer, or something that another process holds."""

    code = "unavailable"


class CancelledError(Error, RuntimeError):
    """Cancelled on request."""

    code = "cancelled"


class UnsupportedError(Error, NotImplementedError):
    """Something that this version cannot do."""

    code = "unsupported"


class InternalError(Error, RuntimeError):
    """A defect of the lake itself."""

    code = "internal"


_BY_CODE: dict[str, type[Error]] = {
    cls.code: cls
    for cls in (
        InvalidArgumentError,
        NotFoundError,
        AlreadyExistsError,
        ConflictError,
        PermissionDeniedError,
        ResourceExhaustedError,
        CorruptionError,
        IoError,
        UnavailableError,
        CancelledError,
        UnsupportedError,
        InternalError,
    )
}


def from_code(code: str, message: str) -> Error:
    """The exception of an engine error code."""
    return _BY_CODE.get(code, InternalError)(message)
