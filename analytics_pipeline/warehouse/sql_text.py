"""Declared names and texts as SQL. Data never becomes SQL text: it is a parameter."""


def literal(text: str) -> str:
    """Return a declared text as an SQL literal, for statements without parameters such as COMMENT.

    Never for data.
    """
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return the name of a table or column as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def qualified(name: str) -> str:
    """Return a name such as `marts.lab_sessions` as an SQL identifier, each part quoted."""
    return ".".join(map(quoted, name.split(".", 1)))
